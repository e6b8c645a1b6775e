"""Events of rooms, as the sync and as pushed transactions; all fixtures are synthetic (doc.md)."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comptoir.channels.base import Request
from comptoir.channels.matrix.parse import ENCRYPTED, identify, parse, thread_of
from comptoir.channels.matrix.verify import verify
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.types import AccountConfig, Delivered, Inbound, InboundKind, ParseContext, Receipt

FIXTURES = Path(__file__).parents[1] / "fixtures"
TRANSACTION = Path(__file__).parent / "transactions/transaction.json"
CONTEXT = ParseContext(1, "", {}, "sync", datetime(2026, 1, 31, 12, tzinfo=UTC), "x", b"k" * 32)
ACCOUNT = AccountConfig(1, "matrix", "", "", {"user_id": "@hub:example.org"}, {"hs_token": "secret"})
ROOM = "!CxTZGM-zS6lBktlCdjE0I3WMSZ7jZcVE4WLchnxn7MY"


def read(name: str) -> Inbound:
    return parse((FIXTURES / f"{name}.json").read_bytes(), CONTEXT, lambda _content: "0" * 64)[0]


@pytest.mark.parametrize("path", sorted(FIXTURES.iterdir()), ids=lambda path: path.stem)
def test_every_fixture_is_read_or_refused_in_words(path: Path) -> None:
    try:
        events = parse(path.read_bytes(), CONTEXT, lambda _content: "0" * 64)
    except UnsupportedEvent as reason:
        assert path.stem.startswith("unsupported")
        assert str(reason)
    else:
        assert len(events) == 1
        assert not path.stem.startswith("unsupported")


def test_a_message_belongs_to_its_room() -> None:
    event = read("message")
    assert (event.kind, event.text, event.is_public) == (
        InboundKind.MESSAGE, "My line has been dead since Monday.", False,
    )  # fmt: skip
    assert (event.author.kind, event.author.address, event.author.name) == (
        "matrix", "@ada:elsewhere.example", "Ada Martin",
    )  # fmt: skip
    assert (event.thread_key, event.message_id) == (f"room:{ROOM}", "$m1")
    assert event.facts["room"] == ROOM
    assert event.facts["permalink"] == f"https://matrix.to/#/{ROOM}/$m1"
    assert event.sent_at == datetime(2026, 1, 31, 11, tzinfo=UTC)


def test_a_thread_is_a_conversation_of_its_own() -> None:
    event = read("thread")
    assert (event.thread_key, event.facts["thread"]) == (f"room:{ROOM}/$m1", "$m1")


def test_a_long_key_keeps_its_identity() -> None:
    one, other = thread_of("!" + "r" * 250, "$" + "a" * 43), thread_of("!" + "r" * 250, "$" + "b" * 43)
    assert len(one) == len(other) == 200
    assert one != other


@pytest.mark.parametrize(
    ("name", "text", "files"),
    [
        ("message-reply", "The second", []),
        ("message-image", "", ["box.png"]),
        ("message-image-with-words", "The box", ["box.png"]),
        ("message-emote", "* Ada Martin waves", []),
        ("message-location", "The cabinet\ngeo:48.85,2.35", []),
        ("message-strange-types", "…", []),
        ("encrypted", ENCRYPTED, []),
        ("sticker", "", ["A cat"]),
    ],
)
def test_what_a_message_says(name: str, text: str, files: list[str]) -> None:
    event = read(name)
    assert event.text == text
    assert [file.filename for file in event.remote_files] == files


def test_a_robot_is_never_answered_by_itself() -> None:
    assert read("message-notice").automatic == "notice"


def test_edits_redactions_and_reactions_are_about_their_event() -> None:
    for name, kind, about in (
        ("edit", InboundKind.EDIT, "$m1"), ("redaction", InboundKind.DELETION, "$m1"),
        ("redaction-old-room", InboundKind.DELETION, "$m1"), ("reaction", InboundKind.REACTION, "$m1"),
    ):  # fmt: skip
        assert (read(name).kind, read(name).about) == (kind, about), name
    assert read("edit").text == "It works again."
    undone = read("redaction-of-a-reaction")
    assert (undone.kind, undone.about, undone.reaction, undone.is_undone) == (InboundKind.REACTION, "$m1", "👍", True)


def test_reads_are_a_watermark_of_the_room_or_of_a_thread() -> None:
    at = datetime(2026, 1, 31, 11, 1, 40, tzinfo=UTC)
    assert read("receipt").receipt == Receipt("", Delivered.READ, up_to=at)
    assert read("receipt").thread_key == f"room:{ROOM}"
    assert read("receipt-thread").thread_key == f"room:{ROOM}/$m1"


def test_a_message_of_ours_has_our_key() -> None:
    event = read("own")
    assert (event.kind, event.to[0].address) == (InboundKind.OWN, "@ada:elsewhere.example")
    assert event.receipt
    assert event.receipt.key == "1.abc@example.org"


def test_a_pushed_transaction_is_split_into_what_is_used() -> None:
    pieces = identify(TRANSACTION.read_bytes(), ACCOUNT)
    assert [piece.external_id for piece in pieces] == ["$m1", "invitation:$inv", "read:$o1:@ada:elsewhere.example"]
    assert {piece.conversation_key for piece in pieces} == {ROOM}
    assert parse(pieces[0].raw, CONTEXT, lambda _content: "")[0].text == read("message").text
    with pytest.raises(UnsupportedEvent):
        parse(pieces[1].raw, CONTEXT, lambda _content: "")
    assert parse(pieces[2].raw, CONTEXT, lambda _content: "") == [read("receipt")]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"{}", AnomalousPayload),
        (b"[]", AnomalousPayload),
        (b"\xff", AnomalousPayload),
        (b'{"events": []}', UnsupportedEvent),
        (b'{"events": 5, "ephemeral": [1]}', UnsupportedEvent),
        (b'{"transaction_id": "ping"}', UnsupportedEvent),
    ],
)
def test_other_bodies(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        identify(body, ACCOUNT)


@pytest.mark.parametrize(
    ("case", "headers", "query", "passes"),
    [
        ("the token", {"authorization": "Bearer secret"}, {}, True),
        ("the token as before", {}, {"access_token": "secret"}, True),
        ("another token", {"authorization": "Bearer Secret"}, {}, False),
        ("no token", {}, {}, False),
        ("an empty token", {"authorization": "Bearer "}, {"access_token": ""}, False),
        ("strange characters", {"authorization": "Bearer é\ud800"}, {}, False),
    ],
)
def test_the_homeserver_shows_its_token(case: str, headers: dict, query: dict, passes: bool) -> None:
    request = Request(b"{}", headers, query=query)
    if passes:
        verify(request, ACCOUNT)
        return
    with pytest.raises(AnomalousPayload):
        verify(request, ACCOUNT)


def test_an_account_without_the_token_is_closed() -> None:
    with pytest.raises(AnomalousPayload):
        verify(Request(b"{}", {"authorization": "Bearer "}), AccountConfig(1, "matrix", "", "", {}, {"hs_token": ""}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "msgtype body url info m.relates_to rel_type event_id key m.new_content redacts ts user thread".split()
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)
KINDS = ["m.room.message", "m.reaction", "m.room.redaction", "m.receipt", "m.sticker", "m.room.encrypted", 7]


@settings(max_examples=300, deadline=None)
@given(kind=st.sampled_from(KINDS), content=JSON, other=JSON, sender=st.sampled_from(["@a:b", "@hub:example.org", 5]))
def test_only_the_two_declared_errors(kind: object, content: Any, other: Any, sender: object) -> None:
    event = {"type": kind, "event_id": "$x", "sender": sender, "content": content, "origin_server_ts": other,
             "unsigned": other, "redacts": other, "room_id": ROOM}  # fmt: skip
    value = {"event": event, "room": ROOM, "own": "@hub:example.org", "customer": other, "undone": other}
    try:
        for one in parse(json.dumps(value).encode(), CONTEXT, lambda _content: "0" * 64):
            assert len(one.thread_key) <= 200
            assert one.kind not in {InboundKind.MESSAGE, InboundKind.OWN} or (one.facts and one.message_id)
    except (AnomalousPayload, UnsupportedEvent) as error:
        assert str(error)
    try:
        identify(json.dumps({"events": [event, other], "ephemeral": [event, content]}).encode(), ACCOUNT)
    except (AnomalousPayload, UnsupportedEvent) as error:
        assert str(error)
