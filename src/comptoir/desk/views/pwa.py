"""What makes the desk installable: its manifest, its service worker, and the page where there is no connection.

All three are the same for everybody and say nothing about anybody: they are public, and read no session.
"""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

PAPER, INK = "#f6f2ea", "#1c4fb4"


def _language(request: HttpRequest) -> str:
    """Return the language asked for: the manifest and the offline page are fetched without a session."""
    asked = request.GET.get("lang", "")
    return asked if asked in {"en", "fr"} else translation.get_language() or "en"


@require_safe
def manifest(request: HttpRequest) -> JsonResponse:
    """Describe the application to the browser that installs it."""
    language = _language(request)
    with translation.override(language):
        icons = [
            ("icon-192", "192x192", "any"),
            ("icon-512", "512x512", "any"),
            ("maskable-512", "512x512", "maskable"),
        ]
        shortcuts = [
            (_("Queue"), reverse("queue")),
            (_("Mine"), reverse("queue") + "?owner=me"),
            (_("Search"), reverse("search")),
        ]
        described = {
            "id": "/", "start_url": "/", "scope": "/", "lang": language, "name": "Comptoir", "short_name": "Comptoir",
            "description": _("Everything that waits for an answer, in one queue."), "display": "standalone",
            "background_color": PAPER, "theme_color": PAPER, "categories": ["business", "productivity"],
            "icons": [
                {"src": static(f"icons/{name}.png"), "sizes": size, "type": "image/png", "purpose": purpose}
                for name, size, purpose in icons
            ],
            "shortcuts": [{"name": name, "url": url} for name, url in shortcuts],
        }  # fmt: skip
    response = JsonResponse(described, content_type="application/manifest+json")
    response["Cache-Control"] = "public, max-age=3600"
    return response


@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """Hand out the service worker; its version is that of the files it keeps, so that a new release replaces it."""
    context = {"offline": f"{reverse('offline')}?lang={_language(request)}"}
    response = render(request, "desk/pwa/worker.js", context, content_type="text/javascript")
    response["Cache-Control"] = "no-cache"
    return response


@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """Say honestly that there is no connection, and that nothing is lost."""
    with translation.override(_language(request)):
        return render(request, "desk/pwa/offline.html")
