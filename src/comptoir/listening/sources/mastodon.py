"""Mastodon's public and hashtag timelines: server-sent events, and the lists that fill a gap. Pure.

Events are `update` (data: a status), `status.update` and `delete` (data: an id); a status is the API's own JSON.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from comptoir.core.textfold import clean
from comptoir.listening.rules import Post, https_only
from comptoir.listening.sources.texts import text_of_html

PAGE = 40  # statuses of one list; the API's most
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
LONGEST_EVENT = 1_000_000  # bytes


@dataclass(frozen=True, slots=True)
class SentEvent:
    """One server-sent event."""

    kind: str
    data: str


def events(chunks: Iterable[bytes]) -> Iterator[SentEvent]:
    """Put server-sent events together (HTML Living Standard, 9.2.6). Raises ValueError for an endless one."""
    buffer, kind, data, size, was_return = b"", "", list[str](), 0, False
    for chunk in chunks:
        if was_return:  # a line's end may be divided between two chunks
            chunk = chunk.removeprefix(b"\n")
        was_return = chunk.endswith(b"\r") if chunk else was_return
        buffer += chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        size += len(chunk)
        if size > LONGEST_EVENT:
            raise ValueError("An event has more than a million bytes.")
        *lines, buffer = buffer.split(b"\n")
        for line in lines:
            name, _colon, value = line.decode("utf-8", "replace").partition(":")
            value = value.removeprefix(" ")
            if not line:
                if data:
                    yield SentEvent(kind or "message", "\n".join(data))
                kind, data, size = "", [], len(buffer)
            elif name == "event":
                kind = value
            elif name == "data":
                data.append(value)
            elif not name:
                size = len(buffer) + sum(map(len, data))  # a comment: the heartbeat


def stream_address(base: str, hashtag: str) -> str:
    """Return the address of the stream: of a hashtag, or of everything public that the server sees."""
    base = base.rstrip("/")
    if hashtag:
        return f"{base}/api/v1/streaming/hashtag?{urlencode({'tag': hashtag})}"
    return f"{base}/api/v1/streaming/public"


def list_address(base: str, hashtag: str, after: str) -> str:
    """Return the address of the statuses that follow an id, the nearest first; without one, of the newest."""
    asked: dict[str, str | int] = {"limit": PAGE}
    if _ID.fullmatch(after):
        asked["min_id"] = after
    path = f"tag/{quote(hashtag, safe='')}" if hashtag else "public"
    return f"{base.rstrip('/')}/api/v1/timelines/{path}?{urlencode(asked)}"


def parse_event(event: SentEvent) -> tuple[Post | None, str]:
    """Return the post of an event, or the id of one that was deleted."""
    if event.kind == "delete":
        return None, event.data.strip() if _ID.fullmatch(event.data.strip()) else ""
    if event.kind not in {"update", "status.update"}:
        return None, ""
    try:
        return parse_status(json.loads(event.data)), ""
    except (ValueError, RecursionError):
        return None, ""


def parse_list(body: bytes) -> list[Post]:
    """Return the posts of a list, oldest first. Raises ValueError for what is no list."""
    try:
        rows = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("This is no list of posts.") from None
    if not isinstance(rows, list):
        raise ValueError("This is no list of posts.")
    found = [post for post in map(parse_status, rows) if post is not None]
    return sorted(found, key=lambda post: order_of(post.id))


def order_of(status_id: str) -> tuple[int, str]:
    """Return what sorts ids by age: numbers by their value, which longer ones exceed."""
    return len(status_id), status_id


def parse_status(row: object) -> Post | None:
    """Return the post of a status; None for a boost and for what is none."""
    if not isinstance(row, dict) or row.get("reblog") or row.get("visibility", "public") not in ("public", "unlisted"):
        return None
    number, account = row.get("id"), row.get("account")
    if not isinstance(number, str) or not _ID.fullmatch(number) or not isinstance(account, dict):
        return None
    warning, body = _text(row, "spoiler_text"), text_of_html(_text(row, "content"))
    count, language = account.get("followers_count"), row.get("language")
    is_count = isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 2**31
    return Post(
        id=number,
        text=clean(f"{warning}\n\n{body}" if warning else body),
        url=https_only(row.get("url")) or https_only(row.get("uri")),
        author_name=clean(_text(account, "display_name") or _text(account, "username")),
        author_handle=clean(_text(account, "acct")),
        author_id=https_only(account.get("url")) or _text(account, "id"),
        published_at=_when(row.get("created_at")),
        languages=(language,) if isinstance(language, str) else (),
        tags=tuple(_text(tag, "name") for tag in _rows(row, "tags")),
        handles=tuple(_text(one, "acct") for one in _rows(row, "mentions")),
        reach=count if is_count else None,
        raw=row,
    )


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _rows(row: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = row.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _when(value: object) -> datetime | None:
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return instant.replace(tzinfo=UTC) if instant is not None and instant.tzinfo is None else instant


def newest_id(body: bytes) -> str:
    """Return the newest id of a list, of boosts and whatever else is in it too; '' where there is none."""
    try:
        rows = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    ids = [row.get("id") for row in (rows if isinstance(rows, list) else []) if isinstance(row, dict)]
    known = [number for number in ids if isinstance(number, str) and _ID.fullmatch(number)]
    return max(known, key=order_of, default="")
