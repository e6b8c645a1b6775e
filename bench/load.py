"""A light HTTP load generator over keep-alive connections: it shares the machine with what it measures, so requests are
ready-made bytes and answers are read without a parser.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import uvloop


@dataclass(slots=True)
class Outcome:
    """What became of a run: one latency in ms per request in the order of the answers, and statuses by count."""

    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds


class _Connection(asyncio.Protocol):
    """One keep-alive connection with one request under way."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._answer: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # TCP gives a Transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("The server closed the connection."))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        place = head.lower().find(b"content-length:")
        length = int(head[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0
        if len(body) >= length and self._answer is not None and not self._answer.done():
            self._buffer = b""
            self._answer.set_result(int(head[9:12]))

    async def send(self, request: bytes) -> int:
        """Send one request and return the status of its answer."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def post(host: str, port: int, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Return the bytes of a POST request."""
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {host}:{port}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


async def _connect(port: int, count: int) -> list[_Connection]:
    loop = asyncio.get_running_loop()
    pairs = [await loop.create_connection(_Connection, "127.0.0.1", port) for _ in range(count)]
    return [protocol for _, protocol in pairs]


async def _closed(port: int, requests: Sequence[bytes], connections: int) -> Outcome:
    outcome, waiting = Outcome(), list(reversed(requests))

    async def client(connection: _Connection) -> None:
        while waiting:
            request = waiting.pop()
            began = time.perf_counter()
            status = await connection.send(request)
            _note(outcome, began, status)
        connection.close()

    clients = await _connect(port, connections)
    began = time.perf_counter()
    await asyncio.gather(*map(client, clients))
    outcome.seconds = time.perf_counter() - began
    return outcome


async def _paced(
    port: int, requests: Sequence[bytes], connections: int, rate: float, then: Callable[[int], None] | None
) -> Outcome:
    outcome = Outcome()
    idle: asyncio.Queue[_Connection] = asyncio.Queue()
    for connection in await _connect(port, connections):
        idle.put_nowait(connection)
    began = time.perf_counter()

    async def one(number: int, request: bytes) -> None:
        connection = await idle.get()
        status = await connection.send(request)
        _note(
            outcome, began + number / rate, status
        )  # from the instant it was due: a queue in the client counts as well
        if then is not None:
            then(number)
        idle.put_nowait(connection)

    tasks: list[Awaitable[None]] = []
    for number, request in enumerate(requests):
        wait = began + number / rate - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(one(number, request)))
    await asyncio.gather(*tasks)
    outcome.seconds = time.perf_counter() - began
    while not idle.empty():
        idle.get_nowait().close()
    return outcome


def _note(outcome: Outcome, began: float, status: int) -> None:
    outcome.latencies.append((time.perf_counter() - began) * 1000)
    outcome.statuses[status] = outcome.statuses.get(status, 0) + 1


def closed_loop(port: int, requests: Sequence[bytes], *, connections: int) -> Outcome:
    """Send all requests, each connection its next one as soon as it has its answer."""
    return uvloop.run(_closed(port, requests, connections))


def paced(
    port: int, requests: Sequence[bytes], *, connections: int, rate: float, then: Callable[[int], None] | None = None
) -> Outcome:
    """Send the requests at a fixed rate whatever the answers do; latency counts from the instant each was due."""
    return uvloop.run(_paced(port, requests, connections, rate, then))
