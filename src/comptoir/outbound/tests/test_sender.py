"""INV-03: a reply is delivered once, or is shown as failed or unconfirmed.

The receiver is a real HTTP server on loopback that remembers what it accepted under which key.
"""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.conf import settings

from comptoir.accounts.models import User
from comptoir.accounts.services import actor_of
from comptoir.conversations.models import Conversation
from comptoir.core import bulk, clock
from comptoir.core.errors import Conflict, InputError
from comptoir.journal.models import Event
from comptoir.outbound import sender
from comptoir.outbound.models import Delivery
from comptoir.outbound.services import Draft, cancel_delivery, confirm_delivery, queue_reply, retry_delivery
from comptoir.testing.builders import make_account, make_conversation, make_team, make_user

pytestmark = pytest.mark.django_db


class Receiver(ThreadingHTTPServer):
    """Accepts messages; `mode` makes it misbehave."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.accepted: Counter[str] = Counter()
        self.bodies: list[dict[str, object]] = []
        self.mode = "ok"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.mode in {"ok", "hangs up after accepting"}:
            self.server.accepted[self.headers["Idempotency-Key"]] += 1
            self.server.bodies.append(body)
        if self.server.mode.startswith("hangs up"):
            self.close_connection = True
            return
        self.send_response({"ok": 200, "busy": 503, "refuses": 422}[self.server.mode])
        self.end_headers()

    def do_GET(self) -> None:
        key = self.path.partition("key=")[2]
        self.send_response(200 if self.server.accepted[key] else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def user() -> User:
    return make_user(make_team("Service"))


@pytest.fixture
def conversation(user: User, receiver: Receiver) -> Conversation:
    account = make_account(user.teams.get(), kind="sandbox", options={"url": receiver.url})
    return make_conversation(account)


def queue(user: User, conversation: Conversation, text: str = "Bonjour, c’est réparé.", **more: object) -> Delivery:
    return queue_reply(actor=actor_of(user), user=user, conversation=conversation, draft=Draft(text, **more))


def let_it_be_due() -> None:
    Delivery.objects.update(due_at=clock.now() - timedelta(seconds=1))


def kinds(conversation: Conversation) -> list[str]:
    return list(Event.objects.filter(conversation_id=conversation.pk).order_by("id").values_list("kind", flat=True))


def test_an_answer_leaves_after_the_undo_window_once(
    user: User, conversation: Conversation, receiver: Receiver
) -> None:
    delivery = queue(user, conversation)
    assert not sender.send_one()
    assert sender.seconds_until_due(longest=60) > 8
    let_it_be_due()
    assert sender.send_one()
    assert not sender.send_one()
    delivery.refresh_from_db()
    conversation.refresh_from_db()
    assert delivery.state == "delivered"
    assert receiver.accepted == {delivery.key: 1}
    assert receiver.bodies[0]["text"] == "Bonjour, c’est réparé."
    assert conversation.waiting_since is None
    assert conversation.assignee == user
    assert kinds(conversation) == ["reply.queued", "reply.delivered"]


def test_an_answer_can_be_taken_back_and_the_wait_resumes(
    user: User, conversation: Conversation, receiver: Receiver
) -> None:
    before = conversation.waiting_since
    delivery = queue(user, conversation)
    cancel_delivery(actor=actor_of(user), delivery=delivery)
    let_it_be_due()
    assert not sender.send_one()
    conversation.refresh_from_db()
    assert conversation.waiting_since == before
    assert not receiver.accepted


def test_too_late_to_take_back(user: User, conversation: Conversation, receiver: Receiver) -> None:
    delivery = queue(user, conversation)
    let_it_be_due()
    sender.send_one()
    with pytest.raises(Conflict):
        cancel_delivery(actor=actor_of(user), delivery=delivery)


def test_a_scheduled_answer_waits_for_its_time(user: User, conversation: Conversation) -> None:
    delivery = queue(user, conversation, send_at=clock.now() + timedelta(hours=3))
    assert delivery.due_at == delivery.scheduled_for
    assert not sender.send_one()
    with pytest.raises(InputError, match="future"):
        queue(user, conversation, send_at=clock.now() - timedelta(hours=3))


def test_a_busy_receiver_is_tried_again_later(user: User, conversation: Conversation, receiver: Receiver) -> None:
    delivery = queue(user, conversation)
    let_it_be_due()
    receiver.mode = "busy"
    sender.send_one()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("queued", 1)
    assert delivery.due_at > clock.now()
    assert "503" in delivery.reason
    receiver.mode = "ok"
    let_it_be_due()
    sender.send_one()
    assert receiver.accepted == {delivery.key: 1}


def test_a_refusal_is_shown_and_the_customer_waits_again(
    user: User, conversation: Conversation, receiver: Receiver
) -> None:
    before = conversation.waiting_since
    delivery = queue(user, conversation)
    let_it_be_due()
    receiver.mode = "refuses"
    sender.send_one()
    delivery.refresh_from_db()
    conversation.refresh_from_db()
    assert delivery.state == "failed"
    assert "422" in delivery.reason
    assert conversation.waiting_since == before
    receiver.mode = "ok"
    retry_delivery(actor=actor_of(user), delivery=delivery)
    sender.send_one()
    assert receiver.accepted == {delivery.key: 1}


@pytest.mark.parametrize(("mode", "copies"), [("hangs up after accepting", 1), ("hangs up before accepting", 0)])
def test_inv_03_a_broken_line_leaves_a_doubt_and_the_provider_decides(
    user: User, conversation: Conversation, receiver: Receiver, mode: str, copies: int
) -> None:
    delivery = queue(user, conversation)
    let_it_be_due()
    receiver.mode = mode
    sender.send_one()
    delivery.refresh_from_db()
    conversation.refresh_from_db()
    assert delivery.state == "unconfirmed"
    assert conversation.waiting_since is not None
    assert receiver.accepted[delivery.key] == copies
    receiver.mode = "ok"
    sender.reconcile_one(delivery.pk)
    sender.send_one()
    delivery.refresh_from_db()
    assert delivery.state == "delivered"
    assert receiver.accepted == {delivery.key: 1}


def test_inv_03_a_claim_that_died_before_the_hand_over_is_sent_again(
    user: User, conversation: Conversation, receiver: Receiver
) -> None:
    delivery = queue(user, conversation)
    let_it_be_due()
    now = clock.now()
    bulk.fetch_all(sender.CLAIM, [now, now, clock.now()])  # … and the process was killed here
    assert sender.recover_claims(at=now) == 0  # the lease still runs
    late = now + timedelta(seconds=settings.SEND_LEASE + 1)
    assert sender.recover_claims(at=late) == 1
    Delivery.objects.update(due_at=now)
    sender.send_one()
    assert receiver.accepted == {delivery.key: 1}


def test_inv_03_a_sleeper_whose_claim_was_taken_sends_nothing(
    user: User, conversation: Conversation, receiver: Receiver
) -> None:
    queue(user, conversation)
    let_it_be_due()
    now = clock.now()
    sleeper = sender._load(bulk.fetch_all(sender.CLAIM, [now, now, clock.now()])[0][0])
    sender.recover_claims(at=now + timedelta(seconds=settings.SEND_LEASE + 1))
    Delivery.objects.update(due_at=now)
    sender.send_one()  # another worker sends it
    with pytest.raises(Conflict):
        sender._send(sleeper)
    assert sum(receiver.accepted.values()) == 1


def test_inv_03_a_claim_that_died_after_the_hand_over_is_looked_up_not_repeated(
    user: User, conversation: Conversation, receiver: Receiver
) -> None:
    delivery = queue(user, conversation)
    let_it_be_due()
    now = clock.now()
    dying = sender._load(bulk.fetch_all(sender.CLAIM, [now, now, clock.now()])[0][0])
    sender._send(dying)  # accepted by the receiver; the process was killed before it could write that down
    sender.recover_claims(at=now + timedelta(seconds=settings.SEND_LEASE + 1))
    delivery.refresh_from_db()
    assert delivery.state == "delivered"
    assert not sender.send_one()
    assert receiver.accepted == {delivery.key: 1}


def test_a_person_may_settle_a_doubt(user: User, conversation: Conversation, receiver: Receiver) -> None:
    delivery = queue(user, conversation)
    Delivery.objects.update(state="unconfirmed")
    confirm_delivery(actor=actor_of(user), delivery=delivery)
    delivery.refresh_from_db()
    assert delivery.state == "sent"
    assert kinds(conversation)[-1] == "reply.sent"


@pytest.mark.parametrize(
    ("label", "more", "words"),
    [
        ("empty", {"text": "  \n"}, "Write something"),
        ("too long", {"text": "x" * 200_001}, "Attach it"),
        ("copies where there are none", {"cc": [("", "a@b.example")]}, "no copies"),
        ("no address", {"to": [("", "nobody")]}, "not an e-mail address"),
        ("header injection", {"to": [("", "a@b.example\r\nBcc: c@d.example")]}, "not an e-mail address"),
    ],
)
def test_wrong_drafts_are_refused_in_words_and_nothing_is_queued(
    user: User, conversation: Conversation, label: str, more: dict[str, object], words: str
) -> None:
    values = {"text": "Bonjour", **more}
    with pytest.raises(InputError, match=words):
        queue(user, conversation, **values)
    assert not Delivery.objects.exists()
