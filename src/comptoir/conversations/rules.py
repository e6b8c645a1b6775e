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


def state_after_inbound(state: str, *, automatic: bool, wakes_on_reply: bool = True) -> str:
    """Return the state of a conversation after a customer's message: it opens.

    It stays as it is when a machine wrote the message, and when it was put to sleep until an instant and nothing else:
    then it wakes at that instant, and the message shows as unread until somebody looks.
    """
    return state if automatic or (state == "snoozed" and not wakes_on_reply) else "open"
