"""What came with a message: attachments, its HTML in a cage, its original. Each is access-checked (INV-06).

The HTML was sanitised before it was stored (INV-07). It is shown in a frame without scripts and without our origin, by
an answer whose own policy allows nothing but its pictures: three walls, each of which would be enough.
"""

import base64
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language

from comptoir.conversations.models import Attachment, Message
from comptoir.conversations.queries import attachment_for, message_for
from comptoir.core import storage
from comptoir.core.errors import AccessDenied
from comptoir.desk import rules
from comptoir.desk.guard import person, staff
from comptoir.inbound.models import Record

EMBED_BYTES = 8 * 1024 * 1024  # of embedded pictures in one message; more are only listed as files
SHOWN_BYTES = 300_000  # of an original on the page; all of it is one click away
CAGE = (
    "default-src 'none'; img-src data:{remote}; style-src 'unsafe-inline'; sandbox allow-popups; frame-ancestors 'self'"
)


def _message(request: HttpRequest, message_id: int) -> Message:
    message = message_for(person(request), message_id)
    if message is None:
        raise AccessDenied("no such message")
    return message


def disposition(kind: str, filename: str) -> str:
    """Return a Content-Disposition that survives any file name (RFC 6266)."""
    plain = "".join(c if (c.isascii() and c.isalnum()) or c in "-_. " else "_" for c in filename)[:150] or "file"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(filename[:150], safe='')}"


@staff("GET")
def attachment(request: HttpRequest, attachment_id: int) -> HttpResponse:
    """Hand out a file: as a download, or in place where it is a raster image and `inline` is asked for."""
    found = attachment_for(person(request), attachment_id)
    if found is None or not found.key:
        raise AccessDenied("no such file, or it is still with its platform")
    try:
        content = storage.get(found.key)
    except FileNotFoundError as error:
        raise AccessDenied("the storage has lost this file") from error
    in_place = "inline" in request.GET and rules.is_image(found.content_type)
    kind = found.content_type.lower() if in_place else "application/octet-stream"
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = disposition("inline" if in_place else "attachment", found.filename)
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, max-age=86400, immutable"
    return response


def _embedded(message: Message) -> dict[str, str]:
    """Return the message's own pictures by content id, as data: URLs (a caged frame has no cookie to fetch them)."""
    found: dict[str, str] = {}
    left = EMBED_BYTES
    for file in Attachment.objects.filter(message=message).exclude(content_id="").exclude(key=""):
        if not rules.is_image(file.content_type) or file.size > left:
            continue
        try:
            content = storage.get(file.key)
        except FileNotFoundError:
            continue
        left -= len(content)
        found[file.content_id] = f"data:{file.content_type.lower()};base64,{base64.b64encode(content).decode()}"
    return found


@staff("GET")
def message_html(request: HttpRequest, message_id: int) -> HttpResponse:
    """Show a message's HTML for a frame; `images=1` lets this one view fetch remote pictures."""
    message = _message(request, message_id)
    html = message.html
    with_remote = request.GET.get("images") == "1"
    if "data-cid" in html:
        html = rules.with_inline_images(html, _embedded(message))
    if with_remote:
        html = rules.with_remote_images(html)
    context = {"html": html, "language": message.language or get_language()}
    response = render(request, "desk/conversation/caged.html", context)
    response["Content-Security-Policy"] = CAGE.format(remote=" https: http:" if with_remote else "")
    response["X-Frame-Options"] = "SAMEORIGIN"
    response["Referrer-Policy"] = "no-referrer"
    return response


def _raw_of(message: Message) -> tuple[bytes, str]:
    record = Record.objects.filter(pk=message.record_id).first() if message.record_id else None
    return (bytes(record.raw), record.content_type) if record else (b"", "")


@staff("GET")
def original(request: HttpRequest, message_id: int) -> HttpResponse:
    """Show a message as it came: the whole text, and the raw bytes with all headers."""
    message = _message(request, message_id)
    raw, kind = _raw_of(message)
    context = {
        "message": message,
        "conversation": message.conversation,
        "raw": raw[:SHOWN_BYTES].decode("utf-8", "replace"),
        "is_cut": len(raw) > SHOWN_BYTES,
        "has_raw": bool(raw),
        "size": len(raw),
        "kind": kind,
        "images": request.GET.get("images") == "1",
        "has_remote": "data-remote-src" in message.html,
    }
    return render(request, "desk/conversation/original.html", context)


@staff("GET")
def source(request: HttpRequest, message_id: int) -> HttpResponse:
    """Hand out the raw bytes of a message as plain text, for a download."""
    raw, _kind = _raw_of(_message(request, message_id))
    response = HttpResponse(raw, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = disposition("attachment", f"message-{message_id}.txt")
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
