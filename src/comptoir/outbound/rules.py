"""Pure decisions about deliveries: when to try again, and which changes of state are allowed."""

from datetime import timedelta

# Seconds before the next attempt: quick for a hiccup, patient for an outage; about 26 hours in all, as mail servers do.
RETRY_SECONDS = (10, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 36000)

# From → what a receipt, a person or the sender may make of it.
ALLOWED: dict[str, frozenset[str]] = {
    "queued": frozenset({"sending", "cancelled"}),
    "sending": frozenset({"sent", "delivered", "failed", "unconfirmed", "queued"}),
    "sent": frozenset({"delivered", "failed"}),
    "unconfirmed": frozenset({"sent", "delivered", "failed", "queued"}),
    "delivered": frozenset({"failed"}),  # a bounce may come late
    "failed": frozenset({"queued"}),
    "cancelled": frozenset(),
}


def retry_after(attempts: int, *, asked: float | None = None) -> timedelta | None:
    """Return the wait before the next attempt after `attempts` failures; None: give up. A platform's wish is obeyed."""
    if attempts > len(RETRY_SECONDS):
        return None
    return timedelta(seconds=max(RETRY_SECONDS[attempts - 1], asked or 0))


def may_become(state: str, new: str) -> bool:
    """Whether a delivery may go from one state to another."""
    return new in ALLOWED[state]
