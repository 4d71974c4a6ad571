"""Azure Resource Manager: who calls, how often, which route; then the store, under the rules of its type."""

import asyncio
import re
import uuid
from urllib.parse import parse_qsl, urlsplit

from local.azure import lists, rules, workspaces
from local.azure.answers import AzureError, Headers, Json, answer, read_object
from local.azure.bodies import CONTAINER, DATASTORE, VERSION, WORKSPACE, clean
from local.azure.entra import Entra
from local.azure.rbac import Roles, action
from local.azure.store import GROUPS, ML, Place, Store, parse
from local.azure.throttle import Throttle, kind_of
from local.azure.tokens import Authority, InvalidToken
from local.http1 import Request, Response

AUDIENCES = frozenset({"https://management.azure.com", "https://management.azure.com/"})
OPERATION = f"{ML}/locations/operations"
CREATION_SECONDS = 0.3  # how long a new workspace stays in `Creating`
_ASSET = {"list", "read", "write", "delete"}
ROUTES = {
    GROUPS: {"list", "read"},
    WORKSPACE: {*_ASSET, "patch"},
    DATASTORE: {*_ASSET, "listSecrets"},
    CONTAINER: _ASSET,
    VERSION: _ASSET,
    OPERATION: {"read"},
}
GUARDED = {  # not emulated either, but the right is asked for first, as on Azure: who lacks it gets 403
    WORKSPACE: {"listKeys", "listStorageAccountKeys"},
    f"{WORKSPACE}/computes": {*_ASSET, "listKeys"},
    f"{WORKSPACE}/connections": {*_ASSET, "listSecrets"},
    f"{WORKSPACE}/onlineEndpoints": {*_ASSET, "listKeys"},
}
QUERY = lists.PARAMETERS | {"api-version", "skipValidation", "forceToPurge"}


class Arm:
    def __init__(self, authority: Authority, entra: Entra, roles: Roles) -> None:
        self.config = authority.config
        self.roles, self.throttle = roles, Throttle()
        self._authority, self._entra = authority, entra
        self.reset()

    def reset(self) -> None:
        """As at the start: the workspaces of the configuration, empty."""
        self.store, self._datastores = Store(), rules.Datastores()
        self._operations: dict[str, str] = {}
        self.throttle.reset()
        workspaces.seed(self.store, self.config.workspaces, self.config.tenant_id)

    async def handle(self, request: Request) -> Response:
        found = self._entra.handle(request)
        if found is not None:
            return found
        headers: Headers = (("x-ms-request-id", str(uuid.uuid4())),)
        headers += (("x-ms-correlation-request-id", str(uuid.uuid4())),)
        try:
            claims = self._authenticate(request)
            subscription = request.target.strip("/").split("/")[1:2] or [""]
            headers += self.throttle.take(subscription[0], claims["oid"], kind_of(request.method))
            response = self._serve(request, claims)
        except AzureError as error:
            response = error.answer()
        return Response(response.status, response.headers + headers, response.body)

    def _authenticate(self, request: Request) -> Json:
        header = request.header("Authorization")
        try:
            return self._authority.caller(header, AUDIENCES)
        except InvalidToken as why:
            login = f'Bearer authorization_uri="https://login.windows.net/{self.config.tenant_id}"'
            code = "InvalidAuthenticationToken" if header else "AuthenticationFailed"
            text = f"The access token is invalid: {why}." if header else "The 'Authorization' header is missing."
            challenge = f'{login}, error="invalid_token", error_description="{why}"'
            raise AzureError(401, code, text, headers=(("WWW-Authenticate", challenge),)) from None

    def _serve(self, request: Request, claims: Json) -> Response:
        parts = urlsplit(request.target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        place, verb = _route(request.method, parts.path)
        if unknown := query.keys() - QUERY:
            raise AzureError(501, "NotEmulated", f"Query parameters that are not emulated: {sorted(unknown)}.")
        if not re.fullmatch(r"\d{4}-\d\d-\d\d(-preview)?", query.get("api-version", "")):
            text = "The api-version query parameter (?api-version=) is required for all requests."
            raise AzureError(400, "MissingApiVersionParameter", text)
        if place.type == OPERATION:  # whoever was told of an operation may follow it
            return self._operation(place)
        self.roles.demand(claims, action(place, verb), place.id)
        if verb not in ROUTES.get(place.type, ()):
            raise _not_emulated(request.method, parts.path)
        self._demand_parents(place, verb)
        if verb == "list":
            return self._list(place, query, parts.path)
        old = self.store.get(place.id)
        if verb == "write" or (verb == "patch" and old):
            return self._write(place, old, read_object(request), claims)
        if verb == "delete":
            return self._delete(place, old) if old else answer(204)
        if old is None:
            raise rules.missing(place)
        return answer(200, rules.secrets_of(old) if verb == "listSecrets" else rules.shown(self.store, old))

    def _demand_parents(self, place: Place, verb: str) -> None:
        """404 for a subscription, group or workspace that is not there; a legacy workspace refuses v2 (code
        *unproven*). A subscription is there as soon as it has a group."""
        groups = parse(f"/subscriptions/{place.subscription}/resourceGroups")
        assert groups is not None
        if verb == "list" and next(self.store.list(groups.id), None) is None:
            raise rules.missing(groups)
        if place.type == GROUPS or (place.type == WORKSPACE and (verb not in ("list", "write") or not place.group)):
            return
        above = parse(place.id.partition("/providers/")[0] if place.type == WORKSPACE else place.workspace)
        assert above is not None
        found = self.store.get(above.id)
        if found is None:
            raise rules.missing(above)
        if found["properties"].get("v1LegacyMode"):
            text = f"Workspace {found['name']} has v1_legacy_mode enabled and takes no v2 calls."
            raise AzureError(400, "V1LegacyModeEnabled", text)

    def _list(self, place: Place, query: dict[str, str], path: str) -> Response:
        if place.type == VERSION and self.store.get(place.id.rpartition("/")[0]) is None:
            raise AzureError(404, "UserError", "Container not found")
        rows = lists.select(self.store.list_everywhere(place), place.type, query)
        page = lists.page(rows, query, f"{self.config.arm_url}{path}")
        return answer(200, page | {"value": [rules.shown(self.store, row) for row in page["value"]]})

    def _write(self, place: Place, old: Json | None, body: Json, claims: Json) -> Response:
        new = clean(place, body)
        resource: Json
        if place.type == WORKSPACE:
            tenant = self.config.tenant_id
            resource = workspaces.update(old, body, new) if old else workspaces.create(place, body, new, tenant)
        else:
            if place.type == VERSION and self.store.get(place.id.rsplit("/", 2)[0]) is None:
                self.roles.demand(claims, f"{CONTAINER}/write", place.id)  # *unproven* (DESIGN)
            before = {
                VERSION: rules.before_version,
                CONTAINER: rules.before_container,
                DATASTORE: self._datastores.before,
            }
            resource = {"properties": before[place.type](self.store, place, new)}
        stored = self.store.put(place, resource, claims["appid"])
        if place.type == WORKSPACE and old is None:
            asyncio.get_running_loop().call_later(CREATION_SECONDS, self._finish, place.id)
            return self._accepted(place, stored)
        return answer(200 if old else 201, rules.shown(self.store, stored))

    def _finish(self, workspace_id: str) -> None:
        if workspace := self.store.get(workspace_id):
            workspace["properties"]["provisioningState"] = "Succeeded"

    def _delete(self, place: Place, found: Json) -> Response:
        if place.type == DATASTORE:
            self._datastores.after_delete(found)
        self.store.delete(place.id)
        return self._accepted(place) if place.type == WORKSPACE else answer(200)

    def _accepted(self, place: Place, body: Json | None = None) -> Response:
        """202 with the operation to follow, as recorded."""
        operation = uuid.uuid4().hex
        self._operations[operation] = place.id
        where = f"/subscriptions/{place.subscription}/providers/{ML}/locations/{self.store.location}"
        url = f"{self.config.arm_url}{where}/operations/{operation}?api-version=2024-04-01"
        return answer(202, body, (("Azure-AsyncOperation", url), ("Location", url), ("Retry-After", "1")))

    def _operation(self, place: Place) -> Response:
        of = self._operations.get(place.names[-1])
        if of is None:
            raise rules.missing(place)
        resource = self.store.get(of)
        creating = resource is not None and resource["properties"].get("provisioningState") == "Creating"
        status = "InProgress" if creating else "Succeeded"
        body = {"id": place.id, "name": place.names[-1], "status": status, "properties": {}}
        return answer(200, body, (("Retry-After", "1"),))


def _route(method: str, path: str) -> tuple[Place, str]:
    """The place and the verb of a call; raises AzureError 501 for all that is not emulated."""
    verb = {"GET": "read", "PUT": "write", "PATCH": "patch", "DELETE": "delete"}.get(method, "")
    if method == "POST":
        path, _, verb = path.rpartition("/")
        verb = "listSecrets" if verb.lower() == "listsecrets" else verb
    place = parse(path)
    if place is not None and not place.item:
        verb = "list" if verb == "read" else ""
    if place is None or verb not in ROUTES.get(place.type, set()) | GUARDED.get(place.type, set()):
        raise _not_emulated(method, path)
    return place, verb


def _not_emulated(method: str, path: str) -> AzureError:
    return AzureError(501, "NotEmulated", f"{method} {path} is not emulated: nothing is pretended here.")
