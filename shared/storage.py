"""Opens the storage account behind the host's own connection, `AzureWebJobsStorage`.

The Functions host takes a connection string, or an account reached by identity; so do we, by the same names.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from shared.clouds import CLOUDS
from shared.settings import STORAGE

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.storage.blob import BlobServiceClient
    from azure.storage.queue import QueueServiceClient

_DEVELOPMENT = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey="
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
    "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
)
"""What `UseDevelopmentStorage=true` stands for: Azurite's published account, on its default ports."""


def _options() -> dict[str, Any]:
    """The operation's id goes in before the request is signed, so not in the transport."""
    from shared.transport import Transport, stamp

    def hook(request: Any) -> None:
        stamp(request.http_request.headers)

    return {"transport": Transport(stamped=False), "raw_request_hook": hook}


def blob_service(credential: Callable[[], TokenCredential]) -> BlobServiceClient:
    """The account's blobs, by connection string, else with `credential`."""
    from azure.storage.blob import BlobServiceClient

    connection, url = _connection("blob")
    if connection is not None:
        return BlobServiceClient.from_connection_string(connection, **_options())
    return BlobServiceClient(url, credential=credential(), **_options())


def queue_service(credential: Callable[[], TokenCredential]) -> QueueServiceClient:
    """The account's queues, likewise."""
    from azure.storage.queue import QueueServiceClient

    connection, url = _connection("queue")
    if connection is not None:
        return QueueServiceClient.from_connection_string(connection, **_options())
    return QueueServiceClient(url, credential=credential(), **_options())


def _connection(service: str) -> tuple[str | None, str]:
    """(connection string or None, service address)."""
    connection = os.environ.get(STORAGE, "").strip()
    if connection:
        return _DEVELOPMENT if connection.lower() == "usedevelopmentstorage=true" else connection, ""
    address = os.environ.get(f"{STORAGE}__{service}ServiceUri", "").strip()
    account = os.environ.get(f"{STORAGE}__accountName", "").strip()
    suffix = CLOUDS.get(os.environ.get("AZURE_CLOUD", "").strip(), CLOUDS["AzureCloud"]).storage_suffix
    return None, address or f"https://{account}.{service}.{suffix}"
