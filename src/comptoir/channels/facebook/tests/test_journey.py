"""A page's comments from end to end: what visitors write, change and take back; answers in public and in private."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from comptoir.channels.graph.signature import sign
from comptoir.channels.graph.tests.fake import DAY, PAGE, SECRET, Comment, Graph, serving
from comptoir.channels.graph.tests.world import Given, World, config_of, fixture, message, records
from comptoir.channels.registry import channel
from comptoir.conversations.models import Attachment, Conversation
from comptoir.core.errors import ChannelError
from comptoir.core.types import Author, Outbound
from comptoir.inbound.door import WebhookDoor
from comptoir.inbound.models import Record
from comptoir.outbound import sender

pytestmark = pytest.mark.django_db

PERSON, POST, FIRST, REPLY = "7788990011223344", f"{PAGE}_555", "555_901", "555_902"


@pytest.fixture
def graph() -> Graph:
    graph = Graph()
    graph.comments[FIRST] = Comment(FIRST, PERSON, "Où est mon colis ?", graph.now - timedelta(minutes=1))
    graph.comments[REPLY] = Comment(REPLY, "4455667788990011", "Le mien non plus", graph.now, parent=FIRST)
    graph.comments[f"{PAGE}_777"] = Comment(f"{PAGE}_777", PERSON, "Je n’ai pas de réseau", graph.now)
    return graph


@pytest.fixture
def world(graph: Graph) -> Iterator[World]:
    with serving(graph) as server:
        yield World("facebook", graph, server.url)


def private(text: str, **facts: str) -> Outbound:
    answers = {"id": "x", "author": PERSON, "at": "2026-01-31T12:00:00+00:00", **facts}
    return Outbound("k", text, (Author("facebook", PERSON),), thread_key=f"dm:{PERSON}", answers=answers)


def test_comments_under_a_post_are_one_public_conversation(world: World) -> None:
    for name in ("comment", "comment", "comment-reply", "comment-picture", "own"):
        world.fixture(name)
    conversation = Conversation.objects.get()
    assert (conversation.thread_key, conversation.is_public) == (f"post:{POST}", True)
    assert [m.kind for m in conversation.messages.order_by("id")] == ["in", "in", "in", "out"]
    assert conversation.contact.name == "Ada Martin"
    assert Attachment.objects.count() == 1
    assert conversation.waiting_since is None
    assert message("Où est mon colis ?").facts["permalink"].endswith("/posts/555?comment_id=901")


def test_an_edit_a_hiding_and_a_reaction_stand_beside_the_comment(world: World) -> None:
    for name in ("comment", "edit", "hiding", "reaction", "reaction-like"):
        world.fixture(name)
    row = message()
    assert row.text == "Où est mon colis ?"
    assert row.marks["text"] == "Où est mon colis n° 12 ?"
    assert "hidden_at" in row.marks
    assert row.marks["reactions"] == {"👍": 1}  # one person has one reaction
    world.fixture("hiding-undone")
    world.fixture("reaction-taken-back")
    row.refresh_from_db()
    assert "hidden_at" not in row.marks
    assert "reactions" not in row.marks
    again = json.loads(fixture("facebook", "hiding"))
    again["entry"][0]["time"] += 50
    world.comes(again)  # hidden once more: the event differs in the time of its envelope alone
    row.refresh_from_db()
    assert "hidden_at" in row.marks


def test_a_comment_that_was_removed_waits_for_no_answer(world: World) -> None:
    world.fixture("comment")
    assert Conversation.objects.get().waiting_since is not None
    world.fixture("deletion")
    assert Conversation.objects.get().waiting_since is None
    assert "deleted_at" in message().marks


def test_a_visitors_post_is_a_conversation_and_our_own_is_none(world: World) -> None:
    for name in ("post", "post-picture", "unsupported-own-post", "unsupported-item", "anomalous-no-id"):
        world.fixture(name)
    threads = set(Conversation.objects.values_list("thread_key", flat=True))
    assert threads == {f"post:{PAGE}_777", f"post:{PAGE}_778"}
    assert [state for state, _ in records()] == ["done", "done", "ignored", "ignored", "failed"]


def test_authors_without_a_name_are_not_taken_for_one_person(world: World) -> None:
    world.fixture("comment-unknown-author")
    other = json.loads(fixture("facebook", "comment-unknown-author"))
    other["entry"][0]["changes"][0]["value"].update(comment_id="555_999", message="Pareil")
    world.comes(other)
    assert message("Et moi ?").contact_id != message("Pareil").contact_id


@pytest.mark.parametrize(("name", "below"), [("comment", FIRST), ("comment-reply", FIRST), ("post", f"{PAGE}_777")])
def test_a_public_answer_stands_below_what_it_answers(world: World, name: str, below: str) -> None:
    world.fixture(name)
    delivery = world.sends("Nous regardons.")
    assert delivery.state == "sent", delivery.reason
    assert world.graph.comments[delivery.provider_id].parent == below
    value = {"from": {"id": PAGE, "name": "Ondavelle"}, "item": "comment", "verb": "add", "message": "Nous regardons.",
             "comment_id": delivery.provider_id, "post_id": str(Conversation.objects.get().thread_key)[5:],
             "parent_id": FIRST, "created_time": 1769860900}  # fmt: skip
    world.comes({"object": "page", "entry": [{"id": PAGE, "time": 1, "changes": [{"field": "feed", "value": value}]}]})
    assert Conversation.objects.get().messages.filter(kind="out").count() == 1


def test_a_private_reply_leaves_once_to_a_comment_or_a_post(world: World) -> None:
    account, send = config_of("facebook", world.url), channel("facebook").send
    assert send is not None
    send(private("Bonjour", item="comment", comment=FIRST, post=POST), account, Given())
    send(private("Bonjour", item="post", comment="", post=f"{PAGE}_777"), account, Given())
    assert [one["recipient"] for one in world.graph.sent] == [{"comment_id": FIRST}, {"post_id": f"{PAGE}_777"}]
    with pytest.raises(ChannelError, match="already replied") as refused:
        send(private("Encore", item="comment", comment=FIRST), account, Given())
    assert refused.value.permanent
    world.graph.comments[REPLY].at -= 8 * DAY
    with pytest.raises(ChannelError, match="10903"):
        send(private("Trop tard", item="comment", comment=REPLY), account, Given())
    with pytest.raises(ChannelError, match="2000"):
        send(private("x" * 2001, item="comment", comment=FIRST), account, Given())


def test_a_comment_is_taken_private_once(world: World) -> None:
    body = json.loads(fixture("facebook", "comment"))
    body["entry"][0]["changes"][0]["value"]["created_time"] = int(world.graph.now.timestamp()) - 60
    world.comes(body)
    delivery = world.answers_privately("Votre numéro, s’il vous plaît ?")
    assert delivery.state == "sent", delivery.reason
    assert world.graph.sent[0]["recipient"] == {"comment_id": FIRST}
    second = world.answers_privately("Bonjour ?")
    assert (second.state, "already replied" in second.reason) == ("failed", True)


@pytest.mark.parametrize(("mode", "copies"), [("hangs up before", 0), ("hangs up after", 1)])
def test_inv_03_a_broken_line_is_looked_up_below_the_comment(world: World, mode: str, copies: int) -> None:
    world.fixture("comment")
    world.graph.mode = mode
    delivery = world.answer("Nous regardons.")
    world.leaves(delivery)
    assert delivery.state == "unconfirmed"
    world.graph.mode = "ok"
    sender.reconcile_one(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.state == ("sent" if copies else "unconfirmed")
    assert sum(c.author == PAGE for c in world.graph.comments.values()) == copies


def test_a_comment_is_hidden_and_shown_again(world: World) -> None:
    hide = channel("facebook").hide
    assert hide is not None
    hide(FIRST, config_of("facebook", world.url), hidden=True)
    assert world.graph.comments[FIRST].is_hidden
    hide(FIRST, config_of("facebook", world.url), hidden=False)
    assert not world.graph.comments[FIRST].is_hidden
    with pytest.raises(ChannelError):
        hide("555_000", config_of("facebook", world.url), hidden=True)


def test_the_connection_is_tried_step_by_step(world: World) -> None:
    test = channel("facebook").test
    assert test is not None
    assert "feed" in list(test(config_of("facebook", world.url)))[1][1]
    world.graph.subscribed = ["feed"]
    assert [told for _label, told in test(config_of("facebook", world.url))] == ["", ""]
    assert "Ondavelle" in next(iter(test(config_of("facebook", world.url, page_id="1"))))[1]


@pytest.mark.django_db(transaction=True)
def test_one_address_of_the_app_serves_comments_and_messages(world: World) -> None:
    other = World("messenger", world.graph, world.url)

    async def knock(body: bytes) -> int:
        door, sent = WebhookDoor(), list[Any]()

        async def receive() -> Any:
            return {"type": "http.request", "body": body}

        async def send(told: Any) -> None:
            sent.append(told)

        headers = [(b"x-hub-signature-256", sign(body, SECRET).encode())]
        path = f"/in/{other.account.public_key}"
        await door({"type": "http", "method": "POST", "path": path, "headers": headers}, receive, send)
        if door._connection is not None:
            await door._connection.close()
        return int(sent[0]["status"])

    for body in (fixture("facebook", "comment"), fixture("messenger", "message")):
        assert asyncio.run(knock(body)) == 200
    found = Record.objects.order_by("id").values_list("account_id", "external_id")
    assert list(found) == [(world.account.pk, f"feed:add:{FIRST}"), (other.account.pk, "message:m_Aq1-first")]
