"""Operations: accepted pieces of work over many workspaces. Accepted means durable.

Three steps, each safe to repeat: the operation is drafted (its document freezes registration, generation, versions),
committed (it becomes the registration of its name), and enqueued (one message per workspace, then a marker). An
answer of 202 follows the third. What is cut off in between is carried on by a retry with the same key, or by the
sweeper.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from registration.caller import Caller
from registration.catalog import Catalog, Stored, check_owner
from registration.document import Registration
from registration.results import FAILURES, Outcome, Result, Results, open_blob, operation_blob
from registration.versions import with_versions
from shared import logs
from shared.documents import Documents
from shared.errors import Changed, Damaged, RegistrarError, RequestError
from shared.queues import Queue
from shared.workspace import Workspace

log = logs.get_log(__name__)

UNCOMMITTED = timedelta(minutes=2)
"""How long an operation may take from its draft to its last message before the sweeper looks after it."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A frozen snapshot: what was accepted, from whom, for which workspaces."""

    id: str
    caller: Caller
    registration: Registration
    generation: int
    workspaces: tuple[Workspace, ...]
    created: datetime
    deadline: datetime
    retry_of: str | None = None

    @property
    def name(self) -> str:
        return self.registration.name or ""

    def workspace(self, key: str) -> Workspace | None:
        return next((workspace for workspace in self.workspaces if workspace.key == key), None)

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "caller": self.caller.as_json(),
            "registration": self.registration.as_json(),
            "generation": self.generation,
            "workspaces": [workspace.model_dump() for workspace in self.workspaces],
            "created": self.created.isoformat(),
            "deadline": self.deadline.isoformat(),
            "retry_of": self.retry_of,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Operation:
        return cls(
            value["id"],
            Caller.from_json(value["caller"]),
            Registration.from_json(value["registration"]),
            value["generation"],
            tuple(Workspace.model_validate(workspace) for workspace in value["workspaces"]),
            datetime.fromisoformat(value["created"]),
            datetime.fromisoformat(value["deadline"]),
            value["retry_of"],
        )

    def metadata(self) -> dict[str, str]:
        """Enough to answer for the operation even if its document is damaged."""
        return {
            "total": str(len(self.workspaces)),
            "caller": self.caller.id,
            "registration": self.name,
            "generation": str(self.generation),
            "created": self.created.isoformat(),
            "deadline": self.deadline.isoformat(),
            **({"retryof": self.retry_of} if self.retry_of else {}),
        }


def message(operation: str, workspace: str, attempt: int = 1, resumed: bool = False) -> dict[str, object]:
    """The queue message: one workspace's part of an operation."""
    return {"operation": operation, "workspace": workspace, "attempt": attempt, "resumed": resumed}


class Operations:
    """Accepts, carries on and retries operations."""

    def __init__(
        self,
        documents: Documents,
        catalog: Catalog,
        results: Results,
        queue: Queue,
        pool: Executor,
        clock: Callable[[], datetime],
        deadline: timedelta,
    ) -> None:
        self._documents = documents
        self._catalog = catalog
        self._results = results
        self._queue = queue
        self._pool = pool
        self._clock = clock
        self._deadline = deadline

    def get(self, operation_id: str) -> Operation | None:
        """The operation, or None. Raises Damaged."""
        found = self._read(operation_id)
        return None if found is None else found[0]

    def accept(self, operation_id: str, caller: Caller, request: Registration) -> Operation:
        """Makes `request` the registration of its name and sets its workspaces to work.

        With the id of an operation that was begun before, carries that one on. Raises RequestError 403 when the name
        belongs to another caller, Temporary when storage is away.
        """
        while True:
            found = self._read(operation_id)
            if found is None:
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
        """A linked operation for those workspaces of `failed`, with the same frozen registration."""
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
        """The workspaces to try again. Raises RequestError 409 while the operation runs, or when nothing failed."""
        progress = self._results.progress(operation.id)
        if progress is None or not progress.done:
            raise RequestError(409, "OperationRunning", "The operation is still running; wait for its end.")
        failed = [workspace for workspace in operation.workspaces if progress.outcomes.get(workspace.key) in FAILURES]
        if not failed:
            raise RequestError(409, "NothingFailed", "Nothing of this operation failed, so there is nothing to retry.")
        return failed

    def sweep(self) -> int:
        """Looks after every operation that is not completed. Returns how many there are."""
        entries = list(self._documents.list("open/"))
        for entry in entries:
            operation_id = entry.name.removeprefix("open/")
            with logs.bound(operation=operation_id):
                try:
                    self._look_after(operation_id, entry.modified)
                except RegistrarError as error:
                    log.warning("An operation could not be looked after.", reason=str(error))
        return len(entries)

    def _look_after(self, operation_id: str, begun: datetime) -> None:
        progress = self._results.complete(operation_id)
        now = self._clock()
        if progress is None:
            if now - begun > UNCOMMITTED:
                self._documents.delete(open_blob(operation_id))
        elif progress.done:
            log.info("A finished operation was marked as completed.")
        elif now > datetime.fromisoformat(progress.metadata["deadline"]):
            self._expire(operation_id, set(progress.outcomes))
        elif not progress.enqueued and now - begun > UNCOMMITTED:
            self._carry_on(operation_id)

    def _carry_on(self, operation_id: str) -> None:
        """An operation whose messages are not all out: sent, if it was committed; else it was never accepted."""
        operation = self.get(operation_id)
        if operation is None:
            return
        stored = self._catalog.get(operation.name)
        if operation.retry_of or (stored is not None and stored.operation == operation.id):
            log.info("Messages that were missing are sent.")
            self._enqueue(operation)
        else:
            log.info("An operation that was never accepted is cleared away.")
            self._documents.delete(_blob(operation_id))
            self._documents.delete(open_blob(operation_id))

    def _expire(self, operation_id: str, finished: set[str]) -> None:
        operation = self.get(operation_id)
        error = {"code": "DeadlineExceeded", "message": "The operation's deadline passed before this workspace's turn."}
        for workspace in operation.workspaces if operation is not None else ():
            if workspace.key not in finished:
                result = Result(workspace.key, Outcome.EXPIRED, error=error, finished=self._clock().isoformat())
                self._results.write(operation_id, result)

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
        )

    def _create(self, operation: Operation) -> None:
        self._documents.create(open_blob(operation.id), {})
        self._documents.create(_blob(operation.id), operation.as_json(), operation.metadata())

    def _enqueued(self, operation_id: str) -> bool:
        return self._documents.head(operation_blob(operation_id, "enqueued")) is not None

    def _enqueue(self, operation: Operation) -> None:
        if self._enqueued(operation.id):
            return
        send = logs.carried(self._queue.send)
        sent = [self._pool.submit(send, message(operation.id, workspace.key)) for workspace in operation.workspaces]
        for task in sent:
            task.result()
        self._documents.create(operation_blob(operation.id, "enqueued"), {})
        log.info("An operation was set to work.", workspaces=len(sent), registration=operation.name)

    def _read(self, operation_id: str) -> tuple[Operation, str] | None:
        document = self._documents.read(_blob(operation_id))
        if document is None:
            return None
        try:
            return Operation.from_json(document.value), document.etag
        except (ValueError, TypeError, KeyError):
            raise Damaged(document.name) from None


def _blob(operation_id: str) -> str:
    return operation_blob(operation_id, "operation")


def _stored(operation: Operation) -> Stored:
    time = operation.created.isoformat()
    return Stored(operation.registration, operation.caller, operation.generation, operation.id, time, time)
