"""Against a double of the API that others wrote: posts, answers, direct messages, edits, favourites, by its stream."""

import statistics
import threading
import time
from collections.abc import Iterator

import pytest
from django.db import connections

from comptoir import pipeline
from comptoir.channels import services as channels
from comptoir.channels.mastodon import client, trying, watching
from comptoir.channels.mastodon.streaming import NoStreamError
from comptoir.channels.mastodon.tests.test_client import Hand
from comptoir.channels.mastodon.tests.test_watching import digest, wait_for
from comptoir.channels.models import ChannelAccount, Cursor
from comptoir.conversations.models import Conversation, Message
from comptoir.core import crypto
from comptoir.core.types import Author, Outbound, OutboundFile
from comptoir.inbound.models import Record, RecordState
from comptoir.testing.builders import make_account, make_team
from comptoir.testing.fediservers import Mastodon, running_mastodon

pytestmark = [pytest.mark.servers, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def mastodon() -> Iterator[Mastodon]:
    with running_mastodon() as running:
        yield running


@pytest.fixture
def account(mastodon: Mastodon) -> ChannelAccount:
    secrets = crypto.encrypt_mapping({"access_token": "brand_token"})
    options = {"server": "localhost", "api_url": mastodon.url}
    return make_account(make_team(), kind="mastodon", options=options, credentials=secrets)


@pytest.fixture
def watched(account: ChannelAccount) -> Iterator[ChannelAccount]:
    stop = threading.Event()

    def run() -> None:
        watching.watch(account.pk, stop.is_set)
        connections.close_all()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    wait_for(lambda: Cursor.objects.filter(account=account, stream="own").exists())
    yield account
    stop.set()
    thread.join(15)
    assert not thread.is_alive()


def records(account: ChannelAccount, count: int) -> None:
    wait_for(lambda: Record.objects.filter(account=account).count() >= count)
    digest()
    assert not Record.objects.filter(account=account, state=RecordState.FAILED).exists()


def answers(message: Message) -> dict[str, object]:
    return {**message.facts, "id": message.message_id, "author": message.author_address}


def test_a_public_thread_and_a_private_word(mastodon: Mastodon, watched: ChannelAccount) -> None:
    asked = mastodon.ask("POST", "/api/v1/statuses", {"status": "@brand it is dead", "visibility": "unlisted"})
    records(watched, 1)
    question = Message.objects.get()
    assert question.visible_text == "it is dead"
    assert question.conversation.thread_key == f"post:{asked['id']}"
    watched.refresh_from_db()
    config = channels.account_config(watched)
    to = (Author("mastodon", question.author_address),)
    message = Outbound(key="k1", text="Which line?", to=to, is_public=True, answers=answers(question))
    receipt = client.send(message, config, Hand())
    again = client.send(message, config, Hand())
    assert again.provider_id == receipt.provider_id  # one post under one key
    posted = mastodon.ask("GET", f"/api/v1/statuses/{receipt.provider_id}")
    assert (posted["visibility"], posted["in_reply_to_id"]) == ("unlisted", asked["id"])
    with running_sweep(watched):  # our own answer comes back; this double streams it to nobody
        records(watched, 2)
    mastodon.ask("POST", f"/api/v1/statuses/{receipt.provider_id}/favourite")
    mastodon.ask("POST", "/api/v1/statuses", {"status": "@brand mine", "in_reply_to_id": receipt.provider_id})
    mastodon.ask("POST", "/api/v1/statuses", {"status": "@brand 4711", "visibility": "direct"})
    records(watched, 5)
    thread = Conversation.objects.get(thread_key=f"post:{asked['id']}")
    assert sorted(one.kind for one in thread.messages.all()) == ["in", "in", "out"]
    assert thread.messages.get(kind="out").marks["reactions"] == {"favourite": 1}
    private = Conversation.objects.exclude(pk=thread.pk).get()
    assert (private.is_public, private.thread_key) == (False, f"dm:{asked['account']['id']}")


def test_a_customer_edits_and_deletes(mastodon: Mastodon, watched: ChannelAccount) -> None:
    asked = mastodon.ask("POST", "/api/v1/statuses", {"status": "@brand it is dead"})
    records(watched, 1)
    mastodon.ask("PUT", f"/api/v1/statuses/{asked['id']}", {"status": "@brand it was dead"})
    with running_sweep(watched):
        records(watched, 2)
    assert Message.objects.get().marks["text"] == "@brand it was dead"


class running_sweep:
    """One look behind the stream, as the watcher has every two minutes."""

    def __init__(self, account: ChannelAccount) -> None:
        self.account = account

    def __enter__(self) -> None:
        self.account.refresh_from_db()
        watching.Watcher.open(client.Api(channels.account_config(self.account))).catch_up()

    def __exit__(self, *_: object) -> None:
        return


def test_files_and_the_connection_test(mastodon: Mastodon, account: ChannelAccount) -> None:
    config = channels.account_config(account)
    assert [said for _label, said in trying.test(config)] == ["", "", "", ""]
    png = bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478da6364f8ffbf1e000584"
        "02806b6e7a5f0000000049454e44ae426082"
    )
    message = Outbound(key="k2", text="Look", to=(Author("mastodon", "cust@localhost"),), is_public=True,
                       files=(OutboundFile("box.png", "image/png", png),))  # fmt: skip
    posted = mastodon.ask("GET", f"/api/v1/statuses/{client.send(message, config, Hand()).provider_id}")
    assert len(posted["media_attachments"]) == 1


def test_the_same_events_come_by_web_socket_where_there_are_no_server_sent_events(
    mastodon: Mastodon, account: ChannelAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(*_: object) -> None:
        raise NoStreamError("404")

    monkeypatch.setattr(watching, "server_sent_events", absent)
    seen = watching.Watcher.open(client.Api(channels.account_config(account)))
    with seen._stream(lambda: False) as events:
        assert events is not None
        asked = mastodon.ask("POST", "/api/v1/statuses", {"status": "@brand by web socket"})
        seen.take(next(event for event in events if event))
    assert Record.objects.filter(account=account, external_id=f"status:{asked['id']}").exists()


def test_a_mention_is_in_the_queue_within_half_a_second(mastodon: Mastodon, watched: ChannelAccount) -> None:
    """From the server's answer to the customer to the row of the message."""
    waits, stop = list[float](), threading.Event()

    def work() -> None:  # as the digest of a worker does
        while not stop.is_set():
            if not pipeline.digest_shards(range(64), limit=500):
                time.sleep(0.01)
        connections.close_all()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    for number in range(50):
        asked = mastodon.ask("POST", "/api/v1/statuses", {"status": f"@brand message {number}"})
        began, name = time.monotonic(), asked["id"]
        wait_for(lambda name=name: Message.objects.filter(message_id=name).exists())  # type: ignore[misc]  # bound now
        waits.append(time.monotonic() - began)
    stop.set()
    thread.join()
    waits.sort()
    median, p95 = statistics.median(waits), waits[int(len(waits) * 0.95)]
    print(f"latency of {len(waits)} mentions: median {median * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms")
    assert p95 < 0.5
