"""What parser, renderer and client share of the AT Protocol: addresses, record keys, limits. Pure."""

import hashlib
import re
from datetime import UTC, datetime

NETWORK = "bluesky"
POST = "app.bsky.feed.post"
LIMIT = 300  # graphemes of a post; its lexicon allows 3,000 bytes beside
PRIVATE_LIMIT = 1000  # graphemes of a direct message; 10,000 bytes
BYTES_EACH = 10  # in both, ten bytes a grapheme are allowed
MOST_IMAGES = 4
IMAGE_BYTES = 2_000_000  # app.bsky.embed.images
IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
MOST_THREAD = 200  # as in conversations.models

DID = re.compile(r"did:[a-z]{1,20}:[A-Za-z0-9._:%-]{1,240}")
URI = re.compile(rf"at://({DID.pattern})/([A-Za-z][A-Za-z0-9.-]{{0,300}})/([A-Za-z0-9._:~-]{{1,512}})")
_SORTABLE = "234567abcdefghijklmnopqrstuvwxyz"
_EARLIEST = datetime(2024, 1, 1, tzinfo=UTC)


def parts_of(uri: str) -> tuple[str, str, str]:
    """Return (did, collection, record key) of a record's address. Raises ValueError."""
    found = URI.fullmatch(uri)
    if found is None:
        raise ValueError("not the address of a record")
    return found[1], found[2], found[3]


def public_thread(root: str) -> str:
    """Return the thread key of a public conversation: its first post."""
    return _fitting(f"post:{root}")


def private_thread(did: str) -> str:
    """Return the thread key of the private conversation with one account; there is exactly one with each."""
    return _fitting(f"dm:{did}")


def group_thread(convo: str) -> str:
    """Return the thread key of a private conversation of several."""
    return _fitting(f"dm:convo:{convo}")


def _fitting(key: str) -> str:
    if len(key) <= MOST_THREAD:
        return key
    digest = hashlib.sha256(key.encode(errors="replace")).hexdigest()
    return f"{key[: MOST_THREAD - 65]}#{digest}"


def tid(moment: datetime, clock_id: int) -> str:
    """Return a record key of the form TID: 53 bits of microseconds, 10 bits of a clock, as 13 sortable letters."""
    number = (int(moment.timestamp() * 1_000_000) & (1 << 53) - 1) << 10 | clock_id & 1023
    return "".join(_SORTABLE[number >> shift & 31] for shift in range(60, -1, -5))


def record_key(key: str, answered_at: str, number: int) -> str:
    """Return the record key of one part of a message: the same at every attempt, so that it exists once (INV-03).

    It lies within a second after what is answered, where the key's digest puts it; `answered_at` is ISO 8601 or ''.
    """
    digest = int.from_bytes(hashlib.blake2b(key.encode(errors="replace"), digest_size=8).digest(), "big")
    base = instant(answered_at) or _EARLIEST
    shift = digest % 1_000_000 + number
    return tid(datetime.fromtimestamp(base.timestamp() + shift / 1_000_000, UTC), digest >> 40)


def instant(text: str) -> datetime | None:
    """Return an ISO 8601 instant in UTC; None for what is none, or lies outside of what a clock can show."""
    try:
        found = datetime.fromisoformat(text)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if 1970 <= found.year < 2200 else None


def stamp(moment: datetime) -> str:
    """Return an instant as records have it: UTC, milliseconds, Z. Such texts sort as the instants do."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def permalink(handle: str, did: str, rkey: str) -> str:
    """Return the address at which people read a post. A handle that is broken at the moment is not used."""
    who = handle if handle and handle != "handle.invalid" else did
    return f"https://bsky.app/profile/{who}/post/{rkey}"
