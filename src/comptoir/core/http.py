"""Outgoing HTTP to addresses that people or platforms gave us: token endpoints, webhooks, remote files.

Every request resolves its host, refuses private addresses (hosts.py) and connects to the very address it checked, so
that a name which changes its answer in between gains nothing. Redirects are answers, never followed. The answer's
size and the time of the whole exchange are bounded, however slowly the other side drips.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpcore
from django.utils.translation import gettext as _

from comptoir.core.errors import ChannelError
from comptoir.core.hosts import reachable
from comptoir.core.tls import client_context

MAX_BODY = 2 * 1024 * 1024  # bytes of an answer; a token or an acknowledgement has a few kilobytes
TIMEOUT = 10.0  # seconds for one whole exchange
_USER_AGENT = "Comptoir"
_TRIED_ADDRESSES = 3  # of one name, while none has accepted the connection


@dataclass(frozen=True, slots=True)
class Response:
    """What the other side answered; header names in lower case, the last of repeated ones."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_success(self) -> bool:
        """True for 200 to 299. A redirect is none."""
        return 200 <= self.status < 300

    @property
    def retry_after(self) -> float | None:
        """The seconds that the other side asks us to wait, where it gives them as a number."""
        value = self.headers.get("retry-after", "").strip()
        return min(float(value), 86_400.0) if value.isascii() and value.isdigit() else None


def get(
    url: str, *, headers: Mapping[str, str] | None = None, timeout: float = TIMEOUT, max_bytes: int = MAX_BODY
) -> Response:
    """GET a URL. Raises ChannelError: permanent where the address itself is refused or impossible."""
    return request("GET", url, headers=headers, timeout=timeout, max_bytes=max_bytes)


def post(
    url: str,
    *,
    body: bytes,
    headers: Mapping[str, str] | None = None,
    timeout: float = TIMEOUT,
    max_bytes: int = MAX_BODY,
) -> Response:
    """POST a body. Raises ChannelError: permanent where the address itself is refused or impossible."""
    return request("POST", url, body=body, headers=headers, timeout=timeout, max_bytes=max_bytes)


def request(
    method: str,
    url: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = TIMEOUT,
    max_bytes: int = MAX_BODY,
) -> Response:
    """Make one request and return the answer, whatever its status. Raises ChannelError when there is none."""
    host = checked_host(url)
    sent = list({"User-Agent": _USER_AGENT, "Accept-Encoding": "identity", **(headers or {})}.items())
    limits = dict.fromkeys(("connect", "read", "write", "pool"), timeout)
    deadline = time.monotonic() + timeout
    try:
        with (
            httpcore.ConnectionPool(ssl_context=client_context(), network_backend=_Guarded(deadline)) as pool,
            pool.stream(method, url, headers=sent, content=body, extensions={"timeout": limits}) as answer,
        ):
            content = _read(answer.iter_stream(), max_bytes, host)
            names = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in answer.headers}
            return Response(answer.status, content, names)
    except httpcore.TimeoutException as error:
        text = _("“%(host)s” did not answer within %(seconds)s seconds.")
        raise ChannelError(text % {"host": host, "seconds": f"{timeout:g}"}) from error
    except httpcore.LocalProtocolError as error:
        text = _("The request to “%(host)s” is impossible: %(why)s.")
        raise ChannelError(text % {"host": host, "why": error}, permanent=True) from error
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
        text = _("The connection to “%(host)s” failed: %(why)s.")
        raise ChannelError(text % {"host": host, "why": str(error) or type(error).__name__}) from error


def checked_host(url: str) -> str:
    """Return the host of a URL that may be requested at all."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise ChannelError(_("This is not a valid web address."), permanent=True) from None
    is_clean = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None or not is_clean:
        raise ChannelError(_("A web address must look like https://host/path, without a user name."), permanent=True)
    return host


def _read(chunks: Iterable[bytes], max_bytes: int, host: str) -> bytes:
    kept: list[bytes] = []
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > max_bytes:
            text = _("“%(host)s” answered with more than %(bytes)s bytes.")
            raise ChannelError(text % {"host": host, "bytes": max_bytes}, permanent=True)
        kept.append(chunk)
    return b"".join(kept)


class _Guarded(httpcore.NetworkBackend):
    """Connects to checked addresses only, and gives no operation more time than the exchange has left."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to one of the host's allowed addresses; the next is tried while nothing has been sent."""
        addresses = reachable(host, port)[:_TRIED_ADDRESSES]
        for address in addresses:
            try:
                stream = self._plain.connect_tcp(address, port, left(self._deadline), local_address, socket_options)
            except httpcore.ConnectError:
                if address == addresses[-1]:
                    raise
            else:
                return _Bounded(stream, self._deadline)
        raise httpcore.ConnectError(f"no address of {host} answers")


class _Bounded(httpcore.NetworkStream):
    """A stream whose every operation ends at the deadline of the exchange."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, left(self._deadline))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Bounded(
            self._stream.start_tls(ssl_context, server_hostname, left(self._deadline)),
            self._deadline,
        )

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def left(deadline: float) -> float:
    """Return the seconds until the deadline (monotonic clock). Raises the time-out when it has passed."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise httpcore.ReadTimeout("out of time")
    return seconds
