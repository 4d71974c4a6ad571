"""Key Vault's secrets: enough of its data plane for the unmodified client, its challenge check included."""

import re
import time
import uuid
from urllib.parse import urlsplit

from local.azure.answers import AzureError, Json, answer, read_object
from local.azure.tokens import Authority, InvalidToken
from local.http1 import Request, Response

READERS, WRITERS = ("app", "platform-admin"), ("platform-admin",)
_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
_ACTIONS = {"GET": "getSecret", "PUT": "setSecret", "DELETE": "delete"}


class Vault:
    """Secrets by name in lower case; each is the list of its versions, newest last."""

    def __init__(self, authority: Authority) -> None:
        self._authority, self._config = authority, authority.config
        self._url = f"https://127.0.0.1:{self._config.ports.vault}"
        self._audiences = frozenset({self._config.vault_resource, "https://vault.azure.net"})
        self.reset()

    def reset(self) -> None:
        self._secrets: dict[str, list[Json]] = {}
        self._deleted: dict[str, list[Json]] = {}
        for name, value in self._config.vault.items():
            self._set(name, {"value": value})

    async def handle(self, request: Request) -> Response:
        try:
            self._admit(request)
            return self._serve(request)
        except AzureError as error:
            return error.answer()

    def _admit(self, request: Request) -> None:
        config = self._config
        try:
            claims = self._authority.caller(request.header("Authorization"), self._audiences)
        except InvalidToken as why:
            login = f"https://login.microsoftonline.com/{config.tenant_id}"
            challenge = f'Bearer authorization="{login}", resource="{config.vault_resource}"'
            headers = (("WWW-Authenticate", challenge),)
            raise AzureError(401, "Unauthorized", f"AKV10000: {why}.", headers=headers) from None
        allowed = READERS if request.method == "GET" else WRITERS
        if claims["oid"] not in {config.identities[name].object_id for name in allowed if name in config.identities}:
            text = "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments "
            text += "or role definitions were changed recently, please observe propagation time.\r\n"
            text += f"Caller: appid={claims.get('appid')};oid={claims['oid']};iss={claims['iss']}\r\n"
            text += f"Action: 'Microsoft.KeyVault/vaults/secrets/{_ACTIONS.get(request.method)}/action'"
            raise AzureError(403, "Forbidden", text, inner="ForbiddenByRbac")

    def _serve(self, request: Request) -> Response:
        parts = [part for part in urlsplit(request.target).path.split("/") if part]
        name = parts[1] if len(parts) > 1 else ""
        match request.method, parts[:1], parts[2:]:
            case "GET", ["secrets"], [] if not name:
                return answer(200, {"value": [_properties(v[-1]) for v in self._secrets.values()], "nextLink": None})
            case "GET", ["secrets"], ["versions"]:
                versions = self._secrets.get(name.lower(), [])
                return answer(200, {"value": [_properties(v) for v in versions], "nextLink": None})
            case "GET", ["secrets"], [] | [_]:
                return answer(200, self._get(name, *parts[2:]))
            case "PUT", ["secrets"], [] if name:
                return answer(200, self._set(name, read_object(request)))
            case "DELETE", ["secrets"], [] if name:
                self._get(name, even_disabled=True)
                self._deleted[name.lower()] = self._secrets.pop(name.lower())
                return answer(200, self._gone(name))
            case "GET", ["deletedsecrets"], [] if name.lower() in self._deleted:
                return answer(200, self._gone(name))
        raise AzureError(501, "NotEmulated", f"{request.method} /{'/'.join(parts)} is not emulated.")

    def _get(self, name: str, version: str | None = None, *, even_disabled: bool = False) -> Json:
        versions = self._secrets.get(name.lower(), [])
        found = next((v for v in reversed(versions) if version in (None, v["id"].rpartition("/")[2])), None)
        if found is None:
            asked = f"{name}/{version}" if version else name
            text = f"A secret with (name/id) {asked} was not found in this key vault."
            raise AzureError(404, "SecretNotFound", text)
        if not found["attributes"]["enabled"] and not even_disabled:
            text = "Operation get is not allowed on a disabled secret."
            raise AzureError(403, "Forbidden", text, inner="SecretDisabled")
        return found

    def _set(self, name: str, body: Json) -> Json:
        if not _NAME.fullmatch(name) or not isinstance(body.get("value"), str):
            text = "A secret has a value, and a name of letters, digits and hyphens."
            raise AzureError(400, "BadParameter", text)
        if name.lower() in self._deleted:
            text = f"Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused."
            raise AzureError(409, "Conflict", text, inner="ObjectIsDeletedButRecoverable")
        now = int(time.time())
        attributes = {"enabled": True, "created": now, "updated": now, "recoveryLevel": "Recoverable"}
        attributes |= body.get("attributes") or {}
        secret = {"id": f"{self._url}/secrets/{name}/{uuid.uuid4().hex}", "attributes": attributes}
        secret |= {key: body[key] for key in ("value", "contentType", "tags") if body.get(key) is not None}
        self._secrets.setdefault(name.lower(), []).append(secret)
        return secret

    def _gone(self, name: str) -> Json:
        now = int(time.time())
        times = {"deletedDate": now, "scheduledPurgeDate": now + 90 * 24 * 3600}
        return {
            **_properties(self._deleted[name.lower()][-1]),
            **times,
            "recoveryId": f"{self._url}/deletedsecrets/{name}",
        }


def _properties(secret: Json) -> Json:
    """A secret without its value, as lists show it."""
    return {key: value for key, value in secret.items() if key != "value"}
