"""What a list of the queue holds and in which order: a frozen value, read from JSON or from an address, and checked.

Pure: the built-in tabs and the saved views are both made of it, and `listing.py` turns it into SQL. Spans of time are
relative ('in the last 7 days'), so that a view that is kept means the same tomorrow. What an address holds and is not
understood is ignored; what a form sends and is wrong is refused in words.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from comptoir.core.errors import InputError

STATES = ("open", "pending", "snoozed", "solved")
OWNERS = ("", "me", "none", "any", "person")
MATCHES = ("any", "all", "none")
SORTS = ("wait", "priority", "activity", "newest")  # 'due' comes with the deadlines of the SLA app
NEED_WAIT = frozenset({"wait", "priority"})  # sorts by the wait hold what waits
MAX_CHOSEN = 50  # of one kind: states, teams, labels …
MAX_DAYS = 3650
MAX_MINUTES = MAX_DAYS * 1440
MAX_WORDS = 100


def _(text: str) -> str:
    """Mark a sentence for the catalogue; who shows it translates it."""
    return text


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Which conversations, and in which order. The default holds everything that waits, longest wait first."""

    waits: bool | None = True  # for an answer: open, with a message that has none; None: either
    states: tuple[str, ...] = ()  # empty: all
    owner: str = ""  # '' whoever, 'me', 'none', 'any' (somebody has it), 'person' (see `assignee`)
    assignee: int | None = None
    teams: tuple[int, ...] = ()  # of the person's; empty: all of them
    channels: tuple[str, ...] = ()
    accounts: tuple[int, ...] = ()
    labels: tuple[int, ...] = ()
    label_match: str = "any"
    priority: int | None = None  # at least
    languages: tuple[str, ...] = ()
    waiting_minutes: int | None = None  # waits longer than this
    created_days: int | None = None  # came in within the last days
    active_days: int | None = None  # last message within the last days
    wakes_hours: int | None = None  # snoozed, and wakes within the next hours
    unread: bool = False  # by the person who looks
    trouble: bool = False  # a reply that failed or is unconfirmed
    words: str = ""  # in the subject, all of them
    custom: tuple[tuple[str, str | int | float | bool], ...] = ()  # own fields that equal a value
    sort: str = "wait"

    @property
    def driven_states(self) -> tuple[str, ...]:
        """The states whose lists are read."""
        return ("open",) if self.waits else self.states or STATES

    def as_json(self) -> dict[str, Any]:
        """Return what differs from the default, ready to store."""
        found = {name: value for name, value in asdict(self).items() if value != getattr(DEFAULT, name)}
        return {name: list(map(_plain, value)) if isinstance(value, tuple) else value for name, value in found.items()}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


DEFAULT = QueueFilter()
_WHOLE = {
    "assignee": (1, 2**63 - 1),
    "priority": (-1, 2),
    "waiting_minutes": (1, MAX_MINUTES),
    "created_days": (1, MAX_DAYS),
    "active_days": (1, MAX_DAYS),
    "wakes_hours": (1, MAX_DAYS * 24),
}
_TEXTS = ("states", "channels", "languages")
_IDS = ("teams", "accounts", "labels")


def from_json(stored: Mapping[str, Any]) -> QueueFilter:
    """Return the filter of a stored or submitted mapping; raises InputError in words where it makes no sense."""
    unknown = set(stored) - {field.name for field in fields(QueueFilter)}
    if unknown:
        raise InputError(_("This filter has a part that this version does not know."), field=sorted(unknown)[0])
    values: dict[str, Any] = {}
    for name, value in stored.items():
        values[name] = _checked(name, value)
    return checked(QueueFilter(**values))


def _checked(name: str, value: Any) -> Any:
    if name in _WHOLE:
        return None if value is None else _whole(name, value, *_WHOLE[name])
    if name in _TEXTS or name in _IDS:
        kind = str if name in _TEXTS else int
        if not isinstance(value, list | tuple) or not all(type(one) is kind for one in value):
            raise InputError(_("Choose from the list."), field=name)
        return tuple(dict.fromkeys(value))[:MAX_CHOSEN]
    if name == "custom":
        pairs = [tuple(pair) for pair in value] if isinstance(value, list | tuple) else [()]
        if any(len(pair) != 2 or not isinstance(pair[0], str) for pair in pairs):
            raise InputError(_("Choose from the list."), field=name)
        return tuple(pairs[:MAX_CHOSEN])
    if name == "words" and isinstance(value, str):
        return " ".join(value.replace("\x00", "").split())[:MAX_WORDS]
    expected = {"waits": (bool, type(None)), "unread": (bool,), "trouble": (bool,)}.get(name, (str,))
    if not isinstance(value, expected):
        raise InputError(_("Choose from the list."), field=name)
    return value


def _whole(name: str, value: Any, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise InputError(_("Give a whole number within reason, or leave it empty."), field=name)
    return value


def checked(chosen: QueueFilter) -> QueueFilter:
    """Return the filter if its parts agree; raises InputError in words that say what to choose instead."""
    if chosen.owner not in OWNERS or (chosen.owner == "person") != (chosen.assignee is not None):
        raise InputError(_("Choose who takes care of them."), field="owner")
    if chosen.sort not in SORTS:
        raise InputError(_("Choose an order from the list."), field="sort")
    if chosen.label_match not in MATCHES:
        raise InputError(_("Choose how the labels count: any of them, all, or none."), field="label_match")
    if set(chosen.states) - set(STATES):
        raise InputError(_("Choose open, pending, snoozed or solved."), field="states")
    if chosen.waits and chosen.states and "open" not in chosen.states:
        raise InputError(_("Only open conversations wait for an answer. Choose open, or do not ask for the wait."))
    if chosen.waits is not True and chosen.sort in NEED_WAIT:
        words = _(
            "Only conversations that wait for an answer have a wait to sort by. Choose another order, or only them."
        )
        raise InputError(words, field="sort")
    if chosen.waiting_minutes is not None and chosen.waits is not True:
        raise InputError(_("Only conversations that wait for an answer can wait longer than something."), field="waits")
    return chosen
