"""Sending over a real socket to a strict fake: once, in parts, refused in words, waiting, in doubt (INV-03)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from comptoir.accounts.services import actor_of
from comptoir.channels import services as channels
from comptoir.channels.models import AccountHealth, ChannelAccount
from comptoir.channels.registry import channel
from comptoir.channels.telegram import client
from comptoir.channels.telegram.tests.fake import Fake
from comptoir.core import clock
from comptoir.core.errors import ChannelError
from comptoir.outbound import sender
from comptoir.outbound.models import Delivery, DeliveryState
from comptoir.outbound.services import Draft, queue_reply
from comptoir.testing.builders import make_attachment, make_contact, make_conversation, make_user

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40
Queue = Callable[..., Delivery]


@pytest.fixture
def queue(account: ChannelAccount) -> Queue:
    def make(text: str = "C’est réparé.", *, thread: str = "dm:7001", files: Any = (), **more: Any) -> Delivery:
        user = make_user(account.team)
        contact = make_contact("Ada", address=f"{thread.rpartition(':')[2]}", kind="telegram")
        conversation = make_conversation(account, contact=contact, thread_key=thread)
        draft = Draft(text, **more)
        delivery = queue_reply(actor=actor_of(user), user=user, conversation=conversation, draft=draft)
        for name, kind, content in files:
            make_attachment(delivery.message, filename=name, content_type=kind, content=content)
        Delivery.objects.update(due_at=clock.now() - timedelta(seconds=1))
        return delivery

    return make


def again() -> None:
    """Let everything be due at once, whatever was asked to wait."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM core_cache")
    Delivery.objects.update(due_at=clock.now() - timedelta(seconds=1))
    AccountHealth.objects.update(paused_until=None)


def test_an_answer_leaves_once_and_is_named_as_updates_name_it(queue: Queue, fake: Fake) -> None:
    delivery = queue()
    assert sender.send_one()
    assert not sender.send_one()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.provider_id) == ("sent", "7001:101")
    assert list(delivery.parts.values_list("provider_id", flat=True)) == ["7001:101"]
    assert fake.texts() == ["C’est réparé."]


def test_choices_become_buttons(queue: Queue, fake: Fake) -> None:
    queue(choices=("Oui", "Non " * 20))
    sender.send_one()
    rows = fake.accepted[0][1]["reply_markup"]["inline_keyboard"]
    assert [row[0]["text"] for row in rows] == ["Oui", ("Non " * 20).strip()]


def test_files_follow_the_text(queue: Queue, fake: Fake) -> None:
    delivery = queue(files=[("photo é.png", "image/png", PNG), ('fac"ture.pdf', "application/pdf", b"%PDF")])
    sender.send_one()
    delivery.refresh_from_db()
    assert delivery.state == "sent"
    assert [method for method, _values in fake.accepted] == ["sendMessage", "sendPhoto", "sendDocument"]
    assert (fake.accepted[1][1]["photo"], fake.accepted[2][1]["document"]) == (PNG, b"%PDF")
    assert delivery.parts.count() == 3


def test_a_picture_that_is_none_to_telegram_goes_as_a_file(queue: Queue, fake: Fake) -> None:
    fake.mode = "odd picture"
    fake.calls_until_mode = 1
    queue(files=[("long.png", "image/png", PNG)])
    sender.send_one()
    assert [method for method, _values in fake.accepted] == ["sendMessage", "sendDocument"]


def test_a_second_attempt_goes_on_where_the_first_stopped(queue: Queue, fake: Fake) -> None:
    delivery = queue("Une phrase assez longue. " * 400)
    fake.mode, fake.calls_until_mode = "down", 1
    sender.send_one()
    delivery.refresh_from_db()
    assert (delivery.state, len(fake.accepted)) == ("queued", 1)
    fake.mode = ""
    again()
    sender.send_one()
    delivery.refresh_from_db()
    assert delivery.state == "sent"
    assert [text[-5:] for text in fake.texts()] == ["(1/3)", "(2/3)", "(3/3)"]


@pytest.mark.parametrize("mode", ["hangs up", "half an answer", "gateway"])
def test_inv_03_a_broken_line_is_a_doubt_and_nothing_leaves_twice(queue: Queue, fake: Fake, mode: str) -> None:
    delivery = queue()
    fake.mode = mode
    sender.send_one()
    fake.mode = ""
    again()
    assert not sender.send_one()
    sender.reconcile_one(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.state == "unconfirmed"
    assert len(fake.accepted) <= 1


def test_inv_03_a_program_that_dies_after_the_hand_over_leaves_a_doubt(queue: Queue, fake: Fake) -> None:
    delivery = queue()
    long_ago = clock.now() - timedelta(seconds=settings.SEND_LEASE + 1)
    rows = Delivery.objects.filter(pk=delivery.pk)
    rows.update(state=DeliveryState.SENDING, claimed_at=long_ago, handed_over_at=long_ago)
    assert sender.recover_claims(at=clock.now()) == 1
    delivery.refresh_from_db()
    assert delivery.state == "unconfirmed"
    assert not sender.send_one()
    assert not fake.accepted


def test_nobody_listening_is_no_doubt(queue: Queue, account: ChannelAccount) -> None:
    account.options["api_url"] = "http://127.0.0.1:9"
    account.save()
    delivery = queue()
    sender.send_one()
    delivery.refresh_from_db()
    assert delivery.state == "queued"


def test_telegrams_wish_to_wait_is_obeyed_by_the_whole_account(queue: Queue, fake: Fake) -> None:
    delivery = queue()
    fake.mode = "busy"
    sender.send_one()
    fake.mode = ""
    Delivery.objects.update(due_at=clock.now() - timedelta(seconds=1))
    assert not sender.send_one()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("queued", 0)
    health = AccountHealth.objects.get()
    assert health.paused_until is not None
    assert 15 < (health.paused_until - clock.now()).total_seconds() < 18


def test_a_busy_group_holds_up_nobody_else(queue: Queue, fake: Fake) -> None:
    delivery = queue(thread="group:-1001234567890:7002")
    fake.mode = "busy"
    sender.send_one()
    delivery.refresh_from_db()
    assert delivery.state == "queued"
    assert delivery.due_at > clock.now() + timedelta(seconds=15)
    assert AccountHealth.objects.get().paused_until is None


def test_one_message_a_second_to_one_chat(queue: Queue, fake: Fake) -> None:
    queue("un")
    sender.send_one()
    other = Delivery.objects.get()
    user = make_user(other.account.team)
    draft = Draft("deux")
    queue_reply(actor=actor_of(user), user=user, conversation=other.message.conversation, draft=draft)
    Delivery.objects.update(due_at=clock.now() - timedelta(seconds=1))
    assert sender.send_one()  # claimed, and put back to wait
    assert fake.texts() == ["un"]


def test_a_withdrawn_token_keeps_the_messages_until_a_person_acts(queue: Queue, fake: Fake) -> None:
    delivery = queue()
    fake.token = "990001:AAnew"
    sender.send_one()
    delivery.refresh_from_db()
    health = AccountHealth.objects.get()
    assert delivery.state == "queued"
    assert health.revoked_at is not None
    again()
    assert not sender.send_one()


@pytest.mark.parametrize(
    ("thread", "prepare", "words"),
    [
        ("dm:7001", lambda fake: fake.blocked.add(7001), "blocked the bot"),
        ("dm:9999", lambda fake: None, "does not know this chat"),
        ("business:bc-2:7001", lambda fake: None, "BUSINESS_CONNECTION_INVALID"),
    ],
    ids=["blocked", "unknown", "connection gone"],
)
def test_refusals_are_told_in_words(
    queue: Queue, fake: Fake, thread: str, prepare: Callable[[Fake], None], words: str
) -> None:
    prepare(fake)
    delivery = queue(thread=thread)
    sender.send_one()
    delivery.refresh_from_db()
    assert delivery.state == "failed"
    assert words in delivery.reason


def test_a_group_that_moved_is_followed(queue: Queue, fake: Fake) -> None:
    fake.moved[-5] = -1001234567890
    delivery = queue(thread="group:-5:7002")
    sender.send_one()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.provider_id) == ("sent", "-1001234567890:101")


def test_files_are_fetched_by_their_id(account: ChannelAccount, fake: Fake) -> None:
    config = channels.account_config(account)
    assert client.fetch({"file_id": "AgAC-large"}, config).content == b"\xff\xd8picture"
    with pytest.raises(ChannelError, match="20 MB") as refused:
        client.fetch({"file_id": "huge"}, config)
    assert refused.value.permanent
    with pytest.raises(ChannelError, match="wrong file_id"):
        client.fetch({"file_id": "gone"}, config)


def test_the_connection_is_tried_step_by_step(account: ChannelAccount, fake: Fake, settings: Any) -> None:
    test = channel("telegram").test
    assert test is not None
    troubles = [trouble for _step, trouble in test(channels.account_config(account))]
    assert "https" in troubles[1]
    settings.PUBLIC_URL = "https://desk.example.org"
    assert [trouble for _step, trouble in test(channels.account_config(account))] == ["", "", ""]
    assert fake.webhook["url"] == f"https://desk.example.org/in/{account.public_key}"
    assert "message_reaction" in fake.webhook["allowed_updates"]
    fake.trouble = {"last_error_date": int(clock.now().timestamp()), "last_error_message": "Connection refused"}
    assert "Connection refused" in [trouble for _step, trouble in test(channels.account_config(account))][2]


def test_a_wrong_name_and_a_wrong_token_are_told(account: ChannelAccount, fake: Fake) -> None:
    account.options["username"] = "other_bot"
    test = channel("telegram").test
    assert test is not None
    assert "@ondavelle_bot" in next(iter(test(channels.account_config(account))))[1]
    fake.token = "1:b"
    assert "token" in next(iter(test(channels.account_config(account))))[1]
