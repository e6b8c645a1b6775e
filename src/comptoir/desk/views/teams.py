"""Teams: who shares which conversations, and which inboxes deliver to them. Administrators change it."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from comptoir.accounts import services
from comptoir.accounts.models import Department, Team, User
from comptoir.accounts.queries import access_team, members_of, teams_with_counts
from comptoir.accounts.services import actor_of
from comptoir.channels.models import ChannelAccount
from comptoir.channels.services import route_account
from comptoir.core.errors import InputError
from comptoir.desk import staffing
from comptoir.desk.guard import person, staff
from comptoir.desk.settings_pages import ADMIN, OFFICE
from comptoir.desk.staff_forms import TeamForm


def _only_administrators(user: User) -> None:
    if not user.is_admin:
        raise PermissionDenied(_("Your role does not allow this. Ask an administrator."))


@staff("GET", "POST", roles=OFFICE)
def teams(request: HttpRequest) -> HttpResponse:
    """Show the teams; make one."""
    user = person(request)
    form = TeamForm(request.POST or None, initial={"department": Department.SERVICE})
    if request.method == "POST":
        _only_administrators(user)
        if form.is_valid():
            try:
                made = services.create_team(actor=actor_of(user), **form.cleaned_data)
            except InputError as error:
                form.add_error(error.field, str(error))
            else:
                messages.success(request, _("The team %(name)s is there. Add its members.") % {"name": made.name})
                return redirect("team", made.pk)
    context = {"teams": teams_with_counts(user), "form": form}
    return render(request, "desk/teams/list.html", context, status=422 if form.errors else 200)


@staff("GET", "POST", roles=OFFICE)
def team(request: HttpRequest, team_id: int) -> HttpResponse:
    """Show one team with its members and inboxes; rename it."""
    user = person(request)
    row = access_team(user, team_id)
    form = TeamForm(request.POST or None, initial={"name": row.name, "department": row.department})
    if request.method == "POST":
        _only_administrators(user)
        if form.is_valid():
            try:
                services.change_team(actor=actor_of(user), team=row, **form.cleaned_data)
            except InputError as error:
                form.add_error(error.field, str(error))
            else:
                messages.success(request, _("Saved."))
                return redirect("team", row.pk)
    return render(request, "desk/teams/page.html", _shown(user, row, form), status=422 if form.errors else 200)


def _shown(user: User, row: Team, form: TeamForm) -> dict[str, object]:
    """Return what the team's page shows; what could be added is read for administrators alone."""
    members = list(members_of(row))
    inboxes = list(ChannelAccount.objects.filter(team=row).defer("credentials"))
    context: dict[str, object] = {"team": row, "form": form, "members": members, "inboxes": inboxes}
    if user.is_admin:
        context["others"] = User.objects.filter(is_active=True).exclude(memberships__team=row).order_by("name")
        context["elsewhere"] = ChannelAccount.objects.exclude(team=row).select_related("team").defer("credentials")
    return context


def _chosen(request: HttpRequest, name: str) -> int:
    asked = request.POST.get(name, "")
    if not asked.isdecimal() or len(asked) > 18:
        raise InputError(_("Choose one from the list."), field=name)
    return int(asked)


@staff("POST", roles=ADMIN)
def members(request: HttpRequest, team_id: int) -> HttpResponse:
    """Add a person to the team (`add`), or take one out of it (`remove`)."""
    user = person(request)
    row = access_team(user, team_id)
    is_added = "add" in request.POST
    chosen = User.objects.filter(pk=_chosen(request, "add" if is_added else "remove")).first()
    if chosen is None:
        raise InputError(_("Choose one from the list."), field="add")
    others = Team.objects.filter(memberships__user=chosen).exclude(pk=row.pk)
    teams = [*others, row] if is_added else list(others)
    count = staffing.place_person(actor=actor_of(user), person=chosen, role=chosen.role, teams=teams)
    words = _("%(name)s is in the team.") if is_added else _("%(name)s is no longer in the team.")
    messages.success(request, words % {"name": chosen.name} + staffing.released_words(count))
    return redirect("team", row.pk)


@staff("POST", roles=ADMIN)
def inboxes(request: HttpRequest, team_id: int) -> HttpResponse:
    """Let an inbox deliver to this team from now on."""
    user = person(request)
    row = access_team(user, team_id)
    account = ChannelAccount.objects.filter(pk=_chosen(request, "account")).first()
    if account is None:
        raise InputError(_("Choose one from the list."), field="account")
    route_account(actor=actor_of(user), account=account, team=row)
    words = _("New conversations of %(name)s come to this team. Those that exist stay where they are.")
    messages.success(request, words % {"name": account.name})
    return redirect("team", row.pk)


@staff("POST", roles=ADMIN)
def deletion(request: HttpRequest, team_id: int) -> HttpResponse:
    """Remove a team that has neither conversations nor inboxes."""
    user = person(request)
    row = access_team(user, team_id)
    staffing.remove_team(actor=actor_of(user), team=row)
    messages.success(request, _("The team %(name)s is removed.") % {"name": row.name})
    return redirect("teams")
