"""The organisation's own fields: their definitions, and their values beside a conversation and on a contact's page; and
the links of a conversation, which stand in the same panel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from comptoir.accounts.models import Role, User
from comptoir.accounts.services import actor_of
from comptoir.contacts import fields
from comptoir.contacts.access import access_contact
from comptoir.contacts.models import CustomField, FieldKind
from comptoir.contacts.services import set_contact_fields
from comptoir.conversations import linking
from comptoir.conversations.access import access_conversation, accessible_conversations
from comptoir.conversations.models import Conversation, Link
from comptoir.conversations.services import set_fields
from comptoir.core.errors import AccessDenied, InputError
from comptoir.desk.guard import is_htmx, person, staff

LEADS = (Role.LEAD, Role.ADMIN)
Subject = CustomField.Subject


@dataclass(frozen=True, slots=True)
class OwnField:
    """A field with its value, ready to draw; `error` says what is wrong with what was typed."""

    key: str
    name: str
    kind: str
    help: str
    choices: Sequence[str]
    value: Any
    shown: str
    error: str = ""


def own_fields(
    rows: Sequence[CustomField], values: Mapping[str, Any], given: Mapping[str, str] | None = None, error: Any = None
) -> list[OwnField]:
    """Return the fields with their values, or with what was typed and could not be kept."""
    found = []
    for row in rows:
        value = given.get(row.key, "") if given is not None else values.get(row.key)
        choices = list(row.choices)
        if row.kind == FieldKind.CHOICE and value and value not in choices:
            choices.append(str(value))  # chosen before it was taken out of the list: shown, and kept unless changed
        trouble = _(str(error)) if error is not None and error.field == row.key else ""
        shown = "" if value is None else str(value)
        found.append(OwnField(row.key, row.name, row.kind, row.help, choices, value, shown, trouble))
    return found


def _given(request: HttpRequest, rows: Sequence[CustomField]) -> dict[str, str]:
    """Return what a form says of each field; a box that is not ticked is not sent, and means no."""
    return {row.key: request.POST.get(f"f_{row.key}", "") for row in rows}


def _panel(user: User, row: Conversation) -> dict[str, Any]:
    return {
        "conversation": row,
        "own_fields": own_fields(fields.all_fields(Subject.CONVERSATION), row.fields),
        "fields_action": reverse("conversation_fields", args=[row.pk]),
        "links": linking.links_of(user, row),
    }


@staff("GET")
def panel(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Draw what the side panel loads after the page: own fields and links."""
    user = person(request)
    context = _panel(user, access_conversation(user, conversation_id))
    template = "desk/conversation/_panel.html" if is_htmx(request) else "desk/conversation/panel.html"
    return render(request, template, context)


@staff("POST")
def conversation_fields(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Save the values of a conversation's own fields."""
    user = person(request)
    row, rows = access_conversation(user, conversation_id), fields.all_fields(Subject.CONVERSATION)
    given, definitions = _given(request, rows), [fields.definition_of(one) for one in rows]
    context: dict[str, Any] = {"action": reverse("conversation_fields", args=[row.pk]), "is_panel": True}
    try:
        row = set_fields(actor=actor_of(user), conversation=row, definitions=definitions, given=given)
        context |= {"own_fields": own_fields(rows, row.fields), "saved": True}
    except InputError as error:
        if not is_htmx(request):
            raise
        context["own_fields"] = own_fields(rows, row.fields, given, error)
    if is_htmx(request):
        return render(request, "desk/fields/_form.html", context)
    messages.success(request, _("Saved."))
    return redirect("panel", row.pk)


@staff("POST")
def contact_fields(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Save the values of a contact's own fields."""
    user = person(request)
    row, rows = access_contact(user, contact_id), fields.all_fields(Subject.CONTACT)
    definitions = [fields.definition_of(one) for one in rows]
    set_contact_fields(actor=actor_of(user), contact=row, definitions=definitions, given=_given(request, rows))
    messages.success(request, _("Saved."))
    return redirect("contact", row.pk)


@staff("POST")
def links(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Link the conversation to another one, by its number."""
    user = person(request)
    row = access_conversation(user, conversation_id)
    asked = request.POST.get("target", "").strip().lstrip("#")
    number = int(asked) if asked.isdecimal() and len(asked) < 19 else 0
    other = accessible_conversations(user).filter(pk=number).first()
    if other is None:
        raise InputError(_("There is no conversation with this number in your teams."), field="target")
    linking.link_conversations(actor=actor_of(user), user=user, one=row, other=other)
    messages.success(request, _("Linked."))
    return redirect("conversation", row.pk)


@staff("POST")
def link_removal(request: HttpRequest, link_id: int) -> HttpResponse:
    """Remove a link between conversations that the person sees."""
    user = person(request)
    link = get_object_or_404(Link, pk=link_id)
    linking.unlink_conversations(actor=actor_of(user), user=user, link=link)
    messages.success(request, _("The link is gone."))
    asked = request.POST.get("from", "")
    return redirect("conversation", link.high_id if asked == str(link.high_id) else link.low_id)


def _settings(request: HttpRequest, *, error: InputError | None = None) -> HttpResponse:
    if error is not None:
        messages.error(request, _(str(error)))
    groups = [
        (_("Of conversations"), fields.all_fields(Subject.CONVERSATION)),
        (_("Of contacts"), fields.all_fields(Subject.CONTACT)),
    ]
    context = {"groups": groups, "kinds": FieldKind.choices, "subjects": Subject.choices, "given": request.POST}
    return render(request, "desk/fields/settings.html", context, status=422 if error else 200)


@staff("GET", "POST", roles=LEADS)
def settings(request: HttpRequest) -> HttpResponse:
    """Show all definitions; add one."""
    if request.method == "GET":
        return _settings(request)
    asked = request.POST
    try:
        row = fields.create_field(
            actor=actor_of(person(request)), subject=asked.get("subject", ""), name=asked.get("name", ""),
            kind=asked.get("kind", ""), choices=asked.get("choices", "").splitlines(), help=asked.get("help", ""),
        )  # fmt: skip
    except InputError as error:
        return _settings(request, error=error)
    messages.success(request, _("The field “%(name)s” is there.") % {"name": row.name})
    return redirect("field_settings")


def _field(field_id: int) -> CustomField:
    row = CustomField.objects.filter(pk=field_id).first()
    if row is None:
        raise AccessDenied("no such field")
    return row


@staff("POST", roles=LEADS)
def field(request: HttpRequest, field_id: int) -> HttpResponse:
    """Change a definition's name, help and choices."""
    asked = request.POST
    fields.change_field(
        actor=actor_of(person(request)), field=_field(field_id), name=asked.get("name", ""),
        choices=asked.get("choices", "").splitlines(), help=asked.get("help", ""),
    )  # fmt: skip
    messages.success(request, _("Saved."))
    return redirect("field_settings")


@staff("POST", roles=LEADS)
def position(request: HttpRequest, field_id: int) -> HttpResponse:
    """Move a definition up or down."""
    up = request.POST.get("move") == "up"
    fields.move_field(actor=actor_of(person(request)), field=_field(field_id), up=up)
    return redirect("field_settings")


@staff("POST", roles=LEADS)
def deletion(request: HttpRequest, field_id: int) -> HttpResponse:
    """Remove a definition."""
    row = _field(field_id)
    fields.delete_field(actor=actor_of(person(request)), field=row)
    messages.success(request, _("The field “%(name)s” is gone.") % {"name": row.name})
    return redirect("field_settings")
