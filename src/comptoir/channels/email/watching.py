"""Watches one mailbox: everything behind the cursor first, then IDLE, and a sweep from time to time in any case.

A mail is acknowledged by nobody but the cursor, which is committed with it (INV-01): after an outage of any length
the watcher goes on where it stood. When a folder was rebuilt (UIDVALIDITY changed) it is read again from the
beginning; what is known already is recognised by its external id (INV-02).
"""

import time
from collections.abc import Callable, Sequence

from django.conf import settings
from django.db import connection

from comptoir.channels import services as channels
from comptoir.channels.models import ChannelAccount
from comptoir.channels.watching import is_mine, keep_watching, rest
from comptoir.inbound.services import Arrival

from . import notices, queries, services
from .client_imap import Fetched, ImapSession, Opened, open_session
from .config import Mailbox, mailbox_of
from .identify import external_id

SWEEP_SECONDS = 120.0  # a half-dead connection is found out by then; far below the 29 minutes after which IDLE ends
POLL_SECONDS = 30.0  # for servers without IDLE


def watch(account_id: int, stopped: Callable[[], bool]) -> None:
    """Watch a mailbox until `stopped()`; reconnects by itself. Run in a thread of its own."""
    keep_watching(account_id, stopped, load=_load, follow=_watch)


def _load(account_id: int) -> Mailbox | None:
    account = ChannelAccount.objects.filter(pk=account_id, is_active=True).first()
    mailbox = None if account is None else mailbox_of(channels.account_config(account))
    return None if mailbox is None or mailbox.imap is None else mailbox


def _watch(mailbox: Mailbox, stopped: Callable[[], bool], succeed: Callable[[], None]) -> None:
    with open_session(mailbox) as session:
        _follow(session, mailbox, stopped, succeed)


def _follow(session: ImapSession, mailbox: Mailbox, stopped: Callable[[], bool], succeed: Callable[[], None]) -> None:
    """Read all folders, then stay in the first one and wait for news; returns when `stopped()`."""
    while not stopped():
        for folder in reversed(mailbox.folders):  # ends in the first one, in which IDLE listens
            opened = session.open(folder)
            read_folder(session, mailbox, opened, stopped)
        succeed()
        ends_at = time.monotonic() + (SWEEP_SECONDS if session.can_idle else POLL_SECONDS)
        while not stopped() and (remaining := ends_at - time.monotonic()) > 0:
            if session.can_idle:
                session.wait_for_news(stopped, seconds=remaining)
                read_folder(session, mailbox, opened, stopped)
            else:
                rest(remaining, stopped)
        if not is_mine(mailbox.account_id):
            return


def read_folder(session: ImapSession, mailbox: Mailbox, opened: Opened, stopped: Callable[[], bool]) -> int:
    """Take in everything behind the folder's cursor; return how many mails were new."""
    position = _position(session, mailbox, opened)
    new = 0
    for uids in session.uids_after(position, opened):
        for mails in session.fetch(uids):
            new += _take(mails, mailbox, opened)
            if stopped():
                break
        if stopped():
            break
    connection.close()  # back into the pool: IDLE may last
    return new


def _position(session: ImapSession, mailbox: Mailbox, opened: Opened) -> int:
    """Return the UID behind which to read, and keep it where it is a new beginning."""
    cursor = queries.cursor_of(account_id=mailbox.account_id, folder=opened.name)
    if cursor is not None and cursor.epoch == opened.epoch:
        return cursor.position
    position = 0
    if mailbox.only_new:
        # Numbers of another epoch say nothing; days do, and what is known already is recognised.
        day = queries.connected_on(account_id=mailbox.account_id)
        position = max(0, opened.next_uid - 1) if cursor is None else session.first_uid_since(day) - 1
    services.take_in(
        account_id=mailbox.account_id, folder=opened.name, epoch=opened.epoch, position=position, arrivals=[]
    )
    return position


def _take(mails: Sequence[Fetched], mailbox: Mailbox, opened: Opened) -> int:
    if not mails:
        return 0
    return services.take_in(
        account_id=mailbox.account_id,
        folder=opened.name,
        epoch=opened.epoch,
        position=mails[-1].uid,
        arrivals=[_arrival(mail, mailbox, opened) for mail in mails],
    )


def _arrival(mail: Fetched, mailbox: Mailbox, opened: Opened) -> Arrival:
    known = external_id(mail.raw) if mail.raw else f"{opened.name[:150]}:{opened.epoch}:{mail.uid}"
    raw = mail.raw
    if mail.oversize:
        raw = notices.oversize(mail.raw, mail.oversize, settings.MAX_RECORD_BYTES)
    elif mail.failure:
        raw = notices.undelivered(mail.raw, f"{opened.name}, UID {mail.uid}: {mail.failure}")
    return Arrival(mailbox.account_id, known, raw, source="imap", content_type="message/rfc822")
