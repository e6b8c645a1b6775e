"""A week of opening hours made ready to draw: bars on lines of 24 hours, and the days ahead that are unlike it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import formats
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from comptoir.calendars import rules
from comptoir.calendars.rules import Calendar
from comptoir.desk import words

AHEAD_DAYS = 183  # how far the exceptional days are looked for: what somebody may still have to plan
AHEAD_MOST = 12


@dataclass(frozen=True, slots=True)
class Bar:
    """An opening on the line of one day; in minutes, as strings for the drawing."""

    x: str
    width: str


@dataclass(frozen=True, slots=True)
class DayLine:
    """One day of the week."""

    day: date
    name: str
    hours: str
    why: str  # the holiday or the exception, where there is one
    bars: tuple[Bar, ...]
    now: str  # the present minute, on the line of today


@dataclass(frozen=True, slots=True)
class Ahead:
    """A day that is unlike the week."""

    day: date
    why: str
    hours: str


def week_of(calendar: Calendar, at: datetime) -> list[DayLine]:
    """Return seven days, beginning with today: what comes is what matters."""
    local = at.astimezone(ZoneInfo(calendar.zone))
    days = [local.date() + timedelta(days=n) for n in range(7)]
    minute = str(local.hour * 60 + local.minute)
    return [_line(calendar, day, minute if day == local.date() else "") for day in days]


def _line(calendar: Calendar, day: date, now: str) -> DayLine:
    spans = rules.wall(calendar, day)
    bars = tuple(Bar(str(start), str(end - start)) for start, end in spans)
    # Translators: a date format of Django: the weekday, the day and the month.
    name = formats.date_format(day, _("l j F"))
    return DayLine(day, name[:1].upper() + name[1:], _hours(spans), why(calendar, day), bars, now)


def _hours(spans: list[rules.Minutes]) -> str:
    if spans == [(0, rules.DAY)]:
        return _("All day")
    return rules.write_hours(spans) or _("Closed")


def why(calendar: Calendar, day: date) -> str:
    """Say why a day is unlike the week; '' for an ordinary one."""
    if calendar.is_always_open:
        return ""
    named = [
        e.name or (_("Extra opening") if e.is_open else _("Closed"))
        for e in calendar.exceptions
        if e.first <= day <= e.last
    ]
    holiday = rules.holiday_on(calendar.holidays_of, day, (get_language() or "en")[:2])
    return ", ".join(filter(None, [holiday, *named]))


def ahead(calendar: Calendar, at: datetime) -> list[Ahead]:
    """Return the next days that are unlike the week."""
    today = at.astimezone(ZoneInfo(calendar.zone)).date()
    days = (today + timedelta(days=n) for n in range(AHEAD_DAYS))
    found = [Ahead(day, reason, _hours(rules.wall(calendar, day))) for day in days if (reason := why(calendar, day))]
    return found[:AHEAD_MOST]


def open_words(calendar: Calendar, at: datetime) -> str:
    """Say whether it is open, and until when or when it opens next."""
    if rules.is_open(calendar, at):
        closing = rules.next_closing(calendar, at)
        return (
            _("Open now, until %(when)s.") % {"when": words.soon_words(closing, at)} if closing else _("Always open.")
        )
    opening = rules.next_opening(calendar, at)
    if opening is None:
        return _("Closed, and no opening is planned.")
    return _("Closed now. Opens %(when)s.") % {"when": words.soon_words(opening, at)}
