"""The readers of who is at a conversation: for the streams of a web process, and for whoever asks about one person."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from comptoir.viewing.models import Presence

# Each conversation has at least one row, so that its desks hear that the last other person has left.
PRESENT = """
SELECT c.id, c.team_id, u.id, u.name, coalesce(bool_or(p.typing_until > %(at)s), false)
FROM conversations_conversation c
LEFT JOIN viewing_presence p ON p.conversation_id = c.id AND p.expires_at > %(at)s
LEFT JOIN accounts_user u ON u.id = p.user_id
WHERE c.id = ANY(%(ids)s) GROUP BY c.id, c.team_id, u.id, u.name ORDER BY c.id, u.name, u.id
"""

# The table is as small as the number of open pages.
OF_TEAMS = """
SELECT c.id, c.team_id, u.id, u.name, bool_or(coalesce(p.typing_until > %(at)s, false))
FROM viewing_presence p
JOIN conversations_conversation c ON c.id = p.conversation_id
JOIN accounts_user u ON u.id = p.user_id
WHERE p.expires_at > %(at)s AND c.team_id = ANY(%(teams)s)
GROUP BY c.id, c.team_id, u.id, u.name ORDER BY c.id, u.name, u.id
"""


@dataclass(frozen=True, slots=True)
class Viewer:
    """A person at a conversation, whatever the number of their tabs."""

    id: int
    name: str
    is_typing: bool


@dataclass(frozen=True, slots=True)
class Present:
    """Who is at one conversation, and which team's it is."""

    team_id: int
    viewers: tuple[Viewer, ...]


def parameters(conversation_ids: Collection[int], at: datetime) -> dict[str, object]:
    """Return the parameters of PRESENT."""
    return {"ids": sorted(conversation_ids), "at": at}


def grouped(rows: Iterable[tuple[Any, ...]]) -> dict[int, Present]:
    """Return the rows of PRESENT by conversation."""
    found: dict[int, Present] = {}
    for number, team, user, name, is_typing in rows:
        viewers = found[number].viewers if number in found else ()
        found[number] = Present(team, (*viewers, Viewer(user, name, is_typing)) if user else viewers)
    return found


def present_in(teams: Collection[int], at: datetime) -> dict[int, Present]:
    """Return who is at which conversation of some teams; conversations that nobody looks at are left out."""
    with connection.cursor() as cursor:
        cursor.execute(OF_TEAMS, {"teams": sorted(teams), "at": at})
        return grouped(cursor.fetchall())


def viewers_of(conversation_ids: Collection[int], at: datetime) -> set[tuple[int, int]]:
    """Return the (conversation, person) pairs of who is at these conversations."""
    found = Presence.objects.filter(conversation_id__in=conversation_ids, expires_at__gt=at)
    return set(found.values_list("conversation_id", "user_id"))
