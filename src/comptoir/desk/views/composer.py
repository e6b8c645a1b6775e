"""Writing: replies, notes and forwards, what helps to write them, and what can still be done to a sent one."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from comptoir.accounts.models import User
from comptoir.accounts.services import actor_of
from comptoir.conversations import services
from comptoir.conversations.access import access_conversation
from comptoir.conversations.models import Conversation, Message, State
from comptoir.core.errors import AccessDenied, InputError
from comptoir.desk import forms, previews
from comptoir.desk.guard import is_htmx, person, staff
from comptoir.desk.networks import template_in
from comptoir.desk.queries import takers_of
from comptoir.desk.views.collision import overtaken, pressed, unseen_refused
from comptoir.desk.views.conversation import appended, update
from comptoir.desk.views.drafts import keep, road_in
from comptoir.drafts import services as drafts
from comptoir.drafts.queries import draft_of, files_in
from comptoir.knowledge.rules import fold, holes
from comptoir.outbound import services as outbound
from comptoir.outbound.elsewhere import reply_elsewhere
from comptoir.outbound.models import Delivery
from comptoir.outbound.roads import Road, roads_of
from comptoir.outbound.services import Draft
from comptoir.viewing.collision import Overtaken

PEOPLE_SHOWN = 8


@staff("POST")
def post_message(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Write into a conversation: a reply, a note or a forward, as the composer's `kind` says."""
    user = person(request)
    row = access_conversation(user, conversation_id)
    if request.POST.get("kind") == "note":
        text = request.POST.get("text", "")
        note = services.add_note(actor=actor_of(user), conversation=row, user=user, text=text)
        drafts.discard_draft(user=user, conversation=row, keep_files=True)
        return _written(request, row, note, None)
    draft = _draft(request, user, row)
    if draft.forward_of is not None and not row.messages.filter(pk=draft.forward_of).exists():
        raise AccessDenied("no such message")
    try:
        with unseen_refused(request, row):
            delivery = _send(request, user, row, draft)
    except Overtaken as met:
        return overtaken(request, row, met)
    drafts.discard_draft(user=user, conversation=row)
    return _written(request, row, delivery.message, delivery)


def _send(request: HttpRequest, user: User, row: Conversation, draft: Draft) -> Delivery:
    if not request.POST.get("road") or request.POST.get("kind") == "forward":
        return outbound.queue_reply(actor=actor_of(user), user=user, conversation=row, draft=draft)
    road = road_in(request, user, row)
    if road is None:
        raise InputError(_("This way to the contact is no longer open. Choose another one."), field="road")
    said = request.POST.get("acknowledge", "").strip()
    if road.asked is not None and said:
        return _taken_private(user, row, road, draft, said)
    return reply_elsewhere(actor=actor_of(user), user=user, conversation=row, road=road, draft=draft)


@transaction.atomic
def _taken_private(user: User, row: Conversation, road: Road, draft: Draft, said: str) -> Delivery:
    """Answer in private, and say so in public: both or neither."""
    asked = road.asked
    public = Draft(said, answers=asked.pk if asked else None)
    outbound.queue_reply(actor=actor_of(user), user=user, conversation=row, draft=public)
    return reply_elsewhere(actor=actor_of(user), user=user, conversation=row, road=road, draft=draft)


def _draft(request: HttpRequest, user: User, row: Conversation) -> Draft:
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
    if missing := holes(asked.get("text", ""), say=_("[missing: {name}]")):
        raise InputError(_("“%(hole)s” is still in your text. Fill it in first.") % {"hole": missing[0]}, field="text")
    uploaded = files_in(user, row, asked.getlist("file")) if "file" in asked else []
    forward, answers = request.POST.get("forward_of", ""), request.POST.get("answers", "")
    template, text = None, asked.get("text", "")
    if asked.get("template") and not is_forward and not asked.get("road"):
        template, text = template_in(row, asked, asked.getlist(f"value-{asked['template']}"))
    return Draft(
        text=text,
        template=template,
        answers=int(answers) if answers.isdecimal() and len(answers) < 19 else None,
        to=to,
        cc=[] if is_forward else forms.addresses(asked.get("cc", "")),
        file_keys=[*uploaded, *forms.keep_files(request.FILES.getlist("files"), [file[3] for file in uploaded])],
        send_at=send_at,
        forward_of=int(forward) if is_forward and forward.isdecimal() else None,
        then=then if then in {State.PENDING, State.SOLVED} else "",
    )


def _written(request: HttpRequest, row: Conversation, message: Message, delivery: Delivery | None) -> HttpResponse:
    if message.conversation_id != row.pk:
        return _written_elsewhere(request, message, delivery)
    if is_htmx(request):
        fresh = access_conversation(person(request), row.pk)
        extra: dict[str, Any] = {"sent": delivery} if delivery else {"toast": _("Note added.")}
        return appended(request, fresh, message, **extra)
    address = reverse("conversation", args=[row.pk])
    return redirect(f"{address}?sent={delivery.pk}#timeline-end" if delivery else f"{address}#timeline-end")


def _written_elsewhere(request: HttpRequest, message: Message, delivery: Delivery | None) -> HttpResponse:
    """Go where the answer stands; there it can be taken back. Of one taken private, the public part is told as well."""
    address = reverse("conversation", args=[message.conversation_id])
    whole = "&all=1" if delivery is not None and delivery.envelope.get("answers", {}).get("is_private_reply") else ""
    address += f"?sent={delivery.pk if delivery else ''}{whole}#timeline-end"
    if is_htmx(request):
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return redirect(address)


@staff("GET")
def people(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """List the people of the conversation's team whose name fits `q`: those whom a note can call."""
    user = person(request)
    row = access_conversation(user, conversation_id)
    wanted = fold(request.GET.get("q", "")).split()
    names = [(member, fold(member.name)) for member in takers_of(row).people]
    fitting = [m for m, name in names if all(any(p.startswith(w) for p in name.split()) for w in wanted)]
    context = {"people": [m for m in fitting if m.pk != user.pk][:PEOPLE_SHOWN]}
    return render(request, "desk/conversation/_people.html", context)


@staff("POST")
def preview(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Show what will really leave: the parts with their lengths, subject, signature and history."""
    user = person(request)
    row = access_conversation(user, conversation_id)
    if not is_htmx(request):
        keep(request, user, row)
    asked, forwarded = request.POST, None
    if asked.get("kind") == "forward" and asked.get("forward_of", "").isdecimal():
        forwarded = row.messages.filter(pk=int(asked["forward_of"])).defer("html", "search").first()
    road = road_in(request, user, row)
    text = asked.get("text", "").replace("\r\n", "\n")
    found = previews.preview_of(user=user, conversation=row, road=road, text=text, forwarded=forwarded)
    context = {"conversation": row, "preview": found, "account": previews.account_for(row, road), "text": text.strip()}
    template = "desk/conversation/_preview.html" if is_htmx(request) else "desk/conversation/preview.html"
    return render(request, template, context)


@staff("GET", "POST")
def roads(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """List the other ways to the contact; without a script a page of its own, which keeps the choice in the draft."""
    user = person(request)
    row = access_conversation(user, conversation_id)
    context: dict[str, Any] = {
        "conversation": row, "roads": roads_of(user, row), "account": previews.account_for(row, None),
    }  # fmt: skip
    if is_htmx(request):
        return render(request, "desk/conversation/_roads.html", context)
    return render(request, "desk/conversation/roads.html", context | {"draft": draft_of(user, row)})


def _delivery(request: HttpRequest, delivery_id: int) -> tuple[Delivery, Conversation]:
    """Return a delivery and its conversation, if the person sees it (INV-06)."""
    delivery = Delivery.objects.select_related("message").filter(pk=delivery_id).first()
    if delivery is None:
        raise AccessDenied("no such delivery")
    return delivery, access_conversation(person(request), delivery.message.conversation_id)


def _home(user: User, delivery: Delivery, row: Conversation) -> Conversation:
    """Return where a reply was written: an answer that went on elsewhere returns there, if the person sees it."""
    try:
        return access_conversation(user, delivery.envelope.get("continues") or row.pk)
    except AccessDenied:
        return row


@staff("POST")
def cancellation(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """Take a reply back before it leaves; it returns to the composer, and the conversation opens again."""
    delivery, row = _delivery(request, delivery_id)
    user = person(request)
    home = _home(user, delivery, row)
    outbound.cancel_delivery(actor=actor_of(user), delivery=delivery)
    for here in (row, home):
        if here.state in {State.SOLVED, State.PENDING}:
            services.set_state(actor=actor_of(user), conversation=here, state=State.OPEN)
    drafts.restore_draft(user=user, conversation=home, message=delivery.message)
    address = reverse("conversation", args=[home.pk]) + f"?draft={delivery.message_id}#composer"
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
