"""Conversations over the API: lists, changes, messages and notes. Replies are in replies.py."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Query, Router, Status

from comptoir.accounts.models import Team, User
from comptoir.api.rest import schemas
from comptoir.api.rest.auth import READ, WRITE, caller
from comptoir.api.rest.pages import page
from comptoir.api.rest.problems import STATUSES, Problem
from comptoir.api.rest.shapes import conversation_out, message_out
from comptoir.contacts.fields import all_fields, definition_of
from comptoir.conversations import labelling, services
from comptoir.conversations.access import access_conversation, accessible_conversations
from comptoir.conversations.models import Attachment, Conversation, Message
from comptoir.core import clock, storage
from comptoir.core.errors import AccessDenied, InputError
from comptoir.journal.models import Event
from comptoir.journal.services import Actor

MANY_EVENTS = 20_000
LONGEST_SNOOZE = timedelta(days=5 * 366)

router = Router(tags=["conversations"])


def _changed_since(found: QuerySet[Conversation], since: datetime) -> QuerySet[Conversation]:
    """Keep the conversations with an event since an instant.

    A short while has few events: they are read first, over the journal's index by time, and their conversations looked
    up. A long one has many: then a page is soon full when the conversations are walked and asked one by one.
    """
    events = Event.objects.filter(at__gte=since, conversation_id__isnull=False)
    few = [number for number in events.values_list("conversation_id", flat=True)[: MANY_EVENTS + 1] if number]
    if len(few) > MANY_EVENTS:
        return found.filter(Exists(events.filter(conversation_id=OuterRef("pk"))))
    return found.filter(pk__in=set(few))


def full_messages() -> QuerySet[Message]:
    """Return messages with all that `message_out` shows, and without what it does not."""
    return Message.objects.select_related("delivery").prefetch_related("attachments").defer("html", "search")


@router.get("/conversations", auth=READ, response={200: schemas.ConversationPage, STATUSES: Problem})
def list_conversations(request: HttpRequest, query: Query[schemas.ConversationQuery]) -> schemas.ConversationPage:
    """List the conversations of your teams, newest first."""
    _actor, user = caller(request)
    found = accessible_conversations(user).prefetch_related("labels")
    wanted = {
        "state": query.state,
        "team_id": query.team,
        "channel": query.channel,
        "assignee_id": query.assignee,
        "contact_id": query.contact,
    }
    found = found.filter(**{name: value for name, value in wanted.items() if value is not None})
    if query.updated_since is not None:
        found = _changed_since(found, query.updated_since)
    rows, next_cursor = page(found, name="conversations", cursor=query.cursor, limit=query.limit)
    return schemas.ConversationPage(items=[conversation_out(row) for row in rows], next_cursor=next_cursor)


@router.get("/conversations/{conversation_id}", auth=READ, response={200: schemas.ConversationOut, STATUSES: Problem})
def get_conversation(request: HttpRequest, conversation_id: schemas.Id) -> schemas.ConversationOut:
    """Get one conversation."""
    _actor, user = caller(request)
    return conversation_out(access_conversation(user, conversation_id))


@router.patch(
    "/conversations/{conversation_id}", auth=WRITE, response={200: schemas.ConversationOut, STATUSES: Problem}
)
def patch_conversation(
    request: HttpRequest, conversation_id: schemas.Id, body: schemas.ConversationPatch
) -> schemas.ConversationOut:
    """Change the team, the assignee, the state, the priority, labels or own fields: all that is sent, or nothing."""
    actor, user = caller(request)
    with transaction.atomic():
        row = access_conversation(user, conversation_id, for_update=True)
        _change(actor, row, body)
    row.refresh_from_db()
    return conversation_out(row)


def _change(actor: Actor, row: Conversation, body: schemas.ConversationPatch) -> None:
    given = body.model_fields_set
    for name in ("team_id", "state", "priority", "labels", "fields"):
        if name in given and getattr(body, name) is None:
            raise InputError(_("This cannot be emptied."), field=name)
    if body.team_id is not None:
        team = Team.objects.filter(pk=body.team_id).first()
        if team is None:
            raise InputError(_("There is no such team."), field="team_id")
        services.transfer_conversation(actor=actor, conversation=row, team=team)
    if "assignee_id" in given:
        services.assign_conversation(actor=actor, conversation=row, assignee=_assignee(body.assignee_id))
    if body.snoozed_until is not None and body.state != "snoozed":
        raise InputError(_("Only the state “snoozed” has an end."), field="snoozed_until")
    if body.state is not None:
        if body.snoozed_until is not None and body.snoozed_until > clock.now() + LONGEST_SNOOZE:
            raise InputError(_("Choose a time within five years."), field="snoozed_until")
        services.set_state(actor=actor, conversation=row, state=body.state, snoozed_until=body.snoozed_until)
    if body.priority is not None:
        services.set_priority(actor=actor, conversation=row, priority=schemas.PRIORITIES[body.priority])
    if body.labels is not None:
        labelling.set_labels(actor=actor, conversation=row, label_ids=labelling.ids_of_names(body.labels))
    if body.fields is not None:
        definitions = [definition_of(field) for field in all_fields("conversation")]
        services.set_fields(actor=actor, conversation=row, definitions=definitions, given=body.fields)


def _assignee(user_id: int | None) -> User | None:
    if user_id is None:
        return None
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise InputError(_("There is no such person."), field="assignee_id")
    return user


@router.get(
    "/conversations/{conversation_id}/messages", auth=READ, response={200: schemas.MessagePage, STATUSES: Problem}
)
def list_messages(
    request: HttpRequest, conversation_id: schemas.Id, query: Query[schemas.PageQuery]
) -> schemas.MessagePage:
    """List the messages and notes of a conversation in the order in which they were stored."""
    _actor, user = caller(request)
    conversation = access_conversation(user, conversation_id)
    found = full_messages().filter(conversation=conversation)
    rows, next_cursor = page(found, name="messages", cursor=query.cursor, limit=query.limit, ascending=True)
    return schemas.MessagePage(items=[message_out(row) for row in rows], next_cursor=next_cursor)


@router.post(
    "/conversations/{conversation_id}/notes", auth=WRITE, response={201: schemas.MessageOut, STATUSES: Problem}
)
def create_note(request: HttpRequest, conversation_id: schemas.Id, body: schemas.NoteIn) -> Status[schemas.MessageOut]:
    """Add an internal note."""
    actor, user = caller(request)
    conversation = access_conversation(user, conversation_id)
    note = services.add_note(actor=actor, conversation=conversation, user=user, text=body.text)
    return Status(201, message_out(note))


@router.get("/messages/{message_id}", auth=READ, response={200: schemas.MessageOut, STATUSES: Problem})
def get_message(request: HttpRequest, message_id: schemas.Id) -> schemas.MessageOut:
    """Get one message; for an answer, with what is known about its delivery."""
    _actor, user = caller(request)
    found = full_messages().filter(pk=message_id, conversation__in=accessible_conversations(user)).first()
    if found is None:
        raise AccessDenied(_("This message does not exist, or belongs to a team that you are not in."))
    return message_out(found)


@router.get("/attachments/{attachment_id}", auth=READ, response={200: bytes, STATUSES: Problem})
def get_attachment(request: HttpRequest, attachment_id: schemas.Id) -> HttpResponse:
    """Get the bytes of an attachment."""
    _actor, user = caller(request)
    found = Attachment.objects.filter(
        pk=attachment_id, message__conversation__in=accessible_conversations(user)
    ).first()
    if found is None:
        raise AccessDenied(_("This file does not exist, or belongs to a team that you are not in."))
    try:
        content = storage.get(found.key)
    except FileNotFoundError:
        raise AccessDenied(_("This file is no longer in the storage.")) from None
    # Never its own type: what a stranger sent must not run under our name.
    response = HttpResponse(content, content_type="application/octet-stream")
    response.headers["Content-Disposition"] = "attachment"
    return response
