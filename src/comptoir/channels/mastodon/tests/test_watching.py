"""Watching an account: catching up behind opaque ids, streams of both kinds, and what became of it in conversations."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedIOBase

import pytest
from django.db import connections

from comptoir import pipeline
from comptoir.channels import services as channels
from comptoir.channels.mastodon import streaming, watching
from comptoir.channels.mastodon.client import Api
from comptoir.channels.mastodon.render import preview
from comptoir.channels.mastodon.streaming import NoStreamError, frame, server_sent_events, web_socket
from comptoir.channels.mastodon.tests.fake import BRAND, FakeMastodon, running_fake
from comptoir.channels.mastodon.tests.test_client import connect
from comptoir.channels.models import AccountHealth, ChannelAccount, Cursor
from comptoir.conversations.models import Conversation, Message
from comptoir.core import clock
from comptoir.core.errors import ChannelError
from comptoir.core.types import Author, Outbound
from comptoir.inbound.models import Record, RecordState
from comptoir.testing.builders import make_delivery, make_message
from comptoir.testing.loopback import dialogue_server

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["mastodon", "other"])
def fake(request: pytest.FixtureRequest) -> Iterator[FakeMastodon]:
    with running_fake(variant=request.param) as running:
        yield running


def watcher(account: ChannelAccount) -> watching.Watcher:
    return watching.Watcher.open(Api(channels.account_config(account)))


def digest() -> None:
    while pipeline.digest_shards(range(64), limit=500):
        pass


def test_what_was_before_the_connection_stays_and_what_came_in_an_outage_is_caught_up(fake: FakeMastodon) -> None:
    fake.write("before")
    account = connect(fake)
    seen = watcher(account)
    assert seen.catch_up() == 0
    for number in range(15):
        fake.write(f"during the outage {number}")
    assert watcher(account).catch_up() == 15
    assert watcher(account).catch_up() == 0
    assert Cursor.objects.get(account=account, stream="notifications").token == fake.notifications[0]["id"]
    account.refresh_from_db()
    assert account.options["max_characters"] == 500
    assert account.options["keeps_keys"] == (fake.variant == "mastodon")


@pytest.mark.parametrize("before", [0, 1])
def test_many_pages_come_in_their_order(fake: FakeMastodon, before: int) -> None:
    account = connect(fake)
    for _ in range(before):
        fake.write("before")
    watcher(account).catch_up()
    for number in range(95):
        fake.write(f"{number}")
    assert watcher(account).catch_up() == 95
    assert watcher(account).catch_up() == 0
    digest()
    said = list(Message.objects.order_by("id").values_list("text", flat=True))
    assert said == [str(number) for number in range(95)]


def test_an_account_without_any_notification_begins_at_nothing(fake: FakeMastodon) -> None:
    account = connect(fake)
    watcher(account).catch_up()
    fake.write("the first")
    assert watcher(account).catch_up() == 1


def test_the_life_of_a_thread(fake: FakeMastodon) -> None:
    account = connect(fake)
    seen = watcher(account)
    seen.catch_up()
    question = fake.write("it is dead")
    seen.catch_up()
    ours = fake.write("which line?", author=BRAND, in_reply_to_id=question["id"], in_reply_to_account_id="109302")
    fake.write("mine", in_reply_to_id=ours["id"], in_reply_to_account_id="100")
    secret = fake.write("my number is 4711", visibility="direct")
    watcher(account).catch_up()  # without the memory of threads
    question.update(edited_at="2026-01-31T11:30:00Z", content="<p>it was dead</p>")
    seen.catch_up()
    like = {"id": "n1", "type": "favourite", "account": question["account"], "status": ours}
    seen.take(("notification", json.dumps(like)))
    seen.take(("delete", secret["id"]))
    seen.take(("update", json.dumps(fake.write("hello followers", author={"id": "5", "acct": "x"}, mentions=[]))))
    seen.take(("filters_changed", ""))
    digest()
    public = Conversation.objects.get(thread_key=f"post:{question['id']}")
    private = Conversation.objects.get(thread_key="dm:109302")
    assert (public.is_public, private.is_public, public.contact_id == private.contact_id) == (True, False, True)
    first, third = public.messages.filter(kind="in").order_by("id")
    second = public.messages.get(kind="out")
    assert third.text == "mine"
    assert first.marks["text"] == "it was dead"
    assert second.marks["reactions"] == {"favourite": 1}
    assert "deleted_at" in private.messages.get().marks


@pytest.mark.parametrize("text", ["We look into it."])
def test_an_echo_that_comes_before_our_own_answer_is_no_second_message(text: str) -> None:
    with running_fake() as fake:
        account = connect(fake)
        seen = watcher(account)
        seen.catch_up()
        question = fake.write("it is dead")
        seen.catch_up()
        digest()
        conversation = Conversation.objects.get()
        message = make_message(conversation, kind="out", text=text)
        make_delivery(message, state="sending", claimed_at=clock.now())
        for part in preview(Outbound(key="k", text=text, to=(Author("mastodon", "ada@x.example"),)), {}).parts:
            said = part.text.replace("@ada@x.example", "@ada")
            fake.write(said, author=BRAND, in_reply_to_id=question["id"])
        seen.catch_up()
        digest()
        assert conversation.messages.count() == 2
        assert message.delivery.parts.count() == (1 if len(text) < 500 else 3)
        assert Record.objects.filter(state=RecordState.FAILED).count() == 0


@contextmanager
def watching_thread(account: ChannelAccount) -> Iterator[None]:
    stop = threading.Event()

    def run() -> None:
        watching.watch(account.pk, stop.is_set)
        connections.close_all()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)


def wait_for(found: Callable[[], object], seconds: float = 10.0) -> None:
    ends_at = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < ends_at
        time.sleep(0.02)


def test_without_any_stream_the_account_is_polled(fake: FakeMastodon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.2)
    account = connect(fake)
    with watching_thread(account):
        wait_for(lambda: Cursor.objects.filter(account=account, stream="own").exists())
        fake.write("hello")
        wait_for(lambda: Record.objects.filter(account=account).exists())


def test_a_withdrawn_token_is_told_and_a_failing_context_loses_nothing(fake: FakeMastodon) -> None:
    account = connect(fake)
    fake.token = "another"
    with watching_thread(account):
        wait_for(lambda: AccountHealth.objects.filter(account=account, revoked_at__isnull=False).exists())


# The streams themselves, one dialogue each.


def lines_until_blank(lines: BufferedIOBase) -> dict[str, str]:
    lines.readline()
    headers = iter(lambda: lines.readline().decode().strip(), "")
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in headers)}


def test_server_sent_events_in_chunks_that_cut_anywhere() -> None:
    body = b':thump\n\nevent: notification\ndata: {"id": "\xc3\xa9"}\n\n' + b"event: delete\r\ndata: 5\r\n\r\n:t"

    def speak(lines: BufferedIOBase, say: Callable[[bytes], object]) -> None:
        assert lines_until_blank(lines)["authorization"] == "Bearer t"
        say(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(body), 7):
            say(b"%x\r\n%b\r\n" % (len(body[at : at + 7]), body[at : at + 7]))
        say(b"0\r\n\r\n")

    with dialogue_server(speak) as port:
        url, headers = f"http://127.0.0.1:{port}/api/v1/streaming/user", {"Authorization": "Bearer t"}
        with server_sent_events(url, headers, lambda: False) as events, pytest.raises(ChannelError, match="has ended"):
            found = []
            for event in events:
                found.append(event)
        assert [event for event in found if event] == [("notification", '{"id": "é"}'), ("delete", "5")]


def server_frame(opcode: int, payload: bytes, *, last: bool = True) -> bytes:
    size = len(payload)
    head = bytes([(0x80 if last else 0) | opcode])
    if size < 126:
        return head + bytes([size]) + payload
    return head + (b"\x7e" + size.to_bytes(2, "big") if size < 65536 else b"\x7f" + size.to_bytes(8, "big")) + payload


def test_a_web_socket_with_fragments_pings_and_a_large_event() -> None:
    pongs: list[bytes] = []
    large = json.dumps({"stream": ["user"], "event": "update", "payload": "x" * 70_000}).encode()

    def speak(lines: BufferedIOBase, say: Callable[[bytes], object]) -> None:
        headers = lines_until_blank(lines)
        accept = hashlib.sha1(headers["sec-websocket-key"].encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        say(head + b"Sec-WebSocket-Accept: " + base64.b64encode(accept) + b"\r\n\r\n" + server_frame(9, b"hi"))
        pongs.append(lines.read(6 + 2))
        event = b'{"stream": ["user"], "event": "delete", "payload": "7"}'
        say(server_frame(1, event[:9], last=False) + server_frame(0, event[9:]) + server_frame(1, b"[]"))
        say(server_frame(1, large) + server_frame(8, b""))

    with dialogue_server(speak) as port:
        url = f"ws://127.0.0.1:{port}/api/v1/streaming?stream=user"
        with web_socket(url, "t", lambda: False) as events, pytest.raises(ChannelError):
            found = []
            for event in events:
                found.append(event)
        assert [event for event in found if event] == [("delete", "7"), ("update", "x" * 70_000)]
    mask, masked = pongs[0][2:6], pongs[0][6:]
    assert pongs[0][:2] == bytes([0x8A, 0x82])
    assert bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked)) == b"hi"


def test_a_frame_of_ours_is_masked_and_long_ones_have_two_bytes_of_length() -> None:
    assert frame(1, b"x" * 200)[1:4] == bytes([0xFE, 0, 200])


@pytest.mark.parametrize("status", [b"404 Not Found", b"400 Bad Request", b"200 OK"])
def test_a_server_without_a_stream_says_so(status: bytes) -> None:
    def speak(lines: BufferedIOBase, say: Callable[[bytes], object]) -> None:
        lines_until_blank(lines)
        say(b"HTTP/1.1 " + status + b"\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")

    with dialogue_server(speak) as port:
        with pytest.raises(NoStreamError), server_sent_events(f"http://127.0.0.1:{port}/x", {}, lambda: False):
            pass
        with pytest.raises(NoStreamError), web_socket(f"ws://127.0.0.1:{port}/x", "t", lambda: False):
            pass


def test_a_silent_line_counts_as_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "SILENCE", 0.3)
    monkeypatch.setattr(streaming, "PATIENCE", 0.1)

    def speak(lines: BufferedIOBase, say: Callable[[bytes], object]) -> None:
        lines_until_blank(lines)
        say(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        lines.readline()

    with (
        dialogue_server(speak) as port,
        server_sent_events(f"http://127.0.0.1:{port}/x", {}, lambda: False) as events,
        pytest.raises(ChannelError, match="has ended"),
    ):
        for event in events:
            assert event is None
