"""An answer as the receiver's JSON. Pure. It can count and split like X, Bluesky or the SMS, to try those out."""

import json
from collections.abc import Mapping
from typing import Any

from comptoir.channels import counting
from comptoir.channels.base import Part, Preview, Unit
from comptoir.core.types import Outbound

X, BLUESKY, SMS = "x", "bluesky", "sms"


def preview(message: Outbound, options: Mapping[str, Any]) -> Preview:
    """Return the parts that leave."""
    text, imitated = message.text.strip(), options.get("imitates")
    if imitated == X:
        return _posts(text, counting.X_LIMIT, Unit.WEIGHTED, counting.weighted)
    if imitated == BLUESKY:
        return _posts(text, counting.BLUESKY_LIMIT, Unit.GRAPHEMES, counting.grapheme_count)
    if imitated == SMS:
        segments, room = counting.sms_segments(text)
        narrow = counting.is_gsm(text)
        parts = tuple(Part(s, counting.sms_units(s) if narrow else counting.utf16_units(s)) for s in segments)
        return Preview(parts, room, Unit.SMS, splits=True)
    return Preview((Part(text, len(text)),))


def _posts(text: str, limit: int, unit: Unit, measure: counting.Measure) -> Preview:
    parts = tuple(Part(part, measure(part)) for part in counting.split(text, limit, measure))
    return Preview(parts, limit, unit, splits=True)


def private_thread(facts: Mapping[str, Any]) -> str:
    """Return the thread of private messages with the author of a public one."""
    return f"private:{facts['author']}"[:200]


def render(message: Outbound, options: Mapping[str, Any]) -> bytes:
    """Return the JSON that the receiver gets; `parts` where the text leaves in several."""
    value: dict[str, Any] = {
        "key": message.key,
        "thread": message.thread_key,
        "to": [author.address for author in message.to],
        "text": message.text,
        "from": message.from_name,
    }
    if message.is_public:
        value["public"] = True
    if answered := message.answers.get("id"):
        value["answers"] = answered
    parts = preview(message, options).parts
    if len(parts) > 1:
        value["parts"] = [part.text for part in parts]
    return json.dumps(value, ensure_ascii=False).encode()
