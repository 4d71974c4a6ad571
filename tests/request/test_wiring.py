"""Parts are built once, whoever asks first, and nobody waits for another's network."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from threading import Barrier, Event
from typing import cast

import azure.functions as func
import pytest

from registration import wiring
from registration.access.policy_watch import PolicyWatch
from registration.records.catalog import Catalog
from registration.triggers import health
from registration.wiring import Wiring, wired
from shared.settings import Settings
from shared.transport import Transport


class Slow:
    """A policy whose storage takes its time."""

    problem = None

    def __init__(self) -> None:
        self.asked, self.answers = Event(), Event()

    def current(self) -> None:
        self.asked.set()
        assert self.answers.wait(30)


def test_health_that_waits_for_the_policy_holds_up_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    slow, parts = Slow(), Wiring()
    parts.settings = cast(Settings, None)
    parts.transport = cast(Transport, None)
    parts.policy = cast(PolicyWatch, slow)
    monkeypatch.setattr(wiring, "_wiring", parts)
    with ThreadPoolExecutor(2) as pool:
        try:
            asked = pool.submit(health._health, cast(func.HttpRequest, None))
            assert slow.asked.wait(30)
            assert pool.submit(wired, lambda it: it.settings).result(10) is None
        finally:
            slow.answers.set()
        assert asked.result().status_code == 200


def test_a_part_that_is_looked_up_later_is_built_once() -> None:
    together = Barrier(8)

    class Counting(Wiring):
        built = 0

        @cached_property
        def catalog(self) -> Catalog:
            self.built += 1
            time.sleep(0.05)
            return cast(Catalog, object())

    parts = Counting()
    catalog = parts._later(lambda it: it.catalog)

    def one(_: int) -> Catalog:
        together.wait(10)
        return catalog()

    with ThreadPoolExecutor(8) as pool:
        assert len({id(it) for it in pool.map(one, range(8))}) == 1
    assert parts.built == 1
