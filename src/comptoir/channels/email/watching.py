"""Watches one mailbox: everything behind the cursor first, then IDLE, and a sweep from time to time in any case.

A mail is acknowledged by nobody but the cursor, which is committed with it (INV-01): after an outage of any length
the watcher goes on where it stood. When a folder was rebuilt (UIDVALIDITY changed) it is read again from the
beginning; what is known already is recognised by its external id (INV-02).
"""

import logging
import random
import time
from collections.abc import Callable, Sequence

import psycopg
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection

from comptoir.channels import services as channels
from comptoir.channels.models import ChannelAccount
from comptoir.core import clock
from comptoir.core.errors import ChannelError, ComptoirError
from comptoir.core.locks import SessionLocks
from comptoir.inbound.services import Arrival

from . import notices, queries, services
from .client_imap import Fetched, ImapSession, Opened, open_session
from .config import Mailbox, mailbox_of
from .identify import external_id

SWEEP_SECONDS = 120.0  # a half-dead connection is found out by then; far below the 29 minutes after which IDLE ends
POLL_SECONDS = 30.0  # for servers without IDLE
STANDBY_SECONDS = 5.0  # between two tries to take over a mailbox that another worker watches
_LOCKS = SessionLocks(0x0C02)

logger = logging.getLogger(__name__)


def watch(account_id: int, stopped: Callable[[], bool]) -> None:
    """Watch a mailbox until `stopped()`; reconnects by itself. Run in a thread of its own."""
    failures = 0

    def succeed() -> None:
        nonlocal failures
        failures = 0
        channels.note_connected(account_id=account_id, at=clock.now())
        connection.close()

    try:
        while not stopped():
            try:
                mailbox = _load(account_id)
                if mailbox is None or mailbox.imap is None or not _LOCKS.acquire(account_id):
                    _sleep(STANDBY_SECONDS, stopped)
                    continue
                with open_session(mailbox) as session:
                    _follow(session, mailbox, stopped, succeed)
            except (ComptoirError, DatabaseError, psycopg.Error) as error:
                failures += 1
                _note(account_id, error)
                _sleep(_pause(failures, error), stopped)
    finally:
        _release(account_id)


def _load(account_id: int) -> Mailbox | None:
    account = ChannelAccount.objects.filter(pk=account_id, is_active=True).first()
    connection.close()
    return None if account is None else mailbox_of(channels.account_config(account))


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
                _sleep(remaining, stopped)
        if not _LOCKS.acquire(mailbox.account_id):
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


def _note(account_id: int, error: Exception) -> None:
    logger.warning("mailbox of account %s: %s", account_id, error)
    if isinstance(error, DatabaseError | psycopg.Error):
        connection.close()
        return
    try:
        channels.note_error(account_id=account_id, at=clock.now(), reason=str(error))
    except DatabaseError:
        logger.warning("mailbox of account %s: the failure could not be recorded", account_id)
    finally:
        connection.close()


def _pause(failures: int, error: Exception) -> float:
    """Return the seconds until the next try: 1, 2, 4 … 300, a minute at least where only a person can help."""
    if isinstance(error, ChannelError) and error.retry_after:
        return error.retry_after
    seconds = min(300.0, 2.0 ** min(failures - 1, 10))
    if isinstance(error, ChannelError) and error.permanent:
        seconds = max(60.0, seconds)
    return seconds * random.uniform(0.75, 1.25)  # noqa: S311  # jitter, not a secret


def _sleep(seconds: float, stopped: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + seconds
    while not stopped() and (remaining := ends_at - time.monotonic()) > 0:
        time.sleep(min(0.5, remaining))


def _release(account_id: int) -> None:
    try:
        _LOCKS.release(account_id)
    except psycopg.Error:
        logger.warning("mailbox of account %s: the lock went with its connection", account_id)
    finally:
        connection.close()
