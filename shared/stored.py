"""What a stored document says, held to the types that it was written with.

Somebody may have edited it by hand, or restored another one in its place. What is otherwise than it was written is
found here, before anything is done with it, and is an error that names the document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from shared.errors import Damaged

MAX_NUMBER = 10**15
"""No number that the service stores is larger."""

MAX_DEPTH = 20
"""How deeply values are nested at most of which only their origin knows what they are: fields of assets."""


@contextmanager
def readable(document: str) -> Iterator[None]:
    """While the value of a document is taken apart: raises Damaged for whatever is not as it should be."""
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError):
        raise Damaged(document) from None


def text(value: Any) -> str:
    """Raises ValueError for anything else; so do all that follow."""
    if not isinstance(value, str):
        raise ValueError("this is no text")
    return value


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("this is neither true nor false")
    return value


def whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_NUMBER:
        raise ValueError("this is no whole number")
    return value


def moment(value: Any) -> datetime:
    """A time that says its zone."""
    found = datetime.fromisoformat(text(value))
    if found.tzinfo is None:
        raise ValueError("this time has no zone")
    return found


def listing(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("this is no list")
    return value


def fields(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("this is no object")
    return value


def texts(value: Any) -> tuple[str, ...]:
    return tuple(text(it) for it in listing(value))


def words(value: Any) -> dict[str, str]:
    """An object of texts."""
    return {name: text(it) for name, it in fields(value).items()}


def counts(value: Any) -> dict[str, int]:
    """An object of whole numbers."""
    return {name: whole(it) for name, it in fields(value).items()}


def plain(value: Any, depth: int = MAX_DEPTH) -> Any:
    """Any JSON that is not nested too deeply to be compared and shown."""
    if depth == 0:
        raise ValueError("this is nested too deeply")
    if isinstance(value, dict | list):
        for it in value.values() if isinstance(value, dict) else value:
            plain(it, depth - 1)
    return value


def failure(value: Any) -> Mapping[str, str]:
    """Why something failed: `code` and `message`."""
    error = words(value)
    if not {"code", "message"} <= error.keys():
        raise ValueError("this is no error")
    return error


def figure(number: str | None) -> int | None:
    """A number in a document's metadata, which are texts; None for what is none."""
    sound = number is not None and number.isascii() and number.isdecimal() and len(number) <= len(str(MAX_NUMBER))
    return int(number) if sound and number is not None else None
