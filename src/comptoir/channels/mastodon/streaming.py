"""The events of an account as they happen: server-sent events, or a WebSocket where a server has none.

One socket, read with a short patience so that a watcher can be stopped at any time. Nothing here decides what an event
means; what is lost with a broken line is caught up by the watcher.
"""

import base64
import hashlib
import json
import os
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import h11
from django.utils.translation import gettext as _

from comptoir.core.errors import ChannelError
from comptoir.core.hosts import reachable
from comptoir.core.tls import client_context

TIMEOUT = 15.0  # seconds to connect and to be answered
SILENCE = 90.0  # seconds without a byte after which a line counts as dead; servers send a sign of life every 15 to 30
PATIENCE = 0.5  # seconds of one wait
MOST_BYTES = 4 * 1024 * 1024  # of one event
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3

Event = tuple[str, str]  # its name and its payload


class NoStreamError(Exception):
    """The server has no stream of this kind at this address."""


class _Line:
    """One connection that speaks HTTP until it is answered."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host, is_tls = parts.hostname or "", parts.scheme in {"https", "wss"}
        self.port = parts.port or (443 if is_tls else 80)
        self.target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        address = reachable(self.host, self.port)[0]
        self.http = h11.Connection(h11.CLIENT, max_incomplete_event_size=64 * 1024)
        self.heard_at = time.monotonic()
        try:
            self.socket: socket.socket = socket.create_connection((address, self.port), TIMEOUT)
            if is_tls:
                self.socket = client_context().wrap_socket(self.socket, server_hostname=self.host)
        except (OSError, ssl.SSLError) as error:
            raise ChannelError(_("The stream of “%(host)s” cannot be reached.") % {"host": self.host}) from error

    def close(self) -> None:
        self.socket.close()

    def write(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise self.broken() from error

    def read(self, patience: float) -> bytes | None:
        """Return what has come, None where nothing did. Raises ChannelError where the line is dead."""
        pending = self.socket.pending() if isinstance(self.socket, ssl.SSLSocket) else 0
        if not pending and not select.select([self.socket], [], [], patience)[0]:
            if time.monotonic() - self.heard_at > SILENCE:
                raise self.broken()
            return None
        try:
            data = self.socket.recv(65536)
        except OSError as error:
            raise self.broken() from error
        if not data:
            raise self.broken()
        self.heard_at = time.monotonic()
        return data

    def broken(self) -> ChannelError:
        return ChannelError(_("The stream of “%(host)s” has ended.") % {"host": self.host})

    def request(self, headers: Mapping[str, str]) -> h11.Response | h11.InformationalResponse:
        """Ask for the stream and return the beginning of the answer."""
        host = self.host if self.port in {80, 443} else f"{self.host}:{self.port}"
        sent = [("Host", host), ("User-Agent", "Comptoir"), *headers.items()]
        data = self.http.send(h11.Request(method="GET", target=self.target, headers=sent))
        self.write(data + (self.http.send(h11.EndOfMessage()) or b""))
        ends_at = time.monotonic() + TIMEOUT
        while time.monotonic() < ends_at:
            event = self.next_event(PATIENCE)
            if isinstance(event, h11.Response):
                return event
            if isinstance(event, h11.InformationalResponse) and event.status_code == 101:
                return event
        raise self.broken()

    def next_event(self, patience: float) -> Any:
        """Return the next part of the answer, None where there is none yet."""
        try:
            event = self.http.next_event()
            if event is not h11.NEED_DATA:
                return event
            data = self.read(patience)
            if data is None:
                return None
            self.http.receive_data(data)
        except h11.ProtocolError as error:
            raise self.broken() from error
        return None


@contextmanager
def server_sent_events(
    url: str, headers: Mapping[str, str], stopped: Callable[[], bool]
) -> Iterator[Iterator[Event | None]]:
    """Open a stream of server-sent events. Raises NoStreamError where the server has none there.

    Yields events, and None from time to time so that the caller can look after other things.
    """
    line = _Line(url)
    try:
        answer = line.request({**headers, "Accept": "text/event-stream"})
        kind = dict(answer.headers).get(b"content-type", b"")
        if answer.status_code != 200 or not kind.startswith(b"text/event-stream"):
            raise NoStreamError(f"{answer.status_code}")
        yield _sse_events(line, stopped)
    finally:
        line.close()


def _sse_events(line: _Line, stopped: Callable[[], bool]) -> Iterator[Event | None]:
    rest = b""
    name, data = "", list[str]()
    while not stopped():
        event = line.next_event(PATIENCE)
        if isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            raise line.broken()
        if not isinstance(event, h11.Data):
            if event is None:
                yield None
            continue
        *lines, rest = (rest + bytes(event.data)).split(b"\n")
        if len(rest) + sum(map(len, data)) > MOST_BYTES:
            raise line.broken()
        for raw in lines:
            text = raw.rstrip(b"\r").decode(errors="replace")
            if not text:
                if name or data:
                    yield name or "message", "\n".join(data)
                name, data = "", []
            elif text.startswith("event:"):
                name = text[6:].strip()
            elif text.startswith("data:"):
                data.append(text[5:].removeprefix(" "))


@contextmanager
def web_socket(url: str, token: str, stopped: Callable[[], bool]) -> Iterator[Iterator[Event | None]]:
    """Open the same stream as a WebSocket. Raises NoStreamError where the server has none there."""
    line, key = _Line(url), base64.b64encode(os.urandom(16))
    try:
        answer = line.request(
            {
                "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": key.decode(),
                "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": token, "Authorization": f"Bearer {token}",
            }
        )  # fmt: skip
        accepted = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
        if answer.status_code != 101 or dict(answer.headers).get(b"sec-websocket-accept") != accepted:
            raise NoStreamError(f"{answer.status_code}")
        yield _frames(line, stopped)
    finally:
        line.close()


def frame(opcode: int, payload: bytes) -> bytes:
    """Return one masked frame of a client (RFC 6455, section 5.2)."""
    mask, size = os.urandom(4), len(payload)
    head = bytes([0x80 | opcode])
    head += bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2, "big")
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def _frames(line: _Line, stopped: Callable[[], bool]) -> Iterator[Event | None]:
    data, message = bytes(line.http.trailing_data[0]), b""
    pinged_at = time.monotonic()
    while not stopped():
        found = _take_frame(data)
        if found is None:
            if len(data) > MOST_BYTES:
                raise line.broken()
            if time.monotonic() - pinged_at > SILENCE / 3:
                line.write(frame(9, b""))
                pinged_at = time.monotonic()
            more = line.read(PATIENCE)
            if more is None:
                yield None
            data += more or b""
            continue
        is_last, opcode, payload, data = found
        if opcode == 8:
            raise line.broken()
        if opcode == 9:
            line.write(frame(10, payload[:125]))
        if opcode in {0, 1}:
            message += payload
            if len(message) > MOST_BYTES:
                raise line.broken()
            if is_last:
                event, message = _event(message), b""
                yield event


def _take_frame(data: bytes) -> tuple[bool, int, bytes, bytes] | None:
    """Return the first frame of what has come, and the rest; None while it is not complete."""
    if len(data) < 2:
        return None
    size, at = data[1] & 0x7F, 2
    if size >= 126:
        width = 2 if size == 126 else 8
        if len(data) < at + width:
            return None
        size, at = int.from_bytes(data[at : at + width], "big"), at + width
    if len(data) < at + size:
        if size > MOST_BYTES:
            raise ChannelError(_("The stream sent more than can be read."))
        return None
    return bool(data[0] & 0x80), data[0] & 0x0F, data[at : at + size], data[at + size :]


def _event(message: bytes) -> Event | None:
    """Return the event of a message: {"stream": …, "event": …, "payload": "…"}."""
    try:
        value = json.loads(message)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not isinstance(value.get("event"), str):
        return None
    payload = value.get("payload", "")
    return value["event"], payload if isinstance(payload, str) else json.dumps(payload)
