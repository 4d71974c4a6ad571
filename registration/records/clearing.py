"""Clears away what is past its time: completed operations, and the records of idempotency keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from datetime import datetime, timedelta
from itertools import islice
from time import monotonic
from typing import TypeVar

from registration.records import idempotency
from registration.records.index import Index, Listed, is_about
from registration.records.results import open_blob, operation_blob
from shared import logs
from shared.documents import Documents, Entry
from shared.errors import Damaged, Temporary
from shared.stored import readable, text
from shared.workspace import is_guid

log = logs.get_log(__name__)

BEGUN = "clearing/"
"""Markers of operations whose removal has begun."""

AT_ONCE = 32
"""Operations that are removed together."""

DELETES = 256
"""Documents that are deleted between two looks at the time."""

T = TypeVar("T")
R = TypeVar("R")


class Clearing:
    """Removes an operation in an order that can be cut off anywhere.

    First a marker says that its removal has begun; then it leaves the index; then its own document goes, without which
    there is no such operation; then all that is below it, what is left of its `open` marker, and at last the marker.
    So nothing is ever listed that is gone; and what is no longer listed is found again by its marker, so that the next
    call removes the rest.
    """

    def __init__(
        self,
        documents: Documents,
        index: Index,
        pool: Executor,
        clock: Callable[[], datetime],
        retention: timedelta,
    ) -> None:
        self._documents = documents
        self._index = index
        self._pool = pool
        self._clock = clock
        self._retention = retention

    def clear(self, until: float) -> int:
        """Goes on until all is done, or until it is `until` by time.monotonic; another call then goes on.

        Several hosts may do this at once. Trouble with one document is logged and concerns no other. Returns how many
        operations are gone. Raises Temporary when storage is away.
        """
        gone = 0
        for batch in _batches(self._documents.names(BEGUN), AT_ONCE, until):
            gone += self._remove([it for it in self._each(self._resume, batch) if it is not None], until)
        for names in _batches(self._index.before(self._clock() - self._retention), AT_ONCE, until):
            gone += self._remove([it for it in self._each(self._unlist, names) if it is not None], until)
        # A record that was tied to another operation since is younger than its expiry says; it goes a little later.
        expired = self._clock() - idempotency.KEPT
        records = (it for it in self._documents.list(idempotency.PREFIX) if it.modified < expired)
        for entries in _batches(records, DELETES, until):
            self._each(self._delete, entries)
        return gone

    def _resume(self, marker: str) -> str | None:
        """An operation whose removal was cut off. While it is still listed, it may have come to be needed again."""
        operation = marker.removeprefix(BEGUN)
        if not is_guid(operation):
            log.error("A marker names no operation, and stays.", document=marker)
            return None
        try:
            begun = self._documents.read(marker)
            if begun is None:
                return None
            with readable(marker):
                name: str | None = text(begun.value["listed"])
        except Damaged:
            name = None
        if name is None or not is_about(name, operation):
            name = self._index.find(operation)
        if name is not None and self._documents.head(name) is not None and self._unlist(name, operation) is None:
            self._documents.delete(marker)
            return None
        return operation

    def _unlist(self, name: str, operation: str | None = None) -> str | None:
        """Takes an operation out of the index; None when it has to stay. The entry says which it is, unless it is
        known."""
        entry = self._documents.head(name)
        if entry is None:
            return None
        operation = operation or Listed(name, entry.metadata).operation
        if operation is None:
            log.error("An entry of the index names no operation, and stays.", document=name)
            return None
        with logs.bound(operation=operation):
            if self._is_needed(operation):
                return None
            self._documents.create(f"{BEGUN}{operation}", {"listed": name})
            self._documents.delete(name)
        return operation

    def _is_needed(self, operation: str) -> bool:
        """Whether it is not completed, or a retry of it is not."""
        if self._runs(operation):
            log.warning("An operation is past its time, but not completed; it stays.")
            return True
        retried = self._documents.read(operation_blob(operation, "retried"))
        if retried is None:
            return False
        with readable(retried.name):
            return self._runs(text(retried.value["operation"]))

    def _runs(self, operation: str) -> bool:
        """An operation that is gone does not."""
        if self._documents.head(operation_blob(operation, "completed")) is not None:
            return False
        return self._documents.head(operation_blob(operation, "operation")) is not None

    def _remove(self, operations: Sequence[str], until: float) -> int:
        """Removes all that there is of operations that left the index; says how many of them are gone altogether."""
        found = zip(operations, self._each(self._behead, operations), strict=True)
        below = {operation: set(names) for operation, names in found if names is not None}
        documents = [(operation, name) for operation, names in below.items() for name in names]
        for batch in _batches(documents, DELETES, until):
            deleted = self._each(self._documents.delete, [name for _, name in batch])
            for (operation, name), done in zip(batch, deleted, strict=True):
                if done is not None:
                    below[operation].discard(name)
        gone = self._each(self._close, [operation for operation, names in below.items() if not names])
        return len([done for done in gone if done])

    def _behead(self, operation: str) -> list[str]:
        """Removes the operation's own document, so that nothing is added any more; gives what else there is."""
        self._documents.delete(operation_blob(operation, "operation"))
        return list(self._documents.names(operation_blob(operation, "")))

    def _close(self, operation: str) -> bool:
        self._documents.delete(open_blob(operation))
        self._documents.delete(f"{BEGUN}{operation}")
        return True

    def _delete(self, entry: Entry) -> bool:
        """Unless it changed meanwhile: an expired key may be in use again."""
        return self._documents.delete(entry.name, etag=entry.etag)

    def _each(self, step: Callable[[T], R], items: Sequence[T]) -> list[R | None]:
        """Takes the step with all items at once; None for one that is in trouble. Raises Temporary."""

        def guarded(item: T) -> R | None:
            try:
                return step(item)
            except Temporary:
                raise
            except Exception:
                log.exception("Something could not be cleared away.", item=item)
                return None

        return list(self._pool.map(logs.carried(guarded), items))


def _batches(items: Iterable[T], size: int, until: float) -> Iterator[list[T]]:
    """Batches of `items`, as long as there is time."""
    rest = iter(items)
    while monotonic() < until and (batch := list(islice(rest, size))):
        yield batch
