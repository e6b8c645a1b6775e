"""The forms of opening hours: a week as seven lines, and one exception."""

from typing import Any

from django import forms
from django.utils import formats
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from comptoir.calendars import rules
from comptoir.calendars.models import Calendar
from comptoir.desk.forms import ZoneSelect, zone_choices

# Regions of France whose holidays differ; the other countries keep their national ones.
FRANCE = [
    ("FR", _("France")),
    ("FR-57", _("Alsace-Moselle")),
    ("FR-971", _("Guadeloupe")),
    ("FR-973", _("French Guiana")),
    ("FR-972", _("Martinique")),
    ("FR-976", _("Mayotte")),
    ("FR-NC", _("New Caledonia")),
    ("FR-PF", _("French Polynesia")),
    ("FR-974", _("Réunion")),
    ("FR-BL", _("Saint Barthélemy")),
    ("FR-MF", _("Saint Martin")),
    ("FR-PM", _("Saint Pierre and Miquelon")),
    ("FR-WF", _("Wallis and Futuna")),
]
ELSEWHERE = [
    ("AT", _("Austria")),
    ("BE", _("Belgium")),
    ("CA", _("Canada")),
    ("DE", _("Germany")),
    ("ES", _("Spain")),
    ("GB", _("United Kingdom")),
    ("IE", _("Ireland")),
    ("IT", _("Italy")),
    ("LU", _("Luxembourg")),
    ("MC", _("Monaco")),
    ("NL", _("Netherlands")),
    ("PT", _("Portugal")),
    ("CH", _("Switzerland")),
    ("US", _("United States")),
]
HOLIDAYS = [("", _("No public holidays")), (_("France"), FRANCE), (_("Elsewhere"), ELSEWHERE)]


class HoursForm(forms.Form):
    """The hours of a week. Days are 'day0' (Monday) to 'day6'."""

    is_always_open = forms.BooleanField(
        label=_("Open around the clock, every day"),
        required=False,
        help_text=_("Holidays and exceptions do not count then."),
    )
    zone = forms.ChoiceField(
        label=_("Time zone"), choices=zone_choices, widget=ZoneSelect, help_text=_("Of the hours below.")
    )
    holidays_of = forms.ChoiceField(
        label=_("Public holidays"), choices=HOLIDAYS, required=False, help_text=_("Closed on these days.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for number in range(7):
            name = str(WEEKDAYS[number])
            self.fields[f"day{number}"] = forms.CharField(
                label=name[:1].upper() + name[1:],
                required=False,
                max_length=120,
                widget=forms.TextInput(attrs={"placeholder": _("Closed"), "autocomplete": "off"}),
            )

    @property
    def days(self) -> list[Any]:
        """The fields of the seven days."""
        return [self[f"day{number}"] for number in range(7)]

    @property
    def week(self) -> list[str]:
        """What was typed for the seven days."""
        return [self.cleaned_data[f"day{number}"] for number in range(7)]


def initial_of(calendar: Calendar | None, zone: str) -> dict[str, Any]:
    """Return what the form shows first: the stored hours, or those of an ordinary office."""
    if calendar is None:
        usual = {f"day{number}": "9:00–12:30, 14:00–18:00" for number in range(5)}
        return {"zone": zone, "holidays_of": "FR" if zone == "Europe/Paris" else "", **usual}
    days: dict[str, list[rules.Minutes]] = {}
    for span in calendar.spans.all():
        days.setdefault(f"day{span.weekday}", []).append((span.start, span.end))
    written = {name: rules.write_hours(spans) for name, spans in days.items()}
    kept = {"zone": calendar.zone, "holidays_of": calendar.holidays_of, "is_always_open": calendar.is_always_open}
    return {**kept, **written}


class ExceptionForm(forms.Form):
    """A day, or some days, unlike the week."""

    is_open = forms.TypedChoiceField(
        label=_("On these days it is"),
        choices=[("", _("closed")), ("yes", _("open"))],
        coerce=bool,
        empty_value=None,
        required=False,
        help_text=_("Closed although it is a working day, or open although it is not."),
    )
    first_on = forms.DateField(
        label=_("First day"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("The only one, or the first of several."),
    )
    last_on = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("Empty: only that one day."),
    )
    hours = forms.CharField(
        label=_("Hours"), required=False, max_length=120, help_text=_("Empty: all day. Or hours like 14:00–18:00.")
    )
    name = forms.CharField(
        label=_("Why"), required=False, max_length=120, help_text=_("Inventory, strike, trade fair …")
    )


def exception_line(closure: Any) -> str:
    """Say the days of an exception."""
    first = formats.date_format(closure.first_on, "DATE_FORMAT")
    if closure.first_on == closure.last_on:
        return first
    return f"{first} – {formats.date_format(closure.last_on, 'DATE_FORMAT')}"
