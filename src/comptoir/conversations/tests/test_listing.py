"""The lists: what a filter holds, in which order, page by page, and what a page may cost."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from comptoir.accounts.models import User
from comptoir.conversations import listing
from comptoir.conversations.filtering import SORTS, QueueFilter
from comptoir.conversations.labelling import create_label, put_and_remove
from comptoir.conversations.listing import count_lists, listed_ids, queue_page
from comptoir.conversations.models import Conversation
from comptoir.conversations.services import mark_read
from comptoir.core import clock
from comptoir.journal.services import SYSTEM
from comptoir.testing.builders import make_account, make_conversation, make_message, make_team, make_user

pytestmark = pytest.mark.django_db
EVERYTHING = QueueFilter(waits=None, sort="newest")


class World:
    """Eight conversations that differ in every respect a filter knows."""

    def __init__(self) -> None:
        self.team, self.second = make_team(), make_team()
        self.user, self.other = make_user(self.team, self.second), make_user(self.team)
        self.account, self.chat = make_account(self.team), make_account(self.second, kind="webchat")
        self.labels = [create_label(actor=SYSTEM, name=name, colour="blue").pk for name in ("Billing", "Outage")]
        self.rows: dict[str, Conversation] = {}
        self.put("urgent", priority=2, minutes=10)
        self.put("old", minutes=3000)
        self.put("mine", assignee=self.user, minutes=100, language="fr")
        self.put("theirs", assignee=self.other, minutes=50)
        self.put("chat", account=self.chat, minutes=40, fields={"offer": "Fibre", "gesture": True})
        self.put("pending", state="pending", minutes=30, waiting_since=None)
        self.put("asleep", state="snoozed", minutes=20, snoozed_until=clock.now() + timedelta(hours=2))
        self.put("Été résolu", state="solved", minutes=99_999)
        make_conversation(make_account(make_team()), subject="foreign")
        put_and_remove([self.rows["old"].pk, self.rows["mine"].pk], add=self.labels[:1], remove=[])
        put_and_remove([self.rows["mine"].pk, self.rows["chat"].pk], add=self.labels[1:], remove=[])
        for row in self.rows.values():
            if row.subject != "urgent":
                mark_read(user=self.user, conversation=row)
        make_message(self.rows["pending"], kind="out", user=self.user, delivery="failed", at=self.at(30))

    def at(self, minutes: int) -> Any:
        return clock.now() - timedelta(minutes=minutes)

    def put(self, subject: str, *, minutes: int, account: Any = None, **values: Any) -> None:
        self.rows[subject] = make_conversation(account or self.account, subject=subject, at=self.at(minutes), **values)

    def names(self, chosen: QueueFilter) -> list[str]:
        return [row.subject for row in queue_page(self.user, chosen).rows]


@pytest.fixture
def world(db: None) -> World:
    return World()


@pytest.mark.parametrize(
    ("case", "chosen", "expected"),
    [
        ("what waits", {}, ["old", "mine", "theirs", "chat", "urgent"]),
        ("by priority", {"sort": "priority"}, ["urgent", "old", "mine", "theirs", "chat"]),
        ("what waits, by activity", {"sort": "activity"}, ["urgent", "chat", "theirs", "mine", "old"]),
        ("by number", {"sort": "newest"}, ["chat", "theirs", "mine", "old", "urgent"]),
        ("nobody's", {"owner": "none"}, ["old", "chat", "urgent"]),
        ("nobody's by priority", {"owner": "none", "sort": "priority"}, ["urgent", "old", "chat"]),
        ("mine", {"owner": "me"}, ["mine"]),
        ("somebody's", {"owner": "any"}, ["mine", "theirs"]),
        ("important", {"priority": 1}, ["urgent"]),
        ("waits long", {"waiting_minutes": 60}, ["old", "mine"]),
        ("a channel", {"channels": ("webchat",)}, ["chat"]),
        ("a language", {"languages": ("fr",)}, ["mine"]),
        ("unread", {"unread": True}, ["urgent"]),
        ("own field", {"custom": (("offer", "Fibre"), ("gesture", True))}, ["chat"]),
        ("another value", {"custom": (("offer", "Mobile"),)}, []),
        ("words", {"words": "URG"}, ["urgent"]),
        ("a wildcard is a letter", {"words": "%"}, []),
        ("states", {"waits": None, "states": ("pending", "snoozed"), "sort": "activity"}, ["asleep", "pending"]),
        ("answered", {"waits": False, "sort": "activity"}, ["asleep", "pending", "Été résolu"]),
        ("accents apart", {"waits": None, "words": "ete RESOLU", "sort": "newest"}, ["Été résolu"]),
        ("in trouble", {"waits": None, "trouble": True, "sort": "newest"}, ["pending"]),
        ("wakes soon", {"waits": None, "states": ("snoozed",), "wakes_hours": 3, "sort": "activity"}, ["asleep"]),
        ("wakes later", {"waits": None, "states": ("snoozed",), "wakes_hours": 1, "sort": "activity"}, []),
        ("came in lately", {"created_days": 1}, ["mine", "theirs", "chat", "urgent"]),
        ("spoke lately", {"active_days": 1}, ["mine", "theirs", "chat", "urgent"]),
    ],
)  # fmt: skip
def test_a_filter_holds_what_it_says(world: World, case: str, chosen: dict[str, Any], expected: list[str]) -> None:
    assert world.names(QueueFilter(**chosen)) == expected


def test_labels_count_any_all_or_none(world: World) -> None:
    both = QueueFilter(labels=tuple(world.labels))
    assert world.names(both) == ["old", "mine", "chat"]
    assert world.names(replace(both, label_match="all")) == ["mine"]
    assert world.names(replace(both, label_match="none")) == ["theirs", "urgent"]


def test_teams_people_and_accounts_narrow_a_list(world: World) -> None:
    assert world.names(QueueFilter(teams=(world.second.pk,))) == ["chat"]
    assert world.names(QueueFilter(owner="person", assignee=world.other.pk)) == ["theirs"]
    assert world.names(QueueFilter(accounts=(world.chat.pk,))) == ["chat"]


def test_a_team_that_is_not_theirs_shows_nothing(world: World) -> None:
    foreign = Conversation.objects.get(subject="foreign")
    assert world.names(QueueFilter(teams=(foreign.team_id,))) == []
    assert count_lists(world.user, [QueueFilter(teams=(foreign.team_id,))])[0].number == 0


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("loose", [False, True])
def test_pages_follow_each_other_without_gap_or_repetition(world: World, sort: str, loose: bool) -> None:
    at = clock.now()
    for number in range(40):  # many with the same instant, so that the number has to decide
        make_conversation(
            world.chat if number % 3 else world.account, subject=f"n{number}", at=at - timedelta(minutes=number // 5),
            priority=number % 4 - 1,
        )  # fmt: skip
    chosen = QueueFilter(sort=sort, created_days=1 if loose else None)
    whole = [row.id for row in queue_page(world.user, chosen, limit=100).rows]
    found: list[int] = []
    place = None
    while True:
        page = queue_page(world.user, chosen, after=place, limit=7)
        found += [row.id for row in page.rows]
        place = page.more
        if place is None:
            break
    assert found == whole
    assert len(set(found)) == len(found) >= 44


def test_a_walk_ends_and_says_so_and_the_next_page_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "WALK", 2)
    chosen = QueueFilter(words="urgent")
    page = queue_page(world.user, chosen)
    assert (page.rows, page.is_partial) == ([], True)
    steps = 0
    while page.more is not None:
        page, steps = queue_page(world.user, chosen, after=page.more), steps + 1
        if page.rows:
            assert [row.subject for row in page.rows] == ["urgent"]
            return
    raise AssertionError(f"not found in {steps} pages")


def test_many_lists_are_counted_in_one_statement(world: World) -> None:
    lists = [QueueFilter(), QueueFilter(owner="me"), QueueFilter(words="urgent"), EVERYTHING]
    with CaptureQueriesContext(connection) as queries:
        counted = count_lists(world.user, lists)
    assert [one.number for one in counted] == [5, 1, 1, 8]
    assert len([query for query in queries if "savedview" not in query["sql"]]) <= 2  # teams, and the counts
    assert count_lists(world.user, []) == []


def test_a_count_that_stopped_says_at_least(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "COUNT_WALK", 2)
    assert count_lists(world.user, [QueueFilter(words="e")])[0].is_partial


def test_all_of_a_list_is_its_conversations_in_order(world: World) -> None:
    assert listed_ids(world.user, QueueFilter(), limit=2) == [world.rows["old"].pk, world.rows["mine"].pk]
    assert listed_ids(world.user, QueueFilter(words="urgent"), limit=9) == [world.rows["urgent"].pk]


def test_a_row_has_its_labels_by_name(world: World) -> None:
    row = next(row for row in queue_page(world.user, QueueFilter()).rows if row.subject == "mine")
    assert list(row.labels) == ["blue Billing", "blue Outage"]


def test_a_page_is_one_statement(world: World) -> None:
    user = User.objects.get(pk=world.user.pk)
    chosen = QueueFilter(labels=tuple(world.labels), unread=True, words="a b", sort="priority")
    with CaptureQueriesContext(connection) as queries:
        queue_page(user, chosen)
    assert len(queries) == 3  # the person's teams, how rare the labels are, and the page


@pytest.mark.parametrize("rare", [True, False])
@pytest.mark.parametrize("match", ["any", "all", "none"])
@pytest.mark.parametrize("sort", SORTS)
def test_a_rare_label_gives_what_a_frequent_one_gives(
    world: World, monkeypatch: pytest.MonkeyPatch, sort: str, match: str, rare: bool
) -> None:
    monkeypatch.setattr(listing, "RARE", 1000 if rare else 0)
    chosen = QueueFilter(labels=tuple(world.labels), label_match=match, sort=sort)
    expected = {"any": {"old", "mine", "chat"}, "all": {"mine"}, "none": {"theirs", "urgent"}}[match]
    assert set(world.names(chosen)) == expected
    assert count_lists(world.user, [chosen])[0].number == len(expected)
    first = queue_page(world.user, chosen, limit=1)
    if first.more:
        rest = queue_page(world.user, chosen, after=first.more)
        assert {row.subject for row in first.rows + rest.rows} == expected
