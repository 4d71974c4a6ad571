"""What those who work on an operation know of its being canceled."""

from __future__ import annotations

import threading
import time

from registration.records.results import cancel_blob
from shared.documents import Documents

SEEN_AFTER = 1.0
"""Seconds within which a cancellation is seen by a host that works on the operation."""


class Cancellations:
    """What workers know of cancellations. A host works on many workspaces of an operation at once and looks for its
    mark once in a while, for all of them."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._looked: tuple[str, float] = ("", 0.0)
        """The operation that was not canceled when it was last looked at, and when that was."""
        self._lock = threading.Lock()

    def asked(self, operation: str, within: float = SEEN_AFTER) -> bool:
        """Whether the operation is to stop, as of so many seconds ago at the most."""
        with self._lock:
            known, when = self._looked
            if known == operation and time.monotonic() - when < within:
                return False
            begun = time.monotonic()
            found = self._documents.head(cancel_blob(operation)) is not None
            if not found:
                self._looked = operation, begun
            return found
