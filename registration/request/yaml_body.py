"""YAML into plain data, of what YAML 1.2 calls its core: no tags, no anchors or aliases, no timestamps, `yes` and `no`
are words, and digits with a leading zero stay text. What it has in common with JSON means the same as there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from registration.request.written import MAX_DEPTH, Written, refuse

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(text: str) -> Any:
    """From the parser's events, which come one by one however deep the text is nested. Raises RequestError 400."""
    if re.match(r"\s*%", text):
        refuse("YAML directives are not taken.")
    try:
        return _build(iter(yaml.parse(text, Loader=_LOADER)))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
        refuse(f"The body is not YAML: {getattr(error, 'problem', None) or 'unreadable'}{place}.")


def _build(events: Iterator[Any]) -> Any:
    documents = 0
    root: list[Any] = []
    open_nodes: list[Any] = [root]
    keys: list[Any] = [None]
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                refuse("The body holds more than one YAML document; send one.")
        if getattr(event, "anchor", None) is not None:
            refuse("YAML anchors and aliases are not taken; write the value out.")
        if isinstance(event, yaml.CollectionStartEvent | yaml.ScalarEvent) and event.tag not in {None, "!"}:
            refuse("YAML tags are not taken.")
        if isinstance(event, yaml.CollectionEndEvent):
            open_nodes.pop()
            keys.pop()
            continue
        if isinstance(event, yaml.ScalarEvent):
            value: Any = _scalar(event)
        elif isinstance(event, yaml.MappingStartEvent):
            value = {}
        elif isinstance(event, yaml.SequenceStartEvent):
            value = []
        else:
            continue
        _place(open_nodes[-1], keys, value)
        if isinstance(value, dict | list):
            open_nodes.append(value)
            keys.append(None)
            if len(open_nodes) > MAX_DEPTH + 1:
                refuse(f"The body is nested deeper than {MAX_DEPTH} levels.")
    return root[0] if root else None


def _place(parent: Any, keys: list[Any], value: Any) -> None:
    """Puts a node into its parent; in a mapping, keys and values take turns."""
    if isinstance(parent, list):
        parent.append(value)
    elif keys[-1] is None:
        if not isinstance(value, str | int | float | bool) and value is not None:
            refuse("A YAML key must be a plain word.")
        key = value if isinstance(value, str) else str(value) if isinstance(value, float) else json.dumps(value)
        if key in parent:
            refuse(f"The key '{key[:100]}' stands twice in one object.")
        keys[-1] = key
    else:
        parent[keys[-1]] = value
        keys[-1] = None


def _scalar(event: yaml.ScalarEvent) -> Any:
    text: str = event.value
    if not event.implicit[0]:  # quoted, or a block of text
        return text
    if text in {"", "~", "null", "Null", "NULL"}:
        return None
    if text in {"true", "True", "TRUE", "false", "False", "FALSE"}:
        return text.lower() == "true"
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and re.search(r"[.eE]", text):
        return Written(text)
    return text
