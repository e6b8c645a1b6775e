"""The readers of notifications; what a person is shown belongs to a conversation that they see today (INV-06)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from comptoir.accounts.models import User
from comptoir.conversations.models import Conversation
from comptoir.core import bulk
from comptoir.core.errors import AccessDenied
from comptoir.notifications.kinds import KINDS
from comptoir.notifications.models import Follow, Preference, Rhythm
from comptoir.notifications.rules import Hours

COUNT_CAP = 100  # beyond 99 the exact number changes nothing
PAGE = 50
# By notification_unread, person by person from the newest. `%(people)s` are ids.
UNREAD = f"""
SELECT u.id, count(p.id), coalesce(max(p.id), 0) FROM unnest(%(people)s::bigint[]) AS u(id) LEFT JOIN LATERAL (
    SELECT n.id FROM notifications_notification n
    JOIN conversations_conversation c ON c.id = n.conversation_id
    JOIN accounts_membership m ON m.team_id = c.team_id AND m.user_id = n.user_id
    WHERE n.user_id = u.id AND n.in_page AND n.read_at IS NULL ORDER BY n.id DESC LIMIT {COUNT_CAP}) p ON true
GROUP BY u.id
"""  # noqa: S608  # a constant
LINES = """
SELECT n.id, n.user_id, n.kind, n.conversation_id, n.event_id, n.message_id, n.actor_name, n.words, n.at,
       n.seen_at IS NULL, n.read_at IS NULL,
       coalesce(nullif(c.subject, ''), nullif(k.name, ''), c.preview), c.channel,
       left(coalesce(nullif(s.visible_text, ''), s.text, ''), 200)
FROM notifications_notification n
JOIN conversations_conversation c ON c.id = n.conversation_id
JOIN accounts_membership m ON m.team_id = c.team_id AND m.user_id = n.user_id
JOIN contacts_contact k ON k.id = c.contact_id
LEFT JOIN conversations_message s ON s.id = n.message_id
WHERE {narrow} ORDER BY n.event_id DESC, n.user_id LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One notification with what is needed to say it."""

    id: int
    user_id: int
    kind: str
    conversation_id: int
    event_id: int
    message_id: int | None
    actor_name: str
    words: str
    at: datetime
    is_new: bool
    is_unread: bool
    title: str
    channel: str
    excerpt: str

    @property
    def icon(self) -> str:
        """The symbol of its kind."""
        return KINDS[self.kind].icon if self.kind in KINDS else "bell"


@dataclass(frozen=True, slots=True)
class Way:
    """How a person hears of one kind."""

    in_page: bool
    in_browser: bool
    mail: str


def parameters(people: Collection[int]) -> dict[str, list[int]]:
    """Return the parameters of UNREAD."""
    return {"people": sorted(people)}


def counts(people: Collection[int], rows: Iterable[tuple[Any, ...]]) -> dict[int, dict[str, int]]:
    """Return the rows of UNREAD by person: how many are unread, and the number of the newest of them."""
    found = {user: {"unread": 0, "latest": 0} for user in people}
    return found | {user: {"unread": number, "latest": latest} for user, number, latest in rows}


def unread_of(user: User) -> dict[str, int]:
    """Return how many notifications of a person are unread, and the number of the newest of them."""
    with connection.cursor() as cursor:
        cursor.execute(UNREAD, parameters([user.pk]))
        return counts([user.pk], cursor.fetchall())[user.pk]


def _lines(narrow: str, params: dict[str, Any]) -> list[Line]:
    with connection.cursor() as cursor:
        cursor.execute(LINES.replace("{narrow}", narrow), params)
        return [Line(*row) for row in cursor.fetchall()]


def notifications_page(user: User, *, before: int | None = None) -> tuple[list[Line], int | None]:
    """Return a page of a person's notifications, newest event first, and the event before which the next one begins."""
    narrow = "n.user_id = %(user)s AND n.in_page" + (" AND n.event_id < %(before)s" if before else "")
    rows = _lines(narrow, {"user": user.pk, "before": before, "limit": PAGE + 1})
    return rows[:PAGE], rows[PAGE - 1].event_id if len(rows) > PAGE else None


def fresh_notifications(user: User, *, after: int, limit: int = 3) -> list[Line]:
    """Return the newest unread notifications of a person that were made after one of theirs."""
    narrow = "n.user_id = %(user)s AND n.in_page AND n.read_at IS NULL AND n.id > %(after)s"
    return _lines(narrow, {"user": user.pk, "after": after, "limit": limit})


def lines_to_mail(ids: Collection[int]) -> list[Line]:
    """Return what a mail says of some notifications; without those that their person may no longer see."""
    return _lines("n.id = ANY(%(ids)s)", {"ids": sorted(ids), "limit": len(ids)})


def access_notification(user: User, notification_id: int) -> Line:
    """Return one of the person's own notifications; raises AccessDenied for any other."""
    found = _lines("n.id = %(id)s AND n.user_id = %(user)s", {"id": notification_id, "user": user.pk, "limit": 1})
    if not found:
        raise AccessDenied("no such notification")
    return found[0]


def ways_of(people: Collection[int]) -> dict[int, dict[str, Way]]:
    """Return how each person hears of each kind."""
    usual = {kind.name: Way(kind.in_page, kind.in_browser, kind.mail) for kind in KINDS.values()}
    found = {user: dict(usual) for user in people}
    for row in Preference.objects.filter(user_id__in=people, kind__in=KINDS):
        found[row.user_id][row.kind] = Way(row.in_page, row.in_browser, row.mail)
    return found


def hours_of(people: Collection[int]) -> dict[int, Hours]:
    """Return the rhythm of each person."""
    found = {user: Hours() for user in people}
    for row in Rhythm.objects.filter(user_id__in=people):
        found[row.user_id] = Hours(row.digest, row.digest_hour, row.quiet_from, row.quiet_until)
    return found


def is_following(user: User, conversation: Conversation) -> bool:
    """Whether the person follows the conversation."""
    return Follow.objects.filter(user=user, conversation=conversation, is_on=True).exists()


DUE = """
SELECT id, user_id FROM notifications_notification
WHERE mail_at <= %s AND mailed_at IS NULL AND read_at IS NULL
ORDER BY mail_at LIMIT %s FOR UPDATE SKIP LOCKED
"""


def due_mails(at: datetime, limit: int) -> list[tuple[int, int]]:
    """Return the (notification, person) pairs that may be mailed now, locked until the transaction ends."""
    return [(row[0], row[1]) for row in bulk.fetch_all(DUE, [at, limit])]
