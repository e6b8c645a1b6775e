"""Which mail is this? Its external id, and whether it is one of ours that came back.

The same mail delivered twice is one record; another mail under a used Message-ID is another. Computed from the raw
bytes without reading MIME, for any bytes whatever. What differs between two deliveries of one mail does not count:
trace headers, line ends, blank lines at the end, the '>' by which mbox files guard 'From ' lines. INV-02 rests on it.
"""

import base64
import hashlib
import hmac
import re

MAX_HEADER = 256 * 1024  # bytes searched for the four fields; honest headers have a few kilobytes
_ID_LENGTH = 200  # with the digest it stays far below the 300 characters of Record.external_id
_END_OF_HEADER = re.compile(rb"\r?\n\r?\n|\r\r")
_FIELD = re.compile(rb"^(message-id|from|date|subject)[ \t]*:((?:[^\r\n]*(?:\r?\n|\r)[ \t])*[^\r\n]*)", re.I | re.M)
_STAMP = re.compile(rb"^X-Comptoir-Sent:[ \t]*([a-z2-7]{16})[ \t]*\r?$", re.I | re.M)
_ANGLED = re.compile(rb"<([^<>]+)>")
_GUARDED_FROM = re.compile(rb"^>+(?=From )", re.M)
_NOT_PLAIN = re.compile(r"[^\x21-\x7e]")


def external_id(raw: bytes) -> str:
    """Return `<message id>#<digest>`: printable ASCII, at most 225 characters, never the same for different mails."""
    header, body = split(raw)
    fields: dict[bytes, bytes] = {}
    for match in _FIELD.finditer(header):
        fields.setdefault(match[1].lower(), b" ".join(match[2].split()))
    digest = hashlib.sha256()
    for name in (b"message-id", b"from", b"date", b"subject"):
        value = fields.get(name, b"")
        digest.update(b"%d:%s\n" % (len(value), value))
    digest.update(_same_body(body))
    return f"{_plain_id(fields.get(b'message-id', b''))}#{digest.hexdigest()[:24]}"


def split(raw: bytes) -> tuple[bytes, bytes]:
    """Return header and body; bytes without a blank line are all header up to MAX_HEADER, then body."""
    end = _END_OF_HEADER.search(raw, 0, MAX_HEADER)
    if end is None:
        return raw[:MAX_HEADER], raw[MAX_HEADER:]
    return raw[: end.start()], raw[end.end() :]


def _same_body(body: bytes) -> bytes:
    if b"\r" in body:
        body = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b">From " in body:
        body = _GUARDED_FROM.sub(b"", body)
    return body.rstrip()


def _plain_id(value: bytes) -> str:
    angled = _ANGLED.search(value)
    text = (angled[1] if angled else value).decode("latin-1")
    return _NOT_PLAIN.sub("", text)[:_ID_LENGTH]


def stamp(message_id: str, *, key: bytes) -> str:
    """Return what the header X-Comptoir-Sent of our own mail says: 80 bits of HMAC over its Message-ID."""
    mac = hmac.digest(key, b"sent\0" + message_id.encode(), "sha256")
    return base64.b32encode(mac[:10]).decode().lower()


def is_ours(raw: bytes, message_id: str, *, key: bytes) -> bool:
    """Return whether this installation sent the mail. A stranger cannot make a mail look so, to have it ignored."""
    header, _ = split(raw)
    expected = stamp(message_id, key=key).encode()
    return any(hmac.compare_digest(found.lower(), expected) for found in _STAMP.findall(header)[:5])
