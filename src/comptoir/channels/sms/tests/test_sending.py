"""Sending over a real socket to a strict fake: once, in parts, refused in words, waiting, in doubt (INV-03)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import connection

from comptoir.accounts.services import actor_of
from comptoir.channels import services as channels
from comptoir.channels.models import AccountHealth, ChannelAccount
from comptoir.channels.registry import channel
from comptoir.channels.sms import client
from comptoir.channels.sms.tests.fake import Fake
from comptoir.core import clock
from comptoir.core.errors import ChannelError
from comptoir.outbound import sender
from comptoir.outbound.models import Delivery, DeliveryState
from comptoir.outbound.services import Draft, queue_reply
from comptoir.testing.builders import make_attachment, make_contact, make_conversation, make_user

pytestmark = pytest.mark.django_db
PERSON = "+33700900001"
Queue = Callable[..., Delivery]


@pytest.fixture
def queue(account: ChannelAccount) -> Queue:
    def make(text: str = "C’est réparé.", *, person: str = PERSON) -> Delivery:
        user = make_user(account.team)
        contact = make_contact("Ada", address=person, kind="sms")
        conversation = make_conversation(account, contact=contact, thread_key=f"dm:{person}")
        delivery = queue_reply(actor=actor_of(user), user=user, conversation=conversation, draft=Draft(text))
        Delivery.objects.update(due_at=clock.now() - timedelta(seconds=1))
        return delivery

    return make


def again() -> None:
    """Let everything be due at once, whatever was asked to wait."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM core_cache")
    Delivery.objects.update(due_at=clock.now() - timedelta(seconds=1))
    AccountHealth.objects.update(paused_until=None)


def test_an_answer_leaves_once_with_the_way_back_for_receipts(queue: Queue, fake: Fake, settings: Any) -> None:
    settings.PUBLIC_URL = "https://desk.example.org"
    delivery = queue()
    assert sender.send_one()
    assert not sender.send_one()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.provider_id) == ("sent", "SM1")
    assert fake.accepted[0]["StatusCallback"] == f"https://desk.example.org/in/{delivery.account.public_key}"
    assert (fake.accepted[0]["To"], fake.accepted[0]["Body"]) == (PERSON, "C’est réparé.")


def test_a_second_attempt_goes_on_where_the_first_stopped(queue: Queue, fake: Fake) -> None:
    delivery = queue("Une phrase assez longue. " * 160)
    fake.mode, fake.calls_until_mode = "down", 1
    sender.send_one()
    delivery.refresh_from_db()
    assert (delivery.state, len(fake.accepted)) == ("queued", 1)
    fake.mode = ""
    again()
    sender.send_one()
    delivery.refresh_from_db()
    assert delivery.state == "sent"
    assert [one["Body"][-5:] for one in fake.accepted] == ["(1/3)", "(2/3)", "(3/3)"]


@pytest.mark.parametrize(
    ("mode", "state"), [("hangs up", "sent"), ("half an answer", "sent"), ("gateway", "unconfirmed")]
)
def test_inv_03_a_broken_line_is_a_doubt_that_the_gateway_may_end(
    queue: Queue, fake: Fake, mode: str, state: str
) -> None:
    delivery = queue()
    fake.mode = mode
    sender.send_one()
    delivery.refresh_from_db()
    assert delivery.state == "unconfirmed"
    fake.mode = ""
    again()
    assert not sender.send_one()
    sender.reconcile_one(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.state == state
    assert len(fake.accepted) == (1 if state == "sent" else 0)


def test_inv_03_an_older_answer_with_the_same_words_proves_nothing(queue: Queue, fake: Fake) -> None:
    first = queue("Merci")
    sender.send_one()
    user = make_user(first.account.team)
    second = queue_reply(actor=actor_of(user), user=user, conversation=first.message.conversation, draft=Draft("Merci"))
    again()
    fake.mode = "gateway"
    sender.send_one()
    sender.reconcile_one(second.pk)
    second.refresh_from_db()
    assert second.state == "unconfirmed"


def test_inv_03_a_program_that_dies_after_the_hand_over_leaves_a_doubt(queue: Queue, fake: Fake) -> None:
    delivery = queue()
    long_ago = clock.now() - timedelta(seconds=configured.SEND_LEASE + 1)
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


def test_the_gateways_wish_to_wait_is_obeyed(queue: Queue, fake: Fake) -> None:
    delivery = queue()
    fake.mode = "busy"
    sender.send_one()
    fake.mode = ""
    Delivery.objects.update(due_at=clock.now() - timedelta(seconds=1))
    assert not sender.send_one()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("queued", 0)


def test_a_withdrawn_token_keeps_the_messages_until_a_person_acts(queue: Queue, fake: Fake) -> None:
    delivery = queue()
    fake.token = "another"  # of this fake alone
    sender.send_one()
    delivery.refresh_from_db()
    assert delivery.state == "queued"
    assert AccountHealth.objects.get().revoked_at is not None


@pytest.mark.parametrize(
    ("person", "words"), [(PERSON, "opted out"), ("whatsapp:+5511988887777", ""), ("12345", "not a telephone number")]
)
def test_refusals_are_told_in_words(queue: Queue, fake: Fake, person: str, words: str) -> None:
    fake.opted_out.add(PERSON)
    delivery = queue(person=person)
    sender.send_one()
    delivery.refresh_from_db()
    assert delivery.state == ("failed" if words else "sent")
    assert words in delivery.reason


def test_files_do_not_travel(queue: Queue, fake: Fake) -> None:
    delivery = queue()
    make_attachment(delivery.message)
    sender.send_one()
    delivery.refresh_from_db()
    assert delivery.state == "failed"
    assert "files" in delivery.reason
    assert not fake.accepted


def test_pictures_are_fetched_and_our_sign_in_stays_with_the_gateway(account: ChannelAccount, fake: Fake) -> None:
    config = channels.account_config(account)
    place = f"{fake.url}/2010-04-01/Accounts/AC0000test/Messages/MM1/Media"
    found = client.fetch({"url": f"{place}/ME1"}, config)
    assert (found.content, found.content_type) == (b"\xff\xd8picture", "image/jpeg")
    assert not fake.signed_in_at_store
    with pytest.raises(ChannelError) as refused:
        client.fetch({"url": f"{place}/ME2"}, config)
    assert refused.value.permanent
    with pytest.raises(ChannelError):
        client.fetch({"url": "http://["}, config)


def test_the_connection_is_tried_step_by_step(account: ChannelAccount, fake: Fake) -> None:
    test = channel("sms").test
    assert test is not None
    config = channels.account_config(account)
    assert "another address" in [trouble for _step, trouble in test(config)][1]
    fake.sms_url = client.webhook_of(config)
    assert [trouble for _step, trouble in test(config)] == ["", ""]
    account.options["number"] = "+33700900005"
    assert "not a number" in [trouble for _step, trouble in test(channels.account_config(account))][1]
    fake.status = "suspended"
    assert "suspended" in next(trouble for _step, trouble in test(config))
    fake.token = "another"  # of this fake alone
    assert "sign-in" in next(trouble for _step, trouble in test(config))
