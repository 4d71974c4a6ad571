"""The queue message: one workspace's part of an operation."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from shared.workspace import is_guid

ALL = "*"
"""In place of a workspace: the operation's workspaces are to be found out."""


@dataclass(frozen=True, slots=True)
class WorkMessage:
    operation: str
    workspace: str
    """The workspace's key."""
    attempt: int = 1
    resumed: bool = False
    """An earlier message did part of the work and left a note of it."""
    canceled: bool = False
    """A cancellation sent it, and so it need not be believed that there was none a second ago."""

    def as_json(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def parse(cls, body: bytes) -> WorkMessage | None:
        """None for anything that this service did not write."""
        try:
            fields = json.loads(body)
            operation, attempt = str(fields["operation"]), int(fields.get("attempt", 1))
            if not is_guid(operation):
                return None
            resumed, canceled = fields.get("resumed") is True, fields.get("canceled") is True
            return cls(operation, str(fields["workspace"]), attempt, resumed, canceled)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
            return None
