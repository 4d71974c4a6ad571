"""An operation as it was accepted: a frozen snapshot of what is to be done, for whom, in which workspaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from registration.access.caller import Caller
from registration.request.document import Registration
from registration.request.targets import Selector
from shared.stored import flag, listing, moment, text, texts, whole
from shared.workspace import Workspace, is_guid


class Kind(StrEnum):
    """What an operation is about."""

    REGISTER = "register"
    """A registration was accepted."""
    REMOVE = "remove"
    """A registration was deleted."""
    RECONCILE = "reconcile"
    """The stored desired state."""
    PLAN = "plan"
    """What accepting a registration would change."""


class Depth(StrEnum):
    """How many versions of data are looked at, beyond those that must be."""

    SHALLOW = "shallow"
    ROTATION = "rotation"
    """As many as the throttle's budget allows, those that were looked at longest ago first."""
    DEEP = "deep"


@dataclass(frozen=True, slots=True)
class Lost:
    """Targets that could not be found out. `place`: `subscription/group/*`, or with `*` for any group."""

    place: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What a reconciliation covers. `names`: of registrations, in lower case; None: all of them. `named` and
    `selected`: the workspaces that were asked for; neither: all."""

    names: tuple[str, ...] | None = None
    named: tuple[Workspace, ...] = ()
    selected: tuple[Selector, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """What was accepted, from whom, for which workspaces."""

    id: str
    kind: Kind
    caller: Caller
    created: datetime
    deadline: datetime
    workspaces: tuple[Workspace, ...] = ()
    pending: bool = False
    """More workspaces may be its own: they are still to be found out, by its first message."""
    lost: tuple[Lost, ...] = ()
    warnings: tuple[str, ...] = ()
    """What its sender should know, and what fails nothing."""
    registration: Registration | None = None
    """Of every kind but RECONCILE."""
    generation: int = 0
    born: str = ""
    """When its registration was first created: generations count from there, and a later namesake is another."""
    owner: Caller | None = None
    """The registration's, whose rights decide."""
    scope: Scope = field(default_factory=Scope)
    """Of RECONCILE alone."""
    depth: Depth = Depth.ROTATION
    dry_run: bool = False
    retry_of: str | None = None

    @property
    def name(self) -> str:
        return (self.registration.name if self.registration is not None else None) or ""

    @property
    def total(self) -> int:
        return len(self.workspaces) + len(self.lost)

    def assets(self) -> list[str] | None:
        """The assets' names as the policy knows them: `datastores/<name>`, `data/<name>`. None: whatever there is."""
        if self.registration is None:
            return None
        names = [datastore.id for datastore in self.registration.datastores]
        return names + [f"data/{data.name}" for data in self.registration.data]

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "kind": self.kind.value,
            "caller": self.caller.as_json(),
            "created": self.created.isoformat(),
            "deadline": self.deadline.isoformat(),
            "workspaces": [workspace.model_dump() for workspace in self.workspaces],
            "pending": self.pending,
            "lost": [{"place": it.place, "code": it.code, "message": it.message} for it in self.lost],
            "warnings": list(self.warnings),
            "registration": None if self.registration is None else self.registration.as_json(),
            "generation": self.generation,
            "born": self.born,
            "owner": None if self.owner is None else self.owner.as_json(),
            "scope": {
                "names": self.scope.names,
                "named": [workspace.model_dump() for workspace in self.scope.named],
                "selected": [selector.model_dump(exclude_none=True) for selector in self.scope.selected],
            },
            "depth": self.depth.value,
            "dry_run": self.dry_run,
            "retry_of": self.retry_of,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Operation:
        """An operation that was stored. Raises what `readable` turns into Damaged."""
        scope, registration, owner = value["scope"], value["registration"], value["owner"]
        kind, born, retry_of = Kind(value["kind"]), text(value["born"]), value["retry_of"]
        if (registration is None) != (kind is Kind.RECONCILE) or (born and not moment(born)):
            raise ValueError("this operation is about nothing")
        if not is_guid(value["id"]) or not (retry_of is None or is_guid(retry_of)):
            raise ValueError("this is no operation's id")
        return cls(
            id=value["id"],
            kind=kind,
            caller=Caller.from_json(value["caller"]),
            created=moment(value["created"]),
            deadline=moment(value["deadline"]),
            workspaces=tuple(Workspace.model_validate(workspace) for workspace in listing(value["workspaces"])),
            pending=flag(value["pending"]),
            lost=tuple(Lost(text(it["place"]), text(it["code"]), text(it["message"])) for it in listing(value["lost"])),
            warnings=texts(value["warnings"]),
            registration=None if registration is None else Registration.accepted(registration),
            generation=whole(value["generation"]),
            born=born,
            owner=None if owner is None else Caller.from_json(owner),
            scope=Scope(
                None if scope["names"] is None else texts(scope["names"]),
                tuple(Workspace.model_validate(workspace) for workspace in listing(scope["named"])),
                tuple(Selector.model_validate(selector) for selector in listing(scope["selected"])),
            ),
            depth=Depth(value["depth"]),
            dry_run=flag(value["dry_run"]),
            retry_of=retry_of,
        )

    def metadata(self) -> dict[str, str]:
        """Enough to answer for the operation even if its document is damaged."""
        metadata = {
            "kind": self.kind.value,
            "caller": self.caller.id,
            "created": self.created.isoformat(),
            "deadline": self.deadline.isoformat(),
        }
        metadata |= {"pending": "true"} if self.pending else {"total": str(self.total)}
        if self.registration is not None:
            metadata |= {"registration": self.name, "generation": str(self.generation)}
        if self.dry_run:
            metadata["dryrun"] = "true"
        if self.warnings:
            metadata["warnings"] = str(len(self.warnings))
        return metadata if self.retry_of is None else {**metadata, "retryof": self.retry_of}
