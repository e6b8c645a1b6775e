"""The channel of mentions: what `adopt` makes, `parse` reads."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comptoir.channels.base import Found
from comptoir.channels.mention import parse
from comptoir.channels.tests.test_contract import context
from comptoir.core.errors import AnomalousPayload
from comptoir.core.types import AccountConfig, Author, Inbound

FIXTURES = Path(__file__).parent.parent / "fixtures"
ACCOUNT = AccountConfig(1, "mention", "Mentions", "", {})
AT = datetime(2026, 1, 31, 12, tzinfo=UTC)


def read(raw: bytes) -> Inbound:
    (event,) = parse.parse(raw, context("listening"), lambda _content: "")
    return event


def test_the_fixtures() -> None:
    event = read((FIXTURES / "mention.json").read_bytes())
    assert event.is_public
    assert event.sent_at == AT
    assert event.facts == {"network": "feed", "permalink": "https://press.example.org/2026/outage"}
    assert event.author.name == "The Lyon Courier"
    assert "permalink" not in read((FIXTURES / "mention_without_link.json").read_bytes()).facts


@given(st.text(min_size=1), st.text(), st.text(), st.text(), st.text())
def test_whatever_is_found_can_be_adopted(text: str, number: str, url: str, address: str, name: str) -> None:
    post = Found("feed", "https://x", number, url, Author("feed", address, name), text, AT)
    piece = parse.adopt(post, ACCOUNT)
    assert piece is not None
    assert piece == parse.adopt(post, ACCOUNT)
    try:
        event = read(piece.raw)
    except AnomalousPayload:
        return  # nothing of the text is left when what cannot be stored is taken out
    assert event.thread_key == piece.conversation_key == event.message_id
    assert event.facts


def test_two_posts_are_two_records() -> None:
    author = Author("feed", "a")
    pieces = {
        piece.external_id
        for network, server, number in (
            ("feed", "s", "1"),
            ("feed", "s", "2"),
            ("feed", "t", "1"),
            ("bluesky", "s", "1"),
        )
        if (piece := parse.adopt(Found(network, server, number, "", author, "x", AT), ACCOUNT)) is not None
    }
    assert len(pieces) == 4


@pytest.mark.parametrize("name", ["id", "text", "author", "url", "language", "published_at", "network"])
@given(value=st.none() | st.integers() | st.lists(st.text()) | st.dictionaries(st.text(), st.integers()) | st.text())
def test_any_type_in_any_place_is_read_or_set_aside(name: str, value: Any) -> None:
    whole = json.loads((FIXTURES / "mention.json").read_text())
    try:
        read(json.dumps(whole | {name: value}).encode())
    except AnomalousPayload as error:
        assert str(error)
