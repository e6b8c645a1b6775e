"""The team at this moment, and how its work is shared: assignment, what people carry, the plan of the week.

For leads and administrators of the team. Everybody chooses their own presence.
"""

from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _

from comptoir.accounts.models import Role, Team, User
from comptoir.accounts.queries import teams_of
from comptoir.accounts.services import actor_of
from comptoir.calendars import rules as hours
from comptoir.calendars.access import access_team
from comptoir.calendars.queries import hours_of
from comptoir.core import clock
from comptoir.core.errors import AccessDenied, InputError
from comptoir.desk import week
from comptoir.desk.guard import back, person, staff
from comptoir.desk.team_forms import PolicyForm, WorkloadForm, workload_initial
from comptoir.routing import services, staffing
from comptoir.routing.rules.assignment import Candidate, Presence

OFFICE = (Role.LEAD, Role.ADMIN)
BAR = 100  # the width of a person's bar, in the units of the drawing


def _team(request: HttpRequest, team_id: int) -> Team:
    """Return one of the person's teams, which they lead or administer."""
    team = access_team(person(request), team_id)
    if team is None or person(request).role not in OFFICE:
        raise PermissionDenied(_("Your role does not allow this. Ask an administrator."))
    return team


@dataclass(frozen=True, slots=True)
class PersonLine:
    """One person of the page, ready to draw."""

    person: Candidate
    presence: str
    tone: str
    width: str
    is_full: bool


def _line(p: Candidate) -> PersonLine:
    said = {
        Presence.AVAILABLE: (_("Available"), "ok"),
        Presence.AWAY: (_("Away"), "warn"),
        Presence.OFFLINE: (_("Offline"), ""),
    }
    presence, tone = said[p.presence]
    return PersonLine(p, presence, tone, str(min(BAR, round(BAR * p.load / p.capacity))), p.load >= p.capacity)


@staff("GET", roles=OFFICE)
def team_first(request: HttpRequest) -> HttpResponse:
    """Go to the person's first team."""
    teams = teams_of(person(request))
    if not teams:
        return render(request, "desk/team/none.html")
    return redirect("team_now", teams[0].pk)


@staff("GET")
def team_now(request: HttpRequest, team_id: int) -> HttpResponse:
    """Show who is there, what they carry and what waits."""
    team, at = _team(request, team_id), clock.now()
    found = staffing.team_now(team, at=at)
    context = {
        "team": team, "teams": teams_of(person(request)), "now": found, "people": [_line(p) for p in found.people],
        "words": week.open_words(hours_of(team.pk), at), "policy": staffing.policy_of(team),
    }  # fmt: skip
    return render(request, "desk/team/now.html", context)


@staff("GET", "POST")
def team_work(request: HttpRequest, team_id: int) -> HttpResponse:
    """Say how the team's work finds its people."""
    team = _team(request, team_id)
    policy = staffing.policy_of(team)
    initial = {"mode": policy.mode, "is_sticky": policy.is_sticky, "reassign_minutes": policy.reassign_minutes}
    form = PolicyForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        services.save_policy(actor=actor_of(person(request)), team=team, **form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("team_now", team.pk)
    people = staffing.team_now(team, at=clock.now()).people
    context = {"team": team, "form": form, "people": sorted(people, key=lambda p: p.name.casefold())}
    return render(request, "desk/team/work.html", context, status=422 if form.errors else 200)


@staff("GET", "POST")
def team_person(request: HttpRequest, team_id: int, user_id: int) -> HttpResponse:
    """Say what a member carries and knows."""
    team = _team(request, team_id)
    member = User.objects.filter(pk=user_id, memberships__team=team).first()
    if member is None:
        raise AccessDenied("This person is not in the team.")
    carried = staffing.workload_of(member)
    initial = workload_initial(carried.capacity, carried.by_channel, carried.skills)
    form = WorkloadForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        services.save_workload(
            actor=actor_of(person(request)), user=member, capacity=form.cleaned_data["capacity"],
            by_channel=form.by_channel, skills=form.levels,
        )  # fmt: skip
        messages.success(request, _("Saved."))
        return redirect("team_work", team.pk)
    return render(
        request,
        "desk/team/person.html",
        {"team": team, "member": member, "form": form},
        status=422 if form.errors else 200,
    )


@dataclass
class ShiftCell:
    """One day of one person in the plan."""

    name: str
    day: str
    label: str
    value: str
    error: str = ""


def _grid(team: Team, request: HttpRequest) -> list[tuple[User, list[ShiftCell]]]:
    members = User.objects.filter(memberships__team=team, is_active=True).order_by("name")
    plan = staffing.shifts_of(team)
    grid: list[tuple[User, list[ShiftCell]]] = []
    for member in members:
        cells = []
        for day, spans in enumerate(plan.get(member.pk, [[]] * 7)):
            name = f"s{member.pk}-{day}"
            value = request.POST.get(name, "") if request.method == "POST" else hours.write_hours(spans, is_short=True)
            cells.append(ShiftCell(name, str(WEEKDAYS[day]), f"{member.name}, {WEEKDAYS[day]}", value))
        grid.append((member, cells))
    return grid


def _read(cell: ShiftCell) -> list[hours.Minutes]:
    try:
        return hours.read_hours(cell.value)
    except InputError as error:
        words = _("“%(piece)s” cannot be read. Write hours like 9:00–12:30, 14:00–18:00.")
        cell.error = words % {"piece": str(error)[:40]}
        return []


@staff("GET", "POST")
def team_shifts(request: HttpRequest, team_id: int) -> HttpResponse:
    """Show and set who works when. An empty plan: everybody who is available works."""
    team = _team(request, team_id)
    grid, status = _grid(team, request), 200
    if request.method == "POST":
        plan = {member.pk: [_read(cell) for cell in cells] for member, cells in grid}
        if not any(cell.error for row in grid for cell in row[1]):
            services.save_shifts(actor=actor_of(person(request)), team=team, plan=plan)
            messages.success(request, _("Saved."))
            return redirect("team_shifts", team.pk)
        status = 422
    days = [str(WEEKDAYS[day]) for day in range(7)]
    zone = hours_of(team.pk).zone.replace("_", " ")
    context = {"team": team, "grid": grid, "days": days, "zone": zone}
    return render(request, "desk/team/shifts.html", context, status=status)


@staff("POST", own=True)
def presence(request: HttpRequest) -> HttpResponse:
    """Say whether one wants work: `presence` is available, away or offline."""
    user, asked = person(request), request.POST.get("presence", "")
    services.choose_presence(actor=actor_of(user), user=user, presence=asked)
    words = {
        Presence.AVAILABLE: _("You are available."),
        Presence.AWAY: _("You are away: nothing new is assigned to you."),
        Presence.OFFLINE: _("You are offline: nothing is assigned to you."),
    }
    messages.success(request, words[Presence(asked)])
    return redirect(back(request))
