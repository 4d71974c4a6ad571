"""A text that may change while the service runs: a file, or a blob by its address."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.errors import AzureBusy

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential


class WatchedFile:
    """A file, read again when its time or size changed."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._seen: tuple[int, int] | None = None

    def changed(self) -> str | None:
        """The text, when it is not the one that was given last. Raises OSError."""
        status = self._path.stat()
        seen = (status.st_mtime_ns, status.st_size)
        if seen == self._seen:
            return None
        text = self._path.read_text(encoding="utf-8")
        self._seen = seen
        return text


class WatchedBlob:
    """A blob, read again when its ETag changed."""

    def __init__(self, url: str, credential: Callable[[], TokenCredential], transport: Any) -> None:
        self._url = url
        self._credential = credential
        self._transport = transport
        self._etag: str | None = None

    def changed(self) -> str | None:
        """The text, when it is not the one that was given last. Raises AzureBusy."""
        from azure.core.exceptions import AzureError
        from azure.storage.blob import BlobClient

        client = BlobClient.from_blob_url(self._url, self._credential(), transport=self._transport)
        try:
            etag = str(client.get_blob_properties().etag)
            if etag == self._etag:
                return None
            download = client.download_blob(encoding="utf-8")
            text = str(download.readall())
        except AzureError as error:
            raise AzureBusy("PolicyUnreadable", "The policy's blob cannot be read.") from error
        self._etag = str(download.properties.etag)
        return text
