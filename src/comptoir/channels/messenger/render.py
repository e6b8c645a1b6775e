"""An answer as the calls of Messenger's Send API. Pure."""

from collections.abc import Mapping
from typing import Any

from comptoir.channels.base import Preview, Unit
from comptoir.channels.graph.envelope import frame, quick_replies, recipient_of
from comptoir.channels.graph.lengths import MESSENGER_LIMIT, shown
from comptoir.core.types import Outbound


def preview(message: Outbound, options: Mapping[str, Any]) -> Preview:
    """Return the parts that leave, in characters."""
    return shown(message.text, MESSENGER_LIMIT, Unit.CHARACTERS)


def render(message: Outbound, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the JSON of one call for each part of the text; the choices stand below the last. Raises ChannelError."""
    recipient = recipient_of(message)
    parts = [part.text for part in preview(message, options).parts if part.text]
    calls: list[dict[str, Any]] = []
    for number, part in enumerate(parts, 1):
        # The network tells `metadata` back in the echo: so a message is known before the answer to our call.
        content: dict[str, Any] = {"text": part, "metadata": message.key[:300]}
        if message.choices and number == len(parts):
            content["quick_replies"] = quick_replies(message.choices)
        calls.append(frame(message, recipient, content=content))
    return calls
