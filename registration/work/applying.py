"""Applying: the writes of a plan, datastores first, then data, then removals; each asset with its own verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, Protocol

from registration.plan import REMOVALS, WRITES, Action, Change, Key, Origin, Plan, WantedDatastore
from registration.request.tables import table_of
from registration.work import verdicts
from registration.work.verdicts import AssetResult
from shared import logs
from shared.assets import IN_CLEAR, Data, Datastore, Observed, ObservedData, ObservedDatastore
from shared.azureml.observed import Credential
from shared.errors import Permanent, Temporary
from shared.paths import locate
from shared.workspace import Workspace

ANYBODY = Origin("", "")


class WorkspaceWriter(Protocol):
    def write_datastore(self, workspace: Workspace, datastore: Datastore, credential: Credential | None) -> None: ...
    def write_data(self, workspace: Workspace, data: Data) -> None: ...
    def delete_datastore(self, workspace: Workspace, name: str) -> None: ...
    def archive_data(self, workspace: Workspace, name: str, version: str) -> None: ...


class FileWriter(Protocol):
    def write(self, account: str, container: str, path: str, text: str, mark: Mapping[str, str]) -> None: ...


@dataclass(frozen=True)
class Applying:
    """One plan's way into one workspace. `check` is called before each write, and raises Temporary when it may not be
    made; `datastores`: those of each registration, by its name in lower case."""

    workspace: Workspace
    observed: Observed
    writer: WorkspaceWriter
    lake: FileWriter
    suffix: str
    pool: Executor
    check: Callable[[], None]
    datastores: Mapping[Origin, Sequence[Datastore]]
    marks: Mapping[Origin, Mapping[str, str]]
    """Whose the files are that a registration has written into the lake."""
    credentials: Mapping[Key, Credential] = field(default_factory=dict)

    def apply(self, plan: Plan, broken: Mapping[Key, AssetResult]) -> dict[Key, AssetResult]:
        """`broken`: datastores, by their ids in lower case, that did not get as far as the plan."""
        stores = [change for change in plan.changes if isinstance(change.wanted, WantedDatastore)]
        results = self._all(stores)
        failing = dict(broken)
        for change in stores:
            result, asset = results[change.key], change.asset.lower()
            if result.error is not None:
                failing[asset, change.origin] = result
                if change.rival is None:  # what stands for everybody
                    failing[asset, ANYBODY] = result
        ready = []
        for change in plan.changes:
            if not isinstance(change.wanted, Data):
                continue
            through = [f"datastores/{locate(address).datastore or ''}".lower() for address in change.wanted.addresses]
            found = [failing.get((asset, origin)) for asset in through for origin in (change.origin, ANYBODY)]
            broken_one = next((result for result in found if result is not None), None)
            if broken_one is not None and change.action in WRITES:
                results[change.key] = verdicts.blocked(change, broken_one)
            else:
                ready.append(change)
        results |= self._all(ready)
        return results | self._all([change for change in plan.changes if change.wanted is None])

    def _all(self, changes: Sequence[Change]) -> dict[Key, AssetResult]:
        """All at once: they do not depend on each other."""
        one = logs.carried(self._one)
        tasks = {change.key: self.pool.submit(one, change) for change in changes if _needs_write(change)}
        results = {change.key: verdicts.settled(change) for change in changes if not _needs_write(change)}
        return results | {key: task.result() for key, task in tasks.items()}

    def _one(self, change: Change) -> AssetResult:
        credential = self.credentials.get(change.key)
        try:
            self.check()
            if change.action in REMOVALS:
                self._remove(change)
            elif isinstance(change.wanted, WantedDatastore):
                found = self.observed.datastores.get(change.wanted.datastore.name.lower())
                datastore = _left_alone(change.wanted.datastore, found, change)
                self.writer.write_datastore(self.workspace, datastore, credential)
            elif change.wanted is not None:
                self._data(change, change.wanted)
        except Temporary as error:
            return verdicts.waiting(change, error)
        except Permanent as error:
            return verdicts.refused(change, error, credential)
        return verdicts.done(change)

    def _data(self, change: Change, data: Data) -> None:
        table = table_of(data, self.datastores.get(change.origin, ()), self.suffix)
        if table is not None:
            mark = self.marks.get(change.origin, {})
            self.lake.write(table.account, table.container, table.path, table.text, mark)
            self.check()
        if change.action is Action.ADOPT:
            return
        version = data.version or ""
        found = self.observed.data.get((data.name.lower(), version.lower()))
        self.writer.write_data(self.workspace, _data_left_alone(data, found, change))
        if found is not None and found.archived and _unmanaged("archived", False, change):
            self.writer.archive_data(self.workspace, data.name, version)  # the write has restored it

    def _remove(self, change: Change) -> None:
        kind, name, *version = change.asset.split("/")
        if kind == "datastores":
            found = self.observed.datastores.get(name.lower())
            self.writer.delete_datastore(self.workspace, name if found is None else found.name)
        else:
            container = self.observed.containers.get(name.lower())
            self.writer.archive_data(self.workspace, name if container is None else container.name, version[0])


def _needs_write(change: Change) -> bool:
    """A defined table is adopted with its file: the version alone does not say what is in it."""
    table = isinstance(change.wanted, Data) and change.wanted.write_to is not None
    return change.action in WRITES or (table and change.action is Action.ADOPT)


def _left_alone(datastore: Datastore, found: ObservedDatastore | None, change: Change) -> Datastore:
    """An update writes the datastore whole, so what the registration does not manage is written back as found; but no
    protocol that would send its credentials in clear."""
    if found is None:
        return datastore
    kept: dict[str, Any] = {}
    for name in ("description", "endpoint", "protocol"):
        in_clear = datastore.credentials is not None and found.fields.get(name) in IN_CLEAR
        if _unmanaged(name, getattr(datastore, name, ""), change) and found.fields.get(name) and not in_clear:
            kept[name] = found.fields[name]
    if _unmanaged("tags", datastore.tags, change) and found.fields.get("tags"):
        kept["tags"] = {name: value or "" for name, value in found.fields["tags"].items()}
    return datastore.model_copy(update=kept)


def _data_left_alone(data: Data, found: ObservedData | None, change: Change) -> Data:
    """The same of a version."""
    if found is None:
        return data
    kept: dict[str, Any] = {}
    if _unmanaged("description", data.description, change):
        kept["description"] = found.description
    for name in ("tags", "properties"):
        if _unmanaged(name, getattr(data, name), change):
            kept[name] = {key: value or "" for key, value in getattr(found, name).items()}
    if data.properties is not None:
        kept["properties"] = {key: value or "" for key, value in found.properties.items()} | dict(data.properties)
    return data.model_copy(update=kept)


def _unmanaged(name: str, value: object, change: Change) -> bool:
    """Left out of the registration, or ignored by it; and with no default of ours."""
    return value is None if change.record is None else name not in change.record.fields
