"""Bytes of a request into plain data: JSON or YAML, with every trap of both refused."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any, NoReturn

from registration.request.written import MAX_DEPTH, Written, refuse
from shared.errors import RequestError

_SURROGATE = re.compile("[\ud800-\udfff]")


def parse_body(body: bytes, content_type: str, limit: int) -> Any:
    """The data of a request's body. Raises RequestError: 413 over `limit` bytes, else 400."""
    if len(body) > limit:
        raise RequestError(413, "BodyTooLarge", f"The body has {len(body)} bytes; at most {limit} are taken.")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        refuse(f"The body is not UTF-8 (at byte {error.start}).")
    if not text.strip():
        refuse("The body is empty; send a registration as JSON or YAML, with a Content-Length.")
    kind = content_type.partition(";")[0].strip().lower()
    as_yaml = "yaml" in kind or ("json" not in kind and text.lstrip()[0] not in "{[")
    if as_yaml:
        from registration.request.yaml_body import read_yaml  # noqa: PLC0415 - the parser is loaded for whoever writes YAML

        data = read_yaml(text)
    else:
        data = _json(text)
    if _has_surrogate(data):
        refuse("The body holds half a surrogate pair, which is no character.")
    if not isinstance(data, dict):
        refuse(f"The body is {_kind_of(data)}; send one object.")
    return data


def _json(text: str) -> Any:
    if _depth(text) > MAX_DEPTH:
        refuse(f"The body is nested deeper than {MAX_DEPTH} levels.")
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_float=Written, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        refuse(f"The body is not JSON: {error.msg} (line {error.lineno}, column {error.colno}).")
    except (ValueError, RecursionError):
        refuse("The body is not JSON: a number in it is too long.")


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
        refuse(f"The key '{twice[:100]}' stands twice in one object.")
    return found


def _no_constant(name: str) -> NoReturn:
    refuse(f"{name} is not JSON.")


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
