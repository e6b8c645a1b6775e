"""The forms of a team's work: who comes next, what a person carries and knows."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from comptoir.channels.registry import channels
from comptoir.desk.rule_words import LANGUAGES
from comptoir.routing.models import AssignmentPolicy
from comptoir.routing.rules.assignment import DEFAULT_CAPACITY

LEVELS = [("", _("no")), ("1", _("a little")), ("2", _("well")), ("3", _("very well"))]


class PolicyForm(forms.Form):
    """How a team's work finds its people."""

    mode = forms.ChoiceField(
        label=_("A conversation that waits and that nobody has taken goes to"),
        choices=AssignmentPolicy.Mode.choices,
        widget=forms.RadioSelect,
        help_text=_("Only to people who are available, on shift and not full."),
    )
    is_sticky = forms.BooleanField(
        label=_("First ask who answered this contact before"), required=False,
        help_text=_("If that person is available; else as chosen above."),
    )  # fmt: skip
    reassign_minutes = forms.IntegerField(
        label=_("Give it to somebody else when its assignee went offline and it has waited for, in minutes"),
        help_text=_("Empty: it stays with them."),
        required=False,
        min_value=1,
        max_value=10_080,
    )


class WorkloadForm(forms.Form):
    """What one person carries and knows: a capacity, one for each channel, a level for each skill."""

    capacity = forms.IntegerField(
        label=_("Open conversations at once, at most"),
        help_text=format_lazy(_("Empty: the usual number, {n}."), n=DEFAULT_CAPACITY),
        required=False,
        min_value=1,
        max_value=500,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.channel_names = {f"channel-{kind}": kind for kind in channels()}
        self.spoken = {f"language-{code}": f"language:{code}" for code in LANGUAGES if code}
        self.mastered = {f"skill-{kind}": f"channel:{kind}" for kind in channels()}
        self.skill_names = self.spoken | self.mastered
        for name, kind in self.channel_names.items():
            label = channels()[kind].label
            self.fields[name] = forms.IntegerField(label=label, required=False, min_value=0, max_value=500)
        for name, key in self.skill_names.items():
            group, _colon, value = key.partition(":")
            label = LANGUAGES[value] if group == "language" else channels()[value].label
            self.fields[name] = forms.ChoiceField(label=label, choices=LEVELS, required=False)

    @property
    def limits(self) -> list[Any]:
        """The fields of the channels."""
        return [self[name] for name in self.channel_names]

    @property
    def languages(self) -> list[Any]:
        """The fields of the languages."""
        return [self[name] for name in self.spoken]

    @property
    def skills(self) -> list[Any]:
        """The fields of the channels that somebody may be good at."""
        return [self[name] for name in self.mastered]

    @property
    def by_channel(self) -> dict[str, int]:
        """The capacity of each channel that has one."""
        data = self.cleaned_data
        return {kind: data[name] for name, kind in self.channel_names.items() if data[name] is not None}

    @property
    def levels(self) -> dict[str, int]:
        """The level of each skill that the person has."""
        return {key: int(self.cleaned_data[name]) for name, key in self.skill_names.items() if self.cleaned_data[name]}


def workload_initial(capacity: int | None, by_channel: Mapping[str, int], skills: Mapping[str, int]) -> dict[str, Any]:
    """Return what the form shows first."""
    limits = {f"channel-{kind}": most for kind, most in by_channel.items()}
    levels: dict[str, Any] = {}
    for key, level in skills.items():
        group, _colon, value = key.partition(":")
        levels[f"{'language' if group == 'language' else 'skill'}-{value}"] = str(level)
    return {"capacity": capacity, **limits, **levels}
