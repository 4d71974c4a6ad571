"""Writes small files of the service's own into storage accounts, with the app's identity, and never over others'.

A file is ours when its metadata say so and name the digest of what it holds now: one that somebody changed is theirs.
Beyond that it has one owner, who is in its metadata too: nobody else has it replaced.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from shared import logs
from shared.arm import azure_errors
from shared.errors import AzureBusy, AzureRefused
from shared.throttle import retry_after
from shared.transport import TRANSIENT

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.storage.blob import BlobClient

log = logs.get_log(__name__)

MAX_BYTES = 4 * 1024 * 1024
"""A longer file is not ours, and is not read whole to see that."""

TRIES = 3
"""Rounds of look and write, when other hosts write the same file at the same time."""

ROLE = "Storage Blob Data Contributor"


class _Changed(Exception):
    """Somebody wrote the file between our look and our write."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A file that is there. `content`: its first MAX_BYTES."""

    etag: str
    content: bytes
    metadata: dict[str, str]

    @property
    def ours(self) -> bool:
        return self.metadata.get("registrar") == "1" and self.metadata.get("digest") == _digest(self.content)


class Lake:
    """Files in storage accounts. `endpoint`: an account's address, with `{account}` for its name."""

    def __init__(self, endpoint: str, credential: Callable[[], TokenCredential], transport: Any) -> None:
        self._endpoint = endpoint
        self._credential = credential
        self._transport = transport

    def write(self, account: str, container: str, path: str, text: str, mark: Mapping[str, str]) -> None:
        """Leaves the file holding `text`: creates it, leaves it as it is, or replaces an older one with the same mark.

        `mark`: whose it is, as metadata: names in lower-case letters, values in ASCII.
        Raises AzureRefused: 409 `NotOurFile` where somebody else's file stands, 403 where the role is missing, any
        other refusal of Azure's; AzureBusy.
        """
        client = self._client(account, container, path)
        content = text.encode()
        for _ in range(TRIES):
            with suppress(_Changed), _storage_errors(account, container):
                found = _read(client)
                if found is None:
                    _put(client, content, mark, None)
                    log.info("A file was written into the lake.", account=account, container=container, path=path)
                    return
                _refuse_others(found, mark, f"{account}/{container}/{path}")
                if found.content == content:
                    return
                _put(client, content, mark, found.etag)
                log.info("A file in the lake was replaced.", account=account, container=container, path=path)
                return
        raise AzureBusy("FileChanging", f"{account}/{container}/{path} changes all the time.")

    def _client(self, account: str, container: str, path: str) -> BlobClient:
        from azure.storage.blob import BlobClient

        url = self._endpoint.replace("{account}", account)
        # The transport tries again; what it gives up goes on in another message.
        return BlobClient(url, container, path, credential=self._credential(), transport=self._transport, retry_total=0)


def _read(client: BlobClient) -> _Found | None:
    from azure.core.exceptions import ResourceNotFoundError

    try:
        stream = client.download_blob(offset=0, length=MAX_BYTES)
        content = bytes(stream.readall())
    except ResourceNotFoundError as error:
        if getattr(error, "error_code", None) == "BlobNotFound":
            return None
        raise
    metadata = {name.lower(): value for name, value in (stream.properties.metadata or {}).items()}
    return _Found(str(stream.properties.etag), content, metadata)


def _refuse_others(found: _Found, mark: Mapping[str, str], place: str) -> None:
    if not found.ours or not mark.keys() <= found.metadata.keys():
        text = (
            f"{place} is a file that this service did not write, or that was changed since; write the table elsewhere."
        )
        raise AzureRefused(409, "NotOurFile", text)
    if any(found.metadata[name] != value for name, value in mark.items()):
        text = (
            f"{place} was written for another registration, and stays as that one wants it; write the table elsewhere."
        )
        raise AzureRefused(409, "NotOurFile", text)


def _put(client: BlobClient, content: bytes, mark: Mapping[str, str], etag: str | None) -> None:
    """Creates the file, or replaces the one of that ETag. One PUT."""
    from azure.core import MatchConditions
    from azure.storage.blob import ContentSettings

    condition: dict[str, Any] = {"overwrite": False}  # If-None-Match: *
    if etag is not None:
        condition = {"overwrite": True, "etag": etag, "match_condition": MatchConditions.IfNotModified}
    client.upload_blob(
        content,
        metadata={**mark, "registrar": "1", "digest": _digest(content)},
        content_settings=ContentSettings(content_type="text/yaml; charset=utf-8"),
        **condition,
    )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@contextmanager
def _storage_errors(account: str, container: str) -> Iterator[None]:
    """Storage's own errors as ours; what is not storage's (no token, no network) as everywhere."""
    from azure.core.exceptions import HttpResponseError

    with azure_errors():
        try:
            yield
        except HttpResponseError as error:
            code, response = getattr(error, "error_code", None), cast(Any, error.response)
            if code is None or response is None:
                raise
            code, status = str(getattr(code, "value", code)), int(response.status_code)
            if code in {"BlobAlreadyExists", "ConditionNotMet"}:
                raise _Changed from None
            if status in {401, 403}:
                text = f"The app's identity may not write into {account}/{container}: it needs the role {ROLE} there, "
                raise AzureRefused(status, code, f"{text}which it has not by default.") from None
            text = f"Storage answered {status} ({code}) for {account}/{container}."
            if status in TRANSIENT:
                raise AzureBusy(code, text, retry_after(response.headers)) from None
            raise AzureRefused(status, code, text) from None
