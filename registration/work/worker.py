"""One message: one workspace's part of an operation, or the finding out of an operation's workspaces.

Delivery is at least once and in any order, so the work holds a lease on the workspace's document and is safe to repeat.
What may help to be tried again goes back to the queue as a delayed copy; nothing is raised for it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from registration.plan import Applied
from registration.records.cancellations import SEEN_AFTER, Cancellations
from registration.records.endings import Endings
from registration.records.inventory import State, read_state, workspace_blob, write_state
from registration.records.messages import ALL, WorkMessage
from registration.records.outcomes import MADE, Outcome
from registration.records.results import Result, Results
from registration.records.snapshot import Kind
from registration.work.assignments import Assignment, Assignments
from registration.work.audit import Audit, of_changes
from registration.work.history import after, after_failure, forgotten, intending
from registration.work.notes import Notes
from registration.work.reconcile import Reconciler
from registration.work.searching import Search
from registration.work.verdicts import Reconciled
from shared import logs
from shared.assets import Observed
from shared.documents import Documents, Lease
from shared.errors import AzureRefused, Damaged, LeaseBusy, Permanent, RegistrarError, Temporary, Throttled
from shared.queues import Queue
from shared.workspace import Workspace

log = logs.get_log(__name__)

BUDGET = 300.0
"""Seconds of one message's work. The rest goes to another message, long before the host would end the function."""

BUSY_DELAY = 5.0
MAX_DELAY = 3600.0


class OutOfTime(Temporary):
    """The message's time is used up; what is left goes on in a copy, at once."""

    def __init__(self) -> None:
        super().__init__("OutOfTime", "The rest goes on in another message.", 0.0)


class Worker:
    """Carries out messages."""

    def __init__(
        self,
        documents: Documents,
        assignments: Assignments,
        search: Search,
        notes: Notes,
        results: Results,
        queue: Queue,
        reconciler: Reconciler,
        audit: Audit,
        cancellations: Cancellations,
        endings: Endings,
        clock: Callable[[], datetime],
        max_attempts: int,
    ) -> None:
        self._documents = documents
        self._assignments = assignments
        self._search = search
        self._notes = notes
        self._results = results
        self._queue = queue
        self._reconciler = reconciler
        self._audit = audit
        self._cancellations = cancellations
        self._endings = endings
        self._clock = clock
        self._max_attempts = max_attempts

    def process(self, body: bytes) -> None:
        """Does one message's work. Raises only what nobody foresaw; the host then delivers the message again."""
        work = WorkMessage.parse(body)
        if work is None:
            log.error("A message that is none of ours was dropped.")
            return
        with logs.bound(operation=work.operation, workspace=work.workspace), self._endings.in_hand(work.operation):
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
        with logs.bound(operation=work.operation, workspace=work.workspace), self._endings.in_hand(work.operation):
            if work.workspace != ALL and self._is_done(work):
                return
            reason = self._notes.trouble(work) or "the host was lost each time"
            told = f"The workspace could not be worked on, however often it was tried: {reason}."
            log.error("A message was poisoned.", reason=reason)
            self._finish(work, Outcome.FAILED, error={"code": "Poisoned", "message": told})

    def _known(self, work: WorkMessage) -> bool:
        """Whether the message is about a workspace of an operation. A damaged operation cannot say, and is believed."""
        try:
            assignment = self._assignments.of(work.operation)
            return assignment is not None and (work.workspace == ALL or work.workspace in assignment.workspaces)
        except Damaged:
            return self._results.progress(work.operation) is not None

    def _work(self, work: WorkMessage) -> None:
        assignment = self._assignments.of(work.operation)
        if assignment is None:
            log.error("A message names no operation and was dropped.")
            return
        operation = assignment.operation
        if work.workspace == ALL:
            self._search.run(operation)
            return
        workspace = assignment.workspaces.get(work.workspace)
        if workspace is None:
            log.error("A message names no workspace of its operation and was dropped.")
            return
        if self._clock() > operation.deadline:
            if not self._is_done(work):
                error = {"code": "DeadlineExceeded", "message": "The operation's deadline passed before its turn."}
                self._finish(work, Outcome.EXPIRED, error=error)
            return
        with self._documents.leased(workspace_blob(workspace.key), State().metadata()) as lease:
            self._reconcile(work, assignment, workspace, lease)

    def _reconcile(self, work: WorkMessage, assignment: Assignment, workspace: Workspace, lease: Lease) -> None:
        operation = assignment.operation
        if self._cancellations.asked(operation.id, 0.0 if work.canceled else SEEN_AFTER):
            if not self._is_done(work):
                self._cancel(work)
            return
        state = State() if lease.fresh else read_state(self._documents, workspace.key)
        again = state.last == operation.id
        if again and self._is_done(work):
            return
        # A message that the sweeper sent does not know that an earlier one did a part.
        work = replace(work, resumed=work.resumed or again)
        job = assignment.job(workspace, state)
        if job is None:
            self._finish(work, Outcome.SUPERSEDED)
            return
        ends = time.monotonic() + BUDGET

        def check() -> None:
            lease.check()
            if time.monotonic() > ends:
                raise OutOfTime

        def intend(observed: Observed, intents: Mapping[str, Applied]) -> None:
            nonlocal state
            state = intending(state, observed, intents)
            write_state(self._documents, workspace.key, state, lease.id)

        now = self._clock().isoformat()
        try:
            reconciled = self._reconciler.reconcile(workspace, job, state, check, intend)
        except Permanent as error:
            self._failed(work, assignment, workspace, state, error, lease)
            return
        temporary = reconciled.temporary()
        try:
            if not operation.dry_run:
                known = after(state, reconciled, operation, now)
                write_state(self._documents, workspace.key, known, lease.id)
            if temporary is None:
                self._finish(work, reconciled.outcome, reconciled)
        except Temporary as error:  # what was made is not told yet, and the next message will find it unchanged
            temporary = error
        if temporary is not None:
            self._again(work, temporary, reconciled)

    def _is_done(self, work: WorkMessage) -> bool:
        """Whether this message was worked on before. Where that left no trace in the workspace's document, nothing was
        changed, and to do it again does no harm; so only who finds a trace need ask."""
        if not self._results.has(work.operation, work.workspace):
            return False
        log.info("A message was delivered again after its work was done.")
        self._results.current(work.operation)
        return True

    def _failed(
        self,
        work: WorkMessage,
        assignment: Assignment,
        workspace: Workspace,
        state: State,
        error: Permanent,
        lease: Lease,
    ) -> None:
        """The workspace as a whole refuses. One that is gone, and that nobody names, has nothing left to be done."""
        operation, now = assignment.operation, self._clock().isoformat()
        told = {"code": error.code, "message": error.message}
        gone = isinstance(error, AzureRefused) and error.status == 404
        # One such answer may be a mistake, and what is known of a workspace cannot be had back.
        again = operation.kind is Kind.REMOVE or (state.error or {}).get("code") == error.code
        if gone and again and not assignment.names(workspace):
            if not operation.dry_run:
                write_state(self._documents, workspace.key, forgotten(state, operation, now), lease.id)
            log.info("A workspace that nobody names is gone.")
            self._finish(work, Outcome.UNCHANGED)
            return
        if not operation.dry_run:
            write_state(self._documents, workspace.key, after_failure(state, told, operation, now), lease.id)
        self._finish(work, Outcome.FAILED, error=told)

    def _cancel(self, work: WorkMessage) -> None:
        """Ends a workspace before its turn. What an earlier message wrote, before the rest had to wait, is told."""
        made = self._notes.made(work)
        when = "with only a part of it done" if made else "before its turn"
        error = {"code": "OperationCanceled", "message": f"The operation was canceled {when}."}
        self._store(work, Result(work.workspace, Outcome.CANCELED, made, error, self._clock().isoformat()))

    def _again(self, work: WorkMessage, error: Temporary, reconciled: Reconciled | None) -> None:
        """A delayed copy; or the end, when this was the last try."""
        counted = not isinstance(error, LeaseBusy | OutOfTime | Throttled)
        if counted and work.attempt >= self._max_attempts:
            told = f"{error.message.rstrip('.')}. Tried {work.attempt} times."
            outcome = Outcome.FAILED if reconciled is None else reconciled.outcome
            self._finish(work, outcome, reconciled, {"code": error.code, "message": told})
            return
        if isinstance(error, LeaseBusy):
            delay = BUSY_DELAY * (0.5 + random.random())  # noqa: S311 - only spreads the tries
        elif error.delay is not None:
            delay = min(error.delay, MAX_DELAY)
        else:
            delay = min(5.0 * 2 ** (work.attempt - 1), 300.0)
        if reconciled is not None:
            try:
                self._notes.leave(work, reconciled)
            except Damaged:
                self._finish(work, Outcome.FAILED, reconciled)
                return
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
        if work.workspace == ALL:
            self._search.give_up(work.operation, error or {})
            return
        unmanaged = () if reconciled is None else reconciled.unmanaged
        changes: tuple[dict[str, Any], ...] = ()
        try:
            changes = self._notes.made(work) if reconciled is None else self._notes.changes(work, reconciled)
        except Damaged as damage:  # what this message did is told all the same
            if reconciled is not None:
                changes = tuple(asset.as_json() for asset in reconciled.assets)
                outcome, error = Outcome.FAILED, {"code": damage.code, "message": damage.message}
        if outcome is Outcome.UNCHANGED and any(change["outcome"] in MADE for change in changes):
            outcome = Outcome.SUCCEEDED  # by an earlier message
        self._store(work, Result(work.workspace, outcome, changes, error, self._clock().isoformat(), unmanaged))

    def _store(self, work: WorkMessage, result: Result) -> None:
        """The audit comes first: what is done must be told, and telling it twice does less harm than never."""
        try:
            assignment = self._assignments.of(work.operation)
        except Damaged:
            assignment = None
        if assignment is not None and not assignment.operation.dry_run:
            self._audit.record(of_changes(assignment.operation, work.workspace, result.changes, result.finished))
        self._endings.stored(work.operation, 1 if assignment is None else assignment.operation.total)
        if self._results.write(work.operation, result):
            log.info("A workspace is finished.", outcome=result.outcome.value)

    def _note_trouble(self, work: WorkMessage, error: Exception) -> None:
        """Keeps the reason for the poison trigger, which sees only the message."""
        log.exception("A message's work ended in an unforeseen error.")
        try:
            self._notes.leave_trouble(work, type(error).__name__)
        except RegistrarError:
            log.warning("The reason could not be kept.")
