"""What the public screens (the form, the chat) have in common: who may frame them, and their language."""

import re
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.utils import translation

from comptoir.core.middleware import CSP

_SITE = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?", re.IGNORECASE)


def lines_of(value: Any) -> list[str]:
    """Return the lines of an option, whether it was stored as a text or as a list."""
    rows = value if isinstance(value, list) else str(value or "").splitlines()
    return [line for line in (str(row).strip() for row in rows) if line]


def ancestors(sites: Any) -> str:
    """Return the frame-ancestors of the Content-Security-Policy: the named sites, or any site when none is named.

    A line that is no origin is left out; where only such lines were given, nobody may frame the screen: a mistake in
    the list must not open it.
    """
    named = lines_of(sites)
    valid = [site.rstrip("/") for site in named if _SITE.fullmatch(site.rstrip("/"))]
    return " ".join(["'self'", *valid]) if named else "*"


def use_asked_language(request: HttpRequest) -> None:
    """Speak the language that the address names, also to staff who look at a public screen; otherwise as before."""
    asked = request.GET.get("lang")
    if asked in {"fr", "en"}:
        translation.activate(asked)  # until the middleware ends the request


def allow_framing(response: HttpResponseBase, sites: Any) -> None:
    """Let the sites show this response in a frame (see core/middleware.py)."""
    response.may_be_framed = True  # type: ignore[attr-defined]  # read by SecurityMiddleware
    response.headers["Content-Security-Policy"] = CSP.format(ancestors=ancestors(sites))
