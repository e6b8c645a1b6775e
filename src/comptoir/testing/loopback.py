"""Small servers on loopback for tests: one for HTTP that answers as told and keeps what it was asked, and one for any
protocol of lines, to say what real servers say only on bad days."""

import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as the server saw it; header names in lower case."""

    method: str
    path: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server says; `chunks` are sent one by one, with `pause` seconds before each."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: tuple[bytes, ...] = ()
    pause: float = 0.0


@dataclass(slots=True)
class HttpServer:
    """A running server: its address and what it was asked so far."""

    port: int
    asked: list[Asked] = field(default_factory=list)

    def url(self, path: str = "/") -> str:
        """Return the address of a path."""
        return f"http://127.0.0.1:{self.port}{path}"


@contextmanager
def http_server(answer: Callable[[Asked], Answer]) -> Iterator[HttpServer]:
    """Run a server that answers each request by calling `answer`."""
    released = threading.Event()  # ends pauses when the test is over

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, body, headers)
            running.asked.append(asked)
            told = answer(asked)
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            content = told.chunks or (told.body,)
            if "Content-Length" not in told.headers:
                self.send_header("Content-Length", str(sum(map(len, content))))
            self.end_headers()
            self._write(content, told.pause)

        def _write(self, content: tuple[bytes, ...], pause: float) -> None:
            try:
                for chunk in content:
                    if pause and released.wait(pause):
                        return
                    self.wfile.write(chunk)
                    self.wfile.flush()
            except OSError:  # the client went away, which some tests want
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    running = HttpServer(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        released.set()
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def dialogue_server(speak: Callable[[BufferedIOBase, Callable[[bytes], object]], None]) -> Iterator[int]:
    """Run a server for a line protocol and yield its port; `speak(lines, say)` holds one dialogue and then hangs up."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                speak(self.rfile, self.wfile.write)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
