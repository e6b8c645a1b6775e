"""The forms of saved replies and macros. A macro's fields are drawn from the table of actions (actions.py)."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from comptoir.accounts.models import Team, User
from comptoir.channels.registry import channels
from comptoir.core.errors import InputError
from comptoir.knowledge import rules
from comptoir.knowledge.actions import ACTIONS
from comptoir.knowledge.models import Macro, SavedReply
from comptoir.knowledge.services import ReplyWords, may_change, may_share

LANGUAGES = (("fr", "Français"), ("en", "English"))
SHARED, OWN = "shared", "own"


class _Kept(forms.Form):
    """What both have: a name, whose it is, and for which teams."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=120, help_text=gettext_lazy("What you and the others find it by.")
    )
    owner = forms.ChoiceField(
        label=gettext_lazy("For whom"),
        choices=[(SHARED, gettext_lazy("Everybody")), (OWN, gettext_lazy("Only me"))],
        widget=forms.RadioSelect,
        help_text=gettext_lazy("Who finds it and may use it."),
    )
    teams: "forms.ModelMultipleChoiceField[Team]" = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Teams"),
        help_text=gettext_lazy("None chosen: all of them."),
        queryset=Team.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def _settle(self, user: User, row: SavedReply | Macro | None) -> None:
        """Offer what the person may choose; a row that is not theirs to change can only be read."""
        self.is_open = row is None or may_change(user, row)
        teams = self.fields["teams"]
        assert isinstance(teams, forms.ModelMultipleChoiceField)
        teams.queryset = Team.objects.all()
        if not may_share(user):
            del self.fields["owner"], self.fields["teams"]
        if not self.is_open:
            for field in self.fields.values():
                field.disabled = True

    @property
    def is_shared(self) -> bool:
        """Whether everybody may use it."""
        return bool(self.cleaned_data.get("owner", OWN) == SHARED)

    def refuse(self, error: InputError) -> None:
        """Say beside its field why something is refused."""
        self.add_error(error.field if error.field in self.fields else None, str(error))


class ReplyForm(_Kept):
    """A saved reply, with a text for each language."""

    folder = forms.CharField(
        label=gettext_lazy("Folder"), max_length=80, required=False,
        help_text=gettext_lazy("A word that several share; empty: none."),
    )  # fmt: skip
    shortcut = forms.CharField(
        label=gettext_lazy("Shortcut"),
        help_text=gettext_lazy("One word: type / and this word while writing."),
        max_length=40,
        required=False,
    )
    channels = forms.MultipleChoiceField(
        label=gettext_lazy("Channels"),
        help_text=gettext_lazy("None chosen: all of them."),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, user: User, data: Any = None, *, reply: SavedReply | None = None) -> None:
        initial: dict[str, Any] = {"owner": SHARED if may_share(user) else OWN}
        bodies = {version.language: version.body for version in reply.versions.all()} if reply else {}
        if reply:
            initial = {
                "name": reply.name, "owner": SHARED if reply.owner_id is None else OWN, "folder": reply.folder,
                "shortcut": reply.shortcut, "channels": reply.channels, "teams": list(reply.teams.all()),
            }  # fmt: skip
        super().__init__(data, initial=initial)
        offered = self.fields["channels"]
        assert isinstance(offered, forms.MultipleChoiceField)
        offered.choices = [(kind, channel.label) for kind, channel in channels().items()]
        others = [(language, language) for language in bodies if language not in dict(LANGUAGES)]
        self.languages = [language for language, _label in (*LANGUAGES, *others)]
        self.shown: dict[str, rules.Rendered] = {}
        for language, label in (*LANGUAGES, *others):
            area = forms.Textarea(attrs={"rows": 6, "lang": language})
            self.fields[f"body_{language}"] = forms.CharField(
                label=label, required=False, widget=area, initial=bodies.get(language, "")
            )
        self._settle(user, reply)

    def preview(self, values: Mapping[str, str]) -> None:
        """Show each text as a customer would read it."""
        for language in self.languages:
            if body := self.data.get(f"body_{language}", "").strip():
                self.shown[language] = rules.render(body, values, say=_("[missing: {name}]"))

    @property
    def bodies(self) -> list[tuple[Any, rules.Rendered | None]]:
        """The text fields, each with its preview where one was asked for."""
        return [(self[f"body_{language}"], self.shown.get(language)) for language in self.languages]

    @property
    def words(self) -> ReplyWords:
        """What the form holds."""
        data = self.cleaned_data
        return ReplyWords(
            name=data["name"], folder=data["folder"], shortcut=data["shortcut"], channels=data["channels"],
            teams=list(data.get("teams") or ()), is_shared=self.is_shared,
            bodies={language: data[f"body_{language}"] for language in self.languages},
        )  # fmt: skip


class MacroForm(_Kept):
    """A macro: each action once, in the order in which they are done."""

    def __init__(self, user: User, data: Any = None, *, macro: Macro | None = None) -> None:
        initial: dict[str, Any] = {"owner": SHARED if may_share(user) else OWN}
        if macro:
            initial = {
                "name": macro.name, "owner": SHARED if macro.owner_id is None else OWN,
                "teams": list(macro.teams.all()), **{f"do_{step['do']}": step["with"] for step in macro.steps},
            }  # fmt: skip
        super().__init__(data, initial=initial)
        for action in ACTIONS:
            common: dict[str, Any] = {"label": action.label, "help_text": action.help, "required": False}
            if action.choices is None:
                field: forms.Field = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), **common)
            else:
                field = forms.ChoiceField(choices=[("", _("Leave it as it is")), *action.choices()], **common)
            self.fields[f"do_{action.kind}"] = field
        self._settle(user, macro)

    @property
    def doings(self) -> list[Any]:
        """The fields of the actions, in their order."""
        return [self[f"do_{action.kind}"] for action in ACTIONS]

    @property
    def steps(self) -> dict[str, str]:
        """What was chosen, by action."""
        return {action.kind: self.cleaned_data.get(f"do_{action.kind}", "") for action in ACTIONS}

    def refuse(self, error: InputError) -> None:
        """Say beside its field why something is refused."""
        if f"do_{error.field}" in self.fields:
            error.field = f"do_{error.field}"
        super().refuse(error)
