"""People: who works here, in which role and teams. Administrators change it; leads and auditors see their teams."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from comptoir.accounts import invitations as inviting
from comptoir.accounts import services
from comptoir.accounts.models import Invitation, Role
from comptoir.accounts.queries import access_person, organisation, pending_invitations, sessions_of, visible_people
from comptoir.accounts.rules import Standing
from comptoir.accounts.services import actor_of
from comptoir.accounts.sessions import end_sessions
from comptoir.core.errors import InputError
from comptoir.desk import staffing
from comptoir.desk.guard import person, staff
from comptoir.desk.settings_pages import ADMIN, OFFICE
from comptoir.desk.staff_forms import InviteForm, PlaceForm


def _page(request: HttpRequest, form: InviteForm | None = None) -> HttpResponse:
    user = person(request)
    pending = pending_invitations() if user.is_admin else []
    lines = [
        {"row": row, "link": inviting.link_of(row), "is_expired": inviting.standing_of(row) is Standing.EXPIRED}
        for row in pending
    ]
    blank = InviteForm(initial={"role": Role.AGENT, "language": organisation().language})
    context = {"people": visible_people(user), "invitations": lines, "form": form or blank}
    response = render(request, "desk/people/list.html", context, status=422 if form and form.errors else 200)
    response.headers["Cache-Control"] = "no-store"  # the links of invitations let people in
    return response


@staff("GET", roles=OFFICE)
def people(request: HttpRequest) -> HttpResponse:
    """Show who works here, and to an administrator whom they have invited."""
    return _page(request)


def _told(request: HttpRequest, invitation: Invitation) -> None:
    """Send the mail and say what became of it; the link is on the page in any case."""
    trouble = inviting.send_invitation(invitation)
    if trouble:
        messages.warning(request, _("%(email)s is invited.") % {"email": invitation.email} + " " + trouble)
    else:
        messages.success(request, _("The invitation is on its way to %(email)s.") % {"email": invitation.email})


@staff("POST", roles=ADMIN)
def invitations(request: HttpRequest) -> HttpResponse:
    """Invite somebody."""
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _page(request, form)
    data = form.cleaned_data
    try:
        row = inviting.invite_person(
            actor=actor_of(person(request)), email=data["email"], role=data["role"], teams=list(data["teams"]),
            language=data["language"],
        )  # fmt: skip
    except InputError as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return _page(request, form)
    _told(request, row)
    return redirect("people")


@staff("POST", roles=ADMIN)
def renewal(request: HttpRequest, invitation_id: int) -> HttpResponse:
    """Let an invitation stand for seven more days and send it again."""
    row = get_object_or_404(Invitation, pk=invitation_id)
    _told(request, inviting.renew_invitation(actor=actor_of(person(request)), invitation=row))
    return redirect("people")


@staff("POST", roles=ADMIN)
def withdrawal(request: HttpRequest, invitation_id: int) -> HttpResponse:
    """Take an invitation back."""
    row = get_object_or_404(Invitation, pk=invitation_id)
    inviting.withdraw_invitation(actor=actor_of(person(request)), invitation=row)
    messages.success(request, _("The invitation of %(email)s is withdrawn.") % {"email": row.email})
    return redirect("people")


@staff("GET", roles=OFFICE)
def person_page(request: HttpRequest, person_id: int) -> HttpResponse:
    """Show one person: role, teams, how they prove themselves, where they are signed in."""
    user = person(request)
    row = access_person(user, person_id)
    form = PlaceForm(initial={"role": row.role, "teams": list(row.memberships.values_list("team_id", flat=True))})
    context = {"row": row, "form": form, "session_count": sessions_of(row).count(), "is_self": row.pk == user.pk}
    return render(request, "desk/people/page.html", context)


@staff("POST", roles=ADMIN)
def place(request: HttpRequest, person_id: int) -> HttpResponse:
    """Give a person a role and teams."""
    user = person(request)
    row = access_person(user, person_id)
    form = PlaceForm(request.POST)
    if not form.is_valid():
        raise InputError(_("Choose one from the list."), field="role")
    data = form.cleaned_data
    count = staffing.place_person(actor=actor_of(user), person=row, role=data["role"], teams=list(data["teams"]))
    messages.success(request, _("Saved.") + staffing.released_words(count))
    return redirect("person", row.pk) if user.pk != row.pk or data["role"] == Role.ADMIN else redirect("settings")


@staff("POST", roles=ADMIN)
def closure(request: HttpRequest, person_id: int) -> HttpResponse:
    """Close a person's account."""
    user = person(request)
    row = access_person(user, person_id)
    count = staffing.close_account(actor=actor_of(user), person=row)
    messages.success(
        request, _("The account of %(name)s is closed.") % {"name": row.name} + staffing.released_words(count)
    )
    return redirect("person", row.pk)


@staff("POST", roles=ADMIN)
def reopening(request: HttpRequest, person_id: int) -> HttpResponse:
    """Open a closed account again."""
    row = access_person(person(request), person_id)
    services.reactivate_person(actor=actor_of(person(request)), person=row)
    messages.success(request, _("%(name)s may sign in again.") % {"name": row.name})
    return redirect("person", row.pk)


@staff("POST", roles=ADMIN)
def sign_out(request: HttpRequest, person_id: int) -> HttpResponse:
    """End all sessions of a person, but the one that asks."""
    user = person(request)
    row = access_person(user, person_id)
    end_sessions(actor=actor_of(user), user=row, besides=request.session.session_key or "")
    messages.success(request, _("%(name)s is signed out everywhere.") % {"name": row.name})
    return redirect("person", row.pk)


@staff("POST", roles=ADMIN)
def factor_removal(request: HttpRequest, person_id: int) -> HttpResponse:
    """Forget a person's second factor: they lost their telephone or their key."""
    row = access_person(person(request), person_id)
    services.remove_second_factor(actor=actor_of(person(request)), person=row)
    words = _("%(name)s signs in with the password alone now, and can set up a new second factor.")
    messages.success(request, words % {"name": row.name})
    return redirect("person", row.pk)
