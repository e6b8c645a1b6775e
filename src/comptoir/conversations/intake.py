"""The batch writer of the pipeline: new conversations, messages, attachments and references of a whole batch.

Everything is one COPY or one statement per table. INV-02: `message.record_id` is unique, so a record can become at
most one message whatever happens to its batch.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from comptoir.conversations.threading import Placed, cited, digest_of
from comptoir.core import bulk
from comptoir.core.textfold import clean, preview
from comptoir.core.types import Author, Inbound
from comptoir.journal import services as journal
from comptoir.journal.services import Actor, Entry

MESSAGE_COLUMNS = (
    "id", "conversation_id", "kind", "contact_id", "author_name", "author_address", "subject", "text", "visible_text",
    "html", "language", "message_id", "recipients", "automatic", "placement", "record_id", "attachment_count",
    "sent_at", "created_at", "facts",
)  # fmt: skip
CONVERSATION_COLUMNS = (
    "id", "account_id", "channel", "thread_key", "contact_id", "team_id", "subject", "preview", "language", "state",
    "priority", "waiting_since", "created_at", "last_message_at", "message_count", "is_public",
)  # fmt: skip
ATTACHMENT_COLUMNS = (
    "message_id", "key", "filename", "content_type", "size", "content_id", "inline", "remote", "fetch_at",
)  # fmt: skip

# A customer's message opens the conversation and ends its snooze, unless that lasts until an instant and nothing else
# (rules.state_after_inbound); an automatic one changes neither state nor wait.
TOUCH = """
UPDATE conversations_conversation c SET
    last_message_at = greatest(c.last_message_at, v.at), preview = v.preview, message_count = c.message_count + v.n,
    waiting_since = coalesce(c.waiting_since, v.waits),
    language = CASE WHEN c.language = '' THEN v.language ELSE c.language END,
    state = CASE WHEN v.waits IS NULL OR (c.state = 'snoozed' AND NOT c.wakes_on_reply) THEN c.state ELSE 'open' END,
    snoozed_until = CASE WHEN v.waits IS NULL OR (c.state = 'snoozed' AND NOT c.wakes_on_reply) THEN c.snoozed_until END
FROM unnest(%s::bigint[], %s::timestamptz[], %s::text[], %s::int[], %s::timestamptz[], %s::text[])
     AS v(id, at, preview, n, waits, language)
WHERE c.id = v.id
"""
REFER = """
INSERT INTO conversations_reference (account_id, digest, conversation_id)
SELECT * FROM unnest(%s::bigint[], %s::bytea[], %s::bigint[]) ON CONFLICT ON CONSTRAINT reference_once DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Ready:
    """One message with everything decided about it."""

    record_id: int
    account_id: int
    channel: str
    contact_id: int
    message: Inbound
    placed: Placed
    language: str
    at: datetime  # when it counts as received
    is_ours: bool = False  # one of us wrote it, but not here: the platform told it back


@dataclass(slots=True)
class _Tally:
    """What a batch does to one conversation."""

    first: Ready
    last: Ready
    count: int = 0
    waits: datetime | None = None


def _people(authors: Sequence[Author]) -> list[dict[str, str]]:
    return [{"name": clean(author.name), "address": clean(author.address)} for author in authors]


def _recipients(message: Inbound) -> dict[str, list[dict[str, str]]]:
    groups = {"to": message.to, "cc": message.cc, "reply_to": message.reply_to}
    return {name: _people(authors) for name, authors in groups.items() if authors}


def _message_row(message_id: int, ready: Ready) -> tuple[object, ...]:
    message = ready.message
    text = clean(message.text)
    visible = clean(message.visible_text)
    placement = {"reason": ready.placed.reason}
    if ready.placed.detail:
        placement["detail"] = clean(ready.placed.detail)[:300]
    if ready.contact_id != ready.placed.place.contact_id:
        placement["new_participant"] = "yes"
    return (
        message_id,
        ready.placed.place.id,
        "out" if ready.is_ours else "in",
        None if ready.is_ours else ready.contact_id,
        clean(message.author.name)[:200],
        clean(message.author.address)[:320],
        clean(message.subject),
        text,
        "" if visible == text else visible,
        clean(message.html),
        ready.language,
        clean(message.message_id)[:998],
        json.dumps(_recipients(message)),
        message.automatic[:30],
        json.dumps(placement),
        ready.record_id,
        len(message.blobs) + len(message.remote_files),
        min(message.sent_at or ready.at, ready.at),
        ready.at,
        json.dumps(_facts(message)),
    )


def _facts(message: Inbound) -> Mapping[str, Any]:
    """Return what the platform needs to be answered; with the id by which it will tell what becomes of a message."""
    return {**message.facts, "id": message.message_id} if message.facts else {}


def _files(message_id: int, ready: Ready) -> Iterator[tuple[object, ...]]:
    """Return the rows of a message's files; those that the platform keeps are to be fetched."""
    for b in ready.message.blobs:
        name, kind = clean(b.filename)[:255], clean(b.content_type)[:127]
        yield (message_id, b.key, name, kind, b.size, clean(b.content_id)[:255], b.inline, None, None)
    for r in ready.message.remote_files:
        name, kind = clean(r.filename)[:255], clean(r.content_type)[:127]
        ref = json.dumps({"ref": dict(r.ref), "tries": 0})
        yield (message_id, "", name, kind, r.size, "", r.inline, ref, ready.at)


def _conversation_row(tally: _Tally) -> tuple[object, ...]:
    ready, place = tally.first, tally.first.placed.place
    message = ready.message
    return (
        place.id,
        ready.account_id,
        ready.channel,
        message.thread_key or None,
        place.contact_id,
        place.team_id,
        clean(message.subject),
        _preview(tally.last),
        ready.language,
        "open",
        0,
        tally.waits,
        ready.at,
        tally.last.at,
        tally.count,
        message.is_public,
    )


def _preview(ready: Ready) -> str:
    return preview(clean(ready.message.visible_text or ready.message.text))


def store(batch: Sequence[Ready]) -> list[int]:
    """Write the batch; return the message ids in its order. Must run inside a transaction."""
    if not batch:
        return []
    tallies: dict[int, _Tally] = {}
    for ready in batch:
        tally = tallies.setdefault(ready.placed.place.id, _Tally(ready, ready))
        tally.last, tally.count = ready, tally.count + 1
        if not ready.message.automatic and not ready.is_ours:
            tally.waits = tally.waits or ready.at
    new = [tally for tally in tallies.values() if tally.first.placed.place.is_new]
    bulk.copy_rows("conversations_conversation", CONVERSATION_COLUMNS, map(_conversation_row, new))
    ids = bulk.next_ids("conversations_message_id_seq", len(batch))
    rows = (_message_row(message_id, ready) for message_id, ready in zip(ids, batch, strict=True))
    bulk.copy_rows("conversations_message", MESSAGE_COLUMNS, rows)
    files = [row for i, ready in zip(ids, batch, strict=True) for row in _files(i, ready)]
    if files:
        bulk.copy_rows("conversations_attachment", ATTACHMENT_COLUMNS, files)
    _touch([tally for tally in tallies.values() if not tally.first.placed.place.is_new])
    _refer(batch)
    _tell(batch, ids)
    return ids


def _touch(tallies: Sequence[_Tally]) -> None:
    if not tallies:
        return
    columns = [
        [t.first.placed.place.id for t in tallies],
        [t.last.at for t in tallies],
        [_preview(t.last) for t in tallies],
        [t.count for t in tallies],
        [t.waits for t in tallies],
        [t.last.language for t in tallies],
    ]
    bulk.fetch_all(TOUCH, columns)


def _refer(batch: Sequence[Ready]) -> None:
    references = sorted(
        {
            (ready.account_id, digest_of(message_id)): ready.placed.place.id
            for ready in reversed(batch)
            if not ready.message.thread_key
            for message_id in (*cited(ready.message), ready.message.message_id)
            if message_id
        }.items()
    )
    if references:
        keys = [key for key, _ in references]
        bulk.fetch_all(REFER, [[k[0] for k in keys], [k[1] for k in keys], [value for _, value in references]])


def register_reference(*, account_id: int, message_id: str, conversation_id: int) -> None:
    """Remember the id of a message that we send, so that its answer finds the conversation."""
    bulk.fetch_all(REFER, [[account_id], [digest_of(message_id)], [conversation_id]])


def _tell(batch: Sequence[Ready], ids: Sequence[int]) -> None:
    entries: list[Entry] = []
    told: set[int] = set()
    for message_id, ready in zip(ids, batch, strict=True):
        place = ready.placed.place
        if place.is_new and place.id not in told:
            told.add(place.id)
            facts = {"channel": ready.channel, "account": ready.account_id, "team": place.team_id}
            entries.append(
                Entry(journal.SYSTEM, "conversation.created", place.id, place.contact_id, facts=facts, at=ready.at)
            )
        name = clean(ready.message.author.name or ready.message.author.address)
        actor = journal.SYSTEM if ready.is_ours else Actor("contact", ready.contact_id, name)
        kind = "reply.elsewhere" if ready.is_ours else "message.received"
        facts = {"reason": ready.placed.reason, "automatic": ready.message.automatic}
        entries.append(Entry(actor, kind, place.id, ready.contact_id, message_id, facts=facts, at=ready.at))
    journal.append_all(entries)
