"""X from end to end, over real sockets: in by the log, out to the double, threads, doubts, limits, tokens."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from comptoir import pipeline
from comptoir.accounts.models import User
from comptoir.accounts.services import actor_of
from comptoir.channels import renewing
from comptoir.channels import services as channels
from comptoir.channels.models import AccountHealth, ChannelAccount
from comptoir.channels.x import adapter, client, parse
from comptoir.channels.x.tests import fake as double
from comptoir.conversations.fetching import fetch_one
from comptoir.conversations.models import Conversation, Message
from comptoir.core import clock, storage
from comptoir.core.errors import ChannelError
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
        "user_id": double.US, "consumer_secret": "s", "client_id": "client", "client_secret": "client-secret",
        "token": fake.token, "refresh_token": fake.refresh, "api_url": fake.url,
    }  # fmt: skip
    return channels.connect_account(actor=SYSTEM, kind="x", name="X", team=user.teams.get(), values=values)


def arrive(account: ChannelAccount, *names: str, **changes: str) -> None:
    for name in names:
        body = (FIXTURES / f"{name}.json").read_text()
        for old, new in changes.items():
            body = body.replace(old.removeprefix("n"), new)
        pieces = parse.identify(body.encode(), channels.account_config(account))
        receive([Arrival(account.pk, p.external_id, p.raw, p.conversation_key) for p in pieces])
        for shard in log.busy_shards():
            while pipeline.digest_shards([shard], limit=100):
                pass


def queue(user: User, conversation: Conversation, text: str = "Nous regardons cela.", **more: Any) -> Delivery:
    draft = Draft(text, **more)
    delivery = queue_reply(actor=actor_of(user), user=user, conversation=conversation, draft=draft)
    Delivery.objects.filter(pk=delivery.pk).update(due_at=clock.now() - timedelta(seconds=1))
    return delivery


def answer(user: User, conversation: Conversation, text: str = "Nous regardons cela.", **more: Any) -> Delivery:
    delivery = queue(user, conversation, text, **more)
    sender.send_one()
    delivery.refresh_from_db()
    return delivery


def test_a_mention_is_answered_in_public(account: ChannelAccount, user: User, fake: double.Fake) -> None:
    arrive(account, "message-mention", "message-mention")
    conversation = Conversation.objects.get()
    assert conversation.is_public
    delivery = answer(user, conversation)
    assert (delivery.state, delivery.provider_id) == ("sent", fake.ours[0]["id"])
    assert fake.ours[0]["referenced_posts"] == [{"type": "replied_to", "id": "7001"}]
    budget = AccountHealth.objects.get().budgets["posts"]
    assert (budget["limit"], budget["left"]) == (100, 99)


def test_a_post_that_mentions_and_answers_us_is_one_message(account: ChannelAccount) -> None:
    arrive(account, "message-reply", "message-mention-and-reply")
    assert Message.objects.count() == 1


def test_a_long_answer_is_a_numbered_thread(account: ChannelAccount, user: User, fake: double.Fake) -> None:
    arrive(account, "message-mention")
    delivery = answer(user, Conversation.objects.get(), "Bonjour Ada, " + "nous cherchons. " * 40)
    assert delivery.state == "sent"
    count = len(fake.ours)
    assert count > 2
    assert [post["text"].rpartition(" ")[2] for post in fake.ours] == [f"{n}/{count}" for n in range(1, count + 1)]
    parents = [post["referenced_posts"][0]["id"] for post in fake.ours]
    assert parents == ["7001", *[post["id"] for post in fake.ours[:-1]]]


def test_a_thread_goes_on_where_it_stopped(account: ChannelAccount, user: User, fake: double.Fake) -> None:
    arrive(account, "message-mention")
    conversation = Conversation.objects.get()
    fake.left = 1
    delivery = answer(user, conversation, "Bonjour Ada, " + "nous cherchons. " * 40)
    assert (delivery.state, len(fake.ours)) == ("queued", 1)
    health = AccountHealth.objects.get()
    assert health.paused_until is not None
    assert timedelta(minutes=4) < health.paused_until - clock.now() < timedelta(minutes=6)
    assert not sender.send_one()
    fake.left = 100
    AccountHealth.objects.update(paused_until=None)
    Delivery.objects.update(due_at=clock.now() - timedelta(seconds=1))
    sender.send_one()
    delivery.refresh_from_db()
    assert delivery.state == "sent"
    assert len({post["text"] for post in fake.ours}) == len(fake.ours) > 2


def test_a_direct_message_is_answered_and_read(account: ChannelAccount, user: User, fake: double.Fake) -> None:
    arrive(account, "message-direct")
    delivery = answer(user, Conversation.objects.get())
    assert (delivery.state, fake.messages[0]["text"]) == ("sent", "Nous regardons cela.")
    later = str(int((clock.now() + timedelta(minutes=1)).timestamp() * 1000))
    arrive(account, "receipt-read", n1767261700000=later)
    delivery.refresh_from_db()
    assert delivery.state == "read"


def test_pictures_leave_and_other_files_are_refused(account: ChannelAccount, user: User, fake: double.Fake) -> None:
    arrive(account, "message-mention", "message-direct")
    for conversation in Conversation.objects.order_by("id"):
        files = [(storage.put(b"\x89PNG"), "photo.png", "image/png", 4)]
        assert answer(user, conversation, "Voici", file_keys=files).state == "sent"
    assert [one[0] for one in fake.media.values()] == ["tweet_image", "dm_image"]
    files = [(storage.put(b"%PDF"), "a.pdf", "application/pdf", 4)]
    refused = answer(user, Conversation.objects.order_by("id")[0], "Voilà", file_keys=files)
    assert refused.state == "failed"
    assert "a.pdf" in refused.reason


@pytest.mark.parametrize(("name", "text"), [("message-mention", "Bonjour &"), ("message-direct", "Bonjour !")])
def test_a_line_that_breaks_after_the_hand_over_leaves_a_doubt_that_is_looked_up(
    account: ChannelAccount, user: User, fake: double.Fake, name: str, text: str
) -> None:
    arrive(account, name)
    Message.objects.update(sent_at=clock.now().replace(year=2025))  # before what the double answers with
    conversation = Conversation.objects.get()
    fake.mode = "dies"
    delivery = answer(user, conversation, text)
    assert delivery.state == "unconfirmed"
    assert len(fake.ours) + len(fake.messages) == 1
    fake.mode = "ok"
    assert not sender.send_one()  # never again by itself
    sender.reconcile_one(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.state == "sent"
    assert len(fake.ours) + len(fake.messages) == 1


def test_a_doubtful_post_that_is_not_to_be_found_stays_a_doubt(
    account: ChannelAccount, user: User, fake: double.Fake
) -> None:
    arrive(account, "message-mention")
    fake.mode = "dies"
    delivery = answer(user, Conversation.objects.get())
    fake.mode = "ok"
    del fake.posts[fake.ours[0]["id"]]
    sender.reconcile_one(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.state == "unconfirmed"


def test_what_we_wrote_in_the_app_answers_and_what_left_here_is_no_second_message(
    account: ChannelAccount, user: User, fake: double.Fake
) -> None:
    arrive(account, "message-mention", "own-reply")
    own = Message.objects.get(kind="out")
    assert (own.text, own.conversation.thread_key) == ("Nous regardons cela.", "post:7001")
    delivery = answer(user, own.conversation, "Encore un mot.")
    arrive(account, "own-reply", n7010=delivery.provider_id)
    assert Message.objects.filter(kind="out").count() == 2


def test_edits_deletions_and_reactions_reach_their_messages(account: ChannelAccount) -> None:
    arrive(account, "message-mention", "own-reply", "edit", "reaction-like", "reaction-older-like", "reaction-repost")
    asked, own = Message.objects.get(message_id="7001"), Message.objects.get(message_id="7010")
    assert asked.marks["text"].endswith("toujours pas arrivée")
    assert own.marks["reactions"] == {"like": 1, "repost": 1}
    arrive(account, "deletion")
    own.refresh_from_db()
    assert own.marks["deleted_at"]
    assert not Record.objects.filter(state=RecordState.FAILED).exists()


def test_a_deleted_question_cannot_be_answered(account: ChannelAccount, user: User, fake: double.Fake) -> None:
    arrive(account, "message-mention")
    del fake.posts["7001"]
    delivery = answer(user, Conversation.objects.get())
    assert delivery.state == "failed"
    assert "deleted" in delivery.reason


def test_a_busy_platform_is_asked_again(account: ChannelAccount, user: User, fake: double.Fake) -> None:
    arrive(account, "message-mention")
    fake.mode = "away"
    delivery = answer(user, Conversation.objects.get())
    assert delivery.state == "queued"
    assert delivery.due_at > clock.now()


def test_a_token_that_ran_out_is_renewed_and_the_message_leaves(
    account: ChannelAccount, user: User, fake: double.Fake
) -> None:
    arrive(account, "message-mention")
    fake.token = "another one"
    assert answer(user, Conversation.objects.get()).state == "sent"
    account.refresh_from_db()
    kept = channels.account_config(account).credentials
    assert (kept["token"], kept["refresh_token"]) == ("token-2", "refresh-2")
    assert AccountHealth.objects.get().token_expires_at is not None


def test_a_token_that_another_process_renews_is_waited_for(
    account: ChannelAccount, user: User, fake: double.Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive(account, "message-mention")
    fake.token = "another one"
    monkeypatch.setattr(renewing._locks, "acquire", lambda number: False)
    delivery = answer(user, Conversation.objects.get())
    health = AccountHealth.objects.get()
    assert (delivery.state, health.revoked_at) == ("queued", None)
    assert health.paused_until is not None


def test_an_access_that_was_withdrawn_lets_messages_wait(
    account: ChannelAccount, user: User, fake: double.Fake
) -> None:
    arrive(account, "message-mention")
    fake.withdrawn = True
    delivery = answer(user, Conversation.objects.get())
    assert delivery.state == "queued"
    assert AccountHealth.objects.get().revoked_at is not None


def test_tokens_are_renewed_ahead_of_their_end(account: ChannelAccount, fake: double.Fake) -> None:
    renewing.renew_due(clock.now())
    account.refresh_from_db()
    assert channels.account_config(account).credentials["token"] == fake.token == "token-2"
    renewing.renew_due(clock.now())
    assert fake.token == "token-2"
    fake.withdrawn = True
    renewing.renew_due(clock.now() + timedelta(hours=2))
    assert AccountHealth.objects.get().revoked_at is not None


def test_files_of_direct_messages_are_fetched_with_the_token(account: ChannelAccount, fake: double.Fake) -> None:
    fake.media["99"] = ("dm_image", b"abc")
    arrive(account, "message-direct-picture")
    assert fetch_one(clock.now() + timedelta(seconds=1))
    attachment = Message.objects.get().attachments.get()
    assert (storage.get(attachment.key), attachment.content_type) == (b"abc", "image/jpeg")
    with pytest.raises(ChannelError) as strange:
        client.fetch({"url": "https://example.org/a.jpg"}, channels.account_config(account))
    assert strange.value.permanent


def test_hiding_names_and_the_trial(account: ChannelAccount, fake: double.Fake) -> None:
    config = channels.account_config(account)
    client.hide("7002", config, hidden=True)
    assert fake.hidden == {"7002": True}
    assert client.profile("2222", config) == "Ada Martin"
    try_it = adapter.CHANNEL.test
    assert try_it is not None
    assert [error for _step, error in try_it(config)] == ["", ""]
    account.options = {**account.options, "user_id": "5"}
    account.save()
    assert "1111" in next(iter(try_it(channels.account_config(account))))[1]


def test_every_fixture_goes_through_the_log(account: ChannelAccount) -> None:
    for path in sorted(FIXTURES.iterdir()):
        if not path.name.startswith("ignored") or path.stem == "ignored-own-post":
            arrive(account, path.stem)
    assert not Record.objects.filter(state=RecordState.FAILED).exists()
    assert not Record.objects.filter(state=RecordState.PENDING).exists()
    assert json.dumps(AccountHealth.objects.get().budgets) == "{}"
