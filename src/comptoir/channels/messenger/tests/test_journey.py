"""Messenger from end to end: signed webhooks in, calls to a strict Graph API out."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from comptoir.channels.graph.tests.fake import PAGE, Graph, serving
from comptoir.channels.graph.tests.world import World, message, records
from comptoir.channels.models import AccountHealth
from comptoir.channels.services import account_config
from comptoir.conversations.fetching import ask_names
from comptoir.conversations.models import Attachment, Conversation, Message, Reaction
from comptoir.core import clock, storage
from comptoir.core.errors import InputError
from comptoir.core.types import Outbound
from comptoir.outbound import sender
from comptoir.outbound.models import Delivery, Part

pytestmark = pytest.mark.django_db

PERSON = "7788990011223344"


@pytest.fixture
def graph() -> Graph:
    graph = Graph()
    graph.wrote_at[PERSON] = graph.now
    return graph


@pytest.fixture
def world(graph: Graph) -> Iterator[World]:
    with serving(graph) as server:
        yield World("messenger", graph, server.url)


def asked(world: World, text: str = "Bonjour", *, mid: str = "m_in", ago: timedelta = timedelta(0)) -> None:
    at = int((clock.now() - ago).timestamp() * 1000)
    event = {
        "sender": {"id": PERSON},
        "recipient": {"id": PAGE},
        "timestamp": at,
        "message": {"mid": mid, "text": text},
    }
    world.comes({"object": "page", "entry": [{"id": PAGE, "time": at, "messaging": [event]}]})
    world.graph.wrote_at[PERSON] = clock.now() - ago


def echo(world: World, text: str, mid: str, **more: str) -> None:
    at = int(clock.now().timestamp() * 1000)
    told = {"mid": mid, "text": text, "is_echo": True, "app_id": 1, **more}
    event = {"sender": {"id": PAGE}, "recipient": {"id": PERSON}, "timestamp": at, "message": told}
    world.comes({"object": "page", "entry": [{"id": PAGE, "time": at, "messaging": [event]}]})


def receipt(world: World, **told: object) -> None:
    event = {"sender": {"id": PERSON}, "recipient": {"id": PAGE}, "timestamp": 1, **told}
    world.comes({"object": "page", "entry": [{"id": PAGE, "time": 1, "messaging": [event]}]})


def test_a_message_its_edit_and_a_reaction_make_one_conversation(world: World) -> None:
    world.fixture("message")
    world.fixture("message")  # INV-02: delivered twice
    world.fixture("edit")
    row, conversation = message(), Conversation.objects.get()
    assert conversation.thread_key == f"dm:{PERSON}"
    assert not conversation.is_public
    assert row.text.endswith("en rouge depuis ce matin.")
    assert row.marks["text"].endswith("en orange depuis ce matin.")
    assert conversation.contact.name == ""
    world.graph.names[PERSON] = "Ada Martin"
    ask_names(clock.now())
    conversation.contact.refresh_from_db()
    assert conversation.contact.name == "Ada Martin"


def test_everything_of_one_person_is_one_thread(world: World) -> None:
    for name in ("message", "postback", "message-location", "message-picture", "message-standby", "referral"):
        world.fixture(name)
    assert Conversation.objects.get().message_count == 5
    assert Attachment.objects.count() == 2
    assert {state for state, _ in records()} == {"done"}


def test_an_answer_leaves_and_receipts_follow(world: World) -> None:
    asked(world)
    delivery = world.sends("C’est réparé.", choices=["Oui, merci", "Non, rien ne marche encore du tout"])
    assert (delivery.state, delivery.provider_id) == ("sent", "m_1")
    (sent,) = world.graph.sent
    assert sent["recipient"] == {"id": PERSON}
    assert (sent["messaging_type"], sent["message"]["metadata"]) == ("RESPONSE", delivery.key)
    titles = [quick["title"] for quick in sent["message"]["quick_replies"]]
    assert titles == ["Oui, merci", "Non, rien ne marche…"]
    receipt(world, delivery={"mids": ["m_1"], "watermark": 1})
    delivery.refresh_from_db()
    assert delivery.state == "delivered"
    receipt(world, read={"watermark": int((clock.now() + timedelta(seconds=5)).timestamp() * 1000)})
    delivery.refresh_from_db()
    assert delivery.state == "read"
    receipt(world, reaction={"mid": "m_1", "action": "react", "reaction": "love", "emoji": "❤"})
    receipt(world, reaction={"mid": "m_1", "action": "react", "reaction": "like", "emoji": "👍"})
    assert [r.name for r in Reaction.objects.all()] == ["👍"]
    receipt(world, reaction={"mid": "m_1", "action": "unreact"})
    assert not Reaction.objects.exists()


def test_a_long_answer_leaves_in_numbered_parts_and_goes_on_where_it_stopped(world: World) -> None:
    asked(world)
    text = " ".join(f"Phrase {n} de la réponse." for n in range(220))
    delivery = world.answer(text)
    world.graph.mode = "ok"
    world.leaves(delivery)
    told = [one["message"]["text"] for one in world.graph.sent]
    assert len(told) == 3
    assert all(len(part) <= 2000 for part in told)
    assert [part[-6:] for part in told] == [" (1/3)", " (2/3)", " (3/3)"]
    assert "".join("".join(part[:-6] for part in told).split()) == "".join(text.split())
    assert list(Part.objects.order_by("number").values_list("provider_id", flat=True)) == ["m_1", "m_2", "m_3"]
    receipt(world, delivery={"mids": ["m_1", "m_2"], "watermark": 1})
    delivery.refresh_from_db()
    assert delivery.state == "sent"
    receipt(world, delivery={"mids": ["m_3"], "watermark": 1})
    delivery.refresh_from_db()
    assert delivery.state == "delivered"


def test_parts_that_have_left_are_not_sent_again(world: World) -> None:
    asked(world)
    delivery = world.answer("Bonjour ! " * 300)
    Part.objects.create(account=world.account, delivery=delivery, provider_id="m_earlier", number=0, state="sent")
    world.leaves(delivery)
    assert delivery.state == "sent"
    assert [one["message"]["text"][-6:] for one in world.graph.sent] == [" (2/2)"]


def test_files_are_uploaded_and_sent_one_by_one(world: World) -> None:
    asked(world)
    picture, paper = storage.put(b"\x89PNG"), storage.put(b"%PDF")
    files = [(picture, 'schéma "1".png', "image/png", 4), (paper, "facture.pdf", "application/pdf", 4)]
    delivery = world.sends("Voici.", file_keys=files)
    assert delivery.state == "sent", delivery.reason
    assert [sorted(one["message"]) for one in world.graph.sent][1:] == [["attachment", "metadata"]] * 2
    assert list(world.graph.uploads.values()) == [("image", b"\x89PNG"), ("file", b"%PDF")]
    assert Part.objects.count() == 3


def test_after_a_day_a_person_answers_under_the_tag_and_after_a_week_nobody(world: World) -> None:
    asked(world, ago=timedelta(hours=30))
    assert world.sends("Désolés du retard.").state == "sent"
    assert (world.graph.sent[0]["messaging_type"], world.graph.sent[0]["tag"]) == ("MESSAGE_TAG", "HUMAN_AGENT")
    automatic = world.answer("Nous revenons vers vous.", automatic="rule")
    assert world.leaves(automatic).state == "failed"
    assert len(world.graph.sent) == 1
    Message.objects.exclude(record=None).update(sent_at=clock.now() - timedelta(days=8))
    with pytest.raises(InputError):
        world.answer("Trop tard.")


def test_what_the_platform_refuses_for_good_is_shown_in_its_words(world: World) -> None:
    asked(world)
    delivery = world.answer("Bonjour")
    world.graph.wrote_at[PERSON] = clock.now() - timedelta(days=2)  # it knows better than we do
    world.leaves(delivery)
    assert delivery.state == "failed"
    assert "outside of allowed window" in delivery.reason


def test_a_limit_makes_all_messages_of_the_account_wait(world: World) -> None:
    asked(world)
    world.graph.mode = "limited"
    told = {"type": "messenger", "call_count": 100, "total_cputime": 12, "estimated_time_to_regain_access": 7}
    world.graph.usage = {"X-Business-Use-Case-Usage": {PAGE: [told]}}
    delivery = world.answer("Bonjour")
    world.leaves(delivery)
    health = AccountHealth.objects.get(account=world.account)
    assert (delivery.state, delivery.attempts) == ("queued", 0)
    assert health.paused_until is not None
    assert 400 < (health.paused_until - clock.now()).total_seconds() <= 420
    assert health.budgets["business"]["left"] == 0
    world.graph.mode = "ok"
    assert not sender.send_one()


def test_a_withdrawn_token_keeps_the_message_until_somebody_connects_anew(world: World) -> None:
    asked(world)
    world.graph.token = "another"
    delivery = world.answer("Bonjour")
    world.leaves(delivery)
    health = AccountHealth.objects.get(account=world.account)
    assert health.revoked_at is not None
    assert delivery.state == "queued"
    assert not sender.send_one()
    AccountHealth.objects.update(revoked_at=None)
    world.graph.token = "EAAB-page-token"
    assert world.leaves(delivery).state == "sent"


@pytest.mark.parametrize(("mode", "copies"), [("hangs up before", 0), ("hangs up after", 1), ("gateway", 0)])
def test_inv_03_a_broken_line_leaves_a_doubt_and_nothing_is_sent_twice(world: World, mode: str, copies: int) -> None:
    asked(world)
    world.graph.mode = mode
    delivery = world.answer("C’est réparé.")
    world.leaves(delivery)
    assert delivery.state == "unconfirmed"
    world.graph.mode = "ok"
    sender.reconcile_one(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.state == ("sent" if copies else "unconfirmed")
    assert not sender.send_one()
    assert len(world.graph.sent) == copies


def test_a_watermark_proves_nothing_of_a_message_that_may_never_have_left(world: World) -> None:
    asked(world)
    world.graph.mode = "hangs up before"
    lost = world.answer("Perdu ?")
    world.leaves(lost)
    world.graph.mode = "ok"
    seen = world.sends("Celui-ci part.")
    receipt(world, read={"watermark": int((clock.now() + timedelta(seconds=5)).timestamp() * 1000)})
    for delivery, state in ((lost, "unconfirmed"), (seen, "read")):
        delivery.refresh_from_db()
        assert delivery.state == state


class Killed(BaseException):
    """The process dies."""


def test_inv_03_a_process_that_dies_between_hand_over_and_answer_sends_nothing_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(world)
    delivery = world.answer("C’est réparé.")

    def die(*args: object) -> None:
        raise Killed

    # The platform has it, and the process ends before it reads the answer.
    monkeypatch.setattr("comptoir.channels.graph.client.read", die)
    with pytest.raises(Killed):
        world.leaves(delivery)
    monkeypatch.undo()
    assert len(world.graph.sent) == 1
    assert sender.recover_claims(at=clock.now() + timedelta(hours=1)) == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.provider_id) == ("sent", "m_1")
    assert not sender.send_one()
    assert len(world.graph.sent) == 1


def test_a_failure_in_the_platforms_own_words_is_tried_again(world: World) -> None:
    asked(world)
    world.graph.mode = "busy"
    delivery = world.answer("Bonjour")
    world.leaves(delivery)
    assert (delivery.state, delivery.attempts) == ("queued", 1)
    world.graph.mode = "ok"
    assert world.leaves(delivery).state == "sent"
    assert len(world.graph.sent) == 1


def test_an_echo_of_ours_proves_the_arrival_and_one_from_elsewhere_is_an_answer(world: World) -> None:
    asked(world)
    world.graph.mode = "hangs up after"
    delivery = world.answer("C’est réparé.")
    world.leaves(delivery)
    echo(world, "C’est réparé.", "m_1", metadata=delivery.key)
    delivery.refresh_from_db()
    assert delivery.state == "sent"
    echo(world, "Et merci !", "m_phone")
    conversation = Conversation.objects.get()
    assert list(conversation.messages.filter(kind="out").order_by("id").values_list("text", flat=True)) == [
        "C’est réparé.", "Et merci !",
    ]  # fmt: skip
    assert conversation.waiting_since is None


def test_the_echo_of_a_part_is_no_message_of_its_own_and_proves_nothing_of_the_others(world: World) -> None:
    asked(world)
    delivery = world.answer("Bonjour à vous tous ! " * 120)
    Delivery.objects.filter(pk=delivery.pk).update(state="unconfirmed", claimed_at=clock.now())
    parts = world.channel.preview(Outbound(key="", text="Bonjour à vous tous ! " * 120, to=()), {})  # type: ignore[misc]  # it has one
    echo(world, parts.parts[0].text, "m_1")
    delivery.refresh_from_db()
    assert delivery.state == "unconfirmed"
    assert Conversation.objects.get().messages.filter(kind="out").count() == 1
    assert [part.provider_id for part in Part.objects.all()] == ["m_1"]


def test_the_connection_is_tried_step_by_step(world: World) -> None:
    account = account_config(world.account)
    test = world.channel.test
    assert test is not None
    told = [failure for _label, failure in test(account)]
    assert told[0] == ""
    assert "message_echoes" in told[1]
    world.graph.subscribed = ["messages", "messaging_postbacks", "messaging_referrals", "message_echoes",
                              "message_deliveries", "message_reads", "message_reactions", "message_edits"]  # fmt: skip
    assert [failure for _label, failure in test(account)] == ["", ""]
    world.graph.token = "another"
    assert len(list(test(account))) == 1
