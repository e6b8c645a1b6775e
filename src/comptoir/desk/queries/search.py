"""Search over everything that was said, newest first, at a cost that does not grow with the archive.

Neither of PostgreSQL's ways serves all words: the GIN index reads every message that has a word, which is slow for a
common one; walking back from the newest message meets a rare one only after the whole table. The planner cannot choose,
because its statistics know common words only. So we look first: a short walk over the newest messages either fills the
page (a common word) or tells how rare the word is, and with that which way is shorter. Every step reads a bounded
number of rows; where a page is not full at the bound, the next page goes on from there.

Filters are conditions on that walk (narrowing.py). Two of them open a shorter way: where few conversations or few
authors are meant, their messages are read and nothing else. A span of time is walked in the order of time
(message_by_time) instead of the order of arrival, because an import brings old messages late.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from comptoir.desk.queries.narrowing import IS_FAR, Narrowing
from comptoir.desk.search_words import Asked

PAGE = 20
PROBE = 3000  # newest messages looked at first: about 4 ms (bench/: walking costs 0.7 to 2 µs a message)
WALK = 150_000  # the longest walk for one page
DATED_WALK = 40_000  # in the order of time each step is kept aside: about three times the cost
CANDIDATES = 500  # messages with the word of which we ask whose they are
NOTES_WALK = 8  # times as far, where only notes are read (message_notes): among messages they are few
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
SAID = "ts_match_vq(m.search, %(query)s::tsquery)"

WALK_BACK = """
SELECT m.id, {conversation}
FROM (SELECT m.id, m.conversation_id, m.kind FROM conversations_message m
      WHERE m.id < %(top)s AND m.id >= %(bottom)s AND {said} AND {message}
      ORDER BY m.id DESC LIMIT %(candidates)s) m
JOIN conversations_conversation c ON c.id = m.conversation_id
ORDER BY m.id DESC
"""

# How common the words are, whatever the filters: of the newest messages.
COMMON = f"SELECT count(*) FROM conversations_message m WHERE m.id < %(top)s AND m.id >= %(bottom)s AND {SAID}"  # noqa: S608

# MATERIALIZED keeps the planner from turning the index scan into a walk.
BY_INDEX = """
WITH found AS MATERIALIZED (
    SELECT m.id, m.conversation_id, m.kind FROM conversations_message m
    WHERE m.search @@ %(query)s::tsquery AND {message}
)
SELECT m.id, {conversation}
FROM (SELECT * FROM found WHERE id < %(top)s ORDER BY id DESC LIMIT %(candidates)s) m
JOIN conversations_conversation c ON c.id = m.conversation_id
ORDER BY m.id DESC
"""

# Few conversations (message_timeline) or few authors (the index of the foreign key): their messages, and nothing else.
NEAR = """
WITH near AS MATERIALIZED (
    SELECT m.id, m.conversation_id, m.kind FROM conversations_message m WHERE {source} AND {said} AND {message}
)
SELECT m.id FROM near m JOIN conversations_conversation c ON c.id = m.conversation_id
WHERE m.id < %(top)s AND {conversation}
ORDER BY m.id DESC LIMIT %(page)s
"""

# In the order of time. A last row without an answer tells how far the walk came, unless it came to the end.
WALK_TIME = """
WITH walked AS MATERIALIZED (
    SELECT m.id, m.conversation_id, m.kind, m.created_at, ({said} AND {message}) AS is_meant
    FROM conversations_message m
    WHERE (m.created_at, m.id) < (%(at)s, %(top)s) AND m.created_at >= %(since)s
    ORDER BY m.created_at DESC, m.id DESC LIMIT %(length)s
)
(SELECT m.id, m.created_at, coalesce({conversation}, false)
 FROM (SELECT * FROM walked WHERE is_meant ORDER BY created_at DESC, id DESC LIMIT %(candidates)s) m
 JOIN conversations_conversation c ON c.id = m.conversation_id
 ORDER BY m.created_at DESC, m.id DESC)
UNION ALL
(SELECT id, created_at, NULL FROM walked WHERE (SELECT count(*) FROM walked) = %(length)s
 ORDER BY created_at, id LIMIT 1)
"""

BY_INDEX_IN_TIME = """
WITH found AS MATERIALIZED (
    SELECT m.id, m.conversation_id, m.kind, m.created_at FROM conversations_message m
    WHERE m.search @@ %(query)s::tsquery AND {message}
)
SELECT m.id, m.created_at, {conversation}
FROM (SELECT * FROM found WHERE (created_at, id) < (%(at)s, %(top)s)
      ORDER BY created_at DESC, id DESC LIMIT %(candidates)s) m
JOIN conversations_conversation c ON c.id = m.conversation_id
ORDER BY m.created_at DESC, m.id DESC
"""

# A search without words and about no message is for conversations: each is shown once, by its last message
# (message_timeline).
LATEST = """m.id = (SELECT x.id FROM conversations_message x WHERE x.conversation_id = c.id
    ORDER BY x.created_at DESC, x.id DESC LIMIT 1)"""

HITS = f"""
SELECT m.id, m.kind, m.created_at, m.author_name,
       left(CASE WHEN m.visible_text = '' THEN m.text ELSE m.visible_text END, 20000),
       c.id, c.subject, c.preview, c.channel, c.state, coalesce(nullif(k.name, ''), m.author_address),
       m.attachment_count, {IS_FAR}
FROM conversations_message m
JOIN conversations_conversation c ON c.id = m.conversation_id
JOIN contacts_contact k ON k.id = c.contact_id
WHERE m.id = ANY(%(ids)s) AND c.team_id = ANY(%(teams)s)
ORDER BY m.id DESC
"""  # noqa: S608  # constants only


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
    file_count: int
    is_far: bool  # not on the first page of its conversation


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a page ends and the next begins: a message, in the order of time or (without `at`) of arrival."""

    at: datetime | None
    id: int

    def __str__(self) -> str:
        return f"{self.at.isoformat()},{self.id}" if self.at else str(self.id)

    @classmethod
    def read(cls, text: str) -> "Place | None":
        """Return the place that a link to the next page names, or None."""
        at, _comma, number = text.rpartition(",")
        try:
            place = cls(datetime.fromisoformat(at) if at else None, int(number))
        except ValueError:
            return None
        is_usable = 0 < place.id < 2**63 and (place.at is None or place.at.tzinfo is not None)
        return place if is_usable else None


@dataclass(frozen=True, slots=True)
class Messages:
    """A page of messages that were found, and where the next one begins."""

    hits: Sequence[Hit] = ()
    more: Place | None = None


@dataclass(slots=True)
class _Look:
    """A search under way: the person's messages so far, and up to where (exclusive) everything was looked at."""

    cursor: Any
    narrowing: Narrowing
    values: dict[str, Any]
    bottom: Place | None  # None: nothing is left to look at
    ids: list[Place]
    seen: int = 0
    walked: int = 0

    def run(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Execute a statement with the conditions of this search in their places (constants only)."""
        said = SAID if self.values["query"] else "true"
        about = self.narrowing.about_conversation()
        if not self.values["query"] and not self.narrowing.message:
            about += f" AND {LATEST}"
        message = self.narrowing.about_message()
        query = statement.format(said=said, message=message, conversation=about, source=values.pop("source", ""))
        self.cursor.execute(query, self.values | values)
        return list(self.cursor.fetchall())

    @property
    def is_done(self) -> bool:
        """Whether the page is full or there is nothing left to look at."""
        return len(self.ids) > PAGE or self.bottom is None

    def add(self, rows: Sequence[tuple[Place, bool]], bottom: Place | None) -> None:
        """Take in a step that looked at everything down to `bottom`, or stopped at the most candidates."""
        self.ids += [place for place, is_theirs in rows if is_theirs]
        self.seen += len(rows)
        self.bottom = rows[-1][0] if len(rows) == self.values["candidates"] else bottom

    def walk(self, length: int) -> None:
        """Walk over so many messages."""
        assert self.bottom is not None
        self.walked += length
        if self.narrowing.is_dated:
            rows = self.run(WALK_TIME, at=self.bottom.at, top=self.bottom.id, length=length)
            ends = [Place(at, number) for number, at, is_theirs in rows if is_theirs is None]
            places = [(Place(at, number), is_theirs) for number, at, is_theirs in rows if is_theirs is not None]
            self.add(places, ends[0] if ends else None)
            return
        bottom = max(0, self.bottom.id - length)
        found = self.run(WALK_BACK, top=self.bottom.id, bottom=bottom)
        self.add(
            [(Place(None, number), is_theirs) for number, is_theirs in found], Place(None, bottom) if bottom else None
        )

    def is_common(self, newest: int, most: int) -> bool:
        """Whether the index would read more than `most` messages: the filters are asked of them all."""
        if not self.values["query"] or not self.narrowing.message:
            return False  # then what was seen on the way says it already
        self.cursor.execute(COMMON, self.values | {"top": newest + 1, "bottom": newest - PROBE})
        share = self.cursor.fetchone()[0] / PROBE
        return bool(share * newest > most)

    def by_index(self) -> None:
        """Ask the index for all messages with the words."""
        assert self.bottom is not None
        if self.narrowing.is_dated:
            rows = self.run(BY_INDEX_IN_TIME, at=self.bottom.at, top=self.bottom.id)
            self.add([(Place(at, number), is_theirs) for number, at, is_theirs in rows], None)
        else:
            found = self.run(BY_INDEX, top=self.bottom.id)
            self.add([(Place(None, number), is_theirs) for number, is_theirs in found], None)


def search_messages(asked: Asked, narrowing: Narrowing, *, after: Place | None = None) -> Messages:
    """Return a page of the messages that answer a search; of the teams of the person who narrowed it (INV-06)."""
    if asked.is_empty:
        return Messages()
    with connection.cursor() as cursor:
        cursor.execute(PARSE, {"text": asked.words[:300]})
        query, newest, total = cursor.fetchone()
        if newest is None or (asked.words and not query):  # nothing but stop words or punctuation
            return Messages()
        values = narrowing.values | {
            "query": query, "candidates": CANDIDATES if query else 4 * CANDIDATES, "page": PAGE + 1,
            "since": narrowing.since or datetime.min.replace(tzinfo=UTC, year=1970),
        }  # fmt: skip
        look = _Look(cursor, narrowing, values, _start(narrowing, after, newest), [])
        if source := narrowing.near(cursor):
            look.values = values | narrowing.values
            _read_near(look, source, after)
        else:
            _go(look, max(total, newest // 10), newest)
        places = look.ids[:PAGE]
        cursor.execute(HITS, values | {"ids": [place.id for place in places]})
        hits = [Hit(*row) for row in cursor.fetchall()]
    # Pages go by the order of arrival; within one, what was said last comes first (an import brings old messages late).
    hits.sort(key=lambda hit: hit.at, reverse=True)
    return Messages(hits, places[-1] if len(look.ids) > PAGE else look.bottom)


def _start(narrowing: Narrowing, after: Place | None, newest: int) -> Place:
    """Return where to begin: at the top, or where the last page ended."""
    if not narrowing.is_dated:
        return Place(None, min(after.id if after else newest + 1, newest + 1))
    if after is not None and after.at is not None:
        return after
    return Place(narrowing.until or datetime.max.replace(tzinfo=UTC, year=9999), 0)


def _go(look: _Look, total: int, newest: int) -> None:
    """Probe the newest messages, then go on by the shorter way."""
    look.walk(PROBE)
    if look.is_done:
        return
    longest = DATED_WALK if look.narrowing.is_dated else WALK
    if look.narrowing.has_notes_only and not look.narrowing.is_dated:
        longest *= NOTES_WALK
    share = look.seen / look.walked
    # To fill the page by walking: so many messages; by the index: so many fetches, whatever the page.
    walk = (PAGE + 1 - len(look.ids)) * look.seen / max(1, len(look.ids)) / share if share else float("inf")
    if share and walk < min(longest, share * total * FETCH_COST):
        look.walk(int(walk * 1.5))
    elif share * total > longest or not look.values["query"] or look.is_common(newest, longest):
        # Common in general, rare in the person's teams or behind the filters; or only filters, which no index serves.
        look.walk(longest)
    else:
        look.by_index()


def _read_near(look: _Look, source: str, after: Place | None) -> None:
    """Read the messages of few conversations or authors; always in the order of arrival."""
    rows = look.run(NEAR, source=source, top=after.id if after else 2**62)
    look.ids, look.bottom = [Place(None, row[0]) for row in rows], None
