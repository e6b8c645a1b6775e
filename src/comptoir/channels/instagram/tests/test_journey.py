"""Instagram from end to end: messages and comments in, answers, replies and private replies out."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from comptoir.channels.graph.tests.fake import DAY, IG, Comment, Graph, serving
from comptoir.channels.graph.tests.world import Given, World, config_of, message, records
from comptoir.channels.models import AccountHealth, ChannelAccount
from comptoir.channels.registry import channel
from comptoir.channels.renewing import renew_due
from comptoir.conversations.models import Attachment, Conversation
from comptoir.core import clock, crypto
from comptoir.core.errors import ChannelError, InputError
from comptoir.core.types import Author, Outbound
from comptoir.outbound import sender
from comptoir.outbound.models import Part

pytestmark = pytest.mark.django_db

PERSON, FIRST, REPLY = "5566778899001122", "17900000000000001", "17900000000000002"


@pytest.fixture
def graph() -> Graph:
    graph = Graph("instagram")
    graph.wrote_at[PERSON] = graph.now
    graph.comments[FIRST] = Comment(FIRST, PERSON, "Where is my parcel?", graph.now - timedelta(minutes=1))
    graph.comments[REPLY] = Comment(REPLY, "9988776655443322", "Mine neither", graph.now, parent=FIRST)
    return graph


@pytest.fixture
def world(graph: Graph) -> Iterator[World]:
    with serving(graph) as server:
        yield World("instagram", graph, server.url)


def asked(world: World, text: str = "Hello", mid: str = "aWd-in") -> None:
    at = int(clock.now().timestamp() * 1000)
    event = {"sender": {"id": PERSON}, "recipient": {"id": IG}, "timestamp": at, "message": {"mid": mid, "text": text}}
    world.comes({"object": "instagram", "entry": [{"id": IG, "time": at, "messaging": [event]}]})


def event(world: World, **told: Any) -> None:
    at = int(clock.now().timestamp() * 1000) + 2000
    one = {"sender": {"id": PERSON}, "recipient": {"id": IG}, "timestamp": at, **told}
    world.comes({"object": "instagram", "entry": [{"id": IG, "time": at, "messaging": [one]}]})


def private(text: str, comment: str = FIRST, **more: Any) -> Outbound:
    answers = {
        "item": "comment",
        "comment": comment,
        "id": comment,
        "author": PERSON,
        "at": "2026-01-31T12:00:00+00:00",
    }
    return Outbound("k", text, (Author("instagram", PERSON),), thread_key=f"dm:{PERSON}", answers=answers, **more)


def test_messages_stories_and_what_is_taken_back(world: World) -> None:
    for name in ("message", "edit", "story-reply", "story-mention", "message-unsupported", "deletion", "own"):
        world.fixture(name)
    conversation = Conversation.objects.get()
    assert conversation.thread_key == f"dm:{PERSON}"
    assert conversation.message_count == 5
    row = message("Hello! Is the blue one still in stock?")
    assert row.marks["text"] == "Hello! Is the red one still in stock?"
    assert "deleted_at" in row.marks
    assert Attachment.objects.count() == 2
    assert conversation.messages.filter(kind="out").get().text == "We answered from the telephone."
    assert {state for state, _ in records()} == {"done"}


def test_comments_under_a_post_are_one_public_conversation(world: World) -> None:
    for name in ("comment", "comment-reply", "own-comment"):
        world.fixture(name)
    conversation = Conversation.objects.get()
    assert (conversation.thread_key, conversation.is_public) == ("post:18100000000000001", True)
    assert [m.kind for m in conversation.messages.order_by("id")] == ["in", "in", "out"]
    assert conversation.contact.name == "ada.m"
    assert conversation.waiting_since is None


def test_a_comment_of_ours_in_a_thread_that_is_not_here_makes_nothing(world: World) -> None:
    world.fixture("own-comment")
    assert not Conversation.objects.exists()
    assert [state for state, _ in records()] == ["ignored"]


def test_an_answer_below_an_answer_goes_to_the_first_level_and_its_webhook_is_recognised(world: World) -> None:
    world.fixture("comment-reply")
    delivery = world.sends("On its way!")
    assert delivery.state == "sent", delivery.reason
    made = world.graph.comments[delivery.provider_id]
    assert (made.parent, made.text) == (FIRST, "On its way!")
    value = {"id": made.id, "parent_id": FIRST, "from": {"id": IG, "username": "ondavelle"}, "text": made.text,
             "media": {"id": "18100000000000001"}}  # fmt: skip
    world.comes({"object": "instagram", "entry": [{"id": IG, "time": 1, "changes": [
        {"field": "comments", "value": value}]}]})  # fmt: skip
    assert Conversation.objects.get().messages.filter(kind="out").count() == 1


def test_a_long_comment_leaves_in_several(world: World) -> None:
    world.fixture("comment")
    delivery = world.sends("We are looking into it with our colleagues. " * 12)
    assert delivery.state == "sent", delivery.reason
    ours = [c.text for c in world.graph.comments.values() if c.author == IG]
    assert len(ours) == Part.objects.count() == 2
    assert all(len(text) <= 300 for text in ours)


def test_seen_names_the_last_message_and_means_all_before(world: World) -> None:
    asked(world)
    first, second = world.sends("One"), world.sends("Two")
    event(world, read={"mid": second.provider_id})
    for delivery in (first, second):
        delivery.refresh_from_db()
        assert delivery.state == "read"


def test_a_private_reply_leaves_once_within_seven_days(world: World) -> None:
    account, send, given = config_of("instagram", world.url), channel("instagram").send, Given()
    assert send is not None
    receipt = send(private("We write to you here."), account, given)
    assert world.graph.sent[0]["recipient"] == {"comment_id": FIRST}
    assert set(world.graph.sent[0]) == {"recipient", "message", "mid", "to", "at"}
    assert (receipt.provider_id, given.sent) == ("m_1", ["m_1"])
    with pytest.raises(ChannelError, match="already replied") as refused:
        send(private("And again"), account, Given())
    assert refused.value.permanent
    world.graph.comments[FIRST] = Comment(FIRST, PERSON, "old", world.graph.now - 8 * DAY)
    with pytest.raises(ChannelError, match="10903"):
        send(private("Too late"), account, Given())


def fresh_comment(world: World, *, ago: timedelta = timedelta(minutes=1)) -> None:
    value = {"id": FIRST, "from": {"id": PERSON, "username": "ada.m"}, "text": "Where is my parcel?",
             "media": {"id": "18100000000000001"}}  # fmt: skip
    change = {"field": "comments", "value": value}
    at = int((clock.now() - ago).timestamp())
    world.comes({"object": "instagram", "entry": [{"id": IG, "time": at, "changes": [change]}]})


def test_a_comment_is_taken_private_and_the_customers_answer_comes_there(world: World) -> None:
    fresh_comment(world)
    delivery = world.answers_privately("Your number, please?")
    assert delivery.state == "sent", delivery.reason
    assert world.graph.sent[0]["recipient"] == {"comment_id": FIRST}
    asked(world, "It is 4711.")
    private_one = Conversation.objects.get(is_public=False)
    assert private_one.thread_key == f"dm:{PERSON}"
    assert [m.kind for m in private_one.messages.order_by("id")] == ["out", "in"]
    again = world.sends("Thank you!", conversation=private_one)
    assert again.state == "sent", again.reason
    assert world.graph.sent[1]["recipient"] == {"id": PERSON}


def test_a_second_private_reply_is_refused_in_the_platforms_words(world: World) -> None:
    fresh_comment(world)
    assert world.answers_privately("Your number, please?").state == "sent"
    second = world.answers_privately("Hello?")
    assert second.state == "failed"
    assert "already replied" in second.reason


def test_a_comment_of_last_week_is_not_taken_private(world: World) -> None:
    fresh_comment(world, ago=timedelta(days=8))
    with pytest.raises(InputError):
        world.answers_privately("Too late")


def test_a_private_reply_is_one_message(world: World) -> None:
    account, send, given = config_of("instagram", world.url), channel("instagram").send, Given()
    assert send is not None
    with pytest.raises(ChannelError, match="1000 bytes"):
        send(private("é" * 501), account, given)
    assert not given.calls
    shown = channel("instagram").preview
    assert shown is not None
    assert shown(private("é" * 501), {}).is_too_long
    assert not shown(private("é" * 500), {}).is_too_long


def test_a_broken_line_is_looked_up_below_the_comment(world: World) -> None:
    world.fixture("comment")
    world.graph.mode = "hangs up after"
    delivery = world.answer("On its way!")
    world.leaves(delivery)
    assert delivery.state == "unconfirmed"
    world.graph.mode = "ok"
    sender.reconcile_one(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.provider_id) == ("sent", "555_1002")
    assert sum(c.author == IG for c in world.graph.comments.values()) == 1


def test_a_comment_is_hidden_and_shown_again(world: World) -> None:
    hide = channel("instagram").hide
    assert hide is not None
    hide(FIRST, config_of("instagram", world.url), hidden=True)
    assert world.graph.comments[FIRST].is_hidden
    hide(FIRST, config_of("instagram", world.url), hidden=False)
    assert not world.graph.comments[FIRST].is_hidden


def test_the_accounts_own_token_is_renewed_in_time(world: World) -> None:
    ChannelAccount.objects.update(options={**world.account.options, "login": "instagram"})
    world.graph.needs_proof = False
    world.graph.mode = "young"  # refused on its first day, which is no fault of the account
    renew_due(clock.now())
    health = AccountHealth.objects.get()
    assert (health.last_error, health.revoked_at) == ("", None)
    world.graph.mode = "ok"
    renew_due(clock.now() + timedelta(days=2))
    world.account.refresh_from_db()
    assert crypto.decrypt_mapping(world.account.credentials)["token"] == "IGQ-fresh"
    health.refresh_from_db()
    assert health.token_expires_at is not None
    assert 48 < (health.token_expires_at - clock.now()).days < 60
    world.graph.token = "withdrawn"
    renew_due(clock.now() + timedelta(days=55))
    health.refresh_from_db()
    assert health.revoked_at is not None


def test_a_token_of_the_page_that_was_withdrawn_is_noticed_without_a_message(world: World) -> None:
    world.graph.token = "withdrawn"
    renew_due(clock.now())
    assert AccountHealth.objects.get().revoked_at is not None


def test_files_are_fetched_without_the_token_and_one_that_has_expired_is_gone(world: World) -> None:
    fetch = channel("instagram").fetch
    assert fetch is not None
    world.graph.files["box.jpg"] = ("image/jpeg", b"\xff\xd8")
    base = world.url.removesuffix("/v23.0")
    found = fetch({"url": f"{base}/cdn/moved", "type": "image"}, config_of("instagram", world.url))
    assert (found.content, found.content_type, found.filename) == (b"\xff\xd8", "image/jpeg", "box.jpg")
    with pytest.raises(ChannelError, match="403") as gone:
        fetch({"url": f"{base}/cdn/other"}, config_of("instagram", world.url))
    assert gone.value.permanent
    for ref in ({}, {"url": 5}, {"url": "file:///etc/passwd"}, {"url": "https://10.0.0.1/x"}):
        with pytest.raises(ChannelError):
            fetch(ref, config_of("instagram", world.url))


def test_an_answer_after_a_week_is_not_queued(world: World) -> None:
    world.fixture("message")  # of last January
    with pytest.raises(InputError):
        world.answer("Hello")


def test_the_connection_is_tried(world: World) -> None:
    test = channel("instagram").test
    assert test is not None
    assert [told for _label, told in test(config_of("instagram", world.url))] == [""]
    world.graph.needs_proof = False
    own = config_of("instagram", world.url, login="instagram")
    assert "comments" in list(test(own))[1][1]
    world.graph.subscribed = ["messages", "comments"]
    assert [told for _label, told in test(own)] == ["", ""]
    wrong = config_of("instagram", world.url, login="instagram", account_id="1")
    assert IG in next(iter(test(wrong)))[1]


def test_names_are_asked_for_and_not_of_authors_that_nobody_knows(world: World) -> None:
    world.graph.names[PERSON] = "Ada Martin"
    profile = channel("instagram").profile
    assert profile is not None
    assert profile(PERSON, config_of("instagram", world.url)) == "Ada Martin"
    asked = len(world.graph.calls)
    assert profile("unknown:179", config_of("instagram", world.url)) == ""
    assert len(world.graph.calls) == asked


def test_a_comment_of_ours_under_another_id_is_ours(world: World) -> None:
    world.fixture("comment")
    world.fixture("own-comment-other-id")
    assert [m.kind for m in Conversation.objects.get().messages.order_by("id")] == ["in", "out"]
