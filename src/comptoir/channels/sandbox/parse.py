"""The sandbox's payload: a small JSON object of our own; the plainest parser there is, and a pattern for others."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from comptoir.channels.base import Piece
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


def identify(body: bytes, account: AccountConfig) -> Sequence[Piece]:
    """Return the event, or the events of {"events": […]}, each with its id and its thread."""
    value = _object(body)
    events = value.get("events", [value])
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise AnomalousPayload("“events” must be a list of objects.")
    if len(events) == 1 and events[0] is value:
        return [Piece(_text(value, "id", needed=True), _text(value, "thread"), body)]
    return [Piece(_text(e, "id", needed=True), _text(e, "thread"), json.dumps(e).encode()) for e in events]


AFTERWARDS = {
    "edit": InboundKind.EDIT, "deletion": InboundKind.DELETION, "hiding": InboundKind.HIDING,
    "reaction": InboundKind.REACTION,
}  # fmt: skip


def _author(value: Mapping[str, Any], name: str = "author") -> Author:
    found = value.get(name, {})
    if not isinstance(found, dict):
        raise AnomalousPayload(f"“{name}” must be an object with an address and a name.")
    return Author("sandbox", _text(found, "address", most=320), _text(found, "name"))


def _customer(value: Mapping[str, Any]) -> Author:
    """Return whom a message of ours was written to."""
    customer = _author(value, "to")
    if not customer.address:
        raise AnomalousPayload("“to” must be an object with an address and a name.")
    return customer


def _afterwards(kind: str, value: Mapping[str, Any]) -> Inbound:
    """Return what was done to a message after it was written."""
    return Inbound(
        author=_author(value),
        text=_text(value, "text", most=MAX_TEXT),
        kind=AFTERWARDS[kind],
        about=_text(value, "about", needed=True),
        reaction=_text(value, "reaction", most=60),
        is_undone=value.get("undone") is True,
        thread_key=_text(value, "thread", most=200),
        sent_at=_instant(value, "sent_at"),
    )


def parse(raw: bytes, context: ParseContext, store: Callable[[bytes], str]) -> list[Inbound]:
    """Parse a message or a receipt. Raises AnomalousPayload, UnsupportedEvent."""
    value = _object(raw)
    kind = value.get("type", "message")
    if not isinstance(kind, str):
        raise AnomalousPayload("“type” must be a text.")
    if kind in AFTERWARDS:
        return [_afterwards(kind, value)]
    author = _author(value)
    if kind == "receipt":
        try:
            state = Delivered(_text(value, "state", needed=True))
        except ValueError:
            raise AnomalousPayload("“state” must be sent, delivered, read or failed.") from None
        key, provider_id, up_to = _text(value, "key"), _text(value, "provider_id"), _instant(value, "up_to")
        if not (key or provider_id or up_to):
            raise AnomalousPayload("A receipt has a “key”, a “provider_id” or an “up_to”.")
        receipt = Receipt(key, state, provider_id, _text(value, "reason"), up_to)
        thread = _text(value, "thread", most=200)
        return [Inbound(author=author, text="", kind=InboundKind.RECEIPT, receipt=receipt, thread_key=thread)]
    if kind not in {"message", "own"}:
        raise UnsupportedEvent(f"Events of type “{str(kind)[:50]}” are not used here.")
    if not author.address:
        raise AnomalousPayload("The author has no address.")
    return [
        Inbound(
            author=author,
            text=_text(value, "text", most=MAX_TEXT, needed=True),
            kind=InboundKind(kind),
            to=(_customer(value),) if kind == "own" else (),
            is_public=value.get("public") is True,
            facts={"permalink": _text(value, "link", most=2000)} if value.get("link") else {"sandbox": True},
            thread_key=_text(value, "thread", most=200) or f"author:{author.address}"[:200],
            subject=_text(value, "subject"),
            sent_at=_instant(value, "sent_at"),
            language=_text(value, "language", most=8),
            message_id=_text(value, "id"),
        )
    ]
