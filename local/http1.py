"""A small HTTP/1.1 server and client on 127.0.0.1 that behaves at the wire as Kestrel does.

Bodies are read whole before a handler runs and written whole after it: this serves APIs of JSON documents.
"""

import asyncio
import contextlib
import logging
import ssl
import time
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from local import wire

LOG = logging.getLogger(__name__)
IDLE_SECONDS = 130  # Kestrel's keep-alive timeout
POOL_SIZE = 32  # kept connections per port
POOL_SECONDS = 60  # less than IDLE_SECONDS: the server never closes one as it is taken up again
_READ_LIMIT = wire.MAX_LINE + wire.MAX_HEADERS + 4


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came: `target` raw and undecoded, `headers` in order, `body` whole.

    With `body_error` the body could not be read (too large, a bad chunk); `body` is empty then.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    body_error: str | None = None
    http_version: str = "1.1"

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever its case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. Framing headers are the server's; `reset` closes the connection without answering."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    reset: bool = False


Handler = Callable[[Request], Awaitable[Response]]
_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter, float]


def refusal(request: Request) -> Response:
    """What Kestrel answers when such a body is read: 413 when it is too large, else 400, both empty."""
    return Response(413 if "too large" in (request.body_error or "") else 400)


async def serve(
    handler: Handler, port: int, *, tls: ssl.SSLContext | None = None, body_limit: int = 100 * 1024 * 1024
) -> asyncio.Server:
    """Listen on 127.0.0.1 (port 0: any free one); what `handler` raises becomes an empty 500.

    Stop with `close()`; do not await `wait_closed()`, which also waits for idle connections.
    """

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError, asyncio.CancelledError), contextlib.closing(writer):
            while await _exchange(reader, writer, handler, body_limit):
                pass

    return await asyncio.start_server(connection, "127.0.0.1", port, ssl=tls, limit=_READ_LIMIT, backlog=1024)


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler, body_limit: int
) -> bool:
    """Read one request, answer it; true when the connection may carry another."""
    try:
        async with asyncio.timeout(IDLE_SECONDS):
            head = wire.parse_head(await reader.readuntil(b"\r\n\r\n"))
    except TimeoutError:
        return False
    except (wire.Refused, asyncio.LimitOverrunError) as error:
        if isinstance(error, asyncio.LimitOverrunError):
            line = (await reader.readexactly(error.consumed)).partition(b"\r\n")[0]
            error = wire.Refused(414 if len(line) + 2 > wire.MAX_LINE else 431)
        writer.write(wire.write_response(error.status, error.headers, b"", close=True))
        await _linger(reader, writer)
        return False
    if head.expects_continue and head.length != 0:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body, body_error = b"", None
    try:
        body = await wire.read_body(reader, head.length, body_limit)
    except wire.BadBody as error:
        body_error = str(error)
    request = Request(head.method, head.target, tuple(head.headers), body, body_error, head.version)
    framing = {"to_head": head.method.upper() == "HEAD", "close": head.close or body_error is not None}
    try:
        answer = await handler(request)
        if answer.reset:
            writer.transport.abort()
            return False
        raw = wire.write_response(answer.status, answer.headers, answer.body, **framing)
    except Exception:
        LOG.exception("the handler of %s failed", head.method)
        raw = wire.write_response(500, (), b"", **framing)
    writer.write(raw)
    await writer.drain()
    if body_error is not None:
        await _linger(reader, writer)
    return not framing["close"]


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Let an answer arrive although the request was not read to its end: closing at once would reset it."""
    if writer.can_write_eof():
        writer.write_eof()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            while await reader.read(65536):
                pass


_pools: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, list[_Connection]]] = weakref.WeakKeyDictionary()


async def send(port: int, request: Request) -> Response:
    """Send a request to 127.0.0.1; the answer comes without framing headers (HEAD: Content-Length stays).

    The request is written anew: one Content-Length, no hop-by-hop header. Nothing is ever sent twice.
    Raises ConnectionError when nobody answers in full, ValueError for a request that cannot be written.
    """
    if request.body_error is not None:
        raise ValueError("a request whose body could not be read")
    raw = wire.write_request(request.method, request.target, request.headers, request.body)
    pool = _pools.setdefault(asyncio.get_running_loop(), {}).setdefault(port, [])
    reader, writer = await _connect(pool, port)
    reusable = False
    try:
        writer.write(raw)
        response, reusable = await _read_response(reader, to_head=request.method.upper() == "HEAD")
    except (EOFError, asyncio.LimitOverrunError, wire.BadBody, ValueError) as error:
        raise ConnectionResetError(f"no whole answer from port {port}") from error
    finally:
        if reusable and len(pool) < POOL_SIZE:
            pool.append((reader, writer, time.monotonic()))
        else:
            writer.close()
    return response


async def _connect(pool: list[_Connection], port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    while pool:
        reader, writer, since = pool.pop()
        if not reader.at_eof() and not writer.is_closing() and time.monotonic() - since < POOL_SECONDS:
            return reader, writer
        writer.close()
    return await asyncio.open_connection("127.0.0.1", port, limit=_READ_LIMIT)


async def _read_response(reader: asyncio.StreamReader, *, to_head: bool) -> tuple[Response, bool]:
    status = 100
    while status < 200:  # 1xx answers come before the real one
        first, *lines = (await reader.readuntil(b"\r\n\r\n"))[:-4].decode("utf-8").split("\r\n")
        status = int(first.split(" ")[1])
    headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
    found = {name.lower(): value.lower() for name, value in headers}
    reusable, body = found.get("connection") != "close" and first.startswith("HTTP/1.1"), b""
    if not to_head and status not in (204, 304):
        length = None if "transfer-encoding" in found else int(found.get("content-length", -1))
        reusable = reusable and length != -1
        body = await (reader.read() if length == -1 else wire.read_body(reader, length, limit=1 << 40))
    dropped = wire.HOP_BY_HOP - ({"content-length"} if to_head else set())
    return Response(status, tuple(h for h in headers if h[0].lower() not in dropped), body), reusable
