"""The chat's parser: our own events become messages, claims and receipts; anything else is set aside with words."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comptoir.channels.webchat.parse import parse
from comptoir.core.errors import AnomalousPayload
from comptoir.core.types import Author, Delivered, InboundKind, ParseContext, Receipt

FIXTURES = Path(__file__).parent.parent / "fixtures"
AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CONTEXT = ParseContext(1, "", {}, "chat", AT, "x", b"key")
SESSION = "abcdefghijklmnopqrstuvwxyz"


def store(content: bytes) -> str:
    raise AssertionError("a chat has no files")


def load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_bytes())
    return loaded


def test_a_message() -> None:
    (message,) = parse((FIXTURES / "message.json").read_bytes(), CONTEXT, store)
    assert message.author == Author("webchat", SESSION, "Ada")
    assert (message.thread_key, message.text, message.language) == (SESSION, "Bonjour, ma ligne est coupée.", "fr")
    assert message.extra_identities == (Author("email", "ada@example.net", "Ada"),)
    assert message.sent_at == AT  # never after it was received


def test_a_contact_is_a_claim_and_no_message() -> None:
    (event,) = parse((FIXTURES / "contact.json").read_bytes(), CONTEXT, store)
    assert event.kind is InboundKind.CONTACT
    assert event.author == Author("webchat", SESSION, "Ada")
    assert event.extra_identities == (Author("email", "ada@example.net", "Ada"),)


def test_a_receipt() -> None:
    (event,) = parse((FIXTURES / "receipt.json").read_bytes(), CONTEXT, store)
    assert event.kind is InboundKind.RECEIPT
    assert event.receipt == Receipt("12.abc@example.org", Delivered.DELIVERED)


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("message", {"type": "other"}),
    ("message", {"session": "../../x"}),
    ("message", {"session": SESSION + "\n"}),
    ("message", {"text": ""}),
    ("message", {"text": ["a"]}),
    ("message", {"at": 7e99}),
    ("message", {"is_admin": True}),
    ("contact", {"email": ""}),
    ("receipt", {"key": "k" * 300}),
    ("receipt", {"state": "failed"}),
]


@pytest.mark.parametrize(("name", "change"), CHANGES)
def test_anything_else_is_set_aside(name: str, change: dict[str, Any]) -> None:
    with pytest.raises(AnomalousPayload):
        parse(json.dumps(load(name) | change).encode(), CONTEXT, store)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_no_bytes_break_the_parser(raw: bytes) -> None:
    with pytest.raises(AnomalousPayload):
        parse(raw, CONTEXT, store)


@given(st.text(min_size=1))
def test_every_text_survives(text: str) -> None:
    (message,) = parse(json.dumps(load("message") | {"text": text}).encode(), CONTEXT, store)
    assert message.text == text.replace("\x00", "")


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(AnomalousPayload):
        parse(b'{"a":' * 100_000, CONTEXT, store)
