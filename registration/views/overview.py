"""How the workspaces stand to their desired state: the list, and one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from registration.access.caller import Caller
from registration.access.policy import Access, Policy, policy_name
from registration.records.catalog import Catalog
from registration.records.desired import DesiredState
from registration.records.inventory import PREFIX, Health, metadata_of, read_state, tells
from registration.records.sight import Sight
from registration.request.paging import DEFAULT_TOP, Parameters, a_name, cut, further
from registration.views.telling import told
from shared.documents import Documents
from shared.errors import RequestError
from shared.stored import figure
from shared.workspace import Workspace, is_guid

_PARAMETERS = ("status", "subscription", "top", "continuation")


@dataclass(frozen=True, slots=True)
class WorkspaceQuery:
    """Which workspaces are to be listed; `after`: the last key that was seen."""

    status: str | None = None
    subscription: str | None = None
    top: int = DEFAULT_TOP
    after: str = ""

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> WorkspaceQuery:
        """From a query string. Raises RequestError 400, which names every parameter that is wrong."""
        given = Parameters(parameters, _PARAMETERS)
        status = given.one_of("status", [health.value for health in Health])
        subscription = given.text("subscription", is_guid, "subscription is a GUID.")
        query = cls(
            status, None if subscription is None else subscription.lower(), given.top(), given.place(a_name, "")
        )
        given.done()
        return query


class Overview:
    """Shows workspaces to callers, as far as they may read something in them."""

    def __init__(self, documents: Documents, catalog: Catalog, policy: Callable[[], Policy], public_url: str) -> None:
        self._documents = documents
        self._catalog = catalog
        self._policy = policy
        self._public_url = public_url

    def page(self, caller: Caller, query: WorkspaceQuery) -> dict[str, Any]:
        """`value`: workspaces by key; `nextLink` while there are more. One listing; no document is read but those that
        have lost their metadata."""
        sight = Sight(caller, self._policy())
        found, more = cut(self._listed(sight, query), query.top)
        body: dict[str, Any] = {"value": [_entry(key, metadata, sight) for key, metadata in found]}
        if more:
            fields = {"status": query.status, "subscription": query.subscription, "top": query.top}
            body["nextLink"] = f"{self._public_url}/api/workspaces?{further(fields, found[-1][0])}"
        return body

    def _listed(self, sight: Sight, query: WorkspaceQuery) -> Iterator[tuple[str, Mapping[str, str]]]:
        """(key, metadata) of what is to be listed, by key."""
        if not sight.reads.rules:
            return
        prefix = f"{PREFIX}{query.subscription}/" if query.subscription else PREFIX
        entries = {entry.name.removeprefix(PREFIX): entry for entry in self._documents.list(prefix)}
        named = named_workspaces(self._catalog.current())
        for key in sorted(named | entries.keys()):
            if key <= query.after or (query.subscription and not key.startswith(f"{query.subscription}/")):
                continue
            if not sight.reads.reaches(key):
                continue
            metadata = metadata_of(self._documents, entries[key]) if key in entries else {}
            if query.status in {None, _health(metadata)} and (key in named or tells(metadata)):
                yield key, metadata

    def get(self, caller: Caller, key: str) -> dict[str, Any]:
        """One workspace, by its key in any case. Raises RequestError 404; Damaged."""
        key = key.lower()
        sight = Sight(caller, self._policy())
        missing = RequestError(404, "WorkspaceNotFound", "There is no such workspace here, or you may not read it.")
        if not is_key(key) or not sight.reads.reaches(key):
            raise missing
        state, desired = read_state(self._documents, key), self._catalog.current()
        if key not in named_workspaces(desired) and not tells(state.metadata()):
            raise missing
        runs = [dict(run) for run in state.runs]
        if not sight.reads_all(key):
            runs = [{name: value for name, value in run.items() if name != "counts"} for run in runs]
        body = {
            "workspace": key,
            "workspaceId": state.workspace_id,
            "status": state.health.value,
            "error": None if state.error is None else dict(state.error),
            "lastDeepLook": state.deep,
            "runs": runs,
            "assets": [
                asset for asset in told(state, desired) if sight.reads.allows(Access(key, policy_name(asset["asset"])))
            ],
            "unmanaged": [asset for asset in state.unmanaged if sight.reads.allows(Access(key, asset))],
        }
        return {name: value for name, value in body.items() if value is not None}


def named_workspaces(desired: DesiredState) -> set[str]:
    """Keys of the workspaces that a stored registration names itself."""
    return {workspace.key for stored in desired.registrations for workspace in stored.registration.workspaces}


def is_key(text: str) -> bool:
    """Whether this is the key of a workspace, in lower case."""
    try:
        subscription, group, name = text.split("/")
        workspace = Workspace(subscription_id=subscription, resource_group=group, workspace_name=name)
    except ValueError:
        return False
    return workspace.key == text


def _entry(key: str, metadata: Mapping[str, str], sight: Sight) -> dict[str, Any]:
    body: dict[str, Any] = {"workspace": key, "status": _health(metadata)}
    if "seen" in metadata:
        parts = {"operation": metadata.get("operation"), "at": metadata["seen"], "outcome": metadata.get("outcome")}
        body["lastRun"] = {name: value for name, value in parts.items() if value}
    if "deep" in metadata:
        body["lastDeepLook"] = metadata["deep"]
    if sight.reads_all(key):
        body["assets"] = figure(metadata.get("wanted")) or 0
    return body


def _health(metadata: Mapping[str, str]) -> str:
    health = metadata.get("health", "")
    return health if health in set(Health) else Health.NEVER_SEEN.value
