"""Reading JSON that anybody may have written: every getter checks the type and falls back to what is empty. Pure."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from comptoir.core.errors import AnomalousPayload
from comptoir.core.textfold import clean

MAX_TEXT = 100_000
NOTHING: Mapping[str, Any] = {}
_MILLISECONDS = 100_000_000_000  # a larger number of seconds would be after the year 5000


def load(raw: bytes) -> Any:
    """Return the JSON of some bytes. Raises AnomalousPayload."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise AnomalousPayload("This is not JSON.") from None


def child(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object inside an object; an empty one where there is none."""
    found = value.get(name)
    return found if isinstance(found, dict) else NOTHING


def children(value: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """Return the objects of a list inside an object; a single object counts as a list of one."""
    found = value.get(name)
    if isinstance(found, dict):
        found = [found]
    return (one for one in found if isinstance(one, dict)) if isinstance(found, list) else iter(())


def text(value: Mapping[str, Any], name: str, *, most: int = MAX_TEXT) -> str:
    """Return a text without what cannot be stored, cut at `most` characters; '' where it is none."""
    found = value.get(name)
    return clean(found)[:most] if isinstance(found, str) else ""


def ident(value: Mapping[str, Any], name: str) -> str:
    """Return an identifier, which platforms write as a text or as a number; '' where it is none."""
    found = value.get(name)
    if isinstance(found, int) and not isinstance(found, bool) and abs(found) < 10**30:
        return str(found)
    return clean(found).strip()[:300] if isinstance(found, str) else ""


def link(value: Mapping[str, Any], name: str) -> str:
    """Return a web address; '' where it is none."""
    found = text(value, name, most=2000)
    return found if found.startswith("https://") and found.isprintable() and " " not in found else ""


def number(value: Mapping[str, Any], name: str) -> int:
    """Return a whole number; 0 where it is none."""
    found = value.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def instant(value: Mapping[str, Any], name: str) -> datetime | None:
    """Return an instant: milliseconds or seconds since 1970, as a number or a text, or ISO 8601; None otherwise."""
    found = value.get(name)
    if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) < 20:
        found = int(found)
    try:
        if isinstance(found, str):
            read = datetime.fromisoformat(found)
            return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
        if isinstance(found, bool) or not isinstance(found, (int, float)) or found <= 0:
            return None
        return datetime.fromtimestamp(found / 1000 if found >= _MILLISECONDS else found, tz=UTC)
    except (ValueError, OverflowError, OSError):
        return None
