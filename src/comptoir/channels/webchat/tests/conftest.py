"""A chat whose replies may leave by a mailbox, and the server that takes its mails."""

from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import IO

import pytest

from comptoir.channels.models import ChannelAccount
from comptoir.testing.builders import make_account, make_team
from comptoir.testing.loopback import dialogue_server


class Post:
    """An SMTP server on loopback that keeps what it was sent, refuses, or hangs up after the content."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.mood = "well"

    def speak(self, lines: IO[bytes], say: Callable[[bytes], None]) -> None:
        """Hold one dialogue."""
        say(b"220 ready\r\n")
        for line in lines:
            verb = line[:4].upper()
            if verb == b"MAIL" and self.mood == "busy":
                say(b"451 4.3.2 busy\r\n")
            elif verb == b"DATA":
                say(b"354 go on\r\n")
                content = b"".join(iter(lines.readline, b".\r\n"))
                if self.mood == "silent":
                    return
                self.mails.append(message_from_bytes(content, EmailMessage, policy=policy.default))
                say(b"250 2.0.0 kept\r\n")
            else:
                say(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def account(post: Post) -> Iterator[ChannelAccount]:
    team = make_team()
    with dialogue_server(post.speak) as port:
        options = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_security": "none", "imap_host": ""}
        mailbox = make_account(team, name="Horizon", options=options)
        yield make_account(team, kind="webchat", options={"reply_account": mailbox.pk})
