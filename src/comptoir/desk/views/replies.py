"""Saved replies: picked while writing, and the pages where they are kept."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from comptoir.accounts.models import User
from comptoir.accounts.queries import organisation
from comptoir.accounts.services import actor_of
from comptoir.conversations.access import access_conversation
from comptoir.core.errors import InputError
from comptoir.desk.guard import is_htmx, person, staff
from comptoir.desk.knowledge_forms import ReplyForm
from comptoir.drafts.services import add_to_draft
from comptoir.knowledge import rules, services
from comptoir.knowledge.access import access_reply
from comptoir.knowledge.models import SavedReply, SavedReplyVersion
from comptoir.knowledge.queries import picks, replies_of

PAGE = 50  # on the page without a script


@staff("GET")
def reply_picker(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """List the saved replies that fit `q`, filled in for the conversation: beside the caret, or on a page."""
    user, query = person(request), request.GET.get("q", "")[:100]
    row = access_conversation(user, conversation_id)
    if is_htmx(request):
        return render(request, "desk/replies/_picks.html", {"picks": picks(user, row, query)})
    context = {"conversation": row, "picks": picks(user, row, query, limit=PAGE), "query": query}
    return render(request, "desk/replies/choose.html", context)


@staff("POST")
def reply_use(request: HttpRequest, conversation_id: int, reply_id: int) -> HttpResponse:
    """Count a use; without a script also put the text into the draft."""
    user = person(request)
    row = access_conversation(user, conversation_id)
    reply = access_reply(user, reply_id)
    services.note_use(reply=reply)
    if is_htmx(request):
        return HttpResponse(status=204)
    bodies = {version.language: version.body for version in reply.versions.all()}
    language = rules.language_for(list(bodies), conversation=row.language, person=user.language)
    filled = rules.render(bodies[language], services.values_for(row, user), say=_("[missing: {name}]"))
    add_to_draft(user=user, conversation=row, text=filled.text)
    return redirect(reverse("conversation", args=[row.pk]) + "#composer")


# --- where they are kept --------------------------------------------------------------------------------------------


@staff("GET")
def replies(request: HttpRequest) -> HttpResponse:
    """List the person's saved replies by folder; `q` searches names, shortcuts and texts."""
    user, query = person(request), request.GET.get("q", "")[:100]
    lines = [
        {"reply": row, "may_change": services.may_change(user, row), "version": _version_for(user, row)}
        for row in replies_of(user, query)
    ]
    context = {"lines": lines, "query": query, "may_share": services.may_share(user)}
    return render(request, "desk/replies/list.html", context)


def _version_for(user: User, reply: SavedReply) -> SavedReplyVersion | None:
    """Return the text that the person reads best."""
    versions = {version.language: version for version in reply.versions.all()}
    return versions.get(rules.language_for(list(versions), conversation="", person=user.language))


def _form_page(request: HttpRequest, form: ReplyForm, reply: SavedReply | None) -> HttpResponse:
    context = {"form": form, "reply": reply, "placeholders": [f"{{{{{name}}}}}" for name in rules.PLACEHOLDERS]}
    return render(request, "desk/replies/form.html", context, status=422 if form.errors else 200)


def _example(request: HttpRequest) -> dict[str, str]:
    """Return values to show a reply with: an invented customer, and the person themselves."""
    user = person(request)
    return {
        "contact.name": "Ada Martin", "contact.first_name": "Ada", "agent.name": user.name,
        "agent.first_name": rules.first_name(user.name), "organisation.name": organisation().name,
        "conversation.subject": _("No dial tone"), "conversation.number": "1234",
    }  # fmt: skip


def _answered(request: HttpRequest, form: ReplyForm, reply: SavedReply | None) -> HttpResponse:
    """Save or preview what was sent; show the form again where something in it is refused."""
    user = person(request)
    if "preview" in request.POST or not form.is_valid():
        form.preview(_example(request))
        return _form_page(request, form, reply)
    try:
        services.save_reply(actor=actor_of(user), user=user, words=form.words, reply=reply)
    except InputError as error:
        form.refuse(error)
        return _form_page(request, form, reply)
    messages.success(request, _("Saved."))
    return redirect("replies")


@staff("GET", "POST")
def reply_new(request: HttpRequest) -> HttpResponse:
    """Write a saved reply: shared by a lead, personal by anybody."""
    form = ReplyForm(person(request), request.POST or None)
    return _answered(request, form, None) if request.method == "POST" else _form_page(request, form, None)


@staff("GET", "POST")
def reply(request: HttpRequest, reply_id: int) -> HttpResponse:
    """Change a saved reply; one that is not theirs to change is shown."""
    user = person(request)
    row = access_reply(user, reply_id)
    form = ReplyForm(user, request.POST or None, reply=row)
    return _answered(request, form, row) if request.method == "POST" else _form_page(request, form, row)


@staff("POST")
def reply_deletion(request: HttpRequest, reply_id: int) -> HttpResponse:
    """Delete a saved reply; what was answered with it stays."""
    user = person(request)
    row = access_reply(user, reply_id)
    services.delete_reply(actor=actor_of(user), user=user, reply=row)
    messages.success(request, _("“%(name)s” is deleted.") % {"name": row.name})
    return redirect("replies")
