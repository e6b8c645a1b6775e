"""From the inbound log to the queue: INV-01, INV-02, INV-07's raw original, set-aside records, threading by keys."""

import json
import random
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from comptoir import pipeline
from comptoir.channels.models import ChannelAccount
from comptoir.contacts.models import Identity
from comptoir.conversations.models import Conversation, Message
from comptoir.core.types import shard_of
from comptoir.inbound import log
from comptoir.inbound.models import Record, RecordState
from comptoir.inbound.services import Arrival, receive, replay_records
from comptoir.journal import services as journal
from comptoir.journal.models import Event
from comptoir.testing.builders import make_account, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> ChannelAccount:
    return make_account(make_team(), kind="sandbox")


def event(number: int, *, thread: str = "t1", text: str = "Bonjour, rien ne marche", **more: Any) -> dict[str, Any]:
    author = {"address": f"ada@{thread}", "name": "Ada"}
    return {"id": f"e{number}", "thread": thread, "author": author, "text": text, **more}


def arrive(account: ChannelAccount, *events: dict[str, Any] | bytes) -> int:
    arrivals = []
    for number, value in enumerate(events):
        raw = value if isinstance(value, bytes) else json.dumps(value).encode()
        identity = f"raw{number}" if isinstance(value, bytes) else value["id"]
        thread = "" if isinstance(value, bytes) else value["thread"]
        arrivals.append(Arrival(account.pk, identity, raw, thread))
    return receive(arrivals)


def digest(limit: int = 100) -> None:
    for shard in log.busy_shards():
        while pipeline.digest_shards([shard], limit=limit):
            pass


def test_a_message_becomes_a_conversation_that_waits(account: ChannelAccount) -> None:
    arrive(account, event(1))
    digest()
    conversation = Conversation.objects.get()
    assert (conversation.state, conversation.message_count, conversation.language) == ("open", 1, "fr")
    assert conversation.waiting_since is not None
    assert conversation.contact.name == "Ada"
    message = conversation.messages.get()
    assert message.text == "Bonjour, rien ne marche"
    assert message.placement == {"reason": "new"}
    kinds = list(Event.objects.order_by("id").values_list("kind", flat=True))
    assert kinds == ["conversation.created", "message.received"]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), limit=st.integers(1, 7))
def test_inv_02_doubled_and_shuffled_deliveries_become_one_message_each(
    account: ChannelAccount, seed: int, limit: int
) -> None:
    chooser = random.Random(seed)
    tag = f"{seed}-{limit}-{chooser.random()}"
    events = [event(0, thread=f"{tag}-{n % 4}") | {"id": f"{tag}-{n}"} for n in range(12)]
    deliveries = events * 2
    chooser.shuffle(deliveries)
    while deliveries:
        size = chooser.randint(1, 5)
        arrive(account, *deliveries[:size])
        deliveries = deliveries[size:]
        if chooser.random() < 0.5:
            digest(limit)
    digest(limit)
    conversations = Conversation.objects.filter(thread_key__startswith=tag)
    assert conversations.count() == 4
    assert sorted(
        Message.objects.filter(conversation__in=conversations).values_list("message_id", flat=True)
    ) == sorted(e["id"] for e in events)
    assert [c.message_count for c in conversations] == [3, 3, 3, 3]


def test_inv_02_the_log_itself_refuses_a_second_record(account: ChannelAccount) -> None:
    assert arrive(account, event(1)) == 1
    assert arrive(account, event(1, text="the same id again")) == 0
    assert b"rien ne marche" in bytes(Record.objects.get().raw)


def test_a_record_that_cannot_be_parsed_is_set_aside_alone(account: ChannelAccount) -> None:
    arrive(account, b"\xff\x00 not json", event(1), event(2, type="typing"), event(3, text=""))
    digest()
    assert list(Record.objects.order_by("id").values_list("state", "reason")) == [
        (RecordState.FAILED, "This is not JSON."),
        (RecordState.DONE, ""),
        (RecordState.IGNORED, "Events of type “typing” are not used here."),
        (RecordState.FAILED, "“text” must be a text."),
    ]
    assert Message.objects.count() == 1


def test_a_record_that_the_database_refuses_is_found_and_set_aside(account: ChannelAccount) -> None:
    # The constraint stands for anything that PostgreSQL may refuse in one message of a batch.
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE conversations_message ADD CONSTRAINT no_poison CHECK (text <> 'poison')")
    arrive(account, *[event(n, thread=f"t{n % 3}", text="poison" if n == 5 else "fine") for n in range(9)])
    digest()
    assert Message.objects.count() == 8
    failed = Record.objects.get(state=RecordState.FAILED)
    assert failed.external_id == "e5"
    assert "no_poison" in failed.reason


def test_a_replayed_record_goes_through_again(account: ChannelAccount) -> None:
    arrive(account, b"not json")
    digest()
    record = Record.objects.get()
    Record.objects.update(raw=json.dumps(event(1)).encode())  # the parser was mended, so to speak
    assert replay_records(actor=journal.SYSTEM, record_ids=[record.pk]) == 1
    digest()
    record.refresh_from_db()
    assert (record.state, record.attempts) == (RecordState.DONE, 1)
    assert Message.objects.get().record_id == record.pk
    assert replay_records(actor=journal.SYSTEM, record_ids=[record.pk]) == 0  # INV-02: what is done stays done


def test_a_new_message_reopens_and_ends_a_snooze(account: ChannelAccount) -> None:
    arrive(account, event(1))
    digest()
    Conversation.objects.update(state="solved", waiting_since=None)
    arrive(account, event(2))
    digest()
    conversation = Conversation.objects.get()
    assert (conversation.state, conversation.message_count) == ("open", 2)
    assert conversation.waiting_since is not None


def test_the_wait_counts_from_the_oldest_unanswered_message(account: ChannelAccount) -> None:
    arrive(account, event(1))
    digest()
    first = Conversation.objects.get().waiting_since
    arrive(account, event(2))
    digest()
    assert Conversation.objects.get().waiting_since == first


def test_texts_that_postgresql_cannot_hold_are_cleaned_not_lost(account: ChannelAccount) -> None:
    arrive(account, event(1, text="avant\x00après \ud800 fin", subject="su\x00jet"))
    digest()
    message = Message.objects.get()
    assert (message.text, message.subject) == ("avantaprès  fin", "sujet")


def test_one_author_is_one_contact_whatever_the_case(account: ChannelAccount) -> None:
    mixed = event(2, thread="b") | {"author": {"address": "ada@t1", "name": "Ada M."}}
    arrive(account, event(1), mixed)
    digest()
    assert Identity.objects.count() == 1
    assert Conversation.objects.values("contact").distinct().count() == 1


def test_the_raw_original_stays_apart(account: ChannelAccount) -> None:
    arrive(account, event(1))
    digest()
    message = Message.objects.select_related("record").get()
    assert message.record is not None
    assert json.loads(bytes(message.record.raw))["id"] == "e1"


def test_a_conversation_is_always_in_one_shard() -> None:
    assert {shard_of("1:t") for _ in range(3)} == {shard_of("1:t")}
    assert len({shard_of(f"1:{n}") for n in range(1000)}) == 64
