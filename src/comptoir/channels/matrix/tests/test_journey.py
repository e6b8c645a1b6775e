"""From the log to conversations: what members of a room say, change, take back and read."""

import json
from pathlib import Path

import pytest

from comptoir import pipeline
from comptoir.channels.models import ChannelAccount
from comptoir.conversations.models import Conversation, Message
from comptoir.inbound.models import Record, RecordState
from comptoir.inbound.services import Arrival, receive
from comptoir.outbound.receipts import keep_part
from comptoir.testing.builders import make_account, make_delivery, make_message, make_team

pytestmark = pytest.mark.django_db(transaction=True)
FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.fixture
def account() -> ChannelAccount:
    return make_account(make_team(), kind="matrix", options={"user_id": "@hub:example.org"})


def take(account: ChannelAccount, *names: str, sender: str = "") -> None:
    """Receive fixtures and digest them; with `sender`, as somebody else would have sent them."""
    arrivals = []
    for name in names:
        value = json.loads((FIXTURES / f"{name}.json").read_bytes())
        event = value["event"]
        if sender:
            event.update(sender=sender, event_id=event["event_id"] + sender)
            value.pop("written_by", None)  # as in a pushed transaction
        number = event.get("event_id", name)
        arrivals.append(Arrival(account.pk, number, json.dumps(value).encode(), value["room"], "sync"))
    receive(arrivals)
    while pipeline.digest_shards(range(64), limit=100):
        pass
    assert not Record.objects.filter(state=RecordState.FAILED).exists()


def test_a_message_is_edited_liked_and_taken_back(account: ChannelAccount) -> None:
    take(account, "message", "edit", "reaction")
    take(account, "message")  # once more
    message = Message.objects.get()
    assert message.marks["text"] == "It works again."
    assert message.marks["reactions"] == {"👍": 1}
    assert message.facts["event"] == message.facts["id"] == "$m1"
    take(account, "redaction-of-a-reaction", "redaction")
    message.refresh_from_db()
    assert "reactions" not in message.marks
    assert message.marks["deleted_at"]


def test_nobody_edits_what_another_wrote(account: ChannelAccount) -> None:
    take(account, "message")
    take(account, "edit", sender="@mallory:bad.example")
    assert "text" not in Message.objects.get().marks


def test_no_customer_edits_what_we_wrote(account: ChannelAccount) -> None:
    take(account, "message")
    message = make_message(Conversation.objects.get(), kind="out", text="Which line?")
    keep_part(delivery=make_delivery(message), provider_id="$m1-ours")
    value = json.loads((FIXTURES / "edit.json").read_bytes())
    value["event"]["content"]["m.relates_to"]["event_id"] = "$m1-ours"
    receive([Arrival(account.pk, "$e9", json.dumps(value).encode(), value["room"], "sync")])
    take(account)
    message.refresh_from_db()
    assert "text" not in message.marks


def test_threads_and_rooms_are_conversations_and_files_are_to_be_fetched(account: ChannelAccount) -> None:
    take(account, "message", "thread", "message-image", "own")
    room, thread = Conversation.objects.order_by("id")
    assert thread.thread_key == f"{room.thread_key}/$m1"
    assert sorted(room.messages.values_list("kind", flat=True)) == ["in", "in", "out"]
    image = room.messages.get(message_id="$m3")
    assert (image.attachments.get().remote or {})["ref"] == {"mxc": "mxc://elsewhere.example/AbCd"}


def test_what_the_customer_read_is_read(account: ChannelAccount) -> None:
    take(account, "message")
    conversation = Conversation.objects.get()
    message = make_message(conversation, kind="out", text="Which line?")
    delivery = make_delivery(message, claimed_at="2026-01-31T11:00:00Z")
    take(account, "receipt")
    delivery.refresh_from_db()
    assert delivery.state == "read"


def test_an_echo_of_what_left_from_here_is_known_by_its_transaction(account: ChannelAccount) -> None:
    take(account, "message")
    message = make_message(Conversation.objects.get(), kind="out", text="Which line?")
    delivery = make_delivery(message, state="sending", claimed_at="2026-01-31T11:00:00Z")
    type(delivery).objects.filter(pk=delivery.pk).update(key="1.abc@example.org")
    take(account, "own")
    assert Conversation.objects.get().messages.count() == 2
    assert delivery.parts.get().provider_id == "$o1"
