"""What a message leaves for the one that takes up its work: changes it made before the rest had to wait, and why it
failed where nobody foresaw it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registration.records.messages import WorkMessage
from registration.records.outcomes import MADE, Verdict
from registration.records.results import checked_change, operation_blob
from registration.work.verdicts import Reconciled
from shared.documents import Documents
from shared.errors import Damaged
from shared.stored import fields, readable, text


class Notes:
    """Documents of an operation beside its results. Raises Temporary when storage is away, Damaged for changes that
    cannot be read."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def changes(self, work: WorkMessage, reconciled: Reconciled) -> tuple[dict[str, Any], ...]:
        """Each asset's change; one that an earlier message of this operation made still counts as made."""
        earlier = self._partial(work) if work.resumed else {}
        changes = []
        for asset in reconciled.assets:
            change = asset.as_json()
            before: dict[str, Any] = earlier.pop(_key(change), {})
            kept = asset.verdict is Verdict.UNCHANGED and before.get("outcome") in MADE
            changes.append(before if kept else change)
        # A removal that was done leaves no trace in a later plan.
        return (*changes, *(change for change in earlier.values() if change.get("outcome") in MADE))

    def leave(self, work: WorkMessage, reconciled: Reconciled) -> None:
        """The changes so far, for the message that goes on."""
        done = self.changes(work, reconciled)
        self._documents.replace(_partial_blob(work), {_key(change): change for change in done})

    def made(self, work: WorkMessage) -> tuple[dict[str, Any], ...]:
        """The changes that were made so far. The note is looked for whatever the message says: one that a cancellation
        or the sweeper sent knows nothing of it."""
        return tuple(change for change in self._partial(work).values() if change.get("outcome") in MADE)

    def leave_trouble(self, work: WorkMessage, reason: str) -> None:
        self._documents.replace(_trouble_blob(work), {"reason": reason})

    def trouble(self, work: WorkMessage) -> str | None:
        """The last reason that was noted; None where none was."""
        try:
            note = self._documents.read(_trouble_blob(work))
            with readable(_trouble_blob(work)):
                return None if note is None else text(note.value["reason"])
        except Damaged:
            return "why, is not known any more"

    def _partial(self, work: WorkMessage) -> dict[str, Any]:
        note = self._documents.read(_partial_blob(work))
        if note is None:
            return {}
        with readable(note.name):
            return {key: checked_change(change) for key, change in fields(note.value).items()}


def _key(change: Mapping[str, Any]) -> str:
    return f"{change['asset']} {change['registration']}"


def _trouble_blob(work: WorkMessage) -> str:
    return operation_blob(work.operation, f"trouble/{work.workspace}")


def _partial_blob(work: WorkMessage) -> str:
    return operation_blob(work.operation, f"partial/{work.workspace}")
