"""Search over everything that was said, newest first, at a cost that does not grow with the archive.

Neither of PostgreSQL's ways serves all words: the GIN index reads every message that has a word, which is slow for a
common one; walking back from the newest message meets a rare one only after the whole table. The planner cannot choose,
because its statistics know common words only. So we look first: a short walk over the newest messages either fills the
page (a common word) or tells how rare the word is, and with that which way is shorter. Every step reads a bounded
number of rows; where a page is not full at the bound, the next page goes on from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from comptoir.accounts.models import User
from comptoir.accounts.queries import team_ids_of

PAGE = 20
PROBE = 3000  # newest messages looked at first: about 4 ms (bench/: walking costs 0.7 to 2 µs a message)
WALK = 150_000  # the longest walk for one page
CANDIDATES = 500  # messages with the word of which we ask whose they are
# Fetching one message that the index names costs about as much as walking over so many (random against sequential).
FETCH_COST = 4

# A word is looked for as French, as English and as it stands, like comptoir_search_vector stores it; equal forms once.
PARSE = """
SELECT (f || CASE WHEN e = f THEN ''::tsquery ELSE e END || CASE WHEN s IN (e, f) THEN ''::tsquery ELSE s END)::text,
       (SELECT max(id) FROM conversations_message),
       (SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'conversations_message'::regclass)
FROM (SELECT websearch_to_tsquery('french', t) AS f, websearch_to_tsquery('english', t) AS e,
             websearch_to_tsquery('simple', t) AS s
      FROM comptoir_fold(%(text)s) AS t) parsed
"""

# The function behind @@, which no index serves: for two common words the planner would read all their messages from the
# GIN index (240 ms in five million) in order to meet them with the few that are walked over.
WALK_BACK = """
SELECT m.id, c.team_id = ANY(%(teams)s) AND (%(channel)s = '' OR c.channel = %(channel)s)
FROM (SELECT id, conversation_id FROM conversations_message
      WHERE id < %(top)s AND id >= %(bottom)s AND ts_match_vq(search, %(query)s::tsquery)
      ORDER BY id DESC LIMIT %(candidates)s) m
JOIN conversations_conversation c ON c.id = m.conversation_id
ORDER BY m.id DESC
"""

# MATERIALIZED keeps the planner from turning the index scan into a walk.
BY_INDEX = """
WITH found AS MATERIALIZED (
    SELECT id, conversation_id FROM conversations_message WHERE search @@ %(query)s::tsquery
)
SELECT m.id, c.team_id = ANY(%(teams)s) AND (%(channel)s = '' OR c.channel = %(channel)s)
FROM (SELECT * FROM found WHERE id < %(top)s ORDER BY id DESC LIMIT %(candidates)s) m
JOIN conversations_conversation c ON c.id = m.conversation_id
ORDER BY m.id DESC
"""

HITS = """
SELECT m.id, m.kind, m.created_at, m.author_name,
       left(CASE WHEN m.visible_text = '' THEN m.text ELSE m.visible_text END, 20000),
       c.id, c.subject, c.preview, c.channel, c.state, coalesce(nullif(k.name, ''), m.author_address)
FROM conversations_message m
JOIN conversations_conversation c ON c.id = m.conversation_id
JOIN contacts_contact k ON k.id = c.contact_id
WHERE m.id = ANY(%(ids)s) AND c.team_id = ANY(%(teams)s)
ORDER BY m.id DESC
"""


@dataclass(frozen=True, slots=True)
class Hit:
    """One message that a search found."""

    id: int
    kind: str
    at: datetime
    author: str
    text: str
    conversation_id: int
    subject: str
    preview: str
    channel: str
    state: str
    contact: str


@dataclass(slots=True)
class _Found:
    """What the steps have found so far: the person's messages, and up to where (exclusive) everything was looked at."""

    ids: list[int]
    seen: int
    bottom: int

    def add(self, rows: Sequence[tuple[int, bool]], bottom: int) -> None:
        """Take in a step that looked at everything from `bottom` on, or stopped at CANDIDATES."""
        self.ids += [number for number, is_theirs in rows if is_theirs]
        self.seen += len(rows)
        self.bottom = rows[-1][0] if len(rows) == CANDIDATES else bottom

    @property
    def is_done(self) -> bool:
        """Whether the page is full or there is nothing left to look at."""
        return len(self.ids) > PAGE or self.bottom <= 0


def search_messages(
    user: User, text: str, *, before: int | None = None, channel: str = ""
) -> tuple[list[Hit], int | None]:
    """Return a page of messages of the person's teams that say something (INV-06), and where the next page begins."""
    with connection.cursor() as cursor:
        cursor.execute(PARSE, {"text": text[:200]})
        query, newest, total = cursor.fetchone()
        if not query or newest is None:
            return [], None
        top = min(before or newest + 1, newest + 1)
        values: dict[str, Any] = {
            "query": query, "teams": team_ids_of(user), "channel": channel, "candidates": CANDIDATES,
        }  # fmt: skip
        found = _look(cursor, values, top, max(total, newest // 10))
        ids = found.ids[:PAGE]
        cursor.execute(HITS, values | {"ids": ids})
        hits = [Hit(*row) for row in cursor.fetchall()]
    # Pages go by the order of arrival; within one, what was said last comes first (an import brings old messages late).
    hits.sort(key=lambda hit: hit.at, reverse=True)
    if len(found.ids) > PAGE:
        return hits, ids[-1]
    return hits, found.bottom if found.bottom > 0 else None


def _look(cursor: Any, values: dict[str, Any], top: int, total: int) -> _Found:
    """Probe the newest messages, then go on by the shorter way."""
    found = _Found([], 0, top)
    _walk(cursor, values, found, PROBE)
    if found.is_done:
        return found
    share = found.seen / max(1, top - found.bottom)
    # To fill the page by walking: so many messages; by the index: so many fetches, whatever the page.
    walk = (PAGE + 1 - len(found.ids)) * found.seen / max(1, len(found.ids)) / share if share else float("inf")
    if share and walk < min(WALK, share * total * FETCH_COST):
        _walk(cursor, values, found, int(walk * 1.5))
    elif share * total > WALK:
        _walk(cursor, values, found, WALK)  # common in general, rare in the person's teams
    else:
        cursor.execute(BY_INDEX, values | {"top": found.bottom})
        found.add(cursor.fetchall(), 0)
    return found


def _walk(cursor: Any, values: dict[str, Any], found: _Found, length: int) -> None:
    bottom = max(0, found.bottom - length)
    cursor.execute(WALK_BACK, values | {"top": found.bottom, "bottom": bottom})
    found.add(cursor.fetchall(), bottom)
