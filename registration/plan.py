"""The plan: desired × inventory × observed → what to change, and why, field by field.

Pure: no clock, no network, no logging. Three sides are compared: what the registration wants, what we applied last,
and what the workspace holds now. The third tells a change in the registration from a change in the workspace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shared.assets import Data, Datastore, Observed, ObservedDatastore


class Action(StrEnum):
    """What is to be done with one asset in one workspace."""

    CREATE = "create"
    UPDATE = "update"
    NEW_VERSION = "new_version"
    ADOPT = "adopt"
    """There already as wanted, made by someone else: recorded, not written."""
    CONFLICT = "conflict"
    """There already, otherwise than wanted, and it cannot be changed."""
    NONE = "none"


WRITES = frozenset({Action.CREATE, Action.UPDATE, Action.NEW_VERSION})


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one field needs a change. Secrets have no `found` and no `wanted`."""

    field: str
    reason: str
    found: Any = None
    wanted: Any = None

    def as_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"field": self.field, "reason": self.reason}
        if self.found is not None or self.wanted is not None:
            body |= {"found": self.found, "wanted": self.wanted}
        return body


@dataclass(frozen=True, slots=True)
class WantedDatastore:
    """A datastore with its references read.

    `principal`: the parts of its credentials that can be compared; those in `private` came from a vault, and are
    compared but never shown or kept. `secrets`: field -> address and version of the secret, never its value.
    """

    datastore: Datastore
    principal: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    private: frozenset[str] = frozenset()

    def fields(self) -> dict[str, Any]:
        """What is compared. A field that the registration leaves out is not managed, and not here."""
        credentials = self.datastore.credentials
        fields = self.datastore.place()
        fields["credentials"] = "None" if credentials is None else credentials.KIND
        fields |= {name: value.lower().rstrip("/") for name, value in self.principal.items()}
        if self.datastore.description is not None:
            fields["description"] = self.datastore.description
        if self.datastore.tags is not None:
            fields["tags"] = dict(self.datastore.tags)
        return fields


@dataclass(frozen=True, slots=True)
class Applied:
    """What we last saw to be right in the workspace for one asset."""

    fields: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict)


Inventory = Mapping[str, Applied]
"""Asset id, in lower case -> what we applied."""


@dataclass(frozen=True, slots=True)
class Desired:
    """The assets that one workspace must hold. Every data asset has its version."""

    datastores: tuple[WantedDatastore, ...] = ()
    data: tuple[Data, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One asset's part of the plan."""

    asset: str
    action: Action
    wanted: WantedDatastore | Data
    reasons: tuple[Reason, ...] = ()

    def applied(self) -> Applied:
        """What the inventory will say once the change is made."""
        if isinstance(self.wanted, WantedDatastore):
            kept = {name: value for name, value in self.wanted.fields().items() if name not in self.wanted.private}
            return Applied(kept, dict(self.wanted.secrets))
        fields = {"type": self.wanted.type, "path": self.wanted.registered_path}
        definition = self.wanted.definition
        return Applied(fields if definition is None else {**fields, "mltable": definition})


def make_plan(desired: Desired, inventory: Inventory, observed: Observed) -> tuple[Change, ...]:
    """The changes, datastores first, in the order of the registration."""
    datastores = (_datastore(wanted, inventory, observed) for wanted in desired.datastores)
    data = (_data(wanted, inventory, observed) for wanted in desired.data)
    return (*datastores, *data)


def _datastore(wanted: WantedDatastore, inventory: Inventory, observed: Observed) -> Change:
    asset = wanted.datastore.id
    found = observed.datastores.get(wanted.datastore.name.lower())
    applied = inventory.get(asset.lower())
    if found is None:
        return Change(asset, Action.CREATE, wanted, (Reason("name", "missing"),))
    if found.type != wanted.datastore.type:
        return Change(asset, Action.CONFLICT, wanted, (Reason("type", "immutable", found.type, wanted.datastore.type),))
    reasons = (*_fields(wanted, found, applied), *_secrets(wanted.secrets, applied))
    if reasons:
        return Change(asset, Action.UPDATE, wanted, tuple(reasons))
    return Change(asset, Action.NONE if applied is not None else Action.ADOPT, wanted)


def _fields(wanted: WantedDatastore, found: ObservedDatastore, applied: Applied | None) -> Iterable[Reason]:
    for name, value in wanted.fields().items():
        if found.fields.get(name) == value:
            continue
        if applied is None or name not in applied.fields:
            reason = "differs"
        elif applied.fields[name] == value:
            reason = "changed in workspace"
        else:
            reason = "changed in registration"
        if name in wanted.private:
            yield Reason(name, reason)
        else:
            yield Reason(name, reason, found.fields.get(name), value)


def _secrets(wanted: Mapping[str, str], applied: Applied | None) -> Iterable[Reason]:
    """Secrets cannot be read back, so their versions are compared with those that we wrote."""
    for name, version in wanted.items():
        if applied is None or name not in applied.secrets:
            yield Reason(name, "secret unknown")
        elif applied.secrets[name] != version:
            yield Reason(name, "secret rotated")


def _data(wanted: Data, inventory: Inventory, observed: Observed) -> Change:
    if wanted.version is None:
        raise ValueError(f"{wanted.id} has no version")
    found = observed.data.get((wanted.name.lower(), wanted.version.lower()))
    if found is None:
        known = wanted.name.lower() in observed.names
        return Change(
            wanted.id, Action.NEW_VERSION if known else Action.CREATE, wanted, (Reason("version", "missing"),)
        )
    pairs: list[tuple[str, Any, Any]] = [
        ("type", found.type, wanted.type),
        ("path", found.path, wanted.registered_path),
    ]
    applied = inventory.get(wanted.id.lower())
    if applied is not None and wanted.definition is not None:
        pairs.append(("mltable", applied.fields.get("mltable"), wanted.definition))
    reasons = tuple(Reason(name, "immutable", there, here) for name, there, here in pairs if there != here)
    if reasons:
        return Change(wanted.id, Action.CONFLICT, wanted, reasons)
    return Change(wanted.id, Action.ADOPT if applied is None else Action.NONE, wanted)
