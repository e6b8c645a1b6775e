"""Many conversations at once: the actions of the queue's toolbar, and their undo."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from comptoir.accounts.models import User
from comptoir.accounts.queries import all_teams, colleagues_of
from comptoir.accounts.services import actor_of
from comptoir.conversations import services
from comptoir.conversations.access import accessible_conversations
from comptoir.conversations.changing import MAX_ROWS, Change, Outcome, change_conversations, undo_change
from comptoir.conversations.labelling import all_labels
from comptoir.conversations.listing import listed_ids
from comptoir.conversations.models import BulkChange, Priority, State
from comptoir.core import clock
from comptoir.core.errors import InputError
from comptoir.desk.choosing import chosen_list
from comptoir.desk.guard import back, person, staff
from comptoir.desk.rules import snooze_times


def _picked(request: HttpRequest, user: User) -> list[int]:
    """Return the picked conversations, or with `all` the whole list that the page shows, up to MAX_ROWS."""
    asked = request.POST
    if asked.get("all"):
        chosen = chosen_list(QueryDict(asked.get("list", "").lstrip("?")), user)
        ids = listed_ids(user, chosen.filter, limit=MAX_ROWS)
    else:
        ids = [int(value) for value in asked.getlist("pick")[:MAX_ROWS] if value.isdecimal() and len(value) < 19]
    if not ids:
        raise InputError(_("Choose at least one conversation."))
    return ids


def _number(text: str) -> int:
    if not text.removeprefix("-").isdecimal() or len(text) > 18:
        raise InputError(_("Choose one from the list."))
    return int(text)


def _snooze(text: str) -> Change:
    offered = dict(snooze_times(timezone.localtime(clock.now())))
    if text not in offered and text != "reply":
        raise InputError(_("Choose until when."))
    return Change("state", state=State.SNOOZED, until=offered.get(text))


def _change_of(do: str, user: User) -> Change:
    """Return the change that a button asks for: 'take', a state, or 'verb:what'."""
    verb, _colon, text = do.partition(":")
    if verb in {State.OPEN, State.PENDING, State.SOLVED}:
        return Change("state", state=verb)
    makers: dict[str, Callable[[], Change]] = {
        "take": lambda: Change("assign", to=user.pk),
        "assign": lambda: Change("assign", to=_number(text) if text else None),
        "team": lambda: Change("team", to=_number(text)),
        "priority": lambda: Change("priority", to=_number(text)),
        "add": lambda: Change("labels", add=(_number(text),)),
        "remove": lambda: Change("labels", remove=(_number(text),)),
        "snooze": lambda: _snooze(text),
    }
    if verb not in makers:
        raise InputError(_("Choose what to do with them."))
    return makers[verb]()


@staff("POST")
def batch(request: HttpRequest) -> HttpResponse:
    """Change the picked conversations; those of other teams are left alone."""
    user = person(request)
    ids, do = _picked(request, user), request.POST.get("do", "")
    if do in {"read", "unread"}:
        seen = list(accessible_conversations(user).filter(pk__in=ids).values_list("pk", flat=True))
        services.mark_several(user=user, conversation_ids=seen, read=do == "read")
        messages.success(request, _("Marked as read.") if do == "read" else _("Marked as unread."))
        return redirect(back(request, reverse("queue")))
    if not accessible_conversations(user).filter(pk__in=ids).exclude(state=State.MERGED).exists():
        raise InputError(_("Choose at least one conversation."))
    outcome = change_conversations(actor=actor_of(user), user=user, ids=ids, change=_change_of(do, user))
    undo = reverse("bulk_undo", args=[outcome.record.pk]) if outcome.record else ""
    messages.success(request, _told(outcome), extra_tags=undo)
    return redirect(_from(request))


def _from(request: HttpRequest) -> str:
    """Return the list that the person works in, also when the form stood on a page of its own."""
    asked = request.POST.get("list", "")
    return reverse("queue") + asked if request.POST.get("from_form") and asked.startswith("?") else back(request, "/")


def _told(outcome: Outcome) -> str:
    """Say what became of a change."""
    if not outcome.changed and not outcome.left_alone:
        return _("They are like this already.")
    n = outcome.changed
    words = ngettext("%(n)s conversation changed.", "%(n)s conversations changed.", n) % {"n": n}
    if n := outcome.left_alone:
        left = ngettext(
            "%(n)s was left alone: the person is not in its team.",
            "%(n)s were left alone: the person is not in their team.",
            n,
        )
        words = f"{words} {left % {'n': n}}"
    return words


@staff("GET")
def batch_menu(request: HttpRequest, part: str) -> HttpResponse:
    """Draw what a menu of the toolbar offers: people and teams, labels, times, or the rest."""
    return render(request, "desk/queue/_bulk_part.html", _choices(person(request)) | {"part": part})


@staff("POST")
def batch_form(request: HttpRequest) -> HttpResponse:
    """Show all actions for the picked conversations on a page: the toolbar without its script."""
    user = person(request)
    context = _choices(user) | {
        "ids": _picked(request, user), "list_query": request.POST.get("list", ""), "all": request.POST.get("all", ""),
    }  # fmt: skip
    return render(request, "desk/queue/bulk.html", context)


def _choices(user: User) -> dict[str, object]:
    """Return all that the menus offer; what a menu does not draw is not read."""
    return {
        "people": colleagues_of(user), "teams": all_teams(), "labels": all_labels(),
        "snoozes": snooze_times(timezone.localtime(clock.now())), "priorities": Priority.choices[::-1],
    }  # fmt: skip


@staff("POST")
def bulk_undo(request: HttpRequest, change_id: int) -> HttpResponse:
    """Undo a change of many by the person: what nobody has changed since."""
    user = person(request)
    record = get_object_or_404(BulkChange, pk=change_id, made_by=user)
    outcome = undo_change(actor=actor_of(user), user=user, record=record)
    words = ngettext("%(n)s conversation restored.", "%(n)s conversations restored.", outcome.changed)
    words %= {"n": outcome.changed}
    if n := outcome.left_alone:
        left = ngettext(
            "%(n)s was left alone: somebody changed it since.", "%(n)s were left alone: somebody changed them since.", n
        )
        words = f"{words} {left % {'n': n}}"
    messages.success(request, words)
    return redirect(back(request, reverse("queue")))
