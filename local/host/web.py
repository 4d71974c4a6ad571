"""HTTP at the host: the front's secret, the admin endpoint, HTTP functions."""

import asyncio
import hmac
import json
import os
import time
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl

from azure.functions.meta import Datum

from local import http1
from local.host import routing
from local.host.functions import LOG, Function, FunctionFailed, Runner
from local.http1 import Request, Response

FRONT_END_SECONDS = 230.0  # Azure's load balancer cuts an answer that takes longer; the function runs on
Trigger = Callable[[str], Coroutine[Any, Any, None]]


class Web:
    """Answers requests. `triggers` are what the admin endpoint may start, by lower-case function name."""

    def __init__(
        self, functions: list[Function], host_json: dict[str, Any], runner: Runner, triggers: dict[str, Trigger]
    ):
        prefix = str(host_json.get("extensions", {}).get("http", {}).get("routePrefix", "api"))
        self._functions = {function.name: function for function in functions if function.kind == "httpTrigger"}
        self._routes = routing.ordered(
            routing.compiled(f.name, f"{prefix}/{f.trigger['route']}", map(str, f.trigger.get("methods") or ()))
            for f in self._functions.values()
        )
        self._runner, self._triggers = runner, triggers
        self._secret = os.environ.get("LOCAL_FRONT_SECRET", "")

    async def answer(self, request: Request) -> Response:
        """The host's answer; one log line without query, headers or body."""
        started = time.monotonic()
        response = await self._route(request)
        taken, path = time.monotonic() - started, request.target.partition("?")[0]
        LOG.info("%s %s answered %d after %d ms", request.method, path, response.status, taken * 1000)
        return response

    async def _route(self, request: Request) -> Response:
        given = [value for name, value in request.headers if name.lower() == "x-local-front"]
        if self._secret and not (len(given) == 1 and hmac.compare_digest(given[0].encode(), self._secret.encode())):
            return Response(401)
        path = routing.decoded_path(request.target)
        if path.lower().startswith("/admin/"):
            return self._admin(request, path.strip("/").lower().split("/")[1:])
        found = routing.find(self._routes, request.method, path)
        if found is None:
            return Response(404)
        # The host reads a body only where Content-Length says that there is one: a chunked body arrives empty.
        measured = request.header("content-length") is not None
        if request.body_error and measured:
            return http1.refusal(request)
        data = _as_datum(request, found[1], request.body if measured else b"")
        work = self._runner.start(self._run(self._functions[found[0]], data))
        await asyncio.wait({work}, timeout=FRONT_END_SECONDS)
        return work.result() if work.done() else Response(504)

    async def _run(self, function: Function, data: Datum) -> Response:
        try:
            return _as_response(await self._runner.call(function, data))
        except FunctionFailed:
            return Response(500)

    def _admin(self, request: Request, parts: list[str]) -> Response:
        if (request.method.upper(), parts) == ("GET", ["host", "status"]):
            return Response(200, (("Content-Type", "application/json"),), b'{"state": "Running"}')
        trigger = self._triggers.get(parts[-1])
        if request.method.upper() != "POST" or parts[:-1] != ["functions"] or trigger is None:
            return Response(404)
        try:
            given = json.loads(request.body).get("input") or ""
        except (ValueError, AttributeError):
            return Response(400)
        self._runner.start(trigger(given if isinstance(given, str) else json.dumps(given)))
        return Response(202)


def _as_datum(request: Request, values: dict[str, str | None], body: bytes) -> Datum:
    """A request as the host sends it to a worker."""
    headers = [(name.lower(), value) for name, value in request.headers if name.lower() != "x-local-front"]
    parts = {
        "method": Datum(request.method, "string"),
        "url": Datum(f"http://{request.header('host') or ''}{request.target}", "string"),
        "headers": _joined(headers),
        "query": _joined(parse_qsl(request.target.partition("?")[2])),
        "params": {name: Datum(value, "string") for name, value in values.items() if value is not None},
        "body": Datum(body, "bytes"),
    }
    return Datum(parts, "http")


def _joined(pairs: list[tuple[str, str]]) -> dict[str, Datum]:
    """Repeated names, whatever their case, as one: their values joined by commas."""
    found: dict[str, str] = {}
    for name, value in pairs:
        key = next((known for known in found if known.lower() == name.lower()), name)
        found[key] = f"{found[key]},{value}" if key in found else value
    return {name: Datum(value, "string") for name, value in found.items()}


def _as_response(result: Datum) -> Response:
    if result.type != "http":
        return Response(200, (("Content-Type", "text/plain; charset=utf-8"),), str(result.value).encode())
    headers = [(name, value.value) for name, value in result.value["headers"].items()]
    for cookie in result.value["cookies"] or ():
        headers += [("Set-Cookie", morsel.OutputString()) for morsel in cookie.values()]
    return Response(int(result.value["status_code"].value), tuple(headers), result.value["body"].value)
