"""The stored registrations: together they are the desired state.

One document per name. Its generation counts the accepted requests; the operation that wrote it last is named in it, so
that an operation can tell whether it was accepted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from registration.caller import Caller
from registration.document import Registration
from registration.snapshot import whole
from shared.documents import Document, Documents
from shared.errors import Changed, Damaged, RequestError


@dataclass(frozen=True, slots=True)
class Stored:
    """A registration as it is stored. The owner is who created it, and stays."""

    registration: Registration
    owner: Caller
    generation: int
    operation: str
    created: str
    updated: str

    def as_json(self) -> dict[str, Any]:
        return {
            "registration": self.registration.as_json(),
            "owner": self.owner.as_json(),
            "generation": self.generation,
            "operation": self.operation,
            "created": self.created,
            "updated": self.updated,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Stored:
        return cls(
            Registration.from_json(value["registration"]),
            Caller.from_json(value["owner"]),
            whole(value["generation"]),
            value["operation"],
            value["created"],
            value["updated"],
        )


class Catalog:
    """Reads and commits registrations."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def get(self, name: str) -> Stored | None:
        """The registration of this name, whatever its case. Raises Damaged."""
        document = self._read(name)
        return None if document is None else _stored(document)

    def commit(self, candidate: Stored) -> bool:
        """Makes `candidate` the registration of its name, if its generation is the next one.

        True when it is (now, or since an earlier try); False when another operation took its generation.
        Raises RequestError 403 when the name belongs to another caller.
        """
        name = candidate.registration.name or ""
        if candidate.generation == 1 and self._documents.create(_blob(name), candidate.as_json()) is not None:
            return True
        while True:
            document = self._read(name)
            stored = None if document is None else _stored(document)
            check_owner(stored, candidate.owner)
            if stored is not None and stored.operation == candidate.operation:
                return True
            if candidate.generation != (stored.generation if stored else 0) + 1:
                return False
            if document is None:
                if self._documents.create(_blob(name), candidate.as_json()) is not None:
                    return True
                continue
            try:
                self._documents.replace(document.name, candidate.as_json(), etag=document.etag)
            except Changed:
                continue
            return True

    def _read(self, name: str) -> Document | None:
        return self._documents.read(_blob(name))


def check_owner(stored: Stored | None, caller: Caller) -> None:
    """A name belongs to its creator. Raises RequestError 403."""
    if stored is not None and stored.owner.id != caller.id:
        raise RequestError(403, "NotOwner", "This name is not yours to replace; choose another name.", target="name")


def _stored(document: Document) -> Stored:
    try:
        return Stored.from_json(document.value)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise Damaged(document.name) from None


def _blob(name: str) -> str:
    return f"registrations/{name.lower()}"
