"""How long the public waits for a first answer: what a form or a chat may promise, from what really happened.

A promise is the account's own words, or a measured median, or nothing at all; never a wish.
"""

import time
from collections.abc import Sequence
from datetime import timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from comptoir.channels.models import ChannelAccount
from comptoir.core import bulk, clock

SAMPLE = 100  # the newest messages: recent enough to be true, enough for a median
MIN_ANSWERS = 5  # fewer say nothing
YOUNG = timedelta(days=2)  # a message younger than this and without an answer says nothing yet; older ones are silence
KEEP = 600.0  # seconds for which a median is shown before it is counted again

# By index alone: the newest records of the account, their message, and the first answer after it.
FIRST_ANSWERS = """
SELECT m.created_at, (
    SELECT min(o.created_at) FROM conversations_message o JOIN outbound_delivery d ON d.message_id = o.id
    WHERE o.conversation_id = m.conversation_id AND o.kind = 'out' AND o.created_at > m.created_at
      AND d.state IN ('sent', 'delivered', 'read')) AS answered
FROM (SELECT id FROM inbound_record WHERE account_id = %s ORDER BY id DESC LIMIT %s) r
JOIN conversations_message m ON m.record_id = r.id
WHERE m.created_at > %s
"""
_medians: dict[int, tuple[float, timedelta | None]] = {}


def active_account(kind: str, public_key: str) -> ChannelAccount | None:
    """Return the active account behind a public key, or None."""
    if not (public_key.isascii() and public_key.isalnum() and len(public_key) <= 32):
        return None
    return ChannelAccount.objects.filter(kind=kind, public_key=public_key, is_active=True).first()


def median_wait(waits: Sequence[timedelta | None]) -> timedelta | None:
    """Return the median time to a first answer, or None when no honest figure can be given.

    A message without an answer (None) counts as longer than any other, so that silence never makes us look quick.
    """
    if len(waits) < MIN_ANSWERS:
        return None
    ordered = sorted(waits, key=lambda wait: wait if wait is not None else timedelta.max)
    return ordered[len(ordered) // 2]


def rounded_up(wait: timedelta) -> tuple[int, str]:
    """Return a time as people say it: (number, 'minutes' | 'hours' | 'days'), never shorter than it was.

    Minutes one by one up to five, in fives up to an hour, hours up to a day, then days.
    """
    minutes = max(1, -int(-wait.total_seconds() // 60))
    if minutes <= 5:
        return minutes, "minutes"
    if minutes <= 60:
        return 5 * -(-minutes // 5), "minutes"
    if minutes <= 24 * 60:
        return -(-minutes // 60), "hours"
    return -(-minutes // (24 * 60)), "days"


def usual_wait(account_id: int) -> timedelta | None:
    """Return the median time to a first answer of recent messages, or None; kept for ten minutes."""
    kept = _medians.get(account_id)
    if kept and kept[0] > time.monotonic():
        return kept[1]
    now = clock.now()
    rows = bulk.fetch_all(FIRST_ANSWERS, [account_id, SAMPLE, now - timedelta(days=30)])
    median = median_wait(
        [answered - asked if answered else None for asked, answered in rows if answered or asked < now - YOUNG]
    )
    _medians[account_id] = (time.monotonic() + KEEP, median)
    return median


def promise_in_words(account: ChannelAccount) -> str:
    """Return when somebody will answer, in the reader's language: the account's own words, a median, or ''."""
    said = str(account.options.get("promise") or "").strip()
    if said:
        return said
    wait = usual_wait(account.pk)
    if wait is None:
        return ""
    count, unit = rounded_up(wait)
    spans = {
        "minutes": ngettext("%(count)d minute", "%(count)d minutes", count),
        "hours": ngettext("%(count)d hour", "%(count)d hours", count),
        "days": ngettext("%(count)d day", "%(count)d days", count),
    }
    return _("Half of the recent messages had an answer within %(span)s.") % {"span": spans[unit] % {"count": count}}
