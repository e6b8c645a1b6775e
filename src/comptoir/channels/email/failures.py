"""Failures of mail servers in words that say what to do. No credential ever becomes part of a message (INV-08)."""

import contextlib
import imaplib
import smtplib
import socket
import ssl
from collections.abc import Iterator

from django.utils.translation import gettext as _
from imapclient.exceptions import LoginError

from comptoir.core.errors import ChannelError, InputError

from .config import Server


@contextlib.contextmanager
def in_words(server: Server) -> Iterator[None]:
    """Turn what goes wrong with a server inside the block into ChannelError."""
    try:
        yield
    except (OSError, imaplib.IMAP4.error, smtplib.SMTPException, InputError) as error:
        failure = explain(error, server)
        failure.of_account = True
        raise failure from error


def explain(error: Exception, server: Server) -> ChannelError:
    """Return the error in words. Permanent where only a person can help."""
    where = {"host": server.host, "port": server.port}
    if isinstance(error, InputError):
        return ChannelError(str(error), permanent=True)
    if isinstance(error, LoginError | smtplib.SMTPAuthenticationError):
        return _refused_sign_in(error, server)
    if isinstance(error, ssl.SSLCertVerificationError):
        text = _(
            "The certificate of “%(host)s” is not trusted (%(why)s). Check the server name; if the server uses a "
            "private authority, paste its certificate into the settings."
        )
        return ChannelError(text % {**where, "why": error.verify_message}, permanent=True)
    if isinstance(error, ssl.SSLError):
        text = _("“%(host)s” does not speak TLS on port %(port)s. Choose another security or another port.")
        return ChannelError(text % where, permanent=True)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        text = _("“%(host)s” does not offer what is needed on port %(port)s: %(why)s Choose another security or port.")
        return ChannelError(text % {**where, "why": str(error)}, permanent=True)
    return _unreachable(error, where)


def _unreachable(error: Exception, where: dict[str, object]) -> ChannelError:
    if isinstance(error, socket.gaierror | UnicodeError):
        text = _("There is no server named “%(host)s”. Check the name.")
    elif isinstance(error, ConnectionRefusedError):
        text = _("“%(host)s” refuses connections on port %(port)s. Check the port, and whether the server runs.")
    elif isinstance(error, TimeoutError):
        text = _("“%(host)s” does not answer on port %(port)s. Check the port and the firewall.")
    else:
        why = _first_line(error)
        return ChannelError(_("The connection to “%(host)s” broke: %(why)s") % {**where, "why": why})
    return ChannelError(text % where)


def _refused_sign_in(error: Exception, server: Server) -> ChannelError:
    said = _first_line(error)
    text = _(
        "“%(host)s” refuses this user name and password. Check both; some providers ask for an app password. "
        "The server said: %(said)s"
    )
    # A refusal for the moment ("too many connections", "temporary failure") goes away by itself.
    for_now = isinstance(error, smtplib.SMTPAuthenticationError) and 400 <= error.smtp_code < 500
    temporary = for_now or any(word in said.lower() for word in ("unavailable", "temporar", "try again", "[inuse]"))
    return ChannelError(text % {"host": server.host, "said": said}, permanent=not temporary)


def _first_line(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return reply_text(error.smtp_code, error.smtp_error)
    text = str(error.args[0] if error.args else error)
    return text.strip("b'\"").splitlines()[0][:300] if text.strip() else type(error).__name__


def reply_text(code: int, reply: bytes | str) -> str:
    """Return an SMTP reply on one line."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return f"{code} {' '.join(text.split())}"[:500].strip()
