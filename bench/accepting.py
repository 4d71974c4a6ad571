"""`POST /api/registrations` under 32 connections: through the front, and straight at the host."""

from __future__ import annotations

import asyncio
import base64
import json
import time
import uuid
from statistics import quantiles

import httpx

from bench import ground
from bench.figures import Figure
from local.azure.front import principal_headers
from tests.road.journey import registration
from tests.support import LocalStack

CONNECTIONS = 32
SECONDS = 8.0


def measure(stack: LocalStack) -> list[Figure]:
    """Each registration has a name of its own and one workspace, which is not there: the worker, in the same process,
    learns so with one read and is done."""
    stack.emulator("PATCH", "settings", {"latency_ms": 0, "throttle": False})
    token = stack.token("data-factory")
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    inside = {**dict(principal_headers(claims)), "X-Local-Front": str(stack.config["front_secret"])}
    host = str(stack.description["host_api"]).removesuffix("/api")
    doors = {"through the front": (stack.front, {"Authorization": f"Bearer {token}"}), "at the host": (host, inside)}
    figures = []
    for where, (address, headers) in doors.items():
        taken, seconds = asyncio.run(load(address, headers))
        percent = quantiles(taken, n=100)
        text = (
            f"{len(taken) / seconds:.0f} requests/s, p50 {percent[49] * 1000:.0f} ms, p99 {percent[98] * 1000:.0f} ms"
        )
        figures.append(Figure(f"`POST /api/registrations`, {CONNECTIONS} connections, {where}", text, "to compare"))
        ground.drained(stack)
    return figures


async def load(address: str, headers: dict[str, str]) -> tuple[list[float], float]:
    """(seconds of each request, seconds of all). Fails at the first answer that is not 202."""
    taken: list[float] = []
    started = time.perf_counter()

    async def caller(client: httpx.AsyncClient) -> None:
        while time.perf_counter() - started < SECONDS:
            key = f"{uuid.uuid4()}/bench-rg/nowhere"
            body = registration(
                [key], {"name": "d", "type": "uri_file", "path": "azureml://datastores/silver/paths/d.csv"}
            )
            begun = time.perf_counter()
            answer = await client.post("/api/registrations", json={"name": f"bench-{uuid.uuid4().hex}", **body})
            taken.append(time.perf_counter() - begun)
            assert answer.status_code == 202, answer.text

    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx.AsyncClient(
        base_url=address, headers=headers, limits=limits, timeout=60, trust_env=False
    ) as client:
        await asyncio.gather(*(caller(client) for _ in range(CONNECTIONS)))
    return taken, time.perf_counter() - started
