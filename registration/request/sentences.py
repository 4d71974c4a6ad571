"""Pydantic's faults in plain words, without what was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_SENTENCES = {
    "string_type": "this must be a string",
    "list_type": "this is a list",
    "dict_type": "this is an object of names and values",
    "literal_error": "this is {expected}",
    "string_too_short": "at least {min_length} characters are needed here",
    "string_too_long": "at most {max_length} characters are taken here",
    "too_short": "at least {min_length} entries are needed here",
    "too_long": "at most {max_length} entries are taken here",
}


def plain(fault: ErrorDetails) -> str:
    """What is wrong, in our own words where pydantic's say less; a sentence of ours stays as it was written."""
    context: dict[str, Any] = fault.get("ctx", {})
    if (sentence := _SENTENCES.get(fault["type"])) is not None:
        return sentence.format(**context)
    if fault["type"] == "value_error":
        return fault["msg"].removeprefix("Value error, ")
    return fault["msg"][:1].lower() + fault["msg"][1:]
