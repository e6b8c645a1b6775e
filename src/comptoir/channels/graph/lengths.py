"""Texts as parts that the networks of Meta take: numbered, cut between words. Pure."""

from comptoir.channels import counting
from comptoir.channels.base import Part, Preview, Unit

MESSENGER_LIMIT = 2000  # characters of one message (Send API)
INSTAGRAM_LIMIT = 1000  # bytes in UTF-8 of one message
INSTAGRAM_COMMENT_LIMIT = 300  # characters of one comment that a program writes
COMMENT_LIMIT = 8000  # characters of one comment on a page


def utf8_bytes(text: str) -> int:
    """Return the length in bytes of UTF-8."""
    return len(text.encode(errors="replace"))


def numbered(text: str, limit: int, measure: counting.Measure) -> list[str]:
    """Return a text in parts of at most `limit`; several are numbered at their end: “… (1/3)”."""
    text = text.strip()
    if measure(text) <= limit:
        return [text]
    for digits in range(1, 6):
        parts = counting.split(text, limit - len(f" ({'9' * digits}/{'9' * digits})"), measure)
        if len(str(len(parts))) <= digits:
            return [f"{part} ({number}/{len(parts)})" for number, part in enumerate(parts, 1)]
    raise AssertionError("no text is that long")


def shown(text: str, limit: int, unit: Unit, *, splits: bool = True) -> Preview:
    """Return the preview of a text under a limit."""
    measure = utf8_bytes if unit is Unit.BYTES else counting.characters
    # Halves of a surrogate pair cannot leave.
    text = text.encode(errors="replace").decode()
    parts = numbered(text, limit, measure) if splits else [text.strip()]
    return Preview(tuple(Part(part, measure(part)) for part in parts), limit, unit, splits=splits)
