"""The frame of every watcher: one worker for each account, another try after a failure, health told in words.

A channel brings two things: how an account is loaded (None: there is nothing to watch now), and how it is followed
until `stopped()` or until another worker has it (`is_mine`). All the rest is the same for a mailbox and for a network.
"""

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg
from django.db import Error as DatabaseError
from django.db import connection

from comptoir.channels import services
from comptoir.core import clock
from comptoir.core.errors import ChannelError, ComptoirError
from comptoir.core.locks import SessionLocks

STANDBY_SECONDS = 5.0  # between two tries to take over an account that another worker watches, or that is not connected
NAP_SECONDS = 0.2  # how late a rest may notice that it is over
_LOCKS = SessionLocks(0x0C02)  # by the account's number

logger = logging.getLogger(__name__)
T = TypeVar("T")


def keep_watching(
    account_id: int,
    stopped: Callable[[], bool],
    *,
    load: Callable[[int], T | None],
    follow: Callable[[T, Callable[[], bool], Callable[[], None]], None],
) -> None:
    """Follow an account until `stopped()`; begins again by itself. Run in a thread of its own.

    `follow(account, stopped, succeed)` calls `succeed` whenever everything was read.
    """
    failures = 0

    def succeed() -> None:
        nonlocal failures
        failures = 0
        services.note_connected(account_id=account_id, at=clock.now())
        connection.close()

    try:
        while not stopped():
            try:
                account = load(account_id)
                connection.close()  # back into the pool: the network is asked next
                if account is None or not is_mine(account_id):
                    rest(STANDBY_SECONDS, stopped)
                    continue
                follow(account, stopped, succeed)
            except (ComptoirError, DatabaseError, psycopg.Error) as error:
                failures += 1
                _note(account_id, error)
                rest(pause_after(failures, error), stopped)
    finally:
        _release(account_id)


def is_mine(account_id: int) -> bool:
    """Take the lock of an account for this thread, or confirm that it still has it."""
    return _LOCKS.acquire(account_id)


def rest(seconds: float, stopped: Callable[[], bool]) -> None:
    """Sleep, but not beyond `stopped()`."""
    ends_at = time.monotonic() + seconds
    while not stopped() and (remaining := ends_at - time.monotonic()) > 0:
        time.sleep(min(NAP_SECONDS, remaining))


def pause_after(failures: int, error: Exception | None = None) -> float:
    """Return the seconds until the next try: as asked, or 1, 2, 4 … 300; a minute where only a person can help."""
    if isinstance(error, ChannelError) and error.retry_after:
        return error.retry_after
    seconds = min(300.0, 2.0 ** min(failures - 1, 10))
    if isinstance(error, ChannelError) and (error.permanent or error.is_revoked):
        seconds = max(60.0, seconds)
    return seconds * random.uniform(0.75, 1.25)  # noqa: S311  # jitter, not a secret


def _note(account_id: int, error: Exception) -> None:
    logger.warning("account %s: %s", account_id, error)
    connection.close()
    if isinstance(error, DatabaseError | psycopg.Error):
        return
    try:
        if isinstance(error, ChannelError) and error.is_revoked:
            services.note_revoked(account_id=account_id, at=clock.now(), reason=str(error))
        else:
            services.note_error(account_id=account_id, at=clock.now(), reason=str(error))
    except DatabaseError:
        logger.warning("account %s: the failure could not be recorded", account_id)
    finally:
        connection.close()


def _release(account_id: int) -> None:
    try:
        _LOCKS.release(account_id)
    except psycopg.Error:
        logger.warning("account %s: the lock went with its connection", account_id)
    finally:
        connection.close()
