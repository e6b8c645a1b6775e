"""People side by side: who types where, who follows what, and whom to remind of it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from comptoir.accounts.services import actor_of
from comptoir.conversations.access import access_conversation
from comptoir.conversations.models import Conversation
from comptoir.core import clock
from comptoir.core.errors import InputError
from comptoir.desk import forms, rules
from comptoir.desk.guard import back, is_htmx, person, staff
from comptoir.notifications.queries import is_following
from comptoir.notifications.services import set_following
from comptoir.reminders import services
from comptoir.reminders.queries import access_reminder, reminders_of
from comptoir.reminders.rules import offers
from comptoir.viewing.services import enter_conversation


@staff("POST", own=True)
def presence(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Note that the person types in a conversation (`typing` 1), or no longer does; `tab` is the mark of their page."""
    tab = request.POST.get("tab", "")
    if not rules.is_tab(tab):
        raise InputError(_("Reload the page."), field="tab")
    is_typing = request.POST.get("typing") == "1"
    enter_conversation(user=person(request), conversation_id=conversation_id, tab=tab, is_typing=is_typing)
    return HttpResponse(status=204)


@staff("POST", own=True)
def following(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Follow a conversation (`follow` 1), or stop following it."""
    row = access_conversation(person(request), conversation_id)
    is_on = request.POST.get("follow") == "1"
    set_following(user=person(request), conversation=row, is_on=is_on)
    words = _("You will hear of what the customer writes here.") if is_on else _("You no longer follow this.")
    return _drawn(request, row, words)


@staff("GET", "POST", own=True)
def reminders(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Show the person's reminders of a conversation; set one: `when` an offered one, or `at` a date, and `words`."""
    user = person(request)
    row = access_conversation(user, conversation_id)
    if request.method != "POST":
        return _drawn(request, row)
    asked = request.POST
    offered = {offer.name: offer for offer in offers(timezone.localtime(clock.now()))}
    offer = offered.get(asked.get("when", ""))
    due_at = offer.due_at if offer else forms.local_instant(asked.get("at", ""), field="at")
    if due_at is None:
        raise InputError(_("Choose when you want to be reminded."), field="at")
    services.set_reminder(
        actor=actor_of(user),
        user=user,
        conversation=row,
        due_at=due_at,
        words=asked.get("words", ""),
        unless_said=offer.unless_said if offer else asked.get("unless_said") == "1",
    )
    return _drawn(request, row, _("You will be reminded."))


@staff("POST", own=True)
def reminder_cancellation(request: HttpRequest, reminder_id: int) -> HttpResponse:
    """Take one of the person's reminders back."""
    reminder = access_reminder(person(request), reminder_id)
    services.cancel_reminder(actor=actor_of(person(request)), reminder=reminder)
    if is_htmx(request):
        return _drawn(request, reminder.conversation, _("Reminder cancelled."))
    messages.success(request, _("Reminder cancelled."))
    return redirect(back(request, "/me/reminders/"))


@staff("GET")
def my_reminders(request: HttpRequest) -> HttpResponse:
    """Show all reminders of the person that are to come."""
    return render(request, "desk/me/reminders.html", {"reminders": reminders_of(person(request))})


def _drawn(request: HttpRequest, row: Conversation, words: str = "") -> HttpResponse:
    """Draw the panel of a conversation, as a part of its page or as a page of its own."""
    if words and not is_htmx(request):
        messages.success(request, words)
        return redirect("reminders", row.pk)
    context = {
        "conversation": row,
        "reminders": reminders_of(person(request), row),
        "offers": offers(timezone.localtime(clock.now())),
        "is_following": is_following(person(request), row),
        "toast": words,
    }
    name = "_reminders.html" if is_htmx(request) else "reminders.html"
    return render(request, f"desk/conversation/{name}", context)
