"""Every fixture is read as what it means; signatures are checked as gateways make them; nothing fails otherwise."""

import base64
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comptoir.channels.base import Request
from comptoir.channels.sms import parse as module
from comptoir.channels.sms.parse import identify, parse, thread_of
from comptoir.channels.sms.verify import HEADER, sign, verify
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.types import AccountConfig, Delivered, Inbound, InboundKind, ParseContext

FIXTURES = Path(module.__file__).parent / "fixtures"
ACCOUNT = AccountConfig(
    1, "sms", "S", "", {"number": "+33 7 00 90 00 00"}, {"auth_token": "12345", "webhook_login": "u:p"}
)


def read(raw: bytes) -> list[Inbound]:
    at = datetime(2026, 9, 22, tzinfo=UTC)
    return parse(raw, ParseContext(1, "", {}, "webhook", at, "x", b"k" * 32), lambda content: "0" * 64)


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def test_a_message_of_a_form() -> None:
    (event,) = read(fixture("message.txt"))
    assert event.text == "Bonjour, ma box n’a plus de lumière. Merci & à bientôt + vite 👍"
    assert (event.kind, event.author.kind, event.author.address) == (InboundKind.MESSAGE, "sms", "+33700900001")
    assert (event.thread_key, event.message_id, event.automatic) == ("dm:+33700900001", "SM0001", "")
    assert event.facts["number"] == "+33700900000"


def test_pictures_are_fetched_afterwards() -> None:
    (event,) = read(fixture("message_mms.txt"))
    assert [(f.ref["url"][-3:], f.filename, f.content_type) for f in event.remote_files] == [
        ("ME1", "", "image/jpeg"), ("vcf", "note.vcf", "text/vcard"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "why"),
    [("message_stop.txt", "opt-out"), ("message_opt_out_type.txt", "opt-out"), ("message_from_a_name.txt", "no-reply")],
)
def test_what_no_machine_may_answer(name: str, why: str) -> None:
    assert read(fixture(name))[0].automatic == why


@pytest.mark.parametrize(
    ("text", "is_stop"), [("STOP", True), ("stop!", True), ("ARRET", True), ("Stop à la panne", False), ("fin", False)]
)
def test_an_opt_out_stands_alone(text: str, is_stop: bool) -> None:
    raw = urlencode({"MessageSid": "SM1", "From": "+33700900001", "Body": text}).encode()
    assert (read(raw)[0].automatic == "opt-out") == is_stop


def test_whatsapp_over_the_gateway() -> None:
    (event,) = read(fixture("message_whatsapp.txt"))
    assert (event.author.address, event.author.name) == ("whatsapp:+5511988887777", "Bia Souza")
    assert event.text.startswith("Agence\n📍 https://www.openstreetmap.org/?mlat=48.8566&mlon=2.3522")


@pytest.mark.parametrize(
    ("one", "other"),
    [("whatsapp:+551188887777", "whatsapp:+5511988887777"), ("whatsapp:+541123456789", "whatsapp:+5491123456789")],
)
def test_one_mobile_that_whatsapp_names_twice_is_one_conversation(one: str, other: str) -> None:
    assert thread_of(one) == thread_of(other)
    assert thread_of(one.removeprefix("whatsapp:")) != thread_of(other.removeprefix("whatsapp:"))


RECEIPTS = [
    ("receipt_sent.txt", Delivered.SENT, ""),
    ("receipt.txt", Delivered.DELIVERED, ""),
    ("receipt_failed.txt", Delivered.FAILED, "The telephone is switched off or out of reach. (30003)"),
    ("receipt_failed_unknown.txt", Delivered.FAILED, "Odd (39999)"),
]


@pytest.mark.parametrize(("name", "state", "reason"), RECEIPTS, ids=[row[0] for row in RECEIPTS])
def test_receipts(name: str, state: Delivered, reason: str) -> None:
    (event,) = read(fixture(name))
    assert event.receipt is not None
    assert (event.receipt.state, event.receipt.provider_id, event.receipt.reason) == (state, "SM9001", reason)


def test_messages_of_json() -> None:
    (event,) = read(fixture("message_json.json"))
    assert (event.text, event.author.address, event.message_id) == ("Toujours en panne", "+33700900001", "bw-0001")
    assert event.sent_at == datetime(2026, 9, 22, 9, 30, 5, 262000, UTC)
    assert [f.filename for f in event.remote_files] == ["photo.jpg"]
    assert read(fixture("message_json_list.json"))[0].message_id == "bw-0002"


def test_receipts_of_json_come_one_by_one() -> None:
    pieces = identify(fixture("receipt_json.json"), ACCOUNT)
    told = [read(piece.raw)[0].receipt for piece in pieces]
    assert [(r.state, r.provider_id) for r in told if r] == [
        (Delivered.DELIVERED, "bw-9001"), (Delivered.FAILED, "bw-9002"),
    ]  # fmt: skip
    assert told[1] is not None
    assert told[1].reason == "rejected-unallocated-from-number (4403)"


@pytest.mark.parametrize("name", ["ignored_empty.txt", "ignored_queued.txt", "ignored_json_sent.json"])
def test_what_changes_nothing_says_why(name: str) -> None:
    with pytest.raises(UnsupportedEvent):
        read(fixture(name))


@pytest.mark.parametrize("name", ["nasty_not_a_form.txt", "nasty_types.json"])
def test_what_cannot_be_read_is_set_aside(name: str) -> None:
    with pytest.raises(AnomalousPayload):
        read(fixture(name))


def test_pieces_are_named_the_same_twice_and_know_whom_they_are_for() -> None:
    names = []
    for path in sorted(FIXTURES.iterdir()):
        if path.name.startswith("nasty"):
            continue
        pieces = identify(path.read_bytes(), ACCOUNT)
        assert [p.external_id for p in pieces] == [p.external_id for p in identify(path.read_bytes(), ACCOUNT)]
        assert {p.recipient for p in pieces} == {"+33 7 00 90 00 00"}
        assert {p.conversation_key for p in pieces} <= {
            "person:+33700900001", "person:BANQUE", "person:whatsapp:+5511988887777",
        }  # fmt: skip
        names += [p.external_id for p in pieces]
    assert len(names) == len(set(names))


def test_a_pool_of_numbers_belongs_to_one_account() -> None:
    pool = AccountConfig(1, "sms", "S", "", {"number": "+331", "messaging_service": "MG1"}, {})
    assert identify(fixture("message.txt"), pool)[0].recipient == ""
    other = AccountConfig(1, "sms", "S", "", {"number": "+331"}, {})
    assert identify(fixture("message.txt"), other)[0].recipient == "+33700900000"


URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
# The worked example of the gateway's own documentation, with its expected signature.
EXAMPLE = {"From": "+14158675309", "To": "+18005551212", "CallSid": "CA1234567890ABCDE", "Caller": "+14158675309",
           "Digits": "1234"}  # fmt: skip
SIGNED = "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def signed(signature: str, *, url: str = URL, body: bytes = urlencode(EXAMPLE).encode()) -> Request:
    return Request(body, {HEADER: signature}, url, {})


def test_the_documented_signature() -> None:
    verify(signed(SIGNED), ACCOUNT)
    verify(signed(SIGNED, url="https://mycompany.com:443/myapp.php?foo=1&bar=2"), ACCOUNT)
    assert sign(URL, list(EXAMPLE.items()), "12345") == SIGNED


@pytest.mark.parametrize(
    "request_",
    [
        signed("RSOYDt4T1cUTdK1PDd93/VVr8B9="),
        signed(SIGNED, url="https://mycompany.com/other"),
        signed(SIGNED, body=b"From=%2B1"),
        signed(SIGNED, body=b"\xff"),
        signed("é"),
        Request(b"", {}, URL),
        Request(b"", {"authorization": "Basic " + base64.b64encode(b"u:q").decode()}, URL),
    ],
    ids=["signature", "address", "body", "bytes", "letters", "nothing", "login"],
)
def test_what_is_not_from_the_gateway(request_: Request) -> None:
    with pytest.raises(AnomalousPayload):
        verify(request_, ACCOUNT)


def test_json_is_signed_by_its_digest_or_comes_with_a_login() -> None:
    body = b'{"id": "1"}'
    digest = hashlib.sha256(body).hexdigest()
    url = f"https://desk.example.org/in/k?bodySHA256={digest}"
    headers = {HEADER: sign(url, [], "12345")}
    verify(Request(body, headers, url, {"bodySHA256": digest}), ACCOUNT)
    with pytest.raises(AnomalousPayload):
        verify(Request(b"{}", headers, url, {"bodySHA256": digest}), ACCOUNT)
    verify(Request(body, {"authorization": "Basic " + base64.b64encode(b"u:p").decode()}), ACCOUNT)


def test_without_a_token_nothing_is_taken() -> None:
    with pytest.raises(AnomalousPayload):
        verify(signed(sign(URL, list(EXAMPLE.items()), "")), AccountConfig(1, "sms", "S", "", {}, {}))


NAMES = (
    "MessageSid SmsSid MessageStatus SmsStatus From To Body NumMedia MediaUrl0 MediaContentType0 OptOutType ErrorCode "
    "Latitude Longitude ProfileName id type message text from to owner direction time media errorCode description"
).split()
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["STOP", "delivered", "failed", "message-failed", "1", "91.5", "http://[", "\ud800\x00", "in"])
)  # fmt: skip
VALUES = st.recursive(
    st.dictionaries(st.sampled_from(NAMES), LEAVES, max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner | LEAVES, max_size=6),
    max_leaves=8,
)


def checked(raw: bytes) -> None:
    try:
        for piece in identify(raw, ACCOUNT):
            for event in read(piece.raw):
                assert "\x00" not in event.text
                assert event.kind is InboundKind.RECEIPT or (event.author.address and event.message_id and event.facts)
    except (AnomalousPayload, UnsupportedEvent) as error:
        assert str(error)


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_no_json_makes_the_parser_fail_otherwise(value: Any) -> None:
    checked(json.dumps(value).encode())


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=8) | st.sampled_from(["1", "STOP", "sent"])))
def test_no_form_makes_the_parser_fail_otherwise(value: dict[str, str]) -> None:
    checked(urlencode({"MessageSid": "SM1", **value}, errors="surrogatepass").encode())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80), st.text(max_size=20), st.text(max_size=20))
def test_no_request_makes_the_check_fail_otherwise(body: bytes, signature: str, url: str) -> None:
    with pytest.raises(AnomalousPayload):
        verify(Request(body, {HEADER: signature}, url), ACCOUNT)
