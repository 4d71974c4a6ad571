"""Bytes of a request into plain data: JSON or YAML, with every trap of both refused.

The YAML read here is 1.2's core: no tags, no anchors or aliases, no timestamps, `yes` and `no` are words, and digits
with a leading zero stay text. What the two formats have in common means the same in both.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NoReturn

import yaml

from shared.errors import Fault, RequestError

MAX_DEPTH = 32
"""Levels of nesting. A registration has six."""

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Written(float):
    """A number that knows how it was written: as text it keeps its digits, of `1.10` the nought, too."""

    _text: str

    def __new__(cls, text: str) -> Written:
        number = super().__new__(cls, re.sub(r"\.(?=inf|nan)", "", text.lower()))
        number._text = text
        return number

    def __str__(self) -> str:
        return self._text


def parse_body(body: bytes, content_type: str, limit: int) -> Any:
    """The data of a request's body. Raises RequestError: 413 over `limit` bytes, else 400."""
    if len(body) > limit:
        raise RequestError(413, "BodyTooLarge", f"The body has {len(body)} bytes; at most {limit} are taken.")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse(f"The body is not UTF-8 (at byte {error.start}).")
    if not text.strip():
        _refuse("The body is empty; send a registration as JSON or YAML, with a Content-Length.")
    kind = content_type.partition(";")[0].strip().lower()
    as_yaml = "yaml" in kind or ("json" not in kind and text.lstrip()[0] not in "{[")
    data = _yaml(text) if as_yaml else _json(text)
    if _has_surrogate(data):
        _refuse("The body holds half a surrogate pair, which is no character.")
    if not isinstance(data, dict):
        _refuse(f"The body is {_kind_of(data)}; send one object.")
    return data


def _refuse(message: str) -> NoReturn:
    raise RequestError(400, "InvalidBody", message, [Fault("InvalidBody", message)])


def _json(text: str) -> Any:
    if _depth(text) > MAX_DEPTH:
        _refuse(f"The body is nested deeper than {MAX_DEPTH} levels.")
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_float=Written, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        _refuse(f"The body is not JSON: {error.msg} (line {error.lineno}, column {error.colno}).")
    except (ValueError, RecursionError):
        _refuse("The body is not JSON: a number in it is too long.")


def _depth(text: str) -> int:
    """The deepest nesting, counted without recursion, in one pass: escapes are taken out, then strings."""
    deepest = depth = 0
    bare = re.sub(r'"[^"]*"', "", re.sub(r"\\.", "", text, flags=re.DOTALL))
    for sign in re.finditer(r"[\[{\]}]", bare):
        depth += 1 if sign[0] in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        [(twice, _)] = Counter(name for name, _ in pairs).most_common(1)
        _refuse(f"The key '{twice[:100]}' stands twice in one object.")
    return found


def _no_constant(name: str) -> NoReturn:
    _refuse(f"{name} is not JSON.")


def _yaml(text: str) -> Any:
    """Built from the parser's events, which come one by one however deep the text is nested."""
    if re.match(r"\s*%", text):
        _refuse("YAML directives are not taken.")
    try:
        return _build(iter(yaml.parse(text, Loader=_LOADER)))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
        _refuse(f"The body is not YAML: {getattr(error, 'problem', None) or 'unreadable'}{place}.")


def _build(events: Iterator[Any]) -> Any:
    documents = 0
    root: list[Any] = []
    open_nodes: list[Any] = [root]
    keys: list[Any] = [None]
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                _refuse("The body holds more than one YAML document; send one.")
        if getattr(event, "anchor", None) is not None:
            _refuse("YAML anchors and aliases are not taken; write the value out.")
        if isinstance(event, yaml.CollectionStartEvent | yaml.ScalarEvent) and event.tag not in {None, "!"}:
            _refuse("YAML tags are not taken.")
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
                _refuse(f"The body is nested deeper than {MAX_DEPTH} levels.")
    return root[0] if root else None


def _place(parent: Any, keys: list[Any], value: Any) -> None:
    """Puts a node into its parent; in a mapping, keys and values take turns."""
    if isinstance(parent, list):
        parent.append(value)
    elif keys[-1] is None:
        if not isinstance(value, str | int | float | bool) and value is not None:
            _refuse("A YAML key must be a plain word.")
        key = value if isinstance(value, str) else str(value) if isinstance(value, float) else json.dumps(value)
        if key in parent:
            _refuse(f"The key '{key[:100]}' stands twice in one object.")
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


def _has_surrogate(data: Any) -> bool:
    nodes = [data]
    while nodes:
        node = nodes.pop()
        if isinstance(node, str) and _SURROGATE.search(node):
            return True
        if isinstance(node, dict):
            nodes += [*node.keys(), *node.values()]
        elif isinstance(node, list):
            nodes += node
    return False


def _kind_of(data: Any) -> str:
    if data is None:
        return "empty"
    return {list: "a list", str: "text", bool: "a truth value"}.get(type(data), "a number")
