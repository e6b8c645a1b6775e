"""The only writer of who is at a conversation (INV-06: nobody enters one that they may not see).

No journal events: looking changes nothing. Each change is announced, in its transaction, by the conversation's number.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from comptoir.accounts.models import User
from comptoir.accounts.queries import team_ids_of
from comptoir.core import bulk, clock
from comptoir.core.errors import AccessDenied

HERE_CHANNEL = "comptoir_here"
SECONDS = 60  # a desk that was not heard of for so long is gone: three of the renewals of desk/live.py
TYPING_SECONDS = 8  # after the last word; together.js says it again every five seconds while somebody types
# One statement each, because every look at a conversation pays for both: they are atomic by themselves.
ENTER = """
WITH entered AS (
    INSERT INTO viewing_presence (user_id, conversation_id, tab, typing_until, expires_at)
    SELECT %s, c.id, %s, %s, %s FROM conversations_conversation c WHERE c.id = %s AND c.team_id = ANY(%s)
    ON CONFLICT ON CONSTRAINT presence_once_a_tab DO UPDATE SET
        conversation_id = excluded.conversation_id, typing_until = excluded.typing_until,
        expires_at = excluded.expires_at
    RETURNING conversation_id)
SELECT pg_notify('comptoir_here', json_build_array(conversation_id)::text) FROM entered
"""
LEAVE = """
WITH gone AS (DELETE FROM viewing_presence WHERE user_id = %s AND tab = %s RETURNING conversation_id)
SELECT pg_notify('comptoir_here', json_build_array(conversation_id)::text) FROM gone
"""
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


def enter_conversation(
    *, user: User, conversation_id: int, tab: str, is_typing: bool = False, teams: Collection[int] | None = None
) -> None:
    """Note that a tab of the person shows the conversation, and whether they type.

    `teams` are the person's, where the caller has read them already. Raises AccessDenied for a conversation that is not
    of one of them.
    """
    now = clock.now()
    typing_until = now + timedelta(seconds=TYPING_SECONDS) if is_typing else None
    mine = sorted(team_ids_of(user) if teams is None else teams)
    values = [user.pk, tab, typing_until, now + timedelta(seconds=SECONDS), conversation_id, mine]
    if not bulk.fetch_all(ENTER, values):
        raise AccessDenied("This conversation does not exist, or belongs to a team that you are not in.")


def leave_conversation(*, user_id: int, tab: str) -> None:
    """Forget what a tab of the person shows."""
    bulk.fetch_all(LEAVE, [user_id, tab])


def renewal(tabs: Sequence[tuple[int, str]], at: datetime) -> list[object]:
    """Return the parameters of RENEW for the (person, tab) pairs of a process."""
    return [at + timedelta(seconds=SECONDS), [user for user, _tab in tabs], [tab for _user, tab in tabs]]
