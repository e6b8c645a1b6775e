"""What people type into the desk, checked before a service sees it."""

import re
import zoneinfo
from collections.abc import Sequence
from datetime import datetime
from email.utils import getaddresses
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django import forms
from django.forms.utils import flatatt
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from comptoir.accounts.models import Team, User
from comptoir.channels.base import Capability, Channel, Field
from comptoir.channels.models import ChannelAccount
from comptoir.core import storage
from comptoir.core.errors import InputError
from comptoir.drafts.services import checked_file

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile


def local_instant(text: str, *, field: str) -> datetime | None:
    """Return what a datetime-local input holds as an instant of the person's zone; None when it is empty."""
    if not text.strip():
        return None
    try:
        return timezone.make_aware(datetime.fromisoformat(text.strip())).astimezone(zoneinfo.ZoneInfo("UTC"))
    except ValueError:
        raise InputError(_("This is not a date and a time."), field=field) from None


def addresses(text: str) -> list[tuple[str, str]]:
    """Return the (name, address) pairs of a line of recipients, separated by commas, semicolons or spaces."""
    text = text.replace(";", ",").strip()
    if "<" not in text and '"' not in text:
        text = ",".join(re.split(r"[\s,]+", text))
    return [(name, address) for name, address in getaddresses([text]) if address]


def keep_files(files: "Sequence[UploadedFile[Any]]", others: Sequence[int] = ()) -> list[tuple[str, str, str, int]]:
    """Put uploaded files into the storage backend; return (key, name, type, size) of each.

    `others` are the sizes of those that go along already. Raises InputError in words.
    """
    kept: list[tuple[str, str, str, int]] = []
    for file in files:
        name = (file.name or "file")[:255]
        checked_file(name=name, size=file.size or 0, others=[*others, *(size for *_rest, size in kept)])
        content = file.read()
        kind = file.content_type or "application/octet-stream"
        kept.append((storage.put(content), name, kind[:127], len(content)))
    return kept


@lru_cache(maxsize=1)
def zone_choices() -> tuple[tuple[str, str], ...]:
    """Return all time zones as (name, words)."""
    named = sorted(zone for zone in zoneinfo.available_timezones() if "/" in zone and not zone.startswith("Etc/"))
    return (("UTC", "UTC"), *((zone, zone.replace("_", " ")) for zone in named))


@lru_cache(maxsize=1)
def _zone_options() -> SafeString:
    return format_html_join("", '<option value="{}">{}</option>', zone_choices())


class ZoneSelect(forms.Select):
    """A select of six hundred zones, drawn once: the chosen one comes first, the same list follows for everybody."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Draw the select."""
        attributes = flatatt(self.build_attrs(self.attrs, {**(attrs or {}), "name": name}))
        chosen = format_html('<option value="{}" selected>{}</option>', value, str(value).replace("_", " "))
        return format_html("<select{}>{}{}</select>", attributes, chosen, _zone_options())


if TYPE_CHECKING:
    _UserForm = forms.ModelForm[User]
else:
    _UserForm = forms.ModelForm


class SettingsForm(_UserForm):
    """A person's own settings."""

    time_zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        choices=zone_choices,
        widget=ZoneSelect,
        help_text=gettext_lazy("The times on your screens."),
    )

    class Meta:
        model = User
        fields = ["name", "language", "time_zone", "theme", "shortcuts"]
        help_texts = {
            "name": gettext_lazy("The one that customers read."),
            "language": gettext_lazy("Of your screens, not of your answers."),
            "theme": gettext_lazy("Light, dark, or what the device says."),
            "shortcuts": gettext_lazy("Off, only keys with Ctrl act: better for speech input."),
        }


def _mailboxes() -> list[tuple[str, str]]:
    """Return the mailboxes that may answer for a channel that cannot (see Channel.replies_by)."""
    found = ChannelAccount.objects.filter(kind="email", is_active=True).values_list("pk", "name")
    return [("", _("None")), *((str(number), name) for number, name in found)]


def _form_field(field: Field, *, is_kept: bool) -> forms.Field:
    """Return the form field of one setting of a channel; a kept secret may stay empty."""
    common: dict[str, Any] = {
        "label": field.label,
        "help_text": field.help,
        "required": field.required and not is_kept,
        "initial": field.default,
    }
    if field.name == "reply_account":
        return forms.TypedChoiceField(choices=_mailboxes, coerce=int, empty_value="", **common)
    if field.kind == "flag":
        return forms.BooleanField(**common | {"required": False})
    if field.kind == "choice":
        return forms.ChoiceField(choices=field.choices, **common)
    if field.kind == "number":
        return forms.IntegerField(**common)
    if field.kind == "email":
        return forms.EmailField(**common)
    if field.kind == "lines":
        return forms.CharField(widget=forms.Textarea, **common)
    if field.secret or field.kind == "password":
        if is_kept:
            common["help_text"] = _("Stored. Leave it empty to keep it.")
        return forms.CharField(widget=forms.PasswordInput(attrs={"autocomplete": "off"}), strip=False, **common)
    return forms.CharField(**common)


class AccountForm(forms.Form):
    """The connect form of a channel, drawn from the fields that its folder declares."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=120,
        help_text=gettext_lazy("In your lists; where a channel shows a sender's name, customers read it too."),
    )
    address = forms.CharField(
        label=gettext_lazy("Public address"),
        max_length=254,
        required=False,
        help_text=gettext_lazy("Where the public writes to, as you would print it."),
    )
    team: "forms.ModelChoiceField[Team]" = forms.ModelChoiceField(
        label=gettext_lazy("Team"),
        queryset=None,
        empty_label=None,
        help_text=gettext_lazy("Who sees what comes in here."),
    )
    signature = forms.CharField(
        label=gettext_lazy("Signature"),
        widget=forms.Textarea,
        required=False,
        help_text=gettext_lazy("Below every answer that leaves from here. Plain text."),
    )
    is_active = forms.BooleanField(
        label=gettext_lazy("Active"),
        required=False,
        initial=True,
        help_text=gettext_lazy("Off: nothing is fetched and nothing is sent; what is here stays."),
    )

    def __init__(self, channel: Channel, teams: Any, *args: Any, is_new: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.channel = channel
        team = self.fields["team"]
        assert isinstance(team, forms.ModelChoiceField)
        team.queryset = teams
        for field in channel.fields:
            self.fields[f"f_{field.name}"] = _form_field(field, is_kept=field.secret and not is_new)
        if is_new:
            del self.fields["is_active"]
        if "f_address" in self.fields or channel.urls:
            del self.fields["address"]  # the channel asks for it itself, or lives at an address of ours
        if Capability.SIGNATURE not in channel.capabilities:
            del self.fields["signature"]

    @property
    def address_given(self) -> str:
        """The account's public address, by whichever field asks for it."""
        return str(self.cleaned_data.get("f_address") or self.cleaned_data.get("address") or "")

    @property
    def values(self) -> dict[str, Any]:
        """What the channel's own fields hold."""
        found = {field.name: self.cleaned_data.get(f"f_{field.name}") for field in self.channel.fields}
        return {name: "" if value is None else value for name, value in found.items()}
