"""One message: one workspace's part of an operation.

Delivery is at least once and in any order, so the work holds a lease on the workspace's document and is safe to repeat.
What may help to be tried again goes back to the queue as a delayed copy; nothing is raised for it.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from registration.inventory import State, read_state, workspace_blob, write_state
from registration.operations import Operation, Operations, message
from registration.policy import Action, Policy
from registration.reconcile import Reconciled, Reconciler, Verdict
from registration.results import Outcome, Result, Results, operation_blob
from shared import logs
from shared.documents import Documents, Lease
from shared.errors import LeaseBusy, Permanent, RegistrarError, Temporary
from shared.queues import Queue
from shared.workspace import Workspace, is_guid

log = logs.get_log(__name__)

BUDGET = 300.0
"""Seconds of one message's work. The rest goes to another message, long before the host would end the function."""

BUSY_DELAY = 5.0
MAX_DELAY = 3600.0
SNAPSHOTS = 8
_MADE = frozenset({Verdict.CREATED, Verdict.UPDATED})


class OutOfTime(Temporary):
    """The message's time is used up; what is left goes on in a copy, at once."""

    def __init__(self) -> None:
        super().__init__("OutOfTime", "The rest goes on in another message.", 0.0)


@dataclass(frozen=True, slots=True)
class WorkMessage:
    operation: str
    workspace: str
    attempt: int = 1
    resumed: bool = False
    """An earlier message did part of the work and left a note of it."""

    @classmethod
    def parse(cls, body: bytes) -> WorkMessage | None:
        """None for anything that this service did not write."""
        try:
            fields = json.loads(body)
            operation, attempt = str(fields["operation"]), int(fields.get("attempt", 1))
            if not is_guid(operation):
                return None
            return cls(operation, str(fields["workspace"]), attempt, fields.get("resumed") is True)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None


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
        self._snapshots: OrderedDict[str, Operation] = OrderedDict()
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
        progress = None if work is None else self._results.progress(work.operation)
        if work is None or progress is None:
            log.error("A poisoned message names no operation and was dropped.")
            return
        with logs.bound(operation=work.operation, workspace=work.workspace):
            note = self._documents.read(_trouble_blob(work))
            reason = note.value.get("reason") if note is not None else "the host was lost each time"
            text = f"The workspace could not be worked on, however often it was tried: {reason}."
            log.error("A message was poisoned.", reason=reason)
            self._finish(work, Outcome.FAILED, error={"code": "Poisoned", "message": text})

    def _work(self, work: WorkMessage) -> None:
        operation = self._snapshot(work.operation)
        workspace = None if operation is None else operation.workspace(work.workspace)
        if operation is None or workspace is None:
            log.error("A message names no workspace of any operation and was dropped.")
            return
        if self._results.has(operation.id, workspace.key):
            log.info("A message was delivered again after its work was done.")
            self._results.complete(operation.id)
            return
        if self._clock() > operation.deadline:
            error = {"code": "DeadlineExceeded", "message": "The operation's deadline passed before its turn."}
            self._finish(work, Outcome.EXPIRED, error=error)
            return
        with self._documents.leased(workspace_blob(workspace.key)) as lease:
            self._reconcile(work, operation, workspace, lease)

    def _reconcile(self, work: WorkMessage, operation: Operation, workspace: Workspace, lease: Lease) -> None:
        state = read_state(self._documents, workspace.key)
        newer = state.generations.get(operation.name.lower(), 0)
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
        )
        self._record(operation, workspace, state, reconciled, lease)
        temporary = reconciled.temporary()
        if temporary is not None:
            self._again(work, temporary, reconciled)
        else:
            self._finish(work, _outcome(reconciled), reconciled)

    def _record(
        self, operation: Operation, workspace: Workspace, state: State, reconciled: Reconciled, lease: Lease
    ) -> None:
        after = state.of(reconciled.workspace_id).after(operation.name, operation.generation, reconciled.applied())
        write_state(self._documents, workspace.key, after, lease.id)

    def _again(self, work: WorkMessage, error: Temporary, reconciled: Reconciled | None) -> None:
        """A delayed copy; or the end, when this was the last try."""
        counted = not isinstance(error, LeaseBusy | OutOfTime)
        if counted and work.attempt >= self._max_attempts:
            text = f"{error.message} Tried {work.attempt} times."
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
        self._queue.send(message(work.operation, work.workspace, work.attempt + counted, resumed), delay)

    def _finish(
        self,
        work: WorkMessage,
        outcome: Outcome,
        reconciled: Reconciled | None = None,
        error: dict[str, str] | None = None,
    ) -> None:
        changes = self._changes(work, reconciled) if reconciled is not None else ()
        result = Result(work.workspace, outcome, changes, error, self._clock().isoformat())
        if self._results.write(work.operation, result):
            log.info("A workspace is finished.", outcome=outcome.value)

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

    def _snapshot(self, operation_id: str) -> Operation | None:
        """Operations do not change once their messages are out, so a few are kept."""
        with self._lock:
            if operation_id in self._snapshots:
                self._snapshots.move_to_end(operation_id)
                return self._snapshots[operation_id]
        operation = self._operations.get(operation_id)
        if operation is not None:
            with self._lock:
                self._snapshots[operation_id] = operation
                if len(self._snapshots) > SNAPSHOTS:
                    self._snapshots.popitem(last=False)
        return operation

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
