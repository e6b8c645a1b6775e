"""What every page of the desk needs to draw its frame."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from comptoir.accounts.models import Role
from comptoir.accounts.queries import sign_on
from comptoir.conversations.counts import nav_counts
from comptoir.desk.settings_pages import is_settings_path
from comptoir.listening.queries import burst_count

OFFICE = {Role.LEAD, Role.ADMIN, Role.AUDITOR}


def desk(request: HttpRequest) -> dict[str, Any]:
    """Return the frame's values; almost none for strangers. The counts are read only where a whole page is drawn."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"sign_on": SimpleLazyObject(sign_on)}  # read by the sign-in page alone
    match = request.resolver_match
    return {
        "counts": SimpleLazyObject(lambda: nav_counts(user)),
        "place": match.url_name if match else "",
        "may_see_intake": user.role in OFFICE,
        # Alerts are for those who lead; nobody else's pages pay a statement for them.
        "bursts": SimpleLazyObject(lambda: burst_count(user)) if user.role in OFFICE else 0,
        "is_settings": is_settings_path(request.path),
        "is_fragment": request.headers.get("HX-Request") == "true",
    }
