"""Pure decisions about conversations: states after an event, and what waits for an answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


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


def state_after_inbound(state: str, *, automatic: bool) -> str:
    """Return the state of a conversation after a customer's message: it opens, unless a machine wrote it."""
    return state if automatic else "open"


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
