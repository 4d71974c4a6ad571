"""What one caller may see of an operation.

The caller who sent it sees all of it; others see the workspaces and assets that they may `read`, and when that is
nothing, there is no such operation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from registration.index import Scope
from registration.policy import Access, Rights
from registration.results import Progress


@dataclass(frozen=True, slots=True)
class View:
    """Progress as one caller may see it. `assets`: workspace key -> visible asset names; None: all."""

    progress: Progress
    assets: Mapping[str, frozenset[str]] | None = None

    def shows(self, workspace: str, asset: str) -> bool:
        return self.assets is None or _bare(asset) in self.assets.get(workspace, frozenset())

    def counts(self, workspace: str) -> dict[str, Any]:
        """How many assets came to which end; not for those who may not see them all."""
        return {} if self.assets is not None else {"changes": dict(self.progress.changes.get(workspace, {}))}


def visible(rights: Rights, scope: Scope) -> dict[str, frozenset[str]]:
    """Workspace key -> the assets that these rights to `read` show there; workspaces without any are left out."""
    found = {
        key: frozenset(name for name in scope.assets if rights.allows(Access(key, name))) for key in scope.workspaces
    }
    return {key: assets for key, assets in found.items() if assets}


def head(operation_id: str, progress: Progress) -> dict[str, Any]:
    """The status resource, but for its workspaces."""
    body = summary(operation_id, progress.metadata, progress.status.value, progress.counts())
    return {**body, "cancelRequested": True} if progress.cancel_requested and not progress.done else body


def summary(operation_id: str, metadata: Mapping[str, str], status: str, counts: Mapping[str, int]) -> dict[str, Any]:
    """The same from its parts. `metadata`: as in `Operation.metadata`."""
    body: dict[str, Any] = {
        "id": operation_id,
        "status": status,
        "registration": {"name": metadata.get("registration"), "generation": _whole(metadata.get("generation"))},
        "createdDateTime": metadata.get("created"),
        "deadline": metadata.get("deadline"),
        "counts": dict(counts),
        "percentComplete": round(100 * counts["finished"] / max(counts["total"], 1)),
    }
    return body if "retryof" not in metadata else {**body, "retryOf": metadata["retryof"]}


def _whole(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() else 0


def _bare(asset: str) -> str:
    """`data/name/version` as the policy knows it: `data/name`."""
    return "/".join(asset.split("/")[:2])
