"""The only writer of notifications, preferences and follows. No journal events: they are each person's own.

`run_once` is the follower: it makes the rows in the transaction in which its place in the journal moves, and announces
the people when that commits. What may be told to whom is decided in rules.py and by team membership (INV-06).
"""

import json
import zoneinfo
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from comptoir.accounts.models import Membership, User
from comptoir.conversations.models import Conversation, Message
from comptoir.core import bulk, clock
from comptoir.journal.following import follow
from comptoir.journal.models import Event
from comptoir.notifications import rules
from comptoir.notifications.kinds import KINDS, Kind
from comptoir.notifications.models import Follow, Notification, Preference, Rhythm
from comptoir.notifications.queries import hours_of, ways_of
from comptoir.notifications.rules import Happened, Scene
from comptoir.reminders.queries import words_of
from comptoir.viewing.queries import viewers_of

PEOPLE_CHANNEL = "comptoir_people"
FOLLOWER = "notifications"
STALE = timedelta(days=1)  # an old event that comes late (an import, a long outage) is news to nobody
KEPT = timedelta(days=90)
PAUSE = 5.0  # seconds between two looks when no notification of the journal woke the loop
SWEEP = """
DELETE FROM notifications_notification
WHERE id IN (SELECT id FROM notifications_notification WHERE at < %s ORDER BY at LIMIT 1000)
"""
READ = """
UPDATE notifications_notification SET read_at = %s
WHERE user_id = %s AND conversation_id = %s AND read_at IS NULL RETURNING id
"""
# Keeps the choice of who has stopped following.
JOIN = """
INSERT INTO notifications_follow (user_id, conversation_id, is_on, changed_at)
SELECT *, true, %s FROM unnest(%s::bigint[], %s::bigint[]) AS j(user_id, conversation_id)
ON CONFLICT ON CONSTRAINT follow_once DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class _Found:
    """One person to be told of one event."""

    event: Event
    kind: Kind
    user_id: int


def run_once() -> float:
    """Make notifications of what happened; return the seconds until the next look is worth it."""
    while follow(FOLLOWER, write_notifications, kinds=rules.EVENTS):
        pass
    return PAUSE


def write_notifications(events: Sequence[Event]) -> None:
    """Make the notifications of a batch of events, in a dozen statements whatever its size, inside a transaction."""
    now = clock.now()
    fresh = [event for event in events if event.conversation_id is not None and event.at > now - STALE]
    scenes = _scenes(fresh)
    found: list[_Found] = []
    joining: set[tuple[int, int]] = set()
    for event in fresh:
        scene = scenes.get(event.pk)
        if scene is None:
            continue
        happened = Happened(event.kind, event.actor_id if event.actor_kind == "user" else None, event.facts)
        name, people = rules.recipients(happened, scene)
        found += [_Found(event, KINDS[name], user_id) for user_id in sorted(people)]
        joining |= {(user_id, event.conversation_id or 0) for user_id in rules.joins(happened, scene)}
    if joining:
        users, conversations = zip(*sorted(joining), strict=True)
        bulk.fetch_all(JOIN, [now, list(users), list(conversations)])
    if found:
        _write(found, now)


def _scenes(events: Sequence[Event]) -> dict[int, Scene]:
    """Return where each event happened; events of conversations that are gone have no scene."""
    ids = {event.conversation_id for event in events if event.conversation_id is not None}
    placed = {row[0]: row[1:] for row in Conversation.objects.filter(pk__in=ids).values_list("pk", "team", "assignee")}
    members: dict[int, set[int]] = {}
    belonging = Membership.objects.filter(team__in={team for team, _assignee in placed.values()}, user__is_active=True)
    for team, user in belonging.values_list("team_id", "user_id"):
        members.setdefault(team, set()).add(user)
    followers: dict[int, set[int]] = {}
    following = Follow.objects.filter(conversation_id__in=placed, is_on=True)
    for conversation, user in following.values_list("conversation_id", "user_id"):
        followers.setdefault(conversation, set()).add(user)
    written = {e.message_id for e in events if e.message_id is not None and e.kind.startswith(("reply.", "note."))}
    authors = dict(Message.objects.filter(pk__in=written).values_list("pk", "user_id")) if written else {}
    scenes: dict[int, Scene] = {}
    for event in events:
        number = event.conversation_id or 0
        if number in placed:
            team, assignee = placed[number]
            around = frozenset(followers.get(number, ()))
            author = authors.get(event.message_id or 0)
            scenes[event.pk] = Scene(frozenset(members.get(team, ())), assignee, around, author)
    return scenes


def _write(found: Sequence[_Found], now: datetime) -> None:
    people = {row.user_id for row in found}
    ways, hours = ways_of(people), hours_of(people)
    zones = dict(User.objects.filter(pk__in=people).values_list("pk", "time_zone"))
    looking = viewers_of({row.event.conversation_id or 0 for row in found}, now)
    asked = {row.event.facts.get("reminder") for row in found if row.kind.name == "reminder"}
    reminded = words_of(asked) if asked else {}  # not in the journal, which others read
    rows: list[Notification] = []
    for row in found:
        way = ways[row.user_id][row.kind.name]
        mail = way.mail if may_mail() else ""
        if not way.in_page and not mail:
            continue
        event = row.event
        rows.append(
            Notification(
                user_id=row.user_id,
                kind=row.kind.name,
                conversation_id=event.conversation_id or 0,
                event_id=event.pk,
                message_id=event.message_id,
                actor_name=event.actor_name,
                words=reminded.get(event.facts.get("reminder"), str(event.facts.get("words", "")))[:300],
                at=event.at,
                in_page=way.in_page,
                read_at=now if row.kind.is_in_timeline and (event.conversation_id, row.user_id) in looking else None,
                mail_at=rules.mail_at(mail, now, hours[row.user_id], zone_of(zones.get(row.user_id, "UTC"))),
            )
        )
    Notification.objects.bulk_create(rows, ignore_conflicts=True)
    announce({row.user_id for row in rows if row.in_page})


def may_mail() -> bool:
    """Whether this installation has a mail server for its own mails to staff."""
    return not settings.EMAIL_BACKEND.endswith("console.EmailBackend")


def zone_of(name: str) -> zoneinfo.ZoneInfo:
    """Return a person's zone; UTC for one that this machine does not know."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return zoneinfo.ZoneInfo("UTC")


def announce(user_ids: Collection[int]) -> None:
    """Let the desks of these people count again, when the transaction commits."""
    numbers = sorted(user_ids)
    for start in range(0, len(numbers), 500):  # a notification of PostgreSQL has less than 8,000 bytes
        bulk.notify(PEOPLE_CHANNEL, json.dumps(numbers[start : start + 500]))


@transaction.atomic
def mark_read(*, user: User, conversation_id: int | None = None, notification_id: int | None = None) -> int:
    """Mark one notification, those of one conversation, or all of the person's as read; return how many were not."""
    found = Notification.objects.filter(user=user, read_at__isnull=True)
    if conversation_id is not None:
        found = found.filter(conversation_id=conversation_id)
    if notification_id is not None:
        found = found.filter(pk=notification_id)
    changed = found.update(read_at=clock.now())
    if changed:
        announce([user.pk])
    return changed


def mark_conversation_read(*, user: User, conversation_id: int) -> None:
    """Who looks at a conversation needs no notification of it any more. One statement: every look pays for it."""
    if bulk.fetch_all(READ, [clock.now(), user.pk, conversation_id]):
        announce([user.pk])


def mark_seen(*, user: User, notification_ids: Sequence[int]) -> None:
    """Remember that these were shown to the person, in the list or as a toast."""
    Notification.objects.filter(user=user, pk__in=notification_ids, seen_at__isnull=True).update(seen_at=clock.now())


def set_following(*, user: User, conversation: Conversation, is_on: bool) -> Follow:
    """Follow a conversation, or stop: then no mention and no note makes the person follow it again."""
    values = {"is_on": is_on, "changed_at": clock.now()}
    return Follow.objects.update_or_create(user=user, conversation=conversation, defaults=values)[0]


@dataclass(frozen=True, slots=True)
class Choice:
    """How a person wants to hear of one kind."""

    in_page: bool
    in_browser: bool
    mail: str


@transaction.atomic
def set_preferences(*, user: User, choices: Mapping[str, Choice], hours: rules.Hours) -> None:
    """Keep how and when a person wants to hear of things; for what happens from now on."""
    for name, choice in choices.items():
        if name in KINDS:
            values = {"in_page": choice.in_page, "in_browser": choice.in_browser, "mail": choice.mail}
            Preference.objects.update_or_create(user=user, kind=name, defaults=values)
    values = {
        "digest": hours.digest,
        "digest_hour": hours.digest_hour,
        "quiet_from": hours.quiet_from,
        "quiet_until": hours.quiet_until,
    }
    Rhythm.objects.update_or_create(user=user, defaults=values)


def sweep(*, at: datetime) -> None:
    """Forget a thousand of the notifications that are older than three months."""
    bulk.fetch_all(SWEEP, [at - KEPT])
