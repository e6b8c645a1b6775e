"""Which conversation does a message belong to? The batch stage; the reason is kept with each message.

In this order: the platform's own thread key; In-Reply-To; References, nearest first; our Message-ID quoted earlier by
an answer that overtook it; the signed token in our reply address; otherwise a new conversation. Never the subject and
never a number in the text: a stranger could write those.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from comptoir.core import bulk
from comptoir.core.crypto import derive_key, verify_number
from comptoir.core.types import Inbound

MAX_REFERENCES = 50  # the nearest ones; longer chains are mailing lists


@dataclass(slots=True)
class Place:
    """A conversation that messages of the batch go to: an existing one, or one to be created."""

    id: int
    is_new: bool
    contact_id: int
    team_id: int
    state: str = "open"


@dataclass(frozen=True, slots=True)
class Placed:
    """Where one message goes and why."""

    place: Place
    reason: str  # thread-key, in-reply-to, references, overtaken, token, new
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One message that looks for its conversation."""

    account_id: int
    team_id: int
    contact_id: int
    message: Inbound


@dataclass(slots=True)
class _Known:
    """What the batch knows: conversations by id, by thread key and by referenced message id."""

    places: dict[int, Place] = field(default_factory=dict)
    by_key: dict[tuple[int, str], Place] = field(default_factory=dict)
    by_digest: dict[tuple[int, bytes], Place] = field(default_factory=dict)


def digest_of(message_id: str) -> bytes:
    """Return the 16 bytes under which a message id is looked up."""
    return hashlib.blake2b(message_id.strip().strip("<>").encode(errors="replace"), digest_size=16).digest()


def cited(message: Inbound) -> list[str]:
    """Return the ids that a message cites, the most telling first, without repetition."""
    nearest = [*message.in_reply_to, *reversed(message.references[-MAX_REFERENCES:])]
    return list(dict.fromkeys(nearest))


LOAD_KEYS = """
SELECT account_id, thread_key, id FROM conversations_conversation
JOIN unnest(%s::bigint[], %s::text[]) AS w(a, k) ON account_id = w.a AND thread_key = w.k
"""
LOAD_DIGESTS = """
SELECT r.account_id, r.digest, r.conversation_id FROM conversations_reference r
JOIN unnest(%s::bigint[], %s::bytea[]) AS w(a, d) ON r.account_id = w.a AND r.digest = w.d
"""
# A merged conversation's messages go to where it was merged into, over any number of merges.
LOCK = """
WITH RECURSIVE target(asked, id, merged_into_id) AS (
    SELECT c.id, c.id, c.merged_into_id FROM conversations_conversation c WHERE c.id = ANY(%s)
  UNION ALL
    SELECT t.asked, c.id, c.merged_into_id FROM target t JOIN conversations_conversation c ON c.id = t.merged_into_id
)
SELECT asked, id FROM target WHERE merged_into_id IS NULL
"""
ROWS = """
SELECT id, contact_id, team_id, state FROM conversations_conversation WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""


def _load(candidates: Sequence[Candidate]) -> _Known:
    """Load and lock (in the order of ids) every existing conversation that the batch may touch."""
    keys = sorted({(c.account_id, c.message.thread_key) for c in candidates if c.message.thread_key})
    digests = sorted({(c.account_id, digest_of(i)) for c in candidates for i in _all_ids(c.message)})
    tokens = {_token_target(c.message) for c in candidates} - {None}
    by_key = bulk.fetch_all(LOAD_KEYS, [[k[0] for k in keys], [k[1] for k in keys]]) if keys else []
    by_digest = bulk.fetch_all(LOAD_DIGESTS, [[d[0] for d in digests], [d[1] for d in digests]]) if digests else []
    asked = sorted({row[2] for row in by_key} | {row[2] for row in by_digest} | tokens)  # type: ignore[type-var]  # None was removed
    known = _Known()
    if not asked:
        return known
    found: dict[int, Place] = {}
    # An agent may merge while we wait for a lock, so that where a merge leads is asked again under the locks.
    while missing := set((target := dict(bulk.fetch_all(LOCK, [asked]))).values()) - found.keys():
        rows = bulk.fetch_all(ROWS, [sorted(missing)])
        found |= {row[0]: Place(row[0], False, row[1], row[2], row[3]) for row in rows}
    known.places = {asked_id: found[target_id] for asked_id, target_id in target.items() if target_id in found}
    known.by_key = {(a, k): known.places[i] for a, k, i in by_key if i in known.places}
    known.by_digest = {(a, bytes(d)): known.places[i] for a, d, i in by_digest if i in known.places}
    return known


def _all_ids(message: Inbound) -> Iterable[str]:
    if message.thread_key:
        return ()
    return [*([message.message_id] if message.message_id else []), *cited(message)]


def _token_target(message: Inbound) -> int | None:
    return verify_number(message.reply_token, key=derive_key("reply-token")) if message.reply_token else None


def _decide(candidate: Candidate, known: _Known) -> tuple[Place | None, str, str]:
    """Return the existing place of a message, the reason and its detail."""
    message, account = candidate.message, candidate.account_id
    if message.thread_key:
        return known.by_key.get((account, message.thread_key)), "thread-key", message.thread_key
    for cited_id in cited(message):
        place = known.by_digest.get((account, digest_of(cited_id)))
        if place:
            return place, "in-reply-to" if cited_id in message.in_reply_to else "references", cited_id
    if message.message_id:
        place = known.by_digest.get((account, digest_of(message.message_id)))
        if place:
            return place, "overtaken", message.message_id
    target = _token_target(message)
    if target is not None and target in known.places:
        return known.places[target], "token", ""
    return None, "new", ""


def place(candidates: Sequence[Candidate]) -> list[Placed]:
    """Return the conversation of every message, in order; new ones have a drawn id and must still be stored."""
    known = _load(candidates)
    decided: list[Placed] = []
    fresh: list[Place] = []
    for candidate in candidates:
        found, reason, detail = _decide(candidate, known)
        if found is None:
            found = Place(0, True, candidate.contact_id, candidate.team_id)
            fresh.append(found)
            reason, detail = "new", ""
        message = candidate.message
        if message.thread_key:
            known.by_key[candidate.account_id, message.thread_key] = found
        for message_id in _all_ids(message):
            known.by_digest.setdefault((candidate.account_id, digest_of(message_id)), found)
        decided.append(Placed(found, reason, detail))
    for new, conversation_id in zip(fresh, bulk.next_ids("conversations_conversation_id_seq", len(fresh)), strict=True):
        new.id = conversation_id
    return decided
