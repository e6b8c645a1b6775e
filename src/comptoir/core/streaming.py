"""Answers that do not end: server-sent events, and the upgrade to a WebSocket (websocket.py).

Guarded as in http.py: the host is resolved, private addresses are refused, and the connection goes to the address that
was checked. There is no deadline for the whole; a connection that says nothing for `silence` seconds is broken, and
one whose reader is to stop ends quietly within a second.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpcore
from django.utils.translation import gettext as _

from comptoir.core.errors import ChannelError
from comptoir.core.hosts import reachable
from comptoir.core.http import checked_host
from comptoir.core.tls import client_context

CONNECT_TIMEOUT = 15.0  # seconds, also for TLS and for each write
_LOOK = 0.5  # seconds between two looks whether to stop
_TRIED_ADDRESSES = 3


@dataclass(frozen=True, slots=True)
class Stream:
    """An open answer. `upgraded` is the bare connection where the other side switched protocols (101)."""

    status: int
    chunks: Iterator[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)
    upgraded: httpcore.NetworkStream | None = None


class _Stopped(Exception):
    """The reader was told to end."""


@contextmanager
def open_stream(
    url: str, *, stopped: Callable[[], bool], headers: Mapping[str, str] | None = None, silence: float = 60.0
) -> Iterator[Stream]:
    """GET a URL and keep the answer open; the body of the `with` ends early, without an error, once `stopped()`.

    Raises ChannelError for whatever breaks, also inside the body: permanent where the address itself is refused.
    """
    url = {"wss": "https", "ws": "http"}.get(url.partition(":")[0], url.partition(":")[0]) + ":" + url.partition(":")[2]
    host = checked_host(url)
    sent = list({"User-Agent": "Comptoir", "Accept-Encoding": "identity", **(headers or {})}.items())
    limits = {"connect": CONNECT_TIMEOUT, "read": silence, "write": CONNECT_TIMEOUT, "pool": CONNECT_TIMEOUT}
    try:
        with (
            httpcore.ConnectionPool(ssl_context=client_context(), network_backend=_Patient(stopped, silence)) as pool,
            pool.stream("GET", url, headers=sent, extensions={"timeout": limits}) as answer,
        ):
            names = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in answer.headers}
            upgraded = answer.extensions.get("network_stream") if answer.status == 101 else None
            yield Stream(answer.status, iter(answer.iter_stream()), names, upgraded)
    except _Stopped:
        return
    except httpcore.TimeoutException as error:
        text = _("“%(host)s” said nothing for %(seconds)s seconds.")
        raise ChannelError(text % {"host": host, "seconds": f"{silence:g}"}) from error
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError) as error:
        text = _("The connection to “%(host)s” failed: %(why)s.")
        raise ChannelError(text % {"host": host, "why": str(error) or type(error).__name__}) from error


class _Patient(httpcore.NetworkBackend):
    """Connects to checked addresses only; its streams wait as long as the other side may be silent."""

    def __init__(self, stopped: Callable[[], bool], silence: float) -> None:
        self._stopped, self._silence = stopped, silence
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to one of the host's allowed addresses."""
        addresses = reachable(host, port)[:_TRIED_ADDRESSES]
        for address in addresses:
            try:
                stream = self._plain.connect_tcp(address, port, CONNECT_TIMEOUT, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if address == addresses[-1]:
                    raise
            else:
                return _Waiting(stream, self._stopped, self._silence)
        raise httpcore.ConnectError(f"no address of {host} answers")


class _Waiting(httpcore.NetworkStream):
    """A stream whose reads look now and then whether their reader is to stop."""

    def __init__(self, stream: httpcore.NetworkStream, stopped: Callable[[], bool], silence: float) -> None:
        self._stream, self._stopped, self._silence = stream, stopped, silence

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        ends_at = time.monotonic() + self._silence
        while True:
            if self._stopped():
                raise _Stopped
            try:
                return self._stream.read(max_bytes, min(_LOOK, self._silence))
            except httpcore.ReadTimeout:
                if time.monotonic() >= ends_at:
                    raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, CONNECT_TIMEOUT)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        inner = self._stream.start_tls(ssl_context, server_hostname, CONNECT_TIMEOUT)
        return _Waiting(inner, self._stopped, self._silence)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
