"""Sending, looking up, fetching and the connection test against the strict fake, over a real socket."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from comptoir.channels import services as channels
from comptoir.channels.mastodon import client, trying
from comptoir.channels.mastodon.tests.fake import TOKEN, FakeMastodon, running_fake, told
from comptoir.channels.models import AccountHealth, ChannelAccount
from comptoir.conversations.models import Conversation, Message
from comptoir.core import clock, crypto
from comptoir.core.errors import ChannelError, DoubtfulDelivery
from comptoir.core.types import Author, Delivered, Outbound, OutboundFile, Receipt
from comptoir.outbound import sender
from comptoir.outbound.models import Delivery, DeliveryState
from comptoir.testing.builders import make_account, make_conversation, make_delivery, make_message, make_team
from comptoir.testing.loopback import Answer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def fake() -> Iterator[FakeMastodon]:
    with running_fake() as running:
        yield running


def connect(fake: FakeMastodon, **options: object) -> ChannelAccount:
    assert fake.server
    chosen = {"server": "social.example", "api_url": fake.server.url(""), "keeps_keys": True, **options}
    secrets = crypto.encrypt_mapping({"access_token": TOKEN})
    return make_account(make_team(), kind="mastodon", options=chosen, credentials=secrets)


class Hand:
    """A hand-over that remembers."""

    def __init__(self, *sent: str) -> None:
        self.sent, self.count = list(sent), 0

    def __call__(self) -> None:
        self.count += 1

    def keep(self, provider_id: str) -> None:
        self.sent.append(provider_id)


def answer_to(status: dict, text: str = "We look into it.", **fields: object) -> Outbound:
    answers = {"id": status["id"], "visibility": status["visibility"], "author": "ada@elsewhere.example"}
    to = (Author("mastodon", "ada@elsewhere.example"),)
    return Outbound(key="key-1", text=text, to=to, is_public=True, answers=answers, **fields)


def test_an_answer_stands_under_its_question(fake: FakeMastodon) -> None:
    question, account = fake.write("it is dead", visibility="unlisted"), connect(fake)
    receipt = client.send(answer_to(question), channels.account_config(account), Hand())
    posted = fake.statuses[receipt.provider_id]
    assert receipt == Receipt("key-1", Delivered.SENT, posted["id"])
    assert (posted["in_reply_to_id"], posted["visibility"]) == (question["id"], "unlisted")
    budgets = AccountHealth.objects.get(account=account).budgets
    assert budgets["requests"] == {"limit": 300, "left": 299, "resets_at": "2026-01-31T12:05:00+00:00"}


def test_a_long_answer_is_a_thread_and_goes_on_where_it_stopped(fake: FakeMastodon) -> None:
    question, config = fake.write("?"), channels.account_config(connect(fake))
    message, hand = answer_to(question, "word " * 250), Hand()
    fake.trouble = []
    client.send(message, config, hand)
    first, second, third = (fake.statuses[number] for number in hand.sent)
    assert [first["in_reply_to_id"], second["in_reply_to_id"], third["in_reply_to_id"]] == [
        question["id"], first["id"], second["id"],
    ]  # fmt: skip
    count = len(fake.statuses)
    again = Hand(first["id"], second["id"])
    client.send(message, config, again)
    assert again.count == 1
    assert len(fake.statuses) == count  # the third was known by its key


def test_files_are_uploaded_and_awaited(fake: FakeMastodon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MEDIA_WAITS", (0.01, 0.01, 0.01))
    file = OutboundFile('schéma "1".png', "image/png", b"PNG")
    config = channels.account_config(connect(fake))
    client.send(answer_to(fake.write("?"), files=(file,)), config, Hand())
    assert fake.server
    posted = [json.loads(one.body) for one in fake.server.asked if one.path == "/api/v1/statuses"]
    assert posted[0]["media_ids"] == ["m1"]
    with pytest.raises(ChannelError, match="at most 4") as caught:
        client.send(answer_to(fake.write("?"), files=(file,) * 5), config, Hand())
    assert caught.value.permanent


@pytest.mark.parametrize(
    ("case", "answer", "permanent", "wait", "revoked"),
    [
        ("refused", told({"error": "no"}, 422), True, None, False),
        ("refused by another server", told({"error": "no"}, 400), True, None, False),
        ("forbidden", told({"error": "This action is not allowed"}, 403), True, None, False),
        ("too fast", told({"error": "Too many requests"}, 429, {"Retry-After": "7"}), False, 7.0, False),
        ("too fast without a word", Answer(429, b"no"), False, 300.0, False),
        ("the server is down", Answer(503, b"<html>"), False, None, False),
        ("the token is withdrawn", told({"error": "The access token was revoked"}, 401), False, None, True),
    ],
)
def test_refusals(
    fake: FakeMastodon, case: str, answer: Answer, permanent: bool, wait: float | None, revoked: bool
) -> None:
    fake.trouble = [answer]
    with pytest.raises(ChannelError) as caught:
        client.send(answer_to(fake.write("?")), channels.account_config(connect(fake)), Hand())
    error = caught.value
    assert (error.permanent, error.retry_after, error.is_revoked) == (permanent, wait, revoked), case
    assert not isinstance(error, DoubtfulDelivery)


def test_a_broken_line_is_tried_again_under_the_same_key_and_posts_once(fake: FakeMastodon) -> None:
    question, config = fake.write("?"), channels.account_config(connect(fake))
    fake.breaks = 1
    with pytest.raises(ChannelError) as caught:
        client.send(answer_to(question), config, Hand())
    assert not isinstance(caught.value, DoubtfulDelivery)
    receipt = client.send(answer_to(question), config, Hand())
    assert [one["id"] for one in fake.statuses.values() if one["account"]["id"] == "100"] == [receipt.provider_id]


def test_where_keys_are_ignored_a_broken_line_is_a_doubt_that_is_looked_up() -> None:
    with running_fake(variant="other", limit=5000) as fake:
        question, config = fake.write("?"), channels.account_config(connect(fake, keeps_keys=False))
        assert client.reconcile(answer_to(question), config) is None  # it may never have come: people decide
        fake.breaks = 1
        with pytest.raises(DoubtfulDelivery):
            client.send(answer_to(question), config, Hand())
        found = client.reconcile(answer_to(question), config)
        assert found
        assert found.state is Delivered.SENT
        assert found.provider_id in fake.statuses


def test_a_file_is_fetched_without_showing_the_token(fake: FakeMastodon) -> None:
    assert fake.server
    found = client.fetch({"url": fake.server.url("/file.png")}, channels.account_config(connect(fake)))
    assert (found.content, found.content_type) == (b"PNG", "image/png")
    assert "authorization" not in fake.server.asked[-1].headers
    with pytest.raises(ChannelError):
        client.fetch({"url": 5}, channels.account_config(connect(fake)))


def test_the_connection_test_says_which_step_fails(fake: FakeMastodon) -> None:
    account = channels.account_config(connect(fake))
    assert [said for _label, said in trying.test(account)] == ["", "", "", ""]
    fake.token = "another"
    assert [bool(said) for _label, said in trying.test(account)] == [False, True]


# Through the outbox.


def queued(fake: FakeMastodon, account: ChannelAccount) -> Delivery:
    question = fake.write("?")
    conversation: Conversation = make_conversation(account=account)
    message: Message = make_message(conversation, kind="out", text="We look into it.")
    envelope = {
        "to": [{"name": "", "address": "ada@elsewhere.example"}], "cc": [], "subject": "", "thread_key": "post:1",
        "in_reply_to": "", "references": [], "quoted": None, "forward": False, "is_public": True,
        "answers": {"id": question["id"], "visibility": "public"},
    }  # fmt: skip
    return make_delivery(message, state=DeliveryState.QUEUED, envelope=envelope, due_at=clock.now())


def test_a_withdrawn_token_keeps_the_message_and_tells_the_account(fake: FakeMastodon) -> None:
    account = connect(fake)
    delivery = queued(fake, account)
    fake.token = "another"
    assert sender.send_one()
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.QUEUED
    assert AccountHealth.objects.get(account=account).revoked_at is not None
    assert not sender.send_one()


def test_a_limit_lets_the_account_wait(fake: FakeMastodon) -> None:
    account = connect(fake)
    delivery = queued(fake, account)
    fake.trouble = [told({"error": "Too many requests"}, 429, {"Retry-After": "600"})]
    assert sender.send_one()
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.QUEUED
    assert delivery.due_at > clock.now() + timedelta(seconds=500)


def test_a_sender_that_dies_after_the_hand_over_posts_once(fake: FakeMastodon) -> None:
    account = connect(fake)
    delivery = queued(fake, account)
    message = sender.outbound_of(delivery)
    client.send(message, channels.account_config(account), Hand())  # the process dies before it writes that down
    long_ago = clock.now() - timedelta(hours=1)
    Delivery.objects.filter(pk=delivery.pk).update(
        state=DeliveryState.SENDING, claimed_at=long_ago, handed_over_at=long_ago
    )
    assert sender.recover_claims(at=clock.now()) == 1
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.SENT
    assert len([one for one in fake.statuses.values() if one["account"]["id"] == "100"]) == 1
