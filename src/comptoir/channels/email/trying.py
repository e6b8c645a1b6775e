"""Tries a mailbox's settings step by step and says in words what to do about each that fails."""

import time
import uuid
from collections.abc import Callable, Iterator

from django.utils.translation import gettext as _

from comptoir.channels.base import Step
from comptoir.core import clock
from comptoir.core.crypto import derive_key
from comptoir.core.errors import ChannelError
from comptoir.core.types import AccountConfig, Author, Outbound

from .client_imap import open_session
from .client_smtp import open_smtp, transmit
from .config import Mailbox, mailbox_of
from .render import render, wire_address

PROBE_SECONDS = 20.0  # that a mail to ourselves may take; it takes one or two where nothing filters it
_PROBE_TOKEN = "a" * 23  # looks like a token and names nothing


def steps(account: AccountConfig) -> list[Step]:
    """Return what there is to try, in this order; each opens its own connections and may be tried alone."""
    try:
        mailbox = mailbox_of(account)
        wire_address(mailbox.address)
    except ChannelError as error:
        words = str(error)
        return [Step(_("Settings"), lambda: words)]
    found = []
    if mailbox.imap:
        found.append(
            Step(_("IMAP: connect, sign in and open the folders"), lambda: _outcome(lambda: _try_imap(mailbox)))
        )
    if mailbox.smtp:
        found.append(
            Step(_("SMTP: connect, sign in and be accepted as sender"), lambda: _outcome(lambda: _try_smtp(mailbox)))
        )
    if not found:
        words = _("Name an IMAP server, to receive, or an SMTP server, to send, or both.")
        return [Step(_("Settings"), lambda: words)]
    if mailbox.plus_addressing and mailbox.imap and mailbox.smtp:
        attempt = lambda: _try_plus_address(mailbox, account)  # noqa: E731  # a thunk of one line
        found.append(Step(_("A mail to our own address+code"), lambda: _outcome(attempt), needs_others=True))
    return found


def test(account: AccountConfig) -> Iterator[tuple[str, str]]:
    """Yield (step, error in words or '')."""
    all_work = True
    for step in steps(account):
        if step.needs_others and not all_work:
            continue
        failure = step.run()
        all_work = all_work and not failure
        yield step.label, failure


def _outcome(attempt: Callable[[], None]) -> str:
    try:
        attempt()
    except ChannelError as error:
        return str(error)
    return ""


def _try_imap(mailbox: Mailbox) -> None:
    with open_session(mailbox) as session:
        for folder in mailbox.folders:
            session.open(folder)


def _try_smtp(mailbox: Mailbox) -> None:
    with open_smtp(mailbox) as smtp:
        code, reply = smtp.mail(wire_address(mailbox.address))
        if code != 250:
            text = _("The server does not accept %(who)s as the sender. The server said: %(reply)s")
            raise ChannelError(text % {"who": mailbox.address, "reply": reply.decode("utf-8", "replace")[:300]})
        smtp.rset()


def _try_plus_address(mailbox: Mailbox, account: AccountConfig) -> None:
    """Send a mail to address+code and wait for it. It carries our stamp, so it never becomes a message."""
    local, _at, domain = wire_address(mailbox.address).rpartition("@")
    address = f"{local}+c_{_PROBE_TOKEN}@{domain}"
    key = f"probe.{uuid.uuid4().hex}@{domain}"
    text = _("Comptoir tries whether mail to this address reaches this mailbox. You may delete this mail.")
    message = Outbound(key, text, (Author("email", address),), subject="Comptoir: test", automatic=True)
    raw = render(message, account, at=clock.now(), token_key=derive_key("reply-token"))
    with open_smtp(mailbox) as smtp:
        transmit(smtp, wire_address(mailbox.address), [address], raw, lambda: None)
    ends_at = time.monotonic() + PROBE_SECONDS
    while time.monotonic() < ends_at:
        with open_session(mailbox) as session:
            if any(session.find(key, folder) for folder in mailbox.folders):
                return
        time.sleep(1)
    text = _("A mail to %(address)s did not arrive in this mailbox. Turn “answers to address+code” off.")
    raise ChannelError(text % {"address": address})
