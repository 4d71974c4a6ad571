"""Bearer tokens: which ones are believed, and an authority that signs them.

`validate` is never laxer than Microsoft's own library (58 recorded verdicts), and stricter where Entra never goes:
RS256 and a known `kid` only, canonical base64url, one audience as text, no claim twice, numbers as numbers.
"""

import base64
import json
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from local.azure.answers import Json
from local.azure.config import Config, Identity

Keys = Mapping[str, rsa.RSAPublicKey]
MAX_TOKEN = 250 * 1024  # characters; the default of Microsoft's library
SKEW = 300  # seconds; likewise
LIFETIME = 24 * 3600  # seconds; about what a managed identity's token lives
STORAGE = ("https://storage.azure.com", "https://storage.azure.com/")
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class InvalidToken(Exception):
    """Why a token is not believed."""


@dataclass(frozen=True, slots=True)
class TokenSettings:
    issuers: tuple[str, ...]
    audiences: tuple[str, ...]


def validate(token: str, keys: Keys, settings: TokenSettings, now: float) -> Json:
    """The claims of a token that is signed, for us, by our issuer and in time (`now`: Unix seconds)."""
    if len(token) > MAX_TOKEN or not _FORM.fullmatch(token):
        raise InvalidToken("not a signed JWT of at most 250 KB")
    head, payload, _ = (_decode(part) for part in token.split("."))
    header, claims = _object(head), _object(payload)
    if header.get("alg") != "RS256" or "crit" in header:
        raise InvalidToken("the header asks for something other than RS256")
    key = keys.get(header["kid"]) if isinstance(header.get("kid"), str) else None
    if key is None:
        raise InvalidToken("the key is unknown")
    try:
        jwt.api_jws.decode(token, key, algorithms=["RS256"])
    except jwt.InvalidTokenError:
        raise InvalidToken("the signature is wrong") from None
    if claims.get("iss") not in settings.issuers:
        raise InvalidToken("the issuer is another one")
    if claims.get("aud") not in settings.audiences or not claims.get("aud"):
        raise InvalidToken("the audience is another one")
    expires, begins = claims.get("exp"), claims.get("nbf", 0)
    if type(expires) is not int or type(begins) is not int:
        raise InvalidToken("exp or nbf is no whole number")
    if not begins - SKEW <= now < expires + SKEW:
        raise InvalidToken("the time is not within nbf and exp")
    return claims


def _decode(part: str) -> bytes:
    raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) if len(part) % 4 != 1 else b""
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
        raise InvalidToken("not canonical base64url")
    return raw


def _object(raw: bytes) -> Json:
    def once(pairs: list[tuple[str, Any]]) -> Json:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a name twice")
        return dict(pairs)

    try:
        found = json.loads(raw, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise InvalidToken(f"not JSON: {error}") from None
    if not isinstance(found, dict):
        raise InvalidToken("not a JSON object")
    return found


class Authority:
    """Signs tokens as Entra does for managed identities and service principals, with a key of its own."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.kid = uuid.uuid4().hex
        self.keys: Keys = {self.kid: self._key.public_key()}
        self._believed: dict[str, Json] = {}

    def resources(self) -> frozenset[str]:
        """What tokens are issued for; Entra refuses to name a resource that it does not know."""
        config = self.config
        arm = ("https://management.azure.com", "https://management.azure.com/")
        vault = ("https://vault.azure.net", config.vault_resource)
        return frozenset({*arm, *vault, *STORAGE, config.audience, config.client_id})

    def mint(self, identity: Identity, resource: str, lifetime: int = LIFETIME) -> tuple[str, int]:
        """A token and its end (Unix seconds): v2 for the app itself, whose registration asks for it, else v1."""
        config, now = self.config, int(time.time())
        v1, v2 = config.issuers
        claims: Json = {"aud": resource, "iss": v1, "appid": identity.client_id, "ver": "1.0"}
        if resource in (config.audience, config.client_id):
            claims = {"aud": config.client_id, "iss": v2, "azp": identity.client_id, "ver": "2.0"}
            claims |= {"roles": identity.roles} if identity.roles else {}
        claims |= {"oid": identity.object_id, "sub": identity.object_id, "tid": config.tenant_id}
        claims |= {"iat": now, "nbf": now, "exp": now + lifetime, "uti": uuid.uuid4().hex}
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self.kid}), now + lifetime

    def caller(self, authorization: str | None, audiences: frozenset[str]) -> Json:
        """The claims behind an Authorization header. Raises InvalidToken; each token's signature is read once."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            raise InvalidToken("no bearer token")
        settings = TokenSettings(self.config.issuers, tuple(self.resources()))
        if token not in self._believed:
            self._believed[token] = validate(token, self.keys, settings, time.time())
        claims = self._believed[token]
        if claims["aud"] not in audiences or claims["exp"] < time.time():
            raise InvalidToken("the audience is another one, or the token has expired")
        return claims

    def key_set(self) -> Json:
        """The public key as Entra publishes it (RFC 7517)."""
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self.keys[self.kid], as_dict=True)
        return {"keys": [{**key, "use": "sig", "kid": self.kid}]}
