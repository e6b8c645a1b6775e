"""Claiming and marking records for the pipeline.

A shard is claimed by an advisory lock of the transaction: it falls when the transaction ends, however it ends, so a
killed worker leaves nothing to repair.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from comptoir.core import bulk
from comptoir.inbound.models import RecordState

SHARD_LOCKS = 0x0C01  # the namespace of the advisory locks of shards

PENDING = """
SELECT id, account_id, external_id, source, content_type, raw, received_at FROM inbound_record
WHERE shard = ANY(%s) AND state = 0 ORDER BY id LIMIT %s
"""
BACKLOG = "SELECT count(*) FROM (SELECT FROM inbound_record WHERE state = 0 LIMIT %s) pending"
LOCK = "SELECT shard FROM unnest(%s::int[]) shard WHERE pg_try_advisory_xact_lock(%s, shard)"
BUSY_SHARDS = """
WITH RECURSIVE busy AS (
    (SELECT shard FROM inbound_record WHERE state = 0 ORDER BY shard LIMIT 1)
  UNION ALL
    SELECT (SELECT r.shard FROM inbound_record r WHERE r.state = 0 AND r.shard > busy.shard ORDER BY r.shard LIMIT 1)
    FROM busy WHERE busy.shard IS NOT NULL
)
SELECT shard FROM busy WHERE shard IS NOT NULL
"""
MARK = """
UPDATE inbound_record r SET state = v.state, reason = v.reason, attempts = r.attempts + 1, digested_at = %s
FROM unnest(%s::bigint[], %s::smallint[], %s::text[]) AS v(id, state, reason) WHERE r.id = v.id
"""


@dataclass(frozen=True, slots=True)
class Pending:
    """A record that waits for the digest."""

    id: int
    account_id: int
    external_id: str
    source: str
    content_type: str
    raw: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a record."""

    record_id: int
    state: RecordState
    reason: str


def done(pending: Pending) -> Verdict:
    """It became a message or another fact."""
    return Verdict(pending.id, RecordState.DONE, "")


def failed(pending: Pending, reason: str) -> Verdict:
    """It is set aside, with the reason, for a person to look at and replay."""
    return Verdict(pending.id, RecordState.FAILED, reason.replace("\x00", "")[:2000])


def ignored(pending: Pending, reason: str) -> Verdict:
    """It is known and of no interest."""
    return Verdict(pending.id, RecordState.IGNORED, reason.replace("\x00", "")[:2000])


def busy_shards() -> list[int]:
    """Return the shards that have something pending, by walking the partial index from shard to shard."""
    return [row[0] for row in bulk.fetch_all(BUSY_SHARDS, [])]


def backlog(*, most: int) -> int:
    """Return how many records are pending, counted up to `most`."""
    return int(bulk.fetch_all(BACKLOG, [most])[0][0])


def lock_shards(shards: Sequence[int]) -> list[int]:
    """Claim shards until the end of the transaction; return those that no other worker has."""
    return [row[0] for row in bulk.fetch_all(LOCK, [list(shards), SHARD_LOCKS])]


def pending(shards: Sequence[int], *, limit: int) -> list[Pending]:
    """Return the oldest pending records of claimed shards."""
    rows = bulk.fetch_all(PENDING, [list(shards), limit])
    return [Pending(row[0], row[1], row[2], row[3], row[4], bytes(row[5]), row[6]) for row in rows]


def mark(verdicts: Sequence[Verdict], *, at: datetime) -> None:
    """Write down what became of the records."""
    ordered = sorted(verdicts, key=lambda v: v.record_id)
    bulk.fetch_all(
        MARK, [at, [v.record_id for v in ordered], [int(v.state) for v in ordered], [v.reason for v in ordered]]
    )
