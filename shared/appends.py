"""Blobs that only grow. Each has one writer: its name is known to one process alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from shared.errors import AzureBusy
from shared.storage import Container, translated

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient

MAX_BLOCK = 4 * 1024 * 1024
"""Bytes of one append that every version of storage takes."""


@dataclass(frozen=True, slots=True)
class _End:
    """Where the next append goes: the blob's number under its name, from 1 on, and its length in bytes."""

    name: str
    number: int
    length: int

    @property
    def blob(self) -> str:
        return self.name if self.number == 1 else f"{self.name}-{self.number}"


class Appends:
    """The append blobs of one container. Not for several threads at once."""

    def __init__(self, service: BlobServiceClient, container: str) -> None:
        self._container = Container(service, container)
        self._end: _End | None = None

    def append(self, name: str, content: bytes) -> None:
        """Adds `content`, up to MAX_BLOCK bytes, to the end of a blob, which is made when it is missing.

        A blob takes 50,000 appends (Append Block, Azure Storage REST); then `<name>-2` follows, `<name>-3`, … Every
        append says where it expects the end, so that one whose answer was lost is not made twice. Raises AzureBusy;
        whether the content is stored is not known then.
        """
        from azure.core.exceptions import HttpResponseError

        end, self._end = self._end, None  # not known until all went well
        try:
            with translated():
                if end is None or end.name != name:
                    end = self._found(name, 1)
                self._end = self._after(end, content)
        except HttpResponseError as error:
            message = f"The service's storage takes nothing more in '{name}' ({_code(error) or error.status_code})."
            raise AzureBusy("StorageRefused", message) from error

    def _after(self, end: _End, content: bytes) -> _End:
        """Appends; gives the new end."""
        from azure.core.exceptions import HttpResponseError

        while True:
            blob = self._blob(end)
            after = replace(end, length=end.length + len(content))
            try:
                blob.append_block(content, appendpos_condition=end.length)
            except HttpResponseError as error:
                if _code(error) == "BlockCountExceedsLimit":
                    end = self._found(end.name, end.number + 1)
                    continue
                if _code(error) != "AppendPositionConditionNotMet" or blob.get_blob_properties().size != after.length:
                    raise
            return after

    def _found(self, name: str, number: int) -> _End:
        """The end of a blob, made (`If-None-Match: *`) unless it is there."""
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceExistsError

        end = _End(name, number, 0)
        try:
            self._blob(end).create_append_blob(match_condition=MatchConditions.IfMissing)
        except ResourceExistsError:
            return replace(end, length=int(self._blob(end).get_blob_properties().size))
        return end

    def _blob(self, end: _End) -> Any:
        return self._container.open().get_blob_client(end.blob)


def _code(error: Any) -> str:
    """Storage's own; an enumeration, where the SDK knows it."""
    code = getattr(error, "error_code", None) or ""
    return str(getattr(code, "value", code))
