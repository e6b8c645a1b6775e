"""The mail server behind which all invented customers live: takes the mails that agents send, and keeps nothing.

It listens on loopback alone. Where the remembered port is taken by a stranger, another one is drawn, and the caller
tells the accounts; where it is taken by the mail server of another process of the demo, that one serves both.
"""

import contextlib
import socket
from collections.abc import Callable, Iterator

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from comptoir.demo.people import FULL_BOXES

HOST = "127.0.0.1"
IDENT = "Ondavelle demo"


class _Handler:
    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.lower() in FULL_BOXES:
            return "552 5.2.2 Mailbox full"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        self._take(content if isinstance(content, bytes) else str(content or "").encode())
        return "250 2.0.0 Taken"


def free_port() -> int:
    """Return a loopback port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does: a port just left is free
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _is_ours(port: int) -> bool:
    """Return whether the server on this port greets as the demo's does."""
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=2) as asked:
        return IDENT.encode() in asked.recv(200)
    return False


@contextlib.contextmanager
def mail_server(port: int, take: Callable[[bytes], None]) -> Iterator[int]:
    """Run the server; yields its port, which is another one where the wished one is taken."""
    if not _is_free(port):
        if _is_ours(port):
            yield port
            return
        port = free_port()
    controller = Controller(_Handler(take), hostname=HOST, port=port, ident=IDENT)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()
