"""The counts of the navigation and of the queue's tabs, and the person's views, each set in one statement (INV-06)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from comptoir.accounts.models import User
from comptoir.accounts.queries import team_ids_of
from comptoir.conversations.listing import COUNT_CAP, NAV_CAP, WAITING


def _counted(condition: str, cap: int = COUNT_CAP) -> str:
    """Return a capped count over the person's teams, read team by team from a partial index."""
    return (
        f"(SELECT count(*) FROM (SELECT FROM unnest(%(teams)s::bigint[]) AS mine(team_id) CROSS JOIN LATERAL "  # noqa: S608
        f"(SELECT FROM conversations_conversation c WHERE c.team_id = mine.team_id AND {condition} "
        f"LIMIT {cap}) p "
        f"LIMIT {cap}) q)"
    )


@dataclass(frozen=True, slots=True)
class NavView:
    """A saved view as the navigation shows it."""

    id: int
    name: str
    scope: str


@dataclass(frozen=True, slots=True)
class NavCounts:
    """What the navigation shows on every page; counts are at most NAV_CAP, and COUNT_CAP beside the queue."""

    waiting: int
    mine: int
    troubled_accounts: int
    presence: str  # what the person chose: 'available', 'away' or 'offline'
    views: Sequence[NavView]


@dataclass(frozen=True, slots=True)
class Counts(NavCounts):
    """How many conversations each list has, and since when the longest wait lasts."""

    unassigned: int
    open: int
    pending: int
    snoozed: int
    oldest: datetime | None


_MINE = f"""(SELECT count(*) FROM (
    SELECT FROM conversations_conversation c
    WHERE c.assignee_id = %(user)s AND {WAITING} AND c.team_id = ANY(%(teams)s) {{narrow}} LIMIT {COUNT_CAP}) p)
"""  # noqa: S608  # constants only; what a person chose is a parameter
_TROUBLED = """(
    SELECT count(*) FROM channels_accounthealth h JOIN channels_channelaccount a ON a.id = h.account_id
    WHERE h.last_error_at IS NOT NULL AND a.is_active AND a.team_id = ANY(%(teams)s))
"""
_PRESENCE = "coalesce((SELECT presence FROM routing_workload WHERE user_id = %(user)s), 'available')"
_OLDEST = f"""(
    SELECT min(p.waiting_since) FROM unnest(%(teams)s::bigint[]) AS mine(team_id) CROSS JOIN LATERAL (
        SELECT c.waiting_since FROM conversations_conversation c
        WHERE c.team_id = mine.team_id AND {WAITING} {{narrow}} ORDER BY c.waiting_since, c.id LIMIT 1) p)
"""  # noqa: S608
# The person's own views first, then what is shared with them. (saving.views_of reads the same in full.)
_VIEWS = """(
    SELECT coalesce(json_agg(json_build_array(v.id, v.name, v.scope)
                             ORDER BY v.scope <> 'personal', v.position, v.id), '[]')
    FROM conversations_savedview v
    WHERE v.scope = 'personal' AND v.owner_id = %(user)s OR v.scope = 'everyone'
       OR v.scope = 'team' AND v.team_id = ANY(%(all_teams)s))
"""


def nav_counts(user: User) -> NavCounts:
    """Return what the navigation shows, in one statement."""
    teams = team_ids_of(user)
    query = f"SELECT {_counted(WAITING, NAV_CAP)}, {_MINE.format(narrow='')}, {_TROUBLED}, {_PRESENCE}, {_VIEWS}"
    row = _row(query, {"user": user.pk, "teams": teams, "all_teams": teams})
    return NavCounts(row[0], row[1], row[2], row[3], _views(row[4]))


def queue_counts(user: User, *, teams: Sequence[int] = (), channels: Sequence[str] = ()) -> Counts:
    """Return the counts of the queue's tabs in one statement; teams or channels narrow them."""
    mine = team_ids_of(user)
    narrow = " AND c.channel = ANY(%(channels)s)" if channels else ""
    parts = [
        _counted(WAITING + narrow),
        _MINE.format(narrow=narrow),
        _TROUBLED,
        _PRESENCE,
        _VIEWS,
        _counted(WAITING + " AND c.assignee_id IS NULL" + narrow),
        *(_counted(f"c.state = '{state}'{narrow}") for state in ("open", "pending", "snoozed")),
        _OLDEST.format(narrow=narrow),
    ]
    params = {
        "user": user.pk, "teams": [pk for pk in mine if not teams or pk in teams], "channels": list(channels),
        "all_teams": mine,
    }  # fmt: skip
    row = _row(f"SELECT {', '.join(parts)}", params)
    return Counts(row[0], row[1], row[2], row[3], _views(row[4]), *row[5:])


def _views(rows: Sequence[Sequence[Any]]) -> list[NavView]:
    return [NavView(*row) for row in rows]


def _row(query: str, params: dict[str, Any]) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return tuple(cursor.fetchone())
