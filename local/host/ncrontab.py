"""NCRONTAB, the host's schedules: not cron (measured against NCrontab, 66 expressions)."""

import itertools
import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

_MONTHS = "January February March April May June July August September October November December"
_DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday"
_LIMITS = ((0, 59, ""), (0, 59, ""), (0, 23, ""), (1, 31, ""), (1, 12, _MONTHS), (0, 6, _DAYS))
_SEARCH_DAYS = 40 * 366  # 29 February on a given day of the week comes back within 40 years


@dataclass(frozen=True, slots=True)
class Schedule:
    """The times that an expression names, each field ascending; `weekdays` count from Sunday = 0."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]

    def next(self, after: datetime) -> datetime | None:
        """The first time later than `after` (in its time zone), None when there is none, as on 30 February."""
        moment = after.replace(microsecond=0) + timedelta(seconds=1)
        earliest = moment.time()
        for offset in range(_SEARCH_DAYS):
            day = moment.date() + timedelta(days=offset)
            if day.month in self.months and day.day in self.days and day.isoweekday() % 7 in self.weekdays:
                hours = (hour for hour in self.hours if hour >= earliest.hour)
                clock = itertools.starmap(time, itertools.product(hours, self.minutes, self.seconds))
                if (found := next((t for t in clock if t >= earliest), None)) is not None:
                    return datetime.combine(day, found, moment.tzinfo)
            earliest = time()
        return None


def parse(expression: str) -> Schedule:
    """A schedule of 6 fields (5: at second 0); raises ValueError for what the host's library refuses.

    Day of month AND day of week; names by prefix; reversed ranges swap; a step below 1 counts as 1.
    """
    fields = [field for field in expression.split(" ") if field]
    if len(fields) == 5:
        fields.insert(0, "0")
    if len(fields) != 6:
        raise ValueError(f"{expression!r} has not 5 or 6 fields")
    return Schedule(*(_field(text, *limits) for text, limits in zip(fields, _LIMITS, strict=True)))


def _field(text: str, low: int, high: int, names: str) -> tuple[int, ...]:
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        if slash and not re.fullmatch(r"[+-]?\d+", step):
            raise ValueError(f"{step!r} is not a step")
        first, dash, last = span.partition("-")
        if span == "*":
            start, end = low, high
        else:
            start = _value(first, low, high, names)
            end = _value(last, low, high, names) if dash else high if slash else start
        start, end = min(start, end), max(start, end)
        found.update(range(start, end + 1, max(int(step or 1), 1)))
    return tuple(sorted(found))


def _value(text: str, low: int, high: int, names: str) -> int:
    if re.fullmatch(r"[0-9]+", text):
        number = int(text)
    else:
        matching = (i for i, name in enumerate(names.split(), low) if text and name.lower().startswith(text.lower()))
        number = next(matching, -1)
    if not low <= number <= high:
        raise ValueError(f"{text!r} is not between {low} and {high}")
    return number
