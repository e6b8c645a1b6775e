"""The form of a saved view: what a person chooses, and the filter that it means."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from comptoir.accounts.models import Role, Team, User
from comptoir.accounts.queries import colleagues_of, teams_of
from comptoir.channels.registry import channels
from comptoir.contacts.fields import all_fields, definition_of
from comptoir.contacts.models import CustomField, FieldKind
from comptoir.contacts.rules import checked_value
from comptoir.conversations.filtering import QueueFilter, checked
from comptoir.conversations.labelling import all_labels
from comptoir.conversations.models import Priority, SavedView, State
from comptoir.core.errors import InputError
from comptoir.desk.queries import accounts_of

LANGUAGES = ("fr", "en", "de", "es", "it", "nl", "pt")  # those that understanding/language.py tells apart
WAITS = [
    ("yes", gettext_lazy("Wait for an answer")), ("no", gettext_lazy("Do not wait for an answer")),
    ("", gettext_lazy("Either")),
]  # fmt: skip
SORTS = [
    ("wait", gettext_lazy("Longest wait")), ("priority", gettext_lazy("Priority")),
    ("activity", gettext_lazy("Last activity")), ("newest", gettext_lazy("Newest")),
]  # fmt: skip
MATCHES = [
    ("any", gettext_lazy("any of them")),
    ("all", gettext_lazy("all of them")),
    ("none", gettext_lazy("none of them")),
]
SPANS = [
    ("", gettext_lazy("However long")), ("30", gettext_lazy("30 minutes")), ("60", gettext_lazy("An hour")),
    ("240", gettext_lazy("Four hours")), ("1440", gettext_lazy("A day")), ("4320", gettext_lazy("Three days")),
    ("10080", gettext_lazy("A week")),
]  # fmt: skip
DAYS = [
    ("", gettext_lazy("Whenever")), ("1", gettext_lazy("In the last day")), ("7", gettext_lazy("In the last 7 days")),
    ("30", gettext_lazy("In the last 30 days")), ("90", gettext_lazy("In the last 90 days")),
    ("365", gettext_lazy("In the last year")),
]  # fmt: skip
OWNERS = [
    ("", gettext_lazy("Anybody or nobody")), ("me", gettext_lazy("Whoever looks at the view")),
    ("none", gettext_lazy("Nobody")), ("any", gettext_lazy("Somebody")),
]  # fmt: skip


def _several(label: Any, choices: Any, **options: Any) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        label=label, choices=choices, required=False, widget=forms.CheckboxSelectMultiple, **options
    )


def _one(label: Any, choices: Any, **options: Any) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=choices, required=False, **options)


class ViewForm(forms.Form):
    """A view, new or changed, or only tried out (`is_trial`: it needs no name yet)."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=60)
    waits = _one(gettext_lazy("Conversations that"), WAITS)
    states = _several(gettext_lazy("State"), [c for c in State.choices if c[0] != State.MERGED])
    owner = _one(gettext_lazy("Taken care of by"), OWNERS)
    labels = _several(gettext_lazy("Labels"), [])
    label_match = _one(gettext_lazy("The labels count when it has"), MATCHES)
    priority = _one(gettext_lazy("Priority at least"), [("", gettext_lazy("Whatever")), *Priority.choices])
    teams = _several(gettext_lazy("Team"), [])
    channels = _several(gettext_lazy("Channel"), [])
    accounts = _several(gettext_lazy("Account"), [])
    languages = _several(gettext_lazy("Language"), [])
    waiting_minutes = _one(gettext_lazy("Wait longer than"), SPANS)
    created_days = _one(gettext_lazy("Came in"), DAYS)
    active_days = _one(gettext_lazy("Last message"), DAYS)
    unread = forms.BooleanField(label=gettext_lazy("Unread by whoever looks"), required=False)
    trouble = forms.BooleanField(label=gettext_lazy("A reply was not delivered"), required=False)
    words = forms.CharField(label=gettext_lazy("Words of the subject"), max_length=100, required=False)
    sort = _one(pgettext_lazy("of a list", "Order"), SORTS)
    scope = _one(gettext_lazy("Who sees it"), SavedView.Scope.choices)
    team = _one(gettext_lazy("Which team"), [])

    def __init__(self, user: User, *args: Any, is_trial: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        teams = [(str(team.pk), team.name) for team in teams_of(user)]
        self._offer("teams", teams)
        self._offer("team", teams)
        self._offer("channels", [(kind, channel.label) for kind, channel in channels().items()])
        self._offer("accounts", [(str(account.pk), account.name) for account in accounts_of(user)])
        self._offer("labels", [(str(label.pk), label.name) for label in all_labels()])
        self._offer("languages", [(code, code) for code in LANGUAGES])
        people = [(f"u{person.pk}", person.name) for person in colleagues_of(user)]
        self._offer("owner", [*OWNERS, *people])
        self.customs = all_fields(CustomField.Subject.CONVERSATION)
        for custom in self.customs:
            self.fields[f"custom_{custom.key}"] = _custom(custom)
        if is_trial:
            self.fields["name"].required = False
        if user.role not in {Role.LEAD, Role.ADMIN}:
            del self.fields["scope"], self.fields["team"]

    def _offer(self, name: str, choices: list[Any]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    @property
    def custom_fields(self) -> list[Any]:
        """The bound fields of the organisation's own."""
        return [self[f"custom_{custom.key}"] for custom in self.customs]

    @property
    def team_of_scope(self) -> Team | None:
        """The team that the view is shared with."""
        chosen = self.cleaned_data.get("team") or ""
        return next((team for team in teams_of(self.user) if str(team.pk) == chosen), None)

    def clean(self) -> dict[str, Any]:
        """Let the parts of the filter agree."""
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                self.chosen = self._filter(cleaned)
            except InputError as error:
                self.add_error(error.field if error.field in self.fields else None, _(str(error)))
        return cleaned

    def _filter(self, given: dict[str, Any]) -> QueueFilter:
        owner = given["owner"]
        waits = {"yes": True, "no": False}.get(given["waits"])
        return checked(
            QueueFilter(
                waits=waits,
                states=tuple(given["states"]),
                owner="person" if owner.startswith("u") else owner,
                assignee=int(owner[1:]) if owner.startswith("u") else None,
                teams=_numbers(given["teams"]),
                channels=tuple(given["channels"]),
                accounts=_numbers(given["accounts"]),
                labels=_numbers(given["labels"]),
                label_match=given["label_match"] or "any",
                priority=_number(given["priority"]),
                languages=tuple(given["languages"]),
                waiting_minutes=_number(given["waiting_minutes"]),
                created_days=_number(given["created_days"]),
                active_days=_number(given["active_days"]),
                unread=given["unread"],
                trouble=given["trouble"],
                words=" ".join(given["words"].split()),
                custom=self._customs(given),
                sort=given["sort"] or ("wait" if waits else "activity"),
            )
        )

    def _customs(self, given: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
        found = []
        for custom in self.customs:
            value = checked_value(definition_of(custom), given.get(f"custom_{custom.key}"))
            if value is not None:
                found.append((custom.key, value))
        return tuple(found)


def _custom(custom: CustomField) -> forms.Field:
    if custom.kind == FieldKind.CHECKBOX:
        return forms.BooleanField(label=custom.name, required=False)
    if custom.kind == FieldKind.CHOICE:
        return _one(custom.name, [("", "—"), *((choice, choice) for choice in custom.choices)])
    return forms.CharField(label=custom.name, required=False, max_length=500)


def _number(text: str) -> int | None:
    return int(text) if text else None


def _numbers(texts: list[str]) -> tuple[int, ...]:
    return tuple(int(text) for text in texts)


def initial_of(chosen: QueueFilter) -> dict[str, Any]:
    """Return what the form shows of a filter."""
    found: dict[str, Any] = {
        "waits": {True: "yes", False: "no", None: ""}[chosen.waits],
        "owner": f"u{chosen.assignee}" if chosen.owner == "person" else chosen.owner,
    }
    for name in ("states", "channels", "languages"):
        found[name] = list(getattr(chosen, name))
    for name in ("teams", "accounts", "labels"):
        found[name] = [str(number) for number in getattr(chosen, name)]
    for name in ("priority", "waiting_minutes", "created_days", "active_days"):
        value = getattr(chosen, name)
        found[name] = "" if value is None else str(value)
    for name in ("label_match", "unread", "trouble", "words", "sort"):
        found[name] = getattr(chosen, name)
    return found | {f"custom_{key}": value for key, value in chosen.custom}
