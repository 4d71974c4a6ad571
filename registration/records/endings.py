"""Noticing the end of an operation without listing all of its results after each of them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from registration.records.results import Results
from shared import logs

log = logs.get_log(__name__)

KEPT = 64
"""Operations of which this process knows how far they are."""

SHARE = 16
"""A host looks again when it has stored a sixteenth of the results that were missing when it last looked. So up to
sixteen hosts that share an operation's work alike are sure to notice its end, and one alone looks some seventy times
at five hundred results, not five hundred times."""


@dataclass
class _Standing:
    missing: int
    """Results that were missing when the operation was last looked at."""
    stored: int = 0
    """Results that this process has stored since."""
    in_hand: int = 0
    """Messages of the operation that this process works on."""


class Endings:
    """Looks at an operation after the last of its messages that are in hand here, since its last result of all is
    followed by such a moment. What is missed nevertheless is noticed by whoever asks for the operation, and by the
    sweeper."""

    def __init__(self, results: Results) -> None:
        self._results = results
        self._standing: OrderedDict[str, _Standing] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def in_hand(self, operation: str) -> Iterator[None]:
        """While one of the operation's messages is worked on. Afterwards its end may be noted; trouble with that is
        logged and nothing else."""
        with self._lock:
            standing = self._standing.setdefault(operation, _Standing(0))
            self._standing.move_to_end(operation)
            standing.in_hand += 1
        try:
            yield
        finally:
            with self._lock:
                standing.in_hand -= 1
                due = _due(standing)
                self._forget()
            while due:
                due = self._look(operation, standing)

    def stored(self, operation: str, total: int) -> None:
        """A result was stored, of so many. To be called with the message in hand."""
        with self._lock:
            standing = self._standing[operation]
            standing.missing = standing.missing or max(total, 1)
            standing.stored += 1

    def _look(self, operation: str, standing: _Standing) -> bool:
        """Whether to look again: meanwhile another message may have stored what this listing was too early for, and
        have left it to nobody, since more was missing by what was known then."""
        try:
            progress = self._results.current(operation)
        except Exception as error:  # noqa: BLE001 - the message's own work is done
            log.warning("The end of an operation could not be looked for.", reason=type(error).__name__)
            return False
        with self._lock:
            standing.missing = 0 if progress is None else max(progress.total - len(progress.outcomes), 0)
            return _due(standing)

    def _forget(self) -> None:
        idle = [operation for operation, standing in self._standing.items() if not standing.in_hand]
        for operation in idle[: max(len(self._standing) - KEPT, 0)]:
            del self._standing[operation]


def _due(standing: _Standing) -> bool:
    """Whether to look now, which starts the count anew. To be called with the lock."""
    due = not standing.in_hand and 0 < standing.missing <= standing.stored * SHARE
    if due:
        standing.stored = 0
    return due
