"""What the watcher asks of the database."""

from datetime import datetime

from comptoir.channels.models import Cursor
from comptoir.core import bulk

# Posts of the last days in open conversations, of customers and of ours, that nobody has deleted as far as we know; the
# newest first. Open conversations are few whatever the age of the installation.
RECENT = """
SELECT w.name FROM conversations_conversation c JOIN conversations_message m ON m.conversation_id = c.id
CROSS JOIN LATERAL (
    SELECT m.message_id AS name UNION
    SELECT p.provider_id FROM outbound_delivery d JOIN outbound_part p ON p.delivery_id = d.id WHERE d.message_id = m.id
) w
WHERE c.account_id = %s AND c.is_public AND c.state IN ('open', 'pending', 'snoozed') AND c.last_message_at > %s
  AND m.created_at > %s AND w.name LIKE 'at://%%' AND NOT m.marks ? 'deleted_at'
ORDER BY m.created_at DESC LIMIT %s
"""
SENDING = "SELECT EXISTS (SELECT FROM outbound_delivery WHERE account_id = %s AND state = 'sending')"


def cursor_of(*, account_id: int, stream: str) -> Cursor | None:
    """Return how far a stream was read, None for one that never was."""
    return Cursor.objects.filter(account_id=account_id, stream=stream).first()


def recent_posts(*, account_id: int, since: datetime, most: int) -> list[str]:
    """Return the addresses of posts in open conversations that may have been deleted since."""
    return [row[0] for row in bulk.fetch_all(RECENT, [account_id, since, since, most])]


def is_sending(*, account_id: int) -> bool:
    """Whether an answer is leaving at this moment, so that an echo of it could come before its own answer."""
    return bool(bulk.fetch_all(SENDING, [account_id])[0][0])
