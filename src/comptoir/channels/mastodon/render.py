"""An answer as posts: who may read it, whom it names, and its parts with their lengths as servers count them. Pure.

A server counts what a reader sees as characters, a link as a fixed number (23) and only the first half of a name of
another server (@user of @user@domain). An answer is never more public than what it answers.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from comptoir.channels import counting
from comptoir.channels.base import Part, Preview, Unit
from comptoir.core.types import Outbound

LIMIT, LINK = 500, 23  # of Mastodon; other servers tell theirs
LEAST_LIMIT = 100  # below this a server's own figure is not believed
LEAST_ROOM = 40  # of the text in one part, beside names and number
MOST_PARTS = 30
_NUMBER_ROOM = len(" (99/99)")
ORDER = ("public", "unlisted", "private", "direct")
_URL = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?')\]]")
_NAME = re.compile(r"(?<![\w/=])@([\w.-]*\w)@[a-zA-Z0-9.-]*[a-zA-Z0-9]")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server allows."""

    characters: int
    per_link: int

    def measure(self, text: str) -> int:
        """Return a text's length as the server counts it."""
        links = _URL.findall(text)
        rest = _NAME.sub(r"@\1", _URL.sub("", text))
        return self.per_link * len(links) + counting.grapheme_count(rest)


def limits_of(options: Mapping[str, Any]) -> Limits:
    """Return the limits that were read from the account's server, or Mastodon's own."""
    characters, per_link = _number(options.get("max_characters")), _number(options.get("characters_per_link"))
    return Limits(characters if characters >= LEAST_LIMIT else LIMIT, per_link if 0 < per_link <= 200 else LINK)


def _number(found: object) -> int:
    if isinstance(found, bool):
        return 0
    if isinstance(found, int):
        return found
    return int(found) if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) < 9 else 0


def visibility_of(message: Outbound, options: Mapping[str, Any]) -> str:
    """Return who will read an answer: at most those who read what it answers."""
    asked = message.answers.get("visibility")
    asked = asked if asked in ORDER else ""
    if not message.is_public:
        return asked if asked == "private" else "direct"
    wanted = options.get("visibility")
    wanted = wanted if wanted in ORDER[:2] else "public"
    return max(wanted, asked or wanted, key=ORDER.index)


def _names(message: Outbound) -> str:
    """Return whom the posts name, so that they are told: '@ada@example.social '."""
    addresses = [author.address for author in message.to[:1]] or [str(message.answers.get("author") or "")]
    return "".join(f"@{address} " for address in addresses if address and not re.search(r"\s", address))


def preview(message: Outbound, options: Mapping[str, Any]) -> Preview:
    """Return the posts that leave; a text that does not fit one post becomes a numbered thread."""
    limits, names, text = limits_of(options), _names(message), message.text.strip()
    measure = limits.measure
    whole = (names + text).strip()
    if measure(whole) <= limits.characters:
        return _shown([whole], limits, splits=True)
    room = limits.characters - measure(names) - _NUMBER_ROOM
    if room < max(LEAST_ROOM, limits.per_link):
        return _shown([whole], limits, splits=False)
    pieces = counting.split(text, room, measure)
    count = len(pieces)
    if count > MOST_PARTS:
        return _shown([whole], limits, splits=False)
    parts = [f"{names}{piece} ({number}/{count})".strip() for number, piece in enumerate(pieces, 1)]
    # A link or a name that was cut may count differently with its neighbours: then it is refused, not sent wrongly.
    fits = all(measure(part) <= limits.characters for part in parts)
    return _shown(parts, limits, splits=True) if fits else _shown([whole], limits, splits=False)


def _shown(texts: Sequence[str], limits: Limits, *, splits: bool) -> Preview:
    parts = tuple(Part(text, limits.measure(text)) for text in texts)
    return Preview(parts, limits.characters, Unit.GRAPHEMES, splits=splits)


def status_body(
    message: Outbound, text: str, options: Mapping[str, Any], *, answers: str, media_ids: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the body of POST /api/v1/statuses for one part; `answers` is the post that it stands under."""
    value: dict[str, Any] = {"status": text, "visibility": visibility_of(message, options)}
    if answers:
        value["in_reply_to_id"] = answers
    if media_ids:
        value["media_ids"] = list(media_ids)
    return value
