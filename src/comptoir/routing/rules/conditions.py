"""What a rule says, and whether it holds for a conversation: values in, a verdict with its reasons out.

A condition is one entry in FIELDS. Patterns are not regular expressions: they cannot be made slow.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from comptoir.core.errors import InputError

MAX_CONDITIONS = 20  # of one rule, in both groups together
MAX_ACTIONS = 10
MAX_VALUE = 5_000  # characters of a value: a saved text is the longest
MAX_PATTERN = 200  # characters: looking for it costs its length times that of the text
MAX_SEARCHED = 20_000  # characters of a message that are looked at
MAX_SHOWN = 80  # characters of what was found, in the log
MAX_MINUTES = 60 * 24 * 30

# When a rule is asked: our name for it, and the kinds of the journal behind it. 'waiting' comes from the clock.
TRIGGERS: dict[str, tuple[str, ...]] = {
    "created": ("conversation.created",),
    "received": ("message.received",),
    "replied": ("reply.sent",),
    "failed": ("reply.failed",),
    "noted": ("note.added",),
    "assigned": ("conversation.assigned",),
    "transferred": ("conversation.transferred",),
    "state": ("conversation.state_changed",),
    "priority": ("conversation.priority_changed",),
    "labelled": ("conversation.labelled",),
    "woke": ("conversation.woke",),
    "waiting": (),
}


@dataclass(frozen=True, slots=True)
class Facts:
    """A conversation as a rule sees it. Numbers of rows are texts, as in the conditions; '' is nobody or unknown."""

    conversation_id: int
    team: str
    channel: str
    account: str
    state: str
    priority: str
    assignee: str = ""
    language: str = ""
    subject: str = ""
    text: str = ""
    contact: str = ""
    company: str = ""
    addresses: str = ""  # all of the contact's, separated by spaces
    labels: str = ""  # numbers, separated by spaces
    waiting_minutes: float = 0
    is_open: bool = True
    is_automatic: bool = False
    is_first: bool = False


class Kind(StrEnum):
    """What a field can be compared with."""

    CHOICE = "choice"
    SET = "set"  # several of some choices
    TEXT = "text"
    NUMBER = "number"


OPERATORS: dict[Kind, tuple[str, ...]] = {
    Kind.CHOICE: ("is", "is_not"),
    Kind.SET: ("includes", "excludes"),
    Kind.TEXT: ("has", "lacks", "like", "unlike"),
    Kind.NUMBER: ("at_least", "less_than"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a condition may ask."""

    kind: Kind
    read: Callable[[Facts], str]


def _yes(value: bool) -> str:
    return "yes" if value else "no"


# A further condition (a mood) is one line here and one in desk/rule_words.py.
FIELDS: dict[str, Field] = {
    "channel": Field(Kind.CHOICE, lambda f: f.channel),
    "account": Field(Kind.CHOICE, lambda f: f.account),
    "team": Field(Kind.CHOICE, lambda f: f.team),
    "assignee": Field(Kind.CHOICE, lambda f: f.assignee),
    "state": Field(Kind.CHOICE, lambda f: f.state),
    "priority": Field(Kind.CHOICE, lambda f: f.priority),
    "label": Field(Kind.SET, lambda f: f.labels),
    "language": Field(Kind.CHOICE, lambda f: f.language),
    "subject": Field(Kind.TEXT, lambda f: f.subject),
    "text": Field(Kind.TEXT, lambda f: f"{f.subject}\n{f.text}"),
    "contact": Field(Kind.TEXT, lambda f: f.contact),
    "company": Field(Kind.TEXT, lambda f: f.company),
    "address": Field(Kind.TEXT, lambda f: f.addresses),
    "waiting": Field(Kind.NUMBER, lambda f: str(int(f.waiting_minutes))),
    "hours": Field(Kind.CHOICE, lambda f: "open" if f.is_open else "closed"),
    "automatic": Field(Kind.CHOICE, lambda f: _yes(f.is_automatic)),
    "first": Field(Kind.CHOICE, lambda f: _yes(f.is_first)),
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison."""

    field: str
    op: str
    value: str


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do. What `value` means is the action's own; `people` are numbers of staff."""

    kind: str
    value: str = ""
    people: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Definition:
    """What a rule says: when it is asked, what must hold, what is then done."""

    when: str
    minutes: int = 0  # of 'waiting'
    every: tuple[Condition, ...] = ()  # all of these
    some: tuple[Condition, ...] = ()  # and one of these at least, where there are any
    actions: tuple[Action, ...] = ()
    is_last: bool = False  # once it matched, the rules after it are not asked


@dataclass(frozen=True, slots=True)
class Judged:
    """One condition with what was found."""

    condition: Condition
    holds: bool
    found: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a rule matches, and why."""

    matches: bool
    every: tuple[Judged, ...] = ()
    some: tuple[Judged, ...] = ()


def judge(definition: Definition, facts: Facts) -> Verdict:
    """Return whether all of the first group hold and, where there is a second one, at least one of that."""
    every = tuple(_judged(condition, facts) for condition in definition.every)
    some = tuple(_judged(condition, facts) for condition in definition.some)
    matches = all(j.holds for j in every) and (not some or any(j.holds for j in some))
    return Verdict(matches, every, some)


def _judged(condition: Condition, facts: Facts) -> Judged:
    found = FIELDS[condition.field].read(facts)
    shown = " ".join(found[: 4 * MAX_SHOWN].split())
    shown = shown if len(shown) <= MAX_SHOWN else shown[: MAX_SHOWN - 1] + "…"
    return Judged(condition, holds(condition.op, found, condition.value), shown)


def holds(op: str, found: str, value: str) -> bool:
    """Compare what was found with the value of a condition."""
    if op in {"is", "is_not"}:
        return (found == value) is (op == "is")
    if op in {"includes", "excludes"}:
        return (value in found.split()) is (op == "includes")
    if op in {"has", "lacks"}:
        return has_words(found, value) is (op == "has")
    if op in {"like", "unlike"}:
        return is_like(found, value) is (op == "like")
    return (float(found) >= float(value)) is (op == "at_least")


@lru_cache(maxsize=64)
def fold(text: str) -> str:
    """Return a text without accents and capitals, as people compare words."""
    text = text[:MAX_SEARCHED].casefold().replace("œ", "oe").replace("æ", "ae").replace("’", "'")
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


_WORD = re.compile(r"[^\W_]+")


@lru_cache(maxsize=256)  # every rule asks the same text
def _words(text: str) -> str:
    return f" {' '.join(_WORD.findall(fold(text)))} "


def has_words(text: str, wanted: str) -> bool:
    """Return whether a text has one of the words or phrases, which are separated by commas or lines."""
    searched = _words(text)
    return any(_words(phrase) in searched for phrase in re.split(r"[,;\n]", wanted) if phrase.strip())


def is_like(text: str, pattern: str) -> bool:
    """Return whether a pattern is found in a text: * is anything, ? one character, # one digit; accents are folded.

    Each piece between stars is looked for after the one before, so that the cost grows with the text alone.
    """
    searched, place = fold(text), 0
    for piece in filter(None, fold(pattern.strip()).split("*")):
        found = _piece(piece).search(searched, place)
        if found is None:
            return False
        place = found.end()
    return True


@lru_cache(maxsize=512)
def _piece(piece: str) -> re.Pattern[str]:
    parts = {"?": ".", "#": r"\d"}
    return re.compile("".join(parts.get(c) or re.escape(c) for c in piece), re.DOTALL)


def read_definition(raw: Mapping[str, Any]) -> Definition:
    """Return a stored definition; raises InputError for what no rule can say."""
    definition = Definition(
        when=str(raw.get("when", "")),
        minutes=int(raw.get("minutes") or 0),
        every=_conditions(raw.get("every", ())),
        some=_conditions(raw.get("some", ())),
        actions=tuple(
            Action(str(a["kind"]), str(a.get("value", "")), tuple(map(int, a.get("people", ()))))
            for a in raw.get("actions", ())
        ),
        is_last=bool(raw.get("is_last")),
    )
    if definition.when not in TRIGGERS:
        raise InputError("Choose when the rule is asked.", field="when")
    if definition.when == "waiting" and not 1 <= definition.minutes <= MAX_MINUTES:
        raise InputError("Say after how many minutes of waiting, from 1 to 43,200.", field="minutes")
    if len(definition.every) + len(definition.some) > MAX_CONDITIONS or len(definition.actions) > MAX_ACTIONS:
        raise InputError("A rule has at most 20 conditions and 10 actions. Make two rules of it.")
    return definition


def _conditions(raw: Sequence[Mapping[str, Any]]) -> tuple[Condition, ...]:
    return tuple(_checked(Condition(str(c["field"]), str(c["op"]), str(c["value"]))) for c in raw)


def _checked(condition: Condition) -> Condition:
    known = FIELDS.get(condition.field)
    if known is None or condition.op not in OPERATORS[known.kind] or len(condition.value) > MAX_VALUE:
        raise InputError("There is a condition that no rule can have. Remove it.")
    if known.kind is Kind.NUMBER and not condition.value.strip().isdecimal():
        raise InputError("Write a number of minutes.")
    if condition.op in {"like", "unlike"} and len(condition.value) > MAX_PATTERN:
        raise InputError("A pattern has at most 200 characters.")
    if known.kind is Kind.TEXT and not condition.value.strip(" ,;*\n"):
        raise InputError("Write the words to look for.")
    return condition


def write_definition(definition: Definition) -> dict[str, Any]:
    """Return a definition as it is stored."""

    def conditions(group: Sequence[Condition]) -> list[dict[str, str]]:
        return [{"field": c.field, "op": c.op, "value": c.value} for c in group]

    return {
        "when": definition.when,
        "minutes": definition.minutes,
        "every": conditions(definition.every),
        "some": conditions(definition.some),
        "actions": [{"kind": a.kind, "value": a.value, "people": list(a.people)} for a in definition.actions],
        "is_last": definition.is_last,
    }


def write_verdict(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as the log keeps it."""

    def judged(group: Sequence[Judged]) -> list[dict[str, Any]]:
        return [
            {"field": j.condition.field, "op": j.condition.op, "value": j.condition.value[:200], "holds": j.holds,
             "found": j.found}
            for j in group
        ]  # fmt: skip

    return {"every": judged(verdict.every), "some": judged(verdict.some)}
