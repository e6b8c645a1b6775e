"""The door of every view: who may enter, by which method, and what becomes of an error (INV-06).

A stranger learns nothing: what is not theirs does not exist (404). A refused input is told in words, where it happened.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from comptoir.accounts import founding
from comptoir.accounts.adapter import OWES, owes_second_factor
from comptoir.accounts.models import User
from comptoir.core.errors import AccessDenied, ChannelError, Conflict, InputError

View = Callable[..., HttpResponseBase]


def person(request: HttpRequest) -> User:
    """Return the signed-in person."""
    return cast(User, request.user)


def is_htmx(request: HttpRequest) -> bool:
    """Whether a fragment is asked for and not a page."""
    return request.headers.get("HX-Request") == "true"


def back(request: HttpRequest, default: str = "/") -> str:
    """Return the address that the person came from, if it is one of ours."""
    asked = request.POST.get("next") or request.headers.get("Referer", "")
    hosts = {request.get_host()}
    return asked if asked and url_has_allowed_host_and_scheme(asked, allowed_hosts=hosts) else default


def refused(request: HttpRequest, words: str, *, status: int) -> HttpResponse:
    """Say that nothing was changed and why: as a toast for a script, on the page they came from otherwise."""
    if is_htmx(request):
        response = render(request, "desk/_toast.html", {"toast": words, "tone": "bad"}, status=status)
        response["HX-Retarget"], response["HX-Reswap"] = "#toasts", "beforeend"
        return response
    messages.error(request, words)
    return redirect(back(request))


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    """Send a stranger, or a session that ended, to sign in; a script takes the whole page there.

    On an installation where nobody is yet there is nothing to sign in to: the guide comes first.
    """
    if not founding.is_founded():
        return redirect("setup")
    if not is_htmx(request):
        return redirect_to_login(request.get_full_path())
    page = urlsplit(request.headers.get("HX-Current-URL", "/")).path
    return HttpResponse(status=401, headers={"HX-Redirect": redirect_to_login(page).url})


def _to_set_up(request: HttpRequest) -> HttpResponse | None:
    """Lead who must have a second factor and has none to its set-up; only they pay a statement for the question."""
    if not request.session.get(OWES):
        return None
    if not owes_second_factor(person(request)):
        del request.session[OWES]
        return None
    page = reverse("mfa_index")
    return HttpResponse(status=401, headers={"HX-Redirect": page}) if is_htmx(request) else redirect(page)


def staff(*methods: str, roles: tuple[str, ...] = (), own: bool = False) -> Callable[[View], View]:
    """Let signed-in people in, by the given methods, with one of the given roles.

    An auditor reads: whatever is not GET is refused here, but for what changes nothing of anybody else's (`own`).
    """
    allowed = {*methods, "HEAD"} if "GET" in methods else set(methods)

    def wrap(view: View) -> View:
        @wraps(view)
        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _to_sign_in(request)
            if request.method not in allowed:
                return HttpResponseNotAllowed(sorted(allowed))
            if leading := _to_set_up(request):
                return leading
            if roles and person(request).role not in roles:
                raise PermissionDenied(_("Your role does not allow this. Ask an administrator."))
            if not own and request.method not in {"GET", "HEAD"} and not person(request).may_write:
                raise PermissionDenied(_("An auditor reads everything of their teams and changes nothing."))
            try:
                return view(request, *args, **kwargs)
            except AccessDenied as error:
                raise Http404(str(error)) from error
            except (InputError, ChannelError) as error:
                return refused(request, _(str(error)), status=422)
            except Conflict as error:
                return refused(request, _(str(error)), status=409)

        inner.is_own = own  # type: ignore[attr-defined]  # tests/test_permissions.py asks
        return inner

    return wrap
