"""What the watcher asks of the database."""

from datetime import datetime

from comptoir.channels.models import Cursor
from comptoir.core import bulk

# Posts of the last days, of customers and of ours, that nobody has deleted as far as we know; by the indexes
# record_once (account) and part_once.
RECENT = """
SELECT m.message_id FROM conversations_message m JOIN inbound_record r ON r.id = m.record_id
JOIN conversations_conversation c ON c.id = m.conversation_id
WHERE r.account_id = %s AND c.is_public AND c.state IN ('open', 'snoozed') AND m.created_at > %s
  AND m.message_id LIKE 'at://%%' AND NOT m.marks ? 'deleted_at'
UNION
SELECT p.provider_id FROM outbound_part p JOIN outbound_delivery d ON d.id = p.delivery_id
JOIN conversations_message m ON m.id = d.message_id JOIN conversations_conversation c ON c.id = m.conversation_id
WHERE p.account_id = %s AND c.is_public AND c.state IN ('open', 'snoozed') AND m.created_at > %s
  AND p.provider_id LIKE 'at://%%' AND NOT m.marks ? 'deleted_at'
LIMIT %s
"""
SENDING = "SELECT EXISTS (SELECT FROM outbound_delivery WHERE account_id = %s AND state = 'sending')"


def cursor_of(*, account_id: int, stream: str) -> Cursor | None:
    """Return how far a stream was read, None for one that never was."""
    return Cursor.objects.filter(account_id=account_id, stream=stream).first()


def recent_posts(*, account_id: int, since: datetime, most: int) -> list[str]:
    """Return the addresses of posts in open conversations that may have been deleted since."""
    return [row[0] for row in bulk.fetch_all(RECENT, [account_id, since, account_id, since, most])]


def is_sending(*, account_id: int) -> bool:
    """Whether an answer is leaving at this moment, so that an echo of it could come before its own answer."""
    return bool(bulk.fetch_all(SENDING, [account_id])[0][0])
