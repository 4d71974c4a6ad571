"""HTTP/1.1 messages as bytes: what a head must look like, how bodies are framed, how both are written.

Rules and limits are those of Kestrel, the web server of the Azure Functions host (its defaults; measured).
"""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import responses

MAX_LINE = 8 * 1024  # bytes of the request line, its end included
MAX_HEADERS = 32 * 1024  # bytes of all header lines, their ends included
MAX_HEADER_COUNT = 100
# Framing belongs to one connection, never to what is passed on. What a `Connection` header names stays:
# honouring it would let a caller drop headers that a proxy has added.
HOP_BY_HOP = frozenset({"connection", "content-length", "expect", "keep-alive", "te", "transfer-encoding", "upgrade"})
_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([!-~]+) HTTP/(\d\.\d)")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\0\r\n]*)")
_HOST = re.compile(r"[A-Za-z0-9.\-_~%!$&'()*+,;=:\[\]]*")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")


@dataclass
class Refused(Exception):
    """A request that the web server answers by itself, with this status and these headers."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()


class BadBody(Exception):
    """A body that cannot be read; its text says why, in Kestrel's words."""


@dataclass(slots=True)
class Head:
    """A checked head. `length`: bytes of the body, None for a chunked one; `close` ends keep-alive."""

    method: str
    target: str
    version: str
    headers: list[tuple[str, str]]
    length: int | None
    close: bool
    expects_continue: bool


def parse_head(raw: bytes) -> Head:
    """The head of a request, blank line included; raises Refused with Kestrel's status for a bad one."""
    first, *lines = raw[:-4].split(b"\r\n")
    if len(first) + 2 > MAX_LINE:
        raise Refused(414)
    match = _LINE.fullmatch(first)
    if match is None:
        raise Refused(400)
    method, target, version = (part.decode("ascii") for part in match.groups())
    if version not in ("1.1", "1.0"):
        raise Refused(505)
    if target == "*" and method != "OPTIONS":
        raise Refused(405, (("Allow", "OPTIONS"),))
    # An absolute form is refused as Kestrel refuses one whose host is not the Host header's.
    if target[0] not in "/*" or "%00" in target.partition("?")[0]:
        raise Refused(400)
    if len(lines) > MAX_HEADER_COUNT or len(raw) - len(first) - 4 > MAX_HEADERS:
        raise Refused(431)
    try:
        fields = [_FIELD.fullmatch(line.rstrip(b" \t")) for line in lines]
        headers = [(field[1].decode("ascii"), field[2].decode("utf-8")) for field in fields if field]
    except UnicodeDecodeError:
        raise Refused(400) from None
    seen: dict[str, list[str]] = {}
    for name, value in headers:
        seen.setdefault(name.lower(), []).append(value)
    hosts, lengths = seen.get("host", []), seen.get("content-length", [])
    codings = ",".join(seen.get("transfer-encoding", [])).strip().lower()
    if (
        not all(fields)
        or not (len(hosts) == 1 or (version == "1.0" and not hosts))
        or not all(map(_HOST.fullmatch, hosts))
        or len(lengths) > 1
        or not all(re.fullmatch("[0-9]{1,18}", length) for length in lengths)
        or codings not in ("", "chunked")
    ):
        raise Refused(400)
    connection = ",".join(seen.get("connection", [])).lower()
    return Head(
        method=method,
        target=target,
        version=version,
        # Chunked wins over a length, which is then dropped.
        headers=[header for header in headers if not codings or header[0].lower() != "content-length"],
        length=None if codings else int(lengths[0]) if lengths else 0,
        close="close" in connection or (version == "1.0" and "keep-alive" not in connection),
        expects_continue="100-continue" in ",".join(seen.get("expect", [])).lower(),
    )


async def read_body(reader: asyncio.StreamReader, length: int | None, limit: int) -> bytes:
    """A whole body: `length` bytes, or chunked for None. Raises BadBody over `limit` and for bad chunks."""
    too_large = BadBody(f"Request body too large. The max request body size is {limit} bytes.")
    if length is not None:
        if length > limit:
            raise too_large
        return await reader.readexactly(length)
    body = bytearray()
    try:
        while match := _CHUNK.fullmatch(await reader.readuntil(b"\n")):
            size = int(match[1], 16)
            if size == 0:
                while await reader.readuntil(b"\r\n") != b"\r\n":  # trailers are dropped
                    pass
                return bytes(body)
            if len(body) + size > limit:
                raise too_large
            body += await reader.readexactly(size)
            if await reader.readexactly(2) != b"\r\n":
                raise BadBody("Bad chunk suffix.")
    except asyncio.LimitOverrunError:
        pass
    raise BadBody("Bad chunk size data.")


def _lines(headers: Iterable[tuple[str, str]]) -> str:
    """Header lines without the framing ones; raises ValueError for what would leave its line."""
    kept = [f"{name}: {value}" for name, value in headers if name.lower() not in HOP_BY_HOP]
    if not all(_FIELD.fullmatch(line.encode()) for line in kept):
        raise ValueError("a header that cannot be written")
    return "".join(f"{line}\r\n" for line in kept)


def write_request(method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    """A request with a length of its own, whatever framing came in. Raises ValueError for what breaks it."""
    line = f"{method} {target} HTTP/1.1"
    if not _LINE.fullmatch(line.encode()):
        raise ValueError("a request line that cannot be written")
    return f"{line}\r\n{_lines(headers)}Content-Length: {len(body)}\r\n\r\n".encode() + body


def write_response(
    status: int, headers: Iterable[tuple[str, str]], body: bytes, *, to_head: bool = False, close: bool = False
) -> bytes:
    """An answer; HEAD, 204 and 304 without body. Raises ValueError for a header that cannot be written."""
    text = _lines(headers)
    length = str(len(body))
    if to_head and not body:  # the length is then the handler's to tell
        length = next((value for name, value in headers if name.lower() == "content-length"), "")
    if length and status not in (204, 304):
        text += f"Content-Length: {length}\r\n"
    if close:
        text += "Connection: close\r\n"
    head = f"HTTP/1.1 {status} {responses.get(status, '')}\r\n{text}\r\n".encode(
        "ascii"
    )  # as Kestrel: no other letters
    return head if to_head or status in (204, 304) else head + body
