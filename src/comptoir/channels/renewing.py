"""Renews tokens before they expire. One that a platform has withdrawn becomes a task for an administrator."""

import logging
from datetime import datetime, timedelta

from comptoir.channels import services
from comptoir.channels.models import ChannelAccount
from comptoir.channels.registry import channels
from comptoir.core import clock
from comptoir.core.errors import ChannelError
from comptoir.core.locks import SessionLocks

logger = logging.getLogger(__name__)

AHEAD = timedelta(minutes=15)  # before its end a token is renewed
PAUSE = 30.0  # seconds between two looks
_locks = SessionLocks(0x0C07)  # the namespace of renewals


def renew_due(at: datetime) -> float:
    """Renew what expires soon, and what has never told when it does; return the seconds until the next look."""
    kinds = [kind for kind, found in channels().items() if found.renew is not None]
    due = ChannelAccount.objects.filter(kind__in=kinds, is_active=True, health__revoked_at=None)
    for account in due.select_related("health"):
        expires = account.health.token_expires_at
        if expires is None or expires - AHEAD <= at:
            renew(account, at)
    return PAUSE


def renew(account: ChannelAccount, at: datetime) -> None:
    """Renew the token of one account, in one process at a time: a refresh token is often good for one use only."""
    ask = channels()[account.kind].renew
    assert ask is not None
    if not _locks.acquire(account.pk):
        return
    try:
        account.refresh_from_db()
        fresh = ask(services.account_config(account))
    except ChannelError as error:
        logger.warning("account %s: the token could not be renewed: %s", account.pk, error)
        if error.is_revoked:
            services.note_revoked(account_id=account.pk, at=at, reason=str(error))
        else:
            services.note_error(account_id=account.pk, at=clock.now(), reason=str(error))
    else:
        # Without an end it is looked at again in a day: a platform may begin to expire its tokens.
        until = fresh.expires_at or at + timedelta(days=1)
        services.note_renewed(account_id=account.pk, at=at, credentials=fresh.credentials, expires_at=until)
    finally:
        _locks.release(account.pk)
