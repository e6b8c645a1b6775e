"""The mailboxes that most people have: their servers, and what each asks for beside a password. Pure.

Names and ports are those that the providers publish for their customers.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from .config import PASSWORD, STARTTLS, TLS, XOAUTH2


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider. `domains` are those of its own addresses; `note` says what to prepare."""

    name: str
    label: str
    domains: tuple[str, ...] = ()
    imap: tuple[str, int, str] = ("", 993, TLS)
    smtp: tuple[str, int, str] = ("", 587, STARTTLS)
    auth: str = PASSWORD
    token_url: str = ""
    scope: str = ""
    note: Callable[[], str] = lambda: ""


PROVIDERS: dict[str, Provider] = {
    provider.name: provider
    for provider in (
        Provider(
            "gmail", "Gmail, Google Workspace", ("gmail.com", "googlemail.com"),
            ("imap.gmail.com", 993, TLS), ("smtp.gmail.com", 587, STARTTLS),
            note=lambda: _(
                "Google wants an app password here, not the one you sign in with: turn two-step verification on, then "
                "create one at myaccount.google.com/apppasswords."
            ),
        ),
        Provider(
            "microsoft", "Outlook, Microsoft 365",
            ("outlook.com", "outlook.fr", "hotmail.com", "hotmail.fr", "live.com", "live.fr", "msn.com"),
            ("outlook.office365.com", 993, TLS), ("smtp.office365.com", 587, STARTTLS), XOAUTH2,
            "https://login.microsoftonline.com/common/oauth2/v2.0/token",
            "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send offline_access",
            note=lambda: _(
                "Microsoft no longer takes passwords from programs: register an application in Entra ID, and give its "
                "client ID and a refresh token in the full settings."
            ),
        ),
        Provider(
            "ovh", "OVH", (), ("ssl0.ovh.net", 993, TLS), ("ssl0.ovh.net", 465, TLS),
            note=lambda: _("For e-mail of your own domain (MX Plan). Exchange has its own server: see your OVH page."),
        ),
        Provider(
            "gandi", "Gandi", ("gandi.net",), ("mail.gandi.net", 993, TLS), ("mail.gandi.net", 465, TLS),
            note=lambda: _("The password of the mailbox, not that of your Gandi account."),
        ),
        Provider(
            "infomaniak", "Infomaniak", ("ik.me", "ikmail.com", "etik.com"),
            ("mail.infomaniak.com", 993, TLS), ("mail.infomaniak.com", 465, TLS),
            note=lambda: _("Create a password for a device in the settings of the mailbox, and give that one."),
        ),
        Provider(
            "free", "Free", ("free.fr",), ("imap.free.fr", 993, TLS), ("smtp.free.fr", 465, TLS),
            note=lambda: _("Turn “SMTP authentifié” on in your Free account first, or nothing can be sent."),
        ),
        Provider(
            "orange", "Orange", ("orange.fr", "wanadoo.fr"),
            ("imap.orange.fr", 993, TLS), ("smtp.orange.fr", 465, TLS),
            note=lambda: _(
                "Allow other mail programs in the settings of your Orange mailbox first; the password may be one made "
                "for them."
            ),
        ),
    )
}  # fmt: skip


def provider_of(address: str) -> Provider | None:
    """Return the provider whose own addresses look like this; None for a domain that could be anywhere."""
    domain = address.strip().lower().rpartition("@")[2]
    return next((provider for provider in PROVIDERS.values() if domain in provider.domains), None)


def likely_servers(address: str) -> dict[str, str]:
    """Return the server names that a domain of one's own usually has: a start, to be put right by hand."""
    domain = address.strip().lower().rpartition("@")[2]
    return {"imap_host": f"imap.{domain}", "smtp_host": f"smtp.{domain}"} if "." in domain else {}


def servers(provider: Provider) -> dict[str, object]:
    """Return the provider's servers as values of the connect form (config.FIELDS)."""
    return {
        "imap_host": provider.imap[0], "imap_port": provider.imap[1], "imap_security": provider.imap[2],
        "smtp_host": provider.smtp[0], "smtp_port": provider.smtp[1], "smtp_security": provider.smtp[2],
        "auth": provider.auth, "token_url": provider.token_url, "scope": provider.scope,
    }  # fmt: skip
