"""Pure decisions about conversations: what waits for an answer, and what a change changes and tells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Turn:
    """One message as far as waiting is concerned. `counts` is False for automatic mail and for replies that failed."""

    kind: str  # 'in', 'out', 'note'
    at: datetime
    counts: bool = True


def waiting_since(turns: Sequence[Turn]) -> datetime | None:
    """Return the instant of the oldest customer message without an answer after it, or None.

    A reply answers everything before it; notes and automatic messages neither ask nor answer; a reply that failed,
    was cancelled or is unconfirmed is no answer, and the wait resumes from where it was.
    """
    oldest: datetime | None = None
    for turn in sorted(turns, key=lambda t: t.at):
        if not turn.counts:
            continue
        if turn.kind == "in":
            oldest = oldest or turn.at
        elif turn.kind == "out":
            oldest = None
    return oldest


def state_after_inbound(state: str, *, automatic: bool, wakes_on_reply: bool = True) -> str:
    """Return the state of a conversation after a customer's message: it opens.

    It stays as it is when a machine wrote the message, and when it was put to sleep until an instant and nothing else:
    then it wakes at that instant, and the message shows as unread until somebody looks.
    """
    return state if automatic or (state == "snoozed" and not wakes_on_reply) else "open"


class Standing(Protocol):
    """Where a conversation stands, as far as people change it."""

    team_id: int
    assignee_id: int | None
    state: str
    snoozed_until: datetime | None
    wakes_on_reply: bool
    priority: int


@dataclass(frozen=True, slots=True)
class Step:
    """One change of one conversation: the columns after it, and its event."""

    kind: str
    facts: Mapping[str, Any]
    columns: Mapping[str, Any]


def assigned(row: Standing, to: int | None, name: str, *, reason: Mapping[str, Any] | None = None) -> Step | None:
    """Return what giving it to a person (None: nobody) changes; None when nothing. `reason`: why a program chose."""
    if row.assignee_id == to:
        return None
    facts = {"from": row.assignee_id, "to": to, "to_name": name, **({"reason": dict(reason)} if reason else {})}
    return Step("conversation.assigned", facts, {"assignee_id": to})


def transferred(row: Standing, to: int, name: str, *, keeps_assignee: bool) -> Step | None:
    """Return what giving it to a team changes; an assignee who is not in that team is released."""
    if row.team_id == to:
        return None
    columns = {"team_id": to, "assignee_id": row.assignee_id if keeps_assignee else None}
    return Step("conversation.transferred", {"from": row.team_id, "to": to, "to_name": name}, columns)


def restated(row: Standing, to: str, until: datetime | None, *, wakes_on_reply: bool = True) -> Step | None:
    """Return what another state changes; only a snooze has an end: an instant, the customer's answer, or either."""
    if to != "snoozed":
        until, wakes = None, True
    else:
        wakes = wakes_on_reply or until is None
    if row.state == to and (to != "snoozed" or (row.snoozed_until, row.wakes_on_reply) == (until, wakes)):
        return None
    facts = {"from": row.state, "to": to, "until": until.isoformat() if until else None, "wakes_on_reply": wakes}
    columns = {"state": to, "snoozed_until": until, "wakes_on_reply": wakes}
    return Step("conversation.state_changed", facts, columns)


def reprioritised(row: Standing, to: int) -> Step | None:
    """Return what another priority changes."""
    if row.priority == to:
        return None
    return Step("conversation.priority_changed", {"from": row.priority, "to": to}, {"priority": to})


def ordered_after(mine: Sequence[int], current: int) -> list[int]:
    """Return a person's conversations in the order in which 'next' offers them: after the current one, then again."""
    if current not in mine:
        return list(mine)
    at = mine.index(current)
    return [*mine[at + 1 :], *mine[:at]]


def mentioned(text: str, people: Sequence[tuple[int, str]]) -> list[int]:
    """Return the ids of the people whom a note names as `@Name`, in the order of the text, each once.

    The longest name wins, so that “@Ann Lee” is not Ann. Case does not matter. An address (`a@lee.example`) and a name
    inside a longer word (`@Annabel`) are no mentions.
    """
    folded = text.casefold()
    names = sorted(((name.casefold(), number) for number, name in people if name), key=lambda n: -len(n[0]))
    found: dict[int, None] = {}
    at = folded.find("@")
    while at >= 0:
        if at == 0 or not (folded[at - 1].isalnum() or folded[at - 1] in "/@_."):
            for name, number in names:
                end = at + 1 + len(name)
                if folded.startswith(name, at + 1) and not folded[end : end + 1].isalnum():
                    found.setdefault(number)
                    break
        at = folded.find("@", at + 1)
    return list(found)
