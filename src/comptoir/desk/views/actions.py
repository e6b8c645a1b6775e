"""What a person does to a conversation: each verb is a resource that takes POST."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from comptoir.accounts.models import Team, User
from comptoir.accounts.services import actor_of
from comptoir.conversations import placing, services
from comptoir.conversations.access import access_conversation, accessible_conversations
from comptoir.conversations.models import Conversation, Message, Placement, State
from comptoir.conversations.queries import merge_candidates, message_for, undoable_placements
from comptoir.core import clock
from comptoir.core.errors import AccessDenied, ChannelError, InputError
from comptoir.desk import forms
from comptoir.desk.guard import is_htmx, person, staff
from comptoir.desk.rules import snooze_times
from comptoir.desk.views.conversation import update
from comptoir.outbound.hiding import hide_message


def done(request: HttpRequest, row: Conversation, words: str = "") -> HttpResponse:
    """Draw the change for a script, or go back to the page; a conversation that left the person's teams ends here."""
    if not accessible_conversations(person(request)).filter(pk=row.pk).exists():
        messages.success(request, words or _("Done."))
        if is_htmx(request):
            return HttpResponse(status=204, headers={"HX-Redirect": reverse("queue")})
        return redirect("queue")
    if is_htmx(request):
        fresh = access_conversation(person(request), row.pk)
        return update(request, fresh, since=request.POST.get("since", ""), toast=words)
    if words:
        messages.success(request, words)
    return redirect("conversation", row.pk)


def _number(text: str, field: str) -> int:
    if not text.strip().lstrip("#").isdecimal():
        raise InputError(_("Choose one from the list."), field=field)
    return int(text.strip().lstrip("#"))


@staff("POST")
def assignment(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Give the conversation to a person (`assignee`, '' releases it) or to a team (`team`)."""
    user = person(request)
    row = access_conversation(user, conversation_id)
    actor, asked = actor_of(user), request.POST
    if "team" in asked:
        team = Team.objects.filter(pk=_number(asked["team"], "team")).first()
        if team is None:
            raise InputError(_("Choose one from the list."), field="team")
        services.transfer_conversation(actor=actor, conversation=row, team=team)
        return done(request, row, _("Given to the team %(name)s.") % {"name": team.name})
    if not asked.get("assignee"):
        services.assign_conversation(actor=actor, conversation=row, assignee=None)
        return done(request, row, _("Released."))
    chosen = User.objects.filter(pk=_number(asked["assignee"], "assignee"), is_active=True).first()
    if chosen is None:
        raise InputError(_("Choose one from the list."), field="assignee")
    services.assign_conversation(actor=actor, conversation=row, assignee=chosen)
    words = _("It is yours now.") if chosen == user else _("Assigned to %(name)s.") % {"name": chosen.name}
    return done(request, row, words)


@staff("POST")
def state(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Open, set pending or solve."""
    user = person(request)
    row = access_conversation(user, conversation_id)
    asked = request.POST.get("state", "")
    if asked == State.SNOOZED:
        raise InputError(_("Choose until when."), field="state")
    services.set_state(actor=actor_of(user), conversation=row, state=asked)
    words = {
        State.OPEN: _("Opened."),
        State.PENDING: _("Pending: waiting for the customer."),
        State.SOLVED: _("Solved."),
    }
    return done(request, row, words[State(asked)])


@staff("POST")
def snooze(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Put it away until an instant (`until`, an offered one or a date), an answer (`reply`), or either (`or_reply`)."""
    user = person(request)
    row = access_conversation(user, conversation_id)
    asked = request.POST.get("until", "")
    offered = dict(snooze_times(timezone.localtime(clock.now())))
    until = (
        offered[asked] if asked in offered else forms.local_instant(request.POST.get("until_at", ""), field="until_at")
    )
    if until is None and asked != "reply":
        raise InputError(_("Choose until when."), field="until_at")
    services.set_state(
        actor=actor_of(user),
        conversation=row,
        state=State.SNOOZED,
        snoozed_until=until,
        wakes_on_reply=until is None or request.POST.get("or_reply") == "1",
    )
    return done(request, row, _("Snoozed."))


@staff("POST")
def priority(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Set how much it matters."""
    user = person(request)
    row = access_conversation(user, conversation_id)
    asked = request.POST.get("priority", "")
    if asked.lstrip("-") not in {"0", "1", "2"}:
        raise InputError(_("Choose one from the list."), field="priority")
    services.set_priority(actor=actor_of(user), conversation=row, priority=int(asked))
    return done(request, row, _("Priority changed."))


@staff("POST")
def unread(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Make it bold again for the person, and leave it: who stays would have read it at once."""
    user = person(request)
    row = access_conversation(user, conversation_id)
    services.mark_several(user=user, conversation_ids=[row.pk], read=False)
    messages.success(request, _("Marked as unread."))
    if is_htmx(request):
        return HttpResponse(status=204, headers={"HX-Redirect": reverse("queue")})
    return redirect("queue")


def _place(request: HttpRequest, row: Conversation, message: Message | None) -> HttpResponse:
    asked = request.GET.get("q", "")
    context = {
        "message": message,
        "conversation": row,
        "candidates": merge_candidates(person(request), row, asked),
        "query": asked,
        "placements": undoable_placements(row),
        "is_only": row.message_count <= 1,
    }
    return render(request, "desk/conversation/place.html", context)


@staff("GET")
def place(request: HttpRequest, message_id: int) -> HttpResponse:
    """Show why a message is where it is, with the ways to put it elsewhere."""
    message = message_for(person(request), message_id)
    if message is None:
        raise AccessDenied("no such message")
    return _place(request, access_conversation(person(request), message.conversation_id), message)


@staff("GET")
def merge(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Show where a whole conversation could go, and what can be undone."""
    return _place(request, access_conversation(person(request), conversation_id), None)


def _chosen(request: HttpRequest, row: Conversation) -> list[int]:
    """Return the messages that a move or a split is about: one, or it and everything after it."""
    message_id = _number(request.POST.get("message", ""), "message")
    message = row.messages.filter(pk=message_id).defer("search", "html").first()
    if message is None:
        raise AccessDenied("no such message")
    if not request.POST.get("and_after"):
        return [message.pk]
    return list(row.messages.filter(created_at__gte=message.created_at).values_list("pk", flat=True))


def _target(request: HttpRequest, user: User) -> Conversation:
    asked = request.POST.get("target_number") or request.POST.get("target", "")
    try:
        return access_conversation(user, _number(asked, "target"))
    except AccessDenied as error:
        raise InputError(_("There is no conversation with this number in your teams."), field="target") from error


def _placed(request: HttpRequest, to: int, words: str) -> HttpResponse:
    messages.success(request, words)
    return redirect("conversation", to)


@staff("POST")
def moves(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Move one message, or it and all after it, into another conversation."""
    user = person(request)
    row = access_conversation(user, conversation_id)
    target = _target(request, user)
    ids = _chosen(request, row)
    placing.move_messages(actor=actor_of(user), user=user, source=row, target=target, message_ids=ids)
    return _placed(request, target.pk, _("Moved. It can be undone here."))


@staff("POST")
def splits(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Make a conversation of its own from a message, or from it and all after it."""
    user = person(request)
    row = access_conversation(user, conversation_id)
    made = placing.split_messages(actor=actor_of(user), user=user, source=row, message_ids=_chosen(request, row))
    return _placed(request, made.target_id, _("This is a conversation of its own now. It can be undone here."))


@staff("POST")
def merges(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Put the whole conversation into another one."""
    user = person(request)
    row = access_conversation(user, conversation_id)
    target = _target(request, user)
    placing.merge_conversations(actor=actor_of(user), user=user, source=row, target=target)
    return _placed(request, target.pk, _("Merged. It can be undone here."))


@staff("POST")
def placement_undo(request: HttpRequest, placement_id: int) -> HttpResponse:
    """Undo a move, a merge or a split of conversations that the person sees."""
    user = person(request)
    placement = get_object_or_404(Placement, pk=placement_id)
    for side in (placement.source_id, placement.target_id):
        access_conversation(user, side)
    placing.undo_placement(actor=actor_of(user), user=user, placement=placement)
    return _placed(request, placement.source_id, _("Undone."))


@staff("POST")
def hiding(request: HttpRequest, message_id: int) -> HttpResponse:
    """Hide a stranger's message from the public (`hidden`), or show it again."""
    user = person(request)
    message = message_for(user, message_id)
    if message is None:
        raise AccessDenied("no such message")
    hidden = bool(request.POST.get("hidden"))
    try:
        hide_message(actor=actor_of(user), message=message, hidden=hidden)
    except ChannelError as error:
        raise InputError(str(error)) from error
    return done(request, message.conversation, _("Hidden from the public.") if hidden else _("Shown again."))
