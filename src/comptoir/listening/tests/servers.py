"""Servers of the tests, on real sockets: a feed, a Mastodon server, a firehose."""

import base64
import hashlib
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from comptoir.testing.websocket import frame, handshake

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Web:
    """An HTTP server: `answers` by path (a list: one after another, the last stays); `asked` is what came."""

    url: str = ""
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    stream: list[bytes] = field(default_factory=list)  # of the streaming paths
    stream_status: int = 200
    statuses: list[dict[str, Any]] = field(default_factory=list)  # of the timelines
    token: str = ""
    closing: bool = False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    web: Web

    def log_message(self, *_args: object) -> None:
        pass

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.web.asked.append((self.path, {key.lower(): value for key, value in self.headers.items()}))
        if self.web.token and self.headers.get("Authorization") != f"Bearer {self.web.token}":
            self._say((401, {}, b'{"error": "The access token is invalid"}'))
        elif parts.path.startswith("/api/v1/streaming/"):
            self._stream()
        elif parts.path.startswith("/api/v1/timelines/"):
            self._timeline(parse_qs(parts.query))
        else:
            queue = self.web.answers.get(parts.path) or [(404, {}, b"")]
            self._say(queue.pop(0) if len(queue) > 1 else queue[0])

    def _say(self, answer: Answer) -> None:
        status, headers, body = answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _timeline(self, query: dict[str, list[str]]) -> None:
        """As Mastodon does: newest first; with min_id those that follow it immediately."""
        rows = sorted(self.web.statuses, key=lambda row: int(row["id"]))
        limit = int(query["limit"][0])
        if "min_id" in query:
            rows = [row for row in rows if int(row["id"]) > int(query["min_id"][0])][:limit]
        else:
            rows = rows[-limit:]
        self._say((200, {"Content-Type": "application/json"}, json.dumps(rows[::-1]).encode()))

    def _stream(self) -> None:
        if self.web.stream_status != 200:
            return self._say((self.web.stream_status, {}, b""))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        sent = 0
        while not self.web.closing:
            for chunk in self.web.stream[sent:]:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                sent += 1
            self.wfile.flush()
            time.sleep(0.05)
        self.wfile.write(b"0\r\n\r\n")
        return None


@contextmanager
def web() -> Iterator[Web]:
    """Serve on a free port of loopback."""
    state = Web()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"web": state}))
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.closing = True
        server.shutdown()
        server.server_close()
        thread.join(5)


def event(kind: str, data: Any) -> bytes:
    """Return a server-sent event."""
    return f"event: {kind}\ndata: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()


@dataclass
class Firehose:
    """A Jetstream: tells every connection the messages behind its cursor, and then what is added."""

    url: str = ""
    told: list[tuple[int, str]] = field(default_factory=list)  # (time_us, message)
    paths: list[str] = field(default_factory=list)
    closing: bool = False
    drop_after: int = 0  # messages after which a connection is cut; 0: never


@contextmanager
def firehose() -> Iterator[Firehose]:
    """Serve on a free port of loopback."""
    state = Firehose()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    state.url = f"ws://127.0.0.1:{listener.getsockname()[1]}"
    threads: list[threading.Thread] = []

    def talk(line: socket.socket) -> None:
        with line:
            headers = handshake(line)
            state.paths.append(headers[":path"])
            query = parse_qs(urlsplit(headers[":path"]).query)
            assert query["wantedCollections"] == ["app.bsky.feed.post"]
            key = headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            accepted = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
            line.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + f"Sec-WebSocket-Accept: {accepted}\r\n\r\n".encode()
            )
            after, sent, at = int(query.get("cursor", ["0"])[0]), 0, 0
            try:
                while not state.closing:
                    for time_us, message in state.told[at:]:
                        at += 1
                        if time_us >= after:
                            line.sendall(frame(1, message.encode()))
                            sent += 1
                        if state.drop_after and sent >= state.drop_after:
                            state.drop_after = 0
                            return
                    time.sleep(0.02)
                line.sendall(frame(8, struct.pack("!H", 1001)))
            except OSError:
                return

    def serve() -> None:
        while not state.closing:
            try:
                line, _address = listener.accept()
            except TimeoutError:
                continue
            line.settimeout(5)
            thread = threading.Thread(target=talk, args=(line,), daemon=True)
            threads.append(thread)
            thread.start()

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    try:
        yield state
    finally:
        state.closing = True
        for thread in [server, *threads]:
            thread.join(5)
        listener.close()
