"""Forms of the settings area: people, teams, sign-on, the filters of the audit page."""

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth import password_validation
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from comptoir.accounts.models import Department, Role, Team, User
from comptoir.accounts.rules import domains_of
from comptoir.accounts.signon import SignOnSettings
from comptoir.desk.forms import ZoneSelect, zone_choices
from comptoir.journal.queries import Wanted

if TYPE_CHECKING:
    _TeamsField = forms.ModelMultipleChoiceField[Team]
else:
    _TeamsField = forms.ModelMultipleChoiceField

LANGUAGES = [("en", "English"), ("fr", "Français")]


class TeamsField(_TeamsField):
    """Some of the teams, as boxes to tick."""

    def __init__(self) -> None:
        super().__init__(
            Team.objects.all(), label=_("Teams"), required=False, widget=forms.CheckboxSelectMultiple,
            help_text=_("A person sees the conversations of their teams, and no others."),
        )  # fmt: skip


class PlaceForm(forms.Form):
    """What a person may do, and for which teams."""

    role = forms.ChoiceField(
        label=_("Role"),
        choices=Role.choices,
        help_text=_("What the person may do; an auditor reads and changes nothing."),
    )
    teams = TeamsField()


class InviteForm(PlaceForm):
    """Somebody to invite."""

    email = forms.EmailField(label=_("E-mail address"), help_text=_("Where the invitation goes; they sign in with it."))
    language = forms.ChoiceField(
        label=_("Language of the invitation"),
        choices=LANGUAGES,
        help_text=_("And of their screens, until they choose."),
    )
    field_order = ["email", "role", "teams", "language"]


class JoinForm(forms.Form):
    """What an invited person chooses."""

    name = forms.CharField(
        label=_("Name"), max_length=120, help_text=_("The one that customers read."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )  # fmt: skip
    password = forms.CharField(
        label=_("Password"), strip=False, help_text=_("10 characters or more. Several words are easier to remember."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip
    language = forms.ChoiceField(
        label=_("Language"), choices=LANGUAGES, help_text=_("Of your screens, not of your answers.")
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"), choices=zone_choices, widget=ZoneSelect, help_text=_("The times on your screens.")
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._email = email

    def clean_name(self) -> str:
        """Return the name with single spaces; one made of nothing else is refused."""
        name = " ".join(str(self.cleaned_data["name"]).split())
        if not name:
            raise forms.ValidationError(_("Write your name."))
        return name

    def clean_password(self) -> str:
        """Refuse a password that is too short or too common."""
        password = str(self.cleaned_data["password"])
        password_validation.validate_password(password, User(email=self._email))
        return password


class TeamForm(forms.Form):
    """A team, new or renamed."""

    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("As your colleagues call it."))
    department = forms.ChoiceField(
        label=_("Department"), choices=Department.choices, help_text=_("The part of the company that it belongs to.")
    )


class SignOnForm(forms.Form):
    """The organisation's own sign-in."""

    label = forms.CharField(
        label=_("Label of the button"), max_length=60, help_text=_("For example: Sign in with Acme.")
    )
    issuer = forms.CharField(
        label=_("Issuer"), max_length=300, widget=forms.URLInput,
        help_text=_("The address of your provider; its /.well-known/openid-configuration is read from there."),
    )  # fmt: skip
    client_id = forms.CharField(
        label=_("Client ID"), max_length=200, help_text=_("The name that your provider gave to this application.")
    )
    secret = forms.CharField(
        label=_("Client secret"), required=False, strip=True, widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_("Your provider shows it once; it is kept encrypted here."),
    )  # fmt: skip
    domains = forms.CharField(
        label=_("Allowed e-mail domains"), required=False, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("One a line, for example acme.com. Empty: every address that your provider has verified."),
    )  # fmt: skip
    creates_people = forms.BooleanField(
        label=_("Make an account for people who come for the first time"), required=False,
        help_text=_("Off: only people who have an account here can sign in this way."),
    )  # fmt: skip
    role = forms.ChoiceField(
        label=_("Their role"), choices=[choice for choice in Role.choices if choice[0] != Role.ADMIN],
        help_text=_("Of accounts that are made so; nobody becomes an administrator by it."),
    )  # fmt: skip
    team = forms.ModelChoiceField(
        label=_("Their team"), queryset=Team.objects.all(), required=False, empty_label=_("Choose a team"),
        help_text=_("Whose conversations they see at first."),
    )  # fmt: skip
    is_active = forms.BooleanField(
        label=_("Show the button on the sign-in page"), required=False, initial=True,
        help_text=_("Switch it on when everything above is right."),
    )  # fmt: skip

    def __init__(self, *args: Any, is_kept: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if is_kept:
            self.fields["secret"].help_text = _("Stored. Leave it empty to keep it.")

    @property
    def values(self) -> SignOnSettings:
        """What was filled in."""
        data = {**self.cleaned_data, "domains": domains_of(self.cleaned_data["domains"])}
        return SignOnSettings(**data)


# What the filter of the audit page offers: a word, the beginnings of the kinds it stands for, and whether such events
# belong to the installation (then they are read by their own index).
AUDIT_KINDS: dict[str, tuple[Any, tuple[str, ...], bool]] = {
    "messages": (_("Messages and notes"), ("message.", "reply.", "note."), False),
    "conversations": (_("Conversations"), ("conversation.",), False),
    "contacts": (_("Contacts"), ("contact.",), False),
    "people": (_("People and teams"), ("person.", "team."), True),
    "security": (
        _("Sign-in and security"),
        ("session.", "sign_on.", "organisation.", "person.totp", "person.passkey", "person.password", "person.recovery",
         "person.second", "person.linked"),
        True,
    ),
    "order": (
        _("Labels, fields, views and texts"), ("label.", "field.", "view.", "saved_reply.", "macro.created",
         "macro.changed", "macro.deleted"), True,
    ),
    "work": (
        _("Rules and working hours"), ("rule.", "assignment.", "workload.", "shifts.", "presence.", "calendar."), True
    ),
    "programs": (_("Channels and programs"), ("account.", "token.", "webhook.", "record.", "import."), True),
}  # fmt: skip


class AuditForm(forms.Form):
    """What somebody looks for in the journal."""

    person: "forms.ModelChoiceField[User]" = forms.ModelChoiceField(
        label=_("Person"), queryset=None, required=False, empty_label=_("Everybody")
    )
    kind = forms.ChoiceField(label=_("What"), required=False)
    conversation = forms.CharField(label=_("Conversation number"), required=False, max_length=20)
    since = forms.DateField(label=_("From day"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("To day"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, people: "QuerySet[User]", *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        person, kind = self.fields["person"], self.fields["kind"]
        assert isinstance(person, forms.ModelChoiceField)
        assert isinstance(kind, forms.ChoiceField)
        person.queryset = people
        kind.choices = [("", _("Everything")), *((key, row[0]) for key, row in AUDIT_KINDS.items())]

    def clean_conversation(self) -> int | None:
        """Return the number of the conversation, with or without its #."""
        text = str(self.cleaned_data["conversation"]).strip().lstrip("#")
        if not text:
            return None
        if not text.isdecimal() or len(text) > 18:
            raise forms.ValidationError(_("A conversation's number has digits only."))
        return int(text)

    def clean(self) -> dict[str, Any]:
        """Refuse a span that ends before it begins."""
        data = super().clean() or {}
        if data.get("since") and data.get("until") and data["until"] < data["since"]:
            self.add_error("until", _("The last day is before the first."))
        return data

    @property
    def wanted(self) -> Wanted:
        """What was asked for, in the person's time zone; anything, where the form cannot be used."""
        if not self.is_valid():
            return Wanted()
        data = self.cleaned_data
        _label, prefixes, of_installation = AUDIT_KINDS.get(data["kind"], ("", (), False))
        return Wanted(
            person=data["person"].pk if data["person"] else None,
            conversation=data["conversation"],
            prefixes=prefixes,
            since=_midnight(data["since"]) if data["since"] else None,
            until=_midnight(data["until"] + timedelta(days=1)) if data["until"] else None,
            of_installation=of_installation,
        )


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
