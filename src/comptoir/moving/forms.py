"""What an administrator hands over to move in, checked before a service sees it."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from comptoir.accounts.models import Team, User
from comptoir.channels.models import ChannelAccount
from comptoir.moving.readers import SYSTEMS
from comptoir.moving.readers.tables import FIELDS

FILE_TYPES = ".json,.jsonl,.ndjson,.sql,.csv,.tsv,.zip"


class ImportForm(forms.Form):
    """A new import: from where, which file, and who gets the conversations."""

    system = forms.ChoiceField(
        label=_("Where you come from"),
        help_text=_("The system that made the export."),
        choices=[(system.name, system.label) for system in SYSTEMS.values()],
    )
    file = forms.FileField(
        label=_("Export"),
        help_text=_("One file (JSON, SQL, CSV), or a zip of all of them. Larger ones: see below."),
        widget=forms.FileInput(attrs={"accept": FILE_TYPES}),
    )
    account: "forms.ModelChoiceField[ChannelAccount]" = forms.ModelChoiceField(
        label=_("Account"),
        help_text=_("Answers leave from here. An inbox with the address of another account of yours goes to that one."),
        queryset=None,
        empty_label=None,
    )
    team: "forms.ModelChoiceField[Team]" = forms.ModelChoiceField(
        label=_("Team"),
        help_text=_("Who will see the conversations. Empty: the team of the account."),
        queryset=None,
        required=False,
        empty_label=_("The team of the account"),
    )
    origin = forms.CharField(
        label=_("Name of the old installation"),
        help_text=_("Only if you move in from two installations of one system: it keeps their numbers apart."),
        max_length=60,
        required=False,
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account, team = self.fields["account"], self.fields["team"]
        assert isinstance(account, forms.ModelChoiceField) and isinstance(team, forms.ModelChoiceField)
        account.queryset = ChannelAccount.objects.filter(team__memberships__user=user, is_active=True).order_by("name")
        team.queryset = Team.objects.filter(memberships__user=user)

    def clean_file(self) -> Any:
        """Refuse what is too large for an upload, and say which way it goes."""
        file = self.cleaned_data["file"]
        if file.size > settings.MAX_RECORD_BYTES:
            words = gettext("This file is larger than %(most)s MB. Import it by the command that is shown below.")
            raise forms.ValidationError(words % {"most": settings.MAX_RECORD_BYTES // 1024**2})
        return file


def field_words(field: str) -> str:
    """Name what a column can be."""
    return {
        "email": gettext("The customer's e-mail address"),
        "name": gettext("The customer's name"),
        "first_name": gettext("The customer's first name"),
        "last_name": gettext("The customer's last name"),
        "phone": gettext("Telephone"),
        "company": gettext("Company"),
        "language": gettext("Language"),
        "conversation": gettext("Number of the conversation"),
        "subject": gettext("Subject"),
        "text": gettext("Text of the message"),
        "date": gettext("Date and time"),
        "direction": gettext("Direction: in, out or note"),
        "state": gettext("State: open, pending or closed"),
        "agent": gettext("Agent"),
        "author": gettext("Author of an answer"),
        "tags": gettext("Tags, with commas"),
        "inbox": gettext("Inbox"),
    }[field]


class ColumnsForm(forms.Form):
    """Which column of a table is what; a column that nothing names becomes a detail of the contact."""

    def __init__(self, columns: Sequence[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", pgettext("a column", "None")), *((column, column) for column in columns)]
        help_text = gettext("The column that holds it, if one does.")
        for field in FIELDS:
            self.fields[field] = forms.ChoiceField(
                label=field_words(field), help_text=help_text, choices=choices, required=False
            )

    @property
    def options(self) -> dict[str, str]:
        """Return the chosen columns by field; '' says that there is none, whatever the names look like."""
        return {field: self.cleaned_data.get(field, "") for field in FIELDS}
