"""Fetches what messages name and platforms keep: files, and the names of authors whose events carry none.

A message is in the queue before its files are here: nobody waits for a platform. What cannot be fetched says why.
"""

import logging
from datetime import datetime, timedelta

from django.db import transaction

from comptoir.channels.models import ChannelAccount
from comptoir.channels.registry import channels
from comptoir.channels.services import account_config
from comptoir.contacts import services as contacts
from comptoir.conversations.models import Attachment
from comptoir.core import bulk, clock, storage
from comptoir.core.errors import ChannelError
from comptoir.core.textfold import clean
from comptoir.journal import services as journal

logger = logging.getLogger(__name__)

PAUSE = 2.0  # seconds between two looks
LEASE = timedelta(minutes=2)  # for which a file that is being fetched is left to who began
WAITS = (10, 60, 600, 3600)  # seconds before another try
MOST = 100 * 1024 * 1024  # bytes of one file
# The claim moves the instant: a process that dies leaves a file that is due again.
CLAIM = """
UPDATE conversations_attachment SET fetch_at = %s WHERE id = (
    SELECT id FROM conversations_attachment WHERE fetch_at <= %s ORDER BY fetch_at LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING id
"""
# Authors of the last days without a name, of the networks that can tell one; each is asked for once (name_asked_at).
NAMELESS = """
SELECT DISTINCT i.id, i.kind, i.address, c.account_id FROM contacts_identity i
JOIN conversations_conversation c ON c.contact_id = i.contact_id
WHERE i.name = '' AND i.name_asked_at IS NULL AND i.kind = ANY(%s) LIMIT 50
"""


def fetch_due(at: datetime) -> float:
    """Fetch what is due, and names; return the seconds until the next look."""
    while fetch_one(clock.now()):
        pass
    ask_names(at)
    return PAUSE


def fetch_one(at: datetime) -> bool:
    """Fetch one file; False when none is due."""
    rows = bulk.fetch_all(CLAIM, [at + LEASE, at])
    if not rows:
        return False
    row = Attachment.objects.select_related("message__conversation__account").get(pk=rows[0][0])
    account = row.message.conversation.account
    fetch = channels()[account.kind].fetch if account.kind in channels() else None
    remote = row.remote or {}
    try:
        if fetch is None:
            raise ChannelError("This channel cannot fetch files.", permanent=True)
        found = fetch(remote.get("ref", {}), account_config(account))
        if len(found.content) > MOST:
            raise ChannelError("The file is larger than 100 MB.", permanent=True)
    except ChannelError as error:
        _not_fetched(row, error, at)
        return True
    with transaction.atomic():
        row.key, row.size, row.fetch_at = storage.put(found.content), len(found.content), None
        row.content_type = clean(found.content_type)[:127] or row.content_type or "application/octet-stream"
        row.filename = row.filename or clean(found.filename)[:255] or f"file-{row.pk}"
        row.save(update_fields=["key", "size", "fetch_at", "content_type", "filename"])
        journal.announce({"conversations": [row.message.conversation_id]})
    return True


def _not_fetched(row: Attachment, error: ChannelError, at: datetime) -> None:
    known = row.remote or {}
    tries = int(known.get("tries", 0))
    is_over = error.permanent or tries >= len(WAITS)
    row.remote = {**known, "tries": tries + 1, "reason": str(error)[:500]}
    row.fetch_at = None if is_over else at + timedelta(seconds=max(WAITS[tries], error.retry_after or 0))
    row.save(update_fields=["remote", "fetch_at"])
    if is_over:
        logger.warning("attachment %s cannot be fetched: %s", row.pk, error)
        journal.announce({"conversations": [row.message.conversation_id]})


def ask_names(at: datetime) -> None:
    """Ask platforms for the names of authors who came without one."""
    kinds = {found.identity_kind: found for found in channels().values() if found.profile is not None}
    if not kinds:
        return
    for identity_id, kind, address, account_id in bulk.fetch_all(NAMELESS, [sorted(kinds)]):
        account = ChannelAccount.objects.get(pk=account_id)
        profile = channels()[account.kind].profile if account.kind in channels() else None
        name = ""
        try:
            name = profile(address, account_config(account)) if profile else ""
        except ChannelError as error:
            logger.warning("identity %s of %s: no name: %s", identity_id, kind, error)
        contacts.learn_name(identity_id=identity_id, name=name, at=at)
