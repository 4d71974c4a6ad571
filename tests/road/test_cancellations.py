"""The mark of a cancellation is looked for once in a while, by all who work on the operation."""

from __future__ import annotations

from typing import cast

import pytest

from registration.records import cancellations
from registration.records.cancellations import SEEN_AFTER, Cancellations
from registration.records.results import cancel_blob
from shared.documents import Documents


class Marks:
    """The marks that are stored; knows who looked for them."""

    def __init__(self) -> None:
        self.stored: set[str] = set()
        self.looks: list[str] = []

    def head(self, name: str) -> str | None:
        self.looks.append(name)
        return name if name in self.stored else None


class Time:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(cancellations, "time", time)
    return time


def test_operations_that_are_worked_on_at_once_do_not_make_each_other_look(time: Time) -> None:
    marks = Marks()
    known = Cancellations(cast(Documents, marks))
    for _ in range(3):
        assert not any(known.asked(operation) for operation in ("one", "two", "three"))
    assert sorted(marks.looks) == sorted(map(cancel_blob, ("one", "two", "three")))
    time.now += SEEN_AFTER
    assert not known.asked("one")
    assert len(marks.looks) == 4
    assert len(known._looked) == 1, "what was looked at long ago is not kept"


def test_it_is_seen_a_moment_later_or_at_once_by_the_message_that_it_sent(time: Time) -> None:
    marks = Marks()
    known = Cancellations(cast(Documents, marks))
    assert not known.asked("one")
    marks.stored.add(cancel_blob("one"))
    assert not known.asked("one")
    assert known.asked("one", within=0.0)
    time.now += SEEN_AFTER
    assert known.asked("one")
