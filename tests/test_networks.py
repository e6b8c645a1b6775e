"""What networks tell beside messages, through the pipeline, and how the outbox obeys a platform.

What authors do to messages afterwards, our own messages told back, receipts by the platform's ids, limits, tokens.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from comptoir import pipeline
from comptoir.accounts.models import User
from comptoir.accounts.services import actor_of
from comptoir.channels import services as channel_services
from comptoir.channels.base import Rate
from comptoir.channels.models import AccountDay, AccountHealth, ChannelAccount
from comptoir.channels.registry import channels
from comptoir.channels.sandbox import client
from comptoir.contacts.models import Contact
from comptoir.conversations.models import Amendment, Conversation, Message
from comptoir.core import clock
from comptoir.core.errors import ChannelError, DoubtfulDelivery
from comptoir.core.types import AccountConfig, Delivered, Outbound, Receipt
from comptoir.inbound import log
from comptoir.inbound.models import Record, RecordState
from comptoir.inbound.services import Arrival, receive
from comptoir.outbound import sender
from comptoir.outbound.models import Delivery, EarlyReceipt, Part
from comptoir.outbound.receipts import EARLY, forget_early
from comptoir.outbound.services import Draft, queue_reply
from comptoir.testing.builders import make_account, make_team, make_user

pytestmark = pytest.mark.django_db
ADA, ZOE, US = ({"address": name, "name": name.title()} for name in ("ada", "zoe", "us"))


@pytest.fixture
def account() -> ChannelAccount:
    return make_account(make_team(), kind="sandbox")


@pytest.fixture
def user(account: ChannelAccount) -> User:
    return make_user(account.team)


def come(account: ChannelAccount, **value: Any) -> Record:
    """Let one event come in and be digested; return its record."""
    value = {"thread": "t1", "author": ADA, **value}
    receive([Arrival(account.pk, value["id"], json.dumps(value).encode(), value["thread"])])
    while pipeline.digest_shards(log.busy_shards(), limit=100):
        pass
    return Record.objects.get(account=account, external_id=value["id"])


def asked(account: ChannelAccount, **value: Any) -> Message:
    """Let a customer's message come in."""
    come(account, **{"id": "m1", "text": "My line is dead", **value})
    return Message.objects.get(message_id=value.get("id", "m1"))


def sent(user: User, message: Message, text: str = "We look into it.") -> Delivery:
    """Queue an answer, and let the undo window pass."""
    delivery = queue_reply(
        actor=actor_of(user), user=user, conversation=Conversation.objects.get(pk=message.conversation_id),
        draft=Draft(text),
    )  # fmt: skip
    Delivery.objects.filter(pk=delivery.pk).update(due_at=clock.now() - timedelta(seconds=1))
    return delivery


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Replace the sandbox's sending by a platform that has ids of its own; `fails` is raised instead."""
    state: dict[str, Any] = {"accepted": [], "fails": None, "during": None}

    def send(message: Outbound, account: AccountConfig, hand_over: Any) -> Receipt:
        hand_over()
        if state["fails"]:
            raise state["fails"]
        state["accepted"].append(message)
        provider_id = f"p{len(state['accepted'])}"
        if state["during"]:
            state["during"](provider_id)
        return Receipt(message.key, Delivered.SENT, provider_id)

    sandbox = channels()["sandbox"]
    object.__setattr__(sandbox, "send", send)
    yield state
    object.__setattr__(sandbox, "send", client.send)
    object.__setattr__(sandbox, "rates", ())


# What authors do to their messages.


def test_an_edit_stands_beside_the_original(account: ChannelAccount) -> None:
    message = asked(account)
    come(account, id="x1", type="edit", about="m1", text="My line is dead since Monday")
    message.refresh_from_db()
    assert (message.text, message.marks["text"]) == ("My line is dead", "My line is dead since Monday")
    assert [(a.kind, a.text) for a in message.amendments.all()] == [("edit", "My line is dead since Monday")]


def test_an_edit_that_comes_late_does_not_undo_a_newer_one(account: ChannelAccount) -> None:
    message = asked(account)
    come(account, id="x2", type="edit", about="m1", text="Second", sent_at="2026-01-02T00:00:00+00:00")
    come(account, id="x1", type="edit", about="m1", text="First", sent_at="2026-01-01T00:00:00+00:00")
    message.refresh_from_db()
    assert message.marks["text"] == "Second"


def test_a_question_that_is_taken_back_waits_for_no_answer_and_is_kept(account: ChannelAccount) -> None:
    message = asked(account)
    assert Conversation.objects.get().waiting_since is not None
    come(account, id="x1", type="deletion", about="m1")
    message.refresh_from_db()
    assert message.text == "My line is dead" and message.marks["deleted_at"]
    assert Conversation.objects.get().waiting_since is None


def test_hiding_and_showing_again_are_both_kept(account: ChannelAccount) -> None:
    message = asked(account, public=True)
    come(account, id="x1", type="hiding", about="m1")
    come(account, id="x2", type="hiding", about="m1", undone=True)
    message.refresh_from_db()
    assert "hidden_at" not in message.marks
    assert list(Amendment.objects.values_list("kind", flat=True)) == ["hiding", "showing"]


def test_reactions_are_counted_once_a_person_and_make_no_conversation_and_no_contact(account: ChannelAccount) -> None:
    message = asked(account)
    come(account, id="r1", type="reaction", about="m1", reaction="👍", author=ZOE)
    come(account, id="r2", type="reaction", about="m1", reaction="👍", author=ZOE)
    come(account, id="r3", type="reaction", about="m1", reaction="👍", author=US)
    message.refresh_from_db()
    assert message.marks["reactions"] == {"👍": 2}
    come(account, id="r4", type="reaction", about="m1", reaction="👍", author=ZOE, undone=True)
    come(account, id="r5", type="reaction", about="m1", author=US, undone=True)
    message.refresh_from_db()
    assert "reactions" not in message.marks
    assert (Conversation.objects.count(), Contact.objects.count()) == (1, 1)


@pytest.mark.parametrize("kind", ["edit", "deletion", "hiding", "reaction"])
def test_what_is_about_a_message_that_is_not_here_says_so(account: ChannelAccount, kind: str) -> None:
    record = come(account, id="x1", type=kind, about="m1", reaction="👍")
    assert record.state == RecordState.IGNORED and "not here" in record.reason
    assert not Conversation.objects.exists()


def test_another_account_cannot_change_a_message(account: ChannelAccount) -> None:
    message = asked(account)
    stranger = make_account(make_team(), kind="sandbox")
    assert come(stranger, id="x1", type="deletion", about="m1").state == RecordState.IGNORED
    message.refresh_from_db()
    assert message.marks == {}


def test_an_edit_in_the_same_batch_as_its_message(account: ChannelAccount) -> None:
    values = [{"id": "m1", "text": "Frist"}, {"id": "x1", "type": "edit", "about": "m1", "text": "First"}]
    receive(
        [Arrival(account.pk, v["id"], json.dumps({"thread": "t1", "author": ADA, **v}).encode(), "t1") for v in values]
    )
    pipeline.digest_shards(log.busy_shards(), limit=100)
    assert Message.objects.get().marks["text"] == "First"


# A public thread.


def test_a_public_thread_has_many_authors_and_an_answer_goes_to_the_one_that_was_chosen(
    account: ChannelAccount, user: User, platform: dict[str, Any]
) -> None:
    first = asked(account, public=True, link="https://network.example/1")
    second = asked(account, id="m2", text="Same here", author=ZOE, public=True)
    conversation = Conversation.objects.get()
    assert conversation.is_public and conversation.messages.count() == 2 and Contact.objects.count() == 2
    delivery = queue_reply(
        actor=actor_of(user), user=user, conversation=conversation, draft=Draft("We know.", answers=first.pk)
    )
    assert delivery.envelope["to"] == [{"name": "Ada", "address": "ada"}]
    Delivery.objects.update(due_at=clock.now() - timedelta(seconds=1))
    assert sender.send_one()
    message = platform["accepted"][0]
    assert (message.is_public, message.answers["id"], message.answers["author"]) == (True, "m1", "ada")
    assert second.conversation_id == first.conversation_id


# Our own messages, told back.


def test_what_a_colleague_wrote_elsewhere_answers_the_customer(account: ChannelAccount) -> None:
    asked(account)
    come(account, id="o1", type="own", author=US, to=ADA, text="We called you.")
    conversation = Conversation.objects.get()
    said = conversation.messages.get(kind="out")
    assert (said.text, said.user_id, said.contact_id, conversation.waiting_since) == (
        "We called you.",
        None,
        None,
        None,
    )
    assert not Delivery.objects.exists()


def test_what_we_began_elsewhere_is_a_conversation_with_the_customer(account: ChannelAccount) -> None:
    come(account, id="o1", type="own", author=US, to=ADA, text="Your parcel is here.")
    conversation = Conversation.objects.get()
    assert (conversation.contact.name, conversation.waiting_since) == ("Ada", None)


def test_the_echo_of_what_left_from_here_is_no_second_message(
    account: ChannelAccount, user: User, platform: dict[str, Any]
) -> None:
    delivery = sent(user, asked(account))
    assert sender.send_one()
    come(account, id="p1", type="own", author=US, to=ADA, text="We look into it.")
    assert Message.objects.filter(kind="out").count() == 1
    delivery.refresh_from_db()
    assert delivery.state == "sent"


def test_an_echo_that_comes_before_the_answer_of_the_platform_is_recognised_by_its_text(
    account: ChannelAccount, user: User, platform: dict[str, Any]
) -> None:
    sent(user, asked(account))
    platform["during"] = lambda provider_id: come(
        account, id=provider_id, type="own", author=US, to=ADA, text="We look  into it."
    )
    assert sender.send_one()
    assert Message.objects.filter(kind="out").count() == 1
    assert (Delivery.objects.get().state, Part.objects.get().provider_id) == ("sent", "p1")


def test_an_echo_proves_the_arrival_of_what_was_in_doubt(
    account: ChannelAccount, user: User, platform: dict[str, Any]
) -> None:
    sent(user, asked(account))
    platform["fails"] = DoubtfulDelivery("The line broke.")
    sender.send_one()
    assert Delivery.objects.get().state == "unconfirmed"
    come(account, id="p9", type="own", author=US, to=ADA, text="We look into it.")
    assert Delivery.objects.get().state == "sent"
    assert Message.objects.filter(kind="out").count() == 1
    assert Conversation.objects.get().waiting_since is None


# Receipts.


def receipt(account: ChannelAccount, number: int, **value: Any) -> Record:
    return come(account, id=f"rc{number}", type="receipt", author={"address": "x"}, **value)


def test_receipts_by_the_platforms_id_whatever_their_order(
    account: ChannelAccount, user: User, platform: dict[str, Any]
) -> None:
    delivery = sent(user, asked(account))
    sender.send_one()
    for number, state in enumerate(("read", "delivered", "sent")):
        receipt(account, number, provider_id="p1", state=state)
    delivery.refresh_from_db()
    assert delivery.state == "read"
    assert Contact.objects.count() == 1  # a receipt makes no contact


def test_a_receipt_that_comes_before_the_answer_of_the_platform_is_not_lost(
    account: ChannelAccount, user: User, platform: dict[str, Any]
) -> None:
    sent(user, asked(account))
    platform["during"] = lambda provider_id: receipt(account, 1, provider_id=provider_id, state="delivered")
    sender.send_one()
    assert Delivery.objects.get().state == "delivered"
    assert not EarlyReceipt.objects.exists()


def test_receipts_of_strangers_are_forgotten(account: ChannelAccount) -> None:
    receipt(account, 1, provider_id="nobody", state="read")
    assert EarlyReceipt.objects.count() == 1
    forget_early(at=clock.now() + EARLY + timedelta(minutes=1))
    assert not EarlyReceipt.objects.exists()


def test_a_message_in_parts_is_as_far_as_the_part_that_is_behind(
    account: ChannelAccount, user: User, platform: dict[str, Any]
) -> None:
    delivery = sent(user, asked(account))
    sender.send_one()
    Part.objects.create(delivery=delivery, account=account, number=1, provider_id="p1b")
    receipt(account, 1, provider_id="p1", state="read")
    delivery.refresh_from_db()
    assert delivery.state == "sent"
    receipt(account, 2, provider_id="p1b", state="delivered")
    delivery.refresh_from_db()
    assert delivery.state == "delivered"
    receipt(account, 3, provider_id="p1b", state="failed", reason="Blocked")
    delivery.refresh_from_db()
    assert delivery.state == "delivered"  # what arrived has arrived


def test_a_watermark_reaches_what_left_before_it_in_its_own_thread(
    account: ChannelAccount, user: User, platform: dict[str, Any]
) -> None:
    here, there = sent(user, asked(account)), sent(user, asked(account, id="m2", thread="t2", author=ZOE))
    while sender.send_one():
        pass
    receipt(account, 1, state="read", up_to=datetime.now(UTC).isoformat())
    receipt(account, 2, state="read", up_to="2020-01-01T00:00:00+00:00", thread="t2")
    assert [Delivery.objects.get(pk=one.pk).state for one in (here, there)] == ["read", "sent"]


# Obeying a platform.


def test_after_too_many_calls_the_account_pauses_and_no_attempt_is_counted(
    account: ChannelAccount, user: User, platform: dict[str, Any]
) -> None:
    first, second = sent(user, asked(account)), sent(user, asked(account, id="m2", thread="t2"))
    platform["fails"] = ChannelError("Too many calls.", retry_after=90, of_account=True)
    assert sender.send_one()
    platform["fails"] = None
    assert not sender.send_one()  # nor the other one: the limit is the account's
    assert 80 < sender.seconds_until_due(longest=600) <= 90
    assert [Delivery.objects.get(pk=one.pk).attempts for one in (first, second)] == [0, 0]
    past = clock.now() - timedelta(seconds=1)
    AccountHealth.objects.update(paused_until=past)
    Delivery.objects.update(due_at=past)
    while sender.send_one():
        pass
    assert {row.state for row in Delivery.objects.all()} == {"sent"}


def test_messages_wait_while_a_token_is_revoked_and_leave_when_the_account_is_connected_anew(
    account: ChannelAccount, user: User, platform: dict[str, Any]
) -> None:
    delivery = sent(user, asked(account))
    platform["fails"] = ChannelError("The access was withdrawn.", is_revoked=True)
    sender.send_one()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("queued", 0)
    assert AccountHealth.objects.get(account=account).revoked_at is not None
    platform["fails"] = None
    assert not sender.send_one()
    assert sender.seconds_until_due(longest=7) == 7  # it does not spin
    channel_services.update_account(
        actor=actor_of(user), account=account, name=account.name, team=account.team, values={"secret": "new"},
        address="", signature="", is_active=True,
    )  # fmt: skip
    assert sender.send_one()
    delivery.refresh_from_db()
    assert delivery.state == "sent"


def test_all_senders_count_the_platforms_limits_together(
    account: ChannelAccount, user: User, platform: dict[str, Any]
) -> None:
    object.__setattr__(channels()["sandbox"], "rates", (Rate("test", 1, 60, each=True),))
    sent(user, asked(account))
    sent(user, asked(account), "And one more thing.")
    sent(user, asked(account, id="m2", thread="t2", author=ZOE))
    while sender.send_one():
        pass
    assert len(platform["accepted"]) == 2  # one to each of the two
    late = Delivery.objects.get(state="queued")
    assert late.due_at > clock.now() + timedelta(seconds=30) and late.attempts == 0


def test_a_process_that_dies_between_two_parts_goes_on_after_the_first(
    account: ChannelAccount, user: User, platform: dict[str, Any]
) -> None:
    posted: list[str] = []

    def in_two(message: Outbound, config: AccountConfig, hand_over: Any) -> Receipt:
        for number, text in enumerate(("(1/2)", "(2/2)")):
            if number < len(hand_over.sent):
                continue
            hand_over()
            posted.append(text)
            hand_over.keep(f"{message.key}-{number}")
            if len(posted) == 1:
                raise KeyboardInterrupt  # the process is killed
        return Receipt(message.key, Delivered.SENT, hand_over.sent[-1])

    delivery = sent(user, asked(account))
    object.__setattr__(channels()["sandbox"], "send", in_two)
    with pytest.raises(KeyboardInterrupt):
        sender.send_one()
    delivery.refresh_from_db()
    assert delivery.handed_over_at is None  # nothing is in doubt
    assert sender.recover_claims(at=clock.now() + timedelta(hours=1)) == 1
    Delivery.objects.update(due_at=clock.now() - timedelta(seconds=1))
    assert sender.send_one()
    assert posted == ["(1/2)", "(2/2)"]
    assert (Delivery.objects.get().state, Part.objects.count()) == ("sent", 2)


# What became of everything.


def test_every_event_is_counted_by_what_became_of_it(account: ChannelAccount) -> None:
    asked(account)
    come(account, id="x1", type="edit", about="nothing", text="?")
    come(account, id="x2", type="message")  # without a text
    day = AccountDay.objects.get(account=account)
    assert (day.done, day.ignored, day.failed, day.refused) == (1, 1, 1, 0)
