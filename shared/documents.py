"""JSON documents with ETags, metadata and leases, each a blob of one container."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared import logs
from shared.errors import Changed, Damaged, LeaseBusy, LeaseLost
from shared.storage import Container, translated

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient, ContainerClient

log = logs.get_log(__name__)

LEASE_SECONDS = 15
"""How long a killed worker's lease keeps others out: the least that Azure allows."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it was read."""

    name: str
    value: Any
    etag: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """A document in a listing."""

    name: str
    etag: str
    metadata: Mapping[str, str]
    modified: datetime


class Lease:
    """A held lease, renewed in the background until it is released. `check` is to be called before each write."""

    def __init__(self, name: str, client: Any, fresh: bool) -> None:
        self.fresh = fresh
        """The document was made for this lease, and is empty."""
        self._name = name
        self._client = client
        self._stop = threading.Event()
        self._lost = False
        self._thread = threading.Thread(target=logs.carried(self._renew), name=f"lease {name}", daemon=True)
        self._thread.start()

    @property
    def id(self) -> str:
        return str(self._client.id)

    def check(self) -> None:
        """Raises LeaseLost when somebody else may hold the document by now."""
        if self._lost:
            raise LeaseLost(self._name)

    def release(self) -> None:
        from azure.core.exceptions import AzureError

        self._stop.set()
        self._thread.join(timeout=LEASE_SECONDS)
        try:
            self._client.release()
        except AzureError:
            log.info("A lease could not be released; it runs out by itself.", document=self._name)

    def _renew(self) -> None:
        from azure.core.exceptions import AzureError

        while not self._stop.wait(LEASE_SECONDS / 3):
            try:
                self._client.renew()
            except AzureError as error:
                log.warning("A lease was lost.", document=self._name, reason=type(error).__name__)
                self._lost = True
                return


class Documents:
    """The documents of one container. Errors of the storage account surface as AzureBusy or AzureRefused."""

    def __init__(self, service: BlobServiceClient, container: str) -> None:
        self._container = Container(service, container)

    def read(self, name: str) -> Document | None:
        """The document, or None. Raises Damaged when it is no JSON."""
        from azure.core.exceptions import ResourceNotFoundError

        with translated():
            try:
                download = self._open().download_blob(name)
                content = download.readall()
            except ResourceNotFoundError:
                return None
        properties = download.properties
        return Document(name, _parsed(name, content), str(properties.etag), dict(properties.metadata or {}))

    def head(self, name: str) -> Entry | None:
        """Its ETag and metadata alone, or None."""
        from azure.core.exceptions import ResourceNotFoundError

        with translated():
            try:
                properties = self._open().get_blob_client(name).get_blob_properties()
            except ResourceNotFoundError:
                return None
        return Entry(name, str(properties.etag), dict(properties.metadata or {}), properties.last_modified)

    def create(self, name: str, value: Any, metadata: Mapping[str, str] | None = None) -> str | None:
        """Writes a new document (`If-None-Match: *`). Returns its ETag, or None when the name is taken."""
        from azure.core.exceptions import ResourceExistsError

        try:
            with translated():
                return self._put(name, value, metadata, overwrite=False)
        except ResourceExistsError:
            return None

    def replace(
        self,
        name: str,
        value: Any,
        *,
        etag: str | None = None,
        lease: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Writes a document, whatever is there, or only over `etag`, or with a lease. Returns the new ETag.

        Raises Changed when the ETag no longer matches, LeaseLost when the lease does not.
        """
        from azure.core import MatchConditions
        from azure.core.exceptions import HttpResponseError, ResourceModifiedError

        options: dict[str, Any] = {"lease": lease} if lease else {}
        if etag is not None:
            options |= {"etag": etag, "match_condition": MatchConditions.IfNotModified}
        try:
            with translated():
                return self._put(name, value, metadata, overwrite=True, **options)
        except ResourceModifiedError:
            raise Changed(name) from None
        except HttpResponseError as error:
            if lease and error.status_code in {409, 412}:
                raise LeaseLost(name) from None
            raise

    def delete(self, name: str, etag: str | None = None) -> bool:
        """Removes a document, or only that of `etag`; False when it is not there, or is another by now."""
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

        options: dict[str, Any] = {}
        if etag is not None:
            options = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
        with translated():
            try:
                self._open().delete_blob(name, **options)
            except (ResourceNotFoundError, ResourceModifiedError):
                return False
        return True

    def list(self, prefix: str) -> Iterator[Entry]:
        """Every document below `prefix`, by name, with its metadata."""
        with translated():
            for blob in self._open().list_blobs(name_starts_with=prefix, include=["metadata"]):
                yield _entry(blob)

    def count(self, prefix: str) -> int:
        """How many documents are below `prefix`: a listing of names alone, a tenth of the cost of `list`."""
        return sum(1 for _ in self.names(prefix))

    def names(self, prefix: str) -> Iterator[str]:
        """The names below `prefix`, in order, without metadata."""
        with translated():
            yield from self._open().list_blob_names(name_starts_with=prefix)

    def page(self, prefix: str, size: int, marker: str | None) -> tuple[tuple[Entry, ...], str | None]:
        """One page of `list`, and the marker of the next one, None at the end.

        Raises ValueError for a marker that storage does not know.
        """
        from azure.core.exceptions import HttpResponseError

        with translated():
            listing = self._open().list_blobs(name_starts_with=prefix, include=["metadata"], results_per_page=size)
            pages: Any = listing.by_page(marker)
            try:
                blobs = tuple(next(pages, ()))
            except HttpResponseError as error:
                if marker is not None and error.status_code == 400:
                    raise ValueError("storage does not know this marker") from None
                raise
        return tuple(map(_entry, blobs)), pages.continuation_token or None

    @contextmanager
    def leased(self, name: str, metadata: Mapping[str, str] | None = None) -> Iterator[Lease]:
        """Holds the document, made empty, with these metadata, if it is not there. Raises LeaseBusy when somebody else
        does."""
        from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

        with translated():
            blob = self._open().get_blob_client(name)
            fresh = False
            try:
                try:
                    client = blob.acquire_lease(lease_duration=LEASE_SECONDS)
                except ResourceNotFoundError:
                    fresh = self.create(name, {}, metadata) is not None
                    client = blob.acquire_lease(lease_duration=LEASE_SECONDS)
            except ResourceExistsError:
                raise LeaseBusy(name) from None
        lease = Lease(name, client, fresh)
        try:
            yield lease
        finally:
            lease.release()

    def _put(self, name: str, value: Any, metadata: Mapping[str, str] | None, **options: Any) -> str:
        content = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        answer = self._open().get_blob_client(name).upload_blob(content, metadata=dict(metadata or {}), **options)
        return str(answer["etag"])

    def _open(self) -> ContainerClient:
        return self._container.open()


def _parsed(name: str, content: bytes) -> Any:
    """JSON, and only what can be written as JSON again: no NaN, no half of a character. Raises Damaged."""
    try:
        value = json.loads(content.decode("utf-8-sig"), parse_constant=_finite, parse_float=_finite)
        if b"\\u" in content:  # such as nobody of us writes: half a character can be written no other way
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Damaged(name) from None
    return value


def _finite(number: str) -> float:
    if not math.isfinite(float(number)):
        raise ValueError("this is no number of JSON")
    return float(number)


def _entry(blob: Any) -> Entry:
    """A listing's XML has ETags without the quotes that they bear in headers, and so everywhere else here."""
    etag = '"' + str(blob.etag).strip('"') + '"'
    return Entry(blob.name, etag, dict(blob.metadata or {}), blob.last_modified)
