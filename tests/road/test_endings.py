"""Noticing the end of an operation: always, and without listing its results after each of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Lock
from typing import cast

import pytest

from registration.records.endings import Endings
from registration.records.outcomes import Outcome
from registration.records.results import Progress, Results
from shared.errors import AzureBusy

OPERATION = "0a1b2c3d-0000-4000-8000-000000000001"


class Stored:
    """The results of one operation, as far as they are stored; counts who looks at them."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.looks, self.noticed = total, 0, 0, False
        self._lock = Lock()

    def store(self, endings: Endings) -> None:
        with self._lock:
            self.done += 1
        endings.stored(OPERATION, self.total)

    def current(self, _: str) -> Progress:
        with self._lock:
            self.looks += 1
            self.noticed |= self.done == self.total
            outcomes = {str(number): Outcome.SUCCEEDED for number in range(self.done)}
            return Progress(self.total, enqueued=True, outcomes=outcomes)

    def host(self) -> Endings:
        return Endings(cast(Results, self))


@pytest.mark.parametrize("total", [1, 2, 3, 16, 50, 500])
@pytest.mark.parametrize("hosts", [1, 2, 5, 16])
def test_hosts_that_work_on_one_message_at_a_time_notice_the_end(hosts: int, total: int) -> None:
    stored = Stored(total)
    each = [stored.host() for _ in range(hosts)]
    for number in range(total):
        endings = each[number % hosts]
        with endings.in_hand(OPERATION):
            stored.store(endings)
    assert stored.noticed
    assert stored.looks <= min(total, 75 * hosts)


@pytest.mark.parametrize("total", [3, 50, 500])
def test_one_that_works_on_many_looks_once_all_are_done(total: int) -> None:
    stored = Stored(total)
    endings = stored.host()
    with ExitStack() as hands:
        for _ in range(total):
            hands.enter_context(endings.in_hand(OPERATION))
            stored.store(endings)
        assert stored.looks == 0
    assert stored.noticed
    assert stored.looks == 1


def test_many_threads_miss_nothing() -> None:
    stored = Stored(400)
    endings = stored.host()

    def one(_: int) -> None:
        with endings.in_hand(OPERATION):
            stored.store(endings)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(one, range(400)))
    assert stored.noticed
    assert stored.looks < 200


def test_a_message_without_a_result_is_no_reason_to_look() -> None:
    stored = Stored(2)
    with stored.host().in_hand(OPERATION):
        pass
    assert stored.looks == 0


def test_the_last_message_in_hand_looks_though_another_stored_the_last_result() -> None:
    stored = Stored(1)
    endings = stored.host()
    with endings.in_hand(OPERATION):
        with endings.in_hand(OPERATION):
            stored.store(endings)
        assert not stored.noticed
    assert stored.noticed


def test_a_result_that_is_stored_while_another_looks_is_not_missed() -> None:
    """It comes after the listing was made, and is the last one."""

    class Overtaken(Stored):
        def current(self, operation: str) -> Progress:
            before = super().current(operation)
            if self.done < self.total:
                with endings.in_hand(OPERATION):
                    self.store(endings)
            return before

    stored = Overtaken(20)
    endings = stored.host()
    with ExitStack() as hands:
        for _ in range(19):
            hands.enter_context(endings.in_hand(OPERATION))
            stored.store(endings)
    assert stored.noticed


@pytest.mark.parametrize(
    "error", [AzureBusy("StorageUnavailable", "The service's storage cannot be reached."), ValueError("unforeseen")]
)
def test_trouble_with_looking_is_nobodys_trouble(error: Exception) -> None:
    class Away(Stored):
        def current(self, _: str) -> Progress:
            raise error

    stored = Away(1)
    endings = stored.host()
    with endings.in_hand(OPERATION):
        stored.store(endings)
    assert stored.done == 1
