"""What a mailbox needs: the fields of its connect form, and the same as typed values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from comptoir.channels.base import Field
from comptoir.core.errors import ChannelError
from comptoir.core.types import AccountConfig

TLS, STARTTLS, NONE = "tls", "starttls", "none"
PASSWORD, XOAUTH2 = "password", "xoauth2"  # names of methods
ALL, NEW = "all", "new"
_SECURITY = (
    (TLS, _("TLS from the first byte")),
    (STARTTLS, _("STARTTLS")),
    (NONE, _("None (only inside one machine)")),
)

FIELDS = (
    Field("address", _("E-mail address"), _("The address that customers write to."), "email"),
    Field("imap_host", _("IMAP server"), _("Empty: this mailbox only sends."), "host", required=False),
    Field("imap_port", _("IMAP port"), _("Usually 993."), "number", default=993),
    Field("imap_security", _("IMAP security"), _("With port 993 TLS, with 143 STARTTLS."), "choice", choices=_SECURITY,
          default=TLS),
    Field("user", _("User name"), _("Empty: the e-mail address."), required=False),
    Field(
        "auth",
        _("Sign-in"),
        _("A password, or an app password, for most; OAuth 2 where the provider takes no passwords any more."),
        "choice",
        choices=((PASSWORD, _("Password")), (XOAUTH2, _("OAuth 2 (Google, Microsoft)"))),
        default=PASSWORD,
    ),
    Field("password", _("Password"), _("Of the mailbox. It is encrypted and never shown again."), "password",
          required=False, secret=True),
    Field("token_url", _("OAuth token address"), _("Where access tokens are renewed."), required=False),
    Field("client_id", _("OAuth client ID"), _("Of the application that you registered with the provider."),
          required=False),
    Field("client_secret", _("OAuth client secret"), _("Of the same application; some providers need none."),
          "password", required=False, secret=True),
    Field("refresh_token", _("OAuth refresh token"), _("The lasting permission for this mailbox; renewed by itself."),
          "password", required=False, secret=True),
    Field("scope", _("OAuth scope"), _("Only where the provider asks for one."), required=False),
    Field("smtp_host", _("SMTP server"), _("Empty: this mailbox only receives."), "host", required=False),
    Field("smtp_port", _("SMTP port"), _("Usually 465 or 587."), "number", default=587),
    Field("smtp_security", _("SMTP security"), _("With port 465 TLS, with 587 STARTTLS."), "choice", choices=_SECURITY,
          default=STARTTLS),
    Field("smtp_user", _("SMTP user name"), _("Empty: the same as above."), required=False),
    Field("smtp_password", _("SMTP password"), _("Empty: the same as above."), "password", required=False, secret=True),
    Field("folders", _("Folders to read"), _("One per line."), "lines", default="INBOX"),
    Field(
        "start",
        _("Begin with"),
        _("Mails that are in the mailbox when you connect it."),
        "choice",
        choices=((ALL, _("All mails in these folders")), (NEW, _("Only mails that arrive from now on"))),
        default=ALL,
    ),
    Field(
        "plus_addressing",
        _("Answers to address+code@…"),
        _("Puts a signed code into our reply address, so that answers always find their conversation. Turn it on only "
          "if your server delivers address+anything@… to this mailbox; the test below tries it."),
        "flag",
        default=False,
        required=False,
    ),
    Field("sent_folder", _("Folder for copies of what is sent"), _("Empty: no copy. Many servers keep one themselves."),
          required=False),
    Field("authority", _("Certificate of your own authority"), _("PEM text, where your servers use a private one."),
          "lines", required=False),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Server:
    """One server and how to reach it."""

    host: str
    port: int
    security: str
    authority: str = ""


@dataclass(frozen=True, slots=True)
class SignIn:
    """Who signs in and with what."""

    user: str
    method: str
    password: str = field(repr=False, default="")


@dataclass(frozen=True, slots=True)
class TokenSource:
    """Where access tokens come from (RFC 6749, section 6)."""

    url: str
    client_id: str
    scope: str
    client_secret: str = field(repr=False, default="")
    refresh_token: str = field(repr=False, default="")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The settings of an account, complete and typed."""

    account_id: int
    address: str
    imap: Server | None
    smtp: Server | None
    imap_sign_in: SignIn
    smtp_sign_in: SignIn
    tokens: TokenSource
    folders: tuple[str, ...]
    only_new: bool
    plus_addressing: bool
    sent_folder: str


def mailbox_of(account: AccountConfig) -> Mailbox:
    """Return the settings of an account. Raises ChannelError (permanent) where one is impossible."""
    options, secrets = account.options, account.credentials
    address = account.address or _text(options, "address")
    user = _text(options, "user") or address
    method = _text(options, "auth") or PASSWORD
    password = secrets.get("password", "")
    return Mailbox(
        account_id=account.id,
        address=address,
        imap=_server(options, "imap", 993, TLS),
        smtp=_server(options, "smtp", 587, STARTTLS),
        imap_sign_in=SignIn(user, method, password),
        smtp_sign_in=SignIn(_text(options, "smtp_user") or user, method, secrets.get("smtp_password", "") or password),
        tokens=TokenSource(
            _text(options, "token_url"), _text(options, "client_id"), _text(options, "scope"),
            secrets.get("client_secret", ""), secrets.get("refresh_token", ""),
        ),
        folders=_folders(options.get("folders")),
        only_new=_text(options, "start") == NEW,
        plus_addressing=bool(options.get("plus_addressing")),
        sent_folder=_text(options, "sent_folder"),
    )  # fmt: skip


def _text(options: Mapping[str, Any], name: str) -> str:
    return str(options.get(name) or "").strip()


def _server(options: Mapping[str, Any], name: str, port: int, security: str) -> Server | None:
    host = _text(options, f"{name}_host")
    if not host:
        return None
    given = options.get(f"{name}_port") or port
    try:
        number = int(given)
    except (TypeError, ValueError):
        number = 0
    if not 0 < number < 65_536:
        raise ChannelError(
            gettext("The port of “%(host)s” must be a number from 1 to 65535.") % {"host": host}, permanent=True
        )
    return Server(host, number, _text(options, f"{name}_security") or security, _text(options, "authority"))


def _folders(given: Any) -> tuple[str, ...]:
    lines = given if isinstance(given, list | tuple) else str(given or "").splitlines()
    return tuple(dict.fromkeys(line for each in lines if (line := str(each).strip()))) or ("INBOX",)
