"""Azure Resource Manager's token buckets, kept on our side so that ARM need not say no.

Per subscription and kind of call, for one identity: reads 250 + 25/s, writes and deletes 200 + 10/s (Microsoft Learn,
"Understand how Azure Resource Manager throttles requests"). The buckets belong to the identity, not to the process:
each live host takes one part in as many as there are live hosts, corrected by ARM's own remaining-headers and 429s.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shared.errors import Throttled

LIMITS = {"reads": (250.0, 25.0), "writes": (200.0, 10.0), "deletes": (200.0, 10.0)}
"""kind -> (burst, tokens per second)."""

MAX_WAIT = 60.0
"""Seconds a call waits for a token before it gives its place back."""


@dataclass
class Bucket:
    """One bucket. Not thread-safe: `Throttle` holds the lock."""

    burst: float
    rate: float
    tokens: float
    filled: float
    closed_until: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reserve(self, now: float, share: int) -> float:
        """Takes one token, which may lie in the future. Returns the seconds until it is there."""
        burst, rate = max(self.burst / share, 1.0), self.rate / share
        self.tokens = min(burst, self.tokens + (now - self.filled) * rate)
        self.filled = now
        wait = max(0.0, (1.0 - self.tokens) / rate, self.closed_until - now)
        if wait <= MAX_WAIT:
            self.tokens -= 1.0
        return wait


class Throttle:
    """Makes calls to ARM wait for their token.

    `hosts` says how many hosts are alive now; `clock` and `sleep` are time's, but for tests.
    """

    def __init__(
        self,
        hosts: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._hosts = hosts
        self._clock = clock
        self._sleep = sleep
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._lock = threading.Lock()

    def before(self, method: str, url: str) -> None:
        """Waits for a token. Raises AzureBusy, with the delay, when it would take longer than MAX_WAIT."""
        bucket = self._bucket(method, url)
        share = max(self._hosts(), 1)
        with bucket.lock:
            wait = bucket.reserve(self._clock(), share)
        if wait > MAX_WAIT:
            raise Throttled("Throttled", "Azure Resource Manager's request limit is used up for now.", wait)
        if wait > 0:
            self._sleep(wait)

    def after(self, method: str, url: str, status: int, headers: Mapping[str, str]) -> None:
        """Learns from an answer: what ARM says remains for all hosts, and how long it wants to be left alone."""
        bucket, share = self._bucket(method, url), max(self._hosts(), 1)
        remaining = headers.get(f"x-ms-ratelimit-remaining-subscription-{_kind(method)}", "")
        with bucket.lock:
            if remaining.isdecimal():
                bucket.tokens = min(bucket.tokens, int(remaining) / share)
            if status == 429:
                delay = retry_after(headers)
                bucket.tokens = min(bucket.tokens, 0.0)
                bucket.closed_until = max(bucket.closed_until, self._clock() + (1.0 if delay is None else delay))

    def _bucket(self, method: str, url: str) -> Bucket:
        match = re.search(r"/subscriptions/([^/?]+)", url)
        key = (match[1].lower() if match else "", _kind(method))
        share = max(self._hosts(), 1)  # may call storage, so not under the lock
        with self._lock:
            bucket = self._buckets.get(key)
            if bucket is None:
                burst, rate = LIMITS[key[1]]
                bucket = self._buckets[key] = Bucket(burst, rate, burst / share, self._clock())
            return bucket


def _kind(method: str) -> str:
    return {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}.get(method.upper(), "writes")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a `Retry-After` header; None where there is none or it is a date, which Azure does not send."""
    text = headers.get("Retry-After", "").strip()
    return float(text) if re.fullmatch(r"\d{1,6}(\.\d+)?", text) else None
