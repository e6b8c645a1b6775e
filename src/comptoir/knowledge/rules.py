"""Pure decisions about saved replies: filling in placeholders, choosing a language, finding the one that is meant."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PLACEHOLDERS = (
    "contact.name", "contact.first_name", "agent.name", "agent.first_name", "organisation.name", "conversation.subject",
    "conversation.number",
)  # fmt: skip
_PLACEHOLDER = re.compile(r"\{\{\s*([\w.]{1,60})\s*\}\}")
_LETTERS = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "ł": "l", "’": "'"})


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text with its placeholders filled in. `missing` are those without a value; they stay visible in the text."""

    text: str
    missing: tuple[str, ...] = ()


def render(body: str, values: Mapping[str, str], *, say: str = "[{name}?]") -> Rendered:
    """Fill in `{{contact.name}}` and the like. What has no value says so (`say`) instead of leaving a hole."""
    missing: dict[str, None] = {}

    def filled(found: re.Match[str]) -> str:
        name = found[1]
        if value := values.get(name, "").strip():
            return value
        missing.setdefault(name)
        return say.format(name=name)

    return Rendered(_PLACEHOLDER.sub(filled, body), tuple(missing))


def holes(text: str, *, say: str) -> list[str]:
    """Return the marks that `render` left in a text for want of a value, and that nobody has filled in since."""
    before, _name, after = say.partition("{name}")
    names = "|".join(re.escape(name) for name in PLACEHOLDERS)
    return re.findall(rf"{re.escape(before)}(?:{names}){re.escape(after)}", text)


def unknown_placeholders(body: str) -> list[str]:
    """Return the placeholders that nobody will ever fill in: misspelt ones, mostly."""
    return sorted({name for name in _PLACEHOLDER.findall(body) if name not in PLACEHOLDERS})


def first_name(name: str) -> str:
    """Return the first name of a person: the first word, or the one after the comma of “Martin, Ada”."""
    last, comma, rest = name.partition(",")
    words = (rest if comma and rest.strip() else last).split()
    return words[0] if words else ""


def fold(text: str) -> str:
    """Return a text as it is compared: small letters without accents."""
    text = text.casefold().translate(_LETTERS)
    return "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))


def shortcut_of(text: str) -> str:
    """Return a shortcut as it is stored: folded, words joined by '-', without the slash in front."""
    return re.sub(r"[^\w]+", "-", fold(text.strip().lstrip("/"))).strip("-")[:40]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One saved reply, as far as finding it is concerned. `bodies` is by language."""

    id: int
    name: str
    shortcut: str = ""
    folder: str = ""
    use_count: int = 0
    bodies: Mapping[str, str] = field(default_factory=dict)


def language_for(available: Sequence[str], *, conversation: str, person: str) -> str:
    """Return the version to use: the conversation's language, else the person's, else the first there is."""
    for wanted in (conversation, person):
        if wanted in available:
            return wanted
    return sorted(available)[0] if available else ""


def _closeness(candidate: Candidate, query: str, words: Sequence[str]) -> int | None:
    """Return how well a reply fits what was typed: 0 best, None not at all."""
    name = fold(candidate.name)
    if query and candidate.shortcut == query:
        return 0
    if query and candidate.shortcut.startswith(query):
        return 1
    if name.startswith(query):
        return 2
    heads = fold(f"{candidate.name} {candidate.folder} {candidate.shortcut}")
    if all(re.search(rf"\b{re.escape(word)}", heads) for word in words):
        return 3
    everything = heads + " " + fold(" ".join(candidate.bodies.values()))
    return 4 if all(word in everything for word in words) else None


def ranked(candidates: Sequence[Candidate], query: str, *, language: str) -> list[Candidate]:
    """Return the replies that fit, best first: by shortcut, by name, by words; then the language; then by use."""
    query = fold(query.strip().lstrip("/"))
    words = query.split()
    scored = [(closeness, c) for c in candidates if (closeness := _closeness(c, query, words)) is not None]
    scored.sort(key=lambda s: (s[0], language not in s[1].bodies, -s[1].use_count, fold(s[1].name), s[1].id))
    return [candidate for _closeness_, candidate in scored]


@dataclass(frozen=True, slots=True)
class Change:
    """What a macro did to one property of a conversation, so that it can be undone where nobody changed it since."""

    name: str
    before: Any
    after: Any


def undoable(changes: Sequence[Change], now: Mapping[str, object]) -> tuple[list[Change], list[Change]]:
    """Return the changes that can be taken back, last first, and those that somebody has overtaken since."""
    free = [change for change in reversed(changes) if now.get(change.name) == change.after]
    return free, [change for change in changes if now.get(change.name) != change.after]
