"""What those who work on an operation know of its being canceled."""

from __future__ import annotations

import math
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
        self._looked: dict[str, float] = {}
        """Operations that were not canceled when they were last looked at, and when that was: those of a moment ago."""
        self._lock = threading.Lock()

    def asked(self, operation: str, within: float = SEEN_AFTER) -> bool:
        """Whether the operation is to stop, as of so many seconds ago at the most."""
        with self._lock:
            now = time.monotonic()
            self._looked = {known: when for known, when in self._looked.items() if now - when < SEEN_AFTER}
            if now - self._looked.get(operation, -math.inf) < within:
                return False
            found = self._documents.head(cancel_blob(operation)) is not None
            if not found:
                self._looked[operation] = now
            return found
