"""Writes whole conversations of the past, as another system kept them: nothing is sent, nothing is announced as new.

One event a conversation (`conversation.imported`, INV-04) and none for its messages: what follows the journal
(webhooks, notifications, rules) must not take years-old mails for news. Dates, authors and states are of the past.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from comptoir.conversations.intake import REFER
from comptoir.conversations.models import Attachment, Conversation, Message, MessageKind, State
from comptoir.conversations.rules import Turn, waiting_since
from comptoir.conversations.threading import digest_of
from comptoir.core import bulk
from comptoir.core.textfold import clean, preview
from comptoir.core.types import Blob
from comptoir.journal import services as journal
from comptoir.journal.services import Actor, Entry


@dataclass(frozen=True, slots=True)
class PastMessage:
    """One message or note, ready to store. `contact_id` is of messages received, `user_id` of the others."""

    kind: str
    at: datetime
    text: str
    visible_text: str = ""
    html: str = ""  # sanitised (INV-07)
    subject: str = ""
    language: str = ""
    author_name: str = ""
    author_address: str = ""
    contact_id: int | None = None
    user_id: int | None = None
    message_id: str = ""
    recipients: Mapping[str, Any] = field(default_factory=dict)
    automatic: str = ""
    blobs: tuple[Blob, ...] = ()


@dataclass(frozen=True, slots=True)
class PastConversation:
    """One conversation with its messages in their order; `id` is drawn from the sequence by the caller."""

    id: int
    account_id: int
    channel: str
    team_id: int
    contact_id: int
    messages: tuple[PastMessage, ...]
    created_at: datetime
    assignee_id: int | None = None
    subject: str = ""
    state: str = State.OPEN
    priority: int = 0
    snoozed_until: datetime | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)  # of the event: where it comes from


def draw_ids(count: int) -> list[int]:
    """Return numbers for as many conversations."""
    return bulk.next_ids("conversations_conversation_id_seq", count)


@transaction.atomic
def write_history(*, actor: Actor, conversations: Sequence[PastConversation]) -> None:
    """Write the conversations with their messages, files and message ids."""
    Conversation.objects.bulk_create([_conversation(past) for past in conversations])
    pairs = [(past, said) for past in conversations for said in past.messages]
    rows = Message.objects.bulk_create([_message(past, said) for past, said in pairs])
    Attachment.objects.bulk_create(
        Attachment(
            message=row, key=blob.key, filename=blob.filename, content_type=blob.content_type[:127], size=blob.size
        )
        for row, (_past, said) in zip(rows, pairs, strict=True)
        for blob in said.blobs
    )
    # Answers of today to mails of then find their conversation.
    known = {(past.account_id, digest_of(said.message_id)): past.id for past, said in pairs if said.message_id}
    if known:
        ordered = sorted(known.items())
        columns = [[key[0] for key, _ in ordered], [key[1] for key, _ in ordered], [number for _, number in ordered]]
        bulk.fetch_all(REFER, columns)
    journal.append_all(
        [Entry(actor, "conversation.imported", past.id, past.contact_id, facts=past.facts) for past in conversations]
    )


def _conversation(past: PastConversation) -> Conversation:
    turns = [Turn(said.kind, said.at, counts=not said.automatic) for said in past.messages]
    shown = next((said for said in reversed(past.messages) if said.kind != MessageKind.NOTE), past.messages[-1])
    languages = [said.language for said in past.messages if said.kind == MessageKind.INBOUND and said.language]
    return Conversation(
        id=past.id, account_id=past.account_id, channel=past.channel, contact_id=past.contact_id,
        team_id=past.team_id, assignee_id=past.assignee_id, subject=clean(past.subject),
        preview=preview(clean(shown.visible_text or shown.text)), language=languages[0] if languages else "",
        state=past.state, priority=past.priority, waiting_since=waiting_since(turns),
        snoozed_until=past.snoozed_until if past.state == State.SNOOZED else None, created_at=past.created_at,
        last_message_at=past.messages[-1].at, message_count=len(past.messages),
    )  # fmt: skip


def _message(past: PastConversation, said: PastMessage) -> Message:
    return Message(
        conversation_id=past.id, kind=said.kind, contact_id=said.contact_id, user_id=said.user_id,
        author_name=clean(said.author_name)[:200], author_address=clean(said.author_address)[:320],
        subject=clean(said.subject), text=clean(said.text), visible_text=clean(said.visible_text),
        html=clean(said.html), language=said.language, message_id=clean(said.message_id)[:998],
        recipients=dict(said.recipients), automatic=said.automatic[:30], placement={"reason": "imported"},
        attachment_count=len(said.blobs), sent_at=said.at, created_at=said.at,
    )  # fmt: skip
