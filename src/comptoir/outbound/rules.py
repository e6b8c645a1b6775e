"""Pure decisions about deliveries: when to try again, and which changes of state are allowed."""

from collections.abc import Sequence
from datetime import timedelta

# Seconds before the next attempt: quick for a hiccup, patient for an outage; about 26 hours in all, as mail servers do.
RETRY_SECONDS = (10, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 36000)

# From → what a receipt, a person or the sender may make of it.
ALLOWED: dict[str, frozenset[str]] = {
    "queued": frozenset({"sending", "cancelled"}),
    "sending": frozenset({"sent", "delivered", "read", "failed", "unconfirmed", "queued"}),
    "sent": frozenset({"delivered", "read", "failed"}),
    "unconfirmed": frozenset({"sent", "delivered", "read", "failed", "queued"}),
    "delivered": frozenset({"read", "failed"}),  # a bounce may come late
    "read": frozenset(),
    "failed": frozenset({"queued"}),
    "cancelled": frozenset(),
}


def retry_after(attempts: int, *, asked: float | None = None) -> timedelta | None:
    """Return the wait before the next attempt after `attempts` failures; None: give up. A platform's wish is obeyed."""
    if attempts > len(RETRY_SECONDS):
        return None
    return timedelta(seconds=max(RETRY_SECONDS[attempts - 1], asked or 0))


RANKS = ("sent", "delivered", "read")  # of what a platform tells; it may tell them out of order


def further(state: str, new: str) -> bool:
    """Whether a receipt of a part tells more than what is known; a failure is believed until it was delivered."""
    if new == "failed":
        return state not in {"delivered", "read", "failed"}
    return new in RANKS and (state not in RANKS or RANKS.index(new) > RANKS.index(state))


def of_parts(states: Sequence[str]) -> str:
    """Return the state of a message from those of its parts: it is as far as the part that is behind."""
    if "failed" in states:
        return "failed"
    return min(states, key=RANKS.index)


def may_become(state: str, new: str) -> bool:
    """Whether a delivery may go from one state to another."""
    return new in ALLOWED[state]
