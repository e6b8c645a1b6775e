"""Values of exports as they are written in the wild, made into ours: instants, names, addresses, tags. Pure."""

import base64
import binascii
import contextlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any

from comptoir.core.textfold import clean
from comptoir.moving.shape import Party

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)  # an instant before is a mistake of the export (the year 0, 1970)
FORMATS = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%Y/%m/%d %H:%M")


def instant(value: object) -> datetime | None:
    """Return an instant written as ISO 8601, as seconds since 1970, as in a mail, or day first; UTC where none says.

    None where it cannot be read or cannot be true.
    """
    if isinstance(value, bool) or value in (None, ""):
        return None
    text = str(value).strip()
    found = _from_number(text) if text.replace(".", "", 1).isdecimal() else _from_text(text)
    if found is None:
        return None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return found.astimezone(UTC) if found >= EARLIEST else None


def _from_number(text: str) -> datetime | None:
    with contextlib.suppress(ValueError, OverflowError, OSError):
        seconds = float(text)
        return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
    return None


def _from_text(text: str) -> datetime | None:
    with contextlib.suppress(ValueError, OverflowError):
        return datetime.fromisoformat(text.removesuffix(" UTC"))
    for form in FORMATS:
        with contextlib.suppress(ValueError):
            return datetime.strptime(text, form).replace(tzinfo=UTC)
    with contextlib.suppress(ValueError, TypeError, IndexError):
        return parsedate_to_datetime(text)
    return None


def text(value: object) -> str:
    """Return a value as text that can be stored; '' for nothing."""
    return "" if value is None or isinstance(value, dict | list) else clean(str(value)).strip()


def first(row: Mapping[str, Any], *names: str) -> str:
    """Return the first of the named values that is not empty, as text."""
    return next((found for name in names if (found := text(row.get(name)))), "")


def mapping(value: object) -> dict[str, Any]:
    """Return an object of JSON, {} for anything else."""
    return value if isinstance(value, dict) else {}


def rows(value: object) -> list[dict[str, Any]]:
    """Return the objects of an array; an array within a page or an object by numbers counts as well."""
    if isinstance(value, dict):
        value = value.get("payload") or value.get("data") or list(value.values())
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def address(value: object) -> str:
    """Return a plain address in lower case, '' for what is none."""
    found = text(value).lower()
    return found if "@" in found and " " not in found else ""


def parties(value: object) -> tuple[Party, ...]:
    """Return the people of a recipients' field: a header line, a list of addresses, or a JSON text of one."""
    lines = [text(entry) for entry in value] if isinstance(value, list) else [text(value)]
    pairs = getaddresses([line.strip("[]").replace('"', "") for line in lines if line])
    return tuple(Party(name=name, email=mail.lower()) for name, mail in pairs if "@" in mail)


def tags(value: object) -> tuple[str, ...]:
    """Return tags given as a list of texts, a list of objects with a name, or one text with commas."""
    entries: Sequence[Any] = value if isinstance(value, list) else text(value).split(",")
    names = [text(entry.get("name") if isinstance(entry, dict) else entry) for entry in entries]
    return tuple(dict.fromkeys(name[:80] for name in names if name))


def attributes(*groups: object) -> dict[str, str]:
    """Return what may be noted on a contact: short plain values by name."""
    found = {str(name): text(value) for group in groups for name, value in mapping(group).items()}
    return {name[:100]: value[:500] for name, value in found.items() if value and value.lower() != "none"}


def decoded(value: object) -> bytes | None:
    """Return the bytes of a base64 text, None where it is none."""
    if not isinstance(value, str) or not value:
        return None
    with contextlib.suppress(binascii.Error, ValueError):
        return base64.b64decode("".join(value.split()).rpartition("base64,")[2], validate=True)
    return None
