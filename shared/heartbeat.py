"""How many hosts are alive: a document each, renewed every minute by those that call Azure Resource Manager."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from shared import logs
from shared.documents import Documents
from shared.errors import RegistrarError

log = logs.get_log(__name__)

EVERY = 60.0
"""Seconds between two beats."""

ALIVE = timedelta(seconds=150)
"""A host that has not been heard of for so long is gone."""

FORGOTTEN = timedelta(hours=1)


class Heartbeat:
    """Beats when asked, at most once a minute: a host that makes no calls takes no part of the throttle."""

    def __init__(self, documents: Documents, clock: Callable[[], float] = time.monotonic) -> None:
        self._documents = documents
        self._clock = clock
        self._name = f"hosts/{uuid.uuid4()}"
        self._lock = threading.Lock()
        self._next = 0.0
        self._hosts = 1

    def hosts(self) -> int:
        """Live hosts, this one included. Never raises: when storage is away, the last count stands."""
        if self._clock() >= self._next and self._lock.acquire(blocking=False):
            try:
                self._next = self._clock() + EVERY
                self._hosts = self._beat()
            except RegistrarError as error:
                log.warning("The heartbeat could not be written.", reason=str(error))
            finally:
                self._lock.release()
        return self._hosts

    def _beat(self) -> int:
        self._documents.replace(self._name, {})
        now = datetime.now(UTC)
        alive = 0
        for entry in self._documents.list("hosts/"):
            if now - entry.modified <= ALIVE:
                alive += 1
            elif now - entry.modified > FORGOTTEN:
                self._documents.delete(entry.name)
        return max(alive, 1)
