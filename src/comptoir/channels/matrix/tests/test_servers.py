"""Against a real Synapse: a plain account by its sync, an application service by pushed transactions."""

import asyncio
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.db import connections

from comptoir import pipeline
from comptoir.channels import services as channels
from comptoir.channels.matrix import client, trying, watching
from comptoir.channels.matrix.client import Api
from comptoir.channels.models import ChannelAccount, Cursor
from comptoir.conversations.fetching import fetch_one
from comptoir.conversations.models import Attachment, Conversation, Message
from comptoir.core import clock, crypto, storage
from comptoir.core.errors import ChannelError
from comptoir.core.types import Author, Delivered, Outbound, OutboundFile, Receipt
from comptoir.inbound.door import WebhookDoor
from comptoir.inbound.models import Record, RecordState
from comptoir.outbound.models import Delivery
from comptoir.outbound.receipts import keep_part
from comptoir.testing.builders import make_account, make_delivery, make_message, make_team
from comptoir.testing.fediservers import Synapse, running_synapse

pytestmark = [pytest.mark.servers, pytest.mark.django_db(transaction=True)]

LIMITED = {"rc_message": {"per_second": 0.5, "burst_count": 3}}


class Hand:
    """A hand-over that remembers."""

    def __init__(self, *sent: str) -> None:
        self.sent = list(sent)

    def __call__(self) -> None:
        return

    def keep(self, provider_id: str) -> None:
        self.sent.append(provider_id)


class Hook:
    """The door of the product behind a socket, as the homeserver calls it."""

    def __init__(self) -> None:
        self.path, self.statuses = "/in/nobody", list[int]()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                status, said = asyncio.run(hook.call(self.command, self.path, dict(self.headers), body))
                hook.statuses.append(status)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            do_GET = do_POST = do_PUT = _serve

            def log_message(self, format: str, *args: object) -> None:
                """Stay silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    async def call(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        sent: list[dict[str, Any]] = []
        asked, _, query = path.partition("?")
        scope = {
            "type": "http", "method": method, "path": self.path + asked.removeprefix("/hook"),
            "query_string": query.encode(), "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        door = WebhookDoor()  # a fresh one: a door belongs to one event loop
        await door(scope, receive, send)
        if door._connection is not None:
            await door._connection.close()
        connections.close_all()
        return sent[0]["status"], sent[1]["body"]


@pytest.fixture(scope="module")
def hook() -> Iterator[Hook]:
    running = Hook()
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture(scope="module")
def synapse(hook: Hook) -> Iterator[Synapse]:
    with running_synapse(hook=hook.url) as running:
        running.register("ada")
        yield running


def connect(synapse: Synapse, token: str, **options: object) -> ChannelAccount:
    chosen = {"server": "hub.test", "api_url": synapse.url, "mode": "account", **options}
    secrets = crypto.encrypt_mapping({"access_token": token, "hs_token": synapse.hs_token})
    return make_account(make_team(), kind="matrix", options=chosen, credentials=secrets)


@contextmanager
def watched(account: ChannelAccount) -> Iterator[None]:
    stop = threading.Event()

    def run() -> None:
        watching.watch(account.pk, stop.is_set)
        connections.close_all()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        if account.options["mode"] == "account":
            wait_for(lambda: Cursor.objects.filter(account=account).exclude(token="").exists())
        yield
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def account(synapse: Synapse) -> Iterator[ChannelAccount]:
    with watched(made := fresh(synapse)):
        yield made


def fresh(synapse: Synapse) -> ChannelAccount:
    """Connect a user of its own: a homeserver keeps the answer to the same first sync for two minutes."""
    name = f"brand{time.time_ns()}"
    return connect(synapse, synapse.register(name), user_id=f"@{name}:hub.test")


def wait_for(found: Callable[[], object], seconds: float = 20.0) -> None:
    ends_at = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < ends_at
        time.sleep(0.02)


def digest() -> None:
    while pipeline.digest_shards(range(64), limit=500):
        pass
    assert not Record.objects.filter(state=RecordState.FAILED).exists()


def told(account: ChannelAccount, *external_ids: str) -> None:
    """Wait until the log has events, and digest them."""
    wait_for(lambda: Record.objects.filter(account=account, external_id__in=external_ids).count() == len(external_ids))
    digest()


class Customer:
    """A customer with a room of their own, into which the account is invited."""

    def __init__(self, synapse: Synapse, account: ChannelAccount) -> None:
        self.synapse, self.token = synapse, synapse.tokens["ada"]
        self.invited = str(account.options["user_id"])
        body = {"invite": [self.invited], "is_direct": True, "preset": "trusted_private_chat"}
        self.room = synapse.ask("POST", "/createRoom", body, token=self.token)["room_id"]
        self.path = f"/rooms/{client.escaped(self.room)}"
        wait_for(lambda: self.invited in self.members())

    def members(self) -> dict[str, Any]:
        found = self.synapse.ask("GET", f"{self.path}/joined_members", token=self.token)
        return dict(found["joined"])

    def send(self, content: dict[str, Any], kind: str = "m.room.message") -> str:
        path = f"{self.path}/send/{kind}/{time.time_ns()}"
        return str(self.synapse.ask("PUT", path, content, token=self.token)["event_id"])

    def say(self, text: str, **more: Any) -> str:
        return self.send({"msgtype": "m.text", "body": text, **more})

    def events(self) -> list[dict[str, Any]]:
        return list(self.synapse.ask("GET", f"{self.path}/messages?dir=b&limit=50", token=self.token)["chunk"])


def answering(message: Message, text: str = "Which line?", **fields: Any) -> Outbound:
    answers = {**message.facts, "id": message.message_id, "author": message.author_address}
    return Outbound(key="k1", text=text, to=(Author("matrix", message.author_address),), answers=answers, **fields)


def test_the_life_of_a_room(synapse: Synapse, account: ChannelAccount) -> None:
    ada = Customer(synapse, account)
    first = ada.say("it is dead")
    told(account, first)
    question = Message.objects.get()
    assert (question.text, question.author_address, question.author_name) == ("it is dead", "@ada:hub.test", "Ada")
    assert question.conversation.thread_key == f"room:{ada.room}"
    edit = ada.say("* it was dead", **{
        "m.new_content": {"msgtype": "m.text", "body": "it was dead"},
        "m.relates_to": {"rel_type": "m.replace", "event_id": first},
    })  # fmt: skip
    like = ada.send({"m.relates_to": {"rel_type": "m.annotation", "event_id": first, "key": "👍"}}, "m.reaction")
    told(account, edit, like)
    question.refresh_from_db()
    assert question.marks["text"] == "it was dead"
    assert question.marks["reactions"] == {"👍": 1}
    undo = synapse.ask("PUT", f"{ada.path}/redact/{client.escaped(like)}/u1", {}, token=ada.token)["event_id"]
    gone = synapse.ask("PUT", f"{ada.path}/redact/{client.escaped(first)}/u2", {}, token=ada.token)["event_id"]
    told(account, undo, gone)
    question.refresh_from_db()
    assert "reactions" not in question.marks
    assert question.marks["deleted_at"]


def test_a_thread_is_a_conversation_and_is_answered_in_it(synapse: Synapse, account: ChannelAccount) -> None:
    ada = Customer(synapse, account)
    root = ada.say("two things")
    inside = ada.say("the first", **{"m.relates_to": {"rel_type": "m.thread", "event_id": root}})
    told(account, root, inside)
    question = Message.objects.get(message_id=inside)
    assert question.conversation.thread_key == f"room:{ada.room}/{root}"
    receipt = client.send(answering(question), channels.account_config(account), Hand())
    sent = next(event for event in ada.events() if event["event_id"] == receipt.provider_id)
    relation = sent["content"]["m.relates_to"]
    assert (relation["rel_type"], relation["event_id"]) == ("m.thread", root)
    assert relation["m.in_reply_to"] == {"event_id": inside}
    assert sent["content"]["m.mentions"] == {"user_ids": ["@ada:hub.test"]}


def test_an_answer_leaves_once_is_read_and_comes_back_as_known(synapse: Synapse, account: ChannelAccount) -> None:
    ada = Customer(synapse, account)
    told(account, ada.say("it is dead"))
    question = Message.objects.get()
    config = channels.account_config(account)
    assert client.reconcile(answering(question), config) == Receipt("k1", Delivered.QUEUED)
    reply = make_message(question.conversation, kind="out", text="Which line?")
    delivery = make_delivery(reply, state="sending", claimed_at=clock.now())
    Delivery.objects.filter(pk=delivery.pk).update(key="k1")
    receipt = client.send(answering(question), config, Hand())
    assert client.send(answering(question), config, Hand()) == receipt  # the same transaction
    assert client.reconcile(answering(question), config) == receipt
    ours = [event for event in ada.events() if event["sender"] == ada.invited and "msgtype" in event["content"]]
    assert [event["event_id"] for event in ours] == [receipt.provider_id]
    keep_part(delivery=delivery, provider_id=receipt.provider_id)
    Delivery.objects.filter(pk=delivery.pk).update(state="sent")
    told(account, receipt.provider_id)  # the echo
    assert question.conversation.messages.count() == 2
    seen = synapse.ask("GET", "/sync?timeout=0", token=ada.token)["rooms"]["join"][ada.room]["ephemeral"]["events"]
    assert ada.invited in str(seen)  # what we answered is marked as read by us
    path = f"{ada.path}/receipt/m.read/{client.escaped(receipt.provider_id)}"
    synapse.ask("POST", path, {}, token=ada.token)
    told(account, f"read:{receipt.provider_id}:@ada:hub.test")
    delivery.refresh_from_db()
    assert delivery.state == "read"


def test_what_a_colleague_writes_elsewhere_is_ours(synapse: Synapse, account: ChannelAccount) -> None:
    ada = Customer(synapse, account)
    first = ada.say("it is dead")
    path = f"{ada.path}/send/m.room.message/elsewhere"
    body = {"msgtype": "m.text", "body": "on my telephone"}
    ours = synapse.ask("PUT", path, body, token=channels.account_config(account).credentials["access_token"])[
        "event_id"
    ]
    told(account, first, ours)
    conversation = Conversation.objects.get()
    assert sorted(conversation.messages.values_list("kind", flat=True)) == ["in", "out"]


def test_files_both_ways(synapse: Synapse, account: ChannelAccount) -> None:
    ada = Customer(synapse, account)
    config = channels.account_config(account)
    theirs = Api(config).account
    uri = client.upload(Api(theirs), b"PNG" * 100, "box.png", "image/png")
    info = {"mimetype": "image/png", "size": 300}
    told(account, ada.send({"msgtype": "m.image", "body": "box.png", "url": uri, "info": info}))
    assert fetch_one(clock.now())
    kept = Attachment.objects.get()
    assert (storage.get(kept.key), kept.filename, kept.content_type) == (b"PNG" * 100, "box.png", "image/png")
    question = Message.objects.get()
    file = OutboundFile("schéma.pdf", "application/pdf", b"%PDF")
    hand = Hand()
    client.send(answering(question, files=(file,)), config, hand)
    assert len(hand.sent) == 2
    sent = next(event for event in ada.events() if event["event_id"] == hand.sent[1])["content"]
    assert (sent["msgtype"], sent["filename"]) == ("m.file", "schéma.pdf")
    assert client.fetch({"mxc": sent["url"]}, config).content == b"%PDF"
    with pytest.raises(ChannelError, match="too large") as caught:
        client.send(
            answering(question, files=(OutboundFile("x", "a/b", b"x" * 1_100_000),)), config, Hand(*hand.sent[:1])
        )
    assert caught.value.permanent
    with pytest.raises(ChannelError, match="not there any more"):
        client.fetch({"mxc": "mxc://hub.test/nothing"}, config)


def test_a_text_of_many_kilobytes_leaves_in_parts_and_one_event_of_70_is_refused(
    synapse: Synapse, account: ChannelAccount
) -> None:
    ada = Customer(synapse, account)
    told(account, ada.say("?"))
    question, config, hand = Message.objects.get(), channels.account_config(account), Hand()
    client.send(answering(question, "日本語 " * 8000), config, hand)
    assert len(hand.sent) == 4
    with pytest.raises(ChannelError, match="too large") as caught:
        client._put(Api(config), ada.room, {"msgtype": "m.text", "body": "x" * 70_000}, transaction="t")
    assert caught.value.permanent


def test_an_outage_is_caught_up_though_the_sync_leaves_events_out(synapse: Synapse) -> None:
    account = fresh(synapse)
    with watched(account):
        ada = Customer(synapse, account)
    said = [ada.say(f"{number}") for number in range(130)]
    with watched(account):
        told(account, *said)
    assert list(Message.objects.order_by("id").values_list("text", flat=True)) == [str(n) for n in range(130)]


def test_the_connection_test_and_a_withdrawn_token(synapse: Synapse) -> None:
    token = synapse.register(f"gone{time.time_ns()}")
    account = connect(synapse, token)
    config = channels.account_config(account)
    assert [said for _label, said in trying.test(config)] == ["", "", ""]
    synapse.ask("POST", "/logout", {}, token=token)
    assert [bool(said) for _label, said in trying.test(config)] == [False, True]
    message = Outbound(key="k", text="x", to=(), answers={"room": "!x:hub.test", "id": "$x"})
    with pytest.raises(ChannelError) as caught:
        client.send(message, config, Hand())
    assert caught.value.is_revoked


def test_a_room_that_we_are_not_in_is_refused_for_good(synapse: Synapse, account: ChannelAccount) -> None:
    message = Outbound(key="k", text="x", to=(), answers={"room": "!strange-room-without-a-server", "id": "$x"})
    with pytest.raises(ChannelError) as caught:
        client.send(message, channels.account_config(account), Hand())
    assert caught.value.permanent


def test_names_are_asked_for(synapse: Synapse, account: ChannelAccount) -> None:
    config = channels.account_config(account)
    assert client.profile("@ada:hub.test", config) == "Ada"
    assert client.profile("@nobody:hub.test", config) == ""


def test_an_application_service_is_pushed_to_and_answers(synapse: Synapse, hook: Hook) -> None:
    account = connect(synapse, synapse.as_token, mode="service", user_id="@hubbot:hub.test")
    hook.path = f"/in/{account.public_key}"
    with watched(account):
        ada = Customer(synapse, account)
        first = ada.say("it is dead")
        told(account, first)
        assert not Record.objects.exclude(source="webhook").exists()
        assert Cursor.objects.get(account=account).position
    question = Message.objects.get()
    assert question.conversation.thread_key == f"room:{ada.room}"
    receipt = client.send(answering(question), channels.account_config(account), Hand())
    assert next(e for e in ada.events() if e["event_id"] == receipt.provider_id)["sender"] == "@hubbot:hub.test"
    path = f"{ada.path}/receipt/m.read/{client.escaped(receipt.provider_id)}"
    synapse.ask("POST", path, {}, token=ada.token)
    wait_for(lambda: Record.objects.filter(external_id__startswith="read:").exists())
    digest()
    account.credentials = crypto.encrypt_mapping({"access_token": synapse.as_token, "hs_token": "another"})
    account.save()
    before = len(hook.statuses)
    ada.say("with a wrong token")
    wait_for(lambda: 401 in hook.statuses[before:])
    hook.path = "/in/nobody"


def test_a_homeserver_that_is_in_a_hurry_says_how_long_to_wait() -> None:
    with running_synapse(**LIMITED) as synapse:
        token = synapse.register("brand")
        room = synapse.ask("POST", "/createRoom", {}, token=token)["room_id"]
        config = channels.account_config(connect(synapse, token))
        with pytest.raises(ChannelError) as caught:
            for number in range(20):
                message = Outbound(key=f"k{number}", text="x", to=(), answers={"room": room, "id": ""})
                client.send(message, config, Hand())
        error = caught.value
        assert not error.permanent
        assert error.of_account
        assert error.retry_after
        assert 1 <= error.retry_after <= 60


def test_a_message_is_in_the_queue_within_half_a_second(synapse: Synapse, account: ChannelAccount) -> None:
    """From the homeserver's acceptance to the row of the message: the median, and the 95th of a hundred."""
    ada, waits, stop = Customer(synapse, account), list[float](), threading.Event()

    def work() -> None:  # as the digest of a worker does
        while not stop.is_set():
            if not pipeline.digest_shards(range(64), limit=500):
                time.sleep(0.01)
        connections.close_all()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    for number in range(60):
        name = ada.say(f"message {number}")
        wait_for(lambda name=name: Message.objects.filter(message_id=name).exists())  # type: ignore[misc]  # bound now
        seen_at = time.time()
        accepted_at = Message.objects.get(message_id=name).sent_at  # by the homeserver's clock, which is this machine's
        waits.append(seen_at - accepted_at.timestamp())
    stop.set()
    thread.join()
    waits.sort()
    median, p95 = statistics.median(waits), waits[int(len(waits) * 0.95)]
    print(f"latency of {len(waits)} messages: median {median * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms")
    assert p95 < 0.5
