"""Opening hours: tables of cases, the public cases of adding minutes, and laws that hold for every calendar."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comptoir.calendars import rules
from comptoir.calendars.rules import ALWAYS, DAY, Calendar, Exceptional, Span
from comptoir.core.errors import InputError

PARIS = ZoneInfo("Europe/Paris")
OFFICE = Calendar("Europe/Paris", tuple(Span(day, *hours) for day in range(5) for hours in ((540, 750), (840, 1080))))
NIGHT = Calendar("Europe/Paris", tuple(Span(day, 1320, 1800) for day in range(7)))


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


@pytest.mark.parametrize(
    ("case", "calendar", "at", "expected"),
    [
        ("morning", OFFICE, "2026-11-25T09:00", True),
        ("the instant of closing", OFFICE, "2026-11-25T12:30", False),
        ("lunch", OFFICE, "2026-11-25T13:00", False),
        ("Sunday", OFFICE, "2026-11-29T10:00", False),
        ("always", ALWAYS, "2026-12-25T03:00", True),
        ("before midnight", NIGHT, "2026-11-25T23:00", True),
        ("after midnight", NIGHT, "2026-11-25T05:59", True),
        ("after the night", NIGHT, "2026-11-25T06:00", False),
        ("nothing set", Calendar(), "2026-11-25T10:00", False),
    ],
)
def test_is_open(case: str, calendar: Calendar, at: str, expected: bool) -> None:
    assert rules.is_open(calendar, paris(at)) is expected


def test_a_weekday_is_the_one_of_the_zone_and_not_of_utc() -> None:
    tokyo = Calendar("Asia/Tokyo", (Span(0, 0, 60),))
    assert rules.is_open(tokyo, datetime(2026, 11, 22, 15, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("case", "holidays_of", "day", "name"),
    [
        ("France", "FR", date(2026, 7, 14), "Fête nationale"),
        ("no holiday of all France", "FR", date(2026, 4, 3), ""),
        ("Good Friday in Alsace-Moselle", "FR-57", date(2026, 4, 3), "Vendredi saint"),
        ("abolition in Martinique", "FR-972", date(2026, 5, 22), "Abolition de l'esclavage"),
        ("abolition in La Réunion", "FR-974", date(2026, 12, 20), "Abolition de l'esclavage"),
        ("nobody's", "", date(2026, 7, 14), ""),
    ],
)
def test_holidays_of_countries_and_regions(case: str, holidays_of: str, day: date, name: str) -> None:
    assert rules.holiday_on(holidays_of, day, "fr") == name


def with_(*exceptions: Exceptional, holidays_of: str = "") -> Calendar:
    return Calendar(OFFICE.zone, OFFICE.spans, exceptions, holidays_of)


WEDNESDAY = date(2026, 11, 25)


@pytest.mark.parametrize(
    ("case", "calendar", "day", "hours"),
    [
        ("an ordinary day", OFFICE, WEDNESDAY, "9:00–12:30, 14:00–18:00"),
        ("closed", with_(Exceptional(WEDNESDAY, WEDNESDAY)), WEDNESDAY, ""),
        (
            "closed in part",
            with_(Exceptional(WEDNESDAY, WEDNESDAY, False, 660, 900)),
            WEDNESDAY,
            "9:00–11:00, 15:00–18:00",
        ),
        ("closed for a week", with_(Exceptional(date(2026, 11, 23), date(2026, 11, 29))), WEDNESDAY, ""),
        ("a holiday", with_(holidays_of="FR"), date(2026, 12, 25), ""),
        (
            "open on a holiday",
            with_(Exceptional(date(2026, 12, 25), date(2026, 12, 25), True, 600, 720), holidays_of="FR"),
            date(2026, 12, 25),
            "10:00–12:00",
        ),
        (
            "an opening is stronger than a closure",
            with_(Exceptional(WEDNESDAY, WEDNESDAY), Exceptional(WEDNESDAY, WEDNESDAY, True, 480, 600)),
            WEDNESDAY,
            "8:00–10:00",
        ),
        ("the night before reaches in", NIGHT, WEDNESDAY, "0:00–6:00, 22:00–24:00"),
    ],
)
def test_the_hours_of_a_day(case: str, calendar: Calendar, day: date, hours: str) -> None:
    assert rules.write_hours(rules.wall(calendar, day)) == hours


@pytest.mark.parametrize(
    ("case", "at", "opening", "closing"),
    [
        ("open", "2026-11-25T10:00", "2026-11-25T10:00", "2026-11-25T12:30"),
        ("lunch", "2026-11-25T13:00", "2026-11-25T14:00", None),
        ("Friday evening", "2026-11-27T18:00", "2026-11-30T09:00", None),
    ],
)
def test_next_opening_and_closing(case: str, at: str, opening: str, closing: str | None) -> None:
    assert rules.next_opening(OFFICE, paris(at)) == paris(opening)
    assert rules.next_closing(OFFICE, paris(at)) == (paris(closing) if closing else None)


def test_what_never_opens_or_never_closes_says_so() -> None:
    assert rules.next_opening(Calendar(), paris("2026-11-25T10:00")) is None
    assert rules.next_closing(ALWAYS, paris("2026-11-25T10:00")) is None
    round_the_clock = Calendar("Europe/Paris", tuple(Span(day, 0, DAY) for day in range(7)))
    assert rules.next_closing(round_the_clock, paris("2026-11-25T10:00")) is None
    with pytest.raises(InputError, match="never open"):
        rules.add_open_minutes(Calendar(), paris("2026-11-25T10:00"), 1)
    with pytest.raises(InputError, match="negative"):
        rules.add_open_minutes(OFFICE, paris("2026-11-25T10:00"), -1)


@pytest.mark.parametrize(
    ("case", "start", "minutes", "expected"),
    [
        ("within the morning", "2026-11-25T09:00", 60, "2026-11-25T10:00"),
        ("up to the edge ends on the edge", "2026-11-25T12:00", 30, "2026-11-25T12:30"),
        ("over lunch", "2026-11-25T12:00", 31, "2026-11-25T14:01"),
        ("over the weekend", "2026-11-27T17:30", 60, "2026-11-30T09:30"),
        ("from closed time", "2026-11-28T12:00", 15, "2026-11-30T09:15"),
        ("nothing", "2026-11-28T12:00", 0, "2026-11-28T12:00"),
    ],
)
def test_adding_open_minutes(case: str, start: str, minutes: int, expected: str) -> None:
    assert rules.add_open_minutes(OFFICE, paris(start), minutes) == paris(expected)


@pytest.mark.parametrize(
    ("case", "span", "day", "minutes"),
    [
        ("a day of 23 hours", (0, DAY), date(2026, 3, 29), 23 * 60),
        ("a day of 25 hours", (0, DAY), date(2026, 10, 25), 25 * 60),
        ("an hour that does not happen", (120, 180), date(2026, 3, 29), 0),
        ("half of it happens", (150, 210), date(2026, 3, 29), 30),
        ("an hour that happens twice", (120, 180), date(2026, 10, 25), 120),
        ("a night over the change", (1320 - DAY, 360), date(2026, 10, 25), 9 * 60),
    ],
)
def test_the_nights_on_which_clocks_change(case: str, span: tuple[int, int], day: date, minutes: int) -> None:
    start, end = span
    weekday = day.weekday() if start >= 0 else (day.weekday() - 1) % 7
    shift = 0 if start >= 0 else DAY
    calendar = Calendar("Europe/Paris", (Span(weekday, start + shift, end + shift),))
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=PARIS)
    assert rules.open_minutes_between(calendar, noon - timedelta(hours=20), noon + timedelta(hours=14)) == minutes


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("9:00–12:30, 14:00–18:00", [(540, 750), (840, 1080)]),
        ("9-12", [(540, 720)]),
        ("9h - 12h30 et 14h00-18h", [(540, 750), (840, 1080)]),
        ("22:00–6:00", [(1320, 1800)]),
        ("0:00–24:00", [(0, 1440)]),
        ("10-12, 11-13", [(600, 780)]),
        ("", []),
    ],
)
def test_hours_as_people_type_them(text: str, spans: list[tuple[int, int]]) -> None:
    assert rules.read_hours(text) == spans
    assert rules.read_hours(rules.write_hours(spans)) == spans
    assert rules.read_hours(rules.write_hours(spans, is_short=True)) == spans


@pytest.mark.parametrize("text", ["nine to five", "9:00", "25-26", "9:75-10", "9-9", "24:00-25:00"])
def test_hours_that_cannot_be_read_are_named(text: str) -> None:
    with pytest.raises(InputError, match=text.split(",")[0]):
        rules.read_hours(text)


ZONES = ("Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo", "UTC")
INSTANTS = st.integers(1_514_764_800, 1_893_456_000).map(lambda s: datetime.fromtimestamp(s, UTC))


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """Draw opening hours that open at least once a week."""
    minutes = st.integers(0, DAY - 1)
    spans = draw(st.lists(st.tuples(st.integers(0, 6), minutes, st.integers(1, DAY)), min_size=1, max_size=8))
    closed = draw(st.lists(st.tuples(st.dates(date(2018, 1, 1), date(2030, 1, 1)), st.integers(0, 20)), max_size=3))
    return Calendar(
        draw(st.sampled_from(ZONES)),
        tuple(Span(day, start, start + length) for day, start, length in spans),
        tuple(Exceptional(first, first + timedelta(days=days)) for first, days in closed),
        draw(st.sampled_from(["", "FR", "FR-57", "FR-974"])),
    )


@given(calendars(), INSTANTS, st.integers(0, 20_000))
@settings(max_examples=60, deadline=None)
def test_added_minutes_come_back_as_the_minutes_between(calendar: Calendar, start: datetime, minutes: int) -> None:
    try:
        end = rules.add_open_minutes(calendar, start, minutes)
    except InputError:  # a span may exist only in an hour that never happens
        return
    assert rules.open_minutes_between(calendar, start, end) == minutes


@given(calendars(), INSTANTS, st.integers(0, 5_000), st.integers(0, 5_000))
@settings(max_examples=60, deadline=None)
def test_more_minutes_never_end_sooner(calendar: Calendar, start: datetime, some: int, more: int) -> None:
    try:
        assert rules.add_open_minutes(calendar, start, some) <= rules.add_open_minutes(calendar, start, some + more)
    except InputError:
        return


@given(calendars(), INSTANTS, st.integers(0, 60 * 24 * 60), st.integers(0, 60 * 24 * 60))
@settings(max_examples=60, deadline=None)
def test_open_time_adds_up_over_any_cut(calendar: Calendar, start: datetime, first: int, second: int) -> None:
    middle = start + timedelta(minutes=first)
    end = middle + timedelta(minutes=second)
    parts = rules.open_minutes_between(calendar, start, middle) + rules.open_minutes_between(calendar, middle, end)
    assert parts == pytest.approx(rules.open_minutes_between(calendar, start, end))


@given(calendars(), INSTANTS)
@settings(max_examples=100, deadline=None)
def test_it_is_open_exactly_when_the_wall_clock_says_so(calendar: Calendar, at: datetime) -> None:
    shown = at.astimezone(ZoneInfo(calendar.zone))
    minute = shown.hour * 60 + shown.minute
    assert rules.is_open(calendar, at) == any(a <= minute < b for a, b in rules.wall(calendar, shown.date()))
