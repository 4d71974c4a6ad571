"""What a message is to do: the operation it belongs to, and for each workspace the job that follows from it."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from registration.access.caller import Caller
from registration.access.policy import Action, Policy, Rights
from registration.plan import Origin
from registration.records.catalog import Catalog
from registration.records.desired import DesiredState
from registration.records.inventory import State
from registration.records.operations import Operations, stored_by
from registration.records.snapshot import Depth, Kind, Operation
from registration.work.job import Job
from shared import logs
from shared.throttle import LIMITS
from shared.workspace import Workspace

log = logs.get_log(__name__)

KEPT = 8
"""Operations whose documents are kept in memory."""

ROTATION_SECONDS = 600.0
"""Of a subscription's read bucket, a run spends what refills in this time on versions that it need not read."""


@dataclass(frozen=True)
class Assignment:
    """An operation as its messages see it."""

    operation: Operation
    catalog: Catalog
    policy: Callable[[], Policy]
    clock: Callable[[], datetime]
    workspaces: dict[str, Workspace] = field(default_factory=dict)
    """By key."""
    crowd: Counter[str] = field(default_factory=Counter)
    """Subscription -> how many of the workspaces are in it."""

    def names(self, workspace: Workspace) -> bool:
        """Whether anybody names this workspace itself: the registration that the operation is about, or any stored
        one, or the operation's sender."""
        operation = self.operation
        asked = {it.key for it in operation.scope.named}
        if operation.registration is not None and operation.kind is not Kind.REMOVE:
            asked |= {it.key for it in operation.registration.workspaces}
        return workspace.key in asked or self.catalog.current().names(workspace)

    def job(self, workspace: Workspace, state: State) -> Job | None:
        """What is to be done in one workspace; None when a newer request has overtaken this one."""
        operation = self.operation
        policy = self.policy()
        if operation.kind is Kind.RECONCILE:
            return self._reconciliation(workspace, policy)
        stored = stored_by(operation)
        desired = self.catalog.current()
        known = desired.known.get(stored.origin)
        newer = state.newest(operation.name, operation.born)
        prunes = known is None or known.generation <= operation.generation
        if operation.kind is Kind.REGISTER:
            again = operation.retry_of is not None and known is not None and known.generation > operation.generation
            if newer > operation.generation or known is None or known.deleted is not None or again:
                log.info("The registration was replaced or deleted since.", generation=operation.generation)
                return None
            desired = desired.with_(stored)
        elif operation.kind is Kind.PLAN:
            desired = desired.with_(stored)
        elif not prunes or known is None or known.deleted is None:
            log.info("The registration was created again since.")
            return None
        return Job(
            desired=desired,
            rights=self._planner if operation.kind is Kind.PLAN else policy.of,
            now=self.clock(),
            only=frozenset({stored.origin}),
            asks=Action.PLAN if operation.kind is Kind.PLAN else Action.REGISTER,
            dry_run=operation.dry_run,
            prunes=prunes,
        )

    def _planner(self, owner: Caller, action: Action) -> Rights:
        """Whoever asks for a plan needs the right to plan; what would be done needs the owner's."""
        return self.policy().of(self.operation.caller if action is Action.PLAN else owner, action)

    def _reconciliation(self, workspace: Workspace, policy: Policy) -> Job:
        operation = self.operation
        desired = self.catalog.current()
        sends = Action.PLAN if operation.dry_run else Action.RECONCILE
        return Job(
            desired=desired,
            rights=policy.of,
            now=self.clock(),
            only=_only(desired, operation.scope.names),
            reach=None if operation.caller.is_service else policy.of(operation.caller, sends),
            looks=self._looks(workspace),
            dry_run=operation.dry_run,
        )

    def _looks(self, workspace: Workspace) -> int | None:
        if self.operation.depth is Depth.DEEP:
            return None
        if self.operation.depth is Depth.SHALLOW:
            return 0
        return int(ROTATION_SECONDS * LIMITS["reads"][1] / max(self.crowd[workspace.subscription_id], 1))


class Assignments:
    """Reads operations. They do not change once their workspaces' messages are out, so a few are kept."""

    def __init__(
        self,
        operations: Operations,
        catalog: Catalog,
        policy: Callable[[], Policy],
        clock: Callable[[], datetime],
    ) -> None:
        self._operations = operations
        self._catalog = catalog
        self._policy = policy
        self._clock = clock
        self._kept: OrderedDict[str, Assignment] = OrderedDict()
        self._reading: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def of(self, operation_id: str) -> Assignment | None:
        """None where there is no such operation. Raises Damaged. An operation's messages come all at once: the first
        of them reads it, and the others wait for that."""
        with self._lock:
            if operation_id in self._kept:
                self._kept.move_to_end(operation_id)
                return self._kept[operation_id]
            reading = self._reading.setdefault(operation_id, threading.Lock())
        try:
            with reading:
                return self._kept.get(operation_id) or self._read(operation_id)
        finally:
            with self._lock:
                self._reading.pop(operation_id, None)

    def _read(self, operation_id: str) -> Assignment | None:
        operation = self._operations.get(operation_id)
        if operation is None:
            return None
        assignment = self.unstored(operation)
        if not operation.pending:
            with self._lock:
                self._kept[operation_id] = assignment
                if len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        return assignment

    def unstored(self, operation: Operation) -> Assignment:
        """Of an operation that need not be stored. Whatever was stored before it was accepted is seen by its work."""
        self._catalog.current(fresh=0.0)
        return Assignment(
            operation,
            self._catalog,
            self._policy,
            self._clock,
            {workspace.key: workspace for workspace in operation.workspaces},
            Counter(workspace.subscription_id for workspace in operation.workspaces),
        )

    def forget(self, operation_id: str) -> None:
        with self._lock:
            self._kept.pop(operation_id, None)


def _only(desired: DesiredState, names: tuple[str, ...] | None) -> frozenset[Origin] | None:
    return None if names is None else frozenset(origin for origin in desired.known if origin.name in names)
