"""The only writer of the journal (INV-04), and the announcer of live updates.

An event and its announcement belong to the transaction of the change they tell about: both happen, or neither.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from comptoir.core import bulk, clock

LIVE_CHANNEL = "comptoir_live"
# PostgreSQL refuses notifications of 8,000 bytes and more; beyond this many conversations one word says 'reload'.
LIVE_MANY = 200


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a member of staff, a contact, a program with a token, or the system itself."""

    kind: str
    id: int | None = None
    name: str = ""


SYSTEM = Actor("system", None, "Comptoir")


@dataclass(frozen=True, slots=True)
class Entry:
    """One event to append."""

    actor: Actor
    kind: str
    conversation_id: int | None = None
    contact_id: int | None = None
    message_id: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None


def append(
    *,
    actor: Actor,
    kind: str,
    conversation_id: int | None = None,
    contact_id: int | None = None,
    message_id: int | None = None,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Append one event and announce it."""
    append_all([Entry(actor, kind, conversation_id, contact_id, message_id, facts or {})])


def append_all(entries: Sequence[Entry]) -> None:
    """Append a batch of events in their order, and announce the conversations they touch."""
    if not entries:
        return
    now = clock.now()
    columns = (
        "at", "kind", "conversation_id", "contact_id", "message_id", "actor_kind", "actor_id", "actor_name", "facts",
    )  # fmt: skip
    bulk.copy_rows(
        "journal_event",
        columns,
        (
            (
                entry.at or now,
                entry.kind,
                entry.conversation_id,
                entry.contact_id,
                entry.message_id,
                entry.actor.kind,
                entry.actor.id,
                entry.actor.name[:200],
                json.dumps(dict(entry.facts)),
            )
            for entry in entries
        ),
    )
    touched = sorted({entry.conversation_id for entry in entries if entry.conversation_id})
    announce({"conversations": touched if len(touched) <= LIVE_MANY else "many"})


def announce(message: Mapping[str, Any]) -> None:
    """Tell all open desks something when the transaction commits; never anything that a stranger may not hear."""
    bulk.notify(LIVE_CHANNEL, json.dumps(message, separators=(",", ":")))
