"""What every answer of an SMTP server means for a delivery, and where silence leaves a doubt (INV-03).

Dialogues that no real server offers on demand; the real ones are in test_servers.py.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedIOBase

import pytest

from comptoir.channels.email import client_smtp
from comptoir.core.errors import ChannelError, DoubtfulDelivery
from comptoir.core.types import AccountConfig, Author, Delivered, Outbound, Receipt
from comptoir.testing.loopback import dialogue_server

HANG_UP = b""
GOOD = {
    "greeting": b"220 ready", "ehlo": b"250-test\r\n250 SIZE 100000", "mail": b"250 ok", "rcpt": b"250 ok",
    "data": b"354 go on", "content": b"250 2.0.0 queued as 17", "quit": b"221 bye",
}  # fmt: skip
MESSAGE = Outbound(
    "1.a@brand.test",
    "One\n.\n.two",
    (Author("email", "ada@customer.test"), Author("email", "bob@customer.test")),
    subject="Re: x",
)


@dataclass
class Server:
    """The port of a scripted server and what it was told."""

    port: int = 0
    heard: list[str] = field(default_factory=list)
    content: bytes = b""


@contextmanager
def smtp_server(**script: bytes) -> Iterator[Server]:
    replies = {**GOOD, **script}
    server = Server()

    def speak(lines: BufferedIOBase, say: Callable[[bytes], object]) -> None:
        def answer(step: str) -> bool:
            if replies[step]:
                say(replies[step] + b"\r\n")
            return replies[step] != HANG_UP

        if not answer("greeting"):
            return
        for line in lines:
            verb = line.split()[0].decode().lower()
            server.heard.append(verb)
            if not answer(verb):
                return
            if verb == "data" and replies["data"].startswith(b"354"):
                content = b"".join(iter(lines.readline, b".\r\n"))
                server.content = content
                server.heard.append("content")
                if not answer("content"):
                    return

    with dialogue_server(speak) as port:
        server.port = port
        yield server


def send(server: Server, hand_over: Callable[[], None]) -> object:
    options = {"smtp_host": "127.0.0.1", "smtp_port": server.port, "smtp_security": "none"}
    account = AccountConfig(1, "email", "Acme", "support@brand.test", options, {})
    return client_smtp.send(MESSAGE, account, hand_over)


def test_a_good_dialogue_hands_over_after_the_recipients_and_before_the_content() -> None:
    with smtp_server() as server:
        seen: list[list[str]] = []
        receipt = send(server, lambda: seen.append(list(server.heard)))
    assert seen == [["ehlo", "mail", "rcpt", "rcpt", "data"]]
    assert receipt == Receipt("1.a@brand.test", Delivered.SENT, provider_id="250 2.0.0 queued as 17")
    assert b"\r\n..\r\n..two\r\n" in server.content  # dots at the beginning of a line are doubled on the way


@pytest.mark.parametrize(
    ("case", "script", "permanent", "handed_over", "words"),
    [
        ("no greeting", {"greeting": HANG_UP}, False, False, "127.0.0.1"),
        ("busy server", {"greeting": b"421 4.3.2 too many connections"}, False, False, "421 4.3.2"),
        ("sender refused", {"mail": b"550 5.7.1 not yours"}, True, False, "support@brand.test.*550 5.7.1 not yours"),
        ("sender refused for now", {"mail": b"451 4.7.1 later"}, False, False, "451"),
        ("recipient refused", {"rcpt": b"550 5.1.1 no such user"}, True, False, "ada@customer.test.*Nobody"),
        ("recipient greylisted", {"rcpt": b"450 4.2.0 greylisted"}, False, False, "450 4.2.0"),
        ("connection lost before the content", {"rcpt": HANG_UP}, False, False, "broke"),
        ("data refused", {"data": b"554 5.5.1 no"}, True, False, "554"),
        ("content refused", {"content": b"554 5.7.1 spam\r\n"}, True, True, "refuses the message.*554"),
        ("content refused for now", {"content": b"452 4.3.1 disk full"}, False, True, "452"),
    ],
)  # fmt: skip
def test_a_clear_refusal_is_no_doubt(
    case: str, script: dict[str, bytes], permanent: bool, handed_over: bool, words: str
) -> None:
    steps: list[str] = []
    with smtp_server(**script) as server, pytest.raises(ChannelError, match=words) as caught:
        send(server, lambda: steps.append("handed over"))
    assert not isinstance(caught.value, DoubtfulDelivery), case
    assert caught.value.permanent is permanent
    assert steps == ["handed over"] * handed_over


@pytest.mark.parametrize(
    ("case", "reply"),
    [("hung up", HANG_UP), ("nonsense", b"what?"), ("unfinished", b"250"), ("yes, but", b"354 again")],
)
def test_silence_after_the_hand_over_is_a_doubt(case: str, reply: bytes) -> None:
    steps: list[str] = []
    with smtp_server(content=reply) as server:
        if case == "unfinished":  # a code without a text is a clear answer
            send(server, lambda: steps.append("handed over"))
        else:
            with pytest.raises(DoubtfulDelivery, match="may have arrived"):
                send(server, lambda: steps.append("handed over"))
    assert steps == ["handed over"]


def test_a_hand_over_that_fails_sends_no_content() -> None:
    def fail() -> None:
        raise RuntimeError("the claim was lost")

    with smtp_server() as server, pytest.raises(RuntimeError):
        send(server, fail)
    assert server.heard[-1] in {"data", "content"}
    assert server.content == b""


def test_a_mailbox_that_only_receives_cannot_send() -> None:
    with pytest.raises(ChannelError, match="no SMTP server") as caught:
        client_smtp.send(MESSAGE, AccountConfig(1, "email", "Acme", "support@brand.test", {}, {}), lambda: None)
    assert caught.value.permanent
