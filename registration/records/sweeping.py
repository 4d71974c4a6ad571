"""The sweeper: looks after every operation that is not completed, so that none hangs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from registration.records.operations import Operations
from registration.records.outcomes import Outcome, Status
from registration.records.results import Progress, Result, Results, open_blob, operation_blob
from registration.records.snapshot import Lost
from shared import logs
from shared.documents import Documents
from shared.errors import Damaged

log = logs.get_log(__name__)

UNCOMMITTED = timedelta(minutes=2)
"""How long an operation may take from its draft to its last message before it is looked after."""

SILENCE = timedelta(minutes=30)
"""How long nothing may be heard of an operation before its missing workspaces get another message each."""


class Sweeper:
    """Goes round the open operations."""

    def __init__(
        self, documents: Documents, operations: Operations, results: Results, clock: Callable[[], datetime]
    ) -> None:
        self._documents = documents
        self._operations = operations
        self._results = results
        self._clock = clock

    def sweep(self) -> int:
        """Looks after each one; what is wrong with one concerns no other. Returns how many there are."""
        entries = list(self._documents.list("open/"))
        for entry in entries:
            operation_id = entry.name.removeprefix("open/")
            with logs.bound(operation=operation_id):
                try:
                    self._look_after(operation_id, entry.modified)
                except Exception:
                    log.exception("An operation could not be looked after.")
        return len(entries)

    def _look_after(self, operation_id: str, begun: datetime) -> None:
        progress = self._results.progress(operation_id)
        now = self._clock()
        if progress is None:
            if now - begun > UNCOMMITTED:
                self._documents.delete(open_blob(operation_id))
        elif progress.done:
            self._results.end(operation_id, progress)
        elif not progress.whole:
            self._repair(operation_id, progress)
        elif now > datetime.fromisoformat(progress.metadata["deadline"]):
            self._expire(operation_id, progress)
        elif not progress.enqueued and now - begun > UNCOMMITTED:
            self._carry_on(operation_id)
        elif progress.enqueued and now - progress.active > SILENCE:
            self._remind(operation_id, progress)

    def _carry_on(self, operation_id: str) -> None:
        """An operation whose messages are not all out."""
        operation = self._operations.get(operation_id)
        if operation is not None and self._operations.carry_on(operation):
            log.info("Messages that were missing were sent.")
        else:
            log.info("An operation that was never accepted was cleared away.")

    def _remind(self, operation_id: str, progress: Progress) -> None:
        """Messages may have been lost with their queue. Where they were not, a second one does no harm."""
        operation = self._operations.get(operation_id)
        if operation is not None:
            messages = self._operations.send(operation, progress.outcomes)
            self._documents.replace(operation_blob(operation_id, "enqueued"), {})
            log.warning("Nothing was heard for long; messages were sent again.", messages=messages)

    def _repair(self, operation_id: str, progress: Progress) -> None:
        """Metadata that are damaged are written again from the document; where that is damaged too, this is the end."""
        try:
            operation = self._operations.get(operation_id)
        except Damaged:
            operation = None
        if operation is None:
            log.error("An operation is damaged beyond repair, and ends.")
            self._results.end(operation_id, progress, Status.FAILED)
        else:
            log.warning("An operation's damaged metadata were written again.")
            self._operations.restore_head(operation)

    def _expire(self, operation_id: str, progress: Progress) -> None:
        """The deadline has passed. An operation whose document cannot be read any more ends all the same."""
        try:
            operation = self._operations.get(operation_id)
        except Damaged:
            operation = None
        error = {"code": "DeadlineExceeded", "message": "The operation's deadline passed before this workspace's turn."}
        for workspace in operation.workspaces if operation is not None else ():
            if workspace.key not in progress.outcomes:
                result = Result(workspace.key, Outcome.EXPIRED, error=error, finished=self._clock().isoformat())
                if self._results.write(operation_id, result):
                    outcome = result.outcome.value
                    log.info("A workspace is finished.", workspace=workspace.key, outcome=outcome)
        if operation is not None and operation.pending:
            message = "The operation's deadline passed before its workspaces were found."
            lost = Lost("*/*/*", "DeadlineExceeded", message)
            self._operations.spread(operation, replace(operation, lost=(lost,), pending=False))
        ended = self._results.progress(operation_id) or progress  # with what came in since, for lists to show
        self._results.end(operation_id, ended, None if ended.done else Status.FAILED)
