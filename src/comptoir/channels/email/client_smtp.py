"""Sends one mail over SMTP, step by step, so that it is always known whether the server can have it (INV-03).

The hand-over is told after every recipient was accepted and the server has said that it waits for the content (354):
before it nothing has left. A refusal after it is a clear answer as well; only silence after it leaves a doubt.
All or nothing: where one recipient is refused, nobody receives the mail, and the sender learns who was refused.
"""

import contextlib
import logging
import re
import smtplib
import threading
from collections.abc import Callable, Iterator, Sequence

from django.db import connection
from django.utils.translation import gettext as _

from comptoir.channels.base import HandOver
from comptoir.core import clock
from comptoir.core.crypto import derive_key
from comptoir.core.errors import ChannelError, DoubtfulDelivery
from comptoir.core.hosts import reachable
from comptoir.core.tls import client_context
from comptoir.core.types import AccountConfig, Delivered, Outbound, Receipt

from . import oauth
from .client_imap import open_session
from .config import STARTTLS, TLS, XOAUTH2, Mailbox, Server, mailbox_of
from .failures import in_words, reply_text
from .render import recipients, render, wire_address

_TIMEOUT = 30.0  # seconds for one step; SEND_LEASE is longer than all steps of a usual exchange
_CONTENT_TIMEOUT = 60.0  # for the answer to the content: servers check it for spam meanwhile
_HELLO = "[127.0.0.1]"  # as mail programs say; asking for our own name may hang where there is no DNS
_LEADING_DOT = re.compile(rb"^\.", re.M)

logger = logging.getLogger(__name__)


def send(message: Outbound, account: AccountConfig, hand_over: HandOver) -> Receipt:
    """Send a message. Raises ChannelError; DoubtfulDelivery where the server fell silent after the hand-over."""
    mailbox = mailbox_of(account)
    raw = render(message, account, at=clock.now(), token_key=derive_key("reply-token"))
    to = recipients(message)
    with open_smtp(mailbox) as smtp:
        accepted = transmit(smtp, wire_address(mailbox.address), to, raw, hand_over)
    if mailbox.sent_folder and mailbox.imap:
        # Beside the sender: that the message left is recorded first, however slow the mailbox is.
        threading.Thread(target=_keep_copy, args=(mailbox, raw), name=f"copy-{account.id}", daemon=True).start()
    return Receipt(message.key, Delivered.SENT, provider_id=accepted)


def reconcile(message: Outbound, account: AccountConfig) -> Receipt | None:
    """Look for a doubtful mail in the mailbox: in the folder of sent mail, then where copies to us arrive.

    Found means sent. Not found means nothing: many servers keep no copies.
    """
    mailbox = mailbox_of(account)
    if mailbox.imap is None:
        return None
    with open_session(mailbox) as session:
        sent = mailbox.sent_folder or session.sent_folder()
        for folder in dict.fromkeys(filter(None, (sent, *mailbox.folders))):
            if session.find(message.key, folder):
                return Receipt(message.key, Delivered.SENT, reason=folder)
    return None


@contextlib.contextmanager
def open_smtp(mailbox: Mailbox) -> Iterator[smtplib.SMTP]:
    """Connect and sign in; whatever fails inside the block is raised as ChannelError in words."""
    server = mailbox.smtp
    if server is None:
        raise ChannelError(_("This mailbox has no SMTP server."), permanent=True)
    with in_words(server):
        smtp = _connect(server)
        try:
            _sign_in(smtp, mailbox)
            yield smtp
        except BaseException:
            smtp.close()  # without a QUIT, which in the middle of a content would be a line of it
            raise
        _quit(smtp)


def _connect(server: Server) -> smtplib.SMTP:
    reachable(server.host, server.port, allow_private=True)
    if server.security == TLS:
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, _HELLO, timeout=_TIMEOUT, context=client_context(server.authority)
        )
    else:
        smtp = smtplib.SMTP(server.host, server.port, _HELLO, timeout=_TIMEOUT)
    try:
        smtp.ehlo_or_helo_if_needed()
        if server.security == STARTTLS:
            smtp.starttls(context=client_context(server.authority))
            smtp.ehlo()
    except BaseException:
        smtp.close()
        raise
    return smtp


def _sign_in(smtp: smtplib.SMTP, mailbox: Mailbox) -> None:
    """Sign in where the server offers it; one that relays without asking (inside a machine) needs no sign-in."""
    sign_in = mailbox.smtp_sign_in
    if not smtp.has_extn("auth"):
        return
    if sign_in.method != XOAUTH2:
        if sign_in.password:
            smtp.login(sign_in.user, sign_in.password)
        return
    try:
        _sign_in_by_token(smtp, sign_in.user, oauth.access_token(mailbox))
    except smtplib.SMTPAuthenticationError:
        # A token may have been withdrawn before its time; one new one is worth a try.
        if not oauth.forget_token(mailbox):
            raise
        _sign_in_by_token(smtp, sign_in.user, oauth.access_token(mailbox))


def _sign_in_by_token(smtp: smtplib.SMTP, user: str, token: str) -> None:
    def answer(challenge: bytes | None = None) -> str:
        # A challenge after the initial response is the reason of a refusal; an empty answer ends the exchange.
        return oauth.sasl_xoauth2(user, token) if challenge is None else ""

    smtp.auth("XOAUTH2", answer, initial_response_ok=True)


def _quit(smtp: smtplib.SMTP) -> None:
    try:
        smtp.quit()
    except (OSError, smtplib.SMTPException):
        smtp.close()


def transmit(smtp: smtplib.SMTP, sender: str, to: Sequence[str], raw: bytes, hand_over: Callable[[], None]) -> str:
    """Walk through one mail transaction; return the server's acceptance."""
    largest = smtp.esmtp_features.get("size", "")
    if largest.isdigit() and 0 < int(largest) < len(raw):
        text = _("This message has %(size)s MB with its files; the server takes %(limit)s MB at most.")
        raise ChannelError(text % {"size": _megabytes(len(raw)), "limit": _megabytes(int(largest))}, permanent=True)
    options = [f"size={len(raw)}"] if smtp.has_extn("size") else []
    _expect(smtp.mail(sender, options), (250,), _("The server does not accept %(who)s as the sender."), sender)
    refused = _("The server refuses the recipient %(who)s. Nobody has received this message.")
    for address in to:
        _expect(smtp.rcpt(address), (250, 251), refused, address)
    _expect(smtp.docmd("DATA"), (354,), _("The server refuses the message."))
    hand_over()
    return _deliver(smtp, raw)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f}"


def _deliver(smtp: smtplib.SMTP, raw: bytes) -> str:
    """Send the content and return the server's acceptance; from here on anything but a clear answer is a doubt."""
    try:
        if smtp.sock is not None:
            smtp.sock.settimeout(_CONTENT_TIMEOUT)
        smtp.send(_LEADING_DOT.sub(b"..", raw) + (b".\r\n" if raw.endswith(b"\r\n") else b"\r\n.\r\n"))
        code, reply = smtp.getreply()
    except (OSError, smtplib.SMTPException) as error:
        raise _doubt(str(error) or type(error).__name__) from error
    if not (200 <= code < 300 or 400 <= code < 600):
        raise _doubt(reply_text(code, reply))
    _expect((code, reply), (250,), _("The server refuses the message."))
    return reply_text(code, reply)


def _doubt(why: str) -> DoubtfulDelivery:
    text = _("The connection broke while the message was being handed over (%(why)s): it may have arrived.")
    return DoubtfulDelivery(text % {"why": why[:300]})


def _expect(answer: tuple[int, bytes], wanted: tuple[int, ...], words: str, who: str = "") -> None:
    """Raise what an SMTP reply means: 4xx may be tried again, 5xx only after somebody changed something."""
    code, reply = answer
    if code in wanted:
        return
    said = _("The server said: %(reply)s") % {"reply": reply_text(code, reply)}
    raise ChannelError(f"{words % {'who': who}} {said}", permanent=500 <= code < 600)


def _keep_copy(mailbox: Mailbox, raw: bytes) -> None:
    """Put a copy into the folder of sent mail; that it fails changes nothing about the delivery."""
    try:
        with open_session(mailbox) as session:
            session.keep_copy(mailbox.sent_folder, raw)
    except ChannelError as error:
        logger.warning("account %s: no copy in %s: %s", mailbox.account_id, mailbox.sent_folder, error)
    finally:
        connection.close()  # renewing an access token may have used the database
