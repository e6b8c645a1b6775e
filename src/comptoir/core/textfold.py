"""Texts made safe to store and short to list. (Accents are folded by the database: `comptoir_fold`.)"""

import re

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


def clean(text: str) -> str:
    """Return the text without what PostgreSQL or a page cannot hold: controls (NUL first), lone surrogates."""
    return _CONTROL.sub("", text)


def preview(text: str, *, length: int = 160) -> str:
    """Return the beginning of a text on one line, for lists."""
    line = " ".join(text[: length * 3].split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"
