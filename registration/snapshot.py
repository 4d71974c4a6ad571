"""An operation as it was accepted: a frozen snapshot of registration, generation, versions and workspaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from registration.caller import Caller
from registration.document import Registration
from shared.workspace import Workspace


def whole(value: Any) -> int:
    """A stored number. Raises ValueError for anything else."""
    if not isinstance(value, int):
        raise ValueError("this is not a whole number")
    return value


@dataclass(frozen=True, slots=True)
class Operation:
    """What was accepted, from whom, for which workspaces."""

    id: str
    caller: Caller
    registration: Registration
    generation: int
    workspaces: tuple[Workspace, ...]
    created: datetime
    deadline: datetime
    born: str
    """When its registration was first created: generations count from there, and a later namesake is another."""
    retry_of: str | None = None

    @property
    def name(self) -> str:
        return self.registration.name or ""

    def assets(self) -> list[str]:
        """The assets' names as the policy knows them: `datastores/<name>`, `data/<name>`."""
        names = [datastore.id for datastore in self.registration.datastores]
        return names + [f"data/{data.name}" for data in self.registration.data]

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "caller": self.caller.as_json(),
            "registration": self.registration.as_json(),
            "generation": self.generation,
            "workspaces": [workspace.model_dump() for workspace in self.workspaces],
            "created": self.created.isoformat(),
            "deadline": self.deadline.isoformat(),
            "born": self.born,
            "retry_of": self.retry_of,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Operation:
        return cls(
            value["id"],
            Caller.from_json(value["caller"]),
            Registration.from_json(value["registration"]),
            whole(value["generation"]),
            tuple(Workspace.model_validate(workspace) for workspace in value["workspaces"]),
            datetime.fromisoformat(value["created"]),
            datetime.fromisoformat(value["deadline"]),
            str(value["born"]),
            value["retry_of"],
        )

    def metadata(self) -> dict[str, str]:
        """Enough to answer for the operation even if its document is damaged."""
        return {
            "total": str(len(self.workspaces)),
            "caller": self.caller.id,
            "registration": self.name,
            "generation": str(self.generation),
            "created": self.created.isoformat(),
            "deadline": self.deadline.isoformat(),
            **({"retryof": self.retry_of} if self.retry_of else {}),
        }
