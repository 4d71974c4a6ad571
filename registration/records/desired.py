"""The desired state: all stored registrations seen as one; which of them want a given workspace."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from registration.access.caller import Caller
from registration.plan import Origin
from registration.records.naming import digest
from registration.request.document import Registration
from shared.assets import Data, Datastore
from shared.stored import text, whole
from shared.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Stored:
    """A registration as it is stored. The owner is who created it, and stays. `created` and `updated` are times."""

    registration: Registration
    owner: Caller
    generation: int
    operation: str
    created: str
    updated: str
    deleted: str | None = None
    """When it was deleted: then this is its tombstone, until every workspace has acted on it."""

    @property
    def name(self) -> str:
        return self.registration.name or ""

    @property
    def origin(self) -> Origin:
        return Origin(self.name.lower(), self.created)

    @property
    def etag(self) -> str:
        """Quoted, as in HTTP. Every accepted request changes it."""
        return etag_of(self.generation, self.operation)

    def wants(self, workspace: Workspace, tags: Mapping[str, str]) -> bool:
        """Whether the workspace, which bears these tags, is one of its targets."""
        named = any(target.key == workspace.key for target in self.registration.workspaces)
        return named or any(selector.matches(workspace, tags) for selector in self.registration.selectors)

    @property
    def assets(self) -> tuple[Datastore | Data, ...]:
        """Datastores first."""
        return (*self.registration.datastores, *self.registration.data)

    def as_json(self) -> dict[str, Any]:
        value = {
            "registration": self.registration.as_json(),
            "owner": self.owner.as_json(),
            "generation": self.generation,
            "operation": self.operation,
            "created": self.created,
            "updated": self.updated,
        }
        return value if self.deleted is None else {**value, "deleted": self.deleted}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Stored:
        """Raises what `readable` turns into Damaged."""
        created, updated, deleted = text(value["created"]), text(value["updated"]), value.get("deleted")
        for time in (created, updated, created if deleted is None else text(deleted)):
            datetime.fromisoformat(time)
        if not re.fullmatch(r"[\w-][\w.-]{0,199}", text(value["operation"]), re.ASCII):
            raise ValueError("this is no operation's id")
        registration = Registration.accepted(value["registration"])
        owner, generation = Caller.from_json(value["owner"]), whole(value["generation"])
        return cls(registration, owner, generation, value["operation"], created, updated, deleted)


def etag_of(generation: int, operation: str) -> str:
    return f'"{generation}-{digest(operation.encode())[:16]}"'


@dataclass(frozen=True)
class DesiredState:
    """All registrations at one time."""

    registrations: tuple[Stored, ...] = ()
    """The living ones, the earliest first: the order of precedence."""
    tombstones: tuple[Stored, ...] = ()
    damaged: tuple[str, ...] = ()
    """Names of documents that cannot be read. What they want nobody knows, so nothing is pruned meanwhile."""

    @classmethod
    def of_all(cls, stored: Iterable[Stored], damaged: Iterable[str] = ()) -> DesiredState:
        ordered = sorted(stored, key=lambda item: (item.created, item.origin.name))
        living = tuple(item for item in ordered if item.deleted is None)
        return cls(living, tuple(item for item in ordered if item.deleted is not None), tuple(sorted(damaged)))

    def of(self, workspace: Workspace, tags: Mapping[str, str]) -> tuple[Stored, ...]:
        """The living registrations that want this workspace, in order of precedence."""
        found = [*self._explicit.get(workspace.key, ())]
        found += [
            stored
            for stored in self._selecting
            if stored.wants(workspace, tags) and workspace.key not in self._keys[stored.origin]
        ]
        return tuple(sorted(found, key=lambda item: (item.created, item.origin.name)))

    def names(self, workspace: Workspace) -> bool:
        """Whether a living registration names this workspace itself."""
        return workspace.key in self._explicit

    def naming(self, workspace: Workspace) -> tuple[Stored, ...]:
        """The living registrations that name this workspace itself."""
        return tuple(self._explicit.get(workspace.key, ()))

    def get(self, name: str) -> Stored | None:
        """The living registration of this name."""
        return self._by_name.get(name.lower())

    def with_(self, stored: Stored) -> DesiredState:
        """As if `stored` were the registration of its name."""
        others = [item for item in self._all() if item.origin.name != stored.origin.name]
        return DesiredState.of_all([*others, stored], self.damaged)

    def _all(self) -> tuple[Stored, ...]:
        return (*self.registrations, *self.tombstones)

    @cached_property
    def known(self) -> dict[Origin, Stored]:
        """Every registration, living or deleted."""
        return {stored.origin: stored for stored in self._all()}

    @cached_property
    def _by_name(self) -> dict[str, Stored]:
        return {stored.origin.name: stored for stored in self.registrations}

    @cached_property
    def _keys(self) -> dict[Origin, frozenset[str]]:
        return {
            stored.origin: frozenset(target.key for target in stored.registration.workspaces)
            for stored in self.registrations
        }

    @cached_property
    def _explicit(self) -> dict[str, list[Stored]]:
        found: dict[str, list[Stored]] = {}
        for stored in self.registrations:
            for key in self._keys[stored.origin]:
                found.setdefault(key, []).append(stored)
        return found

    @cached_property
    def _selecting(self) -> tuple[Stored, ...]:
        return tuple(stored for stored in self.registrations if stored.registration.selectors)
