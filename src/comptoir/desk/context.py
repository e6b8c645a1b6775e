"""What every page of the desk needs to draw its frame."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from comptoir.accounts.models import Role
from comptoir.conversations.counts import nav_counts


def desk(request: HttpRequest) -> dict[str, Any]:
    """Return the frame's values; empty for strangers. The counts are read only where a whole page is drawn."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    match = request.resolver_match
    return {
        "counts": SimpleLazyObject(lambda: nav_counts(user)),
        "place": match.url_name if match else "",
        "may_see_intake": user.role in {Role.LEAD, Role.ADMIN},
        "is_fragment": request.headers.get("HX-Request") == "true",
    }
