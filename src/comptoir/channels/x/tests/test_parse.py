"""What each event of X becomes, of both interfaces, and that nothing unreadable does harm."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comptoir.channels.base import Request
from comptoir.channels.x import parse, rules, verify
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.types import AccountConfig, Author, Inbound, ParseContext

FIXTURES = Path(__file__).parent.parent / "fixtures"
US, OTHER = "1111", "2222"
ACCOUNT = AccountConfig(1, "x", "Essai", "", {"user_id": US}, {"consumer_secret": "s"})
CONTEXT = ParseContext(1, "", ACCOUNT.options, "webhook", datetime(2026, 1, 2, tzinfo=UTC), "x", b"k" * 32)


def store(content: bytes) -> str:
    return "0" * 64


def read(name: str) -> tuple[Inbound, str]:
    (piece,) = parse.identify((FIXTURES / f"{name}.json").read_bytes(), ACCOUNT)
    (event,) = parse.parse(piece.raw, CONTEXT, store)
    assert piece.recipient in {US, ""}
    return event, piece.external_id


@pytest.mark.parametrize(
    ("name", "text", "thread", "is_public"),
    [
        (
            "message-mention",
            "@comptoir_hq ma commande n’est pas arrivée & personne ne répond https://example.org/suivi",
            "post:7001",
            True,
        ),
        ("message-reply", "@comptoir_hq Toujours rien ?", "post:6000", True),
        ("message-quote", "Voilà ce qu’ils promettent", "post:7003", True),
        ("message-picture", "@comptoir_hq regardez", "post:7007", True),
        ("message-long", "@comptoir_hq Une longue histoire, racontée en entier.", "post:7004", True),
        ("message-direct", "Bonjour en privé", "dm:2222", False),
        ("message-direct-picture", "Regardez", "dm:2222", False),
        ("message-older", "@comptoir_hq allô ?", "post:7101", True),
        ("message-older-direct", "Bonjour", "dm:2222", False),
    ],
)
def test_every_kind_of_message_is_read(name: str, text: str, thread: str, is_public: bool) -> None:
    event, _id = read(name)
    assert (event.kind, event.author.address, event.text) == ("message", OTHER, text)
    assert (event.thread_key, event.is_public) == (thread, is_public)
    assert event.sent_at is not None
    assert event.sent_at.tzinfo is not None
    assert event.message_id
    assert event.facts


def test_people_and_links_are_told() -> None:
    event, _id = read("message-mention")
    assert event.author == Author("x", OTHER, "Ada Martin")
    assert event.facts["permalink"] == "https://x.com/ada_m/status/7001"
    assert read("message-reply")[0].facts["permalink"] == "https://x.com/i/web/status/7002"
    assert read("message-quote")[0].facts["quoted_id"] == "6000"


def test_a_post_that_is_told_twice_has_one_name() -> None:
    assert read("message-reply")[1] == read("message-mention-and-reply")[1] == "post:7002"


def test_files_are_named() -> None:
    assert read("message-older")[0].remote_files[0].ref == {"url": "https://pbs.twimg.com/media/abc.jpg"}
    assert [one.filename for one in read("message-picture")[0].remote_files] == ["boite.png", "grand.mp4"]
    file = read("message-direct-picture")[0].remote_files[0]
    assert (file.ref, file.filename) == ({"dm": "8003", "media": "99", "resource": "abc.jpg"}, "abc.jpg")


@pytest.mark.parametrize(
    ("name", "text", "thread"),
    [
        ("own-reply", "Nous regardons cela.", "post:7001"),
        ("own-direct", "Bonjour Ada", "dm:2222"),
        ("own-older-direct", "Bonjour Ada", "dm:2222"),
    ],
)
def test_what_we_wrote_elsewhere_is_ours(name: str, text: str, thread: str) -> None:
    event, _id = read(name)
    assert (event.kind, event.author.address, event.text, event.thread_key) == ("own", US, text, thread)
    assert event.to == (Author("x", OTHER, "Ada Martin"),)


@pytest.mark.parametrize(
    ("name", "kind", "about", "author", "reaction"),
    [
        ("edit", "edit", "7001", OTHER, ""),
        ("deletion", "deletion", "7010", US, ""),
        ("deletion-older", "deletion", "7101", OTHER, ""),
        ("reaction-like", "reaction", "7010", OTHER, "like"),
        ("reaction-older-like", "reaction", "7010", OTHER, "like"),
        ("reaction-repost", "reaction", "7010", OTHER, "repost"),
    ],
)
def test_what_is_done_afterwards_is_about_a_post(name: str, kind: str, about: str, author: str, reaction: str) -> None:
    event, _id = read(name)
    assert (event.kind, event.about, event.author.address, event.reaction) == (kind, about, author, reaction)


def test_a_reader_is_a_watermark() -> None:
    event, _id = read("receipt-read")
    assert event.receipt is not None
    assert (event.thread_key, event.receipt.state) == ("dm:2222", "read")
    assert event.receipt.up_to == datetime.fromtimestamp(1767261700, UTC)


@pytest.mark.parametrize("name", [path.stem for path in FIXTURES.iterdir() if path.name.startswith("ignored")])
def test_what_is_of_no_use_says_why(name: str) -> None:
    with pytest.raises(UnsupportedEvent, match=r"not used|for nobody"):
        read(name)


def test_a_private_answer_goes_to_the_author() -> None:
    assert rules.private_thread({"id": "7001", "author": OTHER}) == "dm:2222"
    assert rules.private_thread({}) == ""


def test_a_signature_is_over_the_raw_body() -> None:
    body = b'{"a": "\xc3\xa9"}'
    right = "sha256=" + base64.b64encode(hmac.digest(b"s", body, hashlib.sha256)).decode()
    verify.verify(Request(body, {"x-twitter-webhooks-signature": right}), ACCOUNT)
    for headers in ({}, {"x-twitter-webhooks-signature": right[:-2]}, {"x-twitter-webhooks-signature": "é"}):
        with pytest.raises(AnomalousPayload):
            verify.verify(Request(body, headers), ACCOUNT)
    with pytest.raises(AnomalousPayload):  # a forgotten secret opens no door
        given = {"x-twitter-webhooks-signature": verify.sign(body, "")}
        verify.verify(Request(body, given), AccountConfig(1, "x", "", "", {}))


def test_the_challenge_is_signed() -> None:
    kind, body = verify.challenge({"crc_token": "abc"}, ACCOUNT)
    right = "sha256=" + base64.b64encode(hmac.digest(b"s", b"abc", hashlib.sha256)).decode()
    assert (kind, json.loads(body)) == ("application/json", {"response_token": right})
    with pytest.raises(AnomalousPayload):
        verify.challenge({}, ACCOUNT)


SEEDS = [json.loads(path.read_text()) for path in sorted(FIXTURES.iterdir())]
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 10**30, 1.5, "", "\0", "\ud800", "x" * 400, [], {}, [[]], [None], [{}]]
)


def spoil(value: Any, draw: Any) -> Any:
    """Return a value with something else in one place."""
    if isinstance(value, dict) and value and draw(st.integers(0, 5)):
        name = draw(st.sampled_from(sorted(value)))
        return {**value, name: spoil(value[name], draw)}
    if isinstance(value, list) and value and draw(st.integers(0, 5)):
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], spoil(value[place], draw), *value[place + 1 :]]
    return draw(ODD)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_spoilt_event_fails_otherwise_than_declared(data: st.DataObject) -> None:
    body = json.dumps(spoil(data.draw(st.sampled_from(SEEDS)), data.draw)).encode()
    try:
        pieces = parse.identify(body, ACCOUNT)
    except (AnomalousPayload, UnsupportedEvent):
        return
    for piece in pieces:
        assert piece.external_id
        try:
            found = parse.parse(piece.raw, CONTEXT, store)
        except (AnomalousPayload, UnsupportedEvent):
            continue
        assert all("\0" not in event.text for event in found)
        assert all(event.facts for event in found if event.kind in {"message", "own"})
