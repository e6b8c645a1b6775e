"""Delivering a reply: into the visitor's history while they are there, by e-mail once they have gone.

The road is chosen at the moment of sending. By e-mail the mailbox channel sends under the same idempotency key and the
same hand-over, so INV-03 holds on both roads; the text stands in the chat as well, for when the visitor comes back.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from django.db import connection

from comptoir.channels.base import HandOver
from comptoir.channels.models import ChannelAccount
from comptoir.channels.registry import channel
from comptoir.channels.services import account_config, note_connected, note_error
from comptoir.channels.webchat import queries, services
from comptoir.channels.webchat.models import ChatEntry, ChatSession
from comptoir.channels.webchat.rules import Road, road_of
from comptoir.conversations.intake import register_reference
from comptoir.core import bulk, clock
from comptoir.core.crypto import derive_key, sign_number
from comptoir.core.errors import ChannelError, DoubtfulDelivery
from comptoir.core.types import AccountConfig, Author, Delivered, Outbound, Receipt

SUBJECTS = {"fr": "Notre réponse à votre message", "en": "Our answer to your message"}
SWEEP_SECONDS = 20
CONVERSATION = "SELECT id FROM conversations_conversation WHERE account_id = %s AND thread_key = %s"


def _session(message: Outbound, account: AccountConfig) -> ChatSession:
    session = ChatSession.objects.filter(account_id=account.id, key=message.thread_key).first()
    if session is None:
        raise ChannelError("This visitor's chat no longer exists here; nothing can be shown in it.", permanent=True)
    return session


def send(message: Outbound, account: AccountConfig, hand_over: HandOver) -> Receipt:
    """Deliver one reply. SENT: it is in the visitor's history; DELIVERED comes when their widget has shown it."""
    session, now = _session(message, account), clock.now()
    mailbox = queries.mailbox_of(account.options)
    road = road_of(seen_at=session.seen_at, email=session.email, has_mailbox=mailbox is not None, at=now)
    if road is Road.EMAIL and mailbox is not None:
        return _send_by_email(message, session, mailbox, hand_over)
    hand_over()
    entry = services.store_reply(
        session=session, key=message.key, text=message.text, author_name=message.from_name, at=now
    )
    return _receipt(entry)


def _send_by_email(message: Outbound, session: ChatSession, mailbox: ChannelAccount, hand_over: HandOver) -> Receipt:
    """Send through the mailbox; the entry is stored first and claimed, so that no watcher sends it a second time."""
    post = channel(mailbox.kind).send
    if post is None:
        raise ChannelError(f"“{mailbox.name}” cannot send.", permanent=True)
    now = clock.now()
    entry = services.store_reply(
        session=session, key=message.key, text=message.text, author_name=message.from_name, at=now
    )
    if not services.claim_email(entry=entry, at=now) and entry.emailed_at is None:
        hand_over()
        return _receipt(entry)  # the visitor came back at this very moment and has it
    _remember(message.key, session, mailbox)
    try:
        return post(_as_mail(message, session, mailbox), account_config(mailbox), hand_over)
    except DoubtfulDelivery:
        raise  # the claim stays: nobody sends again what may have arrived
    except ChannelError as error:
        if not error.permanent:
            services.release_email(entry=entry)
        raise


def _conversation(session: ChatSession) -> int | None:
    rows = bulk.fetch_all(CONVERSATION, [session.account_id, session.key])
    return rows[0][0] if rows else None


def _remember(key: str, session: ChatSession, mailbox: ChannelAccount) -> None:
    """Let the mailbox know our Message-ID, so that the visitor's answer by e-mail finds the chat's conversation."""
    conversation_id = _conversation(session)
    if conversation_id is not None:
        register_reference(account_id=mailbox.pk, message_id=key, conversation_id=conversation_id)


def _again(entry: ChatEntry) -> Outbound:
    """Return a stored reply as a message, for the mailbox."""
    conversation_id = _conversation(entry.session)
    token = sign_number(conversation_id, key=derive_key("reply-token")) if conversation_id is not None else ""
    return Outbound(key=entry.key, text=entry.text, to=(), reply_token=token, from_name=entry.author_name)


def _as_mail(message: Outbound, session: ChatSession, mailbox: ChannelAccount) -> Outbound:
    return replace(
        message,
        to=(Author("email", session.email, session.name),),
        subject=SUBJECTS.get(session.language, SUBJECTS["en"]),
        thread_key="",
        in_reply_to="",
        references=(),
        signature=mailbox.signature,
    )


def _receipt(entry: ChatEntry) -> Receipt:
    state = Delivered.DELIVERED if entry.shown_at else Delivered.SENT
    return Receipt(entry.key, state, provider_id=f"{entry.session_id}/{entry.number}")


def reconcile(message: Outbound, account: AccountConfig) -> Receipt | None:
    """Find out what became of a doubtful reply: what is in the visitor's history was delivered into it."""
    entry = queries.reply_of(message.key)
    if entry is None:
        return None
    if entry.emailed_at is None or entry.shown_at is not None:
        return _receipt(entry)
    mailbox = queries.mailbox_of(account.options)  # it was meant for the mailbox: its own records must tell
    look = channel(mailbox.kind).reconcile if mailbox is not None else None
    if mailbox is None or look is None:
        return None
    return look(_as_mail(message, entry.session, mailbox), account_config(mailbox))


class _Unwatched:
    """What a sender tells the outbox, for what is not in it: the entry's own claim is the record (claim_email)."""

    sent: Sequence[str] = ()

    def __call__(self) -> None:
        """Go ahead."""

    def keep(self, provider_id: str) -> None:
        """Nothing is kept."""


def watch(account_id: int, stopped: Callable[[], bool]) -> None:
    """Send by e-mail what a visitor who left did not get to see: claimed before, given back on a refusal."""
    while not stopped():
        send_unfetched(account_id)
        connection.close()
        for _ in range(SWEEP_SECONDS * 2):
            if stopped():
                return
            time.sleep(0.5)


def send_unfetched(account_id: int) -> int:
    """Send the replies that nobody fetched through the mailbox; return how many went."""
    account = ChannelAccount.objects.get(pk=account_id)
    mailbox, now, sent = queries.mailbox_of(account.options), clock.now(), 0
    note_connected(account_id=account_id, at=now)
    if mailbox is None or (post := channel(mailbox.kind).send) is None:
        return 0
    for entry in queries.unfetched_replies(account_id, at=now):
        if not services.claim_email(entry=entry, at=now):
            continue
        _remember(entry.key, entry.session, mailbox)
        try:
            post(_as_mail(_again(entry), entry.session, mailbox), account_config(mailbox), _Unwatched())
            sent += 1
        except ChannelError as error:
            if not (error.permanent or isinstance(error, DoubtfulDelivery)):
                services.release_email(entry=entry)
            note_error(account_id=account_id, at=now, reason=str(error))
    return sent
