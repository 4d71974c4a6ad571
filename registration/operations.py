"""Operations: accepted pieces of work over many workspaces. Accepted means durable.

Three steps, each safe to repeat: the operation is drafted (its document freezes registration, generation, versions),
committed (it becomes the registration of its name), and enqueued (one message per workspace, then a marker). An
answer of 202 follows the third. What is cut off in between is carried on by a retry with the same key, or by the
sweeper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from datetime import datetime, timedelta

from registration.caller import Caller
from registration.catalog import Catalog, Stored, check_owner
from registration.document import Registration
from registration.index import Index
from registration.messages import WorkMessage
from registration.results import UNDONE, Outcome, Results, Status, open_blob, operation_blob
from registration.snapshot import Operation
from registration.versions import with_versions
from shared import logs
from shared.documents import Documents
from shared.errors import Changed, Damaged, RequestError
from shared.queues import Queue
from shared.workspace import Workspace

log = logs.get_log(__name__)


class Operations:
    """Accepts, carries on and retries operations."""

    def __init__(
        self,
        documents: Documents,
        catalog: Catalog,
        results: Results,
        index: Index,
        queue: Queue,
        pool: Executor,
        clock: Callable[[], datetime],
        deadline: timedelta,
    ) -> None:
        self._documents = documents
        self._catalog = catalog
        self._results = results
        self._index = index
        self._queue = queue
        self._pool = pool
        self._clock = clock
        self._deadline = deadline

    def get(self, operation_id: str) -> Operation | None:
        """The operation, or None. Raises Damaged."""
        found = self._read(operation_id)
        return None if found is None else found[0]

    def accept(self, operation_id: str, caller: Caller, request: Registration, fresh: bool = False) -> Operation:
        """Makes `request` the registration of its name and sets its workspaces to work.

        With the id of an operation that was begun before, carries that one on; `fresh` says that there can be none.
        Raises RequestError 403 when the name belongs to another caller, Temporary when storage is away.
        """
        if fresh:
            operation = self._draft(operation_id, caller, request)
            # A request with the same key may have come in between and drafted it; then its draft counts.
            if self._create(operation) and self._catalog.commit(_stored(operation)):
                self._set_to_work(operation)
                return operation
        while True:
            found = self._read(operation_id)
            if found is None:
                # A marker that is left of an operation whose document is gone says nothing about the new one.
                self._documents.delete(operation_blob(operation_id, "enqueued"))
                self._create(self._draft(operation_id, caller, request))
                continue
            operation, etag = found
            if self._enqueued(operation.id) or self._catalog.commit(_stored(operation)):
                self._enqueue(operation)
                return operation
            log.info("Another request took this generation; the operation is drafted again.", name=operation.name)
            redrafted = self._draft(operation_id, caller, request)
            try:
                self._documents.replace(
                    _blob(operation_id), redrafted.as_json(), etag=etag, metadata=redrafted.metadata()
                )
            except Changed:
                continue

    def retry(self, operation_id: str, failed: Operation, workspaces: Sequence[Workspace]) -> Operation:
        """A linked operation for those workspaces of `failed`, with the same frozen registration.

        One that is under way already, or has succeeded, is given instead: to ask twice is to ask once.
        """
        claim = operation_blob(failed.id, "retried")
        while self._documents.create(claim, {"operation": operation_id}) is None:
            known = self._documents.read(claim)
            other = None if known is None else self.get(str(known.value["operation"]))
            progress = None if other is None else self._results.current(other.id)
            if known is None:
                continue
            if other is not None and progress is not None and progress.status not in {Status.FAILED, Status.CANCELED}:
                return other
            try:
                self._documents.replace(claim, {"operation": operation_id}, etag=known.etag)
            except Changed:
                continue
            break
        now = self._clock()
        operation = replace(
            failed,
            id=operation_id,
            workspaces=tuple(workspaces),
            created=now,
            deadline=now + self._deadline,
            retry_of=failed.id,
        )
        self._create(operation)
        self._enqueue(operation)
        return operation

    def failed_workspaces(self, operation: Operation) -> list[Workspace]:
        """The workspaces to try again: failed, or canceled before their turn.

        Raises RequestError 409 while the operation runs, or when there are none.
        """
        progress = self._results.current(operation.id)
        if progress is None or not progress.done:
            raise RequestError(409, "OperationRunning", "The operation is still running; wait for its end.")
        outcomes = progress.outcomes
        failed = [it for it in operation.workspaces if outcomes.get(it.key, Outcome.FAILED) in UNDONE]
        if not failed:
            raise RequestError(409, "NothingFailed", "Nothing of this operation failed, so there is nothing to retry.")
        return failed

    def send(self, operation_id: str, workspaces: Iterable[Workspace]) -> None:
        """One message per workspace. More of them than needed do no harm. Raises Temporary."""
        send = logs.carried(self._queue.send)
        messages = [WorkMessage(operation_id, workspace.key).as_json() for workspace in workspaces]
        for task in [self._pool.submit(send, message) for message in messages]:
            task.result()

    def carry_on(self, operation: Operation) -> bool:
        """Sends the messages of an operation that was committed; False when it never was, and is cleared away."""
        stored = self._catalog.get(operation.name)
        if operation.retry_of or (stored is not None and stored.operation == operation.id):
            self._enqueue(operation)
            return True
        self._index.remove(operation)
        self._documents.delete(_blob(operation.id))
        self._documents.delete(open_blob(operation.id))
        return False

    def restore_head(self, operation: Operation) -> None:
        """Writes the operation's metadata again."""
        self._documents.replace(_blob(operation.id), operation.as_json(), metadata=operation.metadata())

    def _draft(self, operation_id: str, caller: Caller, request: Registration) -> Operation:
        now = self._clock()
        stored = self._catalog.get(request.name or "")
        check_owner(stored, caller)
        return Operation(
            operation_id,
            caller,
            with_versions(request, None if stored is None else stored.registration, now),
            (0 if stored is None else stored.generation) + 1,
            request.workspaces,
            now,
            now + self._deadline,
            now.isoformat() if stored is None else stored.created,
        )

    def _create(self, operation: Operation) -> bool:
        """False when a document of this id is there already; it stays."""
        self._documents.create(open_blob(operation.id), {})
        return self._documents.create(_blob(operation.id), operation.as_json(), operation.metadata()) is not None

    def _enqueued(self, operation_id: str) -> bool:
        return self._documents.head(operation_blob(operation_id, "enqueued")) is not None

    def _enqueue(self, operation: Operation) -> None:
        if not self._enqueued(operation.id):
            self._set_to_work(operation)

    def _set_to_work(self, operation: Operation) -> None:
        self._index.add(operation)
        self.send(operation.id, operation.workspaces)
        self._documents.create(operation_blob(operation.id, "enqueued"), {})
        log.info("An operation was set to work.", workspaces=len(operation.workspaces), registration=operation.name)

    def _read(self, operation_id: str) -> tuple[Operation, str] | None:
        document = self._documents.read(_blob(operation_id))
        if document is None:
            return None
        try:
            return Operation.from_json(document.value), document.etag
        except (ValueError, TypeError, KeyError, AttributeError):
            raise Damaged(document.name) from None


def _blob(operation_id: str) -> str:
    return operation_blob(operation_id, "operation")


def _stored(operation: Operation) -> Stored:
    updated = operation.created.isoformat()
    return Stored(operation.registration, operation.caller, operation.generation, operation.id, operation.born, updated)
