"""The readers of one conversation: its timeline, the customer's story, its files. Lists are read by listing.py.

Everything here starts from the person's teams (INV-06).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, Q

from comptoir.accounts.models import User
from comptoir.accounts.queries import team_ids_of
from comptoir.conversations.access import accessible_conversations
from comptoir.conversations.models import Attachment, Conversation, Message, Placement, State
from comptoir.journal.models import Event

TIMELINE_PAGE = 50
TIMELINE_LONGEST = 200  # of a live refresh: what an open page shows and what came since
# What a timeline shows as messages already; their events would say it twice.
MESSAGE_EVENTS = (
    "message.received",
    "reply.queued",
    "reply.sent",
    "reply.delivered",
    "reply.read",
    "reply.elsewhere",
    "message.edited",  # these four stand on the message itself
    "message.deleted",
    "message.hidden",
    "message.shown",
    "note.added",
    "conversation.created",
    "reminder.set",  # a person's own, as the three that follow
    "reminder.cancelled",
    "reminder.due",
    "reminder.spared",
)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page: the next page starts after it. `rank` is of lists that something goes before the time."""

    at: datetime
    id: int
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Sending:
    """What a timeline shows of a message's delivery."""

    pk: int
    state: str
    reason: str
    scheduled_for: datetime | None


@dataclass(frozen=True, slots=True)
class Said:
    """One message as a timeline shows it; a row of MESSAGES, without the cost of a model."""

    pk: int
    conversation_id: int
    kind: str
    contact_id: int | None
    user_id: int | None
    author_name: str
    author_address: str
    subject: str
    text: str
    visible_text: str
    language: str
    recipients: dict[str, list[dict[str, str]]]
    automatic: str
    placement: dict[str, Any]
    record_id: int | None
    attachment_count: int
    created_at: datetime
    has_html: bool
    has_remote: bool
    marks: dict[str, Any]  # what was done to it afterwards, see models.Message
    permalink: str
    delivery: Sending | None
    files: list[Attachment] = field(default_factory=list)

    @property
    def body(self) -> str:
        """The text as first shown: without the quoted history."""
        return self.visible_text or self.text


@dataclass(frozen=True, slots=True)
class Timeline:
    """One page of one or several conversations: messages in the order of time, and the changes between them."""

    messages: Sequence[Said]
    events: Sequence[Event]
    has_earlier: bool


# The stored HTML is not read, only whether there is some and whether it has remote images: it has its own address.
MESSAGES = """
SELECT m.id, m.conversation_id, m.kind, m.contact_id, m.user_id, m.author_name, m.author_address, m.subject, m.text,
       m.visible_text, m.language, m.recipients, m.automatic, m.placement, m.record_id, m.attachment_count,
       m.created_at, m.html <> '', strpos(m.html, 'data-remote-src') > 0, m.marks, coalesce(m.facts->>'permalink', ''),
       d.id, d.state, d.reason, d.scheduled_for
FROM unnest(%(conversations)s::bigint[]) AS told(id) CROSS JOIN LATERAL (
    SELECT * FROM conversations_message m WHERE m.conversation_id = told.id {narrow}
    ORDER BY m.created_at DESC, m.id DESC LIMIT %(limit)s
) m LEFT JOIN outbound_delivery d ON d.message_id = m.id
ORDER BY m.created_at DESC, m.id DESC LIMIT %(limit)s
"""


def _said(row: Sequence[Any]) -> Said:
    values, sending = list(row[:21]), row[21:]
    values[11], values[13], values[19] = json.loads(values[11]), json.loads(values[13]), json.loads(values[19])
    values.append(Sending(*sending) if sending[0] is not None else None)
    return Said(*values)


def timeline(conversations: Sequence[int], *, before: Cursor | None = None, since: Cursor | None = None) -> Timeline:
    """Return the latest page of conversations as one, the page before a message, or everything since one.

    Whoever asks has made sure that the person may see them all (INV-06).
    """
    page = TIMELINE_LONGEST if since else TIMELINE_PAGE
    edge = before or since
    narrow = "AND (m.created_at, m.id) < (%(at)s, %(id)s)" if before else ""
    narrow = "AND (m.created_at, m.id) >= (%(at)s, %(id)s)" if since and not before else narrow
    place = {"at": edge.at, "id": edge.id} if edge else {}
    params: dict[str, Any] = {"conversations": list(conversations), "limit": page + 1, **place}
    with connection.cursor() as cursor:
        cursor.execute(MESSAGES.replace("{narrow}", narrow), params)
        rows = [_said(row) for row in cursor.fetchall()]
    messages = rows[:page][::-1]
    attach_files(messages)
    has_earlier = len(rows) > page
    return Timeline(
        messages, _events(conversations, messages, before, is_part=has_earlier or since is not None), has_earlier
    )


# Written out, because composing it anew costs Django more than PostgreSQL needs to answer it.
EVENTS = """
SELECT e.id, e.at, e.kind, e.conversation_id, e.contact_id, e.message_id, e.actor_kind, e.actor_id, e.actor_name,
       e.facts
FROM unnest(%(conversations)s::bigint[]) AS told(id) CROSS JOIN LATERAL (
    SELECT * FROM journal_event e WHERE e.conversation_id = told.id AND e.kind <> ALL(%(shown)s)
    AND e.at >= %(first)s AND e.at < %(end)s ORDER BY e.id DESC LIMIT 200
) e ORDER BY e.id DESC LIMIT 200
"""
ALWAYS = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def _events(
    conversations: Sequence[int], messages: Sequence[Said], before: Cursor | None, *, is_part: bool
) -> list[Event]:
    """Return the changes among a page's messages; what happened before its first one belongs to the page before."""
    first, end = ALWAYS
    if messages and is_part:
        first = messages[0].created_at
    if before is not None:
        end = before.at
    values = {"conversations": list(conversations), "shown": list(MESSAGE_EVENTS), "first": first, "end": end}
    return list(Event.objects.raw(EVENTS, values))[::-1]


def attach_files(messages: Sequence[Said]) -> None:
    """Give each message its attachments as `files`, in at most one query."""
    if wanted := {message.pk: message for message in messages if message.attachment_count}:
        for attachment in Attachment.objects.filter(message_id__in=wanted).order_by("id"):
            wanted[attachment.message_id].files.append(attachment)


# Written out like EVENTS; in the order of conversation_of_contact.
LATEST = """
SELECT * FROM conversations_conversation WHERE contact_id = %s AND team_id = ANY(%s) AND state <> 'merged' AND id <> %s
ORDER BY last_message_at DESC LIMIT %s
"""


def story_of(user: User, contact_id: int, *, without: int | None = None, limit: int = 8) -> list[Conversation]:
    """Return the contact's conversations that the person may see, latest first (INV-06)."""
    return list(Conversation.objects.raw(LATEST, [contact_id, team_ids_of(user), without or 0, limit]))


STORY_LONGEST = 500  # conversations that a whole history reads, and ten times as many messages of others' threads
STORY = """
(SELECT c.id FROM conversations_conversation c WHERE c.contact_id = %(contact)s ORDER BY c.last_message_at DESC
 LIMIT %(longest)s)
UNION SELECT m.conversation_id FROM (SELECT conversation_id FROM conversations_message WHERE contact_id = %(contact)s
                                     ORDER BY id DESC LIMIT 10 * %(longest)s) m
"""


def whole_story(user: User, contact_id: int) -> Mapping[int, Conversation]:
    """Return the conversations that the contact began or wrote in and the person may see (INV-06), by number.

    The latest STORY_LONGEST of them: a robot's address may have a hundred thousand.
    """
    with connection.cursor() as cursor:
        cursor.execute(STORY, {"contact": contact_id, "longest": STORY_LONGEST})
        numbers = [row[0] for row in cursor.fetchall()]
    found = accessible_conversations(user).filter(pk__in=numbers).exclude(state=State.MERGED)
    return {row.pk: row for row in found.order_by("-last_message_at")[:STORY_LONGEST]}


def undoable_placements(conversation: Conversation, *, limit: int = 5) -> list[Placement]:
    """Return the latest moves, merges and splits that touched the conversation and can still be undone."""
    touched = Q(source=conversation) | Q(target=conversation)
    found = Placement.objects.filter(touched, undone_at__isnull=True).select_related("made_by", "source", "target")
    return list(found.order_by("-id")[:limit])


def message_for(user: User, message_id: int) -> Message | None:
    """Return a message if its conversation belongs to one of the person's teams (INV-06)."""
    mine = Conversation.objects.filter(pk=OuterRef("conversation_id"), team_id__in=team_ids_of(user))
    found = Message.objects.filter(Exists(mine), pk=message_id).defer("search")
    return found.select_related("conversation", "conversation__account").first()


def attachment_for(user: User, attachment_id: int) -> Attachment | None:
    """Return an attachment if its conversation belongs to one of the person's teams (INV-06)."""
    teams = team_ids_of(user)
    found = Attachment.objects.filter(pk=attachment_id, message__conversation__team_id__in=teams)
    return found.first()


def merge_candidates(user: User, conversation: Conversation, text: str = "") -> list[Conversation]:
    """Return conversations that another one could be merged into: the same contact's first, or one by its number."""
    if text.strip().lstrip("#").isdigit():
        teams: list[Any] = team_ids_of(user)
        number = int(text.strip().lstrip("#"))
        found = Conversation.objects.filter(pk=number, team_id__in=teams)
        return list(found.exclude(state=State.MERGED).exclude(pk=conversation.pk))
    return story_of(user, conversation.contact_id, without=conversation.pk)


def newest_arrival(user: User, account_id: int) -> Conversation | None:
    """Return the conversation of the last message that came in by an account, in the person's teams; None for none.

    Read from the end of the inbound log (record_by_account): what was imported has no record and does not count.
    """
    came = Message.objects.filter(record__account_id=account_id, conversation__team_id__in=team_ids_of(user))
    came = came.exclude(record__source="import").select_related("conversation").defer("search")
    message = came.order_by("-record_id").first()
    return message.conversation if message is not None else None
