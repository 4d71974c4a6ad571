"""Who asks: the claims that Easy Auth puts into `X-MS-CLIENT-PRINCIPAL`, believed only where Easy Auth is on."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.errors import Fault, RequestError
from shared.stored import text, texts
from shared.workspace import is_guid

HEADER = "x-ms-client-principal"
_TID = "http://schemas.microsoft.com/identity/claims/tenantid"
_OID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
_ROLE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"

CLAIMS = {
    "tid": "tid",
    _TID: "tid",
    "oid": "oid",
    _OID: "oid",
    "azp": "client id",
    "appid": "client id",
    "roles": "role",
    _ROLE: "role",
}
"""Claim type -> what it says. An exact table: matching by last segment would let strangers name their own claims."""

_ON_AZURE = ("WEBSITE_INSTANCE_ID", "WEBSITE_POD_NAME", "LEGION_SERVICE_HOST")
"""What the platform sets for a running app, and nobody else does."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller. `sub` is pairwise and so no identity; `tid` + `oid` is."""

    tenant_id: str
    object_id: str
    client_id: str | None = None
    roles: frozenset[str] = frozenset()

    @property
    def id(self) -> str:
        return f"{self.tenant_id}/{self.object_id}"

    @property
    def is_service(self) -> bool:
        return self == SERVICE

    def as_json(self) -> dict[str, Any]:
        return {
            "tenant_id": self.tenant_id,
            "object_id": self.object_id,
            "client_id": self.client_id,
            "roles": sorted(self.roles),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Caller:
        """Raises what `readable` turns into Damaged."""
        client = stored["client_id"]
        ids = text(stored["tenant_id"]), text(stored["object_id"])
        return cls(*ids, None if client is None else text(client), frozenset(texts(stored["roles"])))


SERVICE = Caller("service", "service")
"""The service itself, when its timer asks. No token has such a tenant."""


def caller_of(headers: Mapping[str, str], environment: Mapping[str, str]) -> Caller:
    """The caller of a request; `headers` by lower-case name. Raises RequestError 401, which says what is missing."""
    if _easy_auth_is_on(environment):
        encoded = headers.get(HEADER, "")
        if not encoded:
            raise _unauthenticated("There is no signed-in caller: send a token of this service's audience.")
        return _from_principal(encoded)
    return _developer(environment)


def door_problem(environment: Mapping[str, str]) -> str | None:
    """Why nobody can be believed here, for the health page; None when somebody can."""
    if _easy_auth_is_on(environment):
        return None
    try:
        _developer(environment)
    except RequestError as error:
        return str(error)
    return None


def _easy_auth_is_on(environment: Mapping[str, str]) -> bool:
    """`WEBSITE_AUTH_ENABLED` is the platform's word (any case); `EASY_AUTH_ENABLED` is the deployment's."""
    names = ("WEBSITE_AUTH_ENABLED", "EASY_AUTH_ENABLED")
    return any(environment.get(name, "").strip().lower() == "true" for name in names)


def _developer(environment: Mapping[str, str]) -> Caller:
    """`DEVELOPMENT_CALLER=<tenant id>/<object id>` stands in for `func start`, and nowhere else."""
    text = environment.get("DEVELOPMENT_CALLER", "").strip()
    off = "Easy Auth is not on here (WEBSITE_AUTH_ENABLED is not true), so no caller can be believed."
    if not text:
        raise _unauthenticated(f"{off} On your own machine set DEVELOPMENT_CALLER=<tenant id>/<object id>.")
    if environment.get("AZURE_FUNCTIONS_ENVIRONMENT") != "Development":
        raise _unauthenticated(
            f"{off} DEVELOPMENT_CALLER is honoured only with AZURE_FUNCTIONS_ENVIRONMENT=Development."
        )
    for name in _ON_AZURE:
        if environment.get(name):
            raise _unauthenticated(f"{off} DEVELOPMENT_CALLER is not honoured on Azure, and {name} is set.")
    tenant_id, _, object_id = text.partition("/")
    if not (is_guid(tenant_id) and is_guid(object_id)):
        raise _unauthenticated("DEVELOPMENT_CALLER is not of the form <tenant id>/<object id>.")
    return Caller(tenant_id.lower(), object_id.lower())


def _from_principal(encoded: str) -> Caller:
    try:
        decoded = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise _unauthenticated("The principal header is not base64.", HEADER) from None
    try:
        principal = json.loads(decoded)
    except (ValueError, RecursionError):
        raise _unauthenticated("The principal header is not JSON.", HEADER) from None
    if not isinstance(principal, dict):
        raise _unauthenticated("The principal header is not an object.", HEADER)
    if principal.get("auth_typ") != "aad":
        raise _unauthenticated("The principal did not sign in with Microsoft Entra ID.", f"{HEADER}.auth_typ")
    return _from_claims(principal.get("claims"))


def _from_claims(claims: Any) -> Caller:
    found: dict[str, list[str]] = {"tid": [], "oid": [], "client id": [], "role": []}
    if not isinstance(claims, list):
        raise _unauthenticated("The principal has no list of claims.", f"{HEADER}.claims")
    for place, claim in enumerate(claims):
        if (
            not isinstance(claim, dict)
            or not isinstance(claim.get("typ"), str)
            or not isinstance(claim.get("val"), str)
        ):
            raise _unauthenticated("A claim is not of the form {typ, val}.", f"{HEADER}.claims[{place}]")
        if claim["typ"] in CLAIMS:
            found[CLAIMS[claim["typ"]]].append(claim["val"])
    faults = [
        Fault(
            "InvalidPrincipal", f"The principal has {_count(found[name])} {name} claim; exactly one is needed.", HEADER
        )
        for name in ("tid", "oid")
        if len(found[name]) != 1
    ]
    faults += [
        Fault("InvalidPrincipal", f"The {name} claim is not a GUID.", HEADER)
        for name in ("tid", "oid")
        if len(found[name]) == 1 and not is_guid(found[name][0])
    ]
    if len(set(found["client id"])) > 1:
        faults.append(Fault("InvalidPrincipal", "The principal has more than one client id.", HEADER))
    if faults:
        raise RequestError(401, "Unauthenticated", "The caller's claims are not usable.", faults)
    client_id = found["client id"][0].lower() if found["client id"] else None
    return Caller(found["tid"][0].lower(), found["oid"][0].lower(), client_id, frozenset(found["role"]))


def _count(values: list[str]) -> str:
    return "no" if not values else f"more than one ({len(values)})"


def _unauthenticated(message: str, target: str | None = None) -> RequestError:
    return RequestError(401, "Unauthenticated", message, [Fault("Unauthenticated", message, target)])
