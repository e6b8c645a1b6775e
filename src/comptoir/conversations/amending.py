"""What authors and platforms do to messages after they were written: edits, deletions, hidings, reactions.

The only writer of amendments and reactions. The text of a message never changes (INV-09): an amendment stands beside
it, and `message.marks` says what is true now. Reactions are counted and never make a conversation or a contact.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from comptoir.contacts.models import Identity
from comptoir.conversations.models import Amendment, Conversation, Message, MessageKind, Reaction
from comptoir.conversations.services import lock, refresh_waiting
from comptoir.core import bulk
from comptoir.core.textfold import clean
from comptoir.core.types import Inbound, InboundKind
from comptoir.journal import services as journal
from comptoir.journal.services import Actor, Entry

# What a customer wrote and what was told back (message_by_platform), and what we sent from here (part_once).
FIND = """
SELECT w.number, m.id, m.conversation_id FROM unnest(%s::int[], %s::bigint[], %s::text[]) AS w(number, account, name)
JOIN conversations_message m ON m.message_id = w.name AND m.facts <> '{}'::jsonb
JOIN inbound_record r ON r.id = m.record_id AND r.account_id = w.account
UNION ALL
SELECT w.number, d.message_id, m.conversation_id
FROM unnest(%s::int[], %s::bigint[], %s::text[]) AS w(number, account, name)
JOIN outbound_part p ON p.account_id = w.account AND p.provider_id = w.name
JOIN outbound_delivery d ON d.id = p.delivery_id JOIN conversations_message m ON m.id = d.message_id
"""
MARK = "UPDATE conversations_message SET marks = jsonb_strip_nulls(marks || %s::jsonb) WHERE id = %s"
COUNT = """
UPDATE conversations_message m SET marks = jsonb_strip_nulls(m.marks || jsonb_build_object('reactions', (
    SELECT jsonb_object_agg(c.name, c.number) FROM (
        SELECT r.name, count(*) AS number FROM conversations_reaction r WHERE r.message_id = m.id GROUP BY r.name) c)))
WHERE m.id = ANY(%s)
"""
DONE = {
    InboundKind.EDIT: (Amendment.Kind.EDIT, "message.edited"),
    InboundKind.DELETION: (Amendment.Kind.DELETION, "message.deleted"),
    InboundKind.HIDING: (Amendment.Kind.HIDING, "message.hidden"),
}
AMENDING = frozenset({*DONE, InboundKind.REACTION})


@dataclass(frozen=True, slots=True)
class Change:
    """An event about a message that we may have."""

    record_id: int
    account_id: int
    event: Inbound
    at: datetime


@dataclass(frozen=True, slots=True)
class _Found:
    change: Change
    message_id: int
    conversation_id: int


def amend(changes: Sequence[Change]) -> list[int]:
    """Apply changes in their order; return the records whose message is not known. Needs a transaction."""
    if not changes:
        return []
    found = _find(changes)
    rows = {number: lock(Conversation(pk=number)) for number in sorted({one.conversation_id for one in found.values()})}
    deleted: set[int] = set()
    reacted: set[int] = set()
    entries: list[Entry] = []
    for _number, one in sorted(found.items()):
        if one.change.event.kind is InboundKind.REACTION:
            _react(one)
            reacted.add(one.message_id)
            continue
        if entry := _amend(one, rows[one.conversation_id]):
            entries.append(entry)
        if one.change.event.kind is InboundKind.DELETION:
            deleted.add(one.conversation_id)
    if reacted:
        bulk.fetch_all(COUNT, [sorted(reacted)])
    for number in sorted(deleted):  # a question that was taken back waits for no answer
        refresh_waiting(rows[number])
    journal.append_all(entries)
    journal.announce({"conversations": sorted(rows)})
    return [change.record_id for number, change in enumerate(changes) if number not in found]


def _find(changes: Sequence[Change]) -> dict[int, _Found]:
    """Return the message of each change by the change's place in the list."""
    numbers, accounts = list(range(len(changes))), [change.account_id for change in changes]
    names = [clean(change.event.about)[:998] for change in changes]
    rows = bulk.fetch_all(FIND, [numbers, accounts, names, numbers, accounts, names])
    return {row[0]: _Found(changes[row[0]], row[1], row[2]) for row in rows if names[row[0]]}


def _amend(one: _Found, conversation: Conversation) -> Entry | None:
    """Write one amendment down; None where it says nothing new (an edit that is older than the last one)."""
    event, at = one.change.event, one.change.event.sent_at or one.change.at
    kind, told = DONE[event.kind]
    message = Message.objects.only("marks", "kind", "author_address").get(pk=one.message_id)
    marks, text = message.marks, clean(event.text)
    if event.kind is InboundKind.EDIT and _is_anothers(message, event, conversation):
        return None
    fresh: dict[str, Any]
    if event.kind is InboundKind.EDIT:
        if marks.get("edited_at", "") > at.isoformat() or marks.get("text") == text:
            return None
        fresh = {"text": text, "edited_at": at.isoformat()}
    elif event.kind is InboundKind.DELETION:
        fresh = {"deleted_at": None if event.is_undone else at.isoformat()}
    else:
        fresh = {"hidden_at": None if event.is_undone else at.isoformat()}
        if event.is_undone:
            kind, told = Amendment.Kind.SHOWING, "message.shown"
    Amendment.objects.create(message_id=one.message_id, kind=kind, text=text, at=at, record_id=one.change.record_id)
    bulk.fetch_all(MARK, [json.dumps(fresh), one.message_id])
    author = clean(event.author.name or event.author.address)
    actor = Actor("contact", conversation.contact_id, author) if author else journal.SYSTEM
    return Entry(actor, told, conversation.pk, conversation.contact_id, one.message_id, facts={}, at=at)


def _is_anothers(message: Message, event: Inbound, conversation: Conversation) -> bool:
    """Whether somebody edits what another wrote: some networks deliver such attempts (Matrix)."""
    author = clean(event.author.address)
    if not author:
        return False
    if message.kind == MessageKind.INBOUND:
        return bool(message.author_address) and message.author_address != author
    row = Conversation.objects.only("contact_id").get(pk=conversation.pk)
    return Identity.objects.filter(contact_id=row.contact_id, kind=event.author.kind, address=author).exists()


def _react(one: _Found) -> None:
    event = one.change.event
    author = f"{event.author.kind}:{clean(event.author.address)}"[:340]
    name = clean(event.reaction)[:60]
    rows = Reaction.objects.filter(message_id=one.message_id, author=author)
    if event.is_undone:
        (rows.filter(name=name) if name else rows).delete()
    elif name:
        Reaction.objects.get_or_create(
            message_id=one.message_id, author=author, name=name, defaults={"at": event.sent_at or one.change.at}
        )


def note_hidden(*, actor: Actor, message: Message, hidden: bool, at: datetime) -> None:
    """Write down that one of us hid a stranger's message from the public, or showed it again. Needs a transaction."""
    kind = Amendment.Kind.HIDING if hidden else Amendment.Kind.SHOWING
    Amendment.objects.create(message=message, kind=kind, at=at)
    fresh: Mapping[str, Any] = {"hidden_at": at.isoformat() if hidden else None}
    bulk.fetch_all(MARK, [json.dumps(fresh), message.pk])
    told = "message.hidden" if hidden else "message.shown"
    journal.append(
        actor=actor, kind=told, conversation_id=message.conversation_id, contact_id=message.contact_id,
        message_id=message.pk, facts={},
    )  # fmt: skip
