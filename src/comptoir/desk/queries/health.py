"""The readers of one account's health: what became of its events day by day, and why some became nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from comptoir.channels.models import AccountDay
from comptoir.core import bulk
from comptoir.inbound.models import RecordState, Refusal

DAYS = 14
REASONS = 12  # of each kind
LOOKED_AT = 2_000  # newest records that are grouped by their reason


@dataclass(frozen=True, slots=True)
class Day:
    """What became of the events of one day (UTC)."""

    day: date
    done: int = 0
    ignored: int = 0
    failed: int = 0
    refused: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.done + self.ignored + self.failed + self.refused


@dataclass(frozen=True, slots=True)
class Why:
    """One reason for which events became no message: how often, and when last."""

    kind: str  # failed, ignored, refused
    reason: str
    count: int
    last_at: datetime
    can_replay: bool


# By index (record_by_account) over the newest records alone.
RECORDS = """
SELECT state, reason, count(*), max(received_at) FROM (
    SELECT state, reason, received_at FROM inbound_record WHERE account_id = %s ORDER BY id DESC LIMIT %s
) newest WHERE state IN (2, 3) GROUP BY state, reason ORDER BY count(*) DESC LIMIT %s
"""
REPLAYABLE = """
SELECT id FROM (
    SELECT id, state FROM inbound_record WHERE account_id = %s ORDER BY id DESC LIMIT %s
) newest WHERE state = ANY(%s)
"""


def days_of(account_id: int, *, until: date) -> list[Day]:
    """Return the last days, the oldest first; those without an event are there as well."""
    first = until - timedelta(days=DAYS - 1)
    known = {row.day: row for row in AccountDay.objects.filter(account_id=account_id, day__gte=first)}
    found: list[Day] = []
    for number in range(DAYS):
        day = first + timedelta(days=number)
        row = known.get(day)
        found.append(Day(day, row.done, row.ignored, row.failed, row.refused) if row else Day(day))
    return found


def whys_of(account_id: int, *, until: date) -> Sequence[Why]:
    """Return why events became no message: from the newest records, and from what left none in the last days."""
    kinds = {int(RecordState.FAILED): "failed", int(RecordState.IGNORED): "ignored"}
    rows: list[tuple[Any, ...]] = bulk.fetch_all(RECORDS, [account_id, LOOKED_AT, REASONS])
    found = [Why(kinds[state], reason, count, at, can_replay=True) for state, reason, count, at in rows]
    told: dict[tuple[str, str], Why] = {}
    for row in Refusal.objects.filter(account_id=account_id, day__gt=until - timedelta(days=DAYS)).order_by("day"):
        known = told.get((row.kind, row.reason))
        count = row.count + (known.count if known else 0)
        told[row.kind, row.reason] = Why(row.kind, row.reason, count, row.last_at, can_replay=False)
    found += sorted(told.values(), key=lambda why: -why.count)[:REASONS]
    return sorted(found, key=lambda why: why.last_at, reverse=True)


def replayable(account_id: int, *, kinds: Sequence[str]) -> list[int]:
    """Return the newest records that can be read again, of these kinds ('failed', 'ignored')."""
    states = {"failed": int(RecordState.FAILED), "ignored": int(RecordState.IGNORED)}
    wanted = [states[kind] for kind in kinds if kind in states]
    return [row[0] for row in bulk.fetch_all(REPLAYABLE, [account_id, LOOKED_AT, wanted])]
