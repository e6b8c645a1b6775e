"""WhatsApp from end to end, over real sockets: in by the log, out to the double, receipts, edits, doubts, limits."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from comptoir import pipeline
from comptoir.accounts.models import User
from comptoir.accounts.services import actor_of
from comptoir.channels import services as channels
from comptoir.channels.models import AccountHealth, ApprovedTemplate, ChannelAccount
from comptoir.channels.whatsapp import adapter, parse
from comptoir.channels.whatsapp.tests import fake as double
from comptoir.contacts.models import Contact, Identity
from comptoir.conversations.fetching import fetch_one
from comptoir.conversations.models import Conversation, Message, Reaction
from comptoir.core import clock, storage
from comptoir.core.errors import ChannelError, InputError
from comptoir.core.types import Template
from comptoir.inbound import log
from comptoir.inbound.models import Record, RecordState
from comptoir.inbound.services import Arrival, receive
from comptoir.journal.services import SYSTEM
from comptoir.outbound import sender
from comptoir.outbound.models import Delivery
from comptoir.outbound.services import Draft, queue_reply
from comptoir.testing.builders import make_team, make_user

pytestmark = pytest.mark.django_db
FIXTURES = Path(__file__).parent.parent / "fixtures"
ADA = "FR.1000000000000001"


@pytest.fixture
def fake() -> Iterator[double.Fake]:
    with double.running() as running:
        yield running


@pytest.fixture
def user() -> User:
    return make_user(make_team("Service"))


@pytest.fixture
def account(user: User, fake: double.Fake) -> ChannelAccount:
    values = {
        "phone_number_id": double.NUMBER, "business_id": double.BUSINESS, "token": double.TOKEN, "app_secret": "s",
        "verify_token": "v", "api_url": fake.url,
    }  # fmt: skip
    return channels.connect_account(
        actor=SYSTEM, kind="whatsapp", name="WhatsApp", team=user.teams.get(), values=values
    )


def arrive(account: ChannelAccount, *names: str, **changes: Any) -> None:
    for name in names:
        # As if it had been written just now: the window for answers is open.
        now = f'"timestamp": "{int(clock.now().timestamp())}"'
        body = re.sub(r'"timestamp": "\d+"', now, (FIXTURES / f"{name}.json").read_text())
        for old, new in changes.items():
            body = body.replace(old, new)
        take(account, body.encode())


def take(account: ChannelAccount, body: bytes) -> None:
    config = channels.account_config(account)
    pieces = parse.identify(body, config)
    receive([Arrival(account.pk, p.external_id, p.raw, p.conversation_key) for p in pieces])
    for shard in log.busy_shards():
        while pipeline.digest_shards([shard], limit=100):
            pass


def status(account: ChannelAccount, provider_id: str, state: str, **more: Any) -> None:
    one = {"id": provider_id, "status": state, "recipient_id": "33600000001", **more}
    take(account, json.dumps({"statuses": [one]}).encode())


def answer(user: User, conversation: Conversation, text: str = "Nous regardons cela.", **more: Any) -> Delivery:
    delivery = queue_reply(actor=actor_of(user), user=user, conversation=conversation, draft=Draft(text, **more))
    return send(delivery)


def send(delivery: Delivery) -> Delivery:
    Delivery.objects.filter(pk=delivery.pk).update(due_at=clock.now() - timedelta(seconds=1))
    sender.send_one()
    delivery.refresh_from_db()
    return delivery


def test_a_message_is_answered_and_read(account: ChannelAccount, user: User, fake: double.Fake) -> None:
    arrive(account, "message-text", "message-text")
    conversation = Conversation.objects.get()
    delivery = answer(user, conversation)
    assert (delivery.state, delivery.provider_id) == ("sent", "wamid.out1")
    assert (fake.sent[0]["to"], fake.sent[0]["text"]["body"]) == ("33600000001", "Nous regardons cela.")
    for state, expected in (("read", "read"), ("delivered", "read"), ("sent", "read")):  # out of order
        status(account, "wamid.out1", state)
        delivery.refresh_from_db()
        assert delivery.state == expected


def test_somebody_without_a_phone_is_answered_by_the_user_id(
    account: ChannelAccount, user: User, fake: double.Fake
) -> None:
    arrive(account, "message-no-phone")
    answer(user, Conversation.objects.get())
    assert fake.sent[0]["recipient"] == "FR.1000000000000002"
    assert "to" not in fake.sent[0]


def test_the_same_person_is_recognised_by_the_phone_alone(account: ChannelAccount) -> None:
    arrive(account, "message-text")
    value = {"contacts": [{"profile": {"name": "Ada"}, "wa_id": "33600000001"}]}
    value["messages"] = [{"from": "33600000001", "id": "wamid.old", "type": "text", "text": {"body": "Encore moi"}}]
    take(account, json.dumps(value).encode())
    assert Contact.objects.count() == 1
    assert set(Identity.objects.values_list("kind", "address")) == {("whatsapp", ADA), ("whatsapp", "33600000001")}


def test_a_new_number_stays_the_same_person(account: ChannelAccount) -> None:
    arrive(account, "message-phone-only", "contact-new-number")
    value = {"messages": [{"from": "33600000009", "id": "wamid.new", "type": "text", "text": {"body": "Nouveau"}}]}
    take(account, json.dumps(value).encode())
    assert Contact.objects.count() == 1


def test_edits_deletions_reactions_and_echoes_reach_their_messages(account: ChannelAccount, user: User) -> None:
    arrive(account, "message-text", "edit-text", "own-app")
    message = Message.objects.get(message_id="wamid.text")
    assert message.marks["text"] == "Bonjour, mon colis n’est pas arrivé."
    assert message.text.startswith("Bonjour, ma commande")
    own = Message.objects.get(message_id="wamid.echo")
    assert (own.kind, own.conversation_id) == ("out", message.conversation_id)
    arrive(account, "edit-own", "deletion")
    arrive(account, "reaction", **{"wamid.ours": "wamid.echo"})
    message.refresh_from_db()
    own.refresh_from_db()
    assert message.marks["deleted_at"]
    assert own.marks["text"] == "Corrigé"
    assert own.marks["reactions"] == {"👍": 1}
    arrive(account, "reaction-undone", **{"wamid.ours": "wamid.echo"})
    assert not Reaction.objects.exists()
    assert not Record.objects.filter(state=RecordState.FAILED).exists()


def test_a_message_of_ours_told_back_is_no_second_one(account: ChannelAccount, user: User) -> None:
    arrive(account, "message-text")
    answer(user, Conversation.objects.get(), "Réponse depuis le téléphone")
    arrive(account, "own-app", **{"wamid.echo": "wamid.out1"})
    assert Message.objects.filter(kind="out").count() == 1


def test_a_long_text_leaves_in_parts_and_is_delivered_when_all_are(
    account: ChannelAccount, user: User, fake: double.Fake
) -> None:
    arrive(account, "message-text")
    delivery = answer(user, Conversation.objects.get(), "mot " * 2000)
    assert [len(one["text"]["body"]) <= 4096 for one in fake.sent] == [True, True]
    assert not any("biz_opaque_callback_data" in one for one in fake.sent)
    status(account, "wamid.out2", "delivered")
    delivery.refresh_from_db()
    assert delivery.state == "sent"
    status(account, "wamid.out1", "read")
    delivery.refresh_from_db()
    assert delivery.state == "delivered"


def test_buttons_and_files_leave(account: ChannelAccount, user: User, fake: double.Fake) -> None:
    arrive(account, "message-text")
    conversation = Conversation.objects.get()
    assert answer(user, conversation, "Est-ce arrivé ?", choices=("Oui", "Non")).state == "sent"
    assert fake.sent[0]["type"] == "interactive"
    files = [
        (storage.put(b"\x89PNG"), "photo.png", "image/png", 4),
        (storage.put(b"%PDF"), "a.pdf", "application/pdf", 4),
    ]
    AccountHealth.objects.update(paused_until=None)
    delivery = queue_reply(
        actor=actor_of(user), user=user, conversation=conversation, draft=Draft("Voici", file_keys=files)
    )
    message = adapter.CHANNEL.send
    assert message is not None
    message(sender.outbound_of(delivery), channels.account_config(account), Hand())
    assert [one["type"] for one in fake.sent[1:]] == ["text", "image", "document"]
    assert [content for _type, content in fake.media.values()] == [b"\x89PNG", b"%PDF"]
    assert fake.sent[3]["document"]["filename"] == "a.pdf"


class Hand:
    """A hand-over that only counts."""

    def __init__(self, *sent: str) -> None:
        self.sent = list(sent)
        self.handed = 0

    def __call__(self) -> None:
        self.handed += 1

    def keep(self, provider_id: str) -> None:
        self.sent.append(provider_id)


def test_a_later_attempt_goes_on_where_the_first_stopped(
    account: ChannelAccount, user: User, fake: double.Fake
) -> None:
    arrive(account, "message-text")
    delivery = queue_reply(
        actor=actor_of(user), user=user, conversation=Conversation.objects.get(), draft=Draft("mot " * 2000)
    )
    hand, give = Hand("wamid.first"), adapter.CHANNEL.send
    assert give is not None
    receipt = give(sender.outbound_of(delivery), channels.account_config(account), hand)
    assert (len(fake.sent), hand.handed, receipt.provider_id) == (1, 1, "wamid.out1")


def test_a_line_that_breaks_after_the_hand_over_leaves_a_doubt_and_the_status_ends_it(
    account: ChannelAccount, user: User, fake: double.Fake
) -> None:
    arrive(account, "message-text")
    fake.mode = "dies"
    delivery = answer(user, Conversation.objects.get())
    assert delivery.state == "unconfirmed"
    assert len(fake.sent) == 1
    fake.mode = "ok"
    assert not sender.send_one()
    assert len(fake.sent) == 1
    status(account, "wamid.out1", "delivered", biz_opaque_callback_data=fake.sent[0]["biz_opaque_callback_data"])
    delivery.refresh_from_db()
    assert delivery.state == "delivered"


def test_after_a_day_only_a_template_leaves(account: ChannelAccount, user: User, fake: double.Fake) -> None:
    arrive(account, "message-text")
    conversation = Conversation.objects.get()
    fake.window_is_open = False
    refused = answer(user, conversation)  # the platform's clock is not ours
    assert refused.state == "failed"
    assert "24 hours" in refused.reason
    Message.objects.filter(kind="in").update(sent_at=clock.now() - timedelta(hours=25))
    with pytest.raises(InputError, match="approved text"):
        answer(user, conversation)
    assert channels.read_templates(account=account, at=clock.now()) == 2
    told = dict(ApprovedTemplate.objects.values_list("name", "status"))
    assert told == {"retour": "approved", "refusé": "rejected"}
    AccountHealth.objects.update(paused_until=None)
    delivery = queue_reply(
        actor=actor_of(user), user=user, conversation=conversation,
        draft=Draft("Bonjour Ada, votre commande 42 est prête.", template=Template("retour", "fr", ("Ada", "42"))),
    )  # fmt: skip
    give = adapter.CHANNEL.send
    assert give is not None
    assert give(sender.outbound_of(delivery), channels.account_config(account), Hand()).state == "sent"
    assert fake.sent[0]["type"] == "template"


@pytest.mark.parametrize("mode", ["limited", "pair", "away"])
def test_limits_and_troubles_wait(account: ChannelAccount, user: User, fake: double.Fake, mode: str) -> None:
    arrive(account, "message-text")
    fake.mode = mode
    delivery = answer(user, Conversation.objects.get())
    assert delivery.state == "queued"
    assert delivery.due_at > clock.now()
    assert (AccountHealth.objects.get().paused_until is not None) == (mode == "limited")
    assert not fake.sent


def test_messages_to_one_person_keep_their_distance(account: ChannelAccount, user: User, fake: double.Fake) -> None:
    arrive(account, "message-text")
    conversation = Conversation.objects.get()
    assert answer(user, conversation).state == "sent"
    second = answer(user, conversation, "Et encore.")
    assert second.state == "queued"
    assert timedelta(seconds=1) < second.due_at - clock.now() <= timedelta(seconds=6)


def test_a_token_that_was_withdrawn_lets_messages_wait(account: ChannelAccount, user: User, fake: double.Fake) -> None:
    arrive(account, "message-text")
    fake.mode = "revoked"
    delivery = answer(user, Conversation.objects.get())
    assert delivery.state == "queued"
    assert AccountHealth.objects.get().revoked_at is not None


def test_files_are_fetched_with_the_token_from_the_platform_alone(account: ChannelAccount, fake: double.Fake) -> None:
    fake.media["9001"] = ("image/jpeg", b"abc")
    arrive(account, "message-image")
    assert fetch_one(clock.now() + timedelta(seconds=1))
    attachment = Message.objects.get().attachments.get()
    assert (storage.get(attachment.key), attachment.content_type, attachment.filename) == (
        b"abc", "image/jpeg", "image.jpg",
    )  # fmt: skip
    take_file = adapter.CHANNEL.fetch
    assert take_file is not None
    with pytest.raises(ChannelError) as gone:
        take_file({"id": "404"}, channels.account_config(account))
    assert gone.value.permanent


def test_the_connection_is_tried_step_by_step(account: ChannelAccount, fake: double.Fake) -> None:
    try_it = adapter.CHANNEL.test
    assert try_it is not None
    assert [error for _step, error in try_it(channels.account_config(account))] == ["", "", ""]
    fake.mode = "revoked"
    assert all(error for _step, error in try_it(channels.account_config(account)))


def test_every_fixture_goes_through_the_log(account: ChannelAccount) -> None:
    for path in sorted(FIXTURES.iterdir()):
        if not path.name.startswith("ignored"):
            take(account, path.read_bytes())
    assert not Record.objects.filter(state=RecordState.FAILED).exists()
    assert not Record.objects.filter(state=RecordState.PENDING).exists()
