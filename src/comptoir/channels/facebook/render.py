"""An answer to a comment or a visitor's post: in public below it, or once in private. Pure."""

from collections.abc import Mapping
from typing import Any

from comptoir.channels.base import Preview, Unit
from comptoir.channels.graph.envelope import frame, recipient_of
from comptoir.channels.graph.lengths import COMMENT_LIMIT, MESSENGER_LIMIT, shown
from comptoir.core.errors import ChannelError
from comptoir.core.types import Outbound


def preview(message: Outbound, options: Mapping[str, Any]) -> Preview:
    """Return the parts that leave, in characters. A private reply is one message."""
    if message.answers.get("item") and not message.is_public:
        return shown(message.text, MESSENGER_LIMIT, Unit.CHARACTERS, splits=False)
    return shown(message.text, COMMENT_LIMIT if message.is_public else MESSENGER_LIMIT, Unit.CHARACTERS)


def render(message: Outbound, options: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return (path, JSON) of one call for each part. Raises ChannelError for what cannot leave."""
    shown_parts = preview(message, options)
    parts = [part.text for part in shown_parts.parts if part.text]
    if message.is_public:
        below = str(message.answers.get("answer_to") or message.answers.get("post") or "")
        if not below:
            raise ChannelError("It is not known which comment or post this answers.", permanent=True)
        return [(f"{below}/comments", {"message": part}) for part in parts]
    if shown_parts.is_too_long:
        words = f"A private reply to a comment is one message of at most {MESSENGER_LIMIT} characters."
        raise ChannelError(words, permanent=True)
    recipient = recipient_of(message)
    return [("me/messages", frame(message, recipient, content={"text": part})) for part in parts]
