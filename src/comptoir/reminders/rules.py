"""Pure decisions about reminders: what is offered, and whether one rings."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Offer:
    """One choice of the menu."""

    name: str
    due_at: datetime
    unless_said: bool


def offers(at: datetime) -> list[Offer]:
    """Return what is offered at a local time: tomorrow, in three days unless somebody writes, next Monday; at nine."""
    nine = at.replace(hour=9, minute=0, second=0, microsecond=0)
    monday = nine + timedelta(days=7 - at.weekday() if at.weekday() < 6 else 8)  # on a Sunday, tomorrow is Monday
    return [
        Offer("tomorrow", nine + timedelta(days=1), unless_said=False),
        Offer("quiet", nine + timedelta(days=3), unless_said=True),
        Offer("monday", monday, unless_said=False),
    ]


def outcome(*, unless_said: bool, was_said: bool, is_seen: bool) -> str:
    """Return what becomes of a reminder that is due.

    'due' rings; 'spared' does not, because somebody wrote since it was set; 'cancelled' does not either, because its
    person no longer sees the conversation (INV-06).
    """
    if not is_seen:
        return "cancelled"
    return "spared" if unless_said and was_said else "due"
