"""Writes through azure-ai-ml, in the workspace's own MLClient: one PUT for each asset."""

from __future__ import annotations

from shared.arm import azure_errors
from shared.assets import Data, Datastore
from shared.azureml.clients import Clients
from shared.azureml.observed import Credential
from shared.errors import AzureRefused
from shared.paths import data_path
from shared.workspace import Workspace


class Writer:
    """Raises AzureRefused with Azure's own code and message, or AzureBusy."""

    def __init__(self, clients: Clients, authority: str, suffix: str) -> None:
        self._clients = clients
        self._authority = authority
        self._suffix = suffix

    def write_datastore(self, workspace: Workspace, datastore: Datastore, credential: Credential | None) -> None:
        """Creates the datastore or updates it in place. It is never removed first: Azure refuses to create a
        datastore again under its name while the workspace's vault holds its soft-deleted secret (measured)."""
        from shared.azureml.entities import datastore_entity

        client = self._clients.of(workspace)
        with azure_errors():
            client.datastores.create_or_update(datastore_entity(datastore, credential, self._authority, self._suffix))

    def write_data(self, workspace: Workspace, data: Data) -> None:
        """Creates a data version. An existing one with another path is refused by Azure with 409."""
        from shared.azureml.entities import data_entity

        try:
            data_path(data.registered_path)
        except ValueError as error:
            raise AzureRefused(400, "PathRefused", str(error)) from None
        client = self._clients.of(workspace)
        with azure_errors():
            client.data.create_or_update(data_entity(data))

    def delete_datastore(self, workspace: Workspace, name: str) -> None:
        """Removes the datastore, and nothing of what it points to. One that is gone is no error."""
        client = self._clients.of(workspace)
        with azure_errors():
            client.datastores.delete(name)

    def archive_data(self, workspace: Workspace, name: str, version: str) -> None:
        """Archives one version, a GET and a PUT: it is no longer listed, and can still be used and restored. Never the
        asset as a whole: below an archived one no version can be restored."""
        client = self._clients.of(workspace)
        with azure_errors():
            client.data.archive(name, version=version)
