"""The wire: what is refused, how bodies are read, what is passed on. Recorded cases are Kestrel's."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from local import http1
from local.http1 import Request, Response
from tests.local_host.recorded import exchange, facts, raw_request

REQUESTS = facts("routing.json")["requests"]


@asynccontextmanager
async def server(
    handler: Callable[[Request], Awaitable[Response]] | None = None, body_limit: int = 100 * 1024 * 1024
) -> AsyncIterator[tuple[int, list[Request]]]:
    """A server on a free port that answers with the body it got, and the requests that it saw."""
    seen: list[Request] = []

    async def echo(request: Request) -> Response:
        seen.append(request)
        return Response(200, (("X-Error", request.body_error or ""),), request.body)

    listening = await http1.serve(handler or echo, 0, body_limit=body_limit)
    try:
        yield listening.sockets[0].getsockname()[1], seen
    finally:
        listening.close()


async def wire(port: int, raw: bytes) -> bytes:
    """All bytes that come back until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    try:
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()


def test_refuses_what_kestrel_refuses_and_lets_all_else_through() -> None:
    async def run() -> None:
        async with server() as (port, seen):
            for case in REQUESTS:
                status, headers, _ = await asyncio.to_thread(
                    exchange, port, raw_request(case), to_head=case["method"] == "HEAD"
                )
                reaches_the_host = case["status"] in (200, 404)
                assert status == (200 if reaches_the_host else case["status"]), case
                assert bool(seen) == reaches_the_host, case
                if not reaches_the_host:
                    assert case["response_headers"].items() <= headers.items(), case
                if "read" in case:
                    assert len(seen[0].body) == case["read"], case
                    error = seen[0].body_error
                    assert (error and f"BadHttpRequestException: {error}") == case.get("body_error"), case
                seen.clear()

    asyncio.run(run())


GET = b"GET /%d HTTP/1.1\r\nHost: h\r\n%s\r\n"


def test_one_connection_carries_many_requests_in_order() -> None:
    async def run() -> None:
        async with server() as (port, seen):
            answer = await wire(port, GET % (1, b"") + GET % (2, b"") + GET % (3, b"Connection: close\r\n"))
            assert answer.count(b"HTTP/1.1 200 OK") == 3
            assert [request.target for request in seen] == ["/1", "/2", "/3"]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET / HTTP/1.1\nHost: h\n\r\n\r\n", 400),
        (b"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", 400),
        (b"GET /" + b"a" * 60000, 414),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 60000, 431),
    ],
)
def test_refuses_what_could_be_read_in_two_ways(raw: bytes, status: int) -> None:
    async def run() -> None:
        async with server() as (port, seen):
            answer = await wire(port, raw)
            assert answer.startswith(b"HTTP/1.1 %d " % status)
            assert b"Connection: close" in answer
            assert not seen

    asyncio.run(run())


def test_body_over_the_limit_is_an_error_for_the_handler_and_ends_the_connection() -> None:
    async def run() -> None:
        async with server(body_limit=10) as (port, seen):
            await wire(
                port,
                b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello worldGET / HTTP/1.1\r\n\r\n",
            )
            chunked = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
            await wire(port, chunked + b"6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n")
            assert [http1.refusal(request).status for request in seen] == [413, 413]
            await wire(port, chunked + b"2\r\nhello")
            assert http1.refusal(seen[2]).status == 400

    asyncio.run(run())


def test_failing_and_resetting_handlers() -> None:
    async def handler(request: Request) -> Response:
        if request.target == "/raise":
            raise RuntimeError
        if request.target == "/split":
            return Response(200, (("Location", "a\r\nSet-Cookie: b"),))
        return Response(200, reset=True)

    async def run() -> None:
        async with server(handler) as (port, _):
            for target in ("/raise", "/split"):
                answer = await http1.send(port, Request("GET", target, (("Host", "h"),), b""))
                assert (answer.status, answer.body) == (500, b"")
            with pytest.raises(ConnectionError):
                await http1.send(port, Request("GET", "/", (("Host", "h"),), b""))
        with pytest.raises(ConnectionError):
            await http1.send(port, Request("GET", "/", (("Host", "h"),), b""))

    asyncio.run(run())


def test_send_writes_its_own_framing_and_nothing_that_could_break_it() -> None:
    hop = (
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "99"),
        ("Connection", "X-Mine"),
        ("X-Mine", "é"),
    )

    async def run() -> None:
        async with server() as (port, seen):
            answer = await http1.send(port, Request("post", "/a%2Fb?c", (("Host", "h"), *hop), b"hello"))
            assert (answer.status, answer.body) == (200, b"hello")
            names = [name for name, _ in seen[0].headers]
            assert names == ["Host", "X-Mine", "Content-Length"]
            assert (seen[0].method, seen[0].target) == ("post", "/a%2Fb?c")
            for bad in (
                Request("GET", "/a b", (), b""),
                Request("GET", "/", (("X", "a\r\nY: b"),), b""),
                Request("GET", "/", (), b"", body_error="Bad chunk size data."),
            ):
                with pytest.raises(ValueError, match=r"cannot be written|could not be read"):
                    await http1.send(port, bad)

    asyncio.run(run())


def test_send_reads_chunked_answers_and_answers_without_length() -> None:
    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = (await reader.readuntil(b"\r\n\r\n")).split()[1]
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        chunked += b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
        writer.write(chunked if target == b"/chunked" else b"HTTP/1.1 200 OK\r\n\r\nhello")
        writer.close()

    async def run() -> None:
        upstream = await asyncio.start_server(answering, "127.0.0.1", 0)
        for target in ("/chunked", "/until-closed"):
            request = Request("GET", target, (("Host", "h"),), b"")
            answer = await http1.send(upstream.sockets[0].getsockname()[1], request)
            assert (answer.status, answer.headers, answer.body) == (200, (), b"hello")
        upstream.close()

    asyncio.run(run())


def test_two_thousand_requests_a_second() -> None:
    async def run() -> float:
        async with server() as (port, _):
            request = Request("GET", "/", (("Host", "h"),), b"")
            await http1.send(port, request)

            async def client() -> None:
                for _ in range(100):
                    await http1.send(port, request)

            started = asyncio.get_running_loop().time()
            await asyncio.gather(*(client() for _ in range(20)))
            return 2000 / (asyncio.get_running_loop().time() - started)

    assert max(asyncio.run(run()) for _ in range(3)) > 2000
