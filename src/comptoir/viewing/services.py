"""The only writer of who is at a conversation (INV-06: nobody enters one that they may not see).

No journal events: looking changes nothing. Each change is announced, in its transaction, by the conversation's number.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from comptoir.accounts.models import User
from comptoir.conversations.access import access_conversation
from comptoir.core import bulk, clock

HERE_CHANNEL = "comptoir_here"
SECONDS = 60  # a desk that was not heard of for so long is gone: three of the renewals of desk/live.py
TYPING_SECONDS = 8  # after the last word; together.js says it again every five seconds while somebody types
ENTER = """
INSERT INTO viewing_presence (user_id, conversation_id, tab, typing_until, expires_at) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT ON CONSTRAINT presence_once_a_tab DO UPDATE SET
    conversation_id = excluded.conversation_id, typing_until = excluded.typing_until, expires_at = excluded.expires_at
"""
LEAVE = "DELETE FROM viewing_presence WHERE user_id = %s AND tab = %s RETURNING conversation_id"
# For the connection of a web process: all its streams at once …
RENEW = """
UPDATE viewing_presence p SET expires_at = %s FROM unnest(%s::bigint[], %s::text[]) AS open(user_id, tab)
WHERE p.user_id = open.user_id AND p.tab = open.tab
"""
# … and those of a process that died; 500 numbers fit into one notification.
SWEEP = """
WITH gone AS (
    DELETE FROM viewing_presence WHERE id IN (
        SELECT id FROM viewing_presence WHERE expires_at < %s ORDER BY expires_at LIMIT 500 FOR UPDATE SKIP LOCKED)
    RETURNING conversation_id)
SELECT pg_notify('comptoir_here', json_agg(DISTINCT conversation_id)::text) FROM gone HAVING count(*) > 0
"""


@transaction.atomic
def enter_conversation(*, user: User, conversation_id: int, tab: str, is_typing: bool = False) -> None:
    """Note that a tab of the person shows the conversation, and whether they type; raises AccessDenied."""
    access_conversation(user, conversation_id)
    now = clock.now()
    typing_until = now + timedelta(seconds=TYPING_SECONDS) if is_typing else None
    bulk.fetch_all(ENTER, [user.pk, conversation_id, tab, typing_until, now + timedelta(seconds=SECONDS)])
    _announce([conversation_id])


@transaction.atomic
def leave_conversation(*, user_id: int, tab: str) -> None:
    """Forget what a tab of the person shows."""
    _announce([row[0] for row in bulk.fetch_all(LEAVE, [user_id, tab])])


def renewal(tabs: Sequence[tuple[int, str]], at: datetime) -> list[object]:
    """Return the parameters of RENEW for the (person, tab) pairs of a process."""
    return [at + timedelta(seconds=SECONDS), [user for user, _tab in tabs], [tab for _user, tab in tabs]]


def _announce(conversation_ids: Sequence[int]) -> None:
    if conversation_ids:
        bulk.notify(HERE_CHANNEL, json.dumps(list(conversation_ids)))
