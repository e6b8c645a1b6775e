"""Pure decisions about drafts: does a page that saves know the newest words, and may a file come along."""

from enum import StrEnum

MAX_FILES_BYTES = 25 * 1024 * 1024  # all together; most mail servers refuse more
MAX_FILES = 20

# What mail servers refuse, whatever is inside: programs, scripts, installers, shortcuts (as Gmail and Outlook do).
REFUSED = frozenset(
    "ade adp apk appx bat cab chm cmd com cpl dll dmg exe hta ins iso isp jar js jse lib lnk mde msc msi msix msp mst "
    "nsh pif ps1 scr sct shb sys vb vbe vbs vhd vxd wsc wsf wsh".split()
)


class Standing(StrEnum):
    """How the page that wants to save stands to what is stored."""

    CURRENT = "current"
    BEHIND = "behind"  # somebody, most likely the same person on another device, saved newer words
    GONE = "gone"  # it was sent or thrown away elsewhere


def standing(*, known: int, stored: int | None) -> Standing:
    """Judge a save: `known` is the revision that the page has seen (0: none), `stored` the one there is, if any."""
    if stored is None:
        return Standing.GONE if known else Standing.CURRENT
    return Standing.CURRENT if known == stored else Standing.BEHIND


class Refusal(StrEnum):
    """Why a file cannot come along."""

    EMPTY = "empty"
    TYPE = "type"
    SIZE = "size"
    COUNT = "count"


def refusal(*, name: str, size: int, others: int, count: int) -> Refusal | None:
    """Return why a file is refused, or None. `others` is the size in bytes, `count` the number of those there."""
    if name.lower().rstrip(". ").rpartition(".")[2] in REFUSED:
        return Refusal.TYPE
    if size == 0:
        return Refusal.EMPTY
    if size + others > MAX_FILES_BYTES:
        return Refusal.SIZE
    return Refusal.COUNT if count >= MAX_FILES else None


def joined(before: str, added: str) -> str:
    """Return a text with another one below it."""
    return f"{before.rstrip()}\n\n{added}" if before.strip() else added
