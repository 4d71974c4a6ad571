"""`Idempotency-Key`: a request that is sent again is answered with what it started the first time.

A key is scoped to caller and route and kept for seven days. It is claimed, with `If-None-Match: *`, before anything
else is stored, and names the operation that the request will become.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from registration.access.caller import Caller
from registration.records.naming import digest
from shared.documents import Documents
from shared.errors import Changed, Damaged, Fault, RequestError
from shared.workspace import is_guid

PREFIX = "idempotency/"
KEPT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Claim:
    """The operation that a key stands for. `fresh`: this request claimed it just now."""

    document: str
    operation: str
    fresh: bool


class Idempotency:
    """Claims keys."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def claim(self, caller: Caller, route: str, key: str, body: bytes, operation: str, now: datetime) -> Claim:
        """Ties `key` to `operation`, or finds the operation that it is tied to already.

        Raises RequestError: 400 for a key of the wrong form, 422 for the same key with another body.
        """
        check_key(key)
        scope = "\n".join((caller.id, route, key))
        name = f"{PREFIX}{digest(scope.encode())}"
        record = {"operation": operation, "body": digest(body), "expires": (now + KEPT).isoformat()}
        while True:
            if self._documents.create(name, record) is not None:
                return Claim(name, operation, fresh=True)
            found = self._documents.read(name)
            if found is None:
                continue
            try:
                expired = datetime.fromisoformat(found.value["expires"]) < now
                same, known = found.value["body"] == record["body"], str(found.value["operation"])
                if not is_guid(known):
                    raise ValueError("this is no operation's id")
            except (KeyError, TypeError, ValueError):
                raise Damaged(name) from None
            if expired:
                try:
                    self._documents.replace(name, record, etag=found.etag)
                except Changed:
                    continue
                return Claim(name, operation, fresh=True)
            if not same:
                raise RequestError(
                    422,
                    "IdempotencyKeyReused",
                    "This Idempotency-Key was sent with another body.",
                    target="Idempotency-Key",
                )
            return Claim(name, known, fresh=False)

    def release(self, claim: Claim) -> None:
        """Gives up a key whose request was refused. One that was claimed again since stays."""
        found = self._documents.read(claim.document)
        if found is not None and found.value.get("operation") == claim.operation:
            self._documents.delete(claim.document, etag=found.etag)

    def move(self, claim: Claim, operation: str) -> bool:
        """Ties the key to the operation that tries again. False when another request did so first."""
        found = self._documents.read(claim.document)
        if found is None or found.value.get("operation") != claim.operation:
            return False
        try:
            self._documents.replace(claim.document, {**found.value, "operation": operation}, etag=found.etag)
        except Changed:
            return False
        return True


def check_key(key: str) -> None:
    if not re.fullmatch(r"[\x21-\x7e]([\x20-\x7e]{0,254}[\x21-\x7e])?", key):
        message = "An Idempotency-Key has 1 to 256 printable ASCII characters."
        raise RequestError(
            400, "InvalidIdempotencyKey", message, [Fault("InvalidIdempotencyKey", message, "Idempotency-Key")]
        )
