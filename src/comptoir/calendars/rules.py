"""Pure opening hours: is it open, when does it open and close, and how much open time lies between two instants.

A day is drawn on the wall clock of the calendar's zone and turned into instants once, so that the two nights on which
clocks change come out right: whenever the clock on the wall shows an opening hour, it is open. Of an hour that happens
twice both count; one that does not happen counts nothing. Instants are aware; the answers are in UTC.
"""

import re
import zoneinfo
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

import holidays

from comptoir.core.errors import InputError

DAY = 24 * 60  # minutes
MINUTE = timedelta(minutes=1)
# A calendar that stays closed for this long never opens: longer than any closure that somebody announces.
HORIZON_DAYS = 800

Minutes = tuple[int, int]  # from and to, in minutes after midnight on the wall clock
Stretch = tuple[datetime, datetime]  # from and to, instants


@dataclass(frozen=True, slots=True)
class Span:
    """Open every week from `start` to `end`, minutes after the midnight that begins `weekday` (0 is Monday).

    `end` may lie in the next day: 22:00 to 6:00 is (1320, 1800).
    """

    weekday: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Exceptional:
    """A day, or some days, unlike the week: closed (or open) from `start` to `end` on each of them."""

    first: date
    last: date
    is_open: bool = False
    start: int = 0
    end: int = DAY
    name: str = ""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Opening hours, complete. `holidays_of` is a country ('FR') or a region of one ('FR-57'); '' keeps no holidays.

    An extra opening is stronger than a closure, and a closure or a holiday is stronger than the week.
    """

    zone: str = "UTC"
    spans: tuple[Span, ...] = ()
    exceptions: tuple[Exceptional, ...] = ()
    holidays_of: str = ""
    is_always_open: bool = False  # around the clock, on holidays too; nothing else is looked at


ALWAYS = Calendar(is_always_open=True)


def is_open(calendar: Calendar, at: datetime) -> bool:
    """Return whether it is open at an instant; the instant of closing is closed."""
    stretch = next(_stretches(calendar, at), None)
    return stretch is not None and stretch[0] <= at


def next_opening(calendar: Calendar, at: datetime) -> datetime | None:
    """Return the first instant, from `at` on, at which it is open; None when it does not open again."""
    stretch = next(_stretches(calendar, at), None)
    return None if stretch is None else max(stretch[0], at.astimezone(UTC))


def next_closing(calendar: Calendar, at: datetime) -> datetime | None:
    """Return when the opening that goes on at `at` ends; None while it is closed, or when it never closes."""
    if calendar.is_always_open:
        return None
    stretch = next(_stretches(calendar, at), None)
    if stretch is None or stretch[0] > at or stretch[1] - at > timedelta(days=HORIZON_DAYS - 2):
        return None
    return stretch[1]


def add_open_minutes(calendar: Calendar, start: datetime, minutes: float) -> datetime:
    """Return the instant at which `minutes` of open time have passed since `start`; the sooner one on an edge.

    Raises InputError for a negative number, and for a calendar that never opens for so long.
    """
    if minutes < 0:
        raise InputError("A number of open minutes cannot be negative.", field="minutes")
    left = timedelta(minutes=minutes)
    if not left:
        return start.astimezone(UTC)
    for begin, end in _stretches(calendar, start):
        begin = max(begin, start.astimezone(UTC))
        if end - begin >= left:
            return begin + left
        left -= end - begin
    raise InputError("These opening hours never open for so long. Add an opening hour.", field="minutes")


def open_minutes_between(calendar: Calendar, begin: datetime, end: datetime) -> float:
    """Return the open time from `begin` to `end`, in minutes; 0 when `end` is not after `begin`."""
    total = timedelta()
    if end <= begin:
        return 0.0
    for first, last in _stretches(calendar, begin, until=end):
        total += max(timedelta(), min(last, end) - max(first, begin))
    return total / MINUTE


def _stretches(calendar: Calendar, at: datetime, *, until: datetime | None = None) -> Iterator[Stretch]:
    """Yield the open stretches that end after `at`, in their order and joined where they touch."""
    if calendar.is_always_open:
        yield at.astimezone(UTC), datetime.max.replace(tzinfo=UTC)
        return
    day = at.astimezone(zoneinfo.ZoneInfo(calendar.zone)).date() - timedelta(days=1)
    quiet_since = day
    held: Stretch | None = None
    while (day - quiet_since).days < HORIZON_DAYS and (until is None or held is None or held[0] < until):
        for stretch in open_on(calendar, day):
            if held is not None and stretch[0] <= held[1]:
                held = (held[0], max(held[1], stretch[1]))
                continue
            if held is not None and held[1] > at:
                yield held
                quiet_since = day
            held = stretch
        day += timedelta(days=1)
        if until is not None and day > until.date() + timedelta(days=2):
            break
    if held is not None and held[1] > at:
        yield held


@lru_cache(maxsize=8192)
def open_on(calendar: Calendar, day: date) -> tuple[Stretch, ...]:
    """Return the stretches of one day of the calendar's zone, as instants."""
    zone = zoneinfo.ZoneInfo(calendar.zone)
    drawn = ((_instant(day, a, zone, last=False), _instant(day, b, zone, last=True)) for a, b in wall(calendar, day))
    return tuple(stretch for stretch in drawn if stretch[0] < stretch[1])


def wall(calendar: Calendar, day: date) -> list[Minutes]:
    """Return the opening hours of one day as its wall clock shows them, in order, from 0 to 1,440 minutes."""
    if calendar.is_always_open:
        return [(0, DAY)]
    before = (day.weekday() - 1) % 7
    weekly = [(s.start, min(s.end, DAY)) for s in calendar.spans if s.weekday == day.weekday()]
    weekly += [(0, s.end - DAY) for s in calendar.spans if s.weekday == before and s.end > DAY]
    special = [e for e in calendar.exceptions if e.first <= day <= e.last]
    closed = [(e.start, e.end) for e in special if not e.is_open]
    if holiday_on(calendar.holidays_of, day):
        closed.append((0, DAY))
    return _joined(_without(weekly, closed) + [(e.start, e.end) for e in special if e.is_open])


def _joined(spans: Sequence[Minutes]) -> list[Minutes]:
    joined: list[Minutes] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _without(spans: Sequence[Minutes], closed: Sequence[Minutes]) -> list[Minutes]:
    left = list(spans)
    for from_, to in closed:
        left = [part for a, b in left for part in ((a, min(b, from_)), (max(a, to), b)) if part[0] < part[1]]
    return left


def _instant(day: date, minute: int, zone: zoneinfo.ZoneInfo, *, last: bool) -> datetime:
    """Return when the wall clock shows `minute` of `day`: the first or the last time of two; the jump for never."""
    shown = datetime.combine(day, time()) + timedelta(minutes=minute)
    once = shown.replace(tzinfo=zone).astimezone(UTC)
    again = shown.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if once <= again:
        return again if last else once
    # The clock jumps over this time; the two readings enclose the jump.
    low, high, offset = again, once, once.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        low, high = (low, middle) if middle.astimezone(zone).utcoffset() == offset else (middle, high)
    return high


def holiday_on(holidays_of: str, day: date, language: str = "") -> str:
    """Return the name of the public holiday on a day, or '' for an ordinary one."""
    return _holidays(holidays_of, day.year, language).get(day, "") if holidays_of else ""


@lru_cache(maxsize=256)
def _holidays(holidays_of: str, year: int, language: str) -> dict[date, str]:
    country, _dash, region = holidays_of.partition("-")
    # The library's own names of languages; it falls back to the country's own language.
    wanted = {"en": "en_US"}.get(language, language) or None
    found = holidays.country_holidays(country, subdiv=region or None, years=year, language=wanted, expand=False)
    return dict(found.items())


MAX_HOURS = 200  # characters that the hours of one day take, however they are typed
_TIME = r"(\d{1,2})(?:\s*[:hH.]\s*(\d{2})?)?"
_SPAN = re.compile(rf"{_TIME}\s*(?:[-–—]|to|à)\s*{_TIME}")


def read_hours(text: str) -> list[Minutes]:
    """Return the hours of one day as a person types them: “9:00–12:30, 14h-18h”, “22-6” over midnight.

    Raises InputError with the piece that cannot be read.
    """
    if len(text) > MAX_HOURS:
        raise InputError(text[:40], field="hours")
    spans: list[Minutes] = []
    for piece in filter(None, (part.strip() for part in re.split(r"[,;]|\s+(?:et|and)\s+", text))):
        found = _SPAN.fullmatch(piece)
        if found is None:
            raise InputError(piece, field="hours")
        start, end = int(found[1]) * 60 + int(found[2] or 0), int(found[3]) * 60 + int(found[4] or 0)
        if start >= DAY or end > DAY or int(found[2] or 0) > 59 or int(found[4] or 0) > 59 or start == end:
            raise InputError(piece, field="hours")
        spans.append((start, end if end > start else end + DAY))
    return _joined(spans)


def write_hours(spans: Sequence[Minutes], *, is_short: bool = False) -> str:
    """Return the hours of one day as `read_hours` reads them: '9:00–12:30, 14:00–18:00', short '9–12:30, 14–18'."""
    written = ", ".join(f"{clock_words(start)}–{clock_words(end)}" for start, end in sorted(spans))
    return written.replace(":00", "") if is_short else written


def clock_words(minute: int) -> str:
    """Return a time of day: '9:00'; midnight at the end of the day is '24:00'."""
    minute = minute - DAY if minute > DAY else minute
    return f"{minute // 60}:{minute % 60:02d}"
