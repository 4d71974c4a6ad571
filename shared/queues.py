"""Messages on an Azure Storage queue, encoded as the Functions host expects them (base64 of JSON)."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from shared.errors import AzureBusy

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient, QueueServiceClient

MAX_DELAY = 6 * 24 * 3600
"""Seconds; Azure keeps a message invisible for at most seven days."""


class Queue:
    """Sends to one queue."""

    def __init__(self, service: QueueServiceClient, name: str) -> None:
        self._service = service
        self._name = name
        self._client: QueueClient | None = None
        self._lock = threading.Lock()

    def send(self, message: Mapping[str, object], delay: float = 0.0) -> None:
        """Puts a message on the queue, to be seen after `delay` seconds. It never expires."""
        from azure.core.exceptions import AzureError

        try:
            self._open().send_message(
                json.dumps(message), visibility_timeout=min(round(delay), MAX_DELAY), time_to_live=-1
            )
        except AzureError as error:
            raise AzureBusy("QueueUnavailable", "The service's queue cannot be reached.") from error

    def _open(self) -> QueueClient:
        from azure.core.exceptions import ResourceExistsError
        from azure.storage.queue import TextBase64EncodePolicy

        with self._lock:
            if self._client is None:
                client = self._service.get_queue_client(self._name, message_encode_policy=TextBase64EncodePolicy())
                with suppress(ResourceExistsError):
                    client.create_queue()
                self._client = client
            return self._client
