"""Readers of the journal as a whole: the audit page and its export. A conversation's own timeline is read elsewhere.

The journal may hold tens of millions of events, and what somebody looks for may be rare in it. So it is read in
windows: a window is a bounded run of events along one index (of a person, of a conversation, of the installation, or
all), looked through here; the reader says how many windows it can afford and goes on from where it stopped.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Max, Min, QuerySet

from comptoir.core import bulk
from comptoir.journal.models import Event

# Below this many numbers between the oldest and the newest event, reading all of them is cheap.
SMALL = 200_000
EDGE = timedelta(days=1)
# OFFSET 0 keeps PostgreSQL from walking the primary key for a maximum: with it the span is read by the BRIN index.
NEWEST_BEFORE = """
SELECT max(id) FROM (SELECT id FROM journal_event WHERE at >= %s AND at < %s OFFSET 0) s
"""
OLDEST_FROM = """
SELECT min(id) FROM (SELECT id FROM journal_event WHERE at >= %s AND at < %s OFFSET 0) s
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody looks for in the journal; None and empty say 'any'."""

    person: int | None = None
    conversation: int | None = None
    prefixes: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None  # exclusive
    of_installation: bool = False  # events of no conversation: people, teams, channels, programs


class Line(NamedTuple):
    """What a window holds of an event: enough to decide whether it is shown."""

    id: int
    at: datetime
    kind: str
    actor_kind: str
    actor_id: int | None
    conversation_id: int | None
    contact_id: int | None


def matches(line: Line, wanted: Wanted) -> bool:
    """Return whether an event is what is looked for."""
    return (
        (wanted.person is None or (line.actor_kind == "user" and line.actor_id == wanted.person))
        and (wanted.conversation is None or line.conversation_id == wanted.conversation)
        and (not wanted.prefixes or line.kind.startswith(wanted.prefixes))
        and (wanted.since is None or line.at >= wanted.since)
        and (wanted.until is None or line.at < wanted.until)
        and (not wanted.of_installation or line.conversation_id is None)
    )


def window(wanted: Wanted, *, before: int | None, count: int) -> list[Line]:
    """Return the next run of events, the newest first, of which some may match; [] at the end of the journal."""
    rows: QuerySet[Event] = Event.objects.order_by("-id")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    if wanted.conversation is not None:
        rows = rows.filter(conversation_id=wanted.conversation)  # event_of_conversation
    elif wanted.person is not None:
        rows = rows.filter(actor_kind="user", actor_id=wanted.person)  # event_by_person
    elif wanted.of_installation:
        rows = rows.filter(conversation_id=None)  # event_of_installation
    return [Line(*row) for row in rows.values_list(*Line._fields)[:count]]


def span(wanted: Wanted) -> tuple[int | None, int | None]:
    """Return the numbers between which the events of a span of time lie: (first, last + 1); None: no bound known.

    The journal is appended in the order of time, but for transactions that overlap and messages that waited for their
    digest. The last number is therefore looked for in a whole day, which the BRIN index on time reads at once.
    """
    ends = Event.objects.aggregate(first=Min("id"), last=Max("id"))
    if ends["first"] is None or ends["last"] - ends["first"] < SMALL:
        return None, None
    first = last = None
    if wanted.since is not None:
        first = bulk.fetch_all(OLDEST_FROM, [wanted.since, wanted.since + EDGE])[0][0]
    if wanted.until is not None:
        found = bulk.fetch_all(NEWEST_BEFORE, [wanted.until - EDGE, wanted.until])[0][0]
        last = None if found is None else found + 1
    return first, last


def events(ids: Collection[int]) -> list[Event]:
    """Return these events, the newest first."""
    return list(Event.objects.filter(pk__in=ids).order_by("-id"))
