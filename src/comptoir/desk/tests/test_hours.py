"""Opening hours on the screen: who sees and changes them, what a wrong line says, what the week shows."""

from datetime import UTC, datetime

import pytest

from comptoir.calendars import queries, rules
from comptoir.calendars.models import Calendar, Closure
from comptoir.core import clock
from comptoir.desk import week
from comptoir.desk.tests.conftest import Cast
from comptoir.journal.models import Event

WEEK = {"zone": "Europe/Paris", "holidays_of": "FR", **{f"day{n}": "9-12h30, 14:00–18:00" for n in range(5)}}


def test_an_administrator_sets_the_hours_of_the_organisation_and_teams_keep_them(cast: Cast) -> None:
    assert "Nobody has set any hours yet" in cast.client().get("/hours/").content.decode()
    assert cast.client(cast.admin).post("/hours/", WEEK).status_code == 302
    hours = queries.hours_of(cast.team.pk)
    assert rules.write_hours(rules.wall(hours, datetime(2026, 11, 25, tzinfo=UTC).date())) == "9:00–12:30, 14:00–18:00"
    assert Event.objects.get(kind="calendar.changed").actor_id == cast.admin.pk
    assert "keeps the hours of the organisation" in cast.client().get(f"/hours/{cast.team.pk}/").content.decode()


def test_a_lead_sets_the_hours_of_their_team_and_gives_them_up_again(cast: Cast) -> None:
    client = cast.client(cast.lead)
    assert client.post("/hours/", WEEK).status_code == 403
    assert client.post(f"/hours/{cast.team.pk}/", {**WEEK, "day5": "10-12"}).status_code == 302
    row = Calendar.objects.get(team=cast.team)
    assert row.spans.count() == 11
    client.post(f"/hours/{row.pk}/removal/")
    assert not Calendar.objects.exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"day2": "nine to five"}, "“nine to five” cannot be read. Write hours like"),
        ({"zone": "Mars/Base"}, "Mars/Base"),
        ({f"day{n}": "" for n in range(5)}, "Write the hours of one day at least"),
    ],
)
def test_what_cannot_be_read_is_said_where_it_stands_and_nothing_is_lost(
    cast: Cast, change: dict[str, str], words: str
) -> None:
    answer = cast.client(cast.admin).post("/hours/", {**WEEK, "day0": "8-9", **change})
    if "day0" in change:
        answer = cast.client(cast.admin).post("/hours/", {**WEEK, **change})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert "8-9" in answer.content.decode() or "day0" in change
    assert not Calendar.objects.exists()


def test_agents_read_and_change_nothing(cast: Cast) -> None:
    cast.client(cast.admin).post(f"/hours/{cast.team.pk}/", WEEK)
    row = Calendar.objects.get()
    page = cast.client().get(f"/hours/{cast.team.pk}/").content.decode()
    assert "14:00–18:00" in page and '<h2 id="change">' not in page
    assert cast.client().post(f"/hours/{cast.team.pk}/", {**WEEK, "day0": ""}).status_code == 403
    assert cast.client().post(f"/hours/{row.pk}/exceptions/", {"e-first_on": "2030-01-01"}).status_code == 404
    assert row.spans.count() == 10 and not Closure.objects.exists()


def test_exceptions_are_added_shown_and_taken_back(cast: Cast) -> None:
    client = cast.client(cast.admin)
    client.post("/hours/", WEEK)
    row = Calendar.objects.get()
    today = clock.now().date().isoformat()
    wrong = client.post(f"/hours/{row.pk}/exceptions/", {"e-first_on": today, "e-last_on": "2020-01-01"})
    assert wrong.status_code == 422 and "before the first" in wrong.content.decode()
    sent = {"e-first_on": today, "e-is_open": "yes", "e-hours": "20-21, 22-23", "e-name": "Fair"}
    assert client.post(f"/hours/{row.pk}/exceptions/", sent).status_code == 302
    assert "Fair" in client.get("/hours/").content.decode()
    first, second = Closure.objects.order_by("start")
    assert (first.start, first.end, first.is_open) == (1200, 1260, True)
    client.post(f"/hours/exceptions/{first.pk}/removal/")
    assert list(Closure.objects.all()) == [second]


PARIS = rules.Calendar("Europe/Paris", tuple(rules.Span(day, 540, 1080) for day in range(5)), (), "FR")


@pytest.mark.parametrize(
    ("case", "calendar", "at", "words"),
    [
        ("open", PARIS, "2026-11-25T10:00+00:00", "Open now, until"),
        ("closed", PARIS, "2026-11-28T10:00+00:00", "Closed now. Opens Mon"),
        ("always", rules.ALWAYS, "2026-11-25T10:00+00:00", "Always open."),
        ("never", rules.Calendar(), "2026-11-25T10:00+00:00", "no opening is planned"),
    ],
)
def test_it_says_in_words_when_it_opens(case: str, calendar: rules.Calendar, at: str, words: str) -> None:
    assert words in week.open_words(calendar, datetime.fromisoformat(at))


def test_the_days_ahead_name_their_holidays() -> None:
    found = week.ahead(PARIS, datetime(2026, 12, 1, tzinfo=UTC))
    assert [(a.day.isoformat(), a.hours) for a in found][:2] == [("2026-12-25", "Closed"), ("2027-01-01", "Closed")]
    assert found[0].why == "Christmas Day"
