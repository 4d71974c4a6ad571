"""What came of an operation: one result per workspace, progress from one listing, and the marker of its end.

Each workspace writes its own document, with its outcome in the blob's metadata, so results never contend. Whoever
finds them all creates `completed`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shared.documents import Documents, Entry


class Outcome(StrEnum):
    """What became of one workspace."""

    SUCCEEDED = "succeeded"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"
    FAILED = "failed"
    CONFLICT = "conflict"
    NOT_AUTHORIZED = "notAuthorized"
    EXPIRED = "expired"


FAILURES = frozenset({Outcome.FAILED, Outcome.CONFLICT, Outcome.NOT_AUTHORIZED, Outcome.EXPIRED})


class Status(StrEnum):
    """The state of an operation, in the words of Azure's REST guidelines."""

    NOT_STARTED = "NotStarted"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class Result:
    """One workspace's part of an operation. `changes` are the assets', each with its reasons."""

    workspace: str
    outcome: Outcome
    changes: tuple[Mapping[str, Any], ...] = ()
    error: Mapping[str, str] | None = None
    finished: str = ""

    def as_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"workspace": self.workspace, "outcome": self.outcome.value, "finished": self.finished}
        if self.error is not None:
            body["error"] = dict(self.error)
        return {**body, "changes": [dict(change) for change in self.changes]}

    def metadata(self) -> dict[str, str]:
        actions = Counter(str(change["outcome"]) for change in self.changes)
        metadata = {"outcome": self.outcome.value}
        if actions:  # Azure keeps no empty value
            metadata["changes"] = ",".join(f"{name}:{count}" for name, count in actions.items())
        return metadata


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an operation is, from one listing."""

    total: int
    enqueued: bool
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    """Key of each workspace that is finished -> its outcome."""
    changes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    """The operation document's own metadata."""

    @property
    def done(self) -> bool:
        return len(self.outcomes) >= self.total

    @property
    def status(self) -> Status:
        if self.done:
            return Status.FAILED if FAILURES & set(self.outcomes.values()) else Status.SUCCEEDED
        return Status.RUNNING if self.enqueued or self.outcomes else Status.NOT_STARTED

    def counts(self) -> dict[str, int]:
        counts = Counter(outcome.value for outcome in self.outcomes.values())
        return {"total": self.total, "finished": len(self.outcomes), **counts}

    def only(self, keys: Sequence[str]) -> Progress:
        """The part of it that concerns these workspaces."""
        kept = {key: outcome for key, outcome in self.outcomes.items() if key in keys}
        return Progress(len(keys), self.enqueued, kept, self.changes, self.metadata)


def operation_blob(operation: str, part: str) -> str:
    return f"operations/{operation}/{part}"


def open_blob(operation: str) -> str:
    """The marker of an operation that is not completed: what the sweeper looks at."""
    return f"open/{operation}"


class Results:
    """Writes and reads results."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

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
        return Progress(
            int(head.metadata.get("total", "0")),
            "enqueued" in entries,
            {key: _outcome(entry) for key, entry in results.items()},
            {key: _changes(entry) for key, entry in results.items()},
            head.metadata,
        )

    def has(self, operation: str, workspace: str) -> bool:
        return self._documents.head(operation_blob(operation, f"results/{workspace}")) is not None

    def write(self, operation: str, result: Result) -> bool:
        """Stores a workspace's result, once: what is there already stays. Then completes what is complete."""
        name = operation_blob(operation, f"results/{result.workspace}")
        new = self._documents.create(name, result.as_json(), result.metadata()) is not None
        self.complete(operation)
        return new

    def complete(self, operation: str) -> Progress | None:
        """Marks the operation as completed when every workspace has its result."""
        progress = self.progress(operation)
        if progress is not None and progress.done:
            self._documents.create(operation_blob(operation, "completed"), {"status": progress.status.value})
            self._documents.delete(open_blob(operation))
        return progress

    def read(self, operation: str, workspace: str) -> dict[str, Any]:
        """A stored result. Raises Damaged."""
        document = self._documents.read(operation_blob(operation, f"results/{workspace}"))
        return document.value if document is not None and isinstance(document.value, dict) else {}


def _outcome(entry: Entry) -> Outcome:
    try:
        return Outcome(entry.metadata.get("outcome", ""))
    except ValueError:
        return Outcome.FAILED


def _changes(entry: Entry) -> dict[str, int]:
    pairs = (pair.partition(":") for pair in entry.metadata.get("changes", "").split(",") if pair)
    return {name: int(count) for name, _, count in pairs if count.isdecimal()}
