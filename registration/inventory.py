"""What we applied to a workspace last: the third leg of the diff, kept in the workspace's own document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from registration.plan import Applied
from registration.snapshot import whole
from shared.documents import Documents
from shared.errors import Damaged


@dataclass(frozen=True, slots=True)
class State:
    """A workspace's document: the generation of each registration that was applied, and what was applied."""

    workspace_id: str | None = None
    generations: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """Registration name, in lower case -> when it was born, and its newest generation that was applied here."""
    assets: Mapping[str, Applied] = field(default_factory=dict)
    """Asset id, in lower case."""

    def of(self, workspace_id: str | None) -> State:
        """This state, if it is about the workspace of this id; a workspace made anew begins with nothing."""
        if self.workspace_id in {None, workspace_id}:
            return State(workspace_id, self.generations, self.assets)
        return State(workspace_id)

    def newest(self, registration: str, born: str) -> int:
        """The newest generation that was applied of the registration of this name and birth; 0 for none."""
        known, generation = self.generations.get(registration.lower(), ("", 0))
        return generation if known == born else 0

    def after(self, registration: str, born: str, generation: int, applied: Mapping[str, Applied]) -> State:
        generations = {**self.generations, registration.lower(): (born, generation)}
        assets = {**self.assets, **{asset.lower(): what for asset, what in applied.items()}}
        return State(self.workspace_id, generations, assets)


def workspace_blob(key: str) -> str:
    return f"workspaces/{key}"


def read_state(documents: Documents, key: str) -> State:
    """The state of a workspace, empty where there is none. Raises Damaged."""
    document = documents.read(workspace_blob(key))
    if document is None or not document.value:
        return State()
    try:
        value: dict[str, Any] = document.value
        return State(
            value["workspace_id"],
            {name: (str(born), whole(number)) for name, (born, number) in value["generations"].items()},
            {asset: Applied(dict(what["fields"]), dict(what["secrets"])) for asset, what in value["assets"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Damaged(document.name) from None


def write_state(documents: Documents, key: str, state: State, lease: str) -> None:
    """Stores it under the lease that the worker holds. Raises LeaseLost."""
    assets = {
        asset: {"fields": dict(what.fields), "secrets": dict(what.secrets)} for asset, what in state.assets.items()
    }
    value = {"workspace_id": state.workspace_id, "generations": dict(state.generations), "assets": assets}
    documents.replace(workspace_blob(key), value, lease=lease)
