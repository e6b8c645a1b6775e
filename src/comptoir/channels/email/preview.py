"""What a mail program will show of an answer: subject, text, signature and the history below. Pure."""

from collections.abc import Mapping
from typing import Any

from comptoir.channels.base import Part, Preview
from comptoir.core.types import Outbound


def preview(message: Outbound, options: Mapping[str, Any]) -> Preview:
    """Return the parts of the mail; its length has no limit but the server's size."""
    text = message.text.strip()
    return Preview(
        (Part(text, len(text)),),
        subject=message.subject,
        signature=message.signature.strip(),
        quoted=message.quoted.strip(),
    )
