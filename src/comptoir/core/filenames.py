"""Names of attachments that are safe to show, to store and to send back in a header.

A name is the sender's word and may lie: paths, control characters, right-to-left overrides that make 'exe' look
like 'txt', kilobytes of it, or nothing at all.
"""

import mimetypes
import re
import unicodedata

MAX_NAME_BYTES = 200  # below the 255 of every file system, with room for a prefix of the storage

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff\ud800-\udfff]"
)
_FORBIDDEN = str.maketrans({'"': "'", "<": "(", ">": ")", "|": "-", "?": "_", "*": "_"})
# The names people know; mimetypes' answers depend on the machine.
_EXTENSIONS = {
    "text/plain": ".txt",
    "text/html": ".html",
    "text/calendar": ".ics",
    "text/csv": ".csv",
    "text/rfc822-headers": ".txt",
    "text/vcard": ".vcf",
    "text/x-vcard": ".vcf",
    "message/rfc822": ".eml",
    "message/global": ".eml",
    "message/delivery-status": ".txt",
    "message/global-delivery-status": ".txt",
    "message/disposition-notification": ".txt",
    "message/feedback-report": ".txt",
    "application/pgp-signature": ".asc",
    "application/pgp-encrypted": ".asc",
    "application/pkcs7-signature": ".p7s",
    "application/x-pkcs7-signature": ".p7s",
    "application/pkcs7-mime": ".p7m",
    "application/x-pkcs7-mime": ".p7m",
    "application/octet-stream": ".bin",
    "image/jpg": ".jpg",
    "image/jpeg": ".jpg",
    "image/pjpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "application/pdf": ".pdf",
}
_STEMS = {
    "text/calendar": "invite",
    "text/html": "document",
    "text/rfc822-headers": "headers",
    "message/rfc822": "message",
    "message/delivery-status": "delivery-status",
    "message/disposition-notification": "read-receipt",
    "application/pgp-signature": "signature",
    "application/pkcs7-signature": "smime",
    "application/x-pkcs7-signature": "smime",
    "application/pkcs7-mime": "smime",
    "application/x-pkcs7-mime": "smime",
}


def name_attachment(name: str, content_type: str) -> str:
    """Return a safe file name, made up from the type where the sender gave none; never empty."""
    name = _UNSAFE.sub("", unicodedata.normalize("NFC", name[:8_000]))
    name = re.split(r"[/\\]", name.rstrip("/\\ "))[-1]
    name = " ".join(name.translate(_FORBIDDEN).split()).lstrip(".").strip(" .'")
    extension = _EXTENSIONS.get(content_type) or mimetypes.guess_extension(content_type) or ""
    if not name:
        stem = _STEMS.get(content_type) or content_type.partition("/")[0].replace("application", "file")
        return stem + (extension or ".bin")
    if content_type.startswith("message/") and "." not in name[-6:]:
        name += extension
    return _shorten(name)


def _shorten(name: str) -> str:
    if len(name.encode()) <= MAX_NAME_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension) > 10:
        stem, extension = name, ""
    room = MAX_NAME_BYTES - len(extension.encode()) - 4
    short = stem.encode()[:room].decode("utf-8", "ignore").rstrip()
    return f"{short}….{extension}" if extension else f"{short}…"
