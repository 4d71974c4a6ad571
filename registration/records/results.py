"""What came of an operation: one result per workspace, progress from one listing, and the marker of its end.

Each workspace writes its own document, with its outcome in the blob's metadata, so results never contend. Whoever
finds them all creates `completed`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from registration.records.index import Index
from registration.records.outcomes import FAILURES, Outcome, Status
from registration.records.snapshot import Kind
from shared.documents import Documents, Entry
from shared.stored import failure, fields, figure, listing, moment, plain, readable, text, texts


@dataclass(frozen=True, slots=True)
class Result:
    """One workspace's part of an operation. `changes` are the assets', each with its reasons."""

    workspace: str
    outcome: Outcome
    changes: tuple[Mapping[str, Any], ...] = ()
    error: Mapping[str, str] | None = None
    finished: str = ""
    unmanaged: tuple[str, ...] = ()
    """`datastores/<name>` and `data/<name>` that are there and that no registration wants."""

    def as_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"workspace": self.workspace, "outcome": self.outcome.value}
        if self.finished:
            body["finished"] = self.finished
        if self.error is not None:
            body["error"] = dict(self.error)
        body["changes"] = [dict(change) for change in self.changes]
        return body if not self.unmanaged else {**body, "unmanaged": list(self.unmanaged)}

    def metadata(self) -> dict[str, str]:
        actions = Counter(str(change["outcome"]) for change in self.changes)
        metadata = {"outcome": self.outcome.value}
        if actions:  # Azure keeps no empty value
            metadata["changes"] = ",".join(f"{name}:{count}" for name, count in actions.items())
        return metadata


LONG_AGO = datetime.min.replace(tzinfo=UTC)
_TIMES = ("created", "deadline")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an operation is, from one listing."""

    total: int
    """0 while workspaces are still to be found out."""
    enqueued: bool
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    """Key of each workspace that is finished -> its outcome."""
    changes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    """The operation document's own metadata."""
    cancel_requested: bool = False
    ended: Status | None = None
    """What the marker of its end says: it stands, whatever becomes of the results afterwards."""
    active: datetime = LONG_AGO
    """When something was written last."""

    @property
    def whole(self) -> bool:
        """Whether the operation's metadata say what is needed to follow it."""
        known = self.pending or figure(self.metadata.get("total")) is not None
        return known and "caller" in self.metadata and all(_is_moment(self.metadata.get(it)) for it in _TIMES)

    @property
    def pending(self) -> bool:
        """Whether more workspaces may be its own, that are still to be found out."""
        return "pending" in self.metadata

    @property
    def done(self) -> bool:
        found = not self.pending and figure(self.metadata.get("total")) is not None
        return self.ended is not None or (found and len(self.outcomes) >= self.total)

    @property
    def status(self) -> Status:
        if self.ended is not None:
            return self.ended
        if self.done:
            found = set(self.outcomes.values()) or {Outcome.CANCELED if self.cancel_requested else Outcome.UNCHANGED}
            if FAILURES & found:
                return Status.FAILED
            return Status.CANCELED if Outcome.CANCELED in found else Status.SUCCEEDED
        return Status.RUNNING if self.enqueued or self.outcomes else Status.NOT_STARTED

    @property
    def succeeded(self) -> bool:
        return self.done and self.status is Status.SUCCEEDED

    def counts(self) -> dict[str, int]:
        counts = Counter(outcome.value for outcome in self.outcomes.values())
        return {"total": self.total, "finished": len(self.outcomes), **counts}

    def only(self, keys: Sequence[str]) -> Progress:
        """The part of it that concerns these workspaces."""
        kept = {key: outcome for key, outcome in self.outcomes.items() if key in keys}
        total = {} if self.pending else {"total": str(len(keys))}
        return replace(self, total=len(keys), outcomes=kept, ended=None, metadata={**self.metadata, **total})


def operation_blob(operation: str, part: str) -> str:
    return f"operations/{operation}/{part}"


def open_blob(operation: str) -> str:
    """The marker of an operation that is not completed: what the sweeper looks at."""
    return f"open/{operation}"


def cancel_blob(operation: str) -> str:
    """The marker of an operation that is to stop: workspaces that have not begun do not begin."""
    return operation_blob(operation, "cancel")


class Results:
    """Writes and reads results. `bury`: what follows when every workspace has acted on a deletion; the operation's id
    -> None, safe to repeat."""

    def __init__(self, documents: Documents, index: Index, bury: Callable[[str], None]) -> None:
        self._documents = documents
        self._index = index
        self._bury = bury

    def progress(self, operation: str) -> Progress | None:
        """None when there is no such operation."""
        prefix = operation_blob(operation, "")
        entries = {entry.name.removeprefix(prefix): entry for entry in self._documents.list(prefix)}
        head = entries.get("operation")
        if head is None:
            return None
        results = {
            name.removeprefix("results/"): entry for name, entry in entries.items() if name.startswith("results/")
        }
        total = head.metadata.get("total")
        return Progress(
            figure(total) or 0,
            "enqueued" in entries,
            {key: _outcome(entry) for key, entry in results.items()},
            {key: _changes(entry) for key, entry in results.items()},
            head.metadata,
            "cancel" in entries,
            _status(entries.get("completed")),
            max(entry.modified for entry in entries.values()),
        )

    def current(self, operation: str) -> Progress | None:
        """`progress`; and when every workspace has its result and nobody noted the end yet, it is noted."""
        progress = self.progress(operation)
        if progress is not None and progress.done and progress.ended is None:
            self.end(operation, progress)
        return progress

    def has(self, operation: str, workspace: str) -> bool:
        return self._documents.head(operation_blob(operation, f"results/{workspace}")) is not None

    def write(self, operation: str, result: Result) -> bool:
        """Stores a workspace's result, once: what is there already stays, and the answer is False."""
        name = operation_blob(operation, f"results/{result.workspace}")
        return self._documents.create(name, result.as_json(), result.metadata()) is not None

    def end(self, operation: str, progress: Progress, status: Status | None = None) -> None:
        """Notes the end; `status` where it is not what the results say. Safe to repeat."""
        ended = (status or progress.status).value
        if progress.metadata.get("kind") == Kind.REMOVE and ended == Status.SUCCEEDED:
            self._bury(operation)
        self._documents.create(operation_blob(operation, "completed"), {"status": ended}, {"status": ended})
        if progress.whole:
            self._index.finish(operation, progress.metadata, ended, progress.counts())
        self._documents.delete(open_blob(operation))

    def read(self, operation: str, workspace: str) -> dict[str, Any]:
        """A stored result. Raises Damaged."""
        document = self._documents.read(operation_blob(operation, f"results/{workspace}"))
        if document is None:
            return {"workspace": workspace, "outcome": Outcome.FAILED.value, "changes": []}
        with readable(document.name):
            return _checked(fields(document.value), workspace)


def _checked(value: dict[str, Any], workspace: str) -> dict[str, Any]:
    """A stored result that is as `Result.as_json` gave it."""
    if value["workspace"] != workspace:
        raise ValueError("this is another workspace's result")
    Outcome(value["outcome"])
    text(value.get("finished", ""))
    texts(value.get("unmanaged", []))
    if "error" in value:
        failure(value["error"])
    for change in listing(value["changes"]):
        checked_change(change)
    return value


def checked_change(change: Any) -> dict[str, Any]:
    """An asset's change, as it was stored. Raises what `readable` turns into Damaged."""
    for name in ("asset", "registration", "outcome"):
        text(change[name])
    for name in ("action", "conflictsWith"):
        text(change.get(name, ""))
    if "error" in change:
        failure(change["error"])
    checked_reasons(change)
    return fields(change)


def checked_reasons(value: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The reasons of a change, or of how an asset was found, in the same way."""
    found = listing(plain(value.get("reasons", [])))
    for reason in found:
        text(reason["field"])
        text(reason["reason"])
    return tuple(found)


def _is_moment(time: str | None) -> bool:
    try:
        return moment(time) > LONG_AGO
    except (ValueError, OverflowError):
        return False


def _status(completed: Entry | None) -> Status | None:
    try:
        return None if completed is None else Status(completed.metadata.get("status", ""))
    except ValueError:
        return Status.FAILED


def _outcome(entry: Entry) -> Outcome:
    try:
        return Outcome(entry.metadata.get("outcome", ""))
    except ValueError:
        return Outcome.FAILED


def _changes(entry: Entry) -> dict[str, int]:
    pairs = (pair.partition(":") for pair in entry.metadata.get("changes", "").split(",") if pair)
    return {name: found for name, _, count in pairs if (found := figure(count)) is not None}
