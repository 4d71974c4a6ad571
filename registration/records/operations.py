"""Operations: accepted pieces of work over many workspaces. Accepted means durable.

Three steps, each safe to repeat: the operation is drafted (its document freezes registration, generation, versions),
committed (it becomes the registration of its name), and enqueued (one message per workspace, then a marker). An
answer of 202 follows the third. What is cut off in between is carried on by a retry with the same key, or by the
sweeper.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from datetime import datetime, timedelta

from registration.access.caller import Caller
from registration.records.catalog import Catalog
from registration.records.desired import Stored
from registration.records.index import Index
from registration.records.messages import ALL, WorkMessage
from registration.records.outcomes import UNDONE, Outcome, Status
from registration.records.results import Result, Results, open_blob, operation_blob
from registration.records.snapshot import Depth, Kind, Operation
from registration.request.document import Registration
from registration.request.versions import with_versions
from shared import logs
from shared.documents import Document, Documents
from shared.errors import Changed, Damaged, RequestError
from shared.queues import Queue
from shared.stored import readable, text
from shared.workspace import Workspace

log = logs.get_log(__name__)

Admit = Callable[[Stored | None], None]
"""Looks at what is stored under a name, and raises RequestError when it may not be replaced."""

COMMITTED = frozenset({Kind.REGISTER, Kind.REMOVE})
"""Operations that are accepted by becoming what is stored under a name."""


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

    def accept(
        self,
        operation_id: str,
        caller: Caller,
        request: Registration,
        admit: Admit,
        fresh: bool = False,
    ) -> Operation:
        """Makes `request` the registration of its name and sets its workspaces to work.

        `admit` is shown what is stored under the name, and raises RequestError when it may not be replaced. With the
        id of an operation that was begun before, carries that one on; `fresh` says that there can be none.
        Raises Temporary when storage is away.
        """
        if fresh:
            operation = self._draft(operation_id, caller, request, admit)
            # A request with the same key may have come in between and drafted it; then its draft counts.
            if self._create(operation) and self._catalog.commit(stored_by(operation)):
                self._set_to_work(operation)
                return operation
        while True:
            found = self._read(operation_id)
            if found is None:
                # A marker that is left of an operation whose document is gone says nothing about the new one.
                self._documents.delete(operation_blob(operation_id, "enqueued"))
                self._create(self._draft(operation_id, caller, request, admit))
                continue
            operation, etag = found
            if self._enqueued(operation.id) or self._catalog.commit(stored_by(operation)):
                self._enqueue(operation)
                return operation
            log.info("Another request took this generation; the operation is drafted again.", name=operation.name)
            redrafted = self._draft(operation_id, caller, request, admit)
            try:
                self._documents.replace(
                    _blob(operation_id), redrafted.as_json(), etag=etag, metadata=redrafted.metadata()
                )
            except Changed:
                continue

    def ended(self, operation_id: str) -> bool:
        """Whether every workspace of it has its result, or there is nothing of it any more."""
        progress = self._results.current(operation_id)
        return progress is None or progress.done

    def failed(self, operation_id: str) -> bool:
        progress = self._results.current(operation_id)
        return progress is not None and progress.status is Status.FAILED

    def begin(self, operation: Operation) -> None:
        """Sets an operation to work that changes no registration by being accepted. Raises Temporary."""
        self._create(operation)
        self._enqueue(operation)

    def spread(self, operation: Operation, found: Operation) -> Operation:
        """Makes `found` of `operation`, whose workspaces were pending: stores it and sends each workspace a message.

        Where another message did so already, its finding counts. Safe to repeat.
        """
        while operation.pending:
            known = self._read(operation.id)
            if known is None:
                return operation
            operation, etag = known
            if not operation.pending:
                break
            try:
                self._documents.replace(_blob(operation.id), found.as_json(), etag=etag, metadata=found.metadata())
            except Changed:
                continue
            operation = found
        self._index.add(operation, again=True)
        now = self._clock().isoformat()
        for lost in operation.lost:
            error = {"code": lost.code, "message": lost.message}
            if self._results.write(operation.id, Result(lost.place, Outcome.FAILED, error=error, finished=now)):
                log.info("A workspace is finished.", workspace=lost.place, outcome=Outcome.FAILED.value)
        self.send(operation, ())
        log.info("An operation's workspaces were found.", workspaces=len(operation.workspaces))
        self._results.current(operation.id)
        return operation

    def retry(self, operation_id: str, failed: Operation, workspaces: Sequence[Workspace]) -> Operation:
        """A linked operation for those workspaces of `failed`, with the same frozen registration.

        One that is under way already, or has succeeded, is given instead: to ask twice is to ask once.
        """
        claim = operation_blob(failed.id, "retried")
        while self._documents.create(claim, {"operation": operation_id}) is None:
            known = self._documents.read(claim)
            if known is None:
                continue
            other = self.get(_retried_by(known))
            progress = None if other is None else self._results.current(other.id)
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
            pending=failed.pending or bool(failed.lost),
            lost=(),
            created=now,
            deadline=now + self._deadline,
            retry_of=failed.id,
        )
        self.begin(operation)
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
        if not failed and not operation.lost and not operation.pending:
            raise RequestError(409, "NothingFailed", "Nothing of this operation failed, so there is nothing to retry.")
        return failed

    def send(self, operation: Operation, finished: Container[str], canceled: bool = False) -> int:
        """One message for each workspace that is not `finished`; for pending ones, one that finds them out. More of
        them than needed do no harm. Returns how many. Raises Temporary."""
        keys = [workspace.key for workspace in operation.workspaces if workspace.key not in finished]
        keys = [ALL] if operation.pending else keys
        send = logs.carried(self._queue.send)
        messages = [WorkMessage(operation.id, key, canceled=canceled).as_json() for key in keys]
        for task in [self._pool.submit(send, message) for message in messages]:
            task.result()
        return len(keys)

    def carry_on(self, operation: Operation) -> bool:
        """Sends the messages of an operation that was committed; False when it never was, and is cleared away."""
        stored = self._catalog.get(operation.name) if operation.kind in COMMITTED else None
        accepted = operation.kind not in COMMITTED or operation.retry_of is not None
        if accepted or (stored is not None and stored.operation == operation.id):
            self._enqueue(operation)
            return True
        self._index.remove(operation)
        self._documents.delete(_blob(operation.id))
        self._documents.delete(open_blob(operation.id))
        return False

    def bury(self, operation_id: str) -> None:
        """Once every workspace has acted on a deletion, nothing is left of the registration."""
        try:
            operation = self.get(operation_id)
        except Damaged as error:
            log.error("A deletion is damaged; what it leaves of the registration stays.", reason=error.message)
            return
        if operation is not None:
            self._catalog.bury(stored_by(operation))

    def restore_head(self, operation: Operation) -> None:
        """Writes the operation's metadata again."""
        self._documents.replace(_blob(operation.id), operation.as_json(), metadata=operation.metadata())

    def _draft(self, operation_id: str, caller: Caller, request: Registration, admit: Admit) -> Operation:
        now = self._clock()
        stored = self._catalog.get(request.name or "")
        admit(stored)
        known = None if stored is None or stored.deleted is not None else stored.registration
        registration = with_versions(request, known, now)
        return Operation(
            id=operation_id,
            kind=Kind.REGISTER,
            caller=caller,
            created=now,
            deadline=now + self._deadline,
            workspaces=registration.workspaces,
            pending=_pending(registration, stored),
            registration=registration,
            generation=(0 if stored is None else stored.generation) + 1,
            born=now.isoformat() if stored is None else stored.created,
            owner=caller if stored is None else stored.owner,
            depth=Depth.DEEP,
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
        """One message per workspace; where they are still to be found out, one message that does so."""
        self._index.add(operation)
        messages = self.send(operation, ())
        self._documents.create(operation_blob(operation.id, "enqueued"), {})
        log.info("An operation was set to work.", messages=messages, kind=operation.kind.value, name=operation.name)

    def _read(self, operation_id: str) -> tuple[Operation, str] | None:
        document = self._documents.read(_blob(operation_id))
        if document is None:
            return None
        with readable(document.name):
            operation = Operation.from_json(document.value)
            if operation.id != operation_id:
                raise ValueError("it is another operation")
            return operation, document.etag


def _blob(operation_id: str) -> str:
    return operation_blob(operation_id, "operation")


def _retried_by(claim: Document) -> str:
    """The operation that tries again. Raises Damaged."""
    with readable(claim.name):
        return text(claim.value["operation"])


def stored_by(operation: Operation) -> Stored:
    """The registration that an operation made, or is about."""
    assert operation.registration is not None
    updated = operation.created.isoformat()
    owner = operation.owner or operation.caller
    return Stored(operation.registration, owner, operation.generation, operation.id, operation.born, updated)


def _pending(registration: Registration, stored: Stored | None) -> bool:
    """Whether more workspaces than are named may be concerned: found by selectors, or holding what is to be pruned."""
    prunes = stored is not None and "archive" in {registration.sync.prune, stored.registration.sync.prune}
    return bool(registration.selectors) or prunes
