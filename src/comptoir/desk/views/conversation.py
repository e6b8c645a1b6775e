"""The conversation: its timeline, the customer beside it, and the composer under it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from comptoir.accounts.models import User
from comptoir.channels.base import Capability
from comptoir.channels.registry import channels
from comptoir.conversations import queries, services
from comptoir.conversations.access import access_conversation
from comptoir.conversations.models import Conversation, Message, MessageKind, State
from comptoir.conversations.queries import Said, Sending, Timeline
from comptoir.core import clock
from comptoir.core.errors import InputError
from comptoir.desk import menus, previews, rules
from comptoir.desk.bubbles import drawn
from comptoir.desk.choosing import chosen_cursor
from comptoir.desk.guard import person, staff
from comptoir.desk.macro_undo import applied_in
from comptoir.desk.networks import network_of
from comptoir.desk.queries import participants_of, takers_of
from comptoir.drafts.queries import Begun, begun_by, begun_in
from comptoir.outbound.models import DeliveryState
from comptoir.outbound.roads import road_of
from comptoir.outbound.services import sending_account


def _was_taken_back(message: Said) -> bool:
    return message.delivery is not None and message.delivery.state == DeliveryState.CANCELLED


def _is_chat(conversation: Conversation) -> bool:
    channel = channels().get(conversation.channel)
    return channel is not None and Capability.SUBJECT not in channel.capabilities


def told_in(request: HttpRequest, row: Conversation) -> Mapping[int, Conversation]:
    """Return the conversations that the timeline tells, by number: with `all`, everything of the contact (INV-06)."""
    if "all" not in request.GET and "all" not in request.POST:
        return {row.pk: row}
    return {**queries.whole_story(person(request), row.contact_id), row.pk: row}


def timeline_context(
    conversation: Conversation, page: Timeline, told: Mapping[int, Conversation] | None = None
) -> dict[str, Any]:
    """Return what the timeline's template needs; `told` where it tells other conversations as well."""
    told = told or {conversation.pk: conversation}
    chats = {number for number, row in told.items() if _is_chat(row)}
    # A reply that was taken back was never said: the event tells of it, and its text is in the composer.
    said = [message for message in page.messages if not _was_taken_back(message)]
    if any(message.kind == MessageKind.NOTE and "@" in message.text for message in said):
        names = [member.name for member in takers_of(conversation).people]
    else:
        names = []
    is_whole = len(told) > 1
    items = rules.weave(said, page.events, day_of=lambda at: timezone.localtime(at).date(), chats=chats, marks=is_whole)
    first = page.messages[0] if page.messages else None
    return {
        "conversation": conversation,
        "items": drawn(items, told, own=conversation.pk, chats=chats, called=names),
        "is_whole": is_whole,
        "is_cut": len(told) >= queries.STORY_LONGEST and not page.has_earlier,
        "earlier": f"{first.created_at.isoformat()},{first.pk}" if first and page.has_earlier else "",
        "since": f"{first.created_at.isoformat()},{first.pk}" if first else "",
    }


def head_context(conversation: Conversation, user: User) -> dict[str, Any]:
    """Return what the conversation's head needs: who may take it, which states and times are offered."""
    now = clock.now()
    takers = takers_of(conversation)
    return {
        "conversation": conversation,
        "people_items": menus.people(takers, conversation, user.pk),
        "team_items": menus.teams(takers, conversation),
        "state_items": menus.states(conversation),
        "priority_items": menus.priorities(conversation),
        "snoozes": rules.snooze_times(timezone.localtime(now)),
        # 'colour name' of each; read with the conversation (access.py).
        "tags": [(tag.partition(" ")[0], tag.partition(" ")[2]) for tag in getattr(conversation, "tags", ())],
    }


def _last_inbound(messages: Sequence[Said]) -> Said | None:
    return next((m for m in reversed(messages) if m.kind == MessageKind.INBOUND), None)


def composer_context(request: HttpRequest, conversation: Conversation, messages: Sequence[Said]) -> dict[str, Any]:
    """Return what the composer needs: the person's draft, what the channel can, and which message `?forward=` names."""
    begun = begun_in(conversation)
    road = road_of(person(request), conversation, begun.road) if begun.road else None
    try:
        account = sending_account(conversation)
        trouble = ""
    except InputError as error:
        account, trouble = conversation.account, str(error)
    channel = channels().get(account.kind)
    can = {capability.value: channel is not None and capability in channel.capabilities for capability in Capability}
    known = {str(m.pk): m for m in messages}
    last = _last_inbound(messages)
    own = [account.address, conversation.account.address, last.author_address if last else ""]
    copies = rules.copies_of(last.recipients if last else {}, without=own)
    forwarded = known.get(request.GET.get("forward", "") or str(begun.forward_of or ""))
    may_send = not trouble and channel is not None and channel.send is not None and account.is_active
    shown = (
        previews.measured(road.account if road else account, begun.text, None if road else conversation)
        if may_send
        else None
    )
    return {
        "account": account,
        "can": can,
        "may_send": may_send,
        "send_trouble": trouble,
        "begun": begun,
        "road": road,
        "kind": _kind(request, begun, may_send=may_send, can_forward=can["forward"] and forwarded is not None),
        "count": previews.count_of(shown) if begun.text else None,
        "cc": (", ".join(copies) if begun.cc is None else begun.cc) if can[Capability.CC] else "",
        "to": last.author_name or last.author_address if last else conversation.contact.name,
        "forward_of": forwarded or last,
        "network": network_of(person(request), conversation, messages, answers=request.GET.get("answers", "")),
        "tomorrow": timezone.localtime(clock.now()).replace(hour=8, minute=0) + timedelta(days=1),
    }


def _kind(request: HttpRequest, begun: Begun, *, may_send: bool, can_forward: bool) -> str:
    """Return what the composer opens as: what is asked for, else what was begun, else a reply where one can be sent."""
    if not may_send:
        return "note"
    if can_forward and (request.GET.get("forward") or begun.kind == "forward"):
        return "forward"
    return "note" if begun.kind == "note" else "reply"


@staff("GET")
def conversation(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Show a conversation and remember that it was read."""
    user = person(request)
    row = access_conversation(user, conversation_id, also=begun_by(user))
    if row.state == State.MERGED and row.merged_into_id and "stay" not in request.GET:
        return redirect("conversation", row.merged_into_id)
    context = page_context(request, row)
    services.mark_read(user=user, conversation=row)
    return render(request, "desk/conversation/page.html", context)


def page_context(request: HttpRequest, row: Conversation) -> dict[str, Any]:
    """Return what the whole page of a conversation needs."""
    user = person(request)
    told = told_in(request, row)
    page = queries.timeline(list(told), before=chosen_cursor(request.GET.get("before", "")))
    # What one answers, and what was seen of it, is this conversation, whatever else the timeline tells.
    own = page.messages if len(told) == 1 else queries.timeline([row.pk]).messages
    context = timeline_context(row, page, told) | head_context(row, user) | composer_context(request, row, own)
    return context | {
        "identities": list(row.contact.identities.all()),
        "story": queries.story_of(user, row.contact_id, without=row.pk),
        "participants": participants_of(own, row.contact_id),
        "sent": _just_sent(request, own),
        "applied": applied_in(request.GET.get("applied", ""), row.pk),
        "seen": max((message.pk for message in own), default=0),
    }


def _just_sent(request: HttpRequest, messages: Sequence[Said]) -> Sending | None:
    """Return the delivery named by `?sent=` while it can still be taken back."""
    for message in reversed(messages):
        sending = message.delivery
        if sending is not None and str(sending.pk) == request.GET.get("sent"):
            return sending if sending.state == DeliveryState.QUEUED else None
    return None


@staff("GET")
def timeline(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Draw a part of a timeline: `before=` an earlier page, `since=` a live refresh with the head."""
    user = person(request)
    row = access_conversation(user, conversation_id)
    if before := chosen_cursor(request.GET.get("before", "")):
        told = told_in(request, row)
        context = timeline_context(row, queries.timeline(list(told), before=before), told)
        return render(request, "desk/conversation/_earlier.html", context)
    return update(request, row, since=request.GET.get("since", ""))


def appended(request: HttpRequest, row: Conversation, written: Message, **extra: Any) -> HttpResponse:
    """Draw the head and what was just written, to stand at the end; the live stream brings whatever else changed."""
    user = person(request)
    page = queries.timeline([row.pk], since=queries.Cursor(written.created_at, written.pk))
    context = timeline_context(row, page) | head_context(row, user) | extra
    context["is_whole"] = "all" in request.POST
    context["written"] = [item for item in context["items"] if item.kind != "day"]
    services.mark_read(user=user, conversation=row)
    return render(request, "desk/conversation/_update.html", context)


def update(request: HttpRequest, row: Conversation, *, since: str = "", **extra: Any) -> HttpResponse:
    """Draw the parts of the page that a change may have changed: head, timeline, and what `extra` adds."""
    user = person(request)
    told = told_in(request, row)
    page = queries.timeline(list(told), since=chosen_cursor(since))
    context = timeline_context(row, page, told) | head_context(row, user) | extra
    services.mark_read(user=user, conversation=row)
    return render(request, "desk/conversation/_update.html", context)
