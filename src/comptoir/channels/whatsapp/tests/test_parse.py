"""What each event of WhatsApp becomes, and that nothing unreadable does harm."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comptoir.channels.base import Request
from comptoir.channels.whatsapp import parse, verify
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.types import AccountConfig, Author, Inbound, ParseContext

FIXTURES = Path(__file__).parent.parent / "fixtures"
ACCOUNT = AccountConfig(
    1, "whatsapp", "Essai", "", {"phone_number_id": "100200300400500"}, {"app_secret": "s", "verify_token": "v"}
)
CONTEXT = ParseContext(1, "", ACCOUNT.options, "webhook", datetime(2026, 1, 2, tzinfo=UTC), "x", b"k" * 32)
ADA, PAUL = "FR.1000000000000001", "33600000003"


def store(content: bytes) -> str:
    return "0" * 64


def events(name: str) -> list[Inbound]:
    pieces = parse.identify((FIXTURES / f"{name}.json").read_bytes(), ACCOUNT)
    assert len({piece.external_id for piece in pieces}) == len(pieces)
    assert {piece.recipient for piece in pieces} <= {"100200300400500", ""}
    found = [event for piece in pieces for event in parse.parse(piece.raw, CONTEXT, store)]
    # The whole body says the same as its pieces.
    assert parse.parse((FIXTURES / f"{name}.json").read_bytes(), CONTEXT, store) == found
    return found


@pytest.mark.parametrize(
    ("name", "author", "text", "file"),
    [
        ("message-text", ADA, "Bonjour, ma commande n’est pas arrivée.", ""),
        ("message-image", ADA, "La boîte est écrasée", "image.jpg"),
        ("message-video", ADA, "", "video.mp4"),
        ("message-audio-voice", ADA, "", "audio.ogg"),
        ("message-document", ADA, "La facture", "facture.pdf"),
        ("message-sticker", ADA, "", "sticker.webp"),
        ("message-contacts", ADA, "Service Livraison: +33 9 00 00 00 02, livraison@example.org\nLéa Petit", ""),
        ("message-button-reply", ADA, "Oui", ""),
        ("message-list-reply", ADA, "Mardi\nDe 9 h à 12 h", ""),
        ("message-form", ADA, "Sent\nnote: 4\navis: Très bien", ""),
        ("message-button", ADA, "Arrêter", ""),
        ("message-order", ADA, "Pour demain\n2 × PAIN (1.5 EUR)", ""),
        ("message-unsupported", ADA, "Message type is currently not supported.", ""),
        ("message-referral", ADA, "C’est encore disponible ?", ""),
        ("message-no-phone", "FR.1000000000000002", "Bonsoir", ""),
        ("message-phone-only", PAUL, "Allô ?", ""),
        ("message-bare", PAUL, "Sans enveloppe", ""),
        (
            "message-location",
            ADA,
            "Tour Eiffel, Paris\n48.8584, 2.2945\n"
            "https://www.openstreetmap.org/?mlat=48.8584&mlon=2.2945#map=16/48.8584/2.2945",
            "",
        ),
    ],
)
def test_every_kind_of_message_is_read(name: str, author: str, text: str, file: str) -> None:
    (event,) = events(name)
    assert (event.kind, event.author.address, event.text) == ("message", author, text)
    assert event.thread_key == f"dm:{author}"
    assert event.message_id.startswith("wamid.")
    assert event.sent_at is not None
    assert event.facts
    assert [one.filename for one in event.remote_files] == ([file] if file else [])


def test_somebody_is_known_by_the_user_id_and_the_phone_is_another_name_of_theirs() -> None:
    (event,) = events("message-text")
    assert event.author == Author("whatsapp", ADA, "Ada Martin")
    assert event.extra_identities == (Author("whatsapp", "33600000001"),)
    assert (event.facts["wa_id"], event.facts["user_id"]) == ("33600000001", ADA)
    (hidden,) = events("message-no-phone")
    assert (hidden.extra_identities, hidden.facts["username"]) == ((), "nour.k")
    assert "wa_id" not in hidden.facts


def test_what_people_may_want_to_know_is_kept() -> None:
    assert events("message-referral")[0].facts["referral"]["headline"] == "Soldes"
    assert events("message-document")[0].facts["forwarded"] is True
    assert events("message-audio-voice")[0].facts["voice"] is True
    assert events("message-button-reply")[0].facts["choice"] == "1"
    assert events("message-button-reply")[0].in_reply_to == ("wamid.ours",)
    assert events("message-unsupported")[0].facts["unsupported"] == "poll_creation"
    assert events("message-location")[0].facts["location"]["latitude"] == 48.8584


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("receipt-sent", [("", "sent"), ("key-1", "sent")]),
        ("receipt-delivered", [("", "delivered")]),
        ("receipt-read", [("", "read")]),
        ("receipt-played", [("", "read")]),
        ("receipt-failed", [("", "failed")]),
    ],
)
def test_statuses_are_receipts(name: str, states: list[tuple[str, str]]) -> None:
    found = [event.receipt for event in events(name)]
    assert [(one.key, one.state) for one in found if one] == states
    assert all(one is not None and one.provider_id == "wamid.ours" for one in found)


def test_a_failure_says_why() -> None:
    receipt = events("receipt-failed")[0].receipt
    assert receipt is not None
    assert receipt.reason.startswith("131047: Re-engagement message – More than 24 hours")


@pytest.mark.parametrize(
    ("name", "kind", "about", "text"),
    [
        ("edit-text", "edit", "wamid.text", "Bonjour, mon colis n’est pas arrivé."),
        ("edit-caption", "edit", "wamid.image", "La boîte est ouverte"),
        ("edit-own", "edit", "wamid.echo", "Corrigé"),
        ("deletion", "deletion", "wamid.text", ""),
        ("reaction", "reaction", "wamid.ours", ""),
        ("reaction-undone", "reaction", "wamid.ours", ""),
    ],
)
def test_what_is_done_afterwards_is_about_a_message(name: str, kind: str, about: str, text: str) -> None:
    (event,) = events(name)
    assert (event.kind, event.about, event.text) == (kind, about, text)
    assert event.is_undone == (name == "reaction-undone")


def test_what_we_wrote_on_the_phone_is_ours() -> None:
    (event,) = events("own-app")
    assert (event.kind, event.to[0].address, event.thread_key) == ("own", ADA, f"dm:{ADA}")


def test_a_new_number_belongs_to_the_same_person() -> None:
    (event,) = events("contact-new-number")
    assert (event.kind, event.author.address) == ("contact", PAUL)
    assert event.extra_identities == (Author("whatsapp", "33600000009"),)


def test_one_body_may_hold_many() -> None:
    body = (FIXTURES / "message-many.json").read_bytes()
    pieces = parse.identify(body, ACCOUNT)
    assert [piece.external_id for piece in pieces] == ["message:wamid.m1", "message:wamid.m2", "status:wamid.ours:sent"]
    found = [parse.parse(piece.raw, CONTEXT, store)[0] for piece in pieces]
    assert [event.author.name for event in found[:2]] == ["Ada Martin", "Paul"]


@pytest.mark.parametrize("name", ["ignored-identity", "ignored-template-status"])
def test_what_is_of_no_use_says_why(name: str) -> None:
    with pytest.raises(UnsupportedEvent, match=r"not used|change nothing"):
        events(name)


def test_a_message_without_an_id_is_the_same_each_time() -> None:
    value = json.loads((FIXTURES / "message-bare.json").read_bytes())
    del value["messages"][0]["id"]
    body = json.dumps(value).encode()
    one, two = parse.identify(body, ACCOUNT), parse.identify(json.dumps(value, indent=2).encode(), ACCOUNT)
    assert one[0].external_id == two[0].external_id


def test_a_signature_is_over_the_raw_body() -> None:
    body = b'{"a": "\xc3\xa9"}'
    verify.verify(Request(body, {"x-hub-signature-256": verify.sign(body, "s")}), ACCOUNT)
    for headers in ({}, {"x-hub-signature-256": verify.sign(body + b" ", "s")}, {"x-hub-signature-256": "é"}):
        with pytest.raises(AnomalousPayload):
            verify.verify(Request(body, headers), ACCOUNT)
    with pytest.raises(AnomalousPayload):  # a forgotten secret opens no door
        verify.verify(Request(body, {"x-hub-signature-256": verify.sign(body, "")}), replace(ACCOUNT, credentials={}))


def test_the_challenge_is_answered_to_the_platform_alone() -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "v", "hub.challenge": "42"}
    assert verify.challenge(query, ACCOUNT)[1] == b"42"
    with pytest.raises(AnomalousPayload):
        verify.challenge({**query, "hub.verify_token": "w"}, ACCOUNT)


SEEDS = [json.loads(path.read_text()) for path in sorted(FIXTURES.iterdir())]
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 10**30, 1.5, "", "\0", "\ud800", "x" * 400, [], {}, [[]], [None], [{}]]
)


def spoil(value: Any, draw: Any) -> Any:
    """Return a value with something else in one place."""
    if isinstance(value, dict) and value and draw(st.integers(0, 4)):
        name = draw(st.sampled_from(sorted(value)))
        return {**value, name: spoil(value[name], draw)}
    if isinstance(value, list) and value and draw(st.integers(0, 4)):
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
