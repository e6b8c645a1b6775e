"""A person's notifications: the list, what is new, and how they want to hear of things."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from comptoir.core import clock
from comptoir.desk.forms_notifications import NotificationForm
from comptoir.desk.guard import is_htmx, person, staff
from comptoir.notifications import queries, services, words
from comptoir.notifications.kinds import KINDS
from comptoir.notifications.queries import Line
from comptoir.notifications.rules import is_quiet


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def _drawn(line: Line) -> dict[str, Any]:
    return {"line": line, "sentence": words.sentence(line), "detail": words.detail(line)}


@staff("GET")
def notifications(request: HttpRequest) -> HttpResponse:
    """Show the person's notifications, newest first; those of one conversation stand together."""
    user = person(request)
    lines, more = queries.notifications_page(user, before=_number(request.GET.get("before", "")))
    grouped: dict[int, list[Line]] = {}
    for line in lines:
        grouped.setdefault(line.conversation_id, []).append(line)
    groups = [
        {"number": number, "title": theirs[0].title, "channel": theirs[0].channel, "lines": list(map(_drawn, theirs)),
         "is_unread": any(line.is_unread for line in theirs)}
        for number, theirs in grouped.items()
    ]  # fmt: skip
    unread = queries.unread_of(user)["unread"]
    response = render(request, "desk/notifications/list.html", {"groups": groups, "more": more, "unread": unread})
    services.mark_seen(user=user, notification_ids=[line.id for line in lines if line.is_new])
    return response


@staff("GET")
def fresh(request: HttpRequest) -> HttpResponse:
    """Draw what came since one of the person's notifications (`after`) as toasts, for a page that is open."""
    user = person(request)
    lines = queries.fresh_notifications(user, after=_number(request.GET.get("after", "")) or 0)
    ways = queries.ways_of([user.pk])[user.pk]
    hours = queries.hours_of([user.pk])[user.pk]
    quiet = is_quiet(clock.now(), hours, services.zone_of(user.time_zone))
    drawn = [
        _drawn(line) | {"for_browser": not quiet and line.kind in ways and ways[line.kind].in_browser}
        for line in reversed(lines)
    ]
    services.mark_seen(user=user, notification_ids=[line.id for line in lines])
    return render(request, "desk/notifications/_fresh.html", {"items": drawn})


@staff("GET")
def notification(request: HttpRequest, notification_id: int) -> HttpResponse:
    """Go to what a notification is about; it counts as read from then on."""
    line = queries.access_notification(person(request), notification_id)
    services.mark_read(user=person(request), notification_id=line.id)
    address = reverse("conversation", args=[line.conversation_id])
    return redirect(f"{address}#m{line.message_id}" if line.message_id else address)


@staff("POST", own=True)
def reading(request: HttpRequest) -> HttpResponse:
    """Mark the notifications of one conversation (`conversation`), or all, as read."""
    number = _number(request.POST.get("conversation", ""))
    services.mark_read(user=person(request), conversation_id=number)
    if is_htmx(request):
        return HttpResponse(status=204)
    return redirect("notifications")


@staff("GET", "POST", own=True)
def preferences(request: HttpRequest) -> HttpResponse:
    """Show and change how the person hears of each kind, and when."""
    user = person(request)
    ways, hours = queries.ways_of([user.pk])[user.pk], queries.hours_of([user.pk])[user.pk]
    form = NotificationForm(request.POST or None, ways=ways, hours=hours)
    if request.method == "POST" and form.is_valid():
        services.set_preferences(user=user, choices=form.choices, hours=form.hours)
        messages.success(request, _("Saved."))
        return redirect("notification_preferences")
    context = {"form": form, "rows": form.rows(KINDS.values()), "may_mail": services.may_mail()}
    return render(request, "desk/notifications/preferences.html", context, status=422 if form.errors else 200)
