"""Marks what was searched for in a text: pure. The database searches folded text, people read the accents.

A word counts as found when its folded form and the query's agree but for a short ending, which is what the database's
stemmers do in essence ('factures' finds 'facture').
"""

import re
import unicodedata
from functools import lru_cache
from html import escape

_WORD = re.compile(r"\w+")
SPAN = 220  # characters of an excerpt


@lru_cache(maxsize=4096)
def fold(word: str) -> str:
    """Return a word in lower case without accents."""
    plain = word.lower().replace("œ", "oe").replace("ß", "ss")
    return "".join(c for c in unicodedata.normalize("NFD", plain) if not unicodedata.combining(c))


def _agrees(word: str, wanted: str) -> bool:
    if len(wanted) < 4 or len(word) < 4:
        return word == wanted
    shared = 0
    for a, b in zip(word, wanted, strict=False):
        if a != b:
            break
        shared += 1
    return shared >= 4 and shared >= max(len(wanted), len(word)) - 3


def _wanted(query: str) -> set[str]:
    return {fold(word) for word in _WORD.findall(re.sub(r"(^|\s)-\S+", " ", query))} - {"or"}


def marked(name: str, query: str) -> str:
    """Return a short text, such as a subject or a file's name, as safe HTML with the words that were found marked."""
    wanted = _wanted(query)
    parts = re.split(r"([^\W_]+)", name)
    found = (any(fold(part).startswith(word) or _agrees(fold(part), word) for word in wanted) for part in parts)
    return "".join(f"<mark>{escape(part)}</mark>" if is_found and part else escape(part)
                   for part, is_found in zip(parts, found, strict=True))  # fmt: skip


def excerpt(text: str, query: str) -> str:
    """Return a safe HTML excerpt of a text around the first word found, with every found word marked."""
    wanted = _wanted(query)
    spans = [m.span() for m in _WORD.finditer(text) if any(_agrees(fold(m.group()), w) for w in wanted)]
    start = max(0, spans[0][0] - SPAN // 3) if spans else 0
    if start:
        start = text.find(" ", start) + 1 or start
    end = min(len(text), start + SPAN)
    out = ["…"] if start else []
    at = start
    for first, last in spans:
        if first < at or last > end:
            continue
        out += [escape(text[at:first]), "<mark>", escape(text[first:last]), "</mark>"]
        at = last
    out.append(escape(text[at:end]))
    if end < len(text):
        out.append("…")
    return " ".join("".join(out).split())
