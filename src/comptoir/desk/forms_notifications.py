"""The form of how a person wants to hear of things: one row a kind, and their rhythm."""

from collections.abc import Iterable, Mapping
from datetime import time
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from comptoir.notifications.kinds import KINDS, Kind
from comptoir.notifications.models import Digest, Mail
from comptoir.notifications.queries import Way
from comptoir.notifications.rules import Hours
from comptoir.notifications.services import Choice


class NotificationForm(forms.Form):
    """Fields named `<kind>-page`, `<kind>-browser` and `<kind>-mail`, then the digest and the quiet hours."""

    digest = forms.ChoiceField(label=gettext_lazy("Digest"), choices=Digest.choices)
    digest_hour = forms.TypedChoiceField(
        label=gettext_lazy("Hour of the daily digest"),
        choices=[(hour, f"{hour}:00") for hour in range(24)],
        coerce=int,
    )
    quiet_from = forms.TimeField(label=gettext_lazy("Quiet from"), required=False)
    quiet_until = forms.TimeField(label=gettext_lazy("Quiet until"), required=False)

    def __init__(self, data: Any, *, ways: Mapping[str, Way], hours: Hours) -> None:
        initial: dict[str, Any] = {
            "digest": hours.digest,
            "digest_hour": hours.digest_hour,
            "quiet_from": hours.quiet_from,
            "quiet_until": hours.quiet_until,
        }
        super().__init__(data, initial=initial)
        for name in ("quiet_from", "quiet_until"):
            self.fields[name].widget = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
        for kind in KINDS.values():
            way = ways[kind.name]
            self.fields[f"{kind.name}-page"] = forms.BooleanField(required=False, initial=way.in_page)
            self.fields[f"{kind.name}-browser"] = forms.BooleanField(required=False, initial=way.in_browser)
            self.fields[f"{kind.name}-mail"] = forms.ChoiceField(required=False, choices=Mail.choices, initial=way.mail)

    def clean(self) -> dict[str, Any]:
        """Refuse quiet hours with one end."""
        found = super().clean() or {}
        ends = [found.get("quiet_from"), found.get("quiet_until")]
        if not self.errors and ends.count(None) == 1:
            missing = "quiet_from" if ends[0] is None else "quiet_until"
            self.add_error(missing, _("Give both ends of the quiet hours, or none."))
        return found

    def rows(self, kinds: Iterable[Kind]) -> list[dict[str, Any]]:
        """Return each kind with its three fields, for the template."""
        return [
            {"kind": kind, "page": self[f"{kind.name}-page"], "browser": self[f"{kind.name}-browser"],
             "mail": self[f"{kind.name}-mail"]}
            for kind in kinds
        ]  # fmt: skip

    @property
    def choices(self) -> dict[str, Choice]:
        """What the person chose for each kind."""
        return {
            name: Choice(
                self.cleaned_data[f"{name}-page"],
                # A browser notification is made by an open page: without the page there is none.
                self.cleaned_data[f"{name}-page"] and self.cleaned_data[f"{name}-browser"],
                self.cleaned_data[f"{name}-mail"],
            )
            for name in KINDS
        }

    @property
    def hours(self) -> Hours:
        """When the person wants to hear of things."""
        quiet_from: time | None = self.cleaned_data["quiet_from"]
        quiet_until: time | None = self.cleaned_data["quiet_until"]
        return Hours(self.cleaned_data["digest"], self.cleaned_data["digest_hour"], quiet_from, quiet_until)
