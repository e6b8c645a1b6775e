"""What a WhatsApp message says, whatever its type: a text for people, the files to fetch, the facts to keep. Pure."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.types import RemoteFile

MEDIA = ("image", "video", "audio", "voice", "document", "sticker")
ENDINGS = {
    "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "video/mp4": "mp4", "video/3gpp": "3gp",
    "audio/ogg": "ogg", "audio/mpeg": "mp3", "audio/mp4": "m4a", "audio/aac": "aac", "audio/amr": "amr",
    "application/pdf": "pdf",
}  # fmt: skip
MAX_TEXT = 100_000


@dataclass(frozen=True, slots=True)
class Content:
    """What one message holds."""

    text: str = ""
    files: tuple[RemoteFile, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


def text(value: Any, name: str) -> str:
    """Return a text of an object, without NUL characters; '' where there is none, or something else."""
    found = value.get(name) if isinstance(value, dict) else None
    return found.replace("\0", "")[:MAX_TEXT] if isinstance(found, str) else ""


def number(value: Any) -> float:
    """Return a number, also of a text of digits; 0 where there is none."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return float(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e18 and math.isfinite(value):
        return float(value)
    return 0.0


def objects(value: Any, name: str) -> list[dict[str, Any]]:
    """Return the objects of a list of an object; what is none is left out."""
    found = value.get(name) if isinstance(value, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def content_of(kind: str, item: Mapping[str, Any], errors: Sequence[Mapping[str, Any]]) -> Content:
    """Return the content of a message of a type. Raises AnomalousPayload, UnsupportedEvent."""
    if kind in MEDIA:
        return _media(kind, item)
    read = READERS.get(kind)
    if kind == "unsupported" or (read is not None and not item.get(kind) and errors):
        return _unsupported(item, errors)
    if read is None:
        raise UnsupportedEvent(f"Messages of type “{kind[:50]}” are not used here.")
    found = read(item)
    if not found.text:
        raise AnomalousPayload(f"The message of type “{kind}” says nothing.")
    return found


def _media(kind: str, item: Mapping[str, Any]) -> Content:
    held = item.get(kind)
    media_id = text(held, "id")
    if not isinstance(held, dict) or not media_id:
        raise AnomalousPayload(f"The {kind} has no id.")
    content_type = text(held, "mime_type")
    plain = content_type.partition(";")[0].strip()
    ending = ENDINGS.get(plain, "")
    name = text(held, "filename")[:255] or (f"{kind}.{ending}" if ending else "")
    ref = {"id": media_id, "sha256": text(held, "sha256")}
    facts = {name: True for name in ("voice", "animated") if held.get(name) is True}
    return Content(text(held, "caption"), (RemoteFile(ref, name, plain[:127]),), facts)


def _text(item: Mapping[str, Any]) -> Content:
    return Content(text(item.get("text"), "body"))


def _button(item: Mapping[str, Any]) -> Content:
    held = item.get("button")
    return Content(text(held, "text") or text(held, "payload"), facts={"choice": text(held, "payload")[:300]})


def _interactive(item: Mapping[str, Any]) -> Content:
    held = item.get("interactive")
    kind = text(held, "type")
    told = held.get(kind) if isinstance(held, dict) else None
    if kind == "nfm_reply":
        return Content(_form(told), facts={"form": text(told, "name")[:100]})
    words = [text(told, "title"), text(told, "description"), text(told, "response")]
    return Content("\n".join(filter(None, words)), facts={"choice": text(told, "id")[:300]})


def _form(told: Any) -> str:
    """Return what somebody filled in, one line an answer; a token of the platform is no answer."""
    try:
        answers = json.loads(text(told, "response_json") or "{}")
    except (ValueError, RecursionError):
        answers = {}
    given = answers.items() if isinstance(answers, dict) else ()
    lines = [f"{name}: {value}" for name, value in given if name != "flow_token" and isinstance(value, (str, int))]
    return "\n".join(filter(None, [text(told, "body"), *lines])).replace("\0", "")[:MAX_TEXT]


def _location(item: Mapping[str, Any]) -> Content:
    held = item.get("location")
    if not isinstance(held, dict):
        return Content()
    latitude, longitude = number(held.get("latitude")), number(held.get("longitude"))
    name = ", ".join(filter(None, [text(held, "name"), text(held, "address")]))
    url = (
        text(held, "url")
        or f"https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}#map=16/{latitude}/{longitude}"
    )
    place = {"name": name[:500], "latitude": latitude, "longitude": longitude, "url": url[:500]}
    return Content("\n".join(filter(None, [name, f"{latitude}, {longitude}", url])), facts={"location": place})


def _contacts(item: Mapping[str, Any]) -> Content:
    """Return the cards of people: a line each, with the numbers and addresses."""
    lines = []
    for card in objects(item, "contacts"):
        name = card.get("name")
        who = text(name, "formatted_name") or " ".join(
            filter(None, [text(name, "first_name"), text(name, "last_name")])
        )
        reach = [text(p, "phone") for p in objects(card, "phones")] + [
            text(e, "email") for e in objects(card, "emails")
        ]
        known = ", ".join(filter(None, reach))
        lines.append(": ".join(filter(None, [who, known])))
    return Content("\n".join(filter(None, lines)), facts={"cards": len(lines)})


def _order(item: Mapping[str, Any]) -> Content:
    held = item.get("order")
    lines = [text(held, "text")]
    for one in objects(held, "product_items"):
        price = f"{number(one.get('item_price')):g} {text(one, 'currency')}".strip()
        lines.append(f"{number(one.get('quantity')):g} × {text(one, 'product_retailer_id')} ({price})")
    return Content("\n".join(filter(None, lines)), facts={"catalog_id": text(held, "catalog_id")[:100]})


def _unsupported(item: Mapping[str, Any], errors: Sequence[Mapping[str, Any]]) -> Content:
    """Return the platform's words: somebody wrote, and must get an answer, though we cannot see what."""
    kind = text(item.get("unsupported"), "type") or text(item, "type")
    words = [text(error.get("error_data"), "details") or text(error, "title") for error in errors]
    return Content("\n".join(filter(None, words)) or f"[{kind}]", facts={"unsupported": kind[:50] or "unknown"})


READERS: Mapping[str, Callable[[Mapping[str, Any]], Content]] = {
    "text": _text, "button": _button, "interactive": _interactive, "location": _location, "contacts": _contacts,
    "order": _order,
}  # fmt: skip
