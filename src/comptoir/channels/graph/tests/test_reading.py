"""Nothing from outside breaks the parsers of Meta's networks, and each event has one id for ever."""

import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comptoir.channels.base import After, Request
from comptoir.channels.graph import signature
from comptoir.channels.graph.messaging import private_thread, window
from comptoir.channels.graph.tests.fake import IG, PAGE
from comptoir.channels.graph.tests.world import FOLDER, config_of, fixture, parsed
from comptoir.channels.graph.untrusted import instant
from comptoir.channels.registry import channel
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.types import InboundKind

KINDS = ["messenger", "instagram", "facebook"]
FIXTURES = [(kind, path.stem) for kind in KINDS for path in sorted((FOLDER / kind / "fixtures").iterdir())]
AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
WORDS = (
    "object entry id time messaging changes field value sender recipient timestamp message mid text attachments type "
    "payload url is_echo is_deleted reply_to story postback title referral message_edit reaction action delivery mids "
    "watermark read from item verb comment_id post_id parent_id media standby photos photo link coordinates lat long"
).split()
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
    | st.sampled_from(["page", "instagram", "feed", "comments", "add", "edited", "remove", "hide", "comment", "post",
                       "reaction", "like", "react", "1", PAGE, IG, "https://a.example/x"])
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=7),
    max_leaves=30,
)


@pytest.mark.parametrize(("kind", "name"), FIXTURES)
def test_every_fixture_is_what_its_name_says(kind: str, name: str) -> None:
    raw = fixture(kind, name)
    if name.startswith("unsupported"):
        with pytest.raises(UnsupportedEvent):
            parsed(kind, raw)
        return
    if name.startswith("anomalous"):
        with pytest.raises(AnomalousPayload):
            parsed(kind, raw)
        return
    events = parsed(kind, raw)
    wanted = {
        "own": InboundKind.OWN, "delivery": InboundKind.RECEIPT, "read": InboundKind.RECEIPT, "edit": InboundKind.EDIT,
        "reaction": InboundKind.REACTION, "deletion": InboundKind.DELETION, "hiding": InboundKind.HIDING,
        "referral": InboundKind.CONTACT,
    }.get(name.partition("-")[0], InboundKind.MESSAGE)  # fmt: skip
    assert {event.kind for event in events} == {wanted}
    for event in events:
        if wanted in {InboundKind.MESSAGE, InboundKind.OWN}:
            assert event.facts
            assert event.message_id
            assert event.thread_key.partition(":")[0] in {"dm", "post"}
            assert event.sent_at is not None
            assert event.text or event.remote_files
            assert event.facts.get("permalink", "https://").startswith("https://")
        if wanted in {InboundKind.EDIT, InboundKind.REACTION, InboundKind.DELETION, InboundKind.HIDING}:
            assert event.about


@pytest.mark.parametrize(("kind", "name"), FIXTURES)
def test_a_piece_alone_is_parsed_like_the_whole_and_keeps_its_id(kind: str, name: str) -> None:
    identify = channel(kind).identify
    assert identify is not None
    raw, account = fixture(kind, name), config_of(kind)
    pieces = identify(raw, account)
    assert [p.external_id for p in pieces] == [p.external_id for p in identify(raw, account)]
    again = [found for piece in pieces for found in identify(piece.raw, account)]
    assert [p.external_id for p in again] == [p.external_id for p in pieces]
    if name.split("-")[0] in {"unsupported", "anomalous"}:
        return
    alone = [event for piece in pieces for event in parsed(kind, piece.raw)]
    assert [(e.kind, e.message_id, e.text, e.about, e.facts) for e in alone] == [
        (e.kind, e.message_id, e.text, e.about, e.facts) for e in parsed(kind, raw)
    ]


def test_all_fixtures_have_ids_of_their_own() -> None:
    for kind in KINDS:
        identify = channel(kind).identify
        assert identify is not None
        ids = [p.external_id for k, name in FIXTURES if k == kind for p in identify(fixture(k, name), config_of(kind))]
        assert len(ids) == len(set(ids)), kind


@settings(max_examples=250, deadline=None)
@given(value=VALUES)
@pytest.mark.parametrize("kind", KINDS)
def test_only_the_two_declared_errors_leave_a_parser(kind: str, value: Any) -> None:
    raw = json.dumps(value).encode()
    for read in (lambda: parsed(kind, raw), lambda: channel(kind).identify(raw, config_of(kind))):  # type: ignore[misc]  # it has one
        try:
            read()
        except (AnomalousPayload, UnsupportedEvent) as error:
            assert str(error)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("kind", KINDS)
def test_a_fixture_with_anything_in_one_place_breaks_nothing(kind: str, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([n for k, n in FIXTURES if k == kind]))
    body = json.loads(fixture(kind, name))
    places = list(_places(body))
    parent, key = data.draw(st.sampled_from(places))
    parent[key] = data.draw(VALUES)
    raw = json.dumps(body).encode()
    for read in (lambda: parsed(kind, raw), lambda: channel(kind).identify(raw, config_of(kind))):  # type: ignore[misc]  # it has one
        try:
            found = read()
        except (AnomalousPayload, UnsupportedEvent):
            continue
        json.dumps([dict(event.facts) for event in found if hasattr(event, "facts")])


def _places(value: Any) -> Any:
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from _places(value[key])


@pytest.mark.parametrize(
    ("kind", "name", "goes_to"),
    [("facebook", "comment", "facebook"), ("messenger", "message", "messenger"), ("instagram", "message", "instagram")],
)
@pytest.mark.parametrize("address", KINDS)
def test_an_app_has_one_address_and_each_event_finds_its_kind(kind: str, name: str, goes_to: str, address: str) -> None:
    identify = channel(address).identify
    assert identify is not None
    (piece,) = identify(fixture(kind, name), config_of(address))
    assert (piece.kind or address) == goes_to
    assert piece.recipient == (IG if goes_to == "instagram" else PAGE)


def test_what_is_about_whatsapp_is_told_apart() -> None:
    identify = channel("messenger").identify
    assert identify is not None
    change = b'{"id": "1", "changes": [{"field": "messages", "value": {}}]}'
    body = b'{"object": "whatsapp_business_account", "entry": [' + change + b"]}"
    with pytest.raises(UnsupportedEvent):
        identify(body, config_of("messenger"))


@pytest.mark.parametrize(
    ("label", "value", "wanted"),
    [
        ("milliseconds", 1769860800123, datetime(2026, 1, 31, 12, 0, 0, 123000, tzinfo=UTC)),
        ("seconds", 1769860800, AT),
        ("seconds as a text", "1769860800", AT),
        ("ISO 8601", "2026-01-31T12:00:00+0000", AT),
        ("ISO 8601 elsewhere", "2026-01-31T13:00:00+01:00", AT),
        ("far too large", 10**40, None),
        ("negative", -1, None),
        ("a word", "soon", None),
        ("true", True, None),
        ("nothing", None, None),
    ],
)
def test_instants(label: str, value: object, wanted: datetime | None) -> None:
    assert instant({"t": value}, "t") == wanted


def test_windows() -> None:
    open_ = window(AT, is_public=False, facts={"user": "1"})
    assert open_ is not None
    assert (open_.closes_at - AT, open_.after) == (timedelta(hours=24), After.TAG)
    assert open_.ends_at == AT + timedelta(days=7)
    privately = window(AT, is_public=False, facts={"item": "comment"})
    assert privately is not None
    assert (privately.closes_at - AT, privately.after) == (timedelta(days=7), After.NOTHING)
    assert window(AT, is_public=True, facts={"item": "comment"}) is None


def test_the_private_thread_of_a_comment() -> None:
    assert private_thread({"item": "comment", "author": "77", "id": "c"}) == "dm:77"
    assert private_thread({"item": "comment", "author": "unknown:9"}) == ""
    assert private_thread({"user": "77", "author": "77"}) == ""
    assert private_thread({}) == ""


def test_signatures_cover_the_raw_bytes() -> None:
    account, body = config_of("messenger"), '{"object": "page", "é": 1}'.encode()
    good = "sha256=" + hmac.digest(b"app-s3cret", body, "sha256").hex()
    signature.verify(Request(body, {"x-hub-signature-256": good}), account)
    for headers in ({}, {"x-hub-signature-256": "sha256=00"}, {"x-hub-signature-256": "é"}, {"x-hub-signature": good}):
        with pytest.raises(AnomalousPayload):
            signature.verify(Request(body, headers), account)
    with pytest.raises(AnomalousPayload):
        signature.verify(Request(body + b" ", {"x-hub-signature-256": good}), account)


def test_the_challenge_is_echoed_only_for_our_word() -> None:
    asked = {"hub.mode": "subscribe", "hub.verify_token": "word", "hub.challenge": "1158201444"}
    assert signature.challenge(asked, config_of("messenger"))[1] == b"1158201444"
    for wrong in ({"hub.verify_token": "other"}, {"hub.mode": "unsubscribe"}, {"hub.verify_token": ""}):
        with pytest.raises(AnomalousPayload):
            signature.challenge({**asked, **wrong}, config_of("messenger"))
