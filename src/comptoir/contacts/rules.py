"""Pure decisions about the organisation's own fields: what a definition may be and what a value may be.

A value is stored as JSON: text and choice as str, number as int or float, date as 'YYYY-MM-DD', checkbox as True;
an empty one is not stored at all. Raises InputError in words that a screen translates.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import isfinite

from comptoir.core.errors import InputError

KINDS = ("text", "number", "date", "choice", "checkbox")
MAX_TEXT = 500  # characters of a value: a field is a fact, not a document
MAX_CHOICES = 50
MAX_CHOICE = 60
Value = str | int | float | bool


def _(text: str) -> str:
    """Mark a sentence for the catalogue; who shows it translates it."""
    return text


@dataclass(frozen=True, slots=True)
class Definition:
    """A field as far as its values are concerned."""

    key: str
    kind: str
    choices: tuple[str, ...] = ()
    name: str = ""


def key_of(name: str) -> str:
    """Return the key of a field's name: 'Numéro de dossier' is kept under 'numero_de_dossier'."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:40].strip("_")


def checked_choices(kind: str, choices: Sequence[str]) -> list[str]:
    """Return the choices of a definition, each once, in their order; none for other kinds."""
    if kind not in KINDS:
        raise InputError(_("Choose what the field holds."), field="kind")
    if kind != "choice":
        return []
    found = list(dict.fromkeys(" ".join(choice.split()) for choice in choices if choice.strip()))
    if not found:
        raise InputError(_("Give at least one choice, one a line."), field="choices")
    if len(found) > MAX_CHOICES or any(len(choice) > MAX_CHOICE for choice in found):
        raise InputError(_("Give at most 50 choices of at most 60 characters."), field="choices")
    return found


def checked_value(definition: Definition, given: object) -> Value | None:
    """Return what is stored for a value as typed or sent, or None when it is empty."""
    if definition.kind == "checkbox":
        return _checkbox(definition, given)
    if given is None or (isinstance(given, str) and not given.strip()):
        return None
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise InputError(_("Give a text or a number."), field=definition.key)
    if definition.kind == "number":
        return _number(definition, given)
    text = str(given).strip()
    if definition.kind == "date":
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            raise InputError(
                _("Give a date as year-month-day, for example 2026-11-30."), field=definition.key
            ) from None
    if definition.kind == "choice" and text not in definition.choices:
        raise InputError(_("Choose one from the list."), field=definition.key)
    if len(text) > MAX_TEXT:
        raise InputError(_("Use at most 500 characters; a longer text belongs in a note."), field=definition.key)
    return text


def _checkbox(definition: Definition, given: object) -> bool | None:
    if given in (True, "true", "on", "1", "yes"):
        return True
    if given in (None, False, "", "false", "off", "0", "no"):
        return None
    raise InputError(_("This is either yes or no."), field=definition.key)


def _number(definition: Definition, given: str | int | float) -> int | float:
    text = str(given).strip().replace("\u202f", "").replace("\u00a0", "").replace(" ", "").replace(",", ".")
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value) or abs(value) > 1e15:
        raise InputError(_("Give a number."), field=definition.key)
    return int(value) if value.is_integer() else value


def changes_of(before: dict[str, Value], after: dict[str, Value | None]) -> dict[str, dict[str, Value | None]]:
    """Return what differs, by key, as {"from": …, "to": …}; a key that `after` does not name stays as it is."""
    return {
        key: {"from": before.get(key), "to": value}
        for key, value in after.items()
        if (before.get(key), type(before.get(key))) != (value, type(value))
    }
