"""The reading side of a WebSocket (RFC 6455): the handshake, whole text messages, pings answered, a bounded size.

`Frames` is pure: bytes in, messages out. `messages` reads a URL until it is told to stop. We say nothing but pongs and
the close, which is all that a stream of events needs.
"""

import base64
import hashlib
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from comptoir.core.errors import ChannelError
from comptoir.core.streaming import open_stream

MAX_MESSAGE = 2 * 1024 * 1024  # bytes; an event of a firehose has a few kilobytes
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10


class ProtocolError(Exception):
    """The other side does not speak WebSocket as it is written."""


@dataclass(frozen=True, slots=True)
class Message:
    """One whole message, or a control frame (ping, pong, close)."""

    kind: int
    payload: bytes


class Frames:
    """Puts frames together: feed it what was read, it returns what is complete. Raises ProtocolError."""

    def __init__(self, max_message: int = MAX_MESSAGE) -> None:
        self._buffer = bytearray()
        self._parts: list[bytes] = []
        self._kind = 0
        self._size = 0
        self._max = max_message

    def feed(self, data: bytes) -> list[Message]:
        """Take bytes in; return the messages that they complete, in their order."""
        self._buffer += data
        found: list[Message] = []
        while (frame := self._next()) is not None:
            is_last, kind, payload = frame
            if kind >= _CLOSE:
                found.append(Message(kind, payload))
            elif (message := self._joined(is_last, kind, payload)) is not None:
                found.append(message)
        return found

    def _next(self) -> tuple[bool, int, bytes] | None:
        """Take one whole frame from the buffer."""
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        first, second = buffer[0], buffer[1]
        is_last, kind, size, at = bool(first & 0x80), first & 0x0F, second & 0x7F, 2
        if first & 0x70:
            raise ProtocolError("a frame uses an extension that was not agreed")
        if second & 0x80:
            raise ProtocolError("a frame of the server is masked")
        if kind not in {0, _TEXT, _BINARY, _CLOSE, _PING, _PONG}:
            raise ProtocolError(f"a frame has the unknown kind {kind}")
        if kind >= _CLOSE and (not is_last or size > 125):
            raise ProtocolError("a control frame is in pieces or too long")
        for marker, length, code in ((126, 2, "!H"), (127, 8, "!Q")):
            if size == marker:
                if len(buffer) < at + length:
                    return None
                size, at = struct.unpack_from(code, buffer, at)[0], at + length
                break
        if size + self._size > self._max:
            raise ProtocolError(f"a message has more than {self._max} bytes")
        if len(buffer) < at + size:
            return None
        payload = bytes(buffer[at : at + size])
        del buffer[: at + size]
        return is_last, kind, payload

    def _joined(self, is_last: bool, kind: int, payload: bytes) -> Message | None:
        if (kind == 0) != bool(self._kind):
            raise ProtocolError("a message begins inside another, or goes on without a beginning")
        self._kind = kind or self._kind
        self._parts.append(payload)
        self._size += len(payload)
        if not is_last:
            return None
        message = Message(self._kind, b"".join(self._parts))
        self._parts, self._kind, self._size = [], 0, 0
        return message


def accept_of(key: str) -> str:
    """Return what the server must answer to a handshake's key."""
    digest = hashlib.sha1((key + _GUID).encode(), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def masked(kind: int, payload: bytes, mask: bytes) -> bytes:
    """Return a frame of a client; payloads of control frames have at most 125 bytes."""
    covered = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
    return bytes([0x80 | kind, 0x80 | len(payload)]) + mask + covered


def messages(url: str, *, stopped: Callable[[], bool], silence: float = 60.0) -> Iterator[str]:
    """Yield the text messages of a WebSocket until it closes or `stopped()`. Raises ChannelError."""
    key = base64.b64encode(os.urandom(16)).decode()
    asked = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13"}
    with open_stream(url, stopped=stopped, headers=asked, silence=silence) as stream:
        line = stream.upgraded
        if line is None or stream.headers.get("sec-websocket-accept") != accept_of(key):
            text = _("The address does not speak WebSocket (it answered %(status)s).")
            raise ChannelError(text % {"status": stream.status}, permanent=400 <= stream.status < 500)
        frames = Frames()
        while data := line.read(65_536):
            try:
                found = frames.feed(data)
                for message in found:
                    if message.kind == _PING:
                        line.write(masked(_PONG, message.payload, os.urandom(4)))
                    elif message.kind == _CLOSE:
                        line.write(masked(_CLOSE, message.payload[:2], os.urandom(4)))
                        return
                    elif message.kind == _TEXT:
                        yield message.payload.decode()
            except (ProtocolError, UnicodeDecodeError) as error:
                raise ChannelError(_("The stream cannot be read: %(why)s.") % {"why": error}) from error
