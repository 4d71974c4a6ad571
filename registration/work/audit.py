"""The audit trail: one line for every change that was accepted, refused or applied.

Lines are only ever appended, to a blob of this process and hour. They hold names, ids, codes and messages that the
service wrote itself or had from Azure; never a body, and no query of an address, which may hold a signature.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from registration.access.caller import Caller
from registration.records.outcomes import MADE, Verdict
from registration.records.snapshot import Operation
from shared.appends import MAX_BLOCK, Appends
from shared.errors import Fault

SELF, UNKNOWN = "service", "unknown"
"""Who it was: the service itself, by its timer; a caller who could not be told."""

MAX_TEXT = 1000
"""Characters of one field."""

_QUERY = re.compile(r"\?[^\s'\"]+")


class Event(StrEnum):
    """What a line is about: a request, accepted or refused; a change in a workspace, applied or refused."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    APPLIED = "applied"


_EVENTS = {
    **dict.fromkeys((*MADE, Verdict.ADOPTED), Event.APPLIED),
    **dict.fromkeys((Verdict.FAILED, Verdict.CONFLICT, Verdict.NOT_AUTHORIZED), Event.REFUSED),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. Fields that are None are left out of it."""

    at: str
    """ISO 8601, UTC."""
    event: Event
    who: str
    """`<tenant id>/<object id>`, SELF or UNKNOWN."""
    action: str
    """Of a request: `register`, `delete`, `reconcile`, `retry`, `cancel`; of an asset: `create`, `update`, …"""
    outcome: str
    """A request's HTTP status, an asset's outcome."""
    what: str | None = None
    """A registration's name, an asset's id."""
    where: str | None = None
    """A workspace's key."""
    operation: str | None = None
    registration: str | None = None
    """The one that an asset's change is for."""
    code: str | None = None
    message: str | None = None

    def line(self) -> bytes:
        """As JSON, in ASCII: whatever a name holds, a line is one line."""
        found = {name: str(value) for name, value in asdict(self).items() if value is not None}
        fields = {name: _QUERY.sub("?…", value)[:MAX_TEXT] for name, value in found.items()}
        return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def of_request(
    caller: Caller | None,
    action: str,
    status: int,
    at: str,
    *,
    what: str | None = None,
    where: str | None = None,
    operation: str | None = None,
    fault: Fault | None = None,
) -> Entry:
    """A request that was answered with `status`. `caller`: None where it could not be told. `fault`: why it was
    refused, as in `RequestError.fault`."""
    event = Event.ACCEPTED if status < 400 else Event.REFUSED
    code, message = (None, None) if fault is None else (fault.code, fault.message)
    return Entry(at, event, _who(caller), action, str(status), what, where, operation, None, code, message)


def of_changes(operation: Operation, workspace: str, changes: Iterable[Mapping[str, Any]], at: str) -> list[Entry]:
    """What an operation did, or was refused, in a workspace. `changes`: as `AssetResult.as_json` gives them; those that
    changed nothing, and were not meant to, make no entry."""
    entries = []
    for change in changes:
        event, error = _EVENTS.get(change["outcome"]), change.get("error", {})
        if event is not None:
            entries.append(
                Entry(
                    at,
                    event,
                    _who(operation.caller),
                    change.get("action", "reconcile"),
                    change["outcome"],
                    change["asset"],
                    workspace,
                    operation.id,
                    change.get("registration"),
                    error.get("code"),
                    error.get("message"),
                )
            )
    return entries


def _who(caller: Caller | None) -> str:
    if caller is None:
        return UNKNOWN
    return SELF if caller.is_service else caller.id


class _Batch:
    """Lines that are stored together."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.stored = False
        self.error: BaseException | None = None


class Audit:
    """Writes the trail. `host`: a random id of this process, so that it alone writes to its blobs."""

    def __init__(self, appends: Appends, host: str, clock: Callable[[], datetime]) -> None:
        self._appends = appends
        self._host = host
        self._clock = clock
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._open = _Batch()

    def record(self, entries: Sequence[Entry]) -> None:
        """Returns when the entries are stored. Raises Temporary: then some of them may be, or all.

        Calls that come while another one's lines are on their way are stored together by the next append: whoever gets
        its turn first takes along all who wait, who then find their lines stored.
        """
        if not entries:
            return
        lines = [entry.line() for entry in entries]
        with self._lock:
            batch = self._open
            batch.lines += lines
        with self._turn:
            if not batch.stored and batch.error is None:
                self._store(batch)
        if batch.error is not None:
            raise batch.error

    def _store(self, batch: _Batch) -> None:
        with self._lock:
            self._open = _Batch()
        try:
            for block in _blocks(batch.lines):
                self._appends.append(f"{self._clock():%Y/%m/%d/%H}/{self._host}.jsonl", block)
        except BaseException as error:  # noqa: BLE001 - it is raised by each that waits
            batch.error = error
        else:
            batch.stored = True


def _blocks(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines, as many as one append takes."""
    block = bytearray()
    for line in lines:
        if block and len(block) + len(line) > MAX_BLOCK:
            yield bytes(block)
            block.clear()
        block += line
    yield bytes(block)
