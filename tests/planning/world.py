"""A small world: registrations, one workspace that behaves as Azure does, and runs over it that may be cut off.

What is checked at every write, whatever the run: Azure would take it, and a removal takes away only what we made and
nobody wants.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from registration.access.caller import Caller
from registration.plan import (
    REMOVALS,
    WRITES,
    Action,
    Change,
    Claim,
    Desired,
    Origin,
    Plan,
    Sync,
    WantedDatastore,
    make_plan,
    must_look,
)
from registration.records.inventory import State
from registration.records.snapshot import Kind, Operation
from registration.work.history import after, intending
from registration.work.verdicts import AssetResult, Reconciled, done, settled, waiting
from shared.assets import Data, Observed, ObservedContainer, ObservedData, ObservedDatastore
from shared.errors import Temporary

START = datetime(2026, 1, 1, tzinfo=UTC)
NIGHTLY = Operation("nightly", Kind.RECONCILE, Caller("", ""), START, START)
STRANGER = Origin("", "")
DEFAULT = Sync()
Wanted = WantedDatastore | Data


@dataclass(frozen=True)
class Registration:
    """A registration; `wants` is empty once it is deleted or names the workspace no more."""

    origin: Origin
    wants: tuple[Wanted, ...] = ()
    sync: Sync = DEFAULT


@dataclass(frozen=True)
class Run:
    """How one run goes. `only`: the registrations it is about; `kill`: after how many writes the host is lost;
    `doubt`: which write's answer is lost, and whether Azure carried it out; `seed`: the order of writes."""

    only: frozenset[Origin] | None = None
    deep: bool = True
    kill: int | None = None
    doubt: tuple[int, bool] | None = None
    seed: int = 0


@dataclass
class Azure:
    """The workspace. Keys are in lower case; `makers` says for whom each asset was made."""

    datastores: dict[str, ObservedDatastore] = field(default_factory=dict)
    containers: dict[str, ObservedContainer] = field(default_factory=dict)
    versions: dict[tuple[str, str], ObservedData] = field(default_factory=dict)
    secrets: dict[str, Mapping[str, str]] = field(default_factory=dict)
    makers: dict[str, Origin] = field(default_factory=dict)

    def contents(self) -> tuple[Any, ...]:
        """All that a person sees there, but for the letters of names; and the secrets, which nobody sees."""
        archived = {key: container.archived for key, container in self.containers.items()}
        stores = {key: (found.type, found.fields) for key, found in self.datastores.items()}
        versions = {key: found.model_dump(exclude={"name"}) for key, found in self.versions.items()}
        return stores, archived, versions, self.secrets

    def observed(self, looks: Collection[tuple[str, str]] = ()) -> Observed:
        data = {key: self.versions.get(key) for key in looks if key[0] in self.containers}
        return Observed("id", {}, dict(self.datastores), dict(self.containers), data)

    def put_datastore(self, wanted: WantedDatastore, managed: Collection[str] | None, maker: Origin) -> None:
        """`managed`: the fields that an update writes, None for a creation; the others stay as they are."""
        store, key = wanted.datastore, wanted.datastore.name.lower()
        found = self.datastores.get(key)
        assert (found is None) == (managed is None), "only what is missing is created"
        assert found is None or found.type == store.type, "Azure keeps a datastore's type"
        fields = store.place() | dict(wanted.principal) | {"tags": {}, "description": None}
        fields["credentials"] = "None" if store.credentials is None else store.credentials.KIND
        for name in ("tags", "description"):
            if found is not None and (getattr(store, name) is None or name not in (managed or ())):
                fields[name] = found.fields[name]
            elif getattr(store, name) is not None:
                fields[name] = getattr(store, name) or (None if name == "description" else {})
        self.datastores[key] = ObservedDatastore(
            name=store.name if found is None else found.name, type=store.type, fields=fields
        )
        self.secrets[key] = wanted.secrets
        self.makers.setdefault(store.id.lower(), maker)

    def put_version(self, data: Data, managed: Collection[str] | None, maker: Origin) -> None:
        key = data.name.lower(), (data.version or "").lower()
        found, container = self.versions.get(key), self.containers.get(key[0])
        assert (found is None) == (managed is None), "only what is missing is created"
        assert found is None or (found.path, found.type) == (data.path, data.type), "Azure refuses another path"
        version = found or ObservedData(name=data.name, version=data.version or "", type=data.type, path=data.path)
        given = {name: getattr(data, name) for name in ("tags", "description") if getattr(data, name) is not None}
        if given.get("description") == "":
            given["description"] = None  # what is empty is read as nothing
        if managed is None:
            archived = container is not None and container.archived
        else:
            given = {name: value for name, value in given.items() if name in managed}
            archived = version.archived and "archived" not in managed
            assert not (container and container.archived and version.archived and not archived), "Azure refuses it"
        self.versions[key] = version.model_copy(update={**given, "archived": archived})
        if container is None or managed is None:
            name = data.name if container is None else container.name
            self.containers[key[0]] = ObservedContainer(name, key[1], archived)
        self.makers.setdefault(data.id.lower(), maker)

    def archive(self, name: str, version: str) -> None:
        self.versions[name, version] = self.versions[name, version].model_copy(update={"archived": True})

    def archive_all(self, name: str) -> None:
        self.containers[name] = replace(self.containers[name], archived=True)
        for key in [key for key in self.versions if key[0] == name]:
            self.archive(*key)

    def delete(self, name: str) -> None:
        del self.datastores[name], self.secrets[name], self.makers[f"datastores/{name}"]


@dataclass
class World:
    azure: Azure = field(default_factory=Azure)
    state: State = field(default_factory=State)
    registrations: tuple[Registration, ...] = ()
    """In any order."""
    runs: int = 0
    written: set[str] = field(default_factory=set)
    """Ids of what was written."""

    def copy(self) -> World:
        return copy.deepcopy(self)

    def claimed(self) -> set[str]:
        return {wanted.id.lower() for it in self.registrations for wanted in it.wants}

    def desired(self, run: Run) -> Desired:
        ordered = sorted(self.registrations, key=lambda it: (it.origin.born, it.origin.name))
        covered = {it.origin for it in ordered if run.only is None or it.origin in run.only}
        claims = [
            Claim(it.origin, wanted, it.sync, held=it.sync.suspend or it.origin not in covered)
            for it in ordered
            for wanted in it.wants
        ]
        prunable = {it.origin: it.sync for it in ordered if it.origin in covered and not it.sync.suspend}
        return Desired(tuple(claims), prunable)

    def plan(self, run: Run = Run()) -> tuple[Plan, Observed]:
        desired, inventory = self.desired(run), self.state.inventory
        looks = must_look(desired, inventory, self.azure.observed())
        if run.deep:
            data = [claim.wanted for claim in desired.claims if isinstance(claim.wanted, Data) and not claim.held]
            looks |= {(it.name.lower(), (it.version or "").lower()) for it in data}
        observed = self.azure.observed(looks)
        return make_plan(desired, inventory, observed, self.now), observed

    def writes(self, run: Run = Run()) -> list[Change]:
        return [change for change in self.plan(run)[0].changes if change.action in WRITES]

    @property
    def now(self) -> str:
        return (START + timedelta(days=self.runs)).isoformat()

    def go(self, run: Run = Run()) -> list[Change]:
        """One run from start to end, or to where it is cut off. Returns what was written, or may have been."""
        plan, observed = self.plan(run)
        intents = {change.asset.lower(): change.intent for change in plan.changes if change.intent is not None}
        if intents:
            self.state = intending(self.state, observed, intents)
        results = [settled(change) for change in plan.changes if change.action not in WRITES]
        writes = _shuffled(plan, run.seed)
        for number, change in enumerate(writes):
            if number == run.kill:
                return writes[:number]
            results.append(self._write(change, number, run.doubt))
        if run.kill is not None and writes:
            return writes  # the last write was made, and nothing was recorded
        claimed = frozenset(self.claimed())
        reconciled = Reconciled(
            observed,
            tuple(results),
            plan.forgotten,
            plan.unmanaged,
            about=None if run.only is None else frozenset(it.name for it in run.only),
            claimed=claimed,
        )
        self.state = after(self.state, reconciled, NIGHTLY, self.now)
        self.runs += 1
        return writes

    def _write(self, change: Change, number: int, doubt: tuple[int, bool] | None) -> AssetResult:
        lost = doubt is not None and doubt[0] == number
        if not (lost and doubt is not None and not doubt[1]):
            self._apply(change)
        return waiting(change, Temporary("Lost", "The answer was lost.")) if lost else done(change)

    def _apply(self, change: Change) -> None:
        asset = change.asset.lower()
        self.written.add(asset)
        kind, name, *version = asset.split("/")
        if change.action in REMOVALS:
            assert asset not in self.claimed(), "what somebody wants is removed"
            assert self.azure.makers[asset] == change.origin, "what was not made for this registration is removed"
            if kind == "datastores":
                self.azure.delete(name)
            else:
                self.azure.archive(name, version[0])
            return
        assert change.record is not None
        managed = change.record.fields if change.action is Action.UPDATE else None
        if isinstance(change.wanted, Data):
            self.azure.put_version(change.wanted, managed, change.origin)
        elif change.wanted is not None:
            self.azure.put_datastore(change.wanted, managed, change.origin)


def _shuffled(plan: Plan, seed: int) -> list[Change]:
    """The writes as they are made: datastores, data, removals; within each, in any order."""
    writes = [change for change in plan.changes if change.action in WRITES]
    random.Random(seed).shuffle(writes)
    return sorted(writes, key=lambda change: (change.wanted is None, isinstance(change.wanted, Data)))


def made_for(world: World) -> dict[str, Origin]:
    """Assets that the inventory knows to be made, and for whom."""
    known: Sequence[Mapping[str, Any]] = (world.state.inventory.intents, world.state.inventory.assets)
    return {asset: it.origin for entries in known for asset, it in entries.items() if it.made}
