"""A template as WhatsApp describes it, as ours; '' where an agent could not fill it in. Pure."""

import re
from typing import Any

from comptoir.channels.base import Approved
from comptoir.channels.whatsapp.content import objects, text

STATUSES = {"APPROVED": "approved", "PENDING": "pending", "IN_APPEAL": "pending", "REJECTED": "rejected"}
_PLACE = re.compile(r"\{\{")
_NUMBERED = re.compile(r"\{\{\d{1,2}\}\}")


def approved_of(row: Any) -> Approved | None:
    """Return a template, or None where it needs more than the values of its body: a picture, a code, named places."""
    name, language = text(row, "name"), text(row, "language")
    components = objects(row, "components")
    body = next((text(one, "text") for one in components if text(one, "type").upper() == "BODY"), "")
    if not name or not language or not body or not all(_is_plain(one) for one in components):
        return None
    if len(_PLACE.findall(body)) != len(_NUMBERED.findall(body)):
        return None
    status = STATUSES.get(text(row, "status").upper(), "paused")
    return Approved(name[:512], language[:15], body, text(row, "category").lower()[:40], status)


def _is_plain(component: dict[str, Any]) -> bool:
    """Whether a component of a template asks for nothing when it is sent."""
    kind = text(component, "type").upper()
    if kind in {"BODY", "FOOTER"}:
        return True
    if kind == "HEADER":
        return text(component, "format").upper() in {"", "TEXT"} and not _PLACE.search(text(component, "text"))
    if kind != "BUTTONS":
        return False
    plain = {"QUICK_REPLY", "URL", "PHONE_NUMBER"}
    return all(
        text(one, "type").upper() in plain and not _PLACE.search(text(one, "url"))
        for one in objects(component, "buttons")
    )
