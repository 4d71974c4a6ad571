"""The door: Easy Auth by `infra/auth.json`. Nobody passes without a token; nobody says who they are but the door."""

import base64
import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from local import http1
from local.azure.answers import Headers, Json
from local.azure.tokens import Authority, InvalidToken, TokenSettings, validate
from local.host.routing import decoded_path
from local.http1 import Request, Response

ROLE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
_LONG = {  # docs/azure.md, Easy Auth: the claims that arrive under another name
    "tid": "http://schemas.microsoft.com/identity/claims/tenantid",
    "oid": "http://schemas.microsoft.com/identity/claims/objectidentifier",
    "roles": ROLE,
}
_NAME = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"
# Some servers fold `_` and other signs into `-`: whatever could become one of these is the client's own word.
_FORGED = re.compile(r"x-ms-client-principal|x-ms-token-|x-local-front$")
_REFUSED = b"You do not have permission to view this directory or page."


class Front:
    """Raises ValueError for settings under which the door would stand open: there is no such mode here."""

    def __init__(self, authority: Authority, settings: Mapping[str, Any], log: Callable[[str], None]) -> None:
        config = authority.config
        rules = settings["globalValidation"]
        directory = settings["identityProviders"]["azureActiveDirectory"]
        closed = settings["platform"]["enabled"] and rules["requireAuthentication"] and directory["enabled"]
        if not closed or rules["unauthenticatedClientAction"] != "Return401":
            raise ValueError("auth.json must enable the platform, require authentication and return 401")
        policy = directory["validation"]["defaultAuthorizationPolicy"]
        admitted = [who for name, who in config.identities.items() if name != "app"]
        # What a deployment fills in; what the file already lists stays.
        self._applications = {*policy["allowedApplications"], *(who.client_id for who in admitted)}
        self._principals = {*policy["allowedPrincipals"]["identities"], *(who.object_id for who in admitted)}
        audiences = (*directory["validation"]["allowedAudiences"], config.audience, config.client_id)
        self._tokens = TokenSettings(config.issuers, audiences)
        self._open = frozenset(rules["excludedPaths"])
        self._keys, self._config, self._log = authority.keys, config, log

    async def handle(self, request: Request) -> Response:
        response = await self._serve(request)
        self._log(f"front {request.method} {request.target.partition('?')[0]} {response.status}")
        return response

    async def _serve(self, request: Request) -> Response:
        path = request.target.partition("?")[0]
        # As the host reads it, so that no spelling gets past: the master key is nobody's here.
        if re.match(r"/+admin(/|$)", decoded_path(request.target).replace("\\", "/").lower()):
            return Response(404)
        principal: Headers = ()
        if unquote(path) not in self._open or "%2f" in path.lower():
            try:
                claims = self._authenticate(request)
            except InvalidToken as why:
                return Response(401, (("WWW-Authenticate", self._challenge(why)), _TEXT), _REFUSED)
            application = claims.get("azp") or claims.get("appid")
            if application not in self._applications or claims.get("oid") not in self._principals:
                return Response(403, (_TEXT,), _REFUSED)
            principal = principal_headers(claims)
        if request.body_error:
            return http1.refusal(request)
        kept = tuple((name, value) for name, value in request.headers if not is_forged(name))
        headers = (*kept, *principal, ("X-Local-Front", self._config.front_secret))
        try:
            # Forwarded chunked, it would arrive empty (docs/azure.md, Azure Functions host); so that is what is sent.
            body = b"" if request.header("Transfer-Encoding") else request.body
            return await http1.send(self._config.ports.host, Request(request.method, request.target, headers, body))
        except (OSError, ValueError):
            return Response(502, (_TEXT,), b"The Functions host does not answer.")

    def _authenticate(self, request: Request) -> Json:
        values = [value for name, value in request.headers if name.lower() == "authorization"]
        scheme, _, token = values[0].partition(" ") if values else ("", "", "")
        if len(values) != 1 or scheme.lower() != "bearer":
            raise InvalidToken("exactly one bearer token is needed")
        return validate(token, self._keys, self._tokens, time.time())

    def _challenge(self, why: InvalidToken) -> str:
        login = f"https://login.microsoftonline.com/{self._config.tenant_id}/oauth2/v2.0/authorize"
        resource = f'resource_id="{self._config.client_id}"'
        return f'Bearer authorization_uri="{login}" {resource} error_description="{why}"'


_TEXT = ("Content-Type", "text/plain")


def is_forged(name: str) -> bool:
    """Whether a client's header would speak in the door's name, in any spelling that a server may fold."""
    return _FORGED.match(re.sub(r"[^a-z0-9]", "-", name.lower())) is not None


def principal_headers(claims: Json) -> Headers:
    """Who the caller is, as Easy Auth tells the app (docs/azure.md, Easy Auth)."""
    flat: list[Json] = []
    for name, value in claims.items():
        for one in value if isinstance(value, list) else [value]:
            text = one if isinstance(one, str) else json.dumps(one)
            flat.append({"typ": _LONG.get(name, name), "val": text})
    principal = {"auth_typ": "aad", "claims": flat, "name_typ": _NAME, "role_typ": ROLE}
    return (
        ("X-MS-CLIENT-PRINCIPAL", base64.b64encode(json.dumps(principal).encode()).decode()),
        ("X-MS-CLIENT-PRINCIPAL-ID", str(claims.get("oid"))),
        ("X-MS-CLIENT-PRINCIPAL-NAME", str(claims.get("azp") or claims.get("appid"))),
        ("X-MS-CLIENT-PRINCIPAL-IDP", "aad"),
    )
