"""Reads what a workspace holds: lists, not single reads, wherever a list says enough."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor

from shared import logs
from shared.arm import Arm
from shared.assets import Data, Observed, ObservedData, ObservedDatastore
from shared.azureml.observed import observed_data, observed_datastore
from shared.errors import AzureRefused, Permanent
from shared.workspace import Workspace

API_VERSION = "2024-04-01"
"""The newest stable version that Microsoft's definitions, kept for tests, describe."""


class Reader:
    """Raises AzureRefused (the workspace is gone, forbidden, …), Permanent (v1 legacy mode) or Temporary."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm

    def observe(self, workspace: Workspace, wanted: Iterable[Data], pool: Executor) -> Observed:
        """The workspace, all its datastores, all names of its data, and the versions that are wanted.

        Three reads, one more for each further page, and one for each wanted version whose name is there already.
        """
        resource = self._arm.get(workspace.arm_id, API_VERSION)
        properties = resource.get("properties") or {}
        if properties.get("v1LegacyMode") is True:
            raise Permanent("WorkspaceInLegacyMode", "The workspace is in v1 legacy mode, which refuses these calls.")
        datastores = pool.submit(logs.carried(self._datastores), workspace)
        names = self._names(workspace)
        present = [data for data in wanted if data.name.lower() in names]
        read = logs.carried(self._version)
        found = [task.result() for task in [pool.submit(read, workspace, data) for data in present]]
        return Observed(
            workspace_id=properties.get("workspaceId"),
            datastores=datastores.result(),
            names=names,
            data={(data.name.lower(), data.version.lower()): data for data in found if data is not None},
        )

    def _datastores(self, workspace: Workspace) -> dict[str, ObservedDatastore]:
        entries = self._arm.list(f"{workspace.arm_id}/datastores", API_VERSION, {"count": "100"})
        return {found.name.lower(): found for found in map(observed_datastore, entries)}

    def _names(self, workspace: Workspace) -> frozenset[str]:
        entries = self._arm.list(f"{workspace.arm_id}/data", API_VERSION, {"listViewType": "All"})
        return frozenset(str(entry.get("name") or "").lower() for entry in entries)

    def _version(self, workspace: Workspace, data: Data) -> ObservedData | None:
        path = f"{workspace.arm_id}/data/{data.name}/versions/{data.version}"
        try:
            return observed_data(data.name, self._arm.get(path, API_VERSION), workspace)
        except AzureRefused as error:
            if error.status == 404:
                return None
            raise
