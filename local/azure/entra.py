"""Where tokens come from: App Service's managed-identity endpoint, and Entra's for service principals."""

import uuid
from urllib.parse import parse_qs, urlsplit

from local.azure.answers import answer
from local.azure.config import Identity
from local.azure.rbac import Roles
from local.azure.tokens import LIFETIME, STORAGE, Authority
from local.http1 import Request, Response

# Azurite believes any token for storage, so roles in the lake are asked for here: whoever may not write gets a token
# for an audience that Azurite refuses. Clients do not keep one of so short a life: a changed role counts at once.
WRITE_BLOB = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write"
NOWHERE = "https://no-role-in-storage.invalid"
STORAGE_LIFETIME = 60  # seconds


class Entra:
    def __init__(self, authority: Authority, roles: Roles) -> None:
        self._authority, self._config, self._roles = authority, authority.config, roles
        client_id = self._config.vault.get("sp-id", "")
        self.principal = Identity(
            client_id=client_id, object_id=str(uuid.uuid5(uuid.NAMESPACE_URL, client_id)), header=""
        )
        self._secret = self._config.vault.get("sp-password", "")

    async def identity(self, request: Request) -> Response:
        """`GET /<identity>/token?resource=…&api-version=2019-08-01` (Microsoft Learn, "App Service, REST endpoint")."""
        parts = urlsplit(request.target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        name, _, rest = parts.path.strip("/").partition("/")
        identity = self._config.identities.get(name)
        if request.method != "GET" or rest != "token" or identity is None:
            return _refused(404, "There is no such identity endpoint.")
        if request.header("X-IDENTITY-HEADER") != identity.header:
            return _refused(401, "The X-IDENTITY-HEADER is missing or wrong.")
        if query.get("api-version") != "2019-08-01":
            return _refused(400, "The api-version must be 2019-08-01.")
        resource = query.get("resource", "")
        if resource not in self._authority.resources():
            return _refused(400, f"AADSTS500011: The resource principal named {resource} was not found.")
        own = {"client_id": identity.client_id, "object_id": identity.object_id, "mi_res_id": None}
        own["principal_id"] = identity.object_id
        if any(name in query and query[name] != value for name, value in own.items()):
            return _refused(400, "No managed identity was found for specified ClientId/ResourceId/PrincipalId.")
        if resource in STORAGE:
            audience = resource if self._roles.allow(identity.object_id, WRITE_BLOB) else NOWHERE
            token, expires = self._authority.mint(identity, audience, STORAGE_LIFETIME)
        else:
            token, expires = self._authority.mint(identity, resource)
        body = {"access_token": token, "expires_on": str(expires), "resource": resource}
        return answer(200, {**body, "token_type": "Bearer", "client_id": identity.client_id})

    def handle(self, request: Request) -> Response | None:
        """Entra's documents and its client-credentials endpoint; None for a path that is not Entra's."""
        path = urlsplit(request.target).path.lower()
        tenant = f"/{self._config.tenant_id}".lower()
        if path == f"{tenant}/v2.0/.well-known/openid-configuration":
            return answer(200, self._document())
        if path == f"{tenant}/discovery/v2.0/keys":
            return answer(200, self._authority.key_set())
        if path == f"{tenant}/oauth2/v2.0/token" and request.method == "POST":
            return self._token(request)
        return None

    def _document(self) -> dict[str, object]:
        base = f"{self._config.arm_url}/{self._config.tenant_id}"
        return {
            "issuer": self._config.issuers[1],
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
        }

    def _token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        resource, dot, _ = form.get("scope", "").split(" ")[0].rpartition("/.default")
        if form.get("grant_type") != "client_credentials":
            return _entra(400, "unsupported_grant_type", "AADSTS70003: Only client_credentials is served here.")
        if not self._secret or form.get("client_id") != self.principal.client_id:
            client = form.get("client_id")
            return _entra(400, "unauthorized_client", f"AADSTS700016: Application '{client}' was not found.")
        if form.get("client_secret") != self._secret:
            return _entra(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
        if not dot or resource not in self._authority.resources():
            return _entra(400, "invalid_resource", f"AADSTS500011: The resource '{resource}' was not found.")
        token, _ = self._authority.mint(self.principal, resource)
        return answer(200, {"token_type": "Bearer", "expires_in": LIFETIME, "access_token": token})


def _refused(status: int, message: str) -> Response:
    return answer(status, {"statusCode": status, "message": message, "correlationId": str(uuid.uuid4())})


def _entra(status: int, code: str, message: str) -> Response:
    return answer(status, {"error": code, "error_description": message})
