"""What can become of an asset, of a workspace, of an operation: the words."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What became of one asset."""

    CREATED = "created"
    UPDATED = "updated"
    ARCHIVED = "archived"
    DELETED = "deleted"
    UNCHANGED = "unchanged"
    ADOPTED = "adopted"
    PLANNED = "planned"
    """Of a dry run: it would be changed."""
    DRIFTED = "drifted"
    """Not as wanted, and left so: its registration says that drift is reported."""
    KEPT = "kept"
    """Not wanted any more, and kept: else the workspace would be emptied, or data would lose its datastore."""
    SUSPENDED = "suspended"
    CONFLICT = "conflict"
    FAILED = "failed"
    NOT_AUTHORIZED = "notAuthorized"


MADE = frozenset({Verdict.CREATED, Verdict.UPDATED, Verdict.ARCHIVED, Verdict.DELETED})


class Outcome(StrEnum):
    """What became of one workspace."""

    SUCCEEDED = "succeeded"
    UNCHANGED = "unchanged"
    PLANNED = "planned"
    DRIFTED = "drifted"
    SUSPENDED = "suspended"
    SUPERSEDED = "superseded"
    FAILED = "failed"
    CONFLICT = "conflict"
    NOT_AUTHORIZED = "notAuthorized"
    EXPIRED = "expired"
    CANCELED = "canceled"


FAILURES = frozenset({Outcome.FAILED, Outcome.CONFLICT, Outcome.NOT_AUTHORIZED, Outcome.EXPIRED})
UNDONE = FAILURES | {Outcome.CANCELED}
"""What a retry takes up again."""


class Status(StrEnum):
    """The state of an operation, in the words of Azure's REST guidelines."""

    NOT_STARTED = "NotStarted"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"
