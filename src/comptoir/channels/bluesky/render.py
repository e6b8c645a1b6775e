"""An answer as Bluesky's records: parts of 300 graphemes (1,000 in private), numbered, with their facets. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from comptoir.channels import counting
from comptoir.channels.base import Part, Preview, Unit
from comptoir.core.textfold import clean
from comptoir.core.types import Outbound

from .records import BYTES_EACH, LIMIT, POST, PRIVATE_LIMIT
from .richtext import facets


@dataclass(frozen=True, slots=True)
class Reference:
    """A post by its address and its content's hash: both are needed to answer it."""

    uri: str
    cid: str

    @property
    def plain(self) -> dict[str, str]:
        """As records have it."""
        return {"uri": self.uri, "cid": self.cid}


def room(text: str) -> int:
    """Return how much of the limit a text takes: its graphemes, or a tenth of its bytes where that is more."""
    return max(counting.grapheme_count(text), -(-len(text.encode(errors="replace")) // BYTES_EACH))


def limit_of(message: Outbound) -> int:
    """Return the room of one part. Where it is not known yet where a text goes (a preview), it is a post."""
    return PRIVATE_LIMIT if message.thread_key.startswith("dm:") else LIMIT


def parts(text: str, limit: int) -> list[str]:
    """Return the parts of a text, each with its number where there are several."""
    text = clean(text).strip()
    if room(text) <= limit:
        return [text]
    for digits in range(1, 6):
        longest = 10**digits - 1
        found = _cut(text, limit - len(_number(longest, longest)))
        if len(found) <= longest:
            return [f"{part}{_number(n, len(found))}" for n, part in enumerate(found, start=1)]
    raise AssertionError("a text of more than 99,999 parts")


def _number(number: int, count: int) -> str:
    return f" ({number}/{count})"


def _cut(text: str, limit: int) -> list[str]:
    """Cut between words; inside of a character only where it alone is longer than a part (marks piled upon marks)."""
    found: list[str] = []
    for part in counting.split(text, limit, room):
        while room(part) > limit:
            most = limit * BYTES_EACH // 4  # no code point has more than four bytes
            found.append(part[:most])
            part = part[most:]
        found.append(part)
    return found


def preview(message: Outbound, options: Mapping[str, Any]) -> Preview:
    """Return the parts that leave."""
    limit = limit_of(message)
    shown = tuple(Part(part, room(part)) for part in parts(message.text, limit))
    return Preview(shown, limit, Unit.GRAPHEMES, splits=True)


def post(
    text: str,
    *,
    root: Reference,
    parent: Reference,
    dids: Mapping[str, str],
    images: Sequence[Mapping[str, Any]],
    written_at: str,
) -> dict[str, Any]:
    """Return the record of one post of a thread; `images` are blobs as the upload returned them."""
    record: dict[str, Any] = {
        "$type": POST,
        "text": text,
        "createdAt": written_at,
        "reply": {"root": root.plain, "parent": parent.plain},
    }
    if found := facets(text, dids):
        record["facets"] = found
    if images:
        listed = [{"image": dict(image), "alt": ""} for image in images]
        record["embed"] = {"$type": "app.bsky.embed.images", "images": listed}
    return record


def private_message(text: str, dids: Mapping[str, str]) -> dict[str, Any]:
    """Return the body of one direct message."""
    found = facets(text, dids)
    return {"text": text, "facets": found} if found else {"text": text}
