"""Lengths as the platforms count them, and texts cut into parts that fit. Pure.

Sources: X, the twitter-text configuration 3 (weights per mille, links of 23); Bluesky, 300 grapheme clusters (Unicode
Standard Annex 29); SMS, 3GPP TS 23.038 (the seven-bit alphabet and its extension) and 23.040 (153 or 67 in a series).
"""

import re
import unicodedata
from collections.abc import Callable

X_LIMIT = 280
X_LINK = 23
BLUESKY_LIMIT = 300
SMS_SINGLE, SMS_SERIES = 160, 153
SMS_WIDE_SINGLE, SMS_WIDE_SERIES = 70, 67

_LIGHT = ((0x0000, 0x10FF), (0x2000, 0x200D), (0x2010, 0x201F), (0x2032, 0x2037))
_LINK = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?')\]]")
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENDED = frozenset("\f^{}\\[~]|€")  # two septets each: an escape goes before
# Where every character stands alone and weighs one: most of what is written in Europe, counted without a loop.
_PLAIN = re.compile(r"[\n\x20-\xa8\xaa-\xad\xaf-\u024f\u2010-\u201f]*")
_ZWJ, _KEYCAP = "\u200d", "\u20e3"

Measure = Callable[[str], int]


def _extends(char: str) -> bool:
    """Whether a character belongs to the one before it: marks, variation selectors, skin tones, tags."""
    point = ord(char)
    is_modifier = 0x1F3FB <= point <= 0x1F3FF or 0xE0020 <= point <= 0xE007F
    return is_modifier or char in (_ZWJ, "\u200c") or unicodedata.category(char) in {"Mn", "Me", "Mc"}


def _hangul(char: str) -> str:
    """Return the place of a Korean letter in its syllable: 'L', 'V', 'T', 'LV', 'LVT', or ''."""
    point = ord(char)
    if 0xAC00 <= point <= 0xD7A3:
        return "LV" if (point - 0xAC00) % 28 == 0 else "LVT"
    for name, first, last in (("L", 0x1100, 0x115F), ("V", 0x1160, 0x11A7), ("T", 0x11A8, 0x11FF)):
        if first <= point <= last:
            return name
    return ""


_SYLLABLE = {("L", "L"), ("L", "V"), ("L", "LV"), ("L", "LVT"), ("LV", "V"), ("V", "V"), ("LV", "T"), ("V", "T"),
             ("LVT", "T"), ("T", "T")}  # fmt: skip


def _is_pictograph(char: str) -> bool:
    point = ord(char)
    return 0x1F000 <= point <= 0x1FAFF or 0x2190 <= point <= 0x2BFF or point in {0xA9, 0xAE, 0x3030, 0x303D}


def _joins(cluster: str, char: str) -> bool:
    """Whether a character continues a grapheme cluster (the rules GB3 to GB13 of the annex)."""
    last = cluster[-1]
    if last == "\r" and char == "\n":
        return True
    if unicodedata.category(last) in {"Cc", "Zl", "Zp"}:
        return False
    if _extends(char):
        return True
    if last == _ZWJ and _is_pictograph(char):
        return _is_pictograph(cluster[0])
    if _is_flag_letter(last) and _is_flag_letter(char):
        return len(cluster) == 1
    return (_hangul(last), _hangul(char)) in _SYLLABLE


def _is_flag_letter(char: str) -> bool:
    return 0x1F1E6 <= ord(char) <= 0x1F1FF


def graphemes(text: str) -> list[str]:
    """Return the characters of a text as a reader sees them: a family of emoji is one, 'e' with its accent is one."""
    found: list[str] = []
    for char in text:
        if found and _joins(found[-1], char):
            found[-1] += char
        else:
            found.append(char)
    return found


def characters(text: str) -> int:
    """Return the length in code points."""
    return len(text)


def grapheme_count(text: str) -> int:
    """Return the length in characters as a reader sees them (Bluesky)."""
    return len(text) if _PLAIN.fullmatch(text) else len(graphemes(text))


def _weight(cluster: str) -> int:
    if _is_pictograph(cluster[0]) or _is_flag_letter(cluster[0]) or cluster.endswith(_KEYCAP):
        return 2
    return sum(1 if any(low <= ord(c) <= high for low, high in _LIGHT) else 2 for c in cluster)


def weighted(text: str) -> int:
    """Return the length as X counts it: a link is 23, an emoji 2, a Latin letter 1, a Chinese one 2."""
    text = unicodedata.normalize("NFC", text)
    if "://" not in text and _PLAIN.fullmatch(text):
        return len(text)
    links = _LINK.findall(text)
    return X_LINK * len(links) + sum(map(_weight, graphemes(_LINK.sub("", text))))


def is_gsm(text: str) -> bool:
    """Whether a text fits the seven-bit alphabet of the SMS."""
    return all(char in _GSM or char in _GSM_EXTENDED for char in text)


def sms_units(text: str) -> int:
    """Return the length of an SMS: septets where the alphabet has every character, else UTF-16 units."""
    if is_gsm(text):
        return sum(2 if char in _GSM_EXTENDED else 1 for char in text)
    return utf16_units(text)


def utf16_units(text: str) -> int:
    """Return the length in UTF-16 units: what one segment of a message with any wide character counts in."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def sms_segments(text: str) -> tuple[list[str], int]:
    """Return the segments of an SMS and the room of each. No segment cuts a character in two."""
    narrow = is_gsm(text)
    single, series = (SMS_SINGLE, SMS_SERIES) if narrow else (SMS_WIDE_SINGLE, SMS_WIDE_SERIES)
    if sms_units(text) <= single:
        return [text], single
    # The alphabet is chosen for the whole message, so a segment of plain letters still has the room of a wide one.
    size = _septets if narrow else utf16_units
    segments, used = [""], 0
    for char in text:
        cost = size(char)
        if used + cost > series:
            segments.append("")
            used = 0
        segments[-1] += char
        used += cost
    return segments, series


def _septets(char: str) -> int:
    return 2 if char in _GSM_EXTENDED else 1


_PIECES = re.compile(r"\S+\s*|\s+")


def split(text: str, limit: int, measure: Measure) -> list[str]:
    """Return a text in parts of at most `limit`, cut between words; only a word that is longer is cut itself.

    Every part that could end with a sentence in its last third does, which reads better than one that is full.
    """
    parts: list[str] = []
    current = ""
    for piece in _fitting(_PIECES.findall(text), limit, measure):
        if current and measure((current + piece).strip()) > limit:
            kept, rest = _at_sentence(current)
            parts.append(kept.strip())
            current = rest if measure((rest + piece).strip()) <= limit else ""
            if not current and rest:
                parts.append(rest.strip())
        current += piece
    parts.append(current.strip())
    return [part for part in parts if part] or [""]


def _at_sentence(part: str) -> tuple[str, str]:
    ends = [found.end() for found in re.finditer(r"[.!?…][»\")]?\s+|\n+", part)]
    at = max((end for end in ends if len(part) * 2 // 3 <= end < len(part)), default=len(part))
    return part[:at], part[at:]


def _fitting(pieces: list[str], limit: int, measure: Measure) -> list[str]:
    """Return the words, those that are longer than a whole part cut by what a reader sees as characters."""
    found: list[str] = []
    for piece in pieces:
        if measure(piece.strip()) <= limit:
            found.append(piece)
            continue
        current = ""
        for cluster in graphemes(piece):
            if current and measure(current + cluster) > limit:
                found.append(current)
                current = ""
            current += cluster
        found.append(current)
    return found
