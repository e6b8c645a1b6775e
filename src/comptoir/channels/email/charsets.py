"""From bytes to text: what the sender declared if it holds, otherwise what the bytes look like.

Never raises and never loses a character silently: bytes that fit nothing become U+FFFD and a note says so.
Only text codecs are reachable from a declared label (a mail must not pick 'zip' or 'idna').
"""

import codecs
import re
import unicodedata
from itertools import pairwise

# Labels of mails in the wild and what their senders mean by them (WHATWG's encoding standard has the reasons:
# what calls itself Latin-1 is windows-1252, GB2312 is GB 18030, KS C 5601 is the unified Hangul code).
_ALIASES = {
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "ansi_x3.4-1968": "cp1252",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "iso_8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "l1": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "windows-874": "cp874",
    "tis-620": "cp874",
    "iso-8859-8-i": "iso8859_8",
    "iso-8859-8-e": "iso8859_8",
    "iso-8859-6-i": "iso8859_6",
    "gb2312": "gb18030",
    "gb_2312-80": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "cp936": "gb18030",
    "chinesebig5": "big5hkscs",
    "big5": "big5hkscs",
    "x-x-big5": "big5hkscs",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "ksc5601": "cp949",
    "euc-kr": "cp949",
    "korean": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "ms_kanji": "cp932",
    "cp50220": "iso2022_jp",
    "cp50221": "iso2022_jp",
    "iso-2022-jp-ms": "iso2022_jp",
    "macintosh": "mac_roman",
    "x-mac-roman": "mac_roman",
    "mac": "mac_roman",
    "utf8mb4": "utf-8",
    "unicode-1-1-utf-8": "utf-8",
    "unicode-1-1-utf-7": "utf-7",
    "x-unicode-2-0-utf-7": "utf-7",
}
_UNKNOWN_LABELS = frozenset(
    {
        "",
        "unknown",
        "unknown-8bit",
        "x-unknown",
        "8bit",
        "binary",
        "default",
        "default_charset",
        "none",
        "user-defined",
        "x-user-defined",
    }
)
# Text codecs of Python that no mail may use: unbounded cost, or not a charset at all.
_REFUSED = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "mbcs", "oem"})
_JAPANESE = ("cp932", "euc_jp")
_CODECS: dict[str, str | None] = {}  # label -> Python codec; bounded below, the labels come from strangers
_MAX_LABELS = 512
_ESCAPE = re.compile(rb"\x1b(\$[@B]|\$\(D|\([BJI])")
_HIGH_RUN = re.compile(rb"[\x80-\xff]{2,}")
_NOT_ASCII = re.compile("[^\x00-\x7f]+")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\ud800-\udfff\ufffe\uffff]")


def find_codec(label: str) -> str | None:
    """Return the Python codec for a declared charset, or None where no such charset exists."""
    label = label.strip().strip("\"'").lower()
    if label in _CODECS:
        return _CODECS[label]
    codec = _look_up(label)
    if len(_CODECS) < _MAX_LABELS:
        _CODECS[label] = codec
    return codec


def _look_up(label: str) -> str | None:
    if label in _UNKNOWN_LABELS or len(label) > 40:
        return None
    alias = _ALIASES.get(label) or _ALIASES.get(label.replace("_", "-"))
    if alias:
        return alias
    for name in (label, re.sub(r"^(?:x-|cp-?|windows-?|ibm-?)(\d+)$", r"cp\1", label), label.removeprefix("x-")):
        try:
            info = codecs.lookup(name)
        except (LookupError, ValueError, UnicodeError):
            continue
        if getattr(info, "_is_text_encoding", True) and info.name not in _REFUSED:
            return _ALIASES.get(info.name, info.name)
    return None


def decode(data: bytes, label: str = "") -> tuple[str, str]:
    """Return the text of `data` and a note ('' when the declared charset simply held)."""
    if data.isascii() and b"\x1b" not in data and b"+" not in data:
        codec = find_codec(label) if label else None
        if codec not in {"utf-7", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "hz"}:
            return data.decode("ascii"), ""
    codec = find_codec(label) if label else None
    if codec is not None:
        text = _decode_as(data, codec)
        if text is not None:
            return text, ""
    text, guessed = guess(data)
    if label and codec is None:
        return text, f"unknown charset {label[:40]!r}, read as {guessed}"
    if label:
        return text, f"not valid {label[:40]}, read as {guessed}"
    return text, "" if guessed in {"utf-8", "ascii"} else f"no charset declared, read as {guessed}"


def _decode_as(data: bytes, codec: str) -> str | None:
    if codec == "cp1252":
        return _decode_western(data)
    if codec.startswith("iso2022_jp"):
        return _decode_iso2022_jp(data)
    try:
        return data.decode(codec)
    except (UnicodeError, ValueError):
        pass
    if codec in {"utf-8", "gb18030", "cp932", "euc_jp", "cp949", "big5hkscs"}:
        return _decode_damaged(data, codec)
    if codec == "utf-7":
        return None
    try:  # a one-byte charset with holes: keep the declared one, the holes become U+FFFD
        text = data.decode(codec, "replace")
    except (UnicodeError, ValueError):
        return None
    return text if text.count("\ufffd") * 20 <= len(text) else None


def _decode_western(data: bytes) -> str | None:
    """Windows-1252 for what says it is Latin-1 or ASCII, unless its bytes are plainly UTF-8."""
    if _HIGH_RUN.search(data):
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            pass
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:  # one of the five holes of cp1252
        if _ESCAPE.search(data):
            return None
        return data.decode("latin-1") if data.count(b"\x81") + data.count(b"\x8d") < 3 else None


def _decode_damaged(data: bytes, codec: str) -> str | None:
    """Accept a multi-byte text with a few broken characters (a cut message), refuse another charset's text."""
    text = data.decode(codec, "replace")
    broken = text.count("\ufffd")
    good = sum(len(m) for m in _NOT_ASCII.findall(text)) - broken
    # UTF-8's form is evidence in itself: one good sequence for two bad ones is no accident of another charset.
    if broken * (2 if codec == "utf-8" else 8) > good:
        return None
    return data.decode("utf-8", _WESTERN_ERRORS) if codec == "utf-8" else text


def _western_errors(error: UnicodeError) -> tuple[str, int]:
    """Read stray bytes inside UTF-8 as windows-1252: a Latin-1 footer under a UTF-8 text loses no accent."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    if error.end == len(error.object) and error.reason == "unexpected end of data":
        return "\ufffd", error.end
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


_WESTERN_ERRORS = "comptoir-western"
codecs.register_error(_WESTERN_ERRORS, _western_errors)


def _decode_iso2022_jp(data: bytes) -> str | None:
    """ISO-2022-JP as mailers write it: NEC's row 13 (①, ㈱) and half-width kana included."""
    if b"\x1b" not in data and not data.isascii():
        return next((t for t in (_try(data, c) for c in ("utf-8", *_JAPANESE)) if t is not None), None)
    try:
        return data.decode("iso2022_jp")
    except UnicodeDecodeError:
        pass
    out: list[str] = []
    mode = b"(B"
    pieces = _ESCAPE.split(data)
    for i, piece in enumerate(pieces):
        if i % 2:
            mode = piece
        elif piece:
            out.append(_decode_segment(piece, mode))
    return "".join(out)


def _decode_segment(piece: bytes, mode: bytes) -> str:
    if mode in {b"$B", b"$@"}:
        # The same character set in EUC's clothes; a line break ends a segment in damaged mails.
        return "".join(
            _euc_row13(line).decode("cp932", "replace") if i % 2 == 0 else line.decode("ascii")
            for i, line in enumerate(re.split(rb"([\r\n]+)", piece))
        )
    if mode == b"$(D":
        return b"".join(b"\x8f" + bytes(b | 0x80 for b in piece[i : i + 2]) for i in range(0, len(piece), 2)).decode(
            "euc_jp", "replace"
        )
    if mode == b"(I":
        return bytes(b | 0x80 for b in piece).decode("cp932", "replace")
    return _try(piece, "ascii") or _try(piece, "cp932") or piece.decode("ascii", "replace")


def _euc_row13(pairs: bytes) -> bytes:
    """Map JIS X 0208 pairs to Shift_JIS, whose Microsoft variant knows NEC's and IBM's extensions."""
    out = bytearray()
    for i in range(0, len(pairs) - 1, 2):
        row, cell = pairs[i] & 0x7F, pairs[i + 1] & 0x7F
        if not (0x21 <= row <= 0x7E and 0x21 <= cell <= 0x7E):
            out += b"?"
            continue
        lead = (row - 0x21) // 2 + 0x81
        out.append(lead if lead < 0xA0 else lead + 0x40)
        out.append(cell + (0x1F if cell < 0x60 else 0x20) if row % 2 else cell + 0x7E)
    return bytes(out)


def _try(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except (UnicodeError, ValueError):
        return None


def guess(data: bytes) -> tuple[str, str]:
    """Return a text and the charset it was taken for, from the bytes alone; the best reading wins, never an error."""
    if data.isascii() and b"\x1b" not in data:
        return data.decode("ascii"), "ascii"
    for mark, codec in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark) and (text := _try(data, codec)) is not None:
            return text, codec
    if (text := _try(data, "utf-8")) is not None and b"\x1b" not in data:
        return text, "utf-8"
    if _ESCAPE.search(data) and (text := _decode_iso2022_jp(data)) is not None:
        return text, "iso-2022-jp"
    if (text := _decode_damaged(data, "utf-8") or "") and _NOT_ASCII.search(text):
        return text, "utf-8"
    sample = data[:20_000]
    best, best_score = "cp1252", _score(sample, "cp1252")
    for codec in ("cp932", "euc_jp", "gb18030", "cp949", "big5", "cp1251", "koi8_r", "cp1250", "cp1253", "cp1256"):
        score = _score(sample, codec)
        if score > best_score:
            best, best_score = codec, score
    if best == "cp1252":
        return _try(data, "cp1252") or data.decode("latin-1"), "windows-1252"
    return data.decode(best, "replace"), best


# What a text in the charset is mostly made of, as ranges of its decoded characters, and how much evidence a
# character is. Western is tried first and wins ties, so that two accents in a short French text stay French.
_TYPICAL: dict[str, tuple[str, float]] = {
    "cp1252": ("àâäæçéèêëîïíìñôöóòœùûüúßÀÂÄÇÉÈÊËÎÔÖÙÛÜÑ€’‘“”«»–—…åøÅØãõáÁÓÚ°º²ª¡¿§£\xa0", 1.0),
    "cp1250": ("ąćęłńóśźżĄĆĘŁŃŚŹŻčďěňřšťůžČĎĚŘŠŤŮŽőűŐŰăşţ„”’“–áéíýúÁÉÍ", 1.0),
    "cp1251": ("абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєАБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЭЮЯ№–—«»", 1.0),
    "koi8_r": ("абвгдежзийклмнопрстуфхцчшщъыьэюяёАБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЭЮЯ", 1.0),
    "cp1253": ("αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ«»", 1.0),
    "cp1256": ("ابتثجحخدذرزسشصضطظعغفقكلمنهويةىأإآءؤئپچژگ،؛؟", 1.0),
}
_WORD = re.compile(r"[^\W\d_]+")


def _score(sample: bytes, codec: str) -> float:
    """Return the share of the non-ASCII characters that are ordinary for the charset, minus what is odd in it."""
    text = sample.decode(codec, "replace")
    high = [c for c in text if c > "\x7f"]
    if not high:
        return 0.0
    if codec in _TYPICAL:
        typical, weight = _TYPICAL[codec]
        good = sum(1 for c in high if c in typical)
        mixed = _mixed_case(text) if codec != "cp1256" else 0
        return weight * (good - mixed) / len(high) - (0.01 if codec != "cp1252" else 0.0)
    broken = text.count("\ufffd")
    # Sequences of two or more ideographs or kana are evidence; a lone one beside Latin letters is an accident.
    good = sum(len(m.group()) for m in re.finditer(r"[\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff00-\uff9f]{2,}", text))
    common = sum(1 for c in high if c in _COMMON_ASIAN)
    return (good - 4 * broken) / len(high) * 0.9 + min(0.3, common / len(high))


_COMMON_ASIAN = frozenset(
    "のにはをたがでてとしれさるいなもからまですっこありよーンスルトの、。・的一是不了在有人我他这中大来上个国到说们为子和你地出道也时年，。は이다의에는을를가고하한지도사기시로있서어아나해라그리니"
)


def _mixed_case(text: str) -> int:
    """Count capitals in the middle of words, and letters of two alphabets in one word: a wrong charset shows there."""
    odd = 0
    for match in _WORD.finditer(text):
        word = match.group()
        if word.isascii():
            continue
        odd += sum(1 for a, b in pairwise(word) if a.islower() and b.isupper() and b > "\x7f")
        if any("a" <= c.lower() <= "z" for c in word) and any(c > "\u036f" for c in word):
            odd += sum(1 for c in word if c > "\x7f")
    return odd


def tidy(text: str) -> str:
    """Return the text with Unix line ends, composed accents (NFC) and without control characters."""
    if "\r" in text:
        text = text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROL.sub("", text)
    if text.isascii() or unicodedata.is_normalized("NFC", text):
        return text
    return unicodedata.normalize("NFC", text)
