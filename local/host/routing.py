"""From a raw request target to a function, as Kestrel and the host's router do it (measured, 102 requests)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from local.host.settings import LoadError

_CONSTRAINTS = {
    "": "[^/]+",
    ":int": r"[+-]?0*[0-9]{1,10}",
    ":guid": r"[0-9a-fA-F]{32}|(?:[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})",
}
_PARAMETER = re.compile(r"\{(?P<all>\*{0,2})(?P<name>\w+)(?P<constraint>:\w+)?(?P<end>\?|=[^{}]*)?\}")


@dataclass(frozen=True, slots=True)
class Route:
    """One function's address; `methods` in upper case, empty for all of them."""

    function: str
    pattern: re.Pattern[str]
    defaults: dict[str, str | None]
    integers: frozenset[str]
    methods: frozenset[str]


def compiled(function: str, template: str, methods: Iterable[str]) -> Route:
    """A route of a template: literals, {x}, {x?}, {x=default}, {*rest}, {x:int}, {x:guid}; else LoadError."""
    pattern, defaults, integers = "", dict[str, str | None](), set[str]()
    for segment in template.strip("/").split("/") if template.strip("/") else []:
        match = _PARAMETER.fullmatch(segment)
        if match is None:
            if not segment or "{" in segment or "}" in segment:
                raise LoadError(f"{function}: the stand-in cannot route {segment!r} in {template!r}")
            pattern += "/" + re.escape(segment)
            continue
        name, constraint, end = match["name"], match["constraint"] or "", match["end"]
        if constraint not in _CONSTRAINTS:
            raise LoadError(f"{function}: the stand-in does not know the constraint {constraint!r}")
        if constraint == ":int":
            integers.add(name)
        if match["all"] or (end or "").startswith("="):
            defaults[name] = end[1:] if end else None
        inner = f"/(?P<{name}>{'.+' if match['all'] else _CONSTRAINTS[constraint]})"
        pattern += f"(?:{inner})?" if match["all"] or end else inner
    expression = re.compile(f"{pattern}/?", re.IGNORECASE | re.ASCII | re.DOTALL)
    return Route(function, expression, defaults, frozenset(integers), frozenset(m.upper() for m in methods))


def ordered(routes: Iterable[Route]) -> list[Route]:
    """Routes as the host tries them, by function name, case ignored: a literal does not beat a parameter."""
    return sorted(routes, key=lambda route: route.function.lower())


def find(routes: Iterable[Route], method: str, path: str) -> tuple[str, dict[str, str | None]] | None:
    """The first function that takes this method on this decoded path, and the route's values; else None."""
    for route in routes:
        if route.methods and method.upper() not in route.methods:
            continue
        match = route.pattern.fullmatch(path)
        if match is None:
            continue
        found = {name: value for name, value in match.groupdict().items() if value is not None}
        if all(-(2**31) <= int(found[name]) < 2**31 for name in route.integers & found.keys()):
            return route.function, route.defaults | found
    return None


def decoded_path(target: str) -> str:
    """The path of a target: percent-decoded once, %2F and what is no UTF-8 left as they are, dots resolved."""
    encoded = re.compile(r"(?:%(?!2[Ff])[0-9A-Fa-f]{2})+")
    path = encoded.sub(lambda match: _text(bytes.fromhex(match[0].replace("%", ""))), target.partition("?")[0])
    segments = path.split("/")[1:]
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    return "/" + "/".join([*kept, ""] if segments and segments[-1] in (".", "..") else kept)


def _text(octets: bytes) -> str:
    text = octets.decode("utf-8", "surrogateescape")
    return re.sub("[\udc80-\udcff]", lambda match: f"%{ord(match[0]) - 0xDC00:02X}", text)
