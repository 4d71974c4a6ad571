"""The text form of a plan, for a person at a terminal. Pure; the same plan gives the same text.

    + create   ~ update   - delete or archive   = adopt   ! conflict, failed or not authorized   ? left as it is

What is as wanted already is counted, not listed, and so is what is suspended. No text of others reaches the terminal
as a control character.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

_SIGNS = {
    "create": "+",
    "new_version": "+",
    "update": "~",
    "archive": "-",
    "delete": "-",
    "adopt": "=",
}
_WORDS = {"new_version": "new version", "notAuthorized": "not authorized"}
_BAD = frozenset({"conflict", "failed", "notAuthorized"})
_LEFT = frozenset({"drifted", "kept"})
_COUNTED = frozenset({"unchanged", "suspended"})
MAX_COLUMN = 60
"""Characters up to which a column is filled; what is longer pushes the rest of its own line to the right."""


def plan_text(body: Mapping[str, Any]) -> str:
    """`body`: the answer of POST /api/plan, or the result of a dry run."""
    title, name = _title(body)
    tally: Counter[str] = Counter()
    lines = [title, ""]
    for workspace in body.get("workspaces", ()):
        lines += [*_workspace(workspace, name, tally), ""]
    if body.get("warnings"):
        lines += ["Warnings:", *(f"  {_clean(warning)}" for warning in body["warnings"]), ""]
    if "nextLink" in body:
        lines += [f"This is not all; the next page: {_clean(body['nextLink'])}", ""]
    return "\n".join([*lines, _summary(tally), ""])


def _title(body: Mapping[str, Any]) -> tuple[str, str]:
    """(the first line, the registration that the plan is about, if it is about one)."""
    registration = body.get("registration")
    if not registration:
        return "What is stored, against what the workspaces hold", ""
    name = _clean(registration.get("name"))
    return f"Registration {name}, generation {_clean(registration.get('generation'))}", name


def _workspace(workspace: Mapping[str, Any], name: str, tally: Counter[str]) -> Iterator[str]:
    yield _clean(workspace.get("workspace"))
    if "error" in workspace:
        tally["lost"] += 1
        yield f"  ! {_error(workspace['error'])}"
    counted: Counter[str] = Counter()
    listed: list[tuple[str, str, Mapping[str, Any]]] = []
    for change in workspace.get("changes", ()):
        sign, word = _kind(change)
        tally[word] += 1
        if word in _COUNTED:
            counted[word] += 1
        else:
            listed.append((sign, _WORDS.get(word, word), change))
    width = _width(word for _, word, _ in listed)
    for sign, word, change in listed:
        whose = _clean(change.get("registration"))
        note = f"  ({whose})" if "registration" in change and whose != name else ""
        yield f"  {sign} {word:{width}}  {_clean(change.get('asset'))}{note}"
        yield from _reasons(change.get("reasons", ()))
        if "conflictsWith" in change:
            yield f"      the registration {_clean(change['conflictsWith'])} came first"
        if "error" in change:
            yield f"      {_error(change['error'])}"
    if workspace.get("unmanaged"):
        yield f"  unmanaged: {', '.join(map(_clean, workspace['unmanaged']))}"
    if counted:
        yield f"  {', '.join(f'{counted[word]} {word}' for word in sorted(counted, reverse=True))}"
    elif not listed and "error" not in workspace:
        yield "  nothing to do"


def _kind(change: Mapping[str, Any]) -> tuple[str, str]:
    """(sign, word) of a change: how it ends, where it is not to be made; else what is to be done."""
    outcome, action = str(change.get("outcome")), str(change.get("action"))
    if outcome in _BAD:
        return "!", outcome
    if outcome in _LEFT:
        return "?", outcome
    if outcome in _COUNTED or action not in _SIGNS:
        return " ", outcome if outcome in _COUNTED else "unchanged"
    return _SIGNS[action], action


def _reasons(reasons: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """One line for each field: its name, found -> wanted, and why; in columns."""
    pairs = [_values(it) for it in reasons]
    width = _width(found for found, _ in pairs)
    middle = [f"{found:{width}} -> {wanted}" if found else "" for found, wanted in pairs]
    rows = [(_clean(it.get("field")), text, _clean(it.get("reason"))) for it, text in zip(reasons, middle, strict=True)]
    first, second = (_width(row[column] for row in rows) for column in range(2))
    for field, values, why in rows:
        yield "  ".join(part for part in ("    ", f"{field:{first}}", f"{values:{second}}", why) if part)


def _values(reason: Mapping[str, Any]) -> tuple[str, str]:
    """What was found and what is wanted, as text; both empty for a secret, and where there is nothing to compare."""
    if "found" not in reason and "wanted" not in reason:
        return "", ""
    return _value(reason.get("found")), _value(reason.get("wanted"))


def _value(value: Any) -> str:
    return "(none)" if value is None else _clean(json.dumps(value, ensure_ascii=False, sort_keys=True))


def _error(error: Mapping[str, Any]) -> str:
    return f"{_clean(error.get('code'))}: {_clean(error.get('message'))}"


def _summary(tally: Mapping[str, int]) -> str:
    """The last line. What must be zero for a plan to be carried out whole is told where it is not."""
    create = tally["create"] + tally["new_version"]
    parts = [
        f"{create} to create",
        f"{tally['update']} to update",
        f"{tally['archive']} to archive",
        f"{tally['delete']} to delete",
    ]
    parts += [f"{tally['adopt']} to adopt"] if tally["adopt"] else []
    parts += [f"{tally['conflict']} conflict{'' if tally['conflict'] == 1 else 's'}"]
    parts += [f"{tally['failed']} failed"] if tally["failed"] else []
    parts += [f"{tally['notAuthorized']} not authorized"] if tally["notAuthorized"] else []
    if tally["lost"]:
        parts += [f"{tally['lost']} workspace{'' if tally['lost'] == 1 else 's'} failed"]
    rest = [f"{tally['unchanged']} unchanged"]
    rest += [f"{tally[word]} {word}" for word in ("drifted", "kept", "suspended") if tally[word]]
    return f"Plan: {', '.join(parts)}; {', '.join(rest)}."


def _width(texts: Iterable[str]) -> int:
    return min(max((len(text) for text in texts), default=0), MAX_COLUMN)


def _clean(value: Any) -> str:
    """Text that a terminal only prints: whatever is no printable character stands as its escape."""
    text = str(value)
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else json.dumps(sign)[1:-1] for sign in text)
