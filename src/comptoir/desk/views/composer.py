"""Writing: replies, notes and forwards, and what can still be done to a reply that was sent."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from comptoir.accounts.services import actor_of
from comptoir.conversations import services
from comptoir.conversations.access import access_conversation
from comptoir.conversations.models import Conversation, Message, State
from comptoir.core.errors import AccessDenied, InputError
from comptoir.desk import forms
from comptoir.desk.guard import is_htmx, person, staff
from comptoir.desk.views.collision import overtaken, pressed, unseen_refused
from comptoir.desk.views.conversation import appended, update
from comptoir.outbound import services as outbound
from comptoir.outbound.models import Delivery
from comptoir.outbound.services import Draft
from comptoir.viewing.collision import Overtaken


@staff("POST")
def post_message(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Write into a conversation: a reply, a note or a forward, as the composer's `kind` says."""
    user = person(request)
    row = access_conversation(user, conversation_id)
    if request.POST.get("kind") == "note":
        text = request.POST.get("text", "")
        note = services.add_note(actor=actor_of(user), conversation=row, user=user, text=text)
        return _written(request, row, note, None)
    draft = _draft(request)
    if draft.forward_of is not None and not row.messages.filter(pk=draft.forward_of).exists():
        raise AccessDenied("no such message")
    try:
        with unseen_refused(request, row):
            delivery = outbound.queue_reply(actor=actor_of(user), user=user, conversation=row, draft=draft)
    except Overtaken as met:
        return overtaken(request, row, met)
    return _written(request, row, delivery.message, delivery)


def _draft(request: HttpRequest) -> Draft:
    asked = pressed(request.POST)
    then = asked.get("then", "")
    is_forward = asked.get("kind") == "forward"
    send_at = forms.local_instant(asked.get("send_at", ""), field="send_at")
    if then == "later":
        send_at = forms.local_instant(asked.get("send_at_custom", ""), field="send_at")
        if send_at is None:
            raise InputError(_("Choose when it should leave."), field="send_at")
    to = forms.addresses(asked.get("forward_to", "")) if is_forward else []
    if is_forward and not to:
        raise InputError(_("Whom should this be forwarded to?"), field="forward_to")
    return Draft(
        text=asked.get("text", ""),
        to=to,
        cc=[] if is_forward else forms.addresses(asked.get("cc", "")),
        file_keys=forms.keep_files(request.FILES.getlist("files")),
        send_at=send_at,
        forward_of=int(asked["forward_of"]) if is_forward and asked.get("forward_of", "").isdecimal() else None,
        then=then if then in {State.PENDING, State.SOLVED} else "",
    )


def _written(request: HttpRequest, row: Conversation, message: Message, delivery: Delivery | None) -> HttpResponse:
    if is_htmx(request):
        fresh = access_conversation(person(request), row.pk)
        extra: dict[str, Any] = {"sent": delivery} if delivery else {"toast": _("Note added.")}
        return appended(request, fresh, message, **extra)
    address = reverse("conversation", args=[row.pk])
    return redirect(f"{address}?sent={delivery.pk}#timeline-end" if delivery else f"{address}#timeline-end")


def _delivery(request: HttpRequest, delivery_id: int) -> tuple[Delivery, Conversation]:
    """Return a delivery and its conversation, if the person sees it (INV-06)."""
    delivery = Delivery.objects.select_related("message").filter(pk=delivery_id).first()
    if delivery is None:
        raise AccessDenied("no such delivery")
    return delivery, access_conversation(person(request), delivery.message.conversation_id)


@staff("POST")
def cancellation(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """Take a reply back before it leaves; its text returns to the composer and the conversation opens again."""
    delivery, row = _delivery(request, delivery_id)
    actor = actor_of(person(request))
    outbound.cancel_delivery(actor=actor, delivery=delivery)
    if row.state in {State.SOLVED, State.PENDING}:
        services.set_state(actor=actor, conversation=row, state=State.OPEN)
    address = reverse("conversation", args=[row.pk]) + f"?draft={delivery.message_id}#composer"
    if is_htmx(request):
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return redirect(address)


@staff("POST")
def retry(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """Send a reply again that did not arrive."""
    delivery, row = _delivery(request, delivery_id)
    outbound.retry_delivery(actor=actor_of(person(request)), delivery=delivery)
    return _changed(request, row, _("It will be sent again."))


@staff("POST")
def confirmation(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """Say that a doubtful reply did arrive."""
    delivery, row = _delivery(request, delivery_id)
    outbound.confirm_delivery(actor=actor_of(person(request)), delivery=delivery)
    return _changed(request, row, _("Marked as sent."))


def _changed(request: HttpRequest, row: Conversation, said: str) -> HttpResponse:
    if is_htmx(request):
        return update(request, access_conversation(person(request), row.pk), toast=said)
    messages.success(request, said)
    return redirect("conversation", row.pk)
