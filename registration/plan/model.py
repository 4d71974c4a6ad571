"""The words of the plan: what is wanted and by whom, what was applied, what is to be changed and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

from shared.assets import Data, Datastore


class Action(StrEnum):
    """What is to be done with one asset in one workspace."""

    CREATE = "create"
    UPDATE = "update"
    NEW_VERSION = "new_version"
    ARCHIVE = "archive"
    DELETE = "delete"
    ADOPT = "adopt"
    """There already as wanted, made by someone else: recorded, not written."""
    CONFLICT = "conflict"
    """It cannot be as wanted: it is there otherwise and cannot be changed, or another registration wants it so."""
    NONE = "none"


REMOVALS = frozenset({Action.ARCHIVE, Action.DELETE})
WRITES = frozenset({Action.CREATE, Action.UPDATE, Action.NEW_VERSION}) | REMOVALS


class Why(StrEnum):
    """Why a field needs a change, or gets none."""

    MISSING = "missing"
    DIFFERS = "differs"
    """From what somebody else made."""
    IN_REGISTRATION = "changed in registration"
    IN_WORKSPACE = "changed in workspace"
    OVERWRITTEN = "changed in workspace, and written over with the rest"
    """Drift that was only to be reported, of an asset that is written whole for another reason."""
    IMMUTABLE = "immutable"
    SECRET_UNKNOWN = "secret unknown"  # noqa: S105 - a reason
    SECRET_ROTATED = "secret rotated"  # noqa: S105 - a reason
    RIVAL = "wanted otherwise by another registration"
    UNWANTED = "no longer in the registration"
    OLD = "older than the versions to keep"
    GUARDED = "kept: the workspace's whole desired state turned empty"
    IN_USE = "kept: data that a registration wants lies behind it"


class Origin(NamedTuple):
    """A registration from its birth to its end: a later namesake is another. `name` in lower case; `born` a time."""

    name: str
    born: str


@dataclass(frozen=True, slots=True)
class Sync:
    """A registration's sync options, each with its safe default."""

    drift: str = "heal"
    """`heal`, or `report`: what was changed in the workspace is told and left."""
    prune: str = "keep"
    """`keep`, or `archive`: what the registration made and no longer wants is archived; datastores are deleted."""
    allow_empty: bool = False
    """Prune even where nothing at all is wanted in the workspace any more."""
    keep_versions: int | None = None
    """How many versions of a data asset stay; older ones that the registration made are archived."""
    suspend: bool = False
    ignore: tuple[str, ...] = ()
    """Fields that are written when an asset is made, and not looked at again."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one field needs a change. Secrets have no `found` and no `wanted`."""

    field: str
    reason: Why
    found: Any = None
    wanted: Any = None

    def as_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"field": self.field, "reason": self.reason.value}
        if self.found is not None or self.wanted is not None:
            body |= {"found": self.found, "wanted": self.wanted}
        return body


@dataclass(frozen=True, slots=True)
class WantedDatastore:
    """A datastore with its references read.

    `principal`: the parts of its credentials that can be compared; those in `private` came from a vault, and are
    compared but never shown or kept. `secrets`: field -> address and version of the secret, never its value; of those
    in `private`, too.
    """

    datastore: Datastore
    principal: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    private: frozenset[str] = frozenset()
    defaults: Mapping[str, str] = field(default_factory=dict)
    """What is written for fields that the registration leaves out, and where the credentials would go: endpoint,
    protocol, authority. Compared wherever the workspace says anything of them."""

    @property
    def id(self) -> str:
        return self.datastore.id


@dataclass(frozen=True, slots=True)
class Claim:
    """One registration's wish for one asset. One that is `held` is not to be acted upon (out of the run's scope,
    suspended, refused by the policy), yet it holds the asset against later ones and against pruning."""

    origin: Origin
    wanted: WantedDatastore | Data
    sync: Sync = Sync()
    held: bool = False
    void: bool = False
    """Its owner may not have it: it stands against nobody, and only keeps what was made for it from being pruned."""


@dataclass(frozen=True, slots=True)
class Desired:
    """What all registrations together want of one workspace."""

    claims: tuple[Claim, ...] = ()
    """In order of precedence: the earliest registration first. Every data asset has its version."""
    prunable: Mapping[Origin, Sync] = field(default_factory=dict)
    """The registrations, living or deleted, whose leftovers are this run's affair, with their options."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What we last saw to be right in the workspace for one asset."""

    fields: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict)
    origin: Origin | None = None
    """Whom it was applied for."""
    made: bool = False
    """Whether we created it, for `origin`."""
    at: str = ""
    """When it was first recorded: an ISO 8601 time, by which versions are ordered."""
    asset: str = field(default="", compare=False)
    """Its id as the registration writes it: names and versions keep their case."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What we applied to one workspace last. Keys are asset ids and names in lower case."""

    assets: Mapping[str, Applied] = field(default_factory=dict)
    intents: Mapping[str, Applied] = field(default_factory=dict)
    """What was about to be written or removed when the inventory was written last, and may have been: what the
    inventory was to say of it."""
    latest: Mapping[str, str] = field(default_factory=dict)
    """Data asset -> the latest version that the workspace named when its versions were last read."""


Key = tuple[str, Origin]
"""What tells the changes of a plan apart: two registrations may want one asset."""


@dataclass(frozen=True, slots=True)
class Change:
    """One asset's part of the plan. `wanted` is None for a removal; `record` what the inventory says afterwards."""

    asset: str
    action: Action
    origin: Origin
    wanted: WantedDatastore | Data | None = None
    reasons: tuple[Reason, ...] = ()
    record: Applied | None = None
    rival: str | None = None
    """The registration that wants the asset otherwise and came first."""
    removes: Applied | None = None
    """Of a removal: what the inventory says before it."""

    @property
    def key(self) -> Key:
        return self.asset, self.origin

    @property
    def intent(self) -> Applied | None:
        """What is noted before the change is written, so that a run after one that was killed knows its work again;
        None when nothing is written."""
        if self.action not in WRITES:
            return None
        if self.removes is not None and self.action is Action.ARCHIVE:
            return replace(self.removes, fields={**self.removes.fields, "archived": True})
        return self.removes or self.record

    @property
    def drifted(self) -> bool:
        """It is not as wanted, and stays so: the registration says that drift is reported."""
        return self.action is Action.NONE and bool(self.reasons) and not self.guarded

    @property
    def guarded(self) -> bool:
        """It is not wanted any more, and kept all the same."""
        return any(reason.reason in {Why.GUARDED, Why.IN_USE} for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes that lead from observed to desired: datastores first, then data, each in order of precedence;
    then removals."""

    changes: tuple[Change, ...] = ()
    forgotten: frozenset[str] = frozenset()
    """Entries of the inventory about assets that nobody wants and that are gone, or that we did not make."""
    unmanaged: tuple[str, ...] = ()
    """`datastores/<name>` and `data/<name>` that are there, that no registration wants and the plan leaves alone."""
