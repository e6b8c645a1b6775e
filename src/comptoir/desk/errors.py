"""Error pages in words: what happened, and what to do."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form's token was missing or old (a page left open for days, cookies refused)."""
    context = {
        "title": _("This page was open for too long"),
        "message": _("Nothing was changed. Go back, reload the page and try again. If it happens again, allow cookies."),
    }
    return render(request, "errors/error.html", context, status=403)
