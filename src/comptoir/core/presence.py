"""Is anybody of a team at their desk? Each web process notes the teams of its open desks; the public screens ask.

Kept in the shared cache table: a row lives for a minute after the last desk was closed.
"""

from datetime import datetime, timedelta

from comptoir.core import bulk

SECONDS = 60
MARK = """
INSERT INTO core_cache (cache_key, value, expires)
SELECT 'desk:' || id, '', %s FROM unnest(%s::bigint[]) AS t(id)
ON CONFLICT (cache_key) DO UPDATE SET expires = excluded.expires
"""
ASK = "SELECT 1 FROM core_cache WHERE cache_key = %s AND expires > %s"


def mark_parameters(team_ids: set[int], at: datetime) -> list[object]:
    """Return the parameters of MARK; for a process that has a connection of its own."""
    return [at + timedelta(seconds=SECONDS), sorted(team_ids)]


def mark_present(team_ids: set[int], *, at: datetime) -> None:
    """Note that somebody of these teams has a desk open."""
    bulk.fetch_all(MARK, mark_parameters(team_ids, at))


def is_present(team_id: int, *, at: datetime) -> bool:
    """Return whether somebody of the team has had a desk open within the last minute."""
    return bool(bulk.fetch_all(ASK, [f"desk:{team_id}", at]))
