"""Header fields: unfolding, RFC 2047 and RFC 2231 in all the ways they are abused, addresses, identifiers, dates.

Every function is linear in its input and total: bad input gives the most readable answer, never an error.
"""

import base64
import binascii
import re
import string
from datetime import UTC, datetime
from email.utils import parsedate_tz

from .charsets import decode, tidy
from .parsed import Address

MAX_HEADERS = 2_000  # a mail with more is an attack; the first ones are kept
MAX_VALUE = 64_000  # characters of one field; the longest honest ones (To:, References:) stay far below
MAX_ADDRESSES = 1_000
MAX_REFERENCES = 200

_FIELD = re.compile(rb"^([\x21-\x39\x3b-\x7e]{1,200})[ \t]*:[ \t]*")
_SPLIT = re.compile(rb"\r?\n(?![ \t])")
_UNFOLD = re.compile(r"[ \t]*\r?\n[ \t]+|\r?\n")
# Lenient on purpose: blanks inside, a language after '*', no blank between two words, an unclosed last one is text.
_ENCODED = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*|.{0,500}?)\?=")
_Q = re.compile(rb"=([0-9A-Fa-f]{2})")
_BLANK = re.compile(r"[ \t\r\n\f\v]+")
_BASE64 = (string.ascii_letters + string.digits + "+/").encode()
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64))
_HEX = {f"{i:02x}".encode(): bytes([i]) for i in range(256)} | {f"{i:02X}".encode(): bytes([i]) for i in range(256)}

Fields = dict[str, list[bytes]]


def split_fields(block: bytes) -> tuple[Fields, bool, int]:
    """Return the fields of a header block by lower-case name, values still raw.

    Also whether some were left out, and where the first line is that is no field (-1: all are).
    """
    fields: Fields = {}
    count = 0
    stray: bytes | None = None
    for line in _SPLIT.split(block):
        match = _FIELD.match(line)
        if match is None:
            stray = stray or line or None
            continue
        count += 1
        if count > MAX_HEADERS:
            return fields, True, -1
        fields.setdefault(match[1].decode("ascii").lower(), []).append(line[match.end() :])
    return fields, False, -1 if stray is None else block.find(stray)


def to_text(raw: bytes) -> str:
    """Return a raw field as one line of text; 8-bit bytes are UTF-8 or whatever they look like."""
    raw = raw[:MAX_VALUE]
    text = raw.decode("ascii") if raw.isascii() and b"\x1b" not in raw else decode(raw)[0]
    if "\n" in text:
        text = _UNFOLD.sub(" ", text)
    return text.strip()


def decode_words(text: str) -> str:
    """Return a field's text with its encoded words decoded and its blanks folded into single spaces."""
    if "=?" in text:
        text = _decode_words(text)
    text = _BLANK.sub(" ", text)
    return tidy(text.replace("\r", "")).strip(" ")


def _decode_words(text: str) -> str:
    """Join neighbours of one charset before decoding: mailers cut multi-byte characters in two."""
    out: list[str] = []
    pending = b""
    charset = ""
    end = 0
    for match in _ENCODED.finditer(text):
        between = text[end : match.start()]
        label = match[1].partition("*")[0].lower()
        data = _word_bytes(match[2], match[3])
        if pending and (between.strip() or label != charset):
            out.append(decode(pending, charset)[0])
            pending = b""
        if between.strip() or end == 0:
            out.append(between)
        pending += data
        charset = label
        end = match.end()
    if pending:
        out.append(decode(pending, charset)[0])
    out.append(text[end:])
    return "".join(out)


def _word_bytes(encoding: str, body: str) -> bytes:
    data = body.encode("ascii", "replace") if body.isascii() else body.encode("utf-8")
    if encoding in "bB":
        return from_base64(data)
    return _Q.sub(lambda m: _HEX.get(m[1]) or bytes.fromhex(m[1].decode()), data.replace(b"_", b" "))


def from_base64(data: bytes) -> bytes:
    """Decode base64 leniently: foreign characters skipped, padding optional, a cut last group dropped.

    Padding in the middle ends one encoded stretch and starts the next (several were pasted together).
    """
    try:
        return base64.b64decode(data, validate=False) if b"=" not in data.rstrip(b"=\r\n\t ") else _from_pieces(data)
    except binascii.Error:
        return _from_pieces(data)


def _from_pieces(data: bytes) -> bytes:
    out: list[bytes] = []
    for piece in re.split(rb"=+", data):
        clean = piece.translate(None, _NOT_BASE64)
        if len(clean) % 4 == 1:
            clean = clean[:-1]
        out.append(binascii.a2b_base64(clean + b"=" * (-len(clean) % 4)))
    return b"".join(out)


# --- addresses ------------------------------------------------------------------------------------------------------

_PLAIN = re.compile(r'^\s*(?:"([^"\\<>]*)"|([^"<>(),:;\\@=]*))\s*<([^<>()\s",;:@]+@[^<>()\s",;:@]+)>\s*$')
_BARE = re.compile(r'^[^<>()\s",;:@]+@[^<>()\s",;:@]+$')
_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*+"'  # quoted string
    r"|=\?[^?\s]{1,60}\?[bBqQ]\?[^?]*+\?="  # encoded word: its commas separate nothing
    r"|<[^<>]*+>?"
    r"|[(),;:]"
    r"|[^\"<>(),;:=]++|.",
    re.DOTALL,
)
_OPEN, _CLOSE, _COLON = "():"
_LOOKS_LIKE_ADDRESS = re.compile(r"[^\s<>\"'(),;:@]+@[^\s<>\"'(),;:@]+")


def addresses(raw: bytes) -> tuple[Address, ...]:
    """Return the mailboxes of a From, To, Cc or Reply-To field, groups opened, empty ones left out."""
    text = to_text(raw)
    if not text:
        return ()
    match = _PLAIN.match(text)
    if match:
        name = (match[1] or match[2] or "").strip()
        return (Address(_bare_name(decode_words(name) if "=?" in name else name), match[3]),)
    if _BARE.match(text):
        return (Address("", text),)
    found = (_mailbox(tokens) for tokens in _mailboxes(text))
    return tuple([a for a in found if a is not None][:MAX_ADDRESSES])


def _mailboxes(text: str) -> list[list[str]]:
    """Cut a field at its commas and semicolons; a group's name goes, its members stay."""
    boxes: list[list[str]] = [[]]
    depth = 0
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token == _OPEN:
            depth += 1
        elif token == _CLOSE and depth:
            depth -= 1
        elif not depth and token in {",", ";"}:
            boxes.append([])
            if len(boxes) > 2 * MAX_ADDRESSES:
                break
            continue
        elif not depth and token == _COLON and not any("@" in t or t.startswith("<") for t in boxes[-1]):
            boxes[-1] = []
            continue
        boxes[-1].append(token)
    return boxes


def _mailbox(tokens: list[str]) -> Address | None:
    phrase: list[str] = []
    comment: list[str] = []
    email: str | None = None
    depth = 0
    for token in tokens:
        if token == _OPEN:
            depth += 1
            if depth > 1:
                comment.append(token)
        elif token == _CLOSE and depth:
            depth -= 1
            if depth:
                comment.append(token)
        elif depth:
            comment.append(token)
        elif token.startswith("<"):
            email = token.strip("<>").strip() or email
        else:
            phrase.append(_unquote(token) if token.startswith('"') and len(token) > 1 else token)
    name = decode_words("".join(phrase))
    note = decode_words("".join(comment))
    if email is None:
        if "@" not in name:
            return None
        found = _LOOKS_LIKE_ADDRESS.search(name)
        email = found.group() if found else name
        name = name.replace(email, "", 1).strip(" \t\"'<>") if found else ""
    email = decode_words(email.removeprefix("mailto:").removeprefix("MAILTO:")).strip(" \"'")
    if not email:
        return None
    return Address(_bare_name(name) or _bare_name(note), email)


def _bare_name(name: str) -> str:
    """Return a name without the quotes that some programs put around it."""
    name = name.replace('"', "").strip()
    return name[1:-1].strip() if len(name) > 1 and name[0] == name[-1] == "'" else name


def _unquote(token: str) -> str:
    inner = token[1:-1] if token.endswith('"') else token[1:]
    return re.sub(r"\\(.)", r"\1", inner, flags=re.DOTALL) if "\\" in inner else inner


# --- parameters -----------------------------------------------------------------------------------------------------

_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*+)"?|([^;]*))', re.DOTALL)
_PIECE = re.compile(r"^([^*]+)(?:\*(\d{1,3}))?(\*)?$")


def value_and_parameters(text: str) -> tuple[str, dict[str, str]]:
    """Return a Content-Type's or Content-Disposition's value in lower case and its parameters (RFC 2231 joined)."""
    head, semicolon, _ = text.partition(";")
    value = head.strip().lower()
    if not semicolon:
        return value, {}
    parameters: dict[str, str] = {}
    pieces: dict[str, list[tuple[int, bool, str]]] = {}
    for match in _PARAMETER.finditer(text, len(head)):
        name = match[1].lower()
        raw = match[3].strip() if match[2] is None else (_unquote(f'"{match[2]}"'))
        piece = _PIECE.match(name) if "*" in name else None
        if piece is None:
            parameters.setdefault(name, raw)
        elif len(pieces.setdefault(piece[1], [])) < 200:
            pieces[piece[1]].append((int(piece[2] or 0), piece[3] is not None, raw))
    for name, parts in pieces.items():
        parameters[name] = _join_pieces(sorted(parts, key=lambda p: p[0]))
    return value, parameters


def _join_pieces(parts: list[tuple[int, bool, str]]) -> str:
    """Join the pieces of an RFC 2231 value; the first encoded one names the charset."""
    charset = ""
    data = b""
    seen = -1
    for index, is_encoded, text in parts:
        if index == seen:
            continue
        seen = index
        if is_encoded and not data and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        data += _percent(text) if is_encoded else text.encode("utf-8", "surrogateescape")
    return decode(data, charset)[0]


def _percent(text: str) -> bytes:
    return re.sub(
        rb"%([0-9A-Fa-f]{2})", lambda m: bytes.fromhex(m[1].decode()), text.encode("utf-8", "surrogateescape")
    )


# --- identifiers and dates ------------------------------------------------------------------------------------------

_IDENTIFIER = re.compile(r"<([^<>]{1,998})>")


def identifiers(raw: bytes) -> tuple[str, ...]:
    """Return the message identifiers of a field without angle brackets, in order, each once."""
    text = to_text(raw)
    found = _IDENTIFIER.findall(text) if "<" in text else [t for t in re.split(r"[\s,]+", text) if "@" in t]
    if not found and text and len(text) <= 998 and not re.search(r"\s", text):
        found = [text.strip("<>")]
    clean = (_BLANK.sub("", i) for i in found)
    unique = tuple(dict.fromkeys(i for i in clean if i))
    return unique if len(unique) <= MAX_REFERENCES else (unique[0], *unique[1 - MAX_REFERENCES :])


def date(raw: bytes) -> datetime | None:
    """Return a Date field in UTC; None where it is no date at all."""
    text = to_text(raw)[:200]
    try:
        parts = parsedate_tz(text)
        if parts is None:
            return None
        offset = parts[9] or 0
        if abs(offset) > 86_400:
            offset = 0
        naive = datetime(*parts[:6], tzinfo=UTC)
        return datetime.fromtimestamp(naive.timestamp() - offset, tz=UTC)
    except (ValueError, TypeError, OverflowError, OSError, IndexError):
        return None
