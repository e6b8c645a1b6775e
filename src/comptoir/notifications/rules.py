"""Pure decisions about notifications: who is told of an event, by which way, and when a mail may leave."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, tzinfo
from typing import Any

# The events that somebody may be told of, in the follower's filter.
EVENTS = (
    "note.added",
    "conversation.assigned",
    "conversation.created",
    "message.received",
    "reply.failed",
    "reply.unconfirmed",
    "reminder.due",
    "rule.notified",
)
AT_ONCE = timedelta(minutes=1)  # what is read in the page within it needs no mail


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of the journal, as far as somebody may be told of it."""

    kind: str
    actor_id: int | None = None  # of a person; customers and programs have none
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scene:
    """Where it happened: the people of the conversation's team, who takes care of it, who follows it, who wrote."""

    members: frozenset[int]
    assignee: int | None = None
    followers: frozenset[int] = frozenset()
    author: int | None = None  # of the message that the event is about


def _numbers(value: Any) -> set[int]:
    return {item for item in value if isinstance(item, int)} if isinstance(value, list) else set()


def recipients(event: Happened, scene: Scene) -> tuple[str, frozenset[int]]:
    """Return the kind of notification and the people to tell, never the one who did it, only members (INV-06)."""
    facts = event.facts
    kind, people = "", set[int]()
    match event.kind:
        case "note.added":
            kind, people = "mention", _numbers(facts.get("mentions"))
        case "conversation.assigned":
            kind, people = "assigned", _numbers([facts.get("to")])
        case "conversation.created":
            kind, people = "new", set(scene.members)
        case "message.received" if not facts.get("automatic"):
            kind, people = "reply", set(scene.followers) | _numbers([scene.assignee])
        case "reply.failed" | "reply.unconfirmed":
            kind, people = "trouble", _numbers([scene.author])
        case "reminder.due":
            kind, people = "reminder", _numbers([facts.get("person")])
        case "rule.notified":
            kind, people = "rule", _numbers(facts.get("people"))
    return kind, frozenset(people & scene.members - {event.actor_id})


def joins(event: Happened, scene: Scene) -> frozenset[int]:
    """Return who begins to follow the conversation by this event: who wrote the note, and whom it mentions."""
    if event.kind != "note.added":
        return frozenset()
    return frozenset(_numbers(event.facts.get("mentions")) | _numbers([scene.author])) & scene.members


@dataclass(frozen=True, slots=True)
class Hours:
    """A person's rhythm. Times are local; a quiet span may pass midnight."""

    digest: str = "hourly"  # or 'daily'
    digest_hour: int = 8
    quiet_from: time | None = None
    quiet_until: time | None = None


def is_quiet(at: datetime, hours: Hours, zone: tzinfo) -> bool:
    """Whether an instant lies in the person's quiet hours."""
    if hours.quiet_from is None or hours.quiet_until is None or hours.quiet_from == hours.quiet_until:
        return False
    local = at.astimezone(zone).time()
    if hours.quiet_from < hours.quiet_until:
        return hours.quiet_from <= local < hours.quiet_until
    return local >= hours.quiet_from or local < hours.quiet_until


def _next(at: datetime, wanted: time, zone: tzinfo) -> datetime:
    """Return the next instant after `at` with this local time; in an hour that a clock change skips, the one after."""
    local = at.astimezone(zone)
    found = local.replace(hour=wanted.hour, minute=wanted.minute, second=0, microsecond=0)
    return found if found > local else found + timedelta(days=1)


def mail_at(choice: str, at: datetime, hours: Hours, zone: tzinfo) -> datetime | None:
    """Return the instant from which a mail about something that happened at `at` may leave; None: by no mail."""
    if choice not in {"now", "digest"}:
        return None
    due = at + AT_ONCE
    if choice == "digest" and hours.digest == "daily":
        due = _next(at, time(hours.digest_hour), zone)
    elif choice == "digest":
        due = at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    if is_quiet(due, hours, zone) and hours.quiet_until is not None:
        due = _next(due, hours.quiet_until, zone)
    return due
