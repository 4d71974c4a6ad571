"""`If-Match` and `If-None-Match` (RFC 9110): a request is carried out if the registration is as its sender saw it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from registration.records.desired import Stored
from shared.errors import RequestError

_ENTITY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of what is stored. A set of tags, in quotes; `*` in it means that there is anything at all."""

    match: frozenset[str] | None = None
    none_match: frozenset[str] | None = None

    @classmethod
    def parse(cls, if_match: str | None, if_none_match: str | None) -> Condition:
        """From the headers. Raises RequestError 400 for what is no entity tag."""
        return cls(_tags("If-Match", if_match), _tags("If-None-Match", if_none_match))

    def check(self, stored: Stored | None) -> None:
        """`stored`: None when there is nothing, or a tombstone alone. Raises RequestError 412."""
        if self.match is not None and (stored is None or not self.match & {"*", stored.etag}):
            what = "there is no such registration" if stored is None else "it was changed since"
            message = f"The registration is not the one that If-Match names: {what}. Read it again."
            raise RequestError(412, "PreconditionFailed", message, target="If-Match")
        if self.none_match is not None and stored is not None and self.none_match & {"*", stored.etag}:
            message = "There is such a registration already; If-None-Match says that there must be none."
            raise RequestError(412, "PreconditionFailed", message, target="If-None-Match")


def _tags(header: str, text: str | None) -> frozenset[str] | None:
    if text is None:
        return None
    parts = ["*"] if text.strip() == "*" else _ENTITY_TAG.findall(text)
    if not parts or (parts != ["*"] and _ENTITY_TAG.sub("", text).strip(" ,\t")):
        message = f'{header} holds no entity tag: send "…" as the ETag header gave it, or *.'
        raise RequestError(400, "InvalidHeader", message, target=header)
    return frozenset(part.removeprefix("W/") for part in parts)


NO_CONDITION = Condition()
