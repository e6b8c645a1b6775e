"""An answer that somebody overtook: nothing leaves, what they wrote is shown above it, and a second press sends."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from comptoir.conversations.access import access_conversation
from comptoir.conversations.models import Conversation
from comptoir.desk.guard import is_htmx, person
from comptoir.desk.views.conversation import page_context
from comptoir.desk.views.drafts import keep
from comptoir.drafts.queries import begun_by
from comptoir.viewing.collision import Overtaken, refuse_unseen

if TYPE_CHECKING:
    from django.http.request import _ImmutableQueryDict


def _seen(request: HttpRequest) -> int | None:
    """Return the last message that the person has seen: of the page, or of the warning that they pressed through."""
    asked = [request.POST.get(name, "") for name in ("seen", "anyway")]
    numbers = [int(text) for text in asked if text.isascii() and text.isdecimal() and len(text) < 19]
    return max(numbers) if numbers else None


def pressed(asked: "_ImmutableQueryDict") -> "_ImmutableQueryDict":
    """Return a form as it was sent; after “Send anyway” with what the first press wanted besides sending."""
    if not asked.get("anyway"):
        return asked
    first = asked.copy()
    first["then"], first["send_at"] = asked.get("anyway_then", ""), asked.get("anyway_at", "")
    return cast("_ImmutableQueryDict", first)


@contextmanager
def unseen_refused(request: HttpRequest, row: Conversation) -> Iterator[None]:
    """Send inside this block: one transaction that raises Overtaken first when the page is behind.

    A forward goes to somebody else, so that nothing that was written meanwhile makes it wrong.
    """
    with transaction.atomic():
        seen = _seen(request)
        if seen is not None and request.POST.get("kind") != "forward":
            refuse_unseen(user=person(request), conversation=row, seen=seen)
        yield


def overtaken(request: HttpRequest, row: Conversation, met: Overtaken) -> HttpResponse:
    """Say who wrote what meanwhile (409). The page's form keeps its text; without a script it comes back with it."""
    asked = pressed(request.POST)
    is_later = asked.get("then") == "later"  # at a date of a field of the form, which a page without a script forgets
    context: dict[str, Any] = {
        "written": met.written,
        "latest": met.written[-1].pk,
        "then": "" if is_later else asked.get("then", ""),
        "send_at": asked.get("send_at_custom" if is_later else "send_at", ""),
    }
    if is_htmx(request):
        return render(request, "desk/conversation/_collision.html", context | {"oob": True}, status=409)
    user = person(request)
    keep(request, user, row, is_forced=True)  # what they have just written is the draft, whatever another tab knew
    row = access_conversation(user, row.pk, also=begun_by(user))
    context = page_context(request, row) | context
    return render(request, "desk/conversation/page.html", context, status=409)
