"""The queue: what waits, in which order, for whom, at what price."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from comptoir.conversations.models import Conversation, State
from comptoir.core import clock
from comptoir.desk.tests.conftest import Cast
from comptoir.outbound.models import DeliveryState
from comptoir.testing import builders


def _subjects(page: str) -> list[str]:
    return [part.partition(">")[2].partition("<")[0] for part in page.split('class="q-open"')[1:]]


def _ago(minutes: int) -> dict[str, object]:
    return {"at": clock.now() - timedelta(minutes=minutes)}


def test_the_longest_wait_comes_first_whatever_the_channel(cast: Cast) -> None:
    chat = builders.make_account(cast.team, kind="webchat")
    builders.make_conversation(chat, subject="an hour", **_ago(60))
    builders.make_conversation(cast.account, subject="two days", **_ago(2880))
    builders.make_conversation(cast.account, subject="answered", waiting_since=None)
    page = cast.client().get("/").content.decode()
    assert _subjects(page) == ["two days", "an hour", "No dial tone"]
    assert page.index("More than a day") < page.index("Less than four hours") < page.index("Just now")


def test_other_teams_are_invisible(cast: Cast) -> None:
    assert _subjects(cast.client(cast.stranger).get("/").content.decode()) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["mine", "free"]),
        ("?owner=me", ["mine"]),
        ("?owner=none", ["free"]),
        ("?view=open", ["answered", "free", "mine"]),
        ("?view=pending", ["paused"]),
        ("?view=snoozed", ["asleep"]),
        ("?view=solved", ["done"]),
        ("?view=solved&owner=me", []),
        ("?channel=email", ["free"]),
        ("?view=nonsense&team=x&after=y&rows=z", ["mine", "free"]),
    ],
)
def test_lists_and_filters(cast: Cast, query: str, expected: list[str]) -> None:
    Conversation.objects.all().delete()
    mail = builders.make_account(cast.team, kind="email")
    builders.make_conversation(cast.account, subject="mine", assignee=cast.agent, **_ago(9))
    builders.make_conversation(mail, subject="free", **_ago(8))
    builders.make_conversation(cast.account, subject="answered", waiting_since=None, **_ago(7))
    for state, subject in ((State.PENDING, "paused"), (State.SNOOZED, "asleep"), (State.SOLVED, "done")):
        builders.make_conversation(cast.account, subject=subject, state=state, **_ago(6))
    assert _subjects(cast.client().get(f"/{query}").content.decode()) == expected


def test_pages_follow_each_other_without_gap_or_repetition(cast: Cast) -> None:
    for number in range(60):
        builders.make_conversation(cast.account, subject=f"n{number:02d}", **_ago(1000 - number))
    client = cast.client()
    page = client.get("/").content.decode()
    more = page.partition('hx-get="')[2].partition('"')[0].replace("&amp;", "&")
    rest = client.get(more, HTTP_HX_REQUEST="true").content.decode()
    assert _subjects(page) + _subjects(rest) == [f"n{number:02d}" for number in range(60)] + ["No dial tone"]
    assert "<nav" not in rest


def test_a_reply_that_did_not_arrive_is_shown_in_the_row(cast: Cast) -> None:
    assert "Reply not delivered" not in cast.client().get("/").content.decode()
    builders.make_message(cast.conversation, kind="out", user=cast.agent, delivery=DeliveryState.FAILED)
    assert "Reply not delivered" in cast.client().get("/").content.decode()


def test_names_and_subjects_are_escaped(cast: Cast) -> None:
    contact = builders.make_contact("<script>alert(1)</script>")
    builders.make_conversation(cast.account, contact=contact, subject="<b>bold</b>")
    page = cast.client().get("/").content.decode()
    assert "<script>alert" not in page and "<b>bold" not in page


def test_a_page_costs_a_handful_of_statements_however_many_rows(cast: Cast) -> None:
    client = cast.client()
    client.get("/")
    for _ in range(40):
        builders.make_conversation(cast.account)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get("/").status_code == 200
    assert len(queries) <= 6, [query["sql"] for query in queries]


def test_next_goes_to_the_longest_wait_that_nobody_else_has(cast: Cast) -> None:
    builders.make_conversation(cast.account, assignee=cast.colleague, **_ago(500))
    mine = builders.make_conversation(cast.account, assignee=cast.agent, **_ago(100))
    client = cast.client()
    assert client.get("/next/").headers["Location"] == f"/conversations/{mine.pk}/"
    assert client.get(f"/next/?after={mine.pk}").headers["Location"] == f"/conversations/{cast.conversation.pk}/"
    Conversation.objects.update(waiting_since=None)
    assert client.get("/next/").headers["Location"] == "/"


def test_several_are_taken_and_solved_at_once_but_never_those_of_others(cast: Cast) -> None:
    second = builders.make_conversation(cast.account)
    foreign = builders.make_conversation(builders.make_account(cast.stranger.teams.get()))
    picked = [str(cast.conversation.pk), str(second.pk), str(foreign.pk)]
    client = cast.client()
    client.post("/conversations/batch/", {"do": "take", "pick": picked})
    assert set(Conversation.objects.filter(assignee=cast.agent)) == {cast.conversation, second}
    client.post("/conversations/batch/", {"do": "solved", "pick": picked})
    assert set(Conversation.objects.filter(state=State.SOLVED)) == {cast.conversation, second}


def test_counts_stop_at_a_thousand(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    from comptoir.conversations import counts as counting

    for _ in range(3):
        builders.make_conversation(cast.account)
    counts = counting.queue_counts(cast.agent)
    assert (counts.waiting, counts.unassigned, counts.mine, counts.open) == (4, 4, 0, 4)
    from comptoir.desk.words import count_words

    assert (count_words(999), count_words(1000)) == ("999", "999+")
