"""The seed, the customers and the shop, on the real pipeline."""

import random
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import Count
from django.test import Client, override_settings
from pytest_django import DjangoDbBlocker

from comptoir import worker
from comptoir.accounts.models import User
from comptoir.accounts.services import actor_of
from comptoir.channels.models import ChannelAccount
from comptoir.conversations.models import Conversation, Message, MessageKind, State
from comptoir.core import clock
from comptoir.demo import answers, customers, seed, sink
from comptoir.demo.customers import Customers
from comptoir.demo.doors import SUPPORT, Doors, load_doors
from comptoir.demo.people import STAFF
from comptoir.demo.specials import UNREADABLE
from comptoir.inbound.models import Record, RecordState
from comptoir.journal.models import Event
from comptoir.outbound import sender
from comptoir.outbound.models import Delivery, DeliveryState
from comptoir.outbound.services import Draft, queue_reply


@pytest.fixture(scope="module")
def seeded(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """Seed once for all tests of this module; what was printed."""
    hashers = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with django_db_blocker.unblock(), transaction.atomic(), override_settings(PASSWORD_HASHERS=hashers):
        yield seed.ensure()
        transaction.set_rollback(True)


@pytest.fixture
def doors(seeded: str, db: None) -> Doors:
    """Return the seeded accounts."""
    return load_doors()


def _counts() -> dict[str, int]:
    models = (User, ChannelAccount, Record, Conversation, Message, Delivery, Event)
    return {model.__name__: model.objects.count() for model in models}


def test_a_second_call_changes_nothing(seeded: str, doors: Doors) -> None:
    before = _counts()
    assert seed.ensure() == seeded
    assert _counts() == before


def test_a_seed_that_was_killed_near_its_end_is_completed(doors: Doors) -> None:
    before = _counts()
    Record.objects.filter(external_id=UNREADABLE).delete()
    seed.ensure()
    assert _counts() == before


def test_everybody_who_is_printed_can_sign_in(seeded: str, doors: Doors, client: Client) -> None:
    for colleague in STAFF:
        assert colleague.email in seeded
        assert User.objects.get(email=colleague.email).check_password(seed.password())
    assert seed.password() in seeded


def test_every_channel_has_conversations_and_the_queue_looks_like_a_busy_day(doors: Doors) -> None:
    by_channel = dict(Conversation.objects.values_list("channel").annotate(Count("id")))
    assert by_channel.keys() == {"email", "webform", "webchat", "sandbox"}
    assert sum(by_channel.values()) >= 110
    waiting = Conversation.objects.filter(state=State.OPEN, waiting_since__isnull=False)
    assert 20 <= waiting.count() <= 32
    waits = [clock.now() - at for at in waiting.values_list("waiting_since", flat=True) if at]
    assert min(waits) < timedelta(minutes=10)
    assert timedelta(days=1) < max(waits) < timedelta(days=2, hours=6)
    assert {*Conversation.objects.values_list("state", flat=True)} == {"open", "pending", "snoozed", "solved"}
    assert Conversation.objects.values("team").distinct().count() == 4
    assert Conversation.objects.values("assignee").distinct().count() >= 5


def test_what_was_answered_lies_in_the_past_in_the_right_order(doors: Doors) -> None:
    for conversation in Conversation.objects.prefetch_related("messages"):
        said = sorted(conversation.messages.all(), key=lambda m: m.created_at)
        assert said[0].kind == MessageKind.INBOUND, conversation
        assert said[-1].created_at <= clock.now()
    states = dict(Delivery.objects.values_list("state").annotate(Count("id")))
    assert states[DeliveryState.DELIVERED] > 10
    assert states[DeliveryState.FAILED] == 2  # a full box, and a bounce
    assert states[DeliveryState.QUEUED] == 1  # scheduled for tomorrow


def test_one_record_is_set_aside_and_machines_are_recognised(doors: Doors) -> None:
    assert [r.external_id for r in Record.objects.filter(state=RecordState.FAILED)] == [UNREADABLE]
    assert not Record.objects.filter(state=RecordState.PENDING).exists()
    found = set(Message.objects.exclude(automatic="").values_list("automatic", flat=True))
    assert found == {"auto-reply", "bounce", "list"}


@pytest.mark.parametrize("road", ["email", "webform", "webchat", "sandbox"])
def test_what_customers_write_goes_into_the_log_and_nowhere_else(doors: Doors, road: str) -> None:
    before = _counts()
    Customers(doors, 6, rng=random.Random(road)).write_new(language="fr", road=road)
    after = _counts()
    assert after.pop("Record") > before.pop("Record")
    assert after == before
    worker.digest_all()
    assert Conversation.objects.count() == before["Conversation"] + 1
    assert not Record.objects.filter(state=RecordState.PENDING).exists()
    assert Record.objects.filter(state=RecordState.FAILED).count() == 1


def test_somebody_who_waits_may_write_again(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    people = Customers(doors, 6, rng=random.Random(4))
    for road in ("email", "webchat", "sandbox"):
        people.write_new(language="en", road=road)
    monkeypatch.setattr(customers, "NUDGE_SHARE", 1.0)
    for _ in range(3):
        people.write()
    before = Conversation.objects.count()
    worker.digest_all()
    assert Conversation.objects.count() == before + 3
    assert list(Conversation.objects.order_by("-id")[:3].values_list("message_count", flat=True)) == [2, 2, 2]


@pytest.mark.parametrize("road", ["email", "webform", "webchat", "sandbox"])
def test_a_customer_comes_back_into_the_same_conversation(
    doors: Doors, road: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(customers, "REACT_SECONDS", (0.0, 0.0))
    monkeypatch.setattr(answers, "THANKS", 1.1)
    people = Customers(doors, 6, rng=random.Random(road))
    people.write_new(language="fr", road=road)
    worker.digest_all()
    conversation = Conversation.objects.latest("id")
    lead = User.objects.get(email=STAFF[1].email)
    with sink.mail_server(int(doors.mailboxes[SUPPORT].options["smtp_port"]), people.hear) as port:
        seed.tell_port(doors, port)
        queue_reply(actor=actor_of(lead), user=lead, conversation=conversation, draft=Draft("Bonjour, c'est réglé."))
        with clock.showing(clock.now() + timedelta(seconds=11)):
            assert sender.send_one()
    people.listen()
    worker.digest_all()
    conversation.refresh_from_db()
    assert conversation.message_count == 3
    last = conversation.messages.latest("id")
    assert last.kind == MessageKind.INBOUND
    assert last.placement["reason"] in {"in-reply-to", "thread-key"}


def test_the_mail_server_takes_another_port_when_a_stranger_has_its_own() -> None:
    with socket.create_server((sink.HOST, 0)) as stranger:
        stranger.settimeout(5)
        taken = stranger.getsockname()[1]
        greeting = threading.Thread(target=lambda: stranger.accept()[0].close())
        greeting.start()
        with sink.mail_server(taken, lambda raw: None) as port:
            assert port != taken
        greeting.join()


def test_two_demos_share_one_mail_server() -> None:
    with (
        sink.mail_server(sink.free_port(), lambda raw: None) as first,
        sink.mail_server(first, lambda raw: None) as second,
    ):
        assert first == second


def test_the_shop_shows_how_to_write(doors: Doors, client: Client) -> None:
    page = client.get("/demo/?lang=en").content.decode()
    assert doors.chat.public_key in page
    assert f"/c/webform/{doors.form.public_key}/" in page
    assert SUPPORT in page


def test_the_shop_lets_an_invented_customer_write(doors: Doors, client: Client) -> None:
    before = Record.objects.count()
    answer = client.post("/demo/write", {"road": "email", "lang": "en"})
    assert answer.status_code == 303
    assert Record.objects.count() == before + 1
    assert client.get("/demo/write").status_code == 405
    assert client.post("/demo/write", {"road": "pigeon"}).status_code == 303
    assert Record.objects.count() == before + 1
