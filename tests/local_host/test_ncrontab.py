"""Schedules: the 66 recorded expressions."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.host import ncrontab
from tests.local_host.recorded import facts


@pytest.mark.parametrize("case", facts("ncrontab.json"), ids=lambda case: repr(case["expression"]))
def test_as_recorded(case: dict[str, Any]) -> None:
    if not case["valid"]:
        with pytest.raises(ValueError, match=r"not"):
            ncrontab.parse(case["expression"])
        return
    schedule = ncrontab.parse(case["expression"])
    for base, expected in case["next"].items():
        moment = datetime.fromisoformat(base).replace(tzinfo=UTC)
        for following in expected:
            found = schedule.next(moment)
            assert found == datetime.fromisoformat(following).replace(tzinfo=UTC)
            moment = found
        if len(expected) < 4:  # the recording looked ahead by 8 years and some
            later = schedule.next(moment)
            assert later is None or later > datetime.fromisoformat(base).replace(tzinfo=UTC) + timedelta(2900)


def test_a_fraction_of_a_second_is_not_a_tick_of_its_own() -> None:
    schedule = ncrontab.parse("0 0 2 * * *")
    at_two = datetime(2026, 11, 21, 2, tzinfo=UTC)
    assert schedule.next(at_two - timedelta(microseconds=1)) == at_two
    assert schedule.next(at_two + timedelta(microseconds=1)) == at_two + timedelta(days=1)
