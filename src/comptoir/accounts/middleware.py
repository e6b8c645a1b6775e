"""Each person reads their own language, in their own time zone; a stranger gets the browser's language.

Sessions in use are noted.
"""

import zoneinfo
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from comptoir.accounts.sessions import note_session
from comptoir.core.ratelimit import client_ip


class PersonMiddleware:
    """Activate the language and the time zone of the person for the time of one request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request under the person's language and zone."""
        # A page without a session cookie (form, chat, help) must not touch the session, which would cost a query.
        user = request.user if request.session.session_key else None
        if user is not None and user.is_authenticated:
            language, zone = user.language, user.time_zone
        else:
            asked = request.GET.get("lang", "")
            language = asked if translation.check_for_language(asked) and asked in {"fr", "en"} else ""
            language, zone = language or translation.get_language_from_request(request), "Europe/Paris"
        translation.activate(language)
        try:
            timezone.activate(zoneinfo.ZoneInfo(zone))
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            timezone.activate(zoneinfo.ZoneInfo("UTC"))
        try:
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language() or "en")
            return response
        finally:
            translation.deactivate()
            timezone.deactivate()


class SessionMiddleware:
    """Notes that a person's session is in use, at most once in five minutes a process (see sessions.py)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request; the note comes after the answer is made, so that a sign-in is noted as well."""
        response = self.get_response(request)
        key = request.session.session_key
        if key and request.user.is_authenticated:
            agent = request.META.get("HTTP_USER_AGENT", "")
            note_session(user=request.user, key=key, address=client_ip(request), agent=agent)
        return response
