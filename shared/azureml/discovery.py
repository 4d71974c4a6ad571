"""Finds the workspaces of a subscription or of a resource group, with their tags."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared import logs
from shared.arm import Arm
from shared.azureml.reader import API_VERSION
from shared.errors import AzureRefused
from shared.workspace import Workspace

log = logs.get_log(__name__)

_ID = re.compile(
    r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.MachineLearningServices/workspaces/([^/]+)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Found:
    """A workspace, and its own tags: those of its resource group are not inherited."""

    workspace: Workspace
    tags: Mapping[str, str]


class Discovery:
    """Lists workspaces through Resource Manager: one read for each page."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm

    def find(self, subscription_id: str, resource_group: str | None = None) -> list[Found]:
        """The workspaces in all of a subscription, or in one resource group; none where there is no such group.

        It is the whole list or an error, never a part: AzureRefused (403 `DiscoveryForbidden` without the right to
        `Microsoft.MachineLearningServices/workspaces/read` there, 404 for an unknown subscription, …) or AzureBusy.
        An entry that cannot be read is logged and left out.
        """
        scope = f"/subscriptions/{subscription_id}"
        if resource_group is not None:
            scope += f"/resourceGroups/{resource_group}"
        try:
            path = f"{scope}/providers/Microsoft.MachineLearningServices/workspaces"
            found = [_found(entry) for entry in self._arm.list(path, API_VERSION) if _holds_data(entry)]
        except AzureRefused as error:
            if (error.status, error.code) == (404, "ResourceGroupNotFound"):
                return []
            if error.status == 403:
                message = f"The service may not list the workspaces of {scope}. Azure says: {error.message}"
                raise AzureRefused(403, "DiscoveryForbidden", message) from None
            raise
        # A list that changes between its pages can name a workspace twice.
        return list({item.workspace.key: item for item in found if item is not None}.values())


def _holds_data(entry: Mapping[str, Any]) -> bool:
    """Whether it is a workspace in the plain sense, which is kind `Default`, or none in answers of older ones.

    The others (`Hub` and `Project` of Azure AI Foundry, `FeatureStore`) are of the same resource type, but are there
    for something else: a selector over a subscription does not mean them. They can be named one by one. Nor are kinds
    that are still to come meant. One in v1 legacy mode is found: that it takes no data must be seen.
    """
    return str(entry.get("kind") or "Default").lower() == "default"


def _found(entry: Mapping[str, Any]) -> Found | None:
    match = _ID.fullmatch(str(entry.get("id") or ""))
    tags = entry.get("tags")
    try:
        if match is None:
            raise ValueError("this is not the id of a workspace")
        workspace = Workspace(subscription_id=match[1], resource_group=match[2], workspace_name=match[3])
    except ValueError:  # pydantic's own is one
        log.warning("An entry in a list of workspaces cannot be read and is left out.", entry=entry.get("id"))
        return None
    pairs = tags.items() if isinstance(tags, dict) else ()
    return Found(workspace, {str(name): "" if value is None else str(value) for name, value in pairs})
