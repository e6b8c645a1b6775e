"""The page behind an invitation: public, because whoever holds the link is let in, once."""

from typing import cast

from allauth.account.utils import perform_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.utils import translation

from comptoir.accounts import invitations
from comptoir.accounts.models import Invitation
from comptoir.accounts.queries import organisation
from comptoir.accounts.rules import Standing
from comptoir.core import clock, ratelimit
from comptoir.core.errors import InputError
from comptoir.desk.staff_forms import JoinForm

# Links are signed by 64 bits; the limit keeps a guesser to a thousand or so a day, and people never meet it.
LIMIT = ratelimit.Limit("invitation", count=60, per=3600)


def join(request: HttpRequest, token: str) -> HttpResponse:
    """Show the form of an invitation that stands, or why it stands no more; make the account and sign in."""
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    if ratelimit.take(LIMIT, ratelimit.network_of(request), at=clock.now()):
        return _over(request, "busy", 429)
    invitation = invitations.invitation_of(token)
    if invitation is None:
        raise Http404("no such invitation")
    if request.user.is_authenticated:
        return redirect("queue")
    translation.activate(request.GET.get("lang") or invitation.language)
    standing = invitations.standing_of(invitation)
    if standing is not Standing.PENDING:
        return _over(request, standing.value, 410)
    initial = {"language": translation.get_language(), "time_zone": organisation().time_zone}
    form = JoinForm(request.POST or None, initial=initial, email=invitation.email)
    if request.method == "POST" and form.is_valid():
        return _accept(request, invitation, form)
    context = {"form": form, "invitation": invitation, "organisation": organisation()}
    return render(request, "account/invitation.html", context, status=422 if form.errors else 200)


def _over(request: HttpRequest, standing: str, status: int) -> HttpResponse:
    return render(request, "account/invitation_over.html", {"standing": standing}, status=status)


def _accept(request: HttpRequest, invitation: Invitation, form: JoinForm) -> HttpResponse:
    try:
        user = invitations.accept_invitation(invitation=invitation, **form.cleaned_data)
    except InputError:  # accepted or withdrawn a moment ago
        return _over(request, "accepted", 410)
    return cast(HttpResponse, perform_login(request, user))
