"""What one run is to do in one workspace, and what it knows on its way."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime

from registration.access.caller import Caller
from registration.access.policy import Access, Action, Rights, policy_name
from registration.plan import Key, Origin
from registration.records.desired import DesiredState, Stored
from registration.records.inventory import State
from registration.work.verdicts import AssetResult
from shared.assets import Observed
from shared.azureml.observed import Credential
from shared.workspace import Workspace


@dataclass(frozen=True)
class Job:
    """What one run is to do in one workspace."""

    desired: DesiredState
    rights: Callable[[Caller, Action], Rights]
    now: datetime
    only: frozenset[Origin] | None = None
    """The registrations that the run is about; None: all of them."""
    reach: Rights | None = None
    """What the run's sender may have reconciled; None: everything."""
    asks: Action = Action.REGISTER
    """What a registration's owner must be allowed to do with an asset."""
    looks: int | None = None
    """How many versions may be read beyond those that must be; None: all of them."""
    dry_run: bool = False
    prunes: bool = True

    @property
    def about(self) -> frozenset[str] | None:
        """Names of the registrations that the run covers whole; None: all."""
        if self.reach is not None:
            return frozenset()
        return None if self.only is None else frozenset(origin.name for origin in self.only)

    def covers(self, stored: Stored) -> bool:
        return self.only is None or stored.origin in self.only

    def reaches(self, workspace: Workspace, asset: str) -> bool:
        return self.reach is None or self.reach.allows(Access(workspace.key, policy_name(asset)))


@dataclass
class Work:
    """One run over one workspace."""

    job: Job
    workspace: Workspace
    state: State
    observed: Observed
    pool: Executor
    wanting: tuple[Stored, ...]
    """The registrations that want this workspace, in order of precedence."""
    credentials: dict[Key, Credential] = field(default_factory=dict)
    refused: dict[Key, AssetResult] = field(default_factory=dict)
    """Assets that do not get as far as the plan."""

    def acts(self, stored: Stored, asset: str) -> bool:
        """Whether the run is about this asset of this registration."""
        return self.job.covers(stored) and self.job.reaches(self.workspace, asset)
