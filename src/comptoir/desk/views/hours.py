"""Opening hours of the organisation and of the person's teams: a picture of the week, and the forms that change it."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from comptoir.accounts.models import Team
from comptoir.accounts.queries import organisation, teams_of
from comptoir.accounts.services import actor_of
from comptoir.calendars import queries, services
from comptoir.calendars.access import access_calendar, access_closure, access_team, may_change
from comptoir.core import clock
from comptoir.core.errors import InputError
from comptoir.desk import week
from comptoir.desk.guard import person, staff
from comptoir.desk.hours_forms import ExceptionForm, HoursForm, exception_line, initial_of


def _place(team: Team | None) -> str:
    return reverse("hours_of_team", args=[team.pk]) if team else reverse("hours")


def _page(request: HttpRequest, team: Team | None, **extra: Any) -> HttpResponse:
    user, now = person(request), clock.now()
    own, used = queries.calendar_of(team.pk if team else None), queries.hours_of(team.pk if team else None)
    today = now.date() - timedelta(days=1)
    closures = [c for c in own.closures.all() if c.last_on >= today] if own else []
    form = HoursForm(initial=initial_of(own, user.time_zone))
    context = {
        "team": team, "teams": teams_of(user), "own": own, "organisation": organisation(),
        "is_set": own is not None or queries.calendar_of(None) is not None, "zone": used.zone.replace("_", " "),
        "lines": week.week_of(used, now), "ahead": week.ahead(used, now), "words": week.open_words(used, now),
        "closures": [(c, exception_line(c)) for c in closures], "may_change": may_change(user, team),
        "form": form, "exception_form": ExceptionForm(prefix="e"), "address": _place(team), **extra,
    }  # fmt: skip
    wrong = any(extra[name].errors for name in ("form", "exception_form") if name in extra)
    return render(request, "desk/hours/page.html", context, status=422 if wrong else 200)


@staff("GET", "POST")
def hours(request: HttpRequest, team_id: int | None = None) -> HttpResponse:
    """Show the hours of a team (without a number: of the organisation); set them."""
    user = person(request)
    team = access_team(user, team_id)
    if request.method != "POST":
        return _page(request, team)
    if not may_change(user, team):
        raise PermissionDenied(_("Leads set the hours of their teams, administrators those of the organisation."))
    form = HoursForm(request.POST)
    if form.is_valid():
        data = form.cleaned_data
        try:
            services.save_calendar(
                actor=actor_of(user), team=team, zone=data["zone"], week=form.week, holidays_of=data["holidays_of"],
                is_always_open=data["is_always_open"],
            )  # fmt: skip
        except InputError as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
        else:
            messages.success(request, _("Saved."))
            return redirect(_place(team))
    return _page(request, team, form=form)


@staff("POST")
def hours_removal(request: HttpRequest, calendar_id: int) -> HttpResponse:
    """Let a team keep the hours of the organisation again."""
    user = person(request)
    row = access_calendar(user, calendar_id)
    services.remove_calendar(actor=actor_of(user), calendar=row)
    messages.success(request, _("Removed."))
    return redirect(_place(row.team))


@staff("POST")
def exceptions(request: HttpRequest, calendar_id: int) -> HttpResponse:
    """Close, or open, on some days."""
    user = person(request)
    row = access_calendar(user, calendar_id)
    form = ExceptionForm(request.POST, prefix="e")
    if form.is_valid():
        try:
            data = {**form.cleaned_data, "is_open": bool(form.cleaned_data["is_open"])}
            services.add_closure(actor=actor_of(user), calendar=row, **data)
        except InputError as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
        else:
            messages.success(request, _("Saved."))
            return redirect(_place(row.team))
    return _page(request, row.team, exception_form=form)


@staff("POST")
def exception_removal(request: HttpRequest, closure_id: int) -> HttpResponse:
    """Take an exception back."""
    user = person(request)
    row = access_closure(user, closure_id)
    services.remove_closure(actor=actor_of(user), closure=row)
    messages.success(request, _("Removed."))
    return redirect(_place(row.calendar.team))
