"""Error pages in words: what happened, and what to do. They ask the database nothing: it may be the one that fails."""

from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.utils.translation import gettext as _


def _page(request: HttpRequest, status: int, title: str, message: str) -> HttpResponse:
    context = {"status": status, "title": title, "message": message}
    # Without the request's context processors: the frame's counts would ask the database.
    return HttpResponse(loader.render_to_string("errors/error.html", context), status=status)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form's token was missing or old (a page left open for days, cookies refused)."""
    return _page(
        request, 403, _("This page was open for too long"),
        _("Nothing was changed. Go back, reload the page and try again. If it happens again, allow cookies."),
    )  # fmt: skip


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The request is not one that our pages send."""
    return _page(request, 400, _("We did not understand this request"), _("Go back, reload the page and try again."))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Signed in, but not allowed."""
    message = str(exception) if exception and str(exception) else _("Ask an administrator if you need it.")
    return _page(request, 403, _("This page is not for your role"), message)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Not there, or not theirs: both look alike."""
    return _page(
        request, 404, _("There is nothing here"),
        _("The address may be wrong, or what it shows belongs to a team that you are not in."),
    )  # fmt: skip


def failed(request: HttpRequest) -> HttpResponse:
    """A mistake of ours."""
    return _page(
        request, 500, _("Something went wrong on our side"),
        _("It was written to the log. What you sent was not saved: go back and try again in a moment."),
    )  # fmt: skip
