"""An answer as WhatsApp takes it: texts of 4,096 characters, files with a caption, buttons, templates. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from comptoir.channels import counting
from comptoir.channels.base import Part, Preview, Unit
from comptoir.core.types import Outbound, OutboundFile

LIMIT = 4096  # characters of a text
CAPTION_LIMIT = 1024  # of what stands below a file, and above buttons
BUTTONS, BUTTON_LIMIT = 3, 20  # how many, and the characters on each
# What may leave as what, and how large; anything else leaves as a document.
PICTURES = frozenset({"image/jpeg", "image/png"})
FILMS = frozenset({"video/mp4", "video/3gpp"})
SOUNDS = frozenset({"audio/aac", "audio/mp4", "audio/mpeg", "audio/amr", "audio/ogg"})
MEGABYTE = 1024 * 1024
SIZES = {"image": 5 * MEGABYTE, "video": 16 * MEGABYTE, "audio": 16 * MEGABYTE, "document": 100 * MEGABYTE}
# A user id begins with the two letters of a country and a dot; a number has digits only.
_USER_ID = re.compile(r"[A-Z]{2}\.[0-9A-Za-z.]+")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One message as it leaves; at most one of `file`, `buttons` and `template`."""

    text: str = ""
    file: OutboundFile | None = None
    buttons: tuple[str, ...] = ()
    template: bool = False


def plan(message: Outbound) -> list[Leaf]:
    """Return what leaves, in its order; the same each time, so that a later attempt can go on."""
    if message.template is not None:
        return [Leaf(message.text, template=True)]
    text, files, choices = message.text.strip(), message.files, message.choices
    if choices and not fits_buttons(choices):
        text, choices = "\n".join([text, "", *(f"• {choice}" for choice in choices)]).strip(), ()
    if choices:
        *before, last = counting.split(text, CAPTION_LIMIT, counting.characters)
        leaves = [*map(Leaf, before), Leaf(last or "…", buttons=choices)]
    elif len(files) == 1 and len(text) <= CAPTION_LIMIT and kind_of(files[0]) != "audio":
        return [Leaf(text, file=files[0])]
    else:
        leaves = [Leaf(part) for part in counting.split(text, LIMIT, counting.characters) if part]
    return leaves + [Leaf(file=file) for file in files] or [Leaf("")]


def fits_buttons(choices: tuple[str, ...]) -> bool:
    """Whether short answers can leave as buttons; the others are written below the text."""
    short = all(0 < len(choice.strip()) <= BUTTON_LIMIT for choice in choices)
    return len(choices) <= BUTTONS and short and len(set(choices)) == len(choices)


def preview(message: Outbound, options: Mapping[str, Any]) -> Preview:
    """Return the parts that leave; a file without a caption is none."""
    texts = [leaf.text for leaf in plan(message) if leaf.text or leaf.file is None] or [""]
    return Preview(tuple(Part(text, len(text)) for text in texts), LIMIT, Unit.CHARACTERS, splits=True)


def kind_of(file: OutboundFile) -> str:
    """Return as what a file leaves: a picture that is too large for one still leaves as a document."""
    plain = file.content_type.partition(";")[0].strip().lower()
    kinds = {"image": PICTURES, "video": FILMS, "audio": SOUNDS}
    for kind, types in kinds.items():
        if plain in types and len(file.content) <= SIZES[kind]:
            return kind
    return "document"


def recipient_of(message: Outbound) -> dict[str, str]:
    """Return how WhatsApp names the customer: by the number where it gave one, else by the user id."""
    address = message.to[0].address if message.to else ""
    number = message.answers.get("wa_id")
    if isinstance(number, str) and number and message.answers.get("author") == address:
        return {"to": number}
    return {"recipient": address} if _USER_ID.fullmatch(address) else {"to": address}


def payload(message: Outbound, leaf: Leaf, *, media_id: str = "", is_only: bool = True) -> dict[str, Any]:
    """Return the JSON of one message. Our key travels along where one message is the whole answer."""
    value: dict[str, Any] = {"messaging_product": "whatsapp", "recipient_type": "individual", **recipient_of(message)}
    if is_only:
        value["biz_opaque_callback_data"] = message.key[:512]
    if leaf.template and message.template is not None:
        return value | {"type": "template", "template": _template(message)}
    if leaf.file is not None:
        kind = kind_of(leaf.file)
        held = {"id": media_id} | ({"caption": leaf.text} if leaf.text else {})
        return value | {"type": kind, kind: held | ({"filename": leaf.file.filename} if kind == "document" else {})}
    if leaf.buttons:
        buttons = [
            {"type": "reply", "reply": {"id": str(place), "title": title.strip()}}
            for place, title in enumerate(leaf.buttons, 1)
        ]
        held_choice = {"type": "button", "body": {"text": leaf.text}, "action": {"buttons": buttons}}
        return value | {"type": "interactive", "interactive": held_choice}
    return value | {"type": "text", "text": {"body": leaf.text, "preview_url": "https://" in leaf.text}}


def _template(message: Outbound) -> dict[str, Any]:
    assert message.template is not None
    chosen = message.template
    value: dict[str, Any] = {"name": chosen.name, "language": {"code": chosen.language}}
    if chosen.values:
        places = [{"type": "text", "text": text} for text in chosen.values]
        value["components"] = [{"type": "body", "parameters": places}]
    return value
