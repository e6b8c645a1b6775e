"""Where a person is signed in, and the way to end it. About themselves alone, so auditors may as well."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from comptoir.accounts.queries import sessions_of
from comptoir.accounts.services import actor_of
from comptoir.accounts.sessions import end_sessions
from comptoir.core.errors import AccessDenied
from comptoir.desk.guard import person, staff
from comptoir.desk.words import device_words


@staff("GET")
def sessions(request: HttpRequest) -> HttpResponse:
    """Show where the person is signed in."""
    key = request.session.session_key
    rows = list(sessions_of(person(request))[:100])
    lines = [{"row": row, "device": device_words(row.agent), "is_this": row.session_key == key} for row in rows]
    lines.sort(key=lambda line: not line["is_this"])
    return render(request, "desk/me/sessions.html", {"lines": lines, "others": sum(not x["is_this"] for x in lines)})


@staff("POST", own=True)
def ending(request: HttpRequest, session_id: int) -> HttpResponse:
    """End one of the person's sessions."""
    user = person(request)
    if not end_sessions(actor=actor_of(user), user=user, only=session_id):
        raise AccessDenied("no such session")
    messages.success(request, _("Signed out there."))
    return redirect("sessions")


@staff("POST", own=True)
def endings(request: HttpRequest) -> HttpResponse:
    """End all of the person's sessions but this one."""
    user = person(request)
    end_sessions(actor=actor_of(user), user=user, besides=request.session.session_key or "")
    messages.success(request, _("Signed out everywhere else."))
    return redirect("sessions")
