"""Search over everything that was said, and over the people who said it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import mark_safe

from comptoir.channels.registry import channels
from comptoir.desk.guard import person, staff
from comptoir.desk.highlight import excerpt
from comptoir.desk.queries import find_contacts
from comptoir.desk.queries.search import search_messages


@staff("GET")
def search(request: HttpRequest) -> HttpResponse:
    """Show what was found, newest first; contacts come before the first page of messages."""
    user, text = person(request), request.GET.get("q", "").replace("\x00", "").strip()[:200]
    before = request.GET.get("before", "")
    channel = request.GET.get("channel", "")
    start = int(before) if before.isdecimal() and len(before) < 19 else None
    hits, more = search_messages(user, text, before=start, channel=channel) if text else ([], None)
    context = {
        "q": text,
        "channel": channel,
        "channels": channels(),
        "hits": [(hit, mark_safe(excerpt(hit.text, text))) for hit in hits],  # noqa: S308  # excerpt escapes
        "contacts": find_contacts(user, text) if text and not start else [],
        "more": more,
        "is_more": start is not None,
    }
    return render(request, "desk/search/page.html", context)
