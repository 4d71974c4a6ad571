"""The door, tried with tokens that are wrong in one thing alone. Whoever it lets in meets a host that is down."""

import asyncio
import base64
import hashlib
import hmac
import itertools
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from local.azure.config import Config
from local.azure.front import Front, is_forged
from local.azure.tokens import Authority, TokenSettings
from local.http1 import Request
from tests.local_azure.conftest import ARM, LocalAzure, shared

LET_IN = 502
OTHER = "30000000-0000-4000-8000-000000000001"
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Door:
    def __init__(self, azure: LocalAzure) -> None:
        config = Config.model_validate(azure.config | {"ports": dict.fromkeys(azure.config["ports"], 9)})
        self.authority = Authority(config)
        self.settings = json.loads(config.auth.read_text())
        who = config.identities["data-factory"]
        self.claims: dict[str, Any] = {
            "aud": config.client_id,
            "iss": config.issuers[1],
            "azp": who.client_id,
            "oid": who.object_id,
            "tid": config.tenant_id,
            "nbf": int(time.time()) - 60,
            "exp": int(time.time()) + 3600,
        }

    def front(self) -> Front:
        return Front(self.authority, self.settings, lambda _: None)

    def token(self, changed: dict[str, Any] | None = None, **header: Any) -> str:
        """A good token with some claims changed, or taken away (None)."""
        claims = {name: value for name, value in (self.claims | (changed or {})).items() if value is not None}
        key = header.pop("key", self.authority._key)
        algorithm = header.pop("alg", "RS256")
        return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": self.authority.kid, **header})

    def knock(self, token: str, front: Front | None = None) -> int:
        request = Request("GET", "/api/operations", (("Authorization", f"Bearer {token}"),), b"")
        return asyncio.run((front or self.front()).handle(request)).status


@pytest.fixture
def door(azure: LocalAzure) -> Door:
    return Door(azure)


def test_a_good_token_opens_it_of_either_version_and_for_either_audience(door: Door) -> None:
    config = door.authority.config
    assert door.knock(door.token()) == LET_IN
    assert door.knock(door.token({"aud": config.audience})) == LET_IN
    first = {"iss": config.issuers[0], "appid": door.claims["azp"], "azp": None}
    assert door.knock(door.token(first)) == LET_IN


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"aud": ARM}, 401),
        ({"aud": OTHER}, 401),
        ({"aud": ""}, 401),
        ({"aud": None}, 401),
        ({"iss": f"https://login.microsoftonline.com/{OTHER}/v2.0"}, 401),
        ({"iss": f"https://sts.windows.net/{OTHER}/"}, 401),
        ({"iss": "https://login.microsoftonline.com/common/v2.0"}, 401),
        ({"iss": None}, 401),
        ({"exp": 1}, 401),
        ({"exp": int(time.time()) - 301}, 401),
        ({"exp": None}, 401),
        ({"nbf": int(time.time()) + 3600}, 401),
        ({"azp": OTHER}, 403),
        ({"azp": None}, 403),
        ({"azp": OTHER, "appid": "the right one does not help"}, 403),
        ({"oid": OTHER}, 403),
        ({"oid": None}, 403),
        ({"oid": None, "sub": "20000000-0000-4000-8000-0000000000a0"}, 403),
        ({"azp": OTHER, "oid": OTHER}, 403),
    ],
)
def test_one_wrong_claim_keeps_it_shut(door: Door, changed: dict[str, Any], status: int) -> None:
    assert door.knock(door.token(changed)) == status


def test_another_key_or_algorithm_keeps_it_shut(door: Door) -> None:
    assert door.knock(door.token(key=OTHER_KEY)) == 401
    assert door.knock(door.token(kid="unknown")) == 401
    assert door.knock(door.token(alg="RS384")) == 401
    assert door.knock(door.token(alg="PS256")) == 401
    assert door.knock(jwt.encode(door.claims, "", algorithm="none", headers={"kid": door.authority.kid})) == 401
    own = jwt.algorithms.RSAAlgorithm.to_jwk(OTHER_KEY.public_key(), as_dict=True)
    assert door.knock(door.token(key=OTHER_KEY, jwk=own)) == 401
    assert door.knock(door.token(key=OTHER_KEY, jku="https://evil.example/keys")) == 401


def test_the_public_key_is_no_password(door: Door) -> None:
    """HS256 with the published key as its secret: an old mistake of token libraries."""
    public = door.authority.keys[door.authority.kid].public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    head, payload, _ = door.token().split(".")
    head = _encoded(json.dumps({"alg": "HS256", "typ": "JWT", "kid": door.authority.kid}).encode())
    signature = hmac.new(public, f"{head}.{payload}".encode(), hashlib.sha256).digest()
    assert door.knock(f"{head}.{payload}.{_encoded(signature)}") == 401


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_who_the_file_lists_is_let_in_and_both_lists_must_name_them(door: Door) -> None:
    policy = door.settings["identityProviders"]["azureActiveDirectory"]["validation"]["defaultAuthorizationPolicy"]
    policy["allowedApplications"] = [OTHER]
    assert door.knock(door.token({"azp": OTHER, "oid": OTHER})) == 403
    policy["allowedPrincipals"]["identities"] = [OTHER]
    assert door.knock(door.token({"azp": OTHER, "oid": OTHER})) == LET_IN


def test_it_is_never_laxer_than_microsofts_library(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recorded tokens at the door itself, with their key set, their audiences and at their time."""
    recorded = json.loads(shared("facts/tokens.json").read_text())
    front = door.front()
    keys = {key["kid"]: jwt.algorithms.RSAAlgorithm.from_jwk(key) for key in recorded["jwks"]["keys"]}
    monkeypatch.setattr(front, "_keys", keys)
    settings = TokenSettings(tuple(recorded["issuers"]), tuple(recorded["audiences"]))
    monkeypatch.setattr(front, "_tokens", settings)
    monkeypatch.setattr("local.azure.front.time.time", lambda: recorded["now"])
    known = {case["name"]: door.knock(case.get("token", "a" * 400_000), front) for case in recorded["tokens"]}
    accepted = {case["name"] for case in recorded["tokens"] if case["accepted"]}
    assert {name for name, status in known.items() if status != 401} <= accepted
    assert {known[name] for name in known if name.startswith("good")} == {403}  # believed, and nobody that is listed


SIGNS = "!#$%&'*+-.^_`|~"
"""What a header's name may hold besides letters and digits (RFC 9110, 5.6.2)."""


@pytest.mark.parametrize(
    "words", [("x", "ms", "client", "principal"), ("x", "ms", "token", "aad"), ("x", "local", "front")]
)
def test_no_spelling_of_the_doors_own_headers_gets_past(words: tuple[str, ...]) -> None:
    for signs in itertools.product(SIGNS, repeat=len(words) - 1):
        spelt = words[0] + "".join(sign + word for sign, word in zip(signs, words[1:], strict=True))
        for spelling in (spelt, spelt.upper(), spelt.title()):
            assert is_forged(spelling)
            assert is_forged(f"{spelling}-id") or words[-1] == "front"


def test_other_headers_pass() -> None:
    for name in ("x-ms-client-request-id", "Idempotency-Key", "X-MS-Version", "X-Local-Fronts", "Authorization"):
        assert not is_forged(name)
