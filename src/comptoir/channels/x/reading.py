"""How the webhooks of X are laid out: careful readers of values that may be anything. Pure."""

import html
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from comptoir.core.errors import AnomalousPayload

MAX_TEXT = 100_000
OLD_DATE = "%a %b %d %H:%M:%S %z %Y"  # 'Mon Dec 23 13:24:07 +0000 2019'


def object_of(raw: bytes) -> dict[str, Any]:
    """Return the JSON object of some bytes. Raises AnomalousPayload."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        raise AnomalousPayload("This is not JSON.") from None
    if not isinstance(value, dict):
        raise AnomalousPayload("An event is a JSON object.")
    return value


def text(value: Any, name: str) -> str:
    """Return a text of an object, without NUL characters; '' where there is none, or something else."""
    found = value.get(name) if isinstance(value, dict) else None
    return found.replace("\0", "")[:MAX_TEXT] if isinstance(found, str) else ""


def held(value: Any, name: str) -> dict[str, Any]:
    """Return an object of an object; an empty one where there is none."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def objects(value: Any, name: str) -> list[dict[str, Any]]:
    """Return the objects of a list of an object; what is none is left out."""
    found = value.get(name) if isinstance(value, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def number_of(value: Any, *names: str) -> str:
    """Return an id as a text of digits: the older interface has it as a number too, too long for some programs."""
    for name in names:
        found = value.get(name) if isinstance(value, dict) else None
        if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 10**19:
            return str(found)
        if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) <= 19:
            return found
    return ""


def instant(value: Any, *names: str) -> datetime | None:
    """Return the first instant among some names: ISO 8601, the older interface's date, or milliseconds."""
    for name in names:
        found = value.get(name) if isinstance(value, dict) else None
        if isinstance(found, (str, int)) and not isinstance(found, bool) and (at := _instant(str(found)[:40])):
            return at
    return None


def _instant(given: str) -> datetime | None:
    try:
        if given.isascii() and given.isdigit():
            return datetime.fromtimestamp(int(given) / 1000, UTC)
        if given[:3].isalpha():
            return datetime.strptime(given, OLD_DATE)  # noqa: DTZ007  # the format has the offset
        at = datetime.fromisoformat(given)
    except (ValueError, OverflowError, OSError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def readable(written: str, entities: Mapping[str, Any]) -> str:
    """Return a text as its author meant it: shortened links in full, '&amp;' as '&'."""
    for link in objects(entities, "urls"):
        short, full = text(link, "url"), text(link, "expanded_url")
        if short and full:
            written = written.replace(short, full)
    return html.unescape(written)[:MAX_TEXT]


def without_mentions(written: str, shown: Any) -> str:
    """Return a text without the names that X puts before a reply: `shown` is its display_text_range."""
    is_range = isinstance(shown, list) and len(shown) == 2 and all(type(place) is int for place in shown)
    return written[max(0, shown[0]) :] if is_range else written
