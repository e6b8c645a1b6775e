"""An answer as X takes it: a numbered thread of posts of 280, or direct messages of 10,000 characters. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from comptoir.channels import counting
from comptoir.channels.base import Part, Preview, Unit
from comptoir.core.types import Outbound, OutboundFile

LIMIT = counting.X_LIMIT
PRIVATE_LIMIT = 10_000  # characters of a direct message
PICTURES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
PICTURE_BYTES, MOVING_BYTES = 5 * 1024 * 1024, 15 * 1024 * 1024
PICTURES_MOST = 4  # of one post
# X makes links of names without https:// too, and counts each as 23. These endings cover what people write here; a
# word that only looks like one makes a part a little shorter than it need be, never too long.
_BARE = re.compile(
    r"(?<![\w@./-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+"
    r"(?:com|org|net|info|biz|edu|gov|app|dev|shop|online|store|site|io|ai|co|tv|me|eu|fr|be|ch|lu|ca|de|at|es|it|pt|nl|"
    r"uk|us|ie|pl|se|no|dk|fi|cz|ru|ua|jp|cn|in|br|au)(?![\w-])(?:[/?#][^\s]*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One post or direct message as it leaves."""

    text: str
    files: tuple[OutboundFile, ...] = ()


def measure(text: str) -> int:
    """Return the length of a text as X counts it, a bare domain name as the link that X makes of it."""
    extra = sum(max(0, counting.X_LINK - counting.weighted(found[0])) for found in _BARE.finditer(text))
    return counting.weighted(text) + extra


def thread(text: str) -> list[str]:
    """Return a text as posts, each with its number behind it where there are several: 'Bonjour … 1/3'."""
    text = text.strip()
    if measure(text) <= LIMIT:
        return [text]
    digits = 1
    while True:
        room = LIMIT - 2 * digits - 2  # a space, the number, a stroke, the count
        parts = counting.split(text, room, measure)
        if len(str(len(parts))) <= digits:
            return [f"{part} {number}/{len(parts)}" for number, part in enumerate(parts, 1)]
        digits += 1


def plan(message: Outbound) -> list[Leaf]:
    """Return what leaves, in its order; the same each time, so that a later attempt can go on."""
    files = message.files
    if message.is_public:
        texts = thread(message.text)
        groups = [files[at : at + PICTURES_MOST] for at in range(0, len(files), PICTURES_MOST)]
    else:
        texts = counting.split(message.text.strip(), PRIVATE_LIMIT, counting.characters)
        groups = [(file,) for file in files]
    texts += [""] * (len(groups) - len(texts))
    groups += [()] * (len(texts) - len(groups))
    return [Leaf(text, tuple(group)) for text, group in zip(texts, groups, strict=True)]


def preview(message: Outbound, options: Mapping[str, Any]) -> Preview:
    """Return the parts that leave."""
    if message.is_public:
        parts = tuple(Part(leaf.text, measure(leaf.text)) for leaf in plan(message))
        return Preview(parts, LIMIT, Unit.WEIGHTED, splits=True)
    parts = tuple(Part(leaf.text, len(leaf.text)) for leaf in plan(message))
    return Preview(parts, PRIVATE_LIMIT, Unit.CHARACTERS, splits=True)


def post(leaf: Leaf, *, answers: str, media: list[str]) -> dict[str, Any]:
    """Return the JSON of one post that answers another."""
    value: dict[str, Any] = {"text": leaf.text, "reply": {"in_reply_to_tweet_id": answers}}
    return value | ({"media": {"media_ids": media}} if media else {})


def direct(leaf: Leaf, *, media: list[str]) -> dict[str, Any]:
    """Return the JSON of one direct message."""
    value: dict[str, Any] = {"text": leaf.text} if leaf.text else {}
    return value | ({"attachments": [{"media_id": one} for one in media]} if media else {})


def refusal_of(file: OutboundFile) -> str:
    """Return why X does not take a file, '' where it does: 'kind', 'size'."""
    kind = file.content_type.partition(";")[0].strip().lower()
    if kind not in PICTURES:
        return "kind"
    return "size" if len(file.content) > (MOVING_BYTES if kind == "image/gif" else PICTURE_BYTES) else ""


def category_of(file: OutboundFile, *, is_public: bool) -> str:
    """Return what X calls a picture that is for a post or for a direct message."""
    moves = file.content_type.partition(";")[0].strip().lower() == "image/gif"
    return ("tweet_" if is_public else "dm_") + ("gif" if moves else "image")


def same(ours: str, theirs: str) -> bool:
    """Whether two texts are the same to a reader: names before a reply and spaces do not count."""
    return _bare(ours) == _bare(theirs)


def _bare(text: str) -> str:
    return " ".join(re.sub(r"^(?:@\w{1,15}\s+)+", "", text.strip()).split())
