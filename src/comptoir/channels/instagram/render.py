"""An answer as the calls of Instagram's API: messages, replies to comments, private replies. Pure."""

from collections.abc import Mapping
from typing import Any

from comptoir.channels.base import Preview, Unit
from comptoir.channels.graph.envelope import frame, quick_replies, recipient_of
from comptoir.channels.graph.lengths import INSTAGRAM_COMMENT_LIMIT, INSTAGRAM_LIMIT, shown
from comptoir.core.errors import ChannelError
from comptoir.core.types import Outbound


def preview(message: Outbound, options: Mapping[str, Any]) -> Preview:
    """Return the parts that leave: a comment in characters, a message in bytes of UTF-8. A private reply is one."""
    if message.is_public:
        return shown(message.text, INSTAGRAM_COMMENT_LIMIT, Unit.CHARACTERS)
    is_private_reply = bool(message.answers.get("item"))
    return shown(message.text, INSTAGRAM_LIMIT, Unit.BYTES, splits=not is_private_reply)


def render(message: Outbound, options: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return (path, JSON) of one call for each part. Raises ChannelError for what cannot leave."""
    shown_parts = preview(message, options)
    parts = [part.text for part in shown_parts.parts if part.text]
    if message.is_public:
        comment = str(message.answers.get("answer_to") or message.answers.get("comment") or "")
        if not comment:
            raise ChannelError("It is not known which comment this answers.", permanent=True)
        return [(f"{comment}/replies", {"message": part}) for part in parts]
    if shown_parts.is_too_long:
        words = f"A private reply to a comment is one message of at most {INSTAGRAM_LIMIT} bytes."
        raise ChannelError(words, permanent=True)
    recipient = recipient_of(message)
    calls: list[tuple[str, dict[str, Any]]] = []
    for number, part in enumerate(parts, 1):
        content: dict[str, Any] = {"text": part}
        if message.choices and number == len(parts) and not recipient.is_private_reply:
            content["quick_replies"] = quick_replies(message.choices)
        calls.append(("me/messages", frame(message, recipient, content=content)))
    return calls
