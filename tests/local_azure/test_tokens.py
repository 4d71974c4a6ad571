"""The door's idea of a good token is never laxer than that of Microsoft's own library (58 recorded verdicts)."""

import base64
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from local.azure.tokens import InvalidToken, TokenSettings, validate
from tests.local_azure.conftest import shared

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SETTINGS = TokenSettings(("https://issuer",), ("api://us",))
GOOD = {"iss": "https://issuer", "aud": "api://us", "exp": 1000, "nbf": 0, "oid": "o"}


def test_recorded_verdicts() -> None:
    recorded = json.loads(shared("facts/tokens.json").read_text())
    keys = {key["kid"]: jwt.algorithms.RSAAlgorithm.from_jwk(key) for key in recorded["jwks"]["keys"]}
    assert all(isinstance(key, rsa.RSAPublicKey) for key in keys.values())
    settings = TokenSettings(tuple(recorded["issuers"]), tuple(recorded["audiences"]))
    refused, good = [], []
    for case in recorded["tokens"]:
        try:
            validate(case.get("token", "a" * 400_000), keys, settings, recorded["now"])  # type: ignore[arg-type]
        except InvalidToken:
            refused.append(case["name"])
            continue
        assert case["accepted"], f"laxer than Microsoft's library: {case['name']}"
        good.append(case["name"])
    assert {name for name in good if name.startswith("good")} == {
        case["name"] for case in recorded["tokens"] if case["name"].startswith("good")
    }
    assert len(good) >= 3
    assert len(good) + len(refused) == 58


def accepted(token: str, now: float = 500) -> bool:
    try:
        return bool(validate(token, {"k": KEY.public_key()}, SETTINGS, now))
    except InvalidToken:
        return False


def signed(claims: str, header: str = '{"alg":"RS256","kid":"k"}') -> str:
    head, payload = (base64.urlsafe_b64encode(part.encode()).rstrip(b"=") for part in (header, claims))
    algorithm = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256)
    signature = base64.urlsafe_b64encode(algorithm.sign(head + b"." + payload, KEY)).rstrip(b"=")
    return b".".join((head, payload, signature)).decode()


def test_a_good_token_and_its_time() -> None:
    token = signed(json.dumps(GOOD))
    assert accepted(token)
    assert accepted(token, 1299)
    assert not accepted(token, 1300)
    assert not accepted(token + "=")
    assert not accepted(token + "\n")


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": ["api://us"]},
        {"aud": "api://us/"},
        {"aud": None},
        {"iss": "https://issuer/"},
        {"iss": ["https://issuer"]},
        {"exp": "1000"},
        {"exp": 1000.5},
        {"exp": True},
        {"exp": None},
        {"nbf": "0"},
        {"nbf": 801},
    ],
)
def test_other_claims_are_refused(claims: dict[str, object]) -> None:
    assert not accepted(signed(json.dumps(GOOD | claims)))


@pytest.mark.parametrize(
    "header",
    [
        '{"alg":"none","kid":"k"}',
        '{"alg":"RS512","kid":"k"}',
        '{"alg":"RS256"}',
        '{"alg":"RS256","kid":["k"]}',
        '{"alg":"RS256","kid":"k","crit":[]}',
        '{"alg":"RS256","kid":"k","kid":"k"}',
        "[]",
    ],
)
def test_other_headers_are_refused(header: str) -> None:
    assert not accepted(signed(json.dumps(GOOD), header))


def test_doubled_and_deep_claims_are_refused() -> None:
    assert not accepted(signed('{"oid":"x",' + json.dumps(GOOD)[1:]))
    assert not accepted(signed("[" * 60_000 + "]" * 60_000))
    assert not accepted("a." * 2 + "a" * 260_000)
