"""A mention as listening hands it over: a JSON object of our own, made by `adopt` and read by `parse`. Pure."""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from comptoir.channels.base import Found, Piece
from comptoir.core.errors import AnomalousPayload
from comptoir.core.textfold import clean
from comptoir.core.types import AccountConfig, Author, Inbound, ParseContext

MAX_TEXT = 100_000


def adopt(post: Found, account: AccountConfig) -> Piece | None:
    """Return the record of any found post; one whose author nobody knows has its address as author."""
    key = hashlib.sha256(f"{post.network}\n{post.server}\n{post.id}".encode(errors="surrogatepass")).hexdigest()
    address = post.author.address or post.url or key
    value = {
        "id": key, "network": post.network, "url": post.url, "text": post.text[:MAX_TEXT], "language": post.language,
        "author": {"address": address[:300], "name": post.author.name[:200]},
        "published_at": post.published_at.isoformat(),
    }  # fmt: skip
    return Piece(f"mention:{key}", f"mention:{key}", json.dumps(value).encode())


def parse(raw: bytes, context: ParseContext, store: Callable[[bytes], str]) -> list[Inbound]:
    """Parse a mention. Raises AnomalousPayload."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        raise AnomalousPayload("This is not JSON.") from None
    if not isinstance(value, dict):
        raise AnomalousPayload("A mention is a JSON object.")
    author = value.get("author")
    key, text = _text(value, "id", 64), _text(value, "text", MAX_TEXT)
    if not key or not text or not isinstance(author, dict):
        raise AnomalousPayload("A mention has an “id”, a “text” and an “author”.")
    address = _text(author, "address", 300)
    if not address:
        raise AnomalousPayload("The author has no address.")
    url = _text(value, "url", 2000)
    facts = {"network": _text(value, "network", 20), "permalink": url if url.startswith("https://") else ""}
    return [
        Inbound(
            author=Author("mention", address, _text(author, "name", 200)),
            text=text,
            thread_key=f"mention:{key}",
            message_id=f"mention:{key}",
            sent_at=_when(value),
            language=_text(value, "language", 8),
            is_public=True,
            facts={name: fact for name, fact in facts.items() if fact} or {"network": "mention"},
        )
    ]


def _text(value: Mapping[str, Any], name: str, most: int) -> str:
    text = value.get(name, "")
    if not isinstance(text, str):
        raise AnomalousPayload(f"“{name}” must be a text.")
    return clean(text)[:most]


def _when(value: Mapping[str, Any]) -> datetime | None:
    text = _text(value, "published_at", 60)
    try:
        instant = datetime.fromisoformat(text) if text else None
    except ValueError:
        raise AnomalousPayload("“published_at” must be an instant.") from None
    return instant.replace(tzinfo=UTC) if instant is not None and instant.tzinfo is None else instant
