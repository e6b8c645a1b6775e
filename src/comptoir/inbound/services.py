"""Accepting records into the log (INV-01, INV-02), and setting them aside or replaying them.

`receive` is the one door: webhooks, pollers, forms, chats, imports and the demo all come through it.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction

from comptoir.channels import services as channels
from comptoir.core import bulk, clock
from comptoir.core.textfold import clean
from comptoir.core.types import shard_of
from comptoir.inbound.models import Record, RecordState, Refusal
from comptoir.journal import services as journal
from comptoir.journal.services import Actor

WAKE_CHANNEL = "comptoir_inbound"
ID_LENGTH = 300  # as in models.Record

INSERT = """
INSERT INTO inbound_record
    (account_id, external_id, shard, source, content_type, raw, state, reason, attempts, received_at)
SELECT *, 0, '', 0, %s FROM unnest(%s::bigint[], %s::text[], %s::smallint[], %s::text[], %s::text[], %s::bytea[])
ON CONFLICT ON CONSTRAINT record_once DO NOTHING
RETURNING external_id
"""
REFUSE = """
INSERT INTO inbound_refusal AS r (day, last_at, account_id, kind, reason, count, sample)
SELECT %s, %s, * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::int[], %s::bytea[])
ON CONFLICT ON CONSTRAINT refusal_once_a_day
DO UPDATE SET count = r.count + excluded.count, last_at = excluded.last_at, sample = excluded.sample
"""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One thing that came in. `conversation_key` decides the shard: one conversation, one order."""

    account_id: int
    external_id: str
    raw: bytes
    conversation_key: str = ""
    source: str = "webhook"
    content_type: str = "application/json"


def fitting_id(external_id: str) -> str:
    """Return the id as the log can hold it; one that must be changed keeps its identity by a digest (INV-02)."""
    cleaned = clean(external_id)
    if cleaned == external_id and len(cleaned) <= ID_LENGTH:
        return external_id
    digest = hashlib.sha256(external_id.encode(errors="surrogatepass")).hexdigest()
    return f"{cleaned[: ID_LENGTH - 65]}#{digest}"


def insert_parameters(arrivals: Sequence[Arrival], at: datetime) -> list[object]:
    """Return the parameters of INSERT; shared with the asynchronous webhook door, which has its own connection."""
    return [
        at,
        [a.account_id for a in arrivals],
        [fitting_id(a.external_id) for a in arrivals],
        [shard_of(f"{a.account_id}:{a.conversation_key}") for a in arrivals],
        [a.source for a in arrivals],
        [clean(a.content_type)[:100] for a in arrivals],
        [a.raw for a in arrivals],
    ]


@dataclass(frozen=True, slots=True)
class Refused:
    """Requests of one kind that left no record."""

    account_id: int
    kind: str  # Refusal.Kind
    reason: str
    count: int
    sample: bytes  # the beginning of the last body


def note_refusals(gathered: Sequence[Refused], *, at: datetime) -> None:
    """Count requests that left no record, by day, account and reason; the health page shows them."""
    if not gathered:
        return
    ordered = sorted(gathered, key=lambda one: (one.account_id, one.kind, one.reason))
    columns = [[getattr(one, name) for one in ordered] for name in ("account_id", "kind", "reason", "count", "sample")]
    columns[2] = [clean(reason) for reason in columns[2]]
    with transaction.atomic():
        bulk.fetch_all(REFUSE, [at.astimezone(UTC).date(), at, *columns])
        tallies = {kind: Counter[int]() for kind in Refusal.Kind.values}
        for one in ordered:
            tallies[one.kind][one.account_id] += one.count
        channels.note_day(at=at, refused=tallies[Refusal.Kind.REFUSED], ignored=tallies[Refusal.Kind.IGNORED])


def receive(arrivals: Sequence[Arrival]) -> int:
    """Commit the arrivals to the log and wake the digest; return how many were new.

    When this returns outside a transaction they are on disk and may be acknowledged (INV-01). Inside one, they are
    when it commits: a poller moves its cursor in the same transaction. A known external id is accepted without effect.
    """
    if not arrivals:
        return 0
    with transaction.atomic():
        new = bulk.fetch_all(INSERT, insert_parameters(arrivals, clock.now()))
        if new:
            bulk.notify(WAKE_CHANNEL, "")
    return len(new)


@transaction.atomic
def replay_records(*, actor: Actor, record_ids: Sequence[int]) -> int:
    """Put records that were set aside back in front of the digest; return how many."""
    updated = Record.objects.filter(id__in=record_ids, state__in=[RecordState.FAILED, RecordState.IGNORED]).update(
        state=RecordState.PENDING, reason="", attempts=0
    )
    if updated:
        journal.append(actor=actor, kind="record.replayed", facts={"records": list(record_ids)})
        bulk.notify(WAKE_CHANNEL, "")
    return updated
