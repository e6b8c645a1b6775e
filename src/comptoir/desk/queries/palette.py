"""The readers of the command palette: each answers in a few milliseconds, because a person is typing (INV-06)."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.db import connection

from comptoir.accounts.models import User
from comptoir.accounts.queries import teams_of
from comptoir.contacts.access import accessible_contacts
from comptoir.contacts.models import Contact
from comptoir.conversations.access import accessible_conversations
from comptoir.conversations.models import Conversation, State
from comptoir.desk.queries.people import contact_ids

NEWEST = 3000  # messages walked over, as search.py probes: about 4 ms
CONTACTS = 20

# The last word is still being typed: as a whole word in both languages, or as the beginning of one.
SAID_LATELY = """
SELECT DISTINCT m.conversation_id
FROM (SELECT id, conversation_id FROM conversations_message m
      WHERE id > (SELECT max(id) FROM conversations_message) - %(newest)s AND ts_match_vq(search, (
          SELECT plainto_tsquery('french', t) || plainto_tsquery('english', t)
                 || to_tsquery('simple', comptoir_fold(%(begins)s)) FROM comptoir_fold(%(text)s) t))
      ORDER BY id DESC LIMIT 200) m
JOIN conversations_conversation c ON c.id = m.conversation_id AND c.team_id = ANY(%(teams)s)
"""


def query_string(text: str) -> str:
    """Return the query of a search for a text."""
    return urlencode({"q": text})


def conversations_by_id(user: User, ids: Sequence[int]) -> list[Conversation]:
    """Return those of the conversations that the person may see."""
    return list(accessible_conversations(user).filter(pk__in=ids).select_related("contact")) if ids else []


def contacts_by_id(user: User, ids: Sequence[int]) -> list[Contact]:
    """Return those of the contacts that the person may see."""
    return list(accessible_contacts(user).filter(pk__in=ids).prefetch_related("identities")) if ids else []


def find_conversations(user: User, text: str, *, limit: int) -> list[Conversation]:
    """Return conversations by number, by contact, or by what was said lately; the latest activity first."""
    number = text.lstrip("#")
    mine = accessible_conversations(user).exclude(state=State.MERGED).select_related("contact")
    if number.isascii() and number.isdigit() and len(number) < 19:
        exact = list(mine.filter(pk=int(number)))
        if exact:
            return exact
    words = re.findall(r"\w+", text.lower())
    if not words or len(text) < 2:
        return []
    values: dict[str, Any] = {
        "newest": NEWEST, "begins": " & ".join(f"{word}:*" for word in words), "text": text,
        "teams": [team.pk for team in teams_of(user)],
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(SAID_LATELY, values)
        ids = [row[0] for row in cursor.fetchall()]
    by_contact = list(
        mine.filter(contact_id__in=contact_ids(text, limit=CONTACTS)).order_by("-last_message_at")[:limit]
    )
    said = list(mine.filter(pk__in=ids).order_by("-last_message_at")[:limit])
    found = {row.pk: row for row in (*by_contact, *said)}
    return sorted(found.values(), key=lambda row: row.last_message_at, reverse=True)[:limit]
