"""What a visitor will see of an answer: the text as it is. Pure."""

from collections.abc import Mapping
from typing import Any

from comptoir.channels.base import Part, Preview
from comptoir.channels.webchat.rules import MAX_TEXT
from comptoir.core.types import Outbound


def preview(message: Outbound, options: Mapping[str, Any]) -> Preview:
    """Return the bubble; a chat has room for as much from us as from a visitor."""
    text = message.text.strip()
    return Preview((Part(text, len(text)),), limit=MAX_TEXT)
