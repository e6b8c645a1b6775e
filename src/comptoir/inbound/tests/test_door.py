"""INV-01: what the webhook door acknowledges is on disk; what it refuses left nothing."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
import pytest
from django.test import override_settings

from comptoir.channels import services as channels
from comptoir.channels.base import Channel, Piece
from comptoir.channels.models import AccountDay, ChannelAccount
from comptoir.channels.registry import channels as channels_by_kind
from comptoir.channels.sandbox.verify import sign
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.listening import conninfo
from comptoir.core.types import AccountConfig
from comptoir.inbound.door import WebhookDoor
from comptoir.inbound.models import Record, Refusal
from comptoir.inbound.services import fitting_id
from comptoir.journal.services import SYSTEM
from comptoir.testing.builders import make_team

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "s3cret"  # of this test alone


@pytest.fixture
def account() -> ChannelAccount:
    values = {"secret": SECRET, "url": ""}
    return channels.connect_account(actor=SYSTEM, kind="sandbox", name="Door", team=make_team(), values=values)


def body_of(number: int) -> bytes:
    return json.dumps({"id": f"e{number}", "thread": "t", "author": {"address": "a"}, "text": "Bonjour"}).encode()


async def knock(
    door: WebhookDoor, key: str, body: bytes, *, signature: str | None = None, method: str = "POST"
) -> tuple[int, dict[str, Any]]:
    headers = [(b"comptoir-signature", (signature if signature is not None else sign(body, SECRET)).encode())]
    sent: list[Any] = []
    chunks = [{"type": "http.request", "body": body[:5], "more_body": True}, {"type": "http.request", "body": body[5:]}]

    async def receive() -> Any:
        return chunks.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await door({"type": "http", "method": method, "path": f"/in/{key}", "headers": headers}, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


async def closing(door: WebhookDoor) -> None:
    if door._connection is not None:
        await door._connection.close()


def one(account: ChannelAccount | None, body: bytes, **more: Any) -> tuple[int, dict[str, Any]]:
    async def run() -> tuple[int, dict[str, Any]]:
        door = WebhookDoor()
        try:
            return await knock(door, account.public_key if account else "nobody", body, **more)
        finally:
            await closing(door)

    return asyncio.run(run())


def test_inv_01_what_is_acknowledged_is_committed(account: ChannelAccount) -> None:
    assert one(account, body_of(1)) == (200, {"detail": "accepted"})
    with psycopg.connect(conninfo()) as another:  # sees only what is committed
        row = another.execute("SELECT external_id, raw, state FROM inbound_record").fetchall()
    assert [(r[0], bytes(r[1]), r[2]) for r in row] == [("e1", body_of(1), 0)]


def test_inv_01_a_burst_is_committed_as_groups_and_every_request_gets_its_answer(account: ChannelAccount) -> None:
    async def burst() -> list[int]:
        door = WebhookDoor()
        answers = await asyncio.gather(*(knock(door, account.public_key, body_of(n % 150)) for n in range(300)))
        await closing(door)
        return [status for status, _ in answers]

    assert asyncio.run(burst()) == [200] * 300
    assert Record.objects.count() == 150  # INV-02: each was delivered twice


def test_a_list_of_events_is_as_many_records(account: ChannelAccount) -> None:
    body = json.dumps({"events": [json.loads(body_of(n)) for n in range(3)]}).encode()
    assert one(account, body)[0] == 200
    assert Record.objects.count() == 3


@pytest.mark.parametrize(
    ("label", "body", "more", "status"),
    [
        ("wrong signature", body_of(1), {"signature": "sha256=00"}, 401),
        ("no signature", body_of(1), {"signature": ""}, 401),
        ("signature that is no ASCII", body_of(1), {"signature": "é"}, 401),
        ("signature of another body", body_of(1), {"signature": sign(body_of(2), SECRET)}, 401),
        ("not JSON", b"\xff\xfe", {}, 400),
        ("not an object", b"[1, 2]", {}, 400),
        ("no id", b'{"text": "x"}', {}, 400),
        ("deeply nested", b"[" * 100_000, {}, 400),
        ("wrong method", body_of(1), {"method": "GET"}, 405),
    ],
)
def test_bad_requests_are_refused_in_words_and_leave_nothing(
    account: ChannelAccount, label: str, body: bytes, more: dict[str, Any], status: int
) -> None:
    got, answer = one(account, body, **more)
    assert got == status
    assert answer["detail"]
    assert not Record.objects.exists()


@override_settings(MAX_RECORD_BYTES=100)
def test_an_oversized_body_is_refused_while_it_is_read(account: ChannelAccount) -> None:
    assert one(account, b"x" * 200)[0] == 413


@pytest.mark.parametrize("poison", ["e\x00", "\ud800", "x" * 5000, " "])
def test_an_id_that_postgresql_cannot_hold_harms_no_neighbour(account: ChannelAccount, poison: str) -> None:
    bad = json.dumps(json.loads(body_of(1)) | {"id": f"p{poison}", "thread": f"t{poison}"}).encode()

    async def burst() -> list[int]:
        door = WebhookDoor()
        answers = await asyncio.gather(*(knock(door, account.public_key, b) for b in (body_of(1), bad, body_of(2))))
        await closing(door)
        return [status for status, _ in answers]

    statuses = asyncio.run(burst())
    assert (statuses[0], statuses[2]) == (200, 200)
    assert statuses[1] in {200, 400}
    assert Record.objects.filter(external_id__in=["e1", "e2"]).count() == 2


def test_inv_02_long_or_odd_ids_stay_apart() -> None:
    odd = ["e", "e\x00", "e\ud800", "x" * 300, "x" * 301, "x" * 302]
    fitted = [fitting_id(value) for value in odd]
    assert len(set(fitted)) == len(odd)
    assert all(len(value) <= 300 and "\x00" not in value for value in fitted)
    assert fitting_id("plain") == "plain"


def test_an_unknown_or_closed_account_is_nobody(account: ChannelAccount) -> None:
    assert one(None, body_of(1))[0] == 404
    ChannelAccount.objects.update(is_active=False)
    assert one(account, body_of(1))[0] == 404
    assert not Record.objects.exists()


def test_a_lost_database_says_come_again(account: ChannelAccount) -> None:
    async def run() -> tuple[int, dict[str, Any]]:
        door = WebhookDoor()
        await knock(door, account.public_key, body_of(1))
        assert door._connection is not None
        backend = door._connection.info.backend_pid
        with psycopg.connect(conninfo(), autocommit=True) as another:
            another.execute("SELECT pg_terminate_backend(%s)", [backend])
        first = await knock(door, account.public_key, body_of(2))
        again = await knock(door, account.public_key, body_of(2))
        await closing(door)
        assert again[0] == 200
        return first

    status, answer = asyncio.run(run())
    assert status == 503
    assert "again" in answer["detail"]
    assert Record.objects.count() == 2


# What leaves no record is told by its reason.


def told(account: ChannelAccount, *bodies: bytes, **more: Any) -> list[tuple[str, str, int]]:
    """Send requests; return what was written down of those that left no record."""

    async def run() -> None:
        door = WebhookDoor()
        try:
            for body in bodies:
                await knock(door, account.public_key, body, **more)
            if door._teller is not None:
                await door._teller
        finally:
            await closing(door)

    asyncio.run(run())
    return sorted((row.kind, row.reason, row.count) for row in Refusal.objects.filter(account=account))


def test_a_flood_with_a_wrong_signature_is_one_row_that_counts(account: ChannelAccount) -> None:
    rows = told(account, *[body_of(n) for n in range(50)], signature="sha256=00")
    assert [(kind, count) for kind, _reason, count in rows] == [("refused", 50)]
    assert "signature" in rows[0][1]
    assert bytes(Refusal.objects.get().sample) == body_of(49)
    assert AccountDay.objects.get(account=account).refused == 50


def test_what_is_no_event_and_what_is_too_large_are_told_too(account: ChannelAccount) -> None:
    with override_settings(MAX_RECORD_BYTES=100):
        rows = told(account, b"{", b"x" * 200)
    assert {reason for _kind, reason, _count in rows} == {"This is not JSON.", "At most 0 MB."}


def test_nothing_is_written_for_addresses_that_nobody_has(account: ChannelAccount) -> None:
    assert one(None, body_of(1))[0] == 404
    assert not Refusal.objects.exists()


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[Channel]:
    """Return the sandbox as a network whose bodies name the account, and which checks addresses by a GET."""
    sandbox = channels_by_kind()["sandbox"]
    known = {name: getattr(sandbox, name) for name in ("identify", "challenge", "recipient_field")}

    def identify(body: bytes, account: AccountConfig) -> list[Piece]:
        value = json.loads(body)
        if value.get("type") == "typing":
            raise UnsupportedEvent("Somebody types.")
        return [Piece(value["id"], "", body, recipient=value.get("for", ""))]

    def challenge(query: Mapping[str, str], account: AccountConfig) -> tuple[str, bytes]:
        if query.get("token") != SECRET:
            raise AnomalousPayload("The token is wrong.")
        return "text/plain", query["challenge"].encode()

    for name, value in {"identify": identify, "challenge": challenge, "recipient_field": "imitates"}.items():
        object.__setattr__(sandbox, name, value)
    yield sandbox
    for name, value in known.items():
        object.__setattr__(sandbox, name, value)


def network_body(number: int, **more: str) -> bytes:
    return json.dumps({"id": f"e{number}", "author": {"address": "a"}, "text": "Bonjour", **more}).encode()


def second(account: ChannelAccount, secret: str) -> ChannelAccount:
    account.options["imitates"] = "page-1"
    account.save()
    values = {"secret": secret, "url": "", "imitates": "page-2"}
    return channels.connect_account(actor=SYSTEM, kind="sandbox", name="Two", team=account.team, values=values)


def test_an_event_for_another_account_goes_to_that_account(network: Channel, account: ChannelAccount) -> None:
    other = second(account, SECRET)
    told(account, network_body(1, **{"for": "page-2"}), network_body(2, **{"for": "page-1"}))
    assert set(Record.objects.values_list("account_id", "external_id")) == {(other.pk, "e1"), (account.pk, "e2")}


def test_an_event_for_an_account_that_is_not_here_or_has_another_secret_is_ignored_and_told(
    network: Channel, account: ChannelAccount
) -> None:
    second(account, "another")
    rows = told(account, network_body(1, **{"for": "page-2"}), network_body(2, **{"for": "page-9"}))
    assert not Record.objects.exists()
    assert [(kind, count) for kind, _reason, count in rows] == [("ignored", 1), ("ignored", 1)]
    assert "page-9" in rows[1][1]


def test_received_with_200_and_of_no_use_leaves_its_reason(network: Channel, account: ChannelAccount) -> None:
    rows = told(account, network_body(1, type="typing"))
    assert rows == [("ignored", "Somebody types.", 1)]
    assert AccountDay.objects.get(account=account).ignored == 1


def test_a_platform_checks_the_address(network: Channel, account: ChannelAccount) -> None:
    async def ask(query: bytes) -> tuple[int, bytes, bytes]:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": b""}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "GET",
            "path": f"/in/{account.public_key}",
            "headers": [],
            "query_string": query,
        }
        door = WebhookDoor()
        await door(scope, receive, send)
        if door._teller is not None:
            await door._teller
        return sent[0]["status"], dict(sent[0]["headers"])[b"content-type"], sent[1]["body"]

    assert asyncio.run(ask(f"token={SECRET}&challenge=12%2034".encode())) == (200, b"text/plain", b"12 34")
    assert asyncio.run(ask(b"token=wrong&challenge=1"))[0] == 400
    assert Refusal.objects.get().reason == "The token is wrong."
