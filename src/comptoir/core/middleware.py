"""Headers that every page carries, whatever view made it."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; manifest-src 'self'; worker-src 'self'; "
    "frame-src 'self'; frame-ancestors {ancestors}"
)


class SecurityMiddleware:
    """Strict Content-Security-Policy, no sniffing, no referrer, no framing (but for views that ask for it).

    A view that may be framed by any site (the form, the chat frame) sets `response.may_be_framed = True`; a view that
    relaxes images for one response sets its own Content-Security-Policy.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Add the headers to the response."""
        response = self.get_response(request)
        framed = getattr(response, "may_be_framed", False)
        headers = response.headers
        headers.setdefault("Content-Security-Policy", CSP.format(ancestors="*" if framed else "'none'"))
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "same-origin")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        if not framed:
            headers.setdefault("X-Frame-Options", "DENY")
        if settings.SECURE_HSTS_SECONDS:
            headers.setdefault("Strict-Transport-Security", f"max-age={settings.SECURE_HSTS_SECONDS}")
        return response


class CompressionMiddleware(GZipMiddleware):
    """Compresses pages and JSON (Django pads them against BREACH); attachments go as they are, they rarely shrink."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Compress text that is not streamed."""
        is_text = response.headers.get("Content-Type", "").startswith(("text/", "application/json"))
        return super().process_response(request, response) if is_text and not response.streaming else response
