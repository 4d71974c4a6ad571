"""Deleting a registration: at once where nothing is pruned; else it leaves a tombstone, until every workspace has
acted on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from registration.accepting.admission import Admission
from registration.accepting.conditions import Condition
from registration.access.caller import Caller
from registration.access.policy import Policy
from registration.records.catalog import Catalog, tombstone
from registration.records.desired import Stored
from registration.records.naming import new_operation_id
from registration.records.operations import Operations
from registration.records.results import cancel_blob
from registration.records.sight import Sight
from registration.records.snapshot import Depth, Kind, Operation
from registration.request.document import is_name
from shared import logs
from shared.documents import Documents
from shared.errors import Damaged, RequestError

log = logs.get_log(__name__)


class Removal:
    """Deletes registrations for their owners."""

    def __init__(
        self,
        documents: Documents,
        catalog: Catalog,
        admission: Admission,
        operations: Operations,
        policy: Callable[[], Policy],
        clock: Callable[[], datetime],
        deadline: timedelta,
    ) -> None:
        self._documents = documents
        self._catalog = catalog
        self._admission = admission
        self._operations = operations
        self._policy = policy
        self._clock = clock
        self._deadline = deadline

    def remove(self, caller: Caller, name: str, condition: Condition) -> Operation | None:
        """The operation that prunes what the registration left; None where it says that everything is kept.

        Deleting again what is being deleted tries again. One whose document is damaged goes at once, for those who
        oversee everything: nobody knows what it made. Raises RequestError: 403, 404, 412.
        """
        while True:
            try:
                stored = self._catalog.get(name) if is_name(name) else None
            except Damaged:
                if Sight(caller, self._policy()).oversees:
                    self._catalog.discard(name)
                    log.warning("A damaged registration was deleted; what it made stays.", registration=name)
                    return None
                stored = None
            if stored is None or Sight(caller, self._policy()).part(stored) is None:
                message = "There is no such registration, or you may not read it."
                raise RequestError(404, "RegistrationNotFound", message, target="name")
            if stored.deleted is not None:
                self._admission.owned(caller, stored)
                return self._begin(caller, stored)
            self._admission.deleting(caller, stored, condition)
            if stored.registration.sync.prune == "keep":
                if self._catalog.delete(stored):
                    self._stop(stored)
                    log.info("A registration was deleted; what it made stays.", registration=stored.name)
                    return None
                continue
            now = self._clock().isoformat()
            left = tombstone(stored, new_operation_id(), now)
            if self._catalog.commit(left):
                self._stop(stored)
                return self._begin(caller, left)

    def _begin(self, caller: Caller, left: Stored) -> Operation:
        """The operation that a tombstone names; a new one where that has ended."""
        try:
            known = self._operations.get(left.operation)
            over = known is not None and self._operations.ended(known.id)
        except Damaged:
            known, over = None, True
        if known is not None and not over:
            self._operations.begin(known)
            return known
        now = self._clock()
        if over:
            left = replace(left, generation=left.generation + 1, operation=new_operation_id())
            if not self._catalog.commit(left):
                message = "The registration is being deleted, or created again, by another request."
                raise RequestError(409, "Conflict", message)
        operation = Operation(
            id=left.operation,
            kind=Kind.REMOVE,
            caller=caller,
            created=now,
            deadline=now + self._deadline,
            pending=True,
            registration=left.registration,
            generation=left.generation,
            born=left.created,
            owner=left.owner,
            depth=Depth.SHALLOW,
        )
        with logs.bound(operation=operation.id):
            self._operations.begin(operation)
        return operation

    def _stop(self, stored: Stored) -> None:
        """What the registration has under way need not be begun any more."""
        if not self._operations.ended(stored.operation):
            self._documents.create(cancel_blob(stored.operation), {"requested": self._clock().isoformat()})
