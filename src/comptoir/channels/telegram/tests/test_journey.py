"""From the webhook to the conversation, and what happens to messages afterwards: over the real pipeline."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from comptoir import pipeline
from comptoir.channels import services as channels
from comptoir.channels.models import ChannelAccount
from comptoir.channels.telegram import parse
from comptoir.channels.telegram.tests.fake import Fake
from comptoir.channels.telegram.verify import HEADER, secret_of
from comptoir.conversations.fetching import fetch_one
from comptoir.conversations.models import Attachment, Conversation, Message
from comptoir.core import clock, storage
from comptoir.inbound.door import WebhookDoor
from comptoir.inbound.models import Record, RecordState
from comptoir.inbound.services import Arrival, receive
from comptoir.outbound.receipts import keep_part
from comptoir.testing.builders import make_conversation, make_delivery, make_message

FIXTURES = Path(parse.__file__).parent / "fixtures"


def digest(account: ChannelAccount, *names: str) -> None:
    config = channels.account_config(account)
    for name in names:
        pieces = parse.identify((FIXTURES / f"{name}.json").read_bytes(), config)
        receive([Arrival(account.pk, p.external_id, p.raw, p.conversation_key) for p in pieces])
    while pipeline.digest_shards(range(64), limit=100):
        pass


def says(account: ChannelAccount) -> list[str]:
    return list(Message.objects.filter(conversation__account=account).order_by("id").values_list("text", flat=True))


@pytest.mark.django_db
def test_one_chat_is_one_conversation_and_an_edit_stands_beside(account: ChannelAccount) -> None:
    digest(account, "message", "message_photo", "edit", "message")
    conversation = Conversation.objects.get()
    assert (conversation.thread_key, conversation.contact.name) == ("dm:7001", "Ada Martin")
    assert says(account) == ["Bonjour, ma ligne est coupée depuis lundi.", "La box clignote"]
    first = Message.objects.earliest("id")
    assert first.marks["text"] == "Bonjour, ma ligne est coupée depuis dimanche."
    assert fetch_one(clock.now())
    assert storage.get(Attachment.objects.get().key) == b"\xff\xd8picture"


@pytest.mark.django_db
def test_a_file_alone_is_a_message(account: ChannelAccount) -> None:
    digest(account, "message_document")
    assert says(account) == [""]
    assert Attachment.objects.get().filename == "facture.pdf"


@pytest.mark.django_db
def test_a_group_has_a_conversation_for_each_person(account: ChannelAccount) -> None:
    digest(account, "message_group_mention", "ignored_group_chatter", "message_group_reply")
    conversation = Conversation.objects.get()
    assert (conversation.is_public, conversation.message_count) == (True, 2)
    ignored = Record.objects.get(state=RecordState.IGNORED)
    assert "neither mentions" in ignored.reason


@pytest.mark.django_db
def test_a_business_account_that_answers_itself_has_answered(account: ChannelAccount) -> None:
    digest(account, "business")
    assert Conversation.objects.get().waiting_since is not None
    digest(account, "own", "edit_business", "deletion")
    conversation = Conversation.objects.get()
    assert conversation.waiting_since is None
    kinds = list(Message.objects.order_by("id").values_list("kind", flat=True))
    assert kinds == ["in", "out"]
    marks = Message.objects.earliest("id").marks
    assert marks["text"] == "Vous êtes ouverts dimanche ?"
    assert "deleted_at" in marks
    assert Record.objects.get(state=RecordState.IGNORED).external_id.endswith(":43")


@pytest.mark.django_db
def test_reactions_to_our_messages_are_counted(account: ChannelAccount) -> None:
    message = make_message(make_conversation(account, thread_key="dm:7001"), kind="out", text="Êtes-vous satisfait ?")
    keep_part(delivery=make_delivery(message), provider_id="7001:51")
    digest(account, "reaction")
    message.refresh_from_db()
    assert message.marks["reactions"] == {"👍": 1}
    digest(account, "reaction_changed")
    message.refresh_from_db()
    assert message.marks["reactions"] == {"❤": 1}


@pytest.mark.django_db
def test_a_tapped_answer_is_the_customers(account: ChannelAccount) -> None:
    digest(account, "message", "choice")
    assert says(account)[-1].startswith("Non, parce que la réparation")
    assert Conversation.objects.count() == 1


@pytest.mark.django_db
def test_someone_who_blocks_the_bot_leaves_a_reason(account: ChannelAccount) -> None:
    digest(account, "ignored_blocked", "nasty_no_chat")
    reasons = dict(Record.objects.values_list("state", "reason"))
    assert "blocked the bot" in reasons[RecordState.IGNORED]
    assert RecordState.FAILED in reasons


@pytest.mark.django_db(transaction=True)
def test_the_door_takes_what_has_the_secret_and_frees_the_button(account: ChannelAccount, fake: Fake) -> None:
    secret = secret_of(channels.account_config(account))
    body = (FIXTURES / "choice.json").read_bytes()

    async def run() -> list[tuple[int, dict[str, Any]]]:
        door = WebhookDoor()
        found = [await _knock(door, account.public_key, body, given) for given in ("wrong", secret)]
        if door._connection is not None:
            await door._connection.close()
        return found

    (refused, _words), (status, answer) = asyncio.run(run())
    assert (refused, status) == (401, 200)
    assert answer == {"method": "answerCallbackQuery", "callback_query_id": "4401"}
    assert Record.objects.get().external_id.startswith("update:")


async def _knock(door: WebhookDoor, key: str, body: bytes, secret: str) -> tuple[int, dict[str, Any]]:
    sent: list[Any] = []

    async def receive_body() -> Any:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(HEADER.encode(), secret.encode())]
    await door({"type": "http", "method": "POST", "path": f"/in/{key}", "headers": headers}, receive_body, send)
    return sent[0]["status"], json.loads(sent[1]["body"])
