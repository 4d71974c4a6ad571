"""The index of operations: one small document each, whose names sort newest first, so that a list is cheap.

What a list shows stands in the metadata: the operation's own, its scope (whom it concerns, for the policy's `read`),
and once it is completed how it ended. A name holds a digest in place of the id, for a continuation token repeats
names, and shows them to callers who may not know the operation.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from registration.records.naming import digest
from registration.records.snapshot import Operation
from registration.request.paging import unknown_continuation
from shared.documents import Documents
from shared.stored import figure, moment, texts
from shared.workspace import is_guid

PREFIX = "index/"
MAX_SCOPE = 2048
"""Characters of a scope in the metadata, of which Azure keeps 8 KB; a longer one is read from the operation."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN = frozenset({"kind", "caller", "created", "deadline"})
_ENDS = frozenset({"Succeeded", "Failed", "Canceled"})
_LAST = 10**17
"""Microseconds from 1970 to the year 5138."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What an operation is about: keys of workspaces; assets as the policy knows them (`data/<name>`)."""

    workspaces: Sequence[str]
    assets: Sequence[str] | None
    """None: whatever is in them."""

    @classmethod
    def of(cls, operation: Operation) -> Scope:
        places = [workspace.key for workspace in operation.workspaces] + [lost.place for lost in operation.lost]
        return cls(places, operation.assets())


@dataclass(frozen=True, slots=True)
class Listed:
    """An operation in the index."""

    name: str
    """Of its document; later operations have smaller names."""
    metadata: Mapping[str, str]
    """The operation's, as in `Operation.metadata`, with what the index adds."""

    @property
    def operation(self) -> str | None:
        """None where the metadata are damaged: an entry's name says which operation it is about."""
        operation = self.metadata.get("operation", "")
        named = is_guid(operation) and is_about(self.name, operation)
        return operation if named and self.metadata.keys() >= _SHOWN else None

    @property
    def status(self) -> str | None:
        """How it ended; None until it is completed, and where that cannot be read."""
        ended = self.metadata.get("status")
        return ended if ended in _ENDS and {"total", "finished"} <= self.counts.keys() else None

    @property
    def counts(self) -> dict[str, int]:
        pairs = (pair.partition(":") for pair in self.metadata.get("counts", "").split(",") if pair)
        return {name: found for name, _, count in pairs if (found := figure(count)) is not None}

    @property
    def scope(self) -> Scope | None:
        """None where it was too long to be kept here, or cannot be read."""
        try:
            packed = base64.b64decode(self.metadata.get("scope", ""))
            workspaces, assets = json.loads(zlib.decompress(packed))
            return Scope(texts(workspaces), None if assets is None else texts(assets))
        except (ValueError, TypeError, RecursionError, zlib.error):
            return None


class Index:
    """Writes and reads the index."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def add(self, operation: Operation, again: bool = False) -> None:
        """Lists an operation; one that is listed already stays as it is, unless `again`."""
        scope = Scope.of(operation)
        content = json.dumps([scope.workspaces, scope.assets], separators=(",", ":"))
        packed = base64.b64encode(zlib.compress(content.encode())).decode()
        metadata = {**operation.metadata(), "operation": operation.id}
        if len(packed) <= MAX_SCOPE:
            metadata["scope"] = packed
        name = _name(operation.id, operation.created)
        if again:
            self._documents.replace(name, {}, metadata=metadata)
        else:
            self._documents.create(name, {}, metadata)

    def finish(self, operation: str, known: Mapping[str, str], status: str, counts: Mapping[str, int]) -> None:
        """Notes how an operation ended. `known`: its own metadata, which stand in for those of an entry that is
        damaged. Safe to repeat; one that is not listed is left so."""
        name = _name(operation, moment(known["created"]))
        entry = self._documents.head(name)
        listed = None if entry is None else Listed(name, entry.metadata)
        if listed is None or (listed.operation is not None and listed.status is not None):
            return
        shown = listed.metadata if listed.operation is not None else {**known, "operation": operation}
        kept = ",".join(f"{outcome}:{count}" for outcome, count in counts.items())
        self._documents.replace(name, {}, metadata={**shown, "status": status, "counts": kept})

    def remove(self, operation: Operation) -> None:
        self._documents.delete(_name(operation.id, operation.created))

    def find(self, operation: str) -> str | None:
        """The name of an operation's entry, of which nothing but the id is known: it is looked for among all."""
        return next((name for name in self._documents.names(PREFIX) if is_about(name, operation)), None)

    def before(self, time: datetime) -> list[str]:
        """The names of those that were accepted before `time`, the oldest first: they say it themselves."""
        newest = f"{PREFIX}{_inverted(time):017d}"
        return [name for name in self._documents.names(PREFIX) if name[: len(newest)] > newest][::-1]

    def page(self, size: int, marker: str | None) -> tuple[list[Listed], str | None]:
        """Up to `size` operations, newest first, and the marker of the next page, None at the end: one call.

        `marker`: as an earlier page gave it. Raises RequestError 400 for one that storage does not know.
        """
        try:
            entries, following = self._documents.page(PREFIX, size, marker)
        except ValueError:
            raise unknown_continuation() from None
        return [Listed(entry.name, entry.metadata) for entry in entries], following


def _name(operation: str, created: datetime) -> str:
    """The later, the smaller: storage lists by name."""
    return f"{PREFIX}{_inverted(created):017d}-{_digest(operation)}"


def is_about(name: str, operation: str) -> bool:
    """Whether an entry of this name is that operation's."""
    return name.startswith(PREFIX) and name.endswith(f"-{_digest(operation)}")


def _digest(operation: str) -> str:
    return digest(operation.encode())[:16]


def _inverted(time: datetime) -> int:
    return _LAST - (time - _EPOCH) // timedelta(microseconds=1)
