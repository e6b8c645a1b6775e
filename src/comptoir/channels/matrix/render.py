"""An answer as events of a room. Pure.

An event may have 65,536 bytes in all, so a text of more than LIMIT characters leaves in several: each of them may take
six bytes as JSON, and relations and signatures need room beside.
"""

from collections.abc import Mapping
from typing import Any

from comptoir.channels import counting
from comptoir.channels.base import Part, Preview, Unit
from comptoir.core.types import Outbound, OutboundFile

LIMIT = 10_000


def preview(message: Outbound, options: Mapping[str, Any]) -> Preview:
    """Return the parts that leave."""
    text = message.text.strip()
    if len(text) <= LIMIT:
        return Preview((Part(text, len(text)),), LIMIT, Unit.CHARACTERS, splits=True)
    pieces = counting.split(text, LIMIT, counting.characters)
    return Preview(tuple(Part(piece, len(piece)) for piece in pieces), LIMIT, Unit.CHARACTERS, splits=True)


def place_of(message: Outbound) -> tuple[str, str]:
    """Return (room, root of the thread) to write to; the room is '' where nobody has written there yet."""
    room, root = message.answers.get("room"), message.answers.get("thread")
    return (room if isinstance(room, str) else "", root if isinstance(root, str) else "")


def text_event(message: Outbound, text: str, *, is_first: bool) -> dict[str, Any]:
    """Return the content of one part; the first names what it answers, and tells its author."""
    value: dict[str, Any] = {"msgtype": "m.notice" if message.automatic else "m.text", "body": text}
    return {**value, **_relation(message, is_first=is_first)}


def file_event(message: Outbound, file: OutboundFile, uri: str) -> dict[str, Any]:
    """Return the content of a file that was uploaded to `uri`."""
    family = file.content_type.partition("/")[0]
    kind = f"m.{family}" if family in {"image", "audio", "video"} else "m.file"
    info = {"mimetype": file.content_type, "size": len(file.content)}
    value = {"msgtype": kind, "body": file.filename, "filename": file.filename, "url": uri, "info": info}
    return {**value, **_relation(message, is_first=False)}


def _relation(message: Outbound, *, is_first: bool) -> dict[str, Any]:
    answered = message.answers.get("id")
    _room, root = place_of(message)
    relation: dict[str, Any] = {}
    if root:
        relation = {"rel_type": "m.thread", "event_id": root, "is_falling_back": not is_first}
    if isinstance(answered, str) and answered and (is_first or root):
        relation["m.in_reply_to"] = {"event_id": answered}
    author = message.answers.get("author")
    value: dict[str, Any] = {"m.relates_to": relation} if relation else {}
    if is_first and isinstance(author, str) and author.startswith("@"):
        value["m.mentions"] = {"user_ids": [author]}
    return value
