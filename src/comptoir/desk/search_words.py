"""What a person typed into the search, understood: words, phrases, and filters written as words (`from:ada`). Pure.

Never raises and never loses anything: what looks like a filter and is none is a word ('Re: hello', '12:30'); a filter
whose value means nothing is told as a Trouble, and the rest is still searched. French and English names mean the same.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from comptoir.desk.highlight import fold

LONGEST = 300  # characters of a search that are read; nobody types more

# Folded name of a filter, as people write it, and what it is for us.
NAMES: dict[str, str] = {
    "from": "from", "de": "from", "to": "to", "a": "to", "pour": "to",
    "channel": "channel", "canal": "channel", "team": "team", "equipe": "team",
    "assignee": "assignee", "responsable": "assignee",
    "before": "before", "avant": "before", "after": "after", "since": "after", "apres": "after", "depuis": "after",
    "is": "is", "est": "is", "has": "has", "avec": "has", "label": "label", "tag": "label", "etiquette": "label",
    "in": "in", "dans": "in",
}  # fmt: skip
STATES = ("open", "waiting", "pending", "snoozed", "solved")
KINDS = {"note": "note", "sent": "out", "received": "in"}
IS: dict[str, str] = {
    "open": "open", "ouvert": "open", "ouverte": "open", "waiting": "waiting", "a-traiter": "waiting",
    "pending": "pending", "en-attente": "pending", "attente": "pending",
    "snoozed": "snoozed", "en-veille": "snoozed", "veille": "snoozed",
    "solved": "solved", "resolu": "solved", "resolue": "solved",
    "unread": "unread", "non-lu": "unread", "non-lue": "unread", "note": "note",
    "sent": "sent", "envoye": "sent", "envoyee": "sent",
    "received": "received", "recu": "received", "recue": "received",
    "mine": "mine", "a-moi": "mine", "unassigned": "unassigned", "libre": "unassigned",
}  # fmt: skip
HAS = {"attachment": "attachment", "file": "attachment", "fichier": "attachment", "piece-jointe": "attachment"}
ME, NOBODY = frozenset({"me", "moi"}), frozenset({"none", "nobody", "personne", "aucun"})

# What completion offers, by language: the name as it is written, and example values that can be completed as well.
OFFERED: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "en": {
        "from": ("from:", ("me",)), "to": ("to:", ()), "channel": ("channel:", ()), "team": ("team:", ()),
        "assignee": ("assignee:", ("me", "none")), "before": ("before:", ("today", "yesterday", "7d", "2026-01-31")),
        "after": ("after:", ("today", "yesterday", "7d", "2026-01-31")),
        "is": ("is:", (*STATES, "unread", "note", "sent", "received", "mine", "unassigned")),
        "has": ("has:", ("attachment",)), "label": ("label:", ()), "in": ("in:", ()),
    },
    "fr": {
        "from": ("de:", ("moi",)), "to": ("à:", ()), "channel": ("canal:", ()), "team": ("équipe:", ()),
        "assignee": ("responsable:", ("moi", "personne")),
        "before": ("avant:", ("aujourd’hui", "hier", "7j", "31/01/2026")),
        "after": ("après:", ("aujourd’hui", "hier", "7j", "31/01/2026")),
        "is": ("est:", ("ouverte", "à-traiter", "en-attente", "en-veille", "résolue", "non-lue", "note", "envoyé",
                        "reçu", "à-moi", "libre")),
        "has": ("avec:", ("fichier",)), "label": ("étiquette:", ()), "in": ("dans:", ()),
    },
}  # fmt: skip

# A phrase, or a filter with a phrase as its value, or anything up to the next space; a minus leaves it out.
_PART = re.compile(
    r'(?P<out>-?)(?:(?P<name>[^\W\d_]+):)?(?:"(?P<quoted>[^"]*)"|«(?P<french>[^»]*)»|“(?P<curly>[^”]*)”|(?P<plain>\S*))'
)


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of what was typed: a word, a phrase, or a filter with its value."""

    text: str  # as it was typed
    value: str
    filter: str = ""  # what it is for us; '' of words
    is_phrase: bool = False
    is_out: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom `assignee:` and `from:` can mean."""

    pk: int
    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the values of filters can name: for this person, at this moment."""

    today: date
    me: int = 0
    channels: Mapping[str, Collection[str]] = field(default_factory=dict)  # kind: the names it goes by
    teams: Mapping[int, str] = field(default_factory=dict)
    people: Sequence[Person] = ()
    labels: Mapping[int, str] | None = None  # None: there are no labels to filter by


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter that was understood. `value` is ours: a kind of channel, a state, a date, ids, a name to look for."""

    part: Part
    name: str
    value: str | date | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Trouble:
    """One filter that was not understood, and the kind of the reason; words for it are in search_told.py."""

    part: Part
    reason: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A search, understood."""

    parts: tuple[Part, ...] = ()
    filters: tuple[Filter, ...] = ()
    troubles: tuple[Trouble, ...] = ()

    @property
    def words(self) -> str:
        """What is looked for in texts, as PostgreSQL's websearch_to_tsquery reads it."""
        return " ".join(_as_words(part) for part in self.parts if not part.filter).strip()

    @property
    def names(self) -> str:
        """What is looked for among contacts: the words that are not left out, and whom filters name."""
        words = [part.value for part in self.parts if not part.filter and not part.is_out]
        return " ".join(words or [*self.values("from"), *self.values("to")][:1])

    @property
    def is_empty(self) -> bool:
        """Whether nothing was asked that can be searched."""
        return not self.words and not self.filters

    def of(self, name: str) -> list[Filter]:
        """Return the filters of a name."""
        return [found for found in self.filters if found.name == name]

    def values(self, name: str) -> list[str]:
        """Return the values of the filters of a name that are texts."""
        return [found.value for found in self.of(name) if isinstance(found.value, str)]

    def numbers(self, name: str) -> list[int]:
        """Return the ids that the filters of a name stand for."""
        return [number for found in self.of(name) if isinstance(found.value, tuple) for number in found.value]

    def dates(self, name: str) -> list[date]:
        """Return the dates of the filters of a name."""
        return [found.value for found in self.of(name) if isinstance(found.value, date)]

    def without(self, part: Part) -> str:
        """Return what was typed without one of its parts: where the cross of a chip leads."""
        return " ".join(other.text for other in self.parts if other is not part)


def _as_words(part: Part) -> str:
    if part.is_phrase:
        return f'{"-" if part.is_out else ""}"{part.value}"'
    return part.text.replace('"', " ")


def split(text: str) -> list[Part]:
    """Return the parts of what was typed, in their order."""
    parts: list[Part] = []
    at, text = 0, text[:LONGEST]
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found = _PART.match(text, at)
        if found is None or found.end() == at:  # cannot be: \S* takes at least this character
            break
        parts.append(_part(found))
        at = found.end()
    return parts


def _part(found: re.Match[str]) -> Part:
    name = NAMES.get(fold(found["name"] or ""), "")
    quoted = next((found[group] for group in ("quoted", "french", "curly") if found[group] is not None), None)
    is_out = bool(found["out"]) and len(found.group()) > 1
    if name and not (found["plain"] or "").startswith("//"):
        return Part(found.group(), (quoted if quoted is not None else found["plain"]).strip(), name, False, is_out)
    if found["name"] and quoted is not None:
        return Part(found.group(), f"{found['name']} {quoted}".strip(), "", True, is_out)
    return Part(
        found.group(), (quoted if quoted is not None else found.group()).strip(), "", quoted is not None, is_out
    )


def understand(text: str, known: Known) -> Asked:
    """Return what was asked; what cannot be understood is told and left out."""
    parts = tuple(split(text))
    filters: list[Filter] = []
    troubles: list[Trouble] = []
    for part in parts:
        if not part.filter:
            continue
        if part.is_out:
            troubles.append(Trouble(part, "out"))
        elif not part.value:
            troubles.append(Trouble(part, "empty"))
        else:
            found = _filter(part, known)
            if isinstance(found, Filter):
                filters.append(found)
            else:
                troubles.append(found)
    return Asked(parts, tuple(filters), tuple(troubles))


def _filter(part: Part, known: Known) -> Filter | Trouble:
    value: str | date | tuple[int, ...] | None
    name, typed = part.filter, fold(part.value)
    if name in {"from", "to"}:
        value = (known.me,) if typed in ME else part.value
    elif name in {"before", "after"}:
        value = day_of(typed, known.today)
    elif name == "is":
        value = IS.get(typed)
    elif name == "has":
        value = HAS.get(typed)
    elif name == "in":
        number = typed.lstrip("#")
        value = (int(number),) if number.isascii() and number.isdigit() and len(number) < 19 else None
    elif name == "channel":
        value = next((kind for kind, names in known.channels.items() if typed in {kind, *map(fold, names)}), None)
    else:
        value = _ids(name, typed, known)
    reason = "labels" if name == "label" and known.labels is None else name
    return Trouble(part, reason) if value is None else Filter(part, name, value)


def _ids(name: str, typed: str, known: Known) -> tuple[int, ...] | None:
    """Return the teams, people or labels whose name begins as it was typed; (0,) is nobody."""
    if name == "assignee":
        if typed in ME:
            return (known.me,)
        if typed in NOBODY:
            return (0,)
        found = [person.pk for person in known.people if is_called(typed, person.name, person.address)]
    else:
        among = known.teams if name == "team" else known.labels or {}
        exact = [number for number, called in among.items() if fold(called) == typed]
        found = exact or [number for number, called in among.items() if is_called(typed, called)]
    return tuple(found) or None


def is_called(typed: str, *names: str) -> bool:
    """Whether a folded text is the beginning of one of the names, or of one of the words of it."""
    for name in map(fold, names):
        if name.startswith(typed) or any(word.startswith(typed) for word in re.split(r"[\s’'-]+", name)):
            return True
    return False


_AGO = re.compile(r"(\d{1,4})([djwsmya])")
_UNITS = {"d": 1, "j": 1, "w": 7, "s": 7, "m": 30, "y": 365, "a": 365}
_NAMED = {"today": 0, "aujourd'hui": 0, "aujourdhui": 0, "yesterday": 1, "hier": 1}


def day_of(typed: str, today: date) -> date | None:
    """Return the day that a folded text names: '2026-11-03', '2026-11', '2026', '3/11/2026', '7d', 'yesterday'."""
    typed = typed.replace("’", "'")
    try:
        if typed in _NAMED:
            return today - timedelta(days=_NAMED[typed])
        if ago := _AGO.fullmatch(typed):
            return today - timedelta(days=int(ago[1]) * _UNITS[ago[2]])
        if found := re.fullmatch(r"(\d{4})(?:[-/](\d{1,2})(?:[-/](\d{1,2}))?)?", typed):
            return date(int(found[1]), int(found[2] or 1), int(found[3] or 1))
        if found := re.fullmatch(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})", typed):
            return date(int(found[3]), int(found[2]), int(found[1]))
    except (ValueError, OverflowError):
        return None
    return None
