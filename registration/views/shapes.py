"""What one caller may see of an operation.

The caller who sent it sees all of it; others see the workspaces and assets that they may `read`, and when that is
nothing, there is no such operation. Those who oversee the service also see one that is about no workspace, or none yet,
and the warnings: nobody else could, where the service itself sent it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from registration.access.policy import Access, Rights, policy_name
from registration.records.index import Scope
from registration.records.results import Progress
from shared.stored import figure


@dataclass(frozen=True, slots=True)
class View:
    """Progress as one caller may see it. `rights`: to `read`; `whole`: they sent it, and see all of it; `oversees`: as
    in `Sight`."""

    progress: Progress
    rights: Rights
    whole: bool = True
    oversees: bool = False

    def shows(self, workspace: str, asset: str) -> bool:
        return self.whole or self.reads(workspace, asset)

    def reads(self, workspace: str, asset: str) -> bool:
        """Of what the operation is not about, its sender too sees what they may read."""
        return self.rights.allows(Access(workspace, policy_name(asset)))

    def counts(self, workspace: str) -> dict[str, Any]:
        """How many assets came to which end; not for those who may not see them all."""
        return {"changes": dict(self.progress.changes.get(workspace, {}))} if self.whole else {}

    def change(self, workspace: str, change: Mapping[str, Any]) -> dict[str, Any]:
        """One change, as they may see it."""
        return without_rival(self.rights, workspace, change)


def without_rival(rights: Rights, workspace: str, change: Mapping[str, Any]) -> dict[str, Any]:
    """A change; the registration that stood in its way is named to those alone who may read the asset there."""
    if "conflictsWith" not in change:
        return dict(change)
    readable = rights.allows(Access(workspace, policy_name(str(change.get("asset")))))
    return {name: value for name, value in change.items() if name != "conflictsWith" or readable}


def visible(allows: Callable[[Access], bool], reaches: Callable[[str], bool], scope: Scope) -> list[str]:
    """Keys of the workspaces of which rights to `read` show something."""
    if scope.assets is None:
        return [key for key in scope.workspaces if reaches(key)]
    return [key for key in scope.workspaces if any(allows(Access(key, name)) for name in scope.assets)]


def head(operation_id: str, progress: Progress) -> dict[str, Any]:
    """The status resource, but for its workspaces."""
    body = summary(operation_id, progress.metadata, progress.status.value, progress.counts())
    return {**body, "cancelRequested": True} if progress.cancel_requested and not progress.done else body


def summary(operation_id: str, metadata: Mapping[str, str], status: str, counts: Mapping[str, int]) -> dict[str, Any]:
    """The same from its parts. `metadata`: as in `Operation.metadata`."""
    body: dict[str, Any] = {
        "id": operation_id,
        "kind": metadata.get("kind"),
        "status": status,
        "createdDateTime": metadata.get("created"),
        "deadline": metadata.get("deadline"),
        "counts": dict(counts),
        "percentComplete": _percent(status, counts),
    }
    if "registration" in metadata:
        number = figure(metadata.get("generation"))
        body["registration"] = {"name": metadata["registration"], "generation": number or 0}
    if "dryrun" in metadata:
        body["dryRun"] = True
    return body if "retryof" not in metadata else {**body, "retryOf": metadata["retryof"]}


def _percent(status: str, counts: Mapping[str, int]) -> int:
    """Of nothing, all is done as soon as it has ended."""
    if counts["total"] == 0:
        return 0 if status in {"NotStarted", "Running"} else 100
    return round(100 * counts["finished"] / counts["total"])
