"""From the webhook to the conversation, and from the gateway's receipts to our answers: over the real pipeline."""

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.conf import settings

from comptoir import pipeline
from comptoir.channels import services as channels
from comptoir.channels.models import ChannelAccount
from comptoir.channels.sms import parse
from comptoir.channels.sms.tests.fake import TOKEN
from comptoir.channels.sms.verify import HEADER, sign
from comptoir.conversations.models import Attachment, Conversation, Message
from comptoir.inbound.door import WebhookDoor
from comptoir.inbound.models import Record
from comptoir.inbound.services import Arrival, receive
from comptoir.outbound.models import Delivery, DeliveryState
from comptoir.outbound.receipts import keep_part
from comptoir.testing.builders import make_conversation, make_delivery, make_message

FIXTURES = Path(parse.__file__).parent / "fixtures"


def digest(account: ChannelAccount, *names: str) -> None:
    config = channels.account_config(account)
    for name in names:
        pieces = parse.identify((FIXTURES / name).read_bytes(), config)
        receive([Arrival(account.pk, p.external_id, p.raw, p.conversation_key) for p in pieces])
    while pipeline.digest_shards(range(64), limit=100):
        pass


@pytest.mark.django_db
def test_one_number_is_one_conversation_however_it_comes(account: ChannelAccount) -> None:
    digest(account, "message.txt", "message_json.json", "message.txt", "message_mms.txt")
    conversation = Conversation.objects.get()
    assert (conversation.thread_key, conversation.message_count) == ("dm:+33700900001", 3)
    assert conversation.waiting_since is not None
    assert Attachment.objects.count() == 3


@pytest.mark.django_db
def test_an_opt_out_is_shown_and_waits_for_nobody(account: ChannelAccount) -> None:
    digest(account, "message_stop.txt")
    message = Message.objects.get()
    assert (message.text, message.automatic) == ("Arrêt.", "opt-out")
    assert Conversation.objects.get().waiting_since is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("names", "state"),
    [
        (["receipt_sent.txt", "receipt.txt"], "delivered"),
        (["receipt.txt", "receipt_sent.txt"], "delivered"),
        (["receipt_failed.txt"], "failed"),
        (["ignored_queued.txt"], "sent"),
    ],
    ids=["in order", "out of order", "failed", "queued"],
)
def test_receipts_move_our_answers(account: ChannelAccount, names: list[str], state: str) -> None:
    message = make_message(make_conversation(account, thread_key="dm:+33700900001"), kind="out", text="Réparé")
    delivery = make_delivery(message, state=DeliveryState.SENT, provider_id="SM9001")
    keep_part(delivery=delivery, provider_id="SM9001")
    digest(account, *names)
    delivery.refresh_from_db()
    assert delivery.state == state
    if state == "failed":
        assert "switched off" in delivery.reason


@pytest.mark.django_db
def test_a_receipt_may_come_before_the_answer(account: ChannelAccount) -> None:
    digest(account, "receipt.txt")
    message = make_message(make_conversation(account), kind="out", text="Réparé")
    keep_part(delivery=make_delivery(message), provider_id="SM9001")
    part = Delivery.objects.get().parts.get()
    assert part.state == "delivered"


@pytest.mark.django_db(transaction=True)
def test_the_door_takes_signed_forms_and_answers_in_xml(account: ChannelAccount) -> None:
    body = (FIXTURES / "message.txt").read_bytes()
    url = f"{settings.PUBLIC_URL}/in/{account.public_key}"
    right = sign(url, parse_qsl(body.decode(), keep_blank_values=True), TOKEN)

    async def run() -> list[tuple[int, bytes, bytes]]:
        door = WebhookDoor()
        found = [await _knock(door, account.public_key, body, given) for given in ("wrong", right)]
        if door._connection is not None:
            await door._connection.close()
        return found

    refused, taken = asyncio.run(run())
    assert refused[0] == 401
    assert taken == (200, b"text/xml", b"<Response/>")
    assert Record.objects.get().external_id == "SM0001"


async def _knock(door: WebhookDoor, key: str, body: bytes, signature: str) -> tuple[int, bytes, bytes]:
    sent: list[Any] = []

    async def receive_body() -> Any:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(HEADER.encode(), signature.encode())]
    await door({"type": "http", "method": "POST", "path": f"/in/{key}", "headers": headers}, receive_body, send)
    return sent[0]["status"], dict(sent[0]["headers"])[b"content-type"], sent[1]["body"]
