"""Keeps the policy current: read again within a minute; when it turns invalid, the last good one stays."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from registration.access.policy import NOTHING, Policy, parse_policy
from shared import logs
from shared.errors import AzureBusy

log = logs.get_log(__name__)


class Watched(Protocol):
    def changed(self) -> str | None: ...


class PolicyWatch:
    """`current()` is the policy now. Until a first one could be read, everything is refused.

    `every`: seconds between two looks.
    """

    def __init__(self, source: Watched, every: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._every = every
        self._clock = clock
        self._policy: Policy | None = None
        self._invalid: str | None = None  # what is wrong with the text that was read last; it is given once
        self._next = 0.0
        self._lock = threading.Lock()
        self.problem: str | None = None

    def current(self) -> Policy:
        """Raises AzureBusy while there is none at all because its storage is away."""
        with self._lock:
            if self._clock() >= self._next:
                self._next = self._clock() + self._every
                self._look()
            return NOTHING if self._policy is None else self._policy

    def _look(self) -> None:
        try:
            text = self._source.changed()
            if text is not None:
                self._policy, self._invalid = parse_policy(text), None
                log.info("The policy was read.", rules=len(self._policy.rules))
            self.problem = self._invalid
        except ValueError as error:
            self._invalid = self._complain(f"the policy is invalid: {error}")
        except OSError as error:
            self._complain(f"POLICY_FILE cannot be read: {error.strerror}")
        except AzureBusy:
            self._complain("POLICY_URL cannot be read")
            if self._policy is None:
                self._next = 0.0
                raise

    def _complain(self, problem: str) -> str:
        kept = "the last good one stays" if self._policy is not None else "every request is refused"
        self.problem = f"{problem}; {kept}"
        log.error("The policy could not be taken.", problem=self.problem)
        return self.problem
