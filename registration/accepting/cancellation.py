"""Canceling: what has not begun does not begin; what has begun ends as it would have."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from registration.access.caller import Caller
from registration.access.policy import Policy
from registration.records.operations import Operations
from registration.records.outcomes import Status
from registration.records.results import Results, cancel_blob
from registration.records.sight import may_steer
from registration.records.snapshot import Operation
from shared import logs
from shared.documents import Documents
from shared.errors import RequestError

log = logs.get_log(__name__)


class Cancellation:
    """Cancels operations for their senders."""

    def __init__(
        self,
        documents: Documents,
        operations: Operations,
        results: Results,
        policy: Callable[[], Policy],
        clock: Callable[[], datetime],
    ) -> None:
        self._documents = documents
        self._operations = operations
        self._results = results
        self._policy = policy
        self._clock = clock

    def cancel(self, caller: Caller, operation_id: str) -> Operation:
        """Marks the operation; workers look for the mark. Asking again changes nothing.

        Messages may be hidden for as long as Azure asked us to wait, so that each workspace without a result gets one
        that is seen at once. Raises RequestError: 404 when it is not the caller's, 409 when it ended otherwise.
        """
        progress = self._results.progress(operation_id)
        own = progress is not None and may_steer(caller, str(progress.metadata.get("caller")), self._policy())
        operation = self._operations.get(operation_id) if own else None
        if operation is None or progress is None:
            raise RequestError(404, "OperationNotFound", "There is no such operation, or it is not yours.")
        if progress.status is Status.CANCELED:
            return operation
        if progress.done:
            raise RequestError(409, "OperationFinished", "The operation is finished; there is nothing left to cancel.")
        self._documents.create(cancel_blob(operation_id), {"requested": self._clock().isoformat()})
        with logs.bound(operation=operation_id):
            messages = self._operations.send(operation, progress.outcomes, canceled=True)
            log.info("An operation is being canceled.", messages=messages)
        return operation
