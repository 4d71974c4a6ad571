"""A catalog and workspaces' documents in memory, callers, and policies in as few words as a test needs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from registration.access.caller import Caller
from registration.access.policy import Policy, parse_policy
from registration.plan import Applied, Inventory, Origin
from registration.records.catalog import Catalog
from registration.records.desired import Stored
from registration.records.inventory import Seen, State, workspace_blob, write_state
from registration.request.document import parse_registration
from registration.views.across import Across, AssetQuery
from registration.views.overview import Overview, WorkspaceQuery
from registration.views.shelf import Shelf, ShelfQuery
from shared.documents import Document, Documents, Entry
from shared.errors import Damaged

TENANT = "11111111-0000-4000-8000-000000000001"
SUBSCRIPTION, OTHER = "66666666-0000-4000-8000-000000000001", "66666666-0000-4000-8000-000000000002"
URL = "https://registrar.test"
BEFORE, NOW = "2026-01-01T02:00:00+00:00", "2026-01-02T02:00:00+00:00"
STORE = {"name": "silver", "type": "azure_data_lake_gen2", "account_name": "sourcedata", "filesystem": "silver"}
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)

Value = dict[str, Any]


def caller(number: int) -> Caller:
    return Caller(TENANT, f"22222222-0000-4000-8000-{number:012}")


OWNER, READER, STRANGER, ADMIN = caller(1), caller(2), caller(3), caller(4)


def key(name: str, subscription: str = SUBSCRIPTION) -> str:
    return f"{subscription}/ml-rg/{name}"


def rule(who: Caller, *actions: str, workspaces: str = "*/*/*", assets: str = "*/*") -> Value:
    return {
        "callers": [{"tenant_id": who.tenant_id, "object_id": who.object_id}],
        "actions": list(actions),
        "workspaces": workspaces.split(),
        "assets": ["data/*", "datastores/*"] if assets == "*/*" else assets.split(),
    }


def target(place: str) -> Value:
    return dict(zip(("subscription_id", "resource_group", "workspace_name"), place.split("/"), strict=True))


def table(name: str, version: str = "1", **fields: Any) -> Value:
    path = f"azureml://datastores/silver/paths/{name}.csv"
    return {"name": name, "type": "uri_file", "path": path, "version": version, **fields}


def stored(
    name: str, *places: str | Value, data: tuple[Value, ...] = (), owner: Caller = OWNER, **fields: Any
) -> Stored:
    """A registration of the datastore `silver` and `data`, in workspaces or by selectors."""
    targets = [it if isinstance(it, dict) else target(it) for it in places]
    body = {"name": name, "workspaces": targets, "datastores": [STORE], "data": list(data), **fields}
    registration = parse_registration(body, ["https://vault.test"], 1000)
    return Stored(registration, owner, 1, f"operation-{name}", BEFORE, BEFORE)


class Memory(Documents):
    """Documents in memory; counts the calls."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[str, Mapping[str, str]]] = {}
        self.reads: list[str] = []
        self.listings: list[str] = []

    def read(self, name: str) -> Document | None:
        self.reads.append(name)
        if name not in self.kept:
            return None
        text, metadata = self.kept[name]
        try:
            return Document(name, json.loads(text), str(hash(text)), metadata)
        except ValueError:
            raise Damaged(name) from None

    def head(self, name: str) -> Entry | None:
        text, metadata = self.kept[name]
        return Entry(name, str(hash(text)), metadata, LONG_AGO)

    def list(self, prefix: str) -> Iterator[Entry]:
        self.listings.append(prefix)
        for name in sorted(self.kept):
            if name.startswith(prefix):
                yield Entry(name, str(hash(self.kept[name][0])), self.kept[name][1], LONG_AGO)

    def create(self, name: str, value: Any, metadata: Mapping[str, str] | None = None) -> str | None:
        return None if name in self.kept else self._keep(name, json.dumps(value), metadata)

    def replace(
        self,
        name: str,
        value: Any,
        *,
        etag: str | None = None,  # noqa: ARG002
        lease: str | None = None,  # noqa: ARG002
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        return self._keep(name, json.dumps(value), metadata)

    def damage(self, name: str, metadata: Mapping[str, str] | None = None) -> None:
        self._keep(name, "{", metadata or self.kept.get(name, ("", {}))[1])

    def _keep(self, name: str, text: str, metadata: Mapping[str, str] | None) -> str:
        self.kept[name] = text, dict(metadata or {})
        return str(hash(text))


class House:
    """The parts that show what is stored, over documents in memory. `rules`: the policy's, which may change."""

    def __init__(self, *rules: Value) -> None:
        self.documents = Memory()
        self.rules = list(rules)
        pool = ThreadPoolExecutor(4)
        self.catalog = Catalog(self.documents, pool)
        self.shelf = Shelf(self.catalog, self.policy, URL)
        self.overview = Overview(self.documents, self.catalog, self.policy, URL)
        self.across = Across(self.documents, self.catalog, self.policy, URL, pool)

    def policy(self) -> Policy:
        return parse_policy(json.dumps({"rules": self.rules}))

    def keep(self, *registrations: Stored) -> None:
        for it in registrations:
            self.documents.replace(f"registrations/{it.origin.name}", it.as_json())

    def bury(self, it: Stored) -> None:
        self.keep(replace(it, deleted=NOW))

    def workspace(self, place: str, **known: Any) -> State:
        """A workspace's document, as a run leaves it."""
        run = {
            "operation": "operation-1",
            "kind": "register",
            "at": NOW,
            "outcome": "succeeded",
            "counts": {"created": 1},
        }
        state = State(**{"workspace_id": "id-1", "runs": (run,), **known})
        write_state(self.documents, place, state, "lease")
        return state

    def damaged_workspace(self, place: str) -> None:
        self.documents.damage(workspace_blob(place))

    def registrations(self, who: Caller, **parameters: str) -> Value:
        return self.shelf.page(who, ShelfQuery.parse(parameters))

    def workspaces(self, who: Caller, **parameters: str) -> Value:
        return self.overview.page(who, WorkspaceQuery.parse(parameters))

    def asset(self, who: Caller, kind: str, name: str, **parameters: str) -> Value:
        return self.across.asset(who, kind, name, AssetQuery.parse(parameters))


def seen(state: str = "unchanged", registration: str = "sales", **fields: Any) -> Seen:
    return Seen(fields.pop("asset", ""), state, registration, NOW, **fields)


def inventory(*assets: str, registration: str = "sales", at: str = BEFORE) -> Inventory:
    """Assets that were made for a registration."""
    return Inventory({asset: Applied({}, {}, Origin(registration, BEFORE), True, at) for asset in assets})
