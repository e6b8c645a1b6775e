"""Sending, looking up and fetching against the strict fake, over a real socket; through the outbox as well."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from comptoir import pipeline
from comptoir.channels import services as channels
from comptoir.channels.matrix import client, watching
from comptoir.channels.matrix.parse import identify
from comptoir.channels.matrix.tests.fake import OWN, ROOM, TOKEN, FakeHomeserver, running_fake, told
from comptoir.channels.models import AccountHealth, ChannelAccount
from comptoir.conversations.models import Conversation, Message
from comptoir.core import clock, crypto
from comptoir.core.errors import ChannelError, DoubtfulDelivery
from comptoir.core.types import Delivered, Outbound, Receipt
from comptoir.inbound.models import Record, RecordState
from comptoir.inbound.services import Arrival, receive
from comptoir.outbound import sender
from comptoir.outbound.models import Delivery, DeliveryState
from comptoir.testing.builders import make_account, make_conversation, make_delivery, make_message, make_team
from comptoir.testing.loopback import Answer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def fake() -> Iterator[FakeHomeserver]:
    with running_fake() as running:
        yield running


def connect(fake: FakeHomeserver, **options: object) -> ChannelAccount:
    assert fake.server
    chosen = {"server": "example.org", "api_url": fake.server.url(""), "mode": "account", **options}
    secrets = crypto.encrypt_mapping({"access_token": TOKEN, "hs_token": "hs"})
    return make_account(make_team(), kind="matrix", options=chosen, credentials=secrets)


class Hand:
    """A hand-over that remembers."""

    def __init__(self, *sent: str) -> None:
        self.sent, self.count = list(sent), 0

    def __call__(self) -> None:
        self.count += 1

    def keep(self, provider_id: str) -> None:
        self.sent.append(provider_id)


def outbound(text: str = "Which line?", *, room: str = ROOM) -> Outbound:
    return Outbound(key="k1", text=text, to=(), answers={"room": room, "id": "$m1", "author": "@ada:x"})


@pytest.mark.parametrize(
    ("case", "answer", "permanent", "wait", "revoked"),
    [
        ("too fast", told({"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 2500}, 429), False, 2.5, False),
        ("too fast, by header", told({"errcode": "M_LIMIT_EXCEEDED"}, 429, {"Retry-After": "7"}), False, 7.0, False),
        ("too fast without a word", Answer(429, b""), False, 10.0, False),
        ("the token is unknown", told({"errcode": "M_UNKNOWN_TOKEN", "soft_logout": True}, 401), False, None, True),
        ("deactivated", told({"errcode": "M_USER_DEACTIVATED"}, 403), False, None, True),
        ("too large", told({"errcode": "M_TOO_LARGE"}, 413), True, None, False),
        ("not in the room", told({"errcode": "M_FORBIDDEN"}, 403), True, None, False),
        ("strange", told(["no"], 400), True, None, False),
        ("down", Answer(502, b"<html>"), False, None, False),
    ],
)
def test_refusals(
    fake: FakeHomeserver, case: str, answer: Answer, permanent: bool, wait: float | None, revoked: bool
) -> None:
    fake.trouble = [answer]
    with pytest.raises(ChannelError) as caught:
        client.send(outbound(), channels.account_config(connect(fake)), Hand())
    error = caught.value
    assert (error.permanent, error.retry_after, error.is_revoked) == (permanent, wait, revoked), case


def test_a_broken_line_is_tried_again_under_the_same_transaction_and_sends_once(fake: FakeHomeserver) -> None:
    config = channels.account_config(connect(fake))
    fake.breaks = 1
    with pytest.raises(ChannelError) as caught:
        client.send(outbound(), config, Hand())
    assert not isinstance(caught.value, DoubtfulDelivery)
    assert client.reconcile(outbound(), config) == Receipt("k1", Delivered.SENT, "$e1")
    assert client.send(outbound(), config, Hand()).provider_id == "$e1"
    assert len(fake.events) == 1
    assert fake.marks == [ROOM]


def test_a_later_attempt_goes_on_after_the_parts_that_left(fake: FakeHomeserver) -> None:
    config, hand = channels.account_config(connect(fake)), Hand("$before")
    client.send(outbound("word " * 5000), config, hand)
    assert hand.count == 2
    assert list(fake.transactions) == ["k1-2", "k1-3"]


def test_an_answer_without_a_room_or_a_text_is_refused(fake: FakeHomeserver) -> None:
    config = channels.account_config(connect(fake))
    for message in (outbound(room=""), outbound("  ")):
        with pytest.raises(ChannelError) as caught:
            client.send(message, config, Hand())
        assert caught.value.permanent
    assert client.reconcile(outbound(room=""), config) is None


def test_an_older_homeserver_has_files_at_another_address(fake: FakeHomeserver) -> None:
    config = channels.account_config(connect(fake))
    assert client.fetch({"mxc": "mxc://x/file"}, config).content == b"PNG"
    for ref in ({}, {"mxc": 5}, {"mxc": "mxc://only"}):
        with pytest.raises(ChannelError) as caught:
            client.fetch(ref, config)
        assert caught.value.permanent


def test_an_application_service_speaks_as_its_user_and_accepts_invitations(fake: FakeHomeserver) -> None:
    account = connect(fake, mode="service", user_id=OWN)
    config = channels.account_config(account)
    client.send(outbound(), config, Hand())
    assert fake.server
    assert "user_id=%40hub%3Aexample.org" in fake.server.asked[0].path
    event = {"type": "m.room.member", "event_id": "$i", "room_id": "!new/room", "state_key": OWN,
             "content": {"membership": "invite"}}  # fmt: skip
    pieces = identify(json.dumps({"events": [event]}).encode(), config)
    receive([Arrival(account.pk, one.external_id, one.raw, one.conversation_key) for one in pieces])
    seen = watching.Watcher.open(client.Api(config))
    assert (seen.accept_invitations(), seen.accept_invitations()) == (1, 0)
    assert fake.joined == ["!new/room"]
    while pipeline.digest_shards(range(64), limit=100):
        pass
    assert Record.objects.get().state == RecordState.IGNORED


def test_an_invitation_is_accepted_when_the_server_of_the_room_is_back(fake: FakeHomeserver) -> None:
    seen = watching.Watcher(client.Api(channels.account_config(connect(fake))), OWN)
    fake.shut = 2
    seen._join("!a")
    seen._join("!b")
    assert fake.joined == []
    for room in list(seen._invited):
        seen._join(room)
    assert (fake.joined, seen._invited) == (["!a", "!b"], {})
    fake.shut = 99
    for _ in range(12):
        seen._join("!c")
    assert set(seen._invited) <= {"!c"}


# Through the outbox.


def queued(account: ChannelAccount) -> Delivery:
    conversation: Conversation = make_conversation(account=account)
    message: Message = make_message(conversation, kind="out", text="Which line?")
    envelope = {
        "to": [{"name": "", "address": "@ada:x"}], "cc": [], "subject": "", "thread_key": f"room:{ROOM}",
        "in_reply_to": "", "references": [], "quoted": None, "forward": False,
        "answers": {"room": ROOM, "id": "$m1", "author": "@ada:x"},
    }  # fmt: skip
    return make_delivery(message, state=DeliveryState.QUEUED, envelope=envelope, due_at=clock.now())


def test_a_withdrawn_token_keeps_the_message_and_tells_the_account(fake: FakeHomeserver) -> None:
    account = connect(fake)
    delivery = queued(account)
    fake.token = "another"
    assert sender.send_one()
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.QUEUED
    assert AccountHealth.objects.get(account=account).revoked_at is not None


def test_a_limit_lets_the_account_wait(fake: FakeHomeserver) -> None:
    delivery = queued(connect(fake))
    fake.trouble = [told({"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 600_000}, 429)]
    assert sender.send_one()
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.QUEUED
    assert delivery.due_at > clock.now() + timedelta(seconds=500)


@pytest.mark.parametrize("has_left", [True, False])
def test_a_sender_that_dies_after_the_hand_over_sends_once(fake: FakeHomeserver, has_left: bool) -> None:
    account = connect(fake)
    delivery = queued(account)
    if has_left:
        client.send(sender.outbound_of(delivery), channels.account_config(account), Hand())
    long_ago = clock.now() - timedelta(hours=1)
    Delivery.objects.filter(pk=delivery.pk).update(
        state=DeliveryState.SENDING, claimed_at=long_ago, handed_over_at=long_ago
    )
    assert sender.recover_claims(at=clock.now()) == 1
    assert sender.send_one() is not has_left  # what never left is sent now
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.SENT
    assert len(fake.events) == 1
