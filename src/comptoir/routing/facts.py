"""Conversations as rules see them: read for a whole batch of events in a handful of statements."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Min

from comptoir.calendars.queries import hours_of_teams
from comptoir.calendars.rules import ALWAYS, is_open
from comptoir.calendars.rules import Calendar as Hours
from comptoir.contacts.models import Identity
from comptoir.conversations.labelling import labels_of_all
from comptoir.conversations.models import Conversation, Message, State
from comptoir.core import bulk
from comptoir.routing.rules.conditions import MAX_SEARCHED, Facts

LAST_INBOUND = """
SELECT DISTINCT ON (conversation_id) conversation_id, id FROM conversations_message
WHERE conversation_id = ANY(%s) AND kind = 'in' ORDER BY conversation_id, created_at DESC, id DESC
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a rule is asked about: a conversation, and the message that the event is about where there is one."""

    conversation_id: int
    message_id: int | None = None


@dataclass(frozen=True, slots=True)
class _Said:
    id: int
    subject: str
    text: str
    is_automatic: bool


class Book:
    """The facts of a batch. A conversation that a rule has changed is read again."""

    def __init__(self, asked: Iterable[Asked], *, at: datetime) -> None:
        self._at = at
        self._rows: dict[int, Conversation] = {}
        self._said: dict[int, _Said] = {}
        self._last: dict[int, int] = {}
        self._addresses: dict[int, list[str]] = {}
        self._first_ids: dict[int, int | None] = {}
        self._hours: dict[int | None, Hours] = {}
        self._labels: dict[int, list[int]] = {}
        self._read(list(asked))

    def _read(self, asked: Sequence[Asked]) -> None:
        ids = sorted({a.conversation_id for a in asked})
        rows = Conversation.objects.select_related("contact").in_bulk(ids)
        self._rows.update(rows)
        self._labels.update(labels_of_all(ids))
        self._last.update(dict(bulk.fetch_all(LAST_INBOUND, [ids])))
        wanted = {a.message_id for a in asked if a.message_id} | {self._last[i] for i in ids if i in self._last}
        for message in Message.objects.filter(pk__in=wanted).defer("search", "html"):
            body = message.body[:MAX_SEARCHED]
            self._said[message.pk] = _Said(message.pk, message.subject, body, bool(message.automatic))
        contacts = {row.contact_id for row in rows.values()}
        for contact_id, address in Identity.objects.filter(contact_id__in=contacts).values_list(
            "contact_id", "address"
        ):
            self._addresses.setdefault(contact_id, []).append(address)
        oldest = Conversation.objects.filter(contact_id__in=contacts).values("contact_id").annotate(first=Min("id"))
        self._first_ids.update({row["contact_id"]: row["first"] for row in oldest})
        self._hours.update(hours_of_teams({row.team_id for row in rows.values()} - self._hours.keys()))

    def refresh(self, conversation_id: int) -> None:
        """Read a conversation again, after somebody changed it."""
        row = Conversation.objects.select_related("contact").filter(pk=conversation_id).first()
        if row is None:
            self._rows.pop(conversation_id, None)
            return
        self._rows[conversation_id] = row
        self._labels.update(labels_of_all([conversation_id]))
        if row.team_id not in self._hours:
            self._hours.update(hours_of_teams({row.team_id}))

    def conversation(self, conversation_id: int) -> Conversation | None:
        """Return a conversation of the batch; None when it is gone, or was merged into another one."""
        row = self._rows.get(conversation_id)
        return None if row is None or row.state == State.MERGED else row

    def is_automatic(self, message_id: int | None) -> bool:
        """Whether a program wrote the message of an event."""
        said = self._said.get(message_id or 0)
        return said is not None and said.is_automatic

    def facts(self, asked: Asked) -> Facts | None:
        """Return what is known about a conversation now."""
        row = self.conversation(asked.conversation_id)
        if row is None:
            return None
        said = self._said.get(asked.message_id or 0) or self._said.get(self._last.get(row.pk, 0))
        is_first = self._first_ids.get(row.contact_id) == row.pk and row.message_count == 1
        waited = (self._at - row.waiting_since).total_seconds() / 60 if row.waiting_since else 0
        return Facts(
            conversation_id=row.pk,
            team=str(row.team_id),
            channel=row.channel,
            account=str(row.account_id),
            state=row.state,
            priority=str(row.priority),
            assignee=str(row.assignee_id or ""),
            language=row.language,
            subject=row.subject or (said.subject if said else ""),
            text=said.text if said else row.preview,
            contact=row.contact.name,
            company=row.contact.company,
            addresses=" ".join(self._addresses.get(row.contact_id, [])),
            labels=" ".join(map(str, self._labels.get(row.pk, ()))),
            waiting_minutes=max(0.0, waited),
            is_open=is_open(self._hours.get(row.team_id, ALWAYS), self._at),
            is_automatic=said.is_automatic if said else False,
            is_first=is_first,
        )
