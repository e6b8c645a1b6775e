"""Bluesky's firehose as Jetstream tells it: one JSON object a message. Pure.

{"did", "time_us", "kind": "commit", "commit": {"operation": "create"|"update"|"delete", "collection", "rkey", "cid",
"record": {"text", "langs", "createdAt", "facets", "tags", "reply"}}}. `time_us` is the cursor: microseconds.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from comptoir.core.textfold import clean
from comptoir.listening.rules import Post

COLLECTION = "app.bsky.feed.post"
REWIND = 5_000_000  # microseconds before the cursor: events of one instant may come in another order after a break
PROFILES_AT_ONCE = 25  # as the platform allows
_DID = re.compile(r"did:[a-z]+:[a-zA-Z0-9._:%-]{1,200}")
_RKEY = re.compile(r"[a-zA-Z0-9._:~-]{1,512}")


@dataclass(frozen=True, slots=True)
class Told:
    """What one message of the stream says: a post, or the id of one that its author took back; and where it stands."""

    cursor: int = 0
    post: Post | None = None
    deleted: str = ""


def address(base: str, cursor: str) -> str:
    """Return the address of the stream from a cursor on ('': from now on)."""
    asked: dict[str, str | int] = {"wantedCollections": COLLECTION}
    if cursor.isascii() and cursor.isdigit():
        asked["cursor"] = max(0, int(cursor) - REWIND)
    base = base.rstrip("/")
    return f"{base if base.endswith('/subscribe') else base + '/subscribe'}?{urlencode(asked)}"


def parse(message: str) -> Told:
    """Read one message; whatever is not a post of anybody says nothing."""
    try:
        event = json.loads(message)
    except (ValueError, RecursionError):
        return Told()
    if not isinstance(event, dict):
        return Told()
    told_at = event.get("time_us")
    cursor = told_at if isinstance(told_at, int) and not isinstance(told_at, bool) and 0 < told_at < 2**53 else 0
    commit, did = event.get("commit"), event.get("did")
    if not isinstance(commit, dict) or commit.get("collection") != COLLECTION:
        return Told(cursor)
    rkey, operation = commit.get("rkey"), commit.get("operation")
    if not (isinstance(did, str) and _DID.fullmatch(did) and isinstance(rkey, str) and _RKEY.fullmatch(rkey)):
        return Told(cursor)
    uri = f"at://{did}/{COLLECTION}/{rkey}"
    if operation == "delete":
        return Told(cursor, deleted=uri)
    record = commit.get("record")
    if operation not in ("create", "update") or not isinstance(record, dict):
        return Told(cursor)
    return Told(cursor, _post(uri, did, rkey, commit, record, cursor))


def _post(uri: str, did: str, rkey: str, commit: Mapping[str, Any], record: Mapping[str, Any], cursor: int) -> Post:
    text, langs, cid = record.get("text"), record.get("langs"), commit.get("cid")
    return Post(
        id=uri,
        text=clean(text) if isinstance(text, str) else "",
        url=f"https://bsky.app/profile/{quote(did, safe=':')}/post/{quote(rkey)}",
        author_id=did,
        published_at=_when(record.get("createdAt"), cursor),
        languages=tuple(lang for lang in langs if isinstance(lang, str)) if isinstance(langs, list) else (),
        tags=tuple(_tags(record)),
        raw={"uri": uri, "cid": cid if isinstance(cid, str) else "", "did": did, "record": record},
    )


def _when(created: object, cursor: int) -> datetime | None:
    """Return when the stream told it; what authors write into `createdAt` may be any time at all."""
    if cursor:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=cursor)
    try:
        instant = datetime.fromisoformat(created) if isinstance(created, str) else None
    except ValueError:
        return None
    return instant.replace(tzinfo=UTC) if instant is not None and instant.tzinfo is None else instant


def _tags(record: Mapping[str, Any]) -> Iterable[str]:
    tags, facets = record.get("tags"), record.get("facets")
    yield from (tag for tag in (tags if isinstance(tags, list) else []) if isinstance(tag, str))
    for facet in facets if isinstance(facets, list) else []:
        features = facet.get("features") if isinstance(facet, dict) else None
        for feature in features if isinstance(features, list) else []:
            if isinstance(feature, dict) and isinstance(feature.get("tag"), str):
                yield feature["tag"]


@dataclass(frozen=True, slots=True)
class Profile:
    """Who an author is: what the stream does not tell."""

    handle: str
    name: str
    followers: int | None


def profiles_address(base: str, dids: Iterable[str]) -> str:
    """Return the address that tells who some authors are (app.bsky.actor.getProfiles, at most 25)."""
    asked = urlencode([("actors", did) for did in dids])
    return f"{base.rstrip('/')}/xrpc/app.bsky.actor.getProfiles?{asked}"


def parse_profiles(body: bytes) -> dict[str, Profile]:
    """Read the answer to it: {did: profile}; what cannot be read is left out."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    rows = answer.get("profiles") if isinstance(answer, dict) else None
    found: dict[str, Profile] = {}
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and isinstance(row.get("did"), str) and isinstance(row.get("handle"), str):
            name, count = row.get("displayName"), row.get("followersCount")
            is_count = isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 2**31
            found[row["did"]] = Profile(
                clean(row["handle"])[:300], clean(name)[:200] if isinstance(name, str) else "",
                count if is_count else None,
            )  # fmt: skip
    return found
