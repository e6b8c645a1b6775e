"""Every fixture is read as what it means; what is not for us says why; nothing makes the parser fail otherwise."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comptoir.channels.base import Request
from comptoir.channels.telegram import parse as module
from comptoir.channels.telegram.parse import acknowledge, identify, parse
from comptoir.channels.telegram.verify import HEADER, secret_of, verify
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.types import AccountConfig, Inbound, InboundKind, ParseContext

FIXTURES = Path(module.__file__).parent / "fixtures"
OPTIONS = {"username": "@Ondavelle_bot"}
ACCOUNT = AccountConfig(1, "telegram", "T", "", OPTIONS, {"bot_token": "1:a"})
GROUP = -1001234567890


def read(raw: bytes, options: dict[str, Any] = OPTIONS) -> list[Inbound]:
    at = datetime(2026, 9, 22, tzinfo=UTC)
    return parse(raw, ParseContext(1, "", options, "webhook", at, "x", b"k" * 32), lambda content: "0" * 64)


def fixture(name: str) -> bytes:
    return (FIXTURES / f"{name}.json").read_bytes()


MESSAGES = [
    ("message", "Bonjour, ma ligne est coupée depuis lundi.", "dm:7001", "7001:11", ()),
    ("message_start", "/start", "dm:7001", "7001:10", ()),
    ("message_link", "👩‍👩‍👧 Voir la facture (https://example.org/f/42) et merci", "dm:7001", "7001:12", ()),
    ("message_photo", "La box clignote", "dm:7001", "7001:13", (("AgAC-large", "photo.jpg", "image/jpeg"),)),
    ("message_document", "", "dm:7001", "7001:14", (("AgAC-doc", "facture.pdf", "application/pdf"),)),
    ("message_voice", "", "dm:7001", "7001:15", (("AgAC-voice", "voice.ogg", "audio/ogg"),)),
    ("message_audio", "", "dm:7001", "7001:16", (("AgAC-audio", "bip.mp3", "audio/mpeg"),)),
    ("message_video", "", "dm:7001", "7001:17", (("AgAC-video", "video.mp4", "video/mp4"),)),
    ("message_video_note", "", "dm:7001", "7001:18", (("AgAC-note", "video-note.mp4", "video/mp4"),)),
    ("message_sticker", "😡", "dm:7001", "7001:19", (("AgAC-sticker", "sticker.webp", "image/webp"),)),
    ("message_animation", "", "dm:7001", "7001:20", (("AgAC-anim", "animation.mp4", "video/mp4"),)),
    ("message_contact", "👤 Léo Petit, +33700000001", "dm:7001", "7001:21", ()),
    ("message_poll", "Quel jour ?\n- Lundi\n- Mardi", "dm:7001", "7001:24", ()),
    ("message_group_mention", "👋 @ondavelle_bot la fibre arrive quand ?", f"group:{GROUP}:7002", f"{GROUP}:31", ()),
    ("message_group_reply", "Et pour moi ?", f"group:{GROUP}:7002", f"{GROUP}:32", ()),
    ("message_group_command", "/panne@Ondavelle_bot rue Basse", f"group:{GROUP}:7002", f"{GROUP}:33", ()),
    ("business", "Vous êtes ouverts samedi ?", "business:bc-1:7001", "bc-1:7001:41", ()),
]


@pytest.mark.parametrize(("name", "text", "thread", "number", "files"), MESSAGES, ids=[row[0] for row in MESSAGES])
def test_messages(name: str, text: str, thread: str, number: str, files: tuple[tuple[str, str, str], ...]) -> None:
    (event,) = read(fixture(name))
    assert event.kind is InboundKind.MESSAGE
    assert (event.text, event.thread_key, event.message_id) == (text, thread, number)
    assert tuple((f.ref["file_id"], f.filename, f.content_type) for f in event.remote_files) == files
    assert event.is_public == thread.startswith("group:")
    assert event.facts["chat_id"] == (GROUP if event.is_public else 7001)
    assert event.sent_at is not None
    assert event.author.address == ("7002" if event.is_public else "7001")


def test_places_come_with_a_map() -> None:
    assert "mlat=48.856600&mlon=2.352200" in read(fixture("message_location"))[0].text
    assert read(fixture("message_venue"))[0].text.startswith("Agence Bellecour\n1 place Bellecour, Lyon\n📍 https://")


def test_a_group_has_addresses_for_people() -> None:
    assert read(fixture("message_group_mention"))[0].facts["permalink"] == "https://t.me/voisins_riverains/31"
    reply = read(fixture("message_group_reply"))[0]
    assert (reply.facts["permalink"], reply.facts["topic"]) == ("https://t.me/c/1234567890/32", 5)


def test_what_a_business_account_wrote_itself_is_ours() -> None:
    (event,) = read(fixture("own"))
    assert event.kind is InboundKind.OWN
    assert (event.author.address, event.to[0].address, event.to[0].name) == ("8001", "7001", "Ada Martin")


@pytest.mark.parametrize(
    ("name", "about", "text"),
    [("edit", "7001:11", "depuis dimanche"), ("edit_business", "bc-1:7001:41", "dimanche")],
)
def test_edits(name: str, about: str, text: str) -> None:
    (event,) = read(fixture(name))
    assert (event.kind, event.about) == (InboundKind.EDIT, about)
    assert text in event.text


def test_deletions_are_told_apart_and_one_by_one() -> None:
    pieces = identify(fixture("deletion"), ACCOUNT)
    assert [event.about for piece in pieces for event in read(piece.raw)] == ["bc-1:7001:41", "bc-1:7001:43"]
    assert len({piece.external_id for piece in pieces}) == 2
    assert [event.kind for event in read(fixture("deletion"))] == [InboundKind.DELETION] * 2


def test_a_tap_says_the_whole_answer_and_the_button_stops_waiting() -> None:
    (event,) = read(fixture("choice"))
    assert event.text == "Non, parce que la réparation a pris beaucoup plus de temps que prévu"
    assert (event.kind, event.message_id, event.author.address) == (InboundKind.MESSAGE, "7001:tap:4401", "7001")
    told = acknowledge(fixture("choice"))
    assert told is not None
    assert json.loads(told[1]) == {"method": "answerCallbackQuery", "callback_query_id": "4401"}
    assert acknowledge(fixture("message")) is None


def test_reactions_are_added_and_taken_back() -> None:
    assert [(e.about, e.reaction, e.is_undone) for e in read(fixture("reaction"))] == [("7001:51", "👍", False)]
    changed = [(e.reaction, e.is_undone) for e in read(fixture("reaction_changed"))]
    assert changed == [("👍", True), ("❤", False)]


IGNORED = [
    ("ignored_group_chatter", "neither mentions"),
    ("ignored_group_other_bot", "neither mentions"),
    ("ignored_blocked", "blocked the bot"),
    ("ignored_joined", "new_chat_members"),
    ("ignored_moving_place", "moving"),
    ("ignored_channel_post", "channel"),
    ("ignored_connection", "business account"),
]


@pytest.mark.parametrize(("name", "reason"), IGNORED, ids=[row[0] for row in IGNORED])
def test_what_is_not_for_us_says_why(name: str, reason: str) -> None:
    with pytest.raises(UnsupportedEvent, match=reason):
        read(fixture(name))


def test_without_the_bots_name_a_group_is_not_understood() -> None:
    with pytest.raises(UnsupportedEvent, match="name"):
        read(fixture("message_group_mention"), {})


def test_wrong_types_count_as_absent() -> None:
    (event,) = read(fixture("nasty_types"))
    assert (event.text, event.author.address, event.sent_at) == ("Le texte est un objet", "7001", None)
    with pytest.raises(AnomalousPayload, match="chat"):
        read(fixture("nasty_no_chat"))


def test_each_fixture_is_one_piece_that_is_named_the_same_twice() -> None:
    names = []
    for path in FIXTURES.glob("*.json"):
        once, twice = identify(path.read_bytes(), ACCOUNT), identify(path.read_bytes(), ACCOUNT)
        assert [p.external_id for p in once] == [p.external_id for p in twice]
        names += [p.external_id for p in once]
    assert len(names) == len(set(names))


def test_an_edit_stays_behind_its_message() -> None:
    one, other = identify(fixture("message"), ACCOUNT)[0], identify(fixture("edit"), ACCOUNT)[0]
    assert one.conversation_key == other.conversation_key


@pytest.mark.parametrize(
    ("given", "is_fine"), [(secret_of(ACCOUNT), True), ("wrong", False), ("", False), ("é", False)]
)
def test_the_secret_comes_back(given: str, is_fine: bool) -> None:
    request = Request(b"{}", {HEADER: given})
    if is_fine:
        verify(request, ACCOUNT)
        return
    with pytest.raises(AnomalousPayload, match="secret"):
        verify(request, ACCOUNT)


def test_an_account_without_a_token_takes_nothing() -> None:
    with pytest.raises(AnomalousPayload):
        verify(Request(b"{}", {HEADER: ""}), AccountConfig(1, "telegram", "T", "", {}, {}))


def test_a_secret_of_ones_own_goes_before() -> None:
    account = AccountConfig(1, "telegram", "T", "", {}, {"bot_token": "1:a", "webhook_secret": "mine"})
    verify(Request(b"{}", {HEADER: "mine"}), account)


NAMES = (
    "update_id message_id from chat id type text caption entities offset length url date photo file_id width sticker "
    "emoji location latitude longitude venue title poll options contact first_name username reply_to_message "
    "business_connection_id message data new_reaction old_reaction user message_ids document reply_markup "
    "inline_keyboard callback_data is_bot"
).split()
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["private", "supergroup", "text_link", "mention", "emoji", "\ud800\x00"])
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=8),
    max_leaves=25,
)
KINDS = [*module.MESSAGES, *module.EDITS, module.DELETIONS, *module.UNUSED, "callback_query", "message_reaction"]


@settings(max_examples=400, deadline=None)
@given(kind=st.sampled_from(KINDS), value=VALUES, chat=st.sampled_from([{"id": 5, "type": "private"}, {"id": -5}, 7]))
def test_no_update_makes_the_parser_fail_otherwise(kind: str, value: Any, chat: Any) -> None:
    part = {"chat": chat, "message_id": 1, **value} if isinstance(value, dict) else value
    raw = json.dumps({"update_id": 1, kind: part}).encode()
    try:
        for piece in identify(raw, ACCOUNT):
            for event in read(piece.raw):
                assert event.kind is InboundKind.REACTION or event.kind is InboundKind.DELETION or event.author.address
                assert "\x00" not in event.text
                assert event.facts or event.kind not in {InboundKind.MESSAGE, InboundKind.OWN}
        acknowledge(raw)
    except (AnomalousPayload, UnsupportedEvent) as error:
        assert str(error)
