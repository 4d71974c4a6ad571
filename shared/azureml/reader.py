"""Reads what a workspace holds: lists, not single reads, wherever a list says enough."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import replace

from shared import logs
from shared.arm import Arm
from shared.assets import Observed, ObservedContainer, ObservedData, ObservedDatastore
from shared.azureml.observed import observed_container, observed_data, observed_datastore
from shared.errors import AzureRefused, Permanent, Throttled
from shared.workspace import Workspace

API_VERSION = "2024-04-01"
"""The newest stable version that Microsoft's definitions, kept for tests, describe."""


class Reader:
    """Raises AzureRefused (the workspace is gone, forbidden, …), Permanent (v1 legacy mode) or Temporary."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm

    def look(self, workspace: Workspace, pool: Executor) -> Observed:
        """The workspace, all its datastores, all its data without their versions: three reads, and one more for each
        further page, however many assets there are."""
        resource = self._arm.get(workspace.arm_id, API_VERSION)
        properties = resource.get("properties") or {}
        if properties.get("v1LegacyMode") is True:
            raise Permanent("WorkspaceInLegacyMode", "The workspace is in v1 legacy mode, which refuses these calls.")
        datastores = pool.submit(logs.carried(self._datastores), workspace)
        containers = self._containers(workspace)
        tags = resource.get("tags")
        return Observed(
            workspace_id=properties.get("workspaceId"),
            tags={str(name): str(text) for name, text in tags.items()} if isinstance(tags, dict) else {},
            datastores=datastores.result(),
            containers=containers,
        )

    def versions(
        self,
        workspace: Workspace,
        observed: Observed,
        needed: Mapping[tuple[str, str], str],
        welcome: Mapping[tuple[str, str], str],
        pool: Executor,
    ) -> Observed:
        """`observed` with these versions looked at: one read each. (name, version) in lower case -> the version as it
        is written. Those that are `welcome` are left out where the throttle has nothing to spare for them."""
        read, spare = logs.carried(self._version), logs.carried(self._spare)
        names = observed.containers
        tasks = {key: pool.submit(read, workspace, names[key[0]].name, version) for key, version in needed.items()}
        extra = {key: pool.submit(spare, workspace, names[key[0]].name, version) for key, version in welcome.items()}
        found = {key: task.result() for key, task in tasks.items()}
        for key, task in extra.items():
            looked, version = task.result()
            if looked:
                found[key] = version
        return replace(observed, data={**observed.data, **found})

    def _datastores(self, workspace: Workspace) -> dict[str, ObservedDatastore]:
        entries = self._arm.list(f"{workspace.arm_id}/datastores", API_VERSION, {"count": "100"})
        return {found.name.lower(): found for found in map(observed_datastore, entries)}

    def _containers(self, workspace: Workspace) -> dict[str, ObservedContainer]:
        entries = self._arm.list(f"{workspace.arm_id}/data", API_VERSION, {"listViewType": "All"})
        return {found.name.lower(): found for found in map(observed_container, entries)}

    def _version(self, workspace: Workspace, name: str, version: str) -> ObservedData | None:
        path = f"{workspace.arm_id}/data/{name}/versions/{version}"
        try:
            return observed_data(name, self._arm.get(path, API_VERSION), workspace)
        except AzureRefused as error:
            if error.status == 404:
                return None
            raise

    def _spare(self, workspace: Workspace, name: str, version: str) -> tuple[bool, ObservedData | None]:
        """(whether it was looked at, the version)."""
        try:
            return True, self._version(workspace, name, version)
        except Throttled:
            return False, None
