"""Sending, looking up and watching over a real socket, against the strict double."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from comptoir import pipeline
from comptoir.accounts.models import User
from comptoir.channels.bluesky import client, services, watching, xrpc
from comptoir.channels.bluesky.records import stamp
from comptoir.channels.bluesky.tests.fake import ADA, APP_PASSWORD, BROKEN, POST, US, Fake, running_fake, token
from comptoir.channels.bluesky.watching import Watcher
from comptoir.channels.models import AccountHealth, ChannelAccount, Cursor
from comptoir.channels.renewing import renew
from comptoir.channels.services import account_config
from comptoir.conversations.models import Conversation, Message
from comptoir.core import clock, crypto
from comptoir.core.errors import ChannelError, DoubtfulDelivery
from comptoir.core.types import AccountConfig, Author, Delivered, Outbound, OutboundFile
from comptoir.inbound.models import Record, RecordState
from comptoir.inbound.services import Arrival, receive
from comptoir.journal.services import Actor
from comptoir.outbound.models import Delivery, DeliveryState
from comptoir.outbound.sender import reconcile_one, recover_claims, send_one
from comptoir.outbound.services import Draft, queue_reply
from comptoir.testing.builders import make_account, make_team, make_user
from comptoir.testing.loopback import Answer

pytestmark = pytest.mark.django_db

ROOT = f"at://{ADA}/{POST}/3n37ylvsbr22r"
FACTS = {"uri": ROOT, "cid": "bafyreiroot", "root_uri": ROOT, "root_cid": "bafyreiroot",
         "at": "2026-01-31T11:00:00+00:00"}  # fmt: skip
ERROR = b'{"error":"InternalServerError","message":"Internal Server Error"}'


@pytest.fixture(autouse=True)
def fake() -> Iterator[Fake]:
    xrpc._sessions.clear()
    with running_fake() as running:
        yield running


@pytest.fixture
def account(fake: Fake) -> ChannelAccount:
    options = {"handle": "ondavelle.example", "api_url": fake.url, "plc_url": fake.url}
    secrets = crypto.encrypt_mapping({"app_password": APP_PASSWORD})
    return make_account(make_team(), kind="bluesky", options=options, credentials=secrets)


@pytest.fixture
def config(account: ChannelAccount) -> AccountConfig:
    return account_config(account)


@pytest.fixture
def user(account: ChannelAccount) -> User:
    return make_user(account.team)


class Line:
    """A hand-over that remembers."""

    def __init__(self, *sent: str) -> None:
        self.sent = list(sent)
        self.calls = 0

    def __call__(self) -> None:
        """Count."""
        self.calls += 1

    def keep(self, provider_id: str) -> None:
        """Keep."""
        self.sent.append(provider_id)


def public(text: str, *, key: str = "k1", files: tuple[OutboundFile, ...] = ()) -> Outbound:
    return Outbound(key, text, (Author("bluesky", ADA),), thread_key=f"post:{ROOT}", answers=FACTS, files=files,
                    is_public=True)  # fmt: skip


def private(text: str, *, key: str = "k1", **answers: str) -> Outbound:
    return Outbound(key, text, (Author("bluesky", ADA),), thread_key=f"dm:{ADA}", answers=answers)


def test_a_post_leaves_with_facets_and_images(fake: Fake, config: AccountConfig) -> None:
    line = Line()
    image = OutboundFile("a.png", "image/png", b"png")
    receipt = client.send(public("Voilà @ada.example https://a.example/é #Ligne", files=(image,)), config, line)
    (record,) = fake.posted()
    assert receipt.provider_id == record["uri"] == line.sent[0]
    assert [f["features"][0]["$type"].partition("#")[2] for f in record["value"]["facets"]] == [
        "mention",
        "link",
        "tag",
    ]
    assert len(record["value"]["embed"]["images"]) == 1
    assert AccountHealth.objects.get().budgets["writes"]["left"] == 2999


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("told", [BROKEN, Answer(500, ERROR), Answer(502, b"<html>")], ids=["line", "500", "502"])
def test_inv_03_a_broken_line_is_tried_again_and_the_post_exists_once(
    fake: Fake, config: AccountConfig, told: Answer, after: bool
) -> None:
    message, line = public("word " * 150), Line()
    fake.fail("com.atproto.repo.putRecord", Answer(200, b"{}"), after=True)  # understood by nobody
    fake.next["com.atproto.repo.putRecord"][0] = (after, told)
    with pytest.raises(ChannelError) as caught:
        client.send(message, config, line)
    assert not caught.value.permanent
    assert not isinstance(caught.value, DoubtfulDelivery)
    client.send(message, config, line)
    posts = fake.posted()
    assert len(posts) == 3
    assert [p["value"]["text"][-5:] for p in posts] == ["(1/3)", "(2/3)", "(3/3)"]
    assert [p["value"]["reply"]["parent"]["uri"] for p in posts[1:]] == [p["uri"] for p in posts[:-1]]
    assert line.sent == [p["uri"] for p in posts]


def test_parts_that_have_left_are_not_sent_again(fake: Fake, config: AccountConfig) -> None:
    message = public("word " * 150)
    whole = Line()
    client.send(message, config, whole)
    del fake.records[whole.sent[2]]
    calls = fake.calls.count("com.atproto.repo.putRecord")
    line = Line(*whole.sent[:2])
    client.send(message, config, line)
    assert fake.calls.count("com.atproto.repo.putRecord") == calls + 1
    assert line.sent == whole.sent
    assert fake.records[whole.sent[2]]["value"]["reply"]["parent"]["uri"] == whole.sent[1]


def test_a_rate_limit_pauses_the_account_for_as_long_as_the_network_asks(fake: Fake, config: AccountConfig) -> None:
    resets = str(int((clock.now() + timedelta(seconds=90)).timestamp()))
    headers = {"ratelimit-limit": "5000", "ratelimit-remaining": "0", "ratelimit-reset": resets}
    fake.fail("com.atproto.repo.putRecord", Answer(429, b'{"error":"RateLimitExceeded"}', headers))
    with pytest.raises(ChannelError) as caught:
        client.send(public("Hello"), config, Line())
    assert caught.value.of_account
    assert caught.value.retry_after is not None
    assert 80 < caught.value.retry_after <= 90
    assert AccountHealth.objects.get().budgets["writes"]["left"] == 0


def test_profile_not_found_is_tried_again(fake: Fake, config: AccountConfig) -> None:
    body = b'{"error":"InvalidRequest","message":"Profile not found"}'
    fake.fail("com.atproto.server.createSession", Answer(400, body))
    with pytest.raises(ChannelError) as caught:
        client.send(public("Hello"), config, Line())
    assert not caught.value.permanent
    assert caught.value.retry_after


def test_an_expired_token_makes_one_new_session(fake: Fake, config: AccountConfig) -> None:
    client.send(public("Hello"), config, Line())
    fake.access.clear()
    client.send(public("Again", key="k2"), config, Line())
    assert fake.calls.count("com.atproto.server.createSession") == 2
    assert len(fake.posted()) == 2


def test_the_renewed_tokens_are_used_until_shortly_before_their_end(fake: Fake, config: AccountConfig) -> None:
    fresh, old = token("x", seconds=600), token("x", seconds=30)
    fake.access |= {fresh, old}
    client.profile(ADA, replace(config, credentials={**config.credentials, "access": fresh}))
    assert "com.atproto.server.createSession" not in fake.calls
    xrpc._sessions.clear()
    client.profile(ADA, replace(config, credentials={**config.credentials, "access": old}))
    assert "com.atproto.server.createSession" in fake.calls


def test_renewing_uses_the_refresh_token_once_and_falls_back_to_the_password(
    fake: Fake, account: ChannelAccount
) -> None:
    renew(account, clock.now())
    renew(account, clock.now())
    assert fake.calls.count("com.atproto.server.createSession") == 1
    fake.refresh.clear()
    renew(account, clock.now())
    assert fake.calls.count("com.atproto.server.createSession") == 2
    expires = AccountHealth.objects.get().token_expires_at
    assert expires is not None
    assert timedelta(hours=1, minutes=59) < expires - clock.now() <= timedelta(hours=2)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ((OutboundFile("a.pdf", "application/pdf", b"x"),), "no image"),
        ((OutboundFile("a.png", "image/png", b"x" * 2_000_001),), "2 MB"),
        ((OutboundFile("a.png", "image/png", b"x"),) * 5, "four"),
    ],
)
def test_files_that_the_network_refuses_are_refused_in_words(
    files: tuple[OutboundFile, ...], words: str, config: AccountConfig, fake: Fake
) -> None:
    with pytest.raises(ChannelError, match=words) as caught:
        client.send(public("Hello", files=files), config, Line())
    assert caught.value.permanent
    assert not fake.posted()


def test_direct_messages_leave_in_parts(fake: Fake, config: AccountConfig) -> None:
    fake.convos["c1"] = [US, ADA]
    line = Line()
    receipt = client.send(private("mot " * 400 + "@ada.example"), config, line)
    texts = [m["text"] for m in fake.messages["c1"]]
    assert [text[-5:] for text in texts] == ["(1/2)", "(2/2)"]
    assert receipt.provider_id == line.sent[-1] == f"c1/{fake.messages['c1'][-1]['id']}"


def test_a_refused_direct_message_is_final_and_says_why(config: AccountConfig) -> None:
    with pytest.raises(ChannelError, match="someone they follow") as caught:
        client.send(private("Hello"), config, Line())
    assert caught.value.permanent


def test_inv_03_a_direct_message_whose_answer_is_lost_is_looked_up(fake: Fake, config: AccountConfig) -> None:
    fake.convos["c1"] = [US, ADA]
    fake.write("c1", US, "Thanks", at="2026-01-31T10:00:00.000Z")  # said before, and not this one
    message = private("Thanks", convo="c1", at="2026-01-31T11:00:00+00:00")
    fake.fail("chat.bsky.convo.sendMessage", BROKEN)
    with pytest.raises(DoubtfulDelivery):
        client.send(message, config, Line())
    assert client.reconcile(message, config) is None
    fake.fail("chat.bsky.convo.sendMessage", BROKEN, after=True)
    with pytest.raises(DoubtfulDelivery):
        client.send(message, config, Line())
    found = client.reconcile(message, config)
    assert found is not None
    assert found.state is Delivered.SENT
    assert found.provider_id == f"c1/{fake.messages['c1'][-1]['id']}"


def test_posts_are_looked_up_by_their_key(fake: Fake, config: AccountConfig) -> None:
    message = public("Hello")
    found = client.reconcile(message, config)
    assert found is not None
    assert found.state is Delivered.QUEUED
    assert client.send(message, config, Line()) == client.reconcile(message, config)


def test_files_come_from_the_author_s_own_server(fake: Fake, config: AccountConfig) -> None:
    fake.blobs["bafkreix"] = b"picture"
    fetched = client.fetch({"did": ADA, "cid": "bafkreix"}, config)
    assert (fetched.content, fetched.content_type) == (b"picture", "image/png")
    with pytest.raises(ChannelError) as caught:
        client.fetch({"did": ADA, "cid": "gone"}, config)
    assert caught.value.permanent
    with pytest.raises(ChannelError, match="no address"):
        client.fetch({"did": "http://x", "cid": "../.."}, config)


def test_names_are_asked_for(config: AccountConfig) -> None:
    assert client.profile(ADA, config) == "Ada Martin"


def test_the_connection_s_test_says_what_is_missing(fake: Fake, config: AccountConfig) -> None:
    assert [said for _label, said in client.test(config)] == ["", "", ""]
    fake.scope = "com.atproto.appPass"
    assert "may not read direct messages" in list(client.test(config))[-1][1]
    wrong = replace(config, credentials={"app_password": "nonsense"})
    assert [bool(said) for _label, said in client.test(wrong)] == [True]


# The whole way: watcher, pipeline, sender.


def watcher_of(account: ChannelAccount) -> Watcher:
    made = Watcher(account_config(account))
    made.run(lambda: True, lambda: None)
    return made


def digest() -> None:
    while pipeline.digest_shards(range(64), limit=200):
        pass


def notify(fake: Fake, text: str, *, reason: str = "mention", at: Any = None, **more: Any) -> str:
    rkey, when = fake.new(), stamp(at or clock.now())
    uri = f"at://{ADA}/{POST}/{rkey}"
    record = {"$type": POST, "text": text, "createdAt": when, **more}
    author = {"did": ADA, "handle": "ada.example", "displayName": "Ada Martin"}
    fake.notifications.append({"uri": uri, "cid": f"bafyrei{rkey}", "author": author, "reason": reason,
                               "record": record, "isRead": False, "indexedAt": when})  # fmt: skip
    fake.records[uri] = {"uri": uri, "cid": f"bafyrei{rkey}", "value": record}
    return uri


def queued(user: User, text: str) -> Delivery:
    made = queue_reply(actor=Actor("user", user.pk, user.name), user=user, conversation=Conversation.objects.get(),
                       draft=Draft(text=text))  # fmt: skip
    Delivery.objects.filter(pk=made.pk).update(due_at=clock.now())
    return made


def test_a_mention_is_answered_liked_and_deleted(fake: Fake, account: ChannelAccount, user: User) -> None:
    watcher = watcher_of(account)
    uri = notify(fake, "Hello")
    watcher.read(watcher.messages)
    digest()
    delivery = queued(user, "Good morning")
    assert send_one()
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.SENT
    when = stamp(clock.now())
    like = {"uri": f"at://{ADA}/app.bsky.feed.like/3n37like22222", "cid": "c", "reason": "like", "indexedAt": when,
            "reasonSubject": delivery.provider_id, "author": {"did": ADA, "handle": "ada.example"},
            "record": {"createdAt": when}}  # fmt: skip
    fake.notifications.append(like)
    watcher.read(watcher.reactions)
    watcher.read_own()
    del fake.records[uri]
    watcher.look_for_vanished()
    digest()
    asked, mine = Message.objects.order_by("id")
    assert "deleted_at" in asked.marks
    assert mine.marks == {"reactions": {"like": 1}}
    del fake.records[delivery.provider_id]
    watcher.look_for_vanished()
    digest()
    mine.refresh_from_db()
    assert "deleted_at" in mine.marks
    assert Record.objects.filter(external_id__startswith="own:").count() == 1  # told back, and recognised
    assert not Record.objects.exclude(state=RecordState.DONE).exists()


def test_a_gap_of_many_pages_is_read_in_its_order_and_once(fake: Fake, account: ChannelAccount) -> None:
    notify(fake, "before the connection", at=clock.now() - timedelta(hours=1))
    watcher_of(account)
    began = clock.now()
    for number in range(330):
        notify(fake, f"gap {number}", at=began + timedelta(milliseconds=10 * number))
    watcher = watcher_of(account)
    watcher.read(watcher.messages)
    watcher_of(account)
    digest()
    assert list(Record.objects.order_by("id").values_list("state", flat=True)) == [RecordState.DONE] * 330
    texts = list(Message.objects.order_by("id").values_list("text", flat=True))
    assert texts == [f"gap {number}" for number in range(330)]


def test_a_post_from_a_slow_clock_is_found_by_the_sweep(fake: Fake, account: ChannelAccount) -> None:
    watcher = watcher_of(account)
    Cursor.objects.update(epoch=0)
    watcher.messages.floor = 0
    for number in range(150):
        notify(fake, f"post {number}")
    watcher.read(watcher.messages)
    notify(fake, "late", at=clock.now() - timedelta(minutes=50))
    watcher.read(watcher.messages)
    assert Record.objects.count() == 150
    watcher.read(watcher.messages, back=watching.OVERLAP)
    assert Record.objects.count() == 151


def test_a_crash_between_two_batches_loses_nothing(
    fake: Fake, account: ChannelAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher_of(account)
    began = clock.now()
    for number in range(450):
        notify(fake, f"gap {number}", at=began + timedelta(milliseconds=number))
    real, calls = services.take_in, list[dict[str, Any]]()

    def dies(**given: Any) -> int:
        calls.append(given)
        if len(calls) == 5:  # three beginnings, one batch
            raise RuntimeError("power cut")
        return real(**given)

    watcher = Watcher(account_config(account))
    with monkeypatch.context() as patch:
        patch.setattr(services, "take_in", dies)
        calls.extend([{}] * 3)
        with pytest.raises(RuntimeError):
            watcher.run(lambda: True, lambda: None)
    assert Record.objects.count() == 200
    watcher_of(account)
    assert Record.objects.count() == 450


def test_direct_messages_come_in_by_the_log_and_are_answered(fake: Fake, account: ChannelAccount, user: User) -> None:
    fake.convos["c1"] = [US, ADA]
    fake.write("c1", ADA, "old")
    watcher = watcher_of(account)
    watcher.try_chat()
    first = fake.write("c1", ADA, "My number is 1234")
    fake.page = 2
    for number in range(5):
        fake.write("c1", ADA, f"more {number}")
    reaction = {"value": "👍", "sender": {"did": ADA}, "createdAt": stamp(clock.now())}
    kind = "chat.bsky.convo.defs#logAddReaction"
    fake.logs.append({"$type": kind, "rev": fake.new(), "convoId": "c1", "message": first, "reaction": reaction})
    fake.logs.append({"$type": "chat.bsky.convo.defs#logReadMessage", "rev": fake.new(), "convoId": "c1"})
    watcher.try_chat()
    digest()
    texts = list(Message.objects.order_by("id").values_list("text", flat=True))
    assert texts == ["My number is 1234", *(f"more {n}" for n in range(5))]
    conversation = Conversation.objects.get()
    assert (conversation.thread_key, conversation.is_public) == (f"dm:{ADA}", False)
    assert Message.objects.order_by("id")[0].marks["reactions"] == {"👍": 1}

    delivery = queued(user, "mot " * 400)
    assert send_one()
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.SENT
    fake.write("c1", US, "From a telephone")
    watcher.try_chat()
    Watcher(account_config(account), did=US, handle="ondavelle.example").try_chat()
    digest()
    assert list(Message.objects.filter(kind="out").order_by("id").values_list("text", flat=True)) == [
        ("mot " * 400).strip(), "From a telephone",
    ]  # fmt: skip
    assert not Record.objects.filter(state=RecordState.FAILED).exists()


def test_failures_of_direct_messages_do_not_stop_the_mentions(fake: Fake, account: ChannelAccount) -> None:
    watcher = watcher_of(account)
    fake.fail("chat.bsky.convo.listConvos", Answer(500, ERROR))
    notify(fake, "Hello")
    watcher.round(lambda: None)
    watcher.due.clear()
    watcher.due["chat"] = float("inf")
    watcher.round(lambda: pytest.fail("it does not work"))
    assert Record.objects.count() == 1
    assert "Direct messages" in AccountHealth.objects.get().last_error


def test_an_account_whose_password_may_not_read_them_has_no_direct_messages(
    fake: Fake, account: ChannelAccount
) -> None:
    fake.scope = "com.atproto.appPass"
    watcher = watcher_of(account)
    watcher.round(lambda: None)
    assert not [call for call in fake.calls if call.startswith("chat.")]


def test_a_withdrawn_password_keeps_messages_in_the_queue(fake: Fake, account: ChannelAccount, user: User) -> None:
    watcher = watcher_of(account)
    notify(fake, "Hello")
    watcher.read(watcher.messages)
    digest()
    delivery = queued(user, "Good morning")
    fake.password = "another"
    fake.access.clear()
    assert send_one()
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.QUEUED
    assert AccountHealth.objects.get().revoked_at is not None
    assert not send_one()
    assert watching._load(account.pk) is None


def test_a_rate_limit_lets_the_queue_wait(fake: Fake, account: ChannelAccount, user: User) -> None:
    watcher = watcher_of(account)
    notify(fake, "Hello")
    watcher.read(watcher.messages)
    digest()
    delivery = queued(user, "Good morning")
    fake.fail("com.atproto.repo.putRecord", Answer(429, b"{}", {"retry-after": "40"}))
    assert send_one()
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.QUEUED
    paused = AccountHealth.objects.get().paused_until
    assert paused is not None
    assert timedelta(seconds=30) < paused - clock.now() <= timedelta(seconds=40)


def test_inv_03_a_direct_message_of_a_sender_that_died_is_unconfirmed_and_then_found(
    fake: Fake, account: ChannelAccount, user: User
) -> None:
    fake.convos["c1"] = [US, ADA]
    watcher = watcher_of(account)
    watcher.try_chat()
    fake.write("c1", ADA, "Hello", at=stamp(clock.now() - timedelta(minutes=1)))
    watcher.try_chat()
    digest()
    delivery = queued(user, "Good morning")
    fake.fail("chat.bsky.convo.sendMessage", BROKEN, after=True)
    assert send_one()
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.UNCONFIRMED
    reconcile_one(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.SENT
    assert len(fake.messages["c1"]) == 2


class Killed(BaseException):
    """The process dies here."""


@pytest.mark.parametrize(("text", "count"), [("Once only.", 1), ("word " * 150, 3)], ids=["one", "several"])
def test_inv_03_a_sender_that_dies_after_the_hand_over_leaves_each_post_once(
    text: str, count: int, fake: Fake, account: ChannelAccount, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = watcher_of(account)
    notify(fake, "Hello")
    watcher.read(watcher.messages)
    digest()
    delivery = queued(user, text)
    real = client._put

    def dies(*given: Any) -> Any:
        real(*given)
        if len(fake.posted()) == count:
            raise Killed
        return client._made(fake.posted()[-1]["uri"], given[-1])

    with monkeypatch.context() as patch:
        patch.setattr(client, "_put", dies)
        with pytest.raises(Killed):
            send_one()
    assert recover_claims(at=clock.now() + timedelta(days=1)) == 1
    while send_one():
        pass
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.SENT
    assert len(fake.posted()) == count
    assert len({p["value"]["text"] for p in fake.posted()}) == count


def test_the_same_record_twice_is_one_message(account: ChannelAccount, fake: Fake) -> None:
    watcher = watcher_of(account)
    notify(fake, "Hello")
    watcher.read(watcher.messages)
    record = Record.objects.get()
    assert receive([Arrival(account.pk, record.external_id, record.raw, "x")]) == 0
