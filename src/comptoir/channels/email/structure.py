"""The tree of a mail's parts, as offsets into the raw bytes: no copy, no recursion, no more parts than the limits.

Broken structure is repaired the way people expect: junk before the header is skipped, a missing boundary makes the
rest a text, a part that never ends ends with the mail. What was repaired or left out is said in `notes`.
"""

import binascii
import re
from dataclasses import dataclass, field

from .headers import Fields, from_base64, split_fields, to_text, value_and_parameters

MAX_PARTS = 500  # leaves and containers together; a mail client shows a handful, the largest honest ones have dozens
MAX_DEPTH = 50  # multiparts in multiparts; forwards inside forwards are leaves of their own and do not count
_MAX_SKIPPED = 20  # lines of junk before the first header field

_BLANK_LINE = re.compile(rb"\n\r?\n")
_EARLY_BLANK = re.compile(rb"\r?\n")
_BOUNDARY_LINE = re.compile(
    rb"(?:\A|\n)--([^\s-][^\r\n]{0,200}?|-+[^\s-][^\r\n]{0,200}?)[ \t]*\r?\n(?=[A-Za-z][A-Za-z0-9-]{1,40}:|\r?\n)"
)
_FIELD_LINE = re.compile(rb"[\x21-\x39\x3b-\x7e]{1,200}[ \t]*:")
_KNOWN_FIELD = re.compile(
    rb"(?i)(?:from|to|cc|bcc|subject|date|message-id|mime-version|content-[a-z-]+|received|return-path|reply-to|sender|"
    rb"in-reply-to|references|delivered-to|x-[a-z0-9-]+)[ \t]*:"
)


@dataclass(slots=True)
class Part:
    """One node: its fields, and where its body lies in the raw mail."""

    fields: Fields
    start: int
    end: int
    depth: int
    content_type: str = "text/plain"
    parameters: dict[str, str] = field(default_factory=dict)
    disposition: str = ""
    disposition_parameters: dict[str, str] = field(default_factory=dict)
    children: list["Part"] = field(default_factory=list)
    header_start: int = 0

    @property
    def is_container(self) -> bool:
        return bool(self.children)

    def first(self, name: str) -> bytes:
        values = self.fields.get(name)
        return values[0] if values else b""


@dataclass(slots=True)
class Tree:
    raw: bytes
    root: Part
    notes: list[str]

    def content(self, part: Part) -> bytes:
        """Return the decoded body of a leaf."""
        return decode_body(self.raw[part.start : part.end], transfer_encoding(part))


def read_tree(raw: bytes) -> Tree:
    """Return the parts of a mail."""
    notes: list[str] = []
    if b"\n" not in raw and b"\r" in raw:
        raw = raw.replace(b"\r", b"\n")
    root = _read_part(raw, _skip_junk(raw), len(raw), 0, "text/plain", notes)
    waiting = [root]
    count = 1
    while waiting:
        part = waiting.pop()
        if not part.content_type.startswith("multipart/"):
            continue
        if part.depth >= MAX_DEPTH:
            notes.append(f"more than {MAX_DEPTH} levels of parts: the rest is kept as one attachment")
            part.content_type = "application/octet-stream"
            continue
        spans = _split(raw, part, MAX_PARTS - count)
        if not spans:
            notes.append("a multipart without parts, read as text")
            part.content_type, part.parameters = "text/plain", {}
            continue
        default = "message/rfc822" if part.content_type == "multipart/digest" else "text/plain"
        part.children = [_read_part(raw, start, end, part.depth + 1, default, notes) for start, end in spans]
        count += len(spans)
        waiting.extend(reversed(part.children))
        if count >= MAX_PARTS:
            notes.append(f"more than {MAX_PARTS} parts: the others are left in the original")
            for left in waiting:
                if left.content_type.startswith("multipart/"):
                    left.content_type = "application/octet-stream"
            break
    return Tree(raw, root, notes)


def transfer_encoding(part: Part) -> str:
    raw = part.first("content-transfer-encoding")
    return to_text(raw).partition(";")[0].strip(" \"'").lower() if raw else ""


def decode_body(data: bytes, encoding: str) -> bytes:
    """Undo a transfer encoding leniently; an unknown one is the identity."""
    if encoding == "base64":
        return from_base64(data)
    if encoding in {"quoted-printable", "quoted-printeable", "quotedprintable"}:
        return binascii.a2b_qp(data)
    if encoding in {"x-uuencode", "uuencode", "x-uue", "uue"}:
        return decode_uu(data.splitlines())
    return data


def decode_uu(lines: list[bytes]) -> bytes:
    """Decode uuencoded lines, with or without their begin and end."""
    out: list[bytes] = []
    for line in lines:
        if line.startswith(b"begin ") or not line.strip():
            continue
        if line.strip() == b"end":
            break
        try:
            out.append(binascii.a2b_uu(line))
        except binascii.Error:  # a line with trailing garbage: its first character says how much is meant
            meant = (((line[0] - 32) & 63) * 4 + 5) // 3
            try:
                out.append(binascii.a2b_uu(line[:meant]))
            except binascii.Error:
                continue
    return b"".join(out)


def _skip_junk(raw: bytes) -> int:
    """Return where the header begins: after blank lines, an mbox line and a few lines that are no fields."""
    pos = 0
    for _ in range(_MAX_SKIPPED):
        end = raw.find(b"\n", pos)
        if end < 0:
            return 0
        line = raw[pos:end]
        if line.startswith((b"From ", b">From ")) or not line.strip():
            pos = end + 1
        elif _FIELD_LINE.match(line):
            return pos
        else:
            following = raw[end + 1 : raw.find(b"\n", end + 1) + 1 or len(raw)]
            if not (_KNOWN_FIELD.match(following) or not following.strip()):
                return pos
            pos = end + 1
    return 0


def _read_part(raw: bytes, start: int, end: int, depth: int, default: str, notes: list[str]) -> Part:
    block_end, body = _header_span(raw, start, end)
    block = raw[start:block_end]
    fields, was_cut, stray = split_fields(block)
    if stray >= 0 and (cut := _body_in_header(block, stray)) is not None:
        fields, was_cut, _ = split_fields(block[:cut])
        body = start + cut
    if was_cut:
        notes.append("too many header fields: the last ones are left in the original")
    part = Part(fields, body, end, depth, default, header_start=start)
    raw_type = part.first("content-type")
    if raw_type:
        value, part.parameters = value_and_parameters(to_text(raw_type))
        part.content_type = _clean_type(value, default)
    raw_disposition = part.first("content-disposition")
    if raw_disposition:
        part.disposition, part.disposition_parameters = value_and_parameters(to_text(raw_disposition))
    return part


def _clean_type(value: str, default: str) -> str:
    if value == "text":
        return "text/plain"
    if value == "html":
        return "text/html"
    return value if re.fullmatch(r"[a-z0-9][\w.+-]{0,80}/[\w.+-]{1,120}", value, re.ASCII) else default


def _header_span(raw: bytes, start: int, end: int) -> tuple[int, int]:
    early = _EARLY_BLANK.match(raw, start, end)
    if early:
        return start, early.end()
    blank = _BLANK_LINE.search(raw, start, end)
    return (blank.start(), blank.end()) if blank else (end, end)


def _body_in_header(block: bytes, stray: int) -> int | None:
    """Return where a body begins that no blank line announces: at the line after which no known field follows."""
    if any(_KNOWN_FIELD.match(line) for line in block[stray:].split(b"\n")):
        return None
    return stray


def _split(raw: bytes, part: Part, room: int) -> list[tuple[int, int]]:
    boundary = part.parameters.get("boundary", "").encode("utf-8", "surrogateescape").rstrip()
    spans = _spans(raw, part, boundary, room) if boundary else []
    if not spans:
        seen = _BOUNDARY_LINE.search(raw, part.start, part.end)
        if seen and seen[1] != boundary:
            spans = _spans(raw, part, seen[1], room)
    return spans


def _spans(raw: bytes, part: Part, boundary: bytes, room: int) -> list[tuple[int, int]]:
    """Return where the parts between the delimiter lines begin and end."""
    delimiter = b"--" + boundary
    spans: list[tuple[int, int]] = []
    begun = -1
    pos = part.start
    while len(spans) < room:
        pos = raw.find(delimiter, pos, part.end)
        if pos < 0:
            break
        after = pos + len(delimiter)
        line_end = raw.find(b"\n", after, part.end)
        line_end = part.end if line_end < 0 else line_end + 1
        rest = raw[after : min(line_end, after + 80)].strip()
        if (pos > part.start and raw[pos - 1] not in b"\r\n") or rest not in {b"", b"--"}:
            pos = after
            continue
        if begun >= 0:
            spans.append((begun, _before_line_end(raw, begun, pos)))
            begun = -1
        if rest == b"--":
            break
        begun = pos = line_end
    if begun >= 0 and len(spans) < room:
        spans.append((begun, part.end))
    return spans


def _before_line_end(raw: bytes, start: int, pos: int) -> int:
    """Leave out the line end that belongs to the delimiter."""
    if pos > start and raw[pos - 1] == 0x0A:
        pos -= 1
    if pos > start and raw[pos - 1] == 0x0D:
        pos -= 1
    return pos
