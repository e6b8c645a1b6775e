"""Is anybody of a team at their desk, and who? Each web process notes the teams and the people of its open desks.

Kept in the shared cache table: the row of a team lives for a minute after its last desk was closed, that of a person
for some more, so that a reload or a lost connection makes nobody leave.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from comptoir.core import bulk

SECONDS = 60
PERSON_SECONDS = 180
MARK = """
INSERT INTO core_cache (cache_key, value, expires)
SELECT 'desk:' || id, '', %s FROM unnest(%s::bigint[]) AS t(id)
ON CONFLICT (cache_key) DO UPDATE SET expires = excluded.expires
"""
MARK_PEOPLE = MARK.replace("'desk:'", "'person:'")
PEOPLE = "SELECT substr(cache_key, 8)::bigint FROM core_cache WHERE cache_key = ANY(%s) AND expires > %s"
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


def people_parameters(user_ids: set[int], at: datetime) -> list[object]:
    """Return the parameters of MARK_PEOPLE; for a process that has a connection of its own."""
    return [at + timedelta(seconds=PERSON_SECONDS), sorted(user_ids)]


def mark_people(user_ids: set[int], *, at: datetime) -> None:
    """Note that these people have a desk open."""
    bulk.fetch_all(MARK_PEOPLE, people_parameters(user_ids, at))


def people_present(user_ids: Iterable[int], *, at: datetime) -> set[int]:
    """Return who of these people has had a desk open within the last minutes."""
    return {row[0] for row in bulk.fetch_all(PEOPLE, [[f"person:{number}" for number in user_ids], at])}
