"""One message: one workspace's part of an operation.

Delivery is at least once and in any order, so the work holds a lease on the workspace's document and is safe to repeat.
What may help to be tried again goes back to the queue as a delayed copy; nothing is raised for it.
"""

from __future__ import annotations

import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from registration.inventory import State, read_state, workspace_blob, write_state
from registration.messages import WorkMessage
from registration.operations import Operations
from registration.policy import Action, Policy
from registration.reconcile import Reconciled, Reconciler, Verdict
from registration.results import Outcome, Result, Results, cancel_blob, operation_blob
from registration.snapshot import Operation
from shared import logs
from shared.documents import Documents, Lease
from shared.errors import Damaged, LeaseBusy, Permanent, RegistrarError, Temporary, Throttled
from shared.queues import Queue
from shared.workspace import Workspace

log = logs.get_log(__name__)

BUDGET = 300.0
"""Seconds of one message's work. The rest goes to another message, long before the host would end the function."""

BUSY_DELAY = 5.0
MAX_DELAY = 3600.0
SNAPSHOTS = 8
_MADE = frozenset({Verdict.CREATED, Verdict.UPDATED})


Snapshot = tuple[Operation | None, dict[str, Workspace]]
"""An operation and its workspaces by key."""


class OutOfTime(Temporary):
    """The message's time is used up; what is left goes on in a copy, at once."""

    def __init__(self) -> None:
        super().__init__("OutOfTime", "The rest goes on in another message.", 0.0)


class Worker:
    """Carries out messages."""

    def __init__(
        self,
        documents: Documents,
        operations: Operations,
        results: Results,
        queue: Queue,
        reconciler: Reconciler,
        policy: Callable[[], Policy],
        clock: Callable[[], datetime],
        max_attempts: int,
    ) -> None:
        self._documents = documents
        self._operations = operations
        self._results = results
        self._queue = queue
        self._reconciler = reconciler
        self._policy = policy
        self._clock = clock
        self._max_attempts = max_attempts
        self._snapshots: OrderedDict[str, Snapshot] = OrderedDict()
        self._lock = threading.Lock()

    def process(self, body: bytes) -> None:
        """Does one message's work. Raises only what nobody foresaw; the host then delivers the message again."""
        work = WorkMessage.parse(body)
        if work is None:
            log.error("A message that is none of ours was dropped.")
            return
        with logs.bound(operation=work.operation, workspace=work.workspace):
            try:
                self._work(work)
            except Temporary as error:
                self._again(work, error, None)
            except Permanent as error:
                self._finish(work, Outcome.FAILED, error={"code": error.code, "message": error.message})
            except Exception as error:
                self._note_trouble(work, error)
                raise

    def give_up(self, body: bytes) -> None:
        """A poisoned message: its workspace has failed, with the last reason that is known."""
        work = WorkMessage.parse(body)
        if work is None or not self._known(work):
            log.error("A poisoned message names no workspace of any operation and was dropped.")
            return
        with logs.bound(operation=work.operation, workspace=work.workspace):
            note = self._documents.read(_trouble_blob(work))
            reason = note.value.get("reason") if note is not None else "the host was lost each time"
            text = f"The workspace could not be worked on, however often it was tried: {reason}."
            log.error("A message was poisoned.", reason=reason)
            self._finish(work, Outcome.FAILED, error={"code": "Poisoned", "message": text})

    def _known(self, work: WorkMessage) -> bool:
        """Whether the message is about a workspace of an operation. A damaged operation cannot say, and is believed."""
        try:
            return work.workspace in self._snapshot(work.operation)[1]
        except Damaged:
            return self._results.progress(work.operation) is not None

    def _work(self, work: WorkMessage) -> None:
        operation, workspaces = self._snapshot(work.operation)
        workspace = workspaces.get(work.workspace)
        if operation is None or workspace is None:
            log.error("A message names no workspace of any operation and was dropped.")
            return
        if self._results.has(operation.id, workspace.key):
            log.info("A message was delivered again after its work was done.")
            self._results.current(operation.id)
            return
        if self._clock() > operation.deadline:
            error = {"code": "DeadlineExceeded", "message": "The operation's deadline passed before its turn."}
            self._finish(work, Outcome.EXPIRED, error=error)
            return
        with self._documents.leased(workspace_blob(workspace.key)) as lease:
            self._reconcile(work, operation, workspace, lease)

    def _reconcile(self, work: WorkMessage, operation: Operation, workspace: Workspace, lease: Lease) -> None:
        if self._documents.head(cancel_blob(operation.id)) is not None:
            self._cancel(work)
            return
        state = State() if lease.fresh else read_state(self._documents, workspace.key)
        newer = state.newest(operation.name, operation.born)
        if newer > operation.generation:
            log.info("A newer generation was applied already.", generation=operation.generation, newer=newer)
            self._finish(work, Outcome.SUPERSEDED)
            return
        ends = time.monotonic() + BUDGET

        def check() -> None:
            lease.check()
            if time.monotonic() > ends:
                raise OutOfTime

        rights = self._policy().of(operation.caller, Action.REGISTER)
        reconciled = self._reconciler.reconcile(
            workspace,
            operation.registration,
            rights,
            lambda workspace_id: state.of(workspace_id).assets,
            check,
            operation.caller.id,
        )
        self._record(operation, workspace, state, reconciled, lease)
        temporary = reconciled.temporary()
        if temporary is not None:
            self._again(work, temporary, reconciled)
        else:
            self._finish(work, _outcome(reconciled), reconciled)

    def _cancel(self, work: WorkMessage) -> None:
        """Ends a workspace before its turn. What an earlier message wrote, before the rest had to wait, is told.

        The note of that is looked for whatever the message says: one that a cancellation sent knows nothing of it.
        """
        note = self._documents.read(_partial_blob(work))
        made = tuple(change for change in (note.value if note else {}).values() if change.get("outcome") in _MADE)
        when = "with only a part of it done" if made else "before its turn"
        error = {"code": "OperationCanceled", "message": f"The operation was canceled {when}."}
        self._store(work, Result(work.workspace, Outcome.CANCELED, made, error, self._clock().isoformat()))

    def _record(
        self, operation: Operation, workspace: Workspace, state: State, reconciled: Reconciled, lease: Lease
    ) -> None:
        after = state.of(reconciled.workspace_id).after(
            operation.name, operation.born, operation.generation, reconciled.applied()
        )
        write_state(self._documents, workspace.key, after, lease.id)

    def _again(self, work: WorkMessage, error: Temporary, reconciled: Reconciled | None) -> None:
        """A delayed copy; or the end, when this was the last try."""
        counted = not isinstance(error, LeaseBusy | OutOfTime | Throttled)
        if counted and work.attempt >= self._max_attempts:
            text = f"{error.message.rstrip('.')}. Tried {work.attempt} times."
            outcome = Outcome.FAILED if reconciled is None else _outcome(reconciled)
            self._finish(work, outcome, reconciled, {"code": error.code, "message": text})
            return
        if isinstance(error, LeaseBusy):
            delay = BUSY_DELAY * (0.5 + random.random())  # noqa: S311 - only spreads the tries
        elif error.delay is not None:
            delay = min(error.delay, MAX_DELAY)
        else:
            delay = min(5.0 * 2 ** (work.attempt - 1), 300.0)
        if reconciled is not None:
            done = self._changes(work, reconciled)
            self._documents.replace(_partial_blob(work), {change["asset"]: change for change in done})
        log.info("The work goes on later.", reason=error.code, seconds=round(delay, 1), attempt=work.attempt)
        resumed = work.resumed or reconciled is not None
        copy = replace(work, attempt=work.attempt + counted, resumed=resumed)
        self._queue.send(copy.as_json(), delay)

    def _finish(
        self,
        work: WorkMessage,
        outcome: Outcome,
        reconciled: Reconciled | None = None,
        error: dict[str, str] | None = None,
    ) -> None:
        changes = self._changes(work, reconciled) if reconciled is not None else ()
        self._store(work, Result(work.workspace, outcome, changes, error, self._clock().isoformat()))

    def _store(self, work: WorkMessage, result: Result) -> None:
        with self._lock:
            workspaces = self._snapshots.get(work.operation, (None, {}))[1]
        if self._results.write(work.operation, result, max(len(workspaces), 1)):
            log.info("A workspace is finished.", outcome=result.outcome.value)

    def _changes(self, work: WorkMessage, reconciled: Reconciled) -> tuple[dict[str, Any], ...]:
        """Each asset's change; one that an earlier message of this operation made still counts as made."""
        note = self._documents.read(_partial_blob(work)) if work.resumed else None
        earlier = note.value if note is not None else {}
        return tuple(
            earlier[asset.asset]
            if asset.verdict is Verdict.UNCHANGED and earlier.get(asset.asset, {}).get("outcome") in _MADE
            else asset.as_json()
            for asset in reconciled.assets
        )

    def _snapshot(self, operation_id: str) -> Snapshot:
        """Operations do not change once their messages are out, so a few are kept."""
        with self._lock:
            if operation_id in self._snapshots:
                self._snapshots.move_to_end(operation_id)
                return self._snapshots[operation_id]
        operation = self._operations.get(operation_id)
        if operation is None:
            return None, {}
        snapshot = operation, {workspace.key: workspace for workspace in operation.workspaces}
        with self._lock:
            self._snapshots[operation_id] = snapshot
            if len(self._snapshots) > SNAPSHOTS:
                self._snapshots.popitem(last=False)
        return snapshot

    def _note_trouble(self, work: WorkMessage, error: Exception) -> None:
        """Keeps the reason for the poison trigger, which sees only the message."""
        log.exception("A message's work ended in an unforeseen error.")
        try:
            self._documents.replace(_trouble_blob(work), {"reason": type(error).__name__})
        except RegistrarError:
            log.warning("The reason could not be kept.")


def _trouble_blob(work: WorkMessage) -> str:
    return operation_blob(work.operation, f"trouble/{work.workspace}")


def _partial_blob(work: WorkMessage) -> str:
    return operation_blob(work.operation, f"partial/{work.workspace}")


def _outcome(reconciled: Reconciled) -> Outcome:
    """The worst verdict of any asset; without a failure, whether anything was written."""
    verdicts = {asset.verdict for asset in reconciled.assets}
    for verdict, outcome in (
        (Verdict.FAILED, Outcome.FAILED),
        (Verdict.CONFLICT, Outcome.CONFLICT),
        (Verdict.NOT_AUTHORIZED, Outcome.NOT_AUTHORIZED),
    ):
        if verdict in verdicts:
            return outcome
    return Outcome.SUCCEEDED if verdicts & _MADE else Outcome.UNCHANGED
