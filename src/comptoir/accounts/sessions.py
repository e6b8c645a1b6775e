"""Where people are signed in: noted at most once in five minutes, listed for the person, ended at once.

Django's session row is what lets a browser in. Ours says from where and when; a row whose session is gone is history,
which still tells when a person was last seen.
"""

import time
from collections import OrderedDict
from datetime import timedelta
from threading import Lock

from django.contrib.sessions.models import Session
from django.db import transaction

from comptoir.accounts.models import User
from comptoir.accounts.queries import sessions_of
from comptoir.core import bulk, clock
from comptoir.journal import services as journal
from comptoir.journal.services import Actor

NOTE_EVERY = 300.0  # seconds: 'last seen' is told in minutes
KEPT_FOR = timedelta(days=180)
_MOST = 20_000  # sessions that one process remembers to have noted
# One statement, which also forgets the person's oldest history: nobody else has a reason to come by.
NOTE = """
WITH old AS (DELETE FROM accounts_staffsession WHERE user_id = %s AND seen_at < %s)
INSERT INTO accounts_staffsession (user_id, session_key, started_at, seen_at, address, agent)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (session_key) DO UPDATE SET seen_at = excluded.seen_at, address = excluded.address, agent = excluded.agent
"""


class Noted:
    """What this process noted lately: the key of each session and when, the oldest first."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    def is_due(self, key: str, *, second: float) -> bool:
        """Return whether a session should be noted now, and remember that it is (monotonic seconds)."""
        with self._lock:
            if second - self._seen.get(key, -NOTE_EVERY) < NOTE_EVERY:
                return False
            self._seen[key] = second
            self._seen.move_to_end(key)
            if len(self._seen) > _MOST:
                self._seen.popitem(last=False)
            return True


_noted = Noted()


def note_session(*, user: User, key: str, address: str, agent: str) -> None:
    """Note that a session is in use, unless this process did so lately. No event: using changes nothing."""
    if not _noted.is_due(key, second=time.monotonic()):
        return
    now = clock.now()
    bulk.fetch_all(NOTE, [user.pk, now - KEPT_FOR, user.pk, key, now, now, address[:45], agent[:300]])


@transaction.atomic
def end_sessions(*, actor: Actor, user: User, besides: str = "", only: int | None = None) -> int:
    """Sign a person out: everywhere, everywhere but one session (its key), or of one session; return of how many."""
    chosen = sessions_of(user).exclude(session_key=besides)
    if only is not None:
        chosen = chosen.filter(pk=only)
    keys = list(chosen.values_list("session_key", flat=True))
    if keys:
        Session.objects.filter(session_key__in=keys).delete()
        journal.append(
            actor=actor, kind="session.ended", facts={"user": user.pk, "name": user.name, "count": len(keys)}
        )
    return len(keys)
