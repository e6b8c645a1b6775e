"""Taking in, dismissing, forgetting, alerts, and the road from a mention to a conversation, with a database."""

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from comptoir import pipeline
from comptoir.accounts.models import Role, Team, User
from comptoir.accounts.services import actor_of
from comptoir.channels import registry
from comptoir.channels.base import Found, Piece
from comptoir.channels.models import ChannelAccount
from comptoir.conversations.models import Conversation, MessageKind
from comptoir.core import clock
from comptoir.core.errors import InputError
from comptoir.core.types import AccountConfig
from comptoir.inbound import log
from comptoir.inbound.models import Record
from comptoir.journal.models import Event
from comptoir.journal.services import SYSTEM
from comptoir.listening import jobs, queries, services
from comptoir.listening.models import Burst, Hit, Mention, Source
from comptoir.listening.rules import Post, Wanted
from comptoir.testing.builders import (
    make_account,
    make_burst,
    make_mention,
    make_search,
    make_source,
    make_team,
    make_user,
)

pytestmark = pytest.mark.django_db


def digest() -> None:
    """Do what the worker's digest does."""
    while shards := log.busy_shards():
        pipeline.digest_shards(shards, limit=100)


def take(source: Source, *posts: Post, **more: Any) -> int:
    return services.take_in(source_id=source.pk, posts=posts, listener=queries.listener_of(source.pk), **more)


@pytest.fixture
def team(db: None) -> Team:
    return make_team("Service")


@pytest.fixture
def lead(team: Team) -> User:
    return make_user(team, role=Role.LEAD, name="Lea Lead")


def test_a_post_is_kept_once_with_the_searches_it_answers(team: Team) -> None:
    source, other = make_source(), make_source()
    one, two = make_search(team), make_search(make_team(), wanted={"words": ["panne"]})
    make_search(team, is_active=False)
    elsewhere = make_search(team)
    elsewhere.sources.set([other])
    post = Post("a", "Ondavelle en panne, et je suis très en colère", url="http://x.example", reach=5)
    assert take(source, post, post) == 2
    assert take(source, post) == 0
    mention = Mention.objects.get()
    assert (mention.url, mention.language, mention.reach) == ("", "fr", 5)
    assert set(Hit.objects.values_list("search_id", flat=True)) == {one.pk, two.pk}
    assert take(other, post) == 3
    assert Mention.objects.count() == 2


def test_a_search_that_was_changed_meanwhile_finds_nothing_more(team: Team) -> None:
    source, search = make_source(), make_search(team)
    listener = queries.listener_of(source.pk)
    search.delete()
    assert services.take_in(source_id=source.pk, posts=[Post("a", "Ondavelle")], listener=listener) == 0
    assert not Mention.objects.exists()


def test_hostile_posts_are_stored_as_far_as_they_can_be(team: Team) -> None:
    source = make_source()
    make_search(team)
    posts = [
        Post("1", "Ondavelle \x00 \ud800 end", author_name="\x00a", raw={"a\x00": ["\x00", "\ud800", 1.5, None]}),
        Post("2", "Ondavelle", raw={"large": "x" * 100_000}),
        Post("3", "Ondavelle", url="javascript:alert(1)"),
        Post("4", "Ondavelle " + "x" * 100_000, author_handle="h" * 1000, languages=("zz-" + "y" * 50,)),
        Post("x" * 301, "Ondavelle"),
        Post("", "Ondavelle"),
        Post("5", "Ondavelle", published_at=clock.now() - timedelta(days=91)),
        Post("6", "Ondavelle", published_at=clock.now() + timedelta(days=91)),
    ]
    assert take(source, *posts) == 5
    assert Mention.objects.get(external_id="2").raw == {}
    assert Mention.objects.get(external_id="1").raw == {"a": ["", "", 1.5, None]}
    assert Mention.objects.get(external_id="6").published_at <= clock.now()


def test_what_an_author_takes_back_is_forgotten_but_not_a_conversation(team: Team, lead: User) -> None:
    source = make_source()
    make_search(team)
    take(source, Post("a", "Ondavelle"), Post("b", "Ondavelle too"))
    kept = Mention.objects.get(external_id="b")
    services.make_conversation(actor=actor_of(lead), user=lead, mention=kept, team=team)
    take(source, Post("c", "Ondavelle, at once taken back"), deleted=["a", "b", "c", "d"], cursor="9")
    assert list(Mention.objects.all()) == [kept]
    source.refresh_from_db()
    assert source.cursor == "9"


def test_a_mention_that_nobody_can_answer_becomes_a_conversation_inside_with_a_note(team: Team, lead: User) -> None:
    search = make_search(team, name="Our name")
    mention = make_mention(search, text="Ondavelle is down in Lyon", language="en")
    account = services.make_conversation(actor=actor_of(lead), user=lead, mention=mention, team=team)
    assert (account.kind, account.team, account.name) == ("mention", team, "Mentions of Service")
    assert services.settle() == 0  # not read yet
    digest()
    assert services.settle() == 1
    assert services.settle() == 0
    hit = Hit.objects.get()
    conversation = hit.conversation
    assert conversation is not None
    assert (conversation.team, conversation.is_public) == (team, True)
    first, note = conversation.messages.order_by("id")
    assert first.text == "Ondavelle is down in Lyon"
    assert first.facts["permalink"] == mention.url
    assert note.kind == MessageKind.NOTE
    assert "Our name" in note.text
    assert mention.url in note.text
    assert note.user == lead
    created = Event.objects.get(kind="conversation.created")
    assert created.conversation_id == conversation.pk
    # Again: the same conversation, the same account, no second message.
    services.make_conversation(actor=actor_of(lead), user=lead, mention=mention, team=team)
    digest()
    services.settle()
    assert Conversation.objects.count() == 1
    assert ChannelAccount.objects.filter(kind="mention").count() == 1


def test_only_a_team_whose_search_found_it_makes_a_conversation(team: Team, lead: User) -> None:
    mention = make_mention(make_search(make_team()))
    with pytest.raises(InputError):
        services.make_conversation(actor=actor_of(lead), user=lead, mention=mention, team=team)
    mine = make_mention(make_search(team))
    account = make_account(make_team(), kind="mention")
    with pytest.raises(InputError):
        services.make_conversation(actor=actor_of(lead), user=lead, mention=mine, team=team, account=account)
    assert not Record.objects.exists()


@pytest.fixture
def adopting(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Found]]:
    """Let sandbox accounts adopt what is found on Bluesky, as an adapter of that network would."""
    asked: list[Found] = []

    def adopt(post: Found, account: AccountConfig) -> Piece | None:
        asked.append(post)
        if post.network != "bluesky":
            return None
        raw = b'{"id": "p1", "text": "Ondavelle!", "public": true, "author": {"address": "did:plc:ada"}}'
        return Piece("p1", "p1", raw)

    known = registry.channels()
    changed = {**known, "sandbox": dataclasses.replace(known["sandbox"], adopt=adopt)}
    monkeypatch.setattr(registry, "channels", lambda: changed)
    yield asked


def test_an_account_that_can_answer_gets_the_conversation(team: Team, lead: User, adopting: list[Found]) -> None:
    search = make_search(team)
    source = make_source(kind="bluesky", address="wss://jet.example.org")
    mention = make_mention(search, source=source, text="Ondavelle!", author_id="did:plc:ada", raw={"cid": "c"})
    mine, _theirs = make_account(team, kind="sandbox"), make_account(make_team(), kind="sandbox")
    make_account(team, kind="sandbox", is_active=False)
    assert services.accounts_for(mention, [team.pk]) == [mine]
    chosen = services.make_conversation(actor=actor_of(lead), user=lead, mention=mention, team=team)
    assert chosen == mine
    assert (adopting[0].author.address, adopting[0].raw, adopting[0].server) == (
        "did:plc:ada",
        {"cid": "c"},
        source.address,
    )
    digest()
    services.settle()
    conversation = Hit.objects.get().conversation
    assert conversation is not None
    assert conversation.account == mine
    assert not ChannelAccount.objects.filter(kind="mention").exists()
    feed = make_mention(search)
    with pytest.raises(InputError, match="cannot answer"):
        services.make_conversation(actor=actor_of(lead), user=lead, mention=feed, team=team, account=mine)


def test_a_search_makes_conversations_by_itself_of_what_is_new(team: Team) -> None:
    make_search(team, makes_conversations=True)
    source = make_source()
    old = clock.now() - timedelta(days=3)
    take(source, Post("a", "Ondavelle today"), Post("b", "Ondavelle then", published_at=old))
    assert services.convert_due(at=clock.now()) == 1
    assert services.convert_due(at=clock.now()) == 0
    digest()
    services.settle()
    assert [c.preview for c in Conversation.objects.all()] == ["Ondavelle today"]


def test_a_storm_stays_a_list_of_mentions(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MOST_AN_HOUR", 3)
    make_search(team, makes_conversations=True)
    take(make_source(), *(Post(str(n), f"Ondavelle {n}") for n in range(6)))
    assert services.convert_due(at=clock.now()) == 6
    assert Record.objects.count() == 3
    assert not Hit.objects.filter(is_due=True).exists()


def test_dismissing_is_of_ones_own_teams_and_can_be_taken_back(team: Team, lead: User) -> None:
    other = make_search(make_team())
    mention = make_mention(make_search(team), other)
    assert services.dismiss_mention(user=lead, mention=mention) == 1
    assert Hit.objects.get(search=other).dismissed_at is None
    assert services.dismiss_mention(user=lead, mention=mention, undo=True) == 1
    assert not Hit.objects.exclude(dismissed_at=None).exists()


def test_what_is_old_is_forgotten_and_what_was_dismissed_loses_its_words(team: Team, lead: User) -> None:
    now, search = clock.now(), make_search(team)
    old = make_mention(search, at=now - timedelta(days=91))
    kept = make_mention(search, at=now - timedelta(days=89))
    aside = make_mention(search, external_id="again", text="Ondavelle", source=(source := make_source()))
    shared = make_mention(search, make_search(make_team()))
    for mention in (aside, shared):
        services.dismiss_mention(user=lead, mention=mention)
    make_burst(search, at=now - timedelta(days=91))
    assert services.sweep(at=now) == 1
    assert not Mention.objects.filter(pk=old.pk).exists()
    assert not Burst.objects.exists()
    assert services.sweep(at=now + timedelta(days=8)) == 2  # the other old one, and the words
    aside.refresh_from_db()
    assert (aside.text, aside.author_name, aside.url, aside.raw) == ("", "", "", {})
    shared.refresh_from_db()
    assert shared.text
    assert not Mention.objects.filter(pk=kept.pk).exists()
    # Its feed still tells it: it does not come back.
    assert take(source, Post("again", "Ondavelle")) == 0
    assert services.sweep(at=now + timedelta(days=8)) == 0
    assert queries.mentions_page(lead, show="all").mentions == [shared]


def test_an_alert_is_raised_once_and_told_to_the_journal(team: Team, lead: User) -> None:
    now = clock.now()
    search = make_search(team, name="Our name", created_at=now - timedelta(days=60))
    for minute in range(6):
        make_mention(search, at=now - timedelta(minutes=minute))
    quiet = make_search(team)
    for minute in range(4):
        make_mention(quiet, at=now - timedelta(minutes=minute))
    assert jobs.look_for_bursts(now) == 1
    assert jobs.look_for_bursts(now) == 0
    burst = Burst.objects.get()
    assert (burst.search, burst.count, burst.expected) == (search, 6, 0.125)
    event = Event.objects.get(kind="listening.burst")
    assert (event.facts["name"], event.facts["team"], event.facts["count"]) == ("Our name", team.pk, 6)
    assert queries.open_bursts(lead) == [burst]
    assert queries.burst_count(lead) == 1
    assert queries.burst_count(make_user(make_team(), role=Role.LEAD)) == 0
    later = now + timedelta(hours=2, minutes=1)
    for minute in range(6):
        make_mention(search, at=later - timedelta(minutes=minute))
    assert jobs.look_for_bursts(later - timedelta(minutes=2)) == 0
    assert jobs.look_for_bursts(later) == 1


def test_what_is_usual_at_this_hour_of_the_week_is_no_alert(team: Team) -> None:
    now = clock.now()
    search = make_search(team, created_at=now - timedelta(days=60))
    for week in range(1, 5):
        for minute in range(0, 60, 2):
            make_mention(search, at=now - timedelta(days=7 * week, minutes=minute - 22))
    for minute in range(10):
        make_mention(search, at=now - timedelta(minutes=minute))
    (level,) = queries.levels(now)
    assert [25 <= n <= 30 for n in level.earlier] == [True] * 4
    assert jobs.look_for_bursts(now) == 0


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"kind": "feed", "address": "ftp://x.example"}, "address"),
        ({"kind": "feed", "address": "https://user:pw@x.example/"}, "address"),
        ({"kind": "bluesky", "address": "https://x.example"}, "address"),
        ({"kind": "other", "address": "https://x.example"}, "kind"),
        ({"kind": "mastodon", "address": "https://x.example", "hashtag": "two words"}, "hashtag"),
        ({"kind": "feed", "address": "https://x.example", "name": " "}, "name"),
    ],
)
def test_a_source_that_cannot_be_asked_is_refused(values: dict[str, str], field: str) -> None:
    with pytest.raises(InputError) as refused:
        services.save_source(actor=SYSTEM, source=None, **{"name": "x", **values})
    assert refused.value.field == field
    assert not Source.objects.exists()


def test_the_same_source_twice_is_refused_and_a_change_begins_anew() -> None:
    values = {"actor": SYSTEM, "kind": "feed", "name": "x"}
    row = services.save_source(source=None, address="https://x.example/1", token="t", **values)
    Source.objects.filter(pk=row.pk).update(etag="e", cursor="c")
    with pytest.raises(InputError, match="already"):
        services.save_source(source=None, address="https://x.example/1", **values)
    row.refresh_from_db()
    services.save_source(source=row, address="https://x.example/2", **values)
    row.refresh_from_db()
    assert (row.etag, row.cursor, services.token_of(row)) == ("", "", "t")


def test_a_search_is_checked_and_belongs_to_ones_own_team(team: Team, lead: User) -> None:
    values: dict[str, Any] = {
        "actor": actor_of(lead), "user": lead, "search": None, "name": "x", "team": team, "sources": [],
        "wanted": Wanted(words=("ondavelle",)), "makes_conversations": False, "is_active": True,
    }  # fmt: skip
    for changed in (
        {"wanted": Wanted(exclusions=("x",))}, {"wanted": Wanted(words=("a",))}, {"name": ""}, {"team": make_team()},
    ):  # fmt: skip
        with pytest.raises(InputError):
            services.save_search(**(values | changed))
    search = services.save_search(**values)
    mention, shared = make_mention(search), make_mention(search, make_search(team))
    services.delete_search(actor=actor_of(lead), search=search)
    assert list(Mention.objects.all()) == [shared]
    assert not Mention.objects.filter(pk=mention.pk).exists()
    assert set(Event.objects.values_list("kind", flat=True)) == {
        "listening.search_created", "listening.search_deleted",
    }  # fmt: skip
