"""The sandbox's payload: a small JSON object of our own; the plainest parser there is, and a pattern for others."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.types import AccountConfig, Author, Delivered, Inbound, InboundKind, ParseContext, Receipt

MAX_TEXT = 100_000


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        raise AnomalousPayload("This is not JSON.") from None
    if not isinstance(value, dict):
        raise AnomalousPayload("An event is a JSON object.")
    return value


def _text(value: Mapping[str, Any], name: str, *, most: int = 300, needed: bool = False) -> str:
    text = value.get(name, "")
    if not isinstance(text, str) or (needed and not text):
        raise AnomalousPayload(f"“{name}” must be a text.")
    if len(text) > most:
        raise AnomalousPayload(f"“{name}” is longer than {most} characters.")
    return text


def _instant(value: Mapping[str, Any], name: str) -> datetime | None:
    text = _text(value, name)
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise AnomalousPayload(f"“{name}” must be an instant like 2026-01-31T12:00:00+01:00.") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def identify(body: bytes, account: AccountConfig) -> Sequence[tuple[str, str, bytes]]:
    """Return the event, or the events of {"events": […]}, each with its id and its thread."""
    value = _object(body)
    events = value.get("events", [value])
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise AnomalousPayload("“events” must be a list of objects.")
    if len(events) == 1 and events[0] is value:
        return [(_text(value, "id", needed=True), _text(value, "thread"), body)]
    return [(_text(e, "id", needed=True), _text(e, "thread"), json.dumps(e).encode()) for e in events]


def parse(raw: bytes, context: ParseContext, store: Callable[[bytes], str]) -> list[Inbound]:
    """Parse a message or a receipt. Raises AnomalousPayload, UnsupportedEvent."""
    value = _object(raw)
    kind = value.get("type", "message")
    author_value = value.get("author", {})
    if not isinstance(author_value, dict):
        raise AnomalousPayload("“author” must be an object with an address and a name.")
    author = Author("sandbox", _text(author_value, "address", most=320), _text(author_value, "name"))
    if kind == "receipt":
        try:
            state = Delivered(_text(value, "state", needed=True))
        except ValueError:
            raise AnomalousPayload("“state” must be sent, delivered or failed.") from None
        receipt = Receipt(_text(value, "key", needed=True), state, reason=_text(value, "reason"))
        return [Inbound(author=author, text="", kind=InboundKind.RECEIPT, receipt=receipt)]
    if kind != "message":
        raise UnsupportedEvent(f"Events of type “{str(kind)[:50]}” are not used here.")
    if not author.address:
        raise AnomalousPayload("The author has no address.")
    return [
        Inbound(
            author=author,
            text=_text(value, "text", most=MAX_TEXT, needed=True),
            thread_key=_text(value, "thread", most=200) or f"author:{author.address}"[:200],
            subject=_text(value, "subject"),
            sent_at=_instant(value, "sent_at"),
            language=_text(value, "language", most=8),
            message_id=_text(value, "id"),
        )
    ]
