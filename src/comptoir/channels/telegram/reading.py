"""Reading values of any type out of a Telegram update: what has not the type that it should have counts as absent."""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from comptoir.core.errors import AnomalousPayload
from comptoir.core.textfold import clean

MOST = 2**63  # ids beyond are none of Telegram's, which keep within 52 bits
LATEST = 2**33  # an instant in seconds, in the year 2242
NOTHING: Mapping[str, Any] = {}


def update_of(raw: bytes) -> Mapping[str, Any]:
    """Return the update. Raises AnomalousPayload for what is none."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        raise AnomalousPayload("This is not JSON.") from None
    if not isinstance(value, dict) or not is_id(value.get("update_id")):
        raise AnomalousPayload("An update is a JSON object with a number “update_id”.")
    return value


def is_id(value: object) -> bool:
    """Whether a value is a number that may name something."""
    return isinstance(value, int) and not isinstance(value, bool) and -MOST < value < MOST


def obj(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object, or an empty one."""
    found = value.get(name)
    return found if isinstance(found, dict) else NOTHING


def items(value: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    """Return the objects of a list."""
    found = value.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def text(value: Mapping[str, Any], name: str) -> str:
    """Return a text without what cannot be stored, or ''."""
    found = value.get(name)
    return clean(found) if isinstance(found, str) else ""


def integer(value: Mapping[str, Any], name: str) -> int:
    """Return a number, or 0."""
    found = value.get(name)
    return found if isinstance(found, int) and is_id(found) else 0


def number(value: Mapping[str, Any], name: str) -> float | None:
    """Return a finite number, or None."""
    found = value.get(name)
    if isinstance(found, bool) or not isinstance(found, int | float) or abs(found) > MOST:
        return None
    return float(found) if math.isfinite(found) else None


def instant(value: Mapping[str, Any], *names: str) -> datetime | None:
    """Return the first of these instants that is told (seconds since 1970)."""
    for name in names:
        seconds = integer(value, name)
        if 0 < seconds < LATEST:
            return datetime.fromtimestamp(seconds, UTC)
    return None
