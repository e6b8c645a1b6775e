"""What the first-run guide asks: the organisation and its first administrator, then a mailbox. No more than that."""

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from comptoir.accounts.models import Team, User
from comptoir.channels.email.config import ALL, FIELDS, NEW, NONE, STARTTLS, TLS
from comptoir.channels.email.providers import PROVIDERS, Provider, likely_servers, provider_of, servers
from comptoir.desk.forms import ZoneSelect, zone_choices

SECURITY = ((TLS, _("TLS from the first byte")), (STARTTLS, _("STARTTLS")), (NONE, _("None (only inside one machine)")))


class FoundingForm(forms.Form):
    """The organisation and its first administrator."""

    organisation = forms.CharField(
        label=_("Organisation"), max_length=120, help_text=_("The name that your customers know.")
    )
    language = forms.ChoiceField(
        label=_("Language"), choices=[("fr", "Français"), ("en", "English")],
        help_text=_("Of your public pages, and of your own screens to begin with."),
    )  # fmt: skip
    time_zone = forms.ChoiceField(
        label=_("Time zone"), choices=zone_choices, widget=ZoneSelect, help_text=_("The times on your screens.")
    )
    name = forms.CharField(label=_("Your name"), max_length=120, help_text=_("The one that customers read."))
    email = forms.EmailField(
        label=_("Your e-mail address"), max_length=254, help_text=_("You sign in with it: yours, not a shared one."),
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )  # fmt: skip
    password = forms.CharField(
        label=_("Password"), strip=False, help_text=_("At least 10 characters. Three or four words are easy to keep."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip
    code = forms.CharField(
        label=_("Code"), max_length=40, help_text=_("It stands on the console where Comptoir was started.")
    )

    def __init__(self, *args: Any, needs_code: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not needs_code:
            del self.fields["code"]

    def clean_password(self) -> str:
        """Refuse a password that is short or common."""
        password = str(self.cleaned_data["password"])
        validate_password(password)
        return password


def _provider_choices() -> list[tuple[str, str]]:
    return [
        ("", gettext("By the address")),
        *((provider.name, provider.label) for provider in PROVIDERS.values()),
        ("other", pgettext("a mail provider", "Another one")),
    ]


class MailboxForm(forms.Form):
    """A mailbox in a few fields; the channel's own form has all of them."""

    address = forms.EmailField(
        label=_("Address of the mailbox"), max_length=254, help_text=_("The address that customers write to.")
    )
    provider = forms.ChoiceField(
        label=_("Provider"), choices=_provider_choices, required=False,
        help_text=_("Who runs the mailbox. It fills the servers in."),
    )  # fmt: skip
    password = forms.CharField(
        label=_("Password"), required=False, strip=False,
        help_text=_("Of the mailbox. It is encrypted and never shown again."),
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    team: "forms.ModelChoiceField[Team]" = forms.ModelChoiceField(
        label=_("Team"), queryset=None, empty_label=None, help_text=_("Who sees what is written to this address.")
    )
    start = forms.ChoiceField(
        label=_("Begin with"), choices=((NEW, _("Only mails that arrive from now on")), (ALL, _("All mails in it"))),
        help_text=_("Mails that are in the mailbox when you connect it."), initial=NEW,
    )  # fmt: skip
    user = forms.CharField(label=_("User name"), required=False, help_text=_("Empty: the e-mail address."))
    imap_host = forms.CharField(label=_("IMAP server"), required=False, help_text=_("It receives."))
    imap_port = forms.IntegerField(label=_("IMAP port"), required=False, help_text=_("Usually 993."))
    imap_security = forms.ChoiceField(
        label=_("IMAP security"), choices=SECURITY, required=False, help_text=_("With port 993 TLS, with 143 STARTTLS.")
    )
    smtp_host = forms.CharField(label=_("SMTP server"), required=False, help_text=_("It sends."))
    smtp_port = forms.IntegerField(label=_("SMTP port"), required=False, help_text=_("Usually 465 or 587."))
    smtp_security = forms.ChoiceField(
        label=_("SMTP security"), choices=SECURITY, required=False, help_text=_("With port 465 TLS, with 587 STARTTLS.")
    )

    def __init__(self, member: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        team = self.fields["team"]
        assert isinstance(team, forms.ModelChoiceField)
        team.queryset = Team.objects.filter(memberships__user=member)
        team.initial = team.queryset.first()

    @property
    def known(self) -> Provider | None:
        """The provider that was named, or that the address tells."""
        return chosen_provider(self["provider"].value() or "", self["address"].value() or "")

    def clean(self) -> dict[str, Any]:
        """Fill in the servers of a known provider; ask for those of an unknown one."""
        data = super().clean() or self.cleaned_data
        provider = self.known
        if provider is not None and not data.get("imap_host") and not data.get("smtp_host"):
            data |= servers(provider)
        if not data.get("imap_host") and not data.get("smtp_host") and "address" in data:
            self.add_error("imap_host", gettext("Name the servers of this mailbox; its provider publishes them."))
        return data

    @property
    def values(self) -> dict[str, Any]:
        """Return what was told, as values of the channel's connect form; what was not asked is not among them."""
        told = {field.name: self.cleaned_data[field.name] for field in FIELDS if field.name in self.cleaned_data}
        needed = {field.name for field in FIELDS if field.required}  # left empty, these keep their defaults
        return {name: value for name, value in told.items() if value is not None and (value or name not in needed)}


def chosen_provider(name: str, address: str) -> Provider | None:
    """Return the provider that was named, else the one that the address tells."""
    return PROVIDERS.get(name) or (provider_of(address) if not name else None)


def server_values(name: str, address: str) -> dict[str, Any]:
    """Return what to write into the server fields once an address is typed or a provider is chosen."""
    provider = chosen_provider(name, address)
    if provider is not None:
        return servers(provider)
    usual = {"imap_port": 993, "imap_security": TLS, "smtp_port": 587, "smtp_security": STARTTLS}
    return {**usual, **likely_servers(address)}
