"""Which parts of a mail are its text, which its HTML, and which are attachments.

The HTML part is what the sender saw, so its text wins over a plain alternative; a mail without one is its plain
parts in order. Nothing disappears: whatever is not the body is an attachment.
"""

import html as _html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from comptoir.core.filenames import name_attachment

from . import headers
from .charsets import decode, tidy
from .flowed import unflow
from .html_text import html_title, html_to_text
from .parsed import MailAttachment
from .smime import read_signed_content
from .structure import Part, Tree, decode_uu, read_tree, transfer_encoding
from .tnef import is_tnef, read_tnef

MAX_ATTACHMENTS = 200
_TEXTS = frozenset({"text/plain", "text/html"})
# Other renderings of the same text, of no use beside a plain or an HTML one.
_SAME_TEXT = frozenset(
    {"text/x-amp-html", "text/watch-html", "text/enriched", "text/richtext", "application/applefile"}
)
_SIGNED = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
# Content sent as lines of text: CRLF is how the wire ends them, and not part of the file.
_LINES = frozenset({"", "7bit", "8bit"})
_META_CHARSET = re.compile(rb"""(?i)<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9._:-]{2,40})""")
_UU_BEGIN = re.compile(rb"^begin(?:-base64)? [0-7]{3,4} ([^\r\n]{1,200})\r?$", re.MULTILINE)
_UU_LINE = re.compile(rb"^[\x20-\x60]{1,100}$")


@dataclass(slots=True)
class Body:
    """The result, filled while walking."""

    text: str = ""
    html: str | None = None
    attachments: list[MailAttachment] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    spare: list["_Piece"] = field(default_factory=list)  # a text inside winmail.dat: used where there is no other


@dataclass(slots=True)
class _Piece:
    """One stretch of the body: plain, HTML, or the same in both."""

    plain: str = ""
    html: str = ""


def read_body(tree: Tree) -> Body:
    """Walk the tree and return the body and the attachments."""
    body = Body()
    pieces = _read(tree, tree.root, body, is_only=True)
    if not any(p.html or p.plain.strip() for p in pieces):
        pieces = body.spare
    _assemble(pieces, body)
    return body


def _assemble(pieces: list[_Piece], body: Body) -> None:
    texts: list[str] = []
    htmls: list[str] = []
    for piece in pieces:
        from_html = html_to_text(piece.html) if piece.html else ""
        texts.append(from_html or piece.plain)
        if piece.html:
            htmls.append(piece.html)
        elif piece.plain.strip():
            htmls.append(f'<div style="white-space:pre-wrap">{_html.escape(piece.plain, quote=False)}</div>')
    if not any(t.strip() for t in texts):  # pictures only: the title is all the words there are
        texts = [html_title(p.html) for p in pieces if p.html]
    body.text = "\n\n".join(t.strip("\n") for t in texts if t.strip())
    if any(p.html for p in pieces):
        body.html = "\n".join(htmls)


def _read(tree: Tree, part: Part, body: Body, *, is_only: bool = False) -> list[_Piece]:
    kind = part.content_type
    if not part.children:
        return _leaf(tree, part, body, is_only=is_only)
    if kind == "multipart/alternative":
        return _alternative(tree, part, body)
    if kind == "multipart/encrypted":
        for child in part.children:
            _attach(tree, child, body)
        return []
    return _sequence(tree, part, body)


def _alternative(tree: Tree, part: Part, body: Body) -> list[_Piece]:
    """Pair the plain and the HTML rendering; the last of each kind is the richest (RFC 2046)."""
    plain: list[_Piece] = []
    rich: list[_Piece] = []
    for child in part.children:
        if child.content_type in _SAME_TEXT and (plain or rich or len(part.children) > 1):
            continue
        pieces = _read(tree, child, body, is_only=child.content_type in _TEXTS)
        if any(p.html for p in pieces):
            rich = pieces
        elif pieces and not (plain and not "".join(p.plain for p in pieces).strip()):
            plain = pieces
    text = "\n\n".join(p.plain for p in plain)
    if not rich:
        return [_Piece(plain=text)] if plain else []
    return [_Piece(plain=text, html=rich[0].html), *rich[1:]] if rich[0].html else rich


def _sequence(tree: Tree, part: Part, body: Body) -> list[_Piece]:
    """Read the parts of a mixed, related, signed or report container in order."""
    pieces: list[_Piece] = []
    for index, child in enumerate(part.children):
        if child.children:
            pieces.extend(_read(tree, child, body))
        elif _is_body(child, index, part, pieces, body):
            pieces.extend(_leaf(tree, child, body, is_only=index == 0))
        else:
            _attach(tree, child, body)
    return pieces


def _is_body(child: Part, index: int, container: Part, pieces: list[_Piece], body: Body) -> bool:
    if child.content_type not in _TEXTS or child.disposition == "attachment":
        return child.content_type in _SIGNED or is_tnef(child)
    if container.content_type == "multipart/report" and index:
        return False
    if _has_name(child) and (index or child.disposition):
        return False
    if child.content_type == "text/html" and any(p.html for p in pieces):
        return _goes_on_after_attachment(container.children[index - 1], pieces)
    return not (child.first("content-id") and index and container.content_type == "multipart/related")


def _goes_on_after_attachment(before: Part, pieces: list[_Piece]) -> bool:
    """Apple Mail cuts its HTML in two around a file; any other second HTML part is a file itself."""
    if before.children or before.content_type in _TEXTS:
        return False
    cid = before.first("content-id").strip(b" <>\r\n").decode("latin-1")
    return not (cid and any(cid in p.html for p in pieces))


def _has_name(part: Part) -> bool:
    return "filename" in part.disposition_parameters or "name" in part.parameters


def _leaf(tree: Tree, part: Part, body: Body, *, is_only: bool) -> list[_Piece]:
    kind = part.content_type
    if kind in _TEXTS and (part.disposition != "attachment" or (is_only and not _has_name(part))):
        return _text_piece(tree, part, body)
    if is_tnef(part):
        _open_tnef(tree, part, body)
        return []
    if kind in _SIGNED:
        return _opaque_signed(tree, part, body)
    _attach(tree, part, body)
    return []


def _text_piece(tree: Tree, part: Part, body: Body) -> list[_Piece]:
    data = tree.content(part)
    label = part.parameters.get("charset", "")
    if part.content_type == "text/html":
        if not label and (found := _META_CHARSET.search(data, 0, 2_000)):
            label = found[1].decode("ascii")
        text, note = decode(data, label)
        text = tidy(text)
        if note:
            body.notes.append(note)
        return [_Piece(html=text)] if text.strip() else []
    if b"begin" in data:
        data = _take_out_uuencoded(data, body)
    text, note = decode(data, label)
    if note:
        body.notes.append(note)
    text = tidy(text)
    if part.parameters.get("format", "").lower() == "flowed":
        text = unflow(text, delsp=part.parameters.get("delsp", "").lower() == "yes")
    return [_Piece(plain=text)]


def _take_out_uuencoded(data: bytes, body: Body) -> bytes:
    """Turn uuencoded files inside a text into attachments (mails of scripts and of very old programs)."""
    kept: list[bytes] = []
    pos = 0
    for begin, end, name in _uuencoded(data):
        if len(body.attachments) >= MAX_ATTACHMENTS:
            break
        kept.append(data[pos:begin])
        content = decode_uu(data[begin:end].splitlines())
        filename = name_attachment(decode(name)[0], "application/octet-stream")
        body.attachments.append(MailAttachment(filename, "application/octet-stream", None, "attachment", content))
        pos = end
    return b"".join([*kept, data[pos:]])


def _uuencoded(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    pos = 0
    while begin := _UU_BEGIN.search(data, pos):
        pos = line = begin.end() + 1
        while line < len(data):
            stop = data.find(b"\n", line)
            stop = len(data) if stop < 0 else stop
            content = data[line:stop].rstrip(b"\r")
            line = stop + 1
            if content == b"end":
                yield begin.start(), min(line, len(data)), begin[1]
                pos = line
                break
            if not _UU_LINE.match(content or b"`"):
                pos = line
                break


def _open_tnef(tree: Tree, part: Part, body: Body) -> None:
    """Open a winmail.dat; one that cannot be read stays as it came."""
    found = read_tnef(tree.content(part))
    if found is None:
        body.notes.append("winmail.dat could not be opened")
        _attach(tree, part, body)
        return
    for item in found.attachments[: MAX_ATTACHMENTS - len(body.attachments)]:
        name = name_attachment(item.filename, item.content_type)
        body.attachments.append(MailAttachment(name, item.content_type, item.content_id, "attachment", item.content))
    if found.text.strip() or found.html.strip():
        body.spare.append(_Piece(plain=tidy(found.text), html=tidy(found.html)))


def _opaque_signed(tree: Tree, part: Part, body: Body) -> list[_Piece]:
    """Read what an S/MIME 'signed-data' part wraps; an encrypted one is an attachment."""
    content = read_signed_content(tree.content(part)) if part.depth < 5 else None
    _attach(tree, part, body)
    if content is None:
        return []
    inner = read_tree(content)
    inner.root.depth = part.depth + 5
    return _read(inner, inner.root, body, is_only=True)


def _attach(tree: Tree, part: Part, body: Body) -> None:
    if part.children:  # a container where a leaf was expected: its leaves one by one
        for child in part.children:
            _attach(tree, child, body)
        return
    if len(body.attachments) >= MAX_ATTACHMENTS:
        body.notes.append(f"more than {MAX_ATTACHMENTS} attachments: the others are left in the original")
        return
    content = tree.content(part)
    if b"\r\n" in content and transfer_encoding(part) in _LINES:
        content = content.replace(b"\r\n", b"\n")
    name = part.disposition_parameters.get("filename") or part.parameters.get("name") or ""
    if not name and part.content_type == "message/rfc822":
        name = _subject_of(content) + ".eml"
    if not name and (description := part.first("content-description")) and part.content_type.startswith("message/"):
        name = headers.to_text(description)
    content_ids = headers.identifiers(part.first("content-id"))
    body.attachments.append(
        MailAttachment(
            filename=name_attachment(headers.decode_words(name), part.content_type),
            content_type=part.content_type,
            content_id=content_ids[0] if content_ids else None,
            disposition="inline" if content_ids or part.disposition == "inline" else "attachment",
            content=content,
        )
    )


def _subject_of(raw: bytes) -> str:
    fields, _, _ = headers.split_fields(raw[:20_000].partition(b"\n\n")[0].partition(b"\n\r\n")[0])
    values = fields.get("subject")
    return headers.decode_words(headers.to_text(values[0]))[:120] if values else "message"
