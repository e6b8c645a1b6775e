"""An answer as text messages: what the gateway takes at once, counted in segments as telephone networks do. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from comptoir.channels import counting
from comptoir.channels.base import After, Part, Preview, Unit, Window
from comptoir.channels.sms.parse import WHATSAPP
from comptoir.core.textfold import clean
from comptoir.core.types import Outbound

MOST = 1600  # UTF-16 units that the gateway takes in one message (error 21617 beyond); it cuts the segments itself
NUMBER_ROOM = 12  # of " (123/456)" behind a part
WHATSAPP_WINDOW = timedelta(hours=24)


def bodies(message: Outbound) -> list[str]:
    """Return the messages that a text leaves in; each is one or more segments on the way."""
    text = clean(message.text).strip()
    if counting.utf16_units(text) <= MOST:
        return [text]
    parts = counting.split(text, MOST - NUMBER_ROOM, counting.utf16_units)
    return [f"{part} ({number}/{len(parts)})" for number, part in enumerate(parts, 1)] if len(parts) > 1 else parts


def preview(message: Outbound, options: Mapping[str, Any]) -> Preview:
    """Return the segments, each with its length: septets, or UTF-16 units where a character is not in the alphabet."""
    parts: list[Part] = []
    rooms = []
    for body in bodies(message):
        segments, room = counting.sms_segments(body)
        size = counting.sms_units if counting.is_gsm(body) else counting.utf16_units
        parts += [Part(segment, size(segment)) for segment in segments]
        rooms.append(room)
    return Preview(tuple(parts), max(rooms), Unit.SMS, splits=True)


def render(message: Outbound, options: Mapping[str, Any], *, callback: str = "") -> list[Mapping[str, str]]:
    """Return the fields of each call; none where there is nobody to send to, nobody to send as, or nothing to say."""
    to = recipient(message)
    sender = _sender(message, options, to)
    if not to or not sender:
        return []
    told = {"StatusCallback": callback} if callback else {}
    return [{"To": to, **sender, "Body": body, **told} for body in bodies(message) if body]


def recipient(message: Outbound) -> str:
    """Return the address that it goes to, as the gateway writes it."""
    return clean(message.to[0].address if message.to else message.thread_key.removeprefix("dm:")).strip()


def _sender(message: Outbound, options: Mapping[str, Any], to: str) -> Mapping[str, str]:
    """Return whom it is from: the pool of numbers, our number, or the one that the customer wrote to."""
    service = str(options.get("messaging_service") or "").strip()
    if service:
        return {"MessagingServiceSid": service}
    number = "".join(str(options.get("number") or "").split()) or str(message.answers.get("number") or "")
    if not number:
        return {}
    prefix = WHATSAPP if to.startswith(WHATSAPP) else ""
    return {"From": prefix + number.removeprefix(WHATSAPP)}


def window(asked_at: datetime, *, is_public: bool, facts: Mapping[str, Any]) -> Window | None:
    """Return the day in which WhatsApp lets us answer; a text message may be answered at any time."""
    is_whatsapp = str(facts.get("from") or "").startswith(WHATSAPP)
    return Window(asked_at + WHATSAPP_WINDOW, After.NOTHING) if is_whatsapp else None
