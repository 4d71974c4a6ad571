"""50 workspaces x 12 assets at 150 ms: the service, the same writes one after another, a pool, and the bound."""

from __future__ import annotations

import json
import subprocess
import sys
from bisect import bisect
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bench import ground
from bench.figures import Figure
from local.azure.throttle import LIMITS, kind_of
from local.stack import ROOT
from tests.road.journey import host_environment
from tests.support import LocalStack

LATENCY = 0.150
"""Seconds of each call to Azure Resource Manager."""

WORKSPACES, SUBSCRIPTIONS = 50, 4
ASSETS = ground.assets(2, 10)
EACH = 12
SAMPLE = 8
"""Workspaces that are written one after another; the rest would take as long each."""

CROWDED = 30
"""Workspaces in one subscription: more writes than its bucket holds."""

IN_FLIGHT = 32
"""Calls in flight: those of the plain pool, and what the bound is reckoned with."""

ROUNDS = 3
"""Times that the service does it, each with fresh workspaces: the median counts, for one that the machine disturbs
says little."""

GOAL, OVER_BOUND = 20.0, 1.25


def measure(stack: LocalStack) -> list[Figure]:
    """The host is warm: it has imported azure-ai-ml and holds its tokens, as after its first message."""
    stack.emulator("PATCH", "settings", {"latency_ms": 0, "throttle": {}})
    ground.registered(stack, ground.workspaces(stack, 1), ASSETS)
    stack.emulator("PATCH", "settings", {"latency_ms": LATENCY * 1000})
    try:
        return [*_spread(stack), *_crowded(stack)]
    finally:
        stack.emulator("PATCH", "settings", {"latency_ms": 0})


def _spread(stack: LocalStack) -> list[Figure]:
    rounds = []
    for _ in range(ROUNDS):
        keys = ground.workspaces(stack, WORKSPACES, SUBSCRIPTIONS)
        seconds, used = _service(stack, keys)
        rounds.append((seconds, used, *bound(stack, keys)))
        ground.drained(stack)
    seconds, used, limit, why = sorted(rounds)[ROUNDS // 2]
    spread = f"{ROUNDS} rounds: {' '.join(f'{seconds:.1f}' for seconds, *_ in rounds)} s"
    serial = _plain(stack, ground.workspaces(stack, SAMPLE + 1), 1)
    pool_keys = ground.workspaces(stack, WORKSPACES + 1, SUBSCRIPTIONS)
    pool = _plain(stack, pool_keys, IN_FLIGHT)
    whole = serial["seconds"] / serial["writes"] * WORKSPACES * EACH
    name = f"{WORKSPACES} workspaces x {EACH} assets in {SUBSCRIPTIONS} subscriptions"
    mine, bare = used / (WORKSPACES * EACH) * 1000, serial["cpu"] / serial["writes"] * 1000
    return [
        Figure(
            f"{name}: the service against one write after another",
            f"{whole / seconds:.1f} x ({whole:.0f} s, scaled from {serial['writes']:.0f} writes; {spread})",
            f"at least {GOAL:.0f} x",
            whole / seconds >= GOAL,
        ),
        Figure("the same: against the bound", *_against(seconds, limit, why)),
        Figure(
            f"the same: a plain pool of {IN_FLIGHT} threads", f"{pool['seconds']:.1f} s{_failed(pool)}", "to compare"
        ),
        Figure(
            "CPU for each registered asset: the worker's, the bare SDK call's",
            f"{mine:.1f} ms, {bare:.1f} ms ({mine / bare:.1f} x)",
            "to compare",
        ),
    ]


def _crowded(stack: LocalStack) -> list[Figure]:
    keys = ground.workspaces(stack, CROWDED)
    seconds, _ = _service(stack, keys)
    limit, why = bound(stack, keys)
    pool_keys = ground.workspaces(stack, CROWDED)
    pool = _plain(stack, pool_keys, IN_FLIGHT)
    name = f"{CROWDED} workspaces x {EACH} assets in one subscription"
    return [
        Figure(f"{name}: the service against the bound", *_against(seconds, limit, f"{why}; {_refused(stack, keys)}")),
        Figure(
            f"the same: a plain pool of {IN_FLIGHT} threads",
            f"{pool['seconds']:.1f} s{_failed(pool)}; {_refused(stack, pool_keys)}",
            "to compare",
        ),
    ]


def _service(stack: LocalStack, keys: Sequence[str]) -> tuple[float, float]:
    """(seconds from sending the request to the marker of its end, seconds of the worker's processor time)."""
    before = ground.cpu(ground.host(stack))
    seconds = ground.registered(stack, keys, ASSETS)
    return seconds, ground.cpu(ground.host(stack)) - before


def _plain(stack: LocalStack, keys: Sequence[str], threads: int) -> dict[str, float]:
    """The first workspace is for warming up, so it is not counted."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.plain", str(threads)],
        cwd=ROOT,
        env=host_environment(stack),
        input=json.dumps({"workspaces": keys, **ASSETS}),
        capture_output=True,
        text=True,
        check=True,
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def calls(stack: LocalStack, keys: Sequence[str]) -> list[dict[str, Any]]:
    """What Resource Manager was asked about these workspaces' subscriptions."""
    fresh = {f"/subscriptions/{key.partition('/')[0]}/" for key in keys}
    return [it for it in stack.emulator("GET", "requests") if any(it["path"].startswith(begin) for begin in fresh)]


def bound(stack: LocalStack, keys: Sequence[str]) -> tuple[float, str]:
    """Seconds that one host needs at the least for the calls it made, and which of the two says so."""
    answered = [it for it in calls(stack, keys) if it["status"] != 429]
    waiting = len(answered) * LATENCY / IN_FLIGHT
    buckets = Counter((it["path"].split("/")[2], kind_of(it["method"])) for it in answered)
    beyond = max((count - LIMITS[kind][0]) / LIMITS[kind][1] for (_, kind), count in buckets.items())
    if beyond > waiting:
        return beyond, f"calls beyond the bucket / refill = {beyond:.1f} s"
    counted = f"{len(answered)} calls x {LATENCY * 1000:.0f} ms / {IN_FLIGHT} = {waiting:.1f} s"
    return waiting, f"{counted}, at most {_peak(answered)} in flight"


def _peak(answered: Sequence[dict[str, Any]]) -> int:
    """The most calls that began within one latency of each other."""
    begun = sorted(datetime.fromisoformat(it["at"]).timestamp() for it in answered)
    return max(bisect(begun, at + LATENCY) - place for place, at in enumerate(begun))


def _against(seconds: float, limit: float, why: str) -> tuple[str, str, bool]:
    return f"{seconds / limit:.2f} x ({seconds:.1f} s; {why})", f"at most {OVER_BOUND} x", seconds <= OVER_BOUND * limit


def _refused(stack: LocalStack, keys: Sequence[str]) -> str:
    return f"{sum(it['status'] == 429 for it in calls(stack, keys))} x 429"


def _failed(plain: dict[str, float]) -> str:
    return f", {plain['failed']:.0f} writes failed" if plain["failed"] else ""
