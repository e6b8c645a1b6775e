"""Pure decisions about a chat: is somebody there, when does it open again, by which road does an answer leave."""

import re
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

MAX_TEXT = 5_000  # characters of one chat message
MAX_BODY_BYTES = 64 * 1024  # of one request: an outbox of a long time without network
MAX_BATCH = 20
GONE_AFTER = timedelta(seconds=60)  # two missed long polls (25 s each) and a little
REMIND_AFTER = timedelta(seconds=90)  # an answer that nobody fetched leaves by e-mail

_DAYS = {"mon": 0, "tue": 1, "wed": 2, "thu": 3, "fri": 4, "sat": 5, "sun": 6}
_DAYS |= {"lun": 0, "mar": 1, "mer": 2, "jeu": 3, "ven": 4, "sam": 5, "dim": 6}
_LINE = re.compile(r"([a-zé]{3,9})(?:\s*[-–]\s*([a-zé]{3,9}))?\s*:?\s+(.+)", re.IGNORECASE)
_SPAN = re.compile(r"(\d{1,2})(?:[:h](\d{2})?)?\s*[-–]\s*(\d{1,2})(?:[:h](\d{2})?)?", re.IGNORECASE)

Week = Sequence[Sequence[tuple[time, time]]]  # seven days from Monday, each with its spans


def read_hours(lines: Sequence[str]) -> list[list[tuple[time, time]]] | None:
    """Return the week that the lines describe, or None when none of them can be read.

    “mon-fri 9:00-12:30, 14:00-18:00”, “sam 10h-12h”. A line that cannot be read is left out.
    """
    week: list[list[tuple[time, time]]] = [[] for _ in range(7)]
    for line in lines:
        found = _LINE.fullmatch(line.strip())
        if not found:
            continue
        first = _DAYS.get(found[1][:3].lower())
        last = _DAYS.get(found[2][:3].lower()) if found[2] else first
        if first is None or last is None:
            continue
        spans = [span for part in found[3].split(",") if (span := _read_span(part.strip()))]
        for offset in range((last - first) % 7 + 1):
            week[(first + offset) % 7].extend(spans)
    for day in week:
        day.sort()
    return week if any(week) else None


def _read_span(text: str) -> tuple[time, time] | None:
    found = _SPAN.fullmatch(text)
    if not found:
        return None
    hours = [int(found[1]), int(found[3])]
    minutes = [int(found[2] or 0), int(found[4] or 0)]
    if max(hours) > 24 or max(minutes) > 59:
        return None
    ends = [time.max if hour == 24 else time(hour, minute) for hour, minute in zip(hours, minutes, strict=True)]
    return (ends[0], ends[1]) if ends[0] < ends[1] else None


def zone_of(name: str) -> zoneinfo.ZoneInfo:
    """Return the time zone of that name, UTC for an unknown one."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return zoneinfo.ZoneInfo("UTC")


def is_open(week: Week, zone: zoneinfo.ZoneInfo, *, at: datetime) -> bool:
    """Return whether the instant lies within the opening hours."""
    local = at.astimezone(zone)
    return any(start <= local.time() < end for start, end in week[local.weekday()])


def opens_at(week: Week, zone: zoneinfo.ZoneInfo, *, at: datetime) -> datetime | None:
    """Return the next instant at which it opens (UTC), after `at`; None for a week without hours.

    Each day is looked at by its own wall clock, so that a change to summer time moves nothing.
    """
    today = at.astimezone(zone).date()
    for offset in range(8):
        day = today + timedelta(days=offset)
        for start, _end in week[day.weekday()]:
            moment = datetime.combine(day, start, tzinfo=zone).astimezone(UTC)
            if moment > at:
                return moment
    return None


class Presence(StrEnum):
    """Who is there."""

    HERE = "here"
    AWAY = "away"  # within the hours, but nobody has a desk open
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether somebody will answer now, and if closed, when it opens."""

    presence: Presence
    opens_at: datetime | None = None


def availability(week: Week | None, zone: zoneinfo.ZoneInfo, *, somebody: bool, at: datetime) -> Availability:
    """Return who is there. Outside the hours nobody is promised, even where a desk was left open overnight."""
    if week is not None and not is_open(week, zone, at=at):
        return Availability(Presence.CLOSED, opens_at(week, zone, at=at))
    return Availability(Presence.HERE if somebody else Presence.AWAY)


class Road(StrEnum):
    """By which road an answer leaves."""

    CHAT = "chat"
    EMAIL = "email"  # and it stands in the chat as well, for when the visitor comes back


def road_of(*, seen_at: datetime, email: str, has_mailbox: bool, at: datetime) -> Road:
    """Return how an answer reaches the visitor: in the chat while they are there, by e-mail once they have gone."""
    gone = at - seen_at > GONE_AFTER
    return Road.EMAIL if gone and email and has_mailbox else Road.CHAT
