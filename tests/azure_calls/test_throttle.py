"""The throttle: ARM's buckets on our side, shared among hosts, corrected by ARM's own word."""

from __future__ import annotations

import pytest

from shared.errors import AzureBusy
from shared.throttle import MAX_WAIT, Throttle, retry_after

URL = "https://management.azure.com/subscriptions/6d1f/resourceGroups/x?api-version=1"
OTHER = URL.replace("6d1f", "7e2a")


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def throttle_of(hosts: int = 1) -> tuple[Throttle, Clock]:
    clock = Clock()
    return Throttle(lambda: hosts, clock, clock.sleep), clock


@pytest.mark.parametrize(
    ("method", "burst", "rate"), [("GET", 250, 25), ("PUT", 200, 10), ("POST", 200, 10), ("DELETE", 200, 10)]
)
@pytest.mark.parametrize("hosts", [1, 4])
def test_a_burst_is_free_and_then_the_rate_holds(method: str, burst: int, rate: int, hosts: int) -> None:
    throttle, clock = throttle_of(hosts)
    for _ in range(burst // hosts):
        throttle.before(method, URL)
    assert clock.now == pytest.approx(0, abs=1 / rate)
    for _ in range(rate):
        throttle.before(method, URL)
    assert clock.now == pytest.approx(hosts, rel=0.2)


def test_buckets_are_apart_by_subscription_and_kind() -> None:
    throttle, clock = throttle_of()
    for _ in range(200):
        throttle.before("PUT", URL)
    for method, url in (("GET", URL), ("DELETE", URL), ("PUT", OTHER)):
        throttle.before(method, url)
    assert clock.now == 0


def test_a_429_closes_the_bucket_for_as_long_as_it_says() -> None:
    throttle, clock = throttle_of()
    throttle.after("PUT", URL, 429, {"Retry-After": "17"})
    throttle.before("GET", URL)
    assert clock.now == 0
    throttle.before("PUT", URL)
    assert clock.now == 17


def test_what_arm_says_remains_is_believed() -> None:
    throttle, clock = throttle_of(2)
    throttle.after("PUT", URL, 200, {"x-ms-ratelimit-remaining-subscription-writes": "4"})
    for _ in range(2):
        throttle.before("PUT", URL)
    assert clock.now == 0
    throttle.before("PUT", URL)
    assert clock.now == pytest.approx(0.2)


def test_a_wait_that_is_too_long_is_given_back_with_its_length() -> None:
    throttle, clock = throttle_of()
    throttle.after("PUT", URL, 429, {"Retry-After": "300"})
    with pytest.raises(AzureBusy) as busy:
        throttle.before("PUT", URL)
    assert busy.value.delay is not None
    assert busy.value.delay > MAX_WAIT
    assert clock.now == 0
    clock.now = 300
    throttle.before("PUT", URL)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5", 5.0), (" 5 ", 5.0), ("0.5", 0.5), ("", None), ("soon", None), ("-1", None), ("9" * 40, None)],
)
def test_retry_after_is_read_in_seconds(text: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": text}) == seconds
