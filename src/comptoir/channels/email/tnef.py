"""Microsoft's TNEF, the winmail.dat of Outlook: its attachments and, where a mail has no other, its text.

Written from the published description (MS-OXTNEF, MS-OXCDATA); only what a helpdesk shows is read. Every length is
checked against the data, so a hostile file ends the reading and nothing else.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from .charsets import decode
from .structure import Part

_SIGNATURE = b"\x78\x9f\x3e\x22"
_MAX_ITEMS = 5_000

# Attributes (MS-OXTNEF 2.1.3.3)
_BODY, _MESSAGE_PROPS, _CODEPAGE = 0x0002800C, 0x00069003, 0x00069007
_RENDER, _TITLE, _DATA, _ATTACHMENT_PROPS = 0x00069002, 0x00018010, 0x0006800F, 0x00069005

# MAPI properties (MS-OXPROPS)
_P_BODY, _P_HTML, _P_LONG_NAME, _P_NAME, _P_MIME, _P_CID, _P_DATA = (
    0x1000,
    0x1013,
    0x3707,
    0x3704,
    0x370E,
    0x3712,
    0x3701,
)
# Sizes of the fixed property types; the others carry a count and lengths.
_FIXED = {
    0x0002: 4,
    0x0003: 4,
    0x0004: 4,
    0x0005: 8,
    0x0006: 8,
    0x0007: 8,
    0x000A: 4,
    0x000B: 4,
    0x0014: 8,
    0x0040: 8,
    0x0048: 16,
}
_STRING8, _UNICODE, _BINARY, _OBJECT = 0x001E, 0x001F, 0x0102, 0x000D


@dataclass(slots=True)
class TnefAttachment:
    filename: str = ""
    content_type: str = "application/octet-stream"
    content_id: str | None = None
    content: bytes = b""


@dataclass(slots=True)
class Tnef:
    text: str = ""
    html: str = ""
    attachments: list[TnefAttachment] = field(default_factory=list)


def is_tnef(part: Part) -> bool:
    """Tell by type or by name, as mail programs do."""
    if part.content_type in {"application/ms-tnef", "application/vnd.ms-tnef"}:
        return True
    name = part.disposition_parameters.get("filename") or part.parameters.get("name") or ""
    return name.lower() == "winmail.dat"


def read_tnef(data: bytes) -> Tnef | None:
    """Return what is inside, None where the bytes are no TNEF."""
    if not data.startswith(_SIGNATURE):
        return None
    result = Tnef()
    codepage = "cp1252"
    for attribute, value in _attributes(data):
        if attribute == _CODEPAGE and len(value) >= 4:
            codepage = f"cp{struct.unpack_from('<I', value)[0]}".replace("cp65001", "utf-8")
        elif attribute == _RENDER:
            result.attachments.append(TnefAttachment())
        elif attribute == _BODY:
            result.text = decode(value.rstrip(b"\0"), codepage)[0]
        elif attribute == _MESSAGE_PROPS:
            _read_message(value, codepage, result)
        elif result.attachments:
            _read_attachment(attribute, value, codepage, result.attachments[-1])
    result.attachments = [a for a in result.attachments if a.content or a.filename]
    return result


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    pos = 6
    for _ in range(_MAX_ITEMS):
        if pos + 9 > len(data):
            return
        attribute, length = struct.unpack_from("<II", data, pos + 1)
        pos += 9
        if length > len(data) - pos:
            return
        yield attribute, data[pos : pos + length]
        pos += length + 2


def _read_message(value: bytes, codepage: str, result: Tnef) -> None:
    for tag, kind, content in _properties(value):
        if tag == _P_BODY and not result.text:
            result.text = _string(content, kind, codepage)
        elif tag == _P_HTML:
            result.html = _string(content, kind, "") if kind == _BINARY else _string(content, kind, codepage)


def _read_attachment(attribute: int, value: bytes, codepage: str, attachment: TnefAttachment) -> None:
    if attribute == _TITLE:
        attachment.filename = attachment.filename or decode(value.rstrip(b"\0"), codepage)[0]
    elif attribute == _DATA:
        attachment.content = value
    elif attribute == _ATTACHMENT_PROPS:
        names: dict[int, str] = {}
        for tag, kind, content in _properties(value):
            if tag in {_P_LONG_NAME, _P_NAME, _P_MIME, _P_CID}:
                names[tag] = _string(content, kind, codepage)
            elif tag == _P_DATA and not attachment.content:
                attachment.content = content[16:] if kind == _OBJECT else content
        attachment.filename = names.get(_P_LONG_NAME) or attachment.filename or names.get(_P_NAME, "")
        mime = names.get(_P_MIME, "").lower()
        if "/" in mime and len(mime) < 100:
            attachment.content_type = mime
        attachment.content_id = names.get(_P_CID, "").strip("<> ") or None


def _string(content: bytes, kind: int, codepage: str) -> str:
    if kind == _UNICODE:
        return content.decode("utf-16-le", "replace").rstrip("\0")
    return decode(content.rstrip(b"\0"), codepage)[0]


def _properties(value: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield tag, type and the first value of each MAPI property; stops at the first thing that does not fit."""
    if len(value) < 4:
        return
    count = min(struct.unpack_from("<I", value)[0], _MAX_ITEMS)
    pos = 4
    try:
        for _ in range(count):
            kind, tag = struct.unpack_from("<HH", value, pos)
            pos += 4
            if tag >= 0x8000:
                pos = _after_name(value, pos)
            is_multiple = bool(kind & 0x1000)
            kind &= 0x0FFF
            content, pos = _value(value, pos, kind, is_multiple=is_multiple)
            yield tag, kind, content
    except (struct.error, ValueError):
        return


def _after_name(value: bytes, pos: int) -> int:
    """Skip the name of a named property: a GUID and a number or a string."""
    (by_name,) = struct.unpack_from("<I", value, pos + 16)
    pos += 20
    (length,) = struct.unpack_from("<I", value, pos)
    return pos + 4 if not by_name else pos + 4 + _padded(length)


def _value(value: bytes, pos: int, kind: int, *, is_multiple: bool) -> tuple[bytes, int]:
    count = 1
    if is_multiple or kind not in _FIXED:
        (count,) = struct.unpack_from("<I", value, pos)
        pos += 4
    first = b""
    for index in range(min(count, _MAX_ITEMS)):
        if kind in _FIXED:
            length = _FIXED[kind]
        elif kind in {_STRING8, _UNICODE, _BINARY, _OBJECT}:
            (length,) = struct.unpack_from("<I", value, pos)
            pos += 4
        else:
            raise ValueError(kind)
        if length > len(value) - pos:
            raise ValueError(length)
        if index == 0:
            first = value[pos : pos + length]
        pos += length if kind in _FIXED else _padded(length)
    return first, pos


def _padded(length: int) -> int:
    return (length + 3) & ~3
