"""Search over the names of files, newest first; as with messages (search.py), at a cost that does not grow.

A common word fills the page from the newest files; a rare one is asked of the index (attachment_words). A word that is
common but not among the newest is looked for a bounded way back, and the next page goes on from there.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from comptoir.desk.queries.narrowing import IS_FAR, Narrowing
from comptoir.desk.search_words import Asked

PAGE = 20
PROBE = 1000  # newest files looked at first; reading the words of a name costs about 5 µs
WALK = 10_000
RARE = 5000  # files that the index may name: fetching each, with its message, costs about 10 µs

NAME = "to_tsvector('simple'::regconfig, comptoir_fold(translate(a.filename, '._-+()[]', '        ')))"

FILES = """
SELECT a.id, a.filename, a.size, a.content_type, m.id, m.created_at, m.author_name, c.id, c.subject, c.preview,
       c.channel, {far}
FROM {source} a
JOIN conversations_message m ON m.id = a.message_id
JOIN conversations_conversation c ON c.id = m.conversation_id
WHERE a.id < %(top)s AND {message} AND {conversation}
ORDER BY a.id DESC LIMIT %(page)s
"""
NEWEST = """(
    SELECT a.* FROM (SELECT * FROM conversations_attachment WHERE id < %(top)s AND NOT inline ORDER BY id DESC
                     LIMIT %(length)s) a
    WHERE {said})"""
BY_INDEX = """(SELECT a.* FROM conversations_attachment a WHERE NOT a.inline AND {said} LIMIT %(rare)s)"""
SPAN = """
SELECT count(*), min(a.id), count(*) FILTER (WHERE {said}),
       (SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'conversations_attachment'::regclass)
FROM (SELECT * FROM conversations_attachment WHERE id < %(top)s AND NOT inline ORDER BY id DESC LIMIT %(length)s) a
"""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file that a search found."""

    id: int
    filename: str
    size: int
    content_type: str
    message_id: int
    at: datetime
    author: str
    conversation_id: int
    subject: str
    preview: str
    channel: str
    is_far: bool  # its message is not on the first page of its conversation


@dataclass(frozen=True, slots=True)
class Files:
    """A page of files, and where the next one begins."""

    hits: Sequence[FoundFile] = ()
    more: int | None = None


def words_of(asked: Asked) -> str:
    """Return the words as a tsquery over file names: every word by its beginning; those left out are left out."""
    found = []
    for part in asked.parts:
        for word in [] if part.filter else re.findall(r"[^\W_]+", part.value.lstrip("-")):
            found.append(f"!{word}" if part.is_out else f"{word}:*")
    return " & ".join(found)


# Of few conversations or few authors (narrowing.py): all their files.
NEAR = """(
    SELECT a.* FROM conversations_message m JOIN conversations_attachment a ON a.message_id = m.id
    WHERE {near} AND m.attachment_count > 0 AND NOT a.inline AND {said})"""


def search_files(asked: Asked, narrowing: Narrowing, *, after: int | None = None) -> Files:
    """Return a page of the files whose name answers a search; of the teams of whom it was narrowed for (INV-06)."""
    words = words_of(asked)
    if asked.is_empty or (asked.words and not words):
        return Files()
    said = f"{NAME} @@ to_tsquery('simple', comptoir_fold(%(words)s))" if words else "true"
    values: dict[str, Any] = {"words": words, "top": after or 2**62, "page": PAGE + 1, "rare": RARE}
    with connection.cursor() as cursor:
        if near := narrowing.near(cursor):
            source, bottom = NEAR.replace("{near}", near), None
        else:
            source, bottom = _source(cursor, said, values)
        query = FILES.format(
            far=IS_FAR,
            source=source.format(said=said),
            message=narrowing.about_message(),
            conversation=narrowing.about_conversation(),
        )
        cursor.execute(query, narrowing.values | values)
        hits = [FoundFile(*row) for row in cursor.fetchall()]
    return Files(hits[:PAGE], hits[PAGE - 1].id) if len(hits) > PAGE else Files(hits, bottom)


def _source(cursor: Any, said: str, values: dict[str, Any]) -> tuple[str, int | None]:
    """Look at the newest files; return where to read from and, where that ends early, up to where."""
    cursor.execute(SPAN.format(said=said), values | {"length": PROBE})
    looked, bottom, seen, total = cursor.fetchone()
    values["length"] = PROBE
    if values["words"] and seen <= PAGE and seen / max(1, looked) * total <= RARE:
        return BY_INDEX, None
    if seen <= PAGE:
        values["length"] = WALK
        cursor.execute(SPAN.format(said="true"), values)
        looked, bottom, _seen, _total = cursor.fetchone()
    return NEWEST, bottom if looked == values["length"] else None
