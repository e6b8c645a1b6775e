"""The only writer of chat sessions and their entries.

A visitor's message, its entry in their own history and its record in the inbound log are one transaction (INV-01): when
the widget hears 'sent', all three are on disk. Every writer locks the session's row first, so entries get their numbers
in the order in which they become visible, and a widget that asks for 'everything after 7' never misses an 8.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from comptoir.channels.models import ChannelAccount
from comptoir.channels.webchat.models import ChatEntry, ChatSession
from comptoir.channels.webchat.parse import ChatContact, ChatMessage, ChatReceipt
from comptoir.channels.webchat.tokens import new_key
from comptoir.core import bulk
from comptoir.core.textfold import clean
from comptoir.inbound.services import Arrival, receive

LIVE_CHANNEL = "comptoir_webchat"  # payload: the key of a session that has something new for its visitor
SEEN_EVERY = timedelta(seconds=10)  # a sign of life is written at most this often: polls stay reads


@dataclass(frozen=True, slots=True)
class Typed:
    """One message as the widget sent it."""

    client_id: str
    text: str
    page: str = ""


def start_session(*, account: ChannelAccount, language: str, at: datetime) -> ChatSession:
    """Create a session for a new visitor."""
    key = new_key()
    name = _("Visitor %(code)s") % {"code": key[:4].upper()}  # what agents call them until they say who they are
    return ChatSession.objects.create(account=account, key=key, language=language, name=name, created_at=at, seen_at=at)


def _lock(session: ChatSession) -> ChatSession:
    return ChatSession.objects.select_for_update(of=("self",)).get(pk=session.pk)


def _arrival(row: ChatSession, external_id: str, event: ChatMessage | ChatContact | ChatReceipt) -> Arrival:
    return Arrival(
        row.account_id, external_id, event.model_dump_json().encode(), conversation_key=row.key, source="chat"
    )


@transaction.atomic
def accept_messages(*, session: ChatSession, typed: Sequence[Typed], at: datetime) -> list[ChatEntry]:
    """Take what the widget sent, once each; return the entries of all of them, also of those that were known."""
    row = _lock(session)
    wanted = {item.client_id: item for item in typed}
    known = {e.client_id: e for e in ChatEntry.objects.filter(session=row, client_id__in=list(wanted))}
    fresh = [
        ChatEntry(session=row, number=row.last_number + offset, client_id=item.client_id, text=item.text, at=at)
        for offset, item in enumerate((i for i in wanted.values() if i.client_id not in known), start=1)
    ]
    ChatEntry.objects.bulk_create(fresh)
    row.last_number += len(fresh)
    row.seen_at = at
    row.save(update_fields=["last_number", "seen_at"])
    receive(
        [_arrival(row, f"{row.key}:{entry.client_id}", _event(row, entry, wanted[entry.client_id])) for entry in fresh]
    )
    if fresh:
        bulk.notify(LIVE_CHANNEL, row.key)  # the visitor's other tabs
    return [
        known.get(item.client_id) or next(e for e in fresh if e.client_id == item.client_id) for item in wanted.values()
    ]


def _event(row: ChatSession, entry: ChatEntry, item: Typed) -> ChatMessage:
    return ChatMessage(
        session=row.key,
        at=entry.at,
        id=entry.client_id,
        text=entry.text,
        name=row.name,
        email=row.email,
        language="fr" if row.language == "fr" else "en",
        page=item.page,
    )


@transaction.atomic
def note_contact(*, session: ChatSession, name: str, email: str, at: datetime) -> None:
    """Remember the address that the visitor typed. It is a place to write to, never a proof of who they are."""
    row = _lock(session)
    name = name or row.name
    if (row.name, row.email) == (name, email):
        return
    row.name, row.email, row.seen_at = name, email, at
    row.save(update_fields=["name", "email", "seen_at"])
    event = ChatContact(session=row.key, at=at, name=name, email=email)
    receive([_arrival(row, f"{row.key}:contact:{at.timestamp():.6f}", event)])


def note_seen(*, session: ChatSession, shown: int, at: datetime) -> None:
    """Note that the widget is there and has shown everything up to a number; replies among it count as delivered."""
    if shown > session.seen_number:
        _note_shown(session, shown, at)
    elif at - session.seen_at > SEEN_EVERY:
        ChatSession.objects.filter(pk=session.pk).update(seen_at=at)


@transaction.atomic
def _note_shown(session: ChatSession, shown: int, at: datetime) -> None:
    row = _lock(session)
    row.seen_number, row.seen_at = max(row.seen_number, min(shown, row.last_number)), at
    row.save(update_fields=["seen_number", "seen_at"])
    replies = ChatEntry.objects.filter(session=row, number__lte=row.seen_number, shown_at__isnull=True).exclude(key="")
    keys = list(replies.values_list("key", flat=True))
    replies.update(shown_at=at)
    receive([_arrival(row, f"receipt:{key}"[:300], ChatReceipt(session=row.key, at=at, key=key)) for key in keys])


@transaction.atomic
def store_reply(*, session: ChatSession, key: str, text: str, author_name: str, at: datetime) -> ChatEntry:
    """Put a reply of ours into the visitor's history, once per key, and wake their widget."""
    row = _lock(session)
    before = ChatEntry.objects.filter(key=key).first()
    if before is not None:
        return before
    row.last_number += 1
    row.save(update_fields=["last_number"])
    entry = ChatEntry.objects.create(
        session=row, number=row.last_number, key=key, text=clean(text), author_name=clean(author_name)[:200], at=at
    )
    bulk.notify(LIVE_CHANNEL, row.key)
    return entry


def claim_email(*, entry: ChatEntry, at: datetime) -> bool:
    """Decide that this process e-mails the entry; False when another one was faster, or the visitor came back."""
    free = ChatEntry.objects.filter(pk=entry.pk, emailed_at__isnull=True, shown_at__isnull=True)
    return free.update(emailed_at=at) == 1


def release_email(*, entry: ChatEntry) -> None:
    """Give a claim back: the mailbox could not be reached and certainly has nothing."""
    ChatEntry.objects.filter(pk=entry.pk).update(emailed_at=None)
