"""Opening hours, who is there, by which road an answer leaves."""

import zoneinfo
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comptoir.channels.webchat.rules import (
    GONE_AFTER,
    Presence,
    Road,
    availability,
    is_open,
    opens_at,
    read_hours,
    road_of,
    zone_of,
)

PARIS = zoneinfo.ZoneInfo("Europe/Paris")
AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)  # a Sunday


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


NINE_TO_SIX = (time(9), time(18))
HOURS = [
    ("a range of days", ["mon-fri 9:00-18:00"], {0: [NINE_TO_SIX], 4: [NINE_TO_SIX], 5: []}),
    ("in French", ["lundi-vendredi : 9h-18h"], {0: [NINE_TO_SIX], 4: [NINE_TO_SIX], 6: []}),
    ("two spans", ["wed 9:00-12:30, 14:00-18:00"], {2: [(time(9), time(12, 30)), (time(14), time(18))]}),
    ("over the weekend", ["sat-mon 10-12"], {5: [(time(10), time(12))], 0: [(time(10), time(12))], 1: []}),
    ("until midnight", ["fri 20-24"], {4: [(time(20), time.max)]}),
    ("nonsense beside sense", ["whenever", "tue 8-9", "fri 18-9"], {1: [(time(8), time(9))], 4: []}),
]


@pytest.mark.parametrize(("label", "lines", "expected"), HOURS, ids=[h[0] for h in HOURS])
def test_hours_are_read(label: str, lines: list[str], expected: dict[int, list[tuple[time, time]]]) -> None:
    week = read_hours(lines)
    assert week is not None
    assert {day: week[day] for day in expected} == expected


@given(st.lists(st.text(max_size=40)))
def test_no_text_breaks_the_reader(lines: list[str]) -> None:
    week = read_hours(lines)
    assert week is None or any(week)


WEEK = read_hours(["mon-fri 9:00-12:30, 14:00-18:00"]) or []
CASES = [
    # label, instant in Paris, open, opens at
    ("within", "2026-11-23T10:00", True, "2026-11-23T14:00"),
    ("at noon", "2026-11-23T13:00", False, "2026-11-23T14:00"),
    ("the last second counts as closed", "2026-11-23T18:00", False, "2026-11-24T09:00"),
    ("Friday evening", "2026-11-27T19:00", False, "2026-11-30T09:00"),
    ("before summer time begins", "2026-03-27T19:00", False, "2026-03-30T09:00"),
    ("before summer time ends", "2026-10-23T19:00", False, "2026-10-26T09:00"),
]


@pytest.mark.parametrize(("label", "moment", "expected", "next_"), CASES, ids=[c[0] for c in CASES])
def test_open_and_next_opening(label: str, moment: str, expected: bool, next_: str) -> None:
    assert is_open(WEEK, PARIS, at=at(moment)) is expected
    assert opens_at(WEEK, PARIS, at=at(moment)) == at(next_)


@given(st.integers(0, 6 * 365 * 24 * 60).map(lambda minutes: AT - timedelta(minutes=minutes)))
def test_it_is_open_when_it_says_that_it_opens(moment: datetime) -> None:
    found = opens_at(WEEK, PARIS, at=moment)
    assert found is not None and is_open(WEEK, PARIS, at=found) and found > moment


def test_outside_the_hours_nobody_is_promised_even_with_an_open_desk() -> None:
    assert availability(WEEK, PARIS, somebody=True, at=at("2026-11-22T12:00")).presence is Presence.CLOSED
    assert availability(WEEK, PARIS, somebody=True, at=at("2026-11-23T10:00")).presence is Presence.HERE
    assert availability(WEEK, PARIS, somebody=False, at=at("2026-11-23T10:00")).presence is Presence.AWAY
    assert availability(None, PARIS, somebody=True, at=AT).presence is Presence.HERE


@pytest.mark.parametrize("name", ["Europe/Paris", "nowhere", "../../etc/passwd", "", "a" * 5000])
def test_an_unknown_zone_is_utc(name: str) -> None:
    assert zone_of(name).key in {"Europe/Paris", "UTC"}


ROADS = [
    ("there", 0, "a@b.c", True, Road.CHAT),
    ("gone, with an address", 90, "a@b.c", True, Road.EMAIL),
    ("gone, without an address", 90, "", True, Road.CHAT),
    ("gone, without a mailbox", 90, "a@b.c", False, Road.CHAT),
    ("just about there", GONE_AFTER.total_seconds(), "a@b.c", True, Road.CHAT),
]


@pytest.mark.parametrize(("label", "ago", "email", "mailbox", "road"), ROADS, ids=[r[0] for r in ROADS])
def test_the_road_of_an_answer(label: str, ago: float, email: str, mailbox: bool, road: Road) -> None:
    assert road_of(seen_at=AT - timedelta(seconds=ago), email=email, has_mailbox=mailbox, at=AT) is road
