"""What a Telegram message says, in plain text: links behind words, places, contacts, polls; and its files. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from comptoir.channels.telegram.reading import integer, items, number, obj, text
from comptoir.core.types import RemoteFile

# The part of a message → the name of its file and its type, where Telegram tells none.
FILES = {
    "document": ("", ""), "video": ("video.mp4", "video/mp4"), "animation": ("animation.mp4", "video/mp4"),
    "audio": ("audio.mp3", "audio/mpeg"), "voice": ("voice.ogg", "audio/ogg"),
    "video_note": ("video-note.mp4", "video/mp4"),
}  # fmt: skip
MAP = "https://www.openstreetmap.org/?mlat={0}&mlon={1}#map=17/{0}/{1}"


def said(message: Mapping[str, Any]) -> str:
    """Return everything that a message says as text; '' where it has files only, or nothing."""
    body = text(message, "text") or text(message, "caption")
    body = _with_links(body, message)
    more = [_venue(message), _contact(message), _sticker(message), _dice(message), _poll(message)]
    return "\n".join(part for part in [body, *more] if part).strip()


def _with_links(body: str, message: Mapping[str, Any]) -> str:
    """Return a text with the addresses that its words link to; entities count in UTF-16 units."""
    links = [e for e in entities(message) if text(e, "type") == "text_link" and text(e, "url")]
    if not links:
        return body
    units = body.encode("utf-16-le", "replace")
    for link in sorted(links, key=lambda e: -integer(e, "offset")):
        start, length, url = integer(link, "offset"), integer(link, "length"), text(link, "url")
        end = (start + length) * 2
        if start >= 0 and length > 0 and end <= len(units) and piece(body, link) != url:
            units = units[:end] + f" ({url})".encode("utf-16-le", "replace") + units[end:]
    return units.decode("utf-16-le", "replace")


def entities(message: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the marked places of a message's text or caption."""
    return items(message, "entities" if text(message, "text") else "caption_entities")


def piece(body: str, entity: Mapping[str, Any]) -> str:
    """Return the words that an entity marks."""
    start, length = integer(entity, "offset"), integer(entity, "length")
    if start < 0 or length <= 0:
        return ""
    return body.encode("utf-16-le", "replace")[start * 2 : (start + length) * 2].decode("utf-16-le", "replace")


def _venue(message: Mapping[str, Any]) -> str:
    venue = obj(message, "venue")
    place = obj(message, "location") or obj(venue, "location")
    lines = [text(venue, "title"), text(venue, "address")]
    latitude, longitude = number(place, "latitude"), number(place, "longitude")
    if latitude is not None and longitude is not None:
        lines.append("📍 " + MAP.format(f"{latitude:.6f}", f"{longitude:.6f}"))
    return "\n".join(line for line in lines if line)


def _contact(message: Mapping[str, Any]) -> str:
    contact = obj(message, "contact")
    name = " ".join(part for part in (text(contact, "first_name"), text(contact, "last_name")) if part)
    told = ", ".join(part for part in (name, text(contact, "phone_number")) if part)
    return f"👤 {told}" if told else ""


def _sticker(message: Mapping[str, Any]) -> str:
    return text(obj(message, "sticker"), "emoji")


def _dice(message: Mapping[str, Any]) -> str:
    dice = obj(message, "dice")
    return f"{text(dice, 'emoji')} {integer(dice, 'value')}" if dice else ""


def _poll(message: Mapping[str, Any]) -> str:
    poll = obj(message, "poll")
    return "\n".join([text(poll, "question"), *(f"- {text(o, 'text')}" for o in items(poll, "options"))]).strip()


def files(message: Mapping[str, Any]) -> tuple[RemoteFile, ...]:
    """Return the files of a message: of a photo its largest size, of an animation not its copy as a document."""
    found: list[RemoteFile] = []
    if photo := _largest(items(message, "photo")):
        found.append(_file(photo, "photo.jpg", "image/jpeg"))
    if sticker := obj(message, "sticker"):
        found.append(_file(sticker, *_kind_of_sticker(sticker)))
    has_animation = bool(obj(message, "animation"))
    for name, (filename, content_type) in FILES.items():
        one = obj(message, name)
        if one and not (name == "document" and has_animation):
            found.append(_file(one, filename, content_type))
    return tuple(file for file in found if file.ref["file_id"])


def _largest(sizes: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return max(sizes, key=lambda size: integer(size, "width") * integer(size, "height"), default=None)


def _kind_of_sticker(sticker: Mapping[str, Any]) -> tuple[str, str]:
    if sticker.get("is_video") is True:
        return "sticker.webm", "video/webm"
    if sticker.get("is_animated") is True:
        return "sticker.tgs", "application/gzip"
    return "sticker.webp", "image/webp"


def _file(one: Mapping[str, Any], filename: str, content_type: str) -> RemoteFile:
    ref = {"file_id": text(one, "file_id"), "unique_id": text(one, "file_unique_id")}
    size = integer(one, "file_size")
    return RemoteFile(
        ref,
        text(one, "file_name")[:255] or filename,
        text(one, "mime_type")[:127] or content_type,
        size if 0 < size < 2**40 else 0,
    )
