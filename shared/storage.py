"""The storage account behind the host's own connection, `AzureWebJobsStorage`: opened; its errors, told apart.

The Functions host takes a connection string, or an account reached by identity; so do we, by the same names.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from shared.clouds import CLOUDS
from shared.errors import AzureBusy
from shared.settings import STORAGE

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.storage.blob import BlobServiceClient, ContainerClient
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


class Container:
    """A container of blobs, made at first use."""

    def __init__(self, service: BlobServiceClient, name: str) -> None:
        self._service = service
        self._name = name
        self._client: ContainerClient | None = None
        self._lock = threading.Lock()

    def open(self) -> ContainerClient:
        """To be called inside `translated`."""
        from azure.core.exceptions import ResourceExistsError

        with self._lock:
            if self._client is None:
                client = self._service.get_container_client(self._name)
                with suppress(ResourceExistsError):
                    client.create_container()
                self._client = client
            return self._client


@contextmanager
def translated() -> Iterator[None]:
    """Storage that is away, or refuses us, becomes AzureBusy; that a blob is not as expected stays the SDK's error."""
    from azure.core.exceptions import (
        ClientAuthenticationError,
        HttpResponseError,
        ServiceRequestError,
        ServiceResponseError,
    )

    try:
        yield
    except (ServiceRequestError, ServiceResponseError) as error:
        raise AzureBusy("StorageUnavailable", "The service's storage cannot be reached.") from error
    except ClientAuthenticationError as error:
        raise AzureBusy("StorageRefused", "The service's storage refuses the service.") from error
    except HttpResponseError as error:
        if error.status_code is not None and (error.status_code >= 500 or error.status_code in {403, 408, 429}):
            raise AzureBusy("StorageUnavailable", "The service's storage is not available.") from error
        raise


def _connection(service: str) -> tuple[str | None, str]:
    """(connection string or None, service address)."""
    connection = os.environ.get(STORAGE, "").strip()
    if connection:
        return _DEVELOPMENT if connection.lower() == "usedevelopmentstorage=true" else connection, ""
    address = os.environ.get(f"{STORAGE}__{service}ServiceUri", "").strip()
    account = os.environ.get(f"{STORAGE}__accountName", "").strip()
    suffix = CLOUDS.get(os.environ.get("AZURE_CLOUD", "").strip(), CLOUDS["AzureCloud"]).storage_suffix
    return None, address or f"https://{account}.{service}.{suffix}"
