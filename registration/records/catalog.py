"""The stored registrations: together they are the desired state.

One document per name. Its generation counts the accepted requests; the operation that wrote it last is named in it, so
that an operation can tell whether it was accepted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from registration.access.caller import Caller
from registration.records.desired import DesiredState, Stored
from shared import logs
from shared.documents import Document, Documents
from shared.errors import Changed, Damaged, RequestError
from shared.stored import readable

log = logs.get_log(__name__)

PREFIX = "registrations/"
FRESH = 30.0
"""Seconds for which what was read of all registrations is taken for what is stored."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A document that was read, and what was in it: None when it is damaged."""

    etag: str
    stored: Stored | None


class Catalog:
    """Reads and commits registrations. `clock` is time's monotonic one, but for tests."""

    def __init__(self, documents: Documents, pool: Executor, clock: Callable[[], float] = time.monotonic) -> None:
        self._documents = documents
        self._pool = pool
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._state, self._read_at = DesiredState(), float("-inf")
        self._lock = threading.Lock()

    def get(self, name: str) -> Stored | None:
        """The registration of this name, whatever its case, or its tombstone. Raises Damaged."""
        document = self._read(name)
        return None if document is None else _stored(document)

    def current(self, fresh: float = FRESH) -> DesiredState:
        """All registrations, as they were at most `fresh` seconds ago: one listing, and the documents that changed."""
        asked = self._clock()
        with self._lock:
            if self._read_at < asked - fresh:
                begun = self._clock()
                self._refresh()
                self._read_at = begun
            return self._state

    def commit(self, candidate: Stored) -> bool:
        """Makes `candidate` the registration of its name, if its generation is the next one.

        True when it is (now, or since an earlier try); False when another operation took its generation.
        Raises RequestError 403 when the name belongs to another owner than the candidate's.
        """
        name = candidate.name
        if candidate.generation == 1 and self._documents.create(_blob(name), candidate.as_json()) is not None:
            return True
        while True:
            document = self._read(name)
            stored = None if document is None else _stored(document)
            check_owner(stored, candidate.owner)
            if stored is not None and stored.operation == candidate.operation:
                return True
            if candidate.generation != (stored.generation if stored else 0) + 1:
                return False
            if document is None:
                if self._documents.create(_blob(name), candidate.as_json()) is not None:
                    return True
                continue
            try:
                self._documents.replace(document.name, candidate.as_json(), etag=document.etag)
            except Changed:
                continue
            return True

    def delete(self, stored: Stored) -> bool:
        """Removes the document of a registration, or a tombstone; False when it is no longer this one."""
        document = self._read(stored.name)
        if document is None or _stored(document).operation != stored.operation:
            return False
        return self._documents.delete(document.name, etag=document.etag)

    def discard(self, name: str) -> None:
        """Removes what is stored under a name, whatever it is."""
        self._documents.delete(_blob(name))

    def bury(self, left: Stored) -> None:
        """Removes this tombstone, since every workspace has acted on it. What was created again since stays."""
        stored = self.get(left.name)
        same = stored is not None and (stored.origin, stored.generation) == (left.origin, left.generation)
        if stored is not None and same and stored.deleted is not None and self.delete(stored):
            log.info("A deleted registration is gone from every workspace.", registration=left.name)

    def _refresh(self) -> None:
        entries = {entry.name: entry.etag for entry in self._documents.list(PREFIX)}
        changed = [name for name, etag in entries.items() if name not in self._kept or self._kept[name].etag != etag]
        read = logs.carried(self._keep)
        fresh = dict(zip(changed, self._pool.map(read, changed), strict=True))
        if not changed and entries.keys() == self._kept.keys():
            return
        kept = {name: fresh.get(name) or self._kept.get(name) for name in entries}
        self._kept = {name: it for name, it in kept.items() if it is not None}
        self._state = DesiredState.of_all(
            (it.stored for it in self._kept.values() if it.stored is not None),
            (name.removeprefix(PREFIX) for name, it in self._kept.items() if it.stored is None),
        )

    def _keep(self, name: str) -> _Kept | None:
        """None for a document that went away meanwhile."""
        try:
            document = self._documents.read(name)
            return None if document is None else _Kept(document.etag, _stored(document))
        except Damaged as error:
            log.error("A stored registration is damaged.", document=name, reason=error.message)
            entry = self._documents.head(name)
            return None if entry is None else _Kept(entry.etag, None)

    def _read(self, name: str) -> Document | None:
        return self._documents.read(_blob(name))


def not_owner() -> RequestError:
    message = "The registration of this name is another caller's, or can be replaced by an administrator alone."
    return RequestError(403, "NotOwner", message, target="name")


def check_owner(stored: Stored | None, owner: Caller) -> None:
    """A name belongs to its creator. Raises RequestError 403."""
    if stored is not None and stored.owner.id != owner.id:
        raise RequestError(403, "NotOwner", "This name is not yours to replace; choose another name.", target="name")


def tombstone(stored: Stored, operation: str, now: str) -> Stored:
    """What a deleted registration leaves, until every workspace has acted on it."""
    return replace(stored, generation=stored.generation + 1, operation=operation, updated=now, deleted=now)


def _stored(document: Document) -> Stored:
    with readable(document.name):
        stored = Stored.from_json(document.value)
        if _blob(stored.name) != document.name:
            raise ValueError("it bears another name")
        return stored


def _blob(name: str) -> str:
    return f"{PREFIX}{name.lower()}"
