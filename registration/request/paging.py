"""Lists in pages: what a list's query string holds, and where the next page begins."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from shared.errors import Fault, RequestError

MAX_TOP, DEFAULT_TOP = 200, 50
MAX_NAME = 1024
"""Characters of a place in a list: storage's own limit for names."""

T = TypeVar("T")


class Parameters:
    """A query string, read parameter by parameter; what is wrong with any of them is said at once, by `done`."""

    def __init__(self, given: Mapping[str, str], known: Sequence[str]) -> None:
        self._given = given
        self._faults = [
            _fault(name[:100], f"There is no parameter '{name[:100]}'; known are {', '.join(known)}.")
            for name in given
            if name not in known
        ]

    def text(self, name: str, sound: Callable[[str], bool], sentence: str) -> str | None:
        """None where it is left out, or is not `sound`: then `sentence` says what it must be."""
        value = self._given.get(name)
        if value is None or sound(value):
            return value
        self._faults.append(_fault(name, sentence))
        return None

    def one_of(self, name: str, words: Collection[str]) -> str | None:
        return self.text(name, words.__contains__, f"{name} is one of {', '.join(words)}.")

    def flag(self, name: str) -> bool | None:
        """None where it is left out."""
        text = self.text(name, lambda it: it.lower() in {"true", "false"}, f"{name} is true or false.")
        return None if text is None else text.lower() == "true"

    def top(self) -> int:
        """How many entries a page has at most."""
        message = f"top is a whole number from 1 to {MAX_TOP}."
        return int(self.text("top", _is_size, message) or DEFAULT_TOP)

    def place(self, read: Callable[[Any], T], first: T) -> T:
        """What `continuation` holds, as `read` understands it; `first` where it is left out.

        `read` raises ValueError or TypeError for what no `further` gave.
        """
        continuation = self._given.get("continuation")
        if continuation is None:
            return first
        try:
            padded = continuation + "=" * (-len(continuation) % 4)
            return read(json.loads(base64.b64decode(padded, altchars=b"-_", validate=True)))
        except (ValueError, TypeError, RecursionError):
            self._faults.append(unknown_continuation().fault)
            return first

    def done(self) -> None:
        """Raises RequestError 400, which names every parameter that is wrong."""
        if self._faults:
            raise RequestError(400, "InvalidParameter", self._faults[0].message, self._faults, self._faults[0].target)


def unknown_continuation() -> RequestError:
    message = "continuation is not of the form that a nextLink has."
    return RequestError(400, "InvalidParameter", message, target="continuation")


def further(fields: Mapping[str, Any], place: Any) -> str:
    """The query string of the page that begins at `place`, which is JSON; with those fields that have a value."""
    packed = base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")
    given = {name: value for name, value in fields.items() if value is not None}
    return urlencode({**given, "continuation": packed})


def a_name(place: Any) -> str:
    """The place of a list that goes on after a name. Raises ValueError for anything else."""
    if not isinstance(place, str) or not place.isprintable() or not 0 < len(place) <= MAX_NAME:
        raise ValueError("this is no name")
    return place


def cut(items: Iterable[T], top: int) -> tuple[list[T], bool]:
    """The first `top` of them, and whether there are more. No more than one further is taken."""
    found: list[T] = []
    for item in items:
        if len(found) == top:
            return found, True
        found.append(item)
    return found, False


def _is_size(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= MAX_TOP


def _fault(name: str, message: str) -> Fault:
    return Fault("InvalidParameter", message, name)
