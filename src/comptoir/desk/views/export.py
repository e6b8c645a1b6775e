"""Print and export a conversation: the choice, and the file. Whoever exports is in the journal."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from comptoir.accounts.services import actor_of
from comptoir.conversations.access import access_conversation
from comptoir.core.errors import AccessDenied
from comptoir.desk.export import FORMS
from comptoir.desk.guard import person, staff
from comptoir.desk.queries.export import whole_conversation
from comptoir.desk.services import note_export
from comptoir.desk.views.files import disposition

POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox allow-modals"


@staff("GET")
def choose(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Show the forms of an export."""
    row = access_conversation(person(request), conversation_id)
    forms = [
        ("html", _("A page"), _("For reading and for paper, in one file.")),
        ("txt", _("Text"), _("The words alone.")),
        ("json", "JSON", _("Everything, for a program: messages, files by their digest, changes.")),
        ("mbox", "mbox", _("Mails with their files, for a mail program.")),
    ]
    return render(request, "desk/export/choose.html", {"conversation": row, "forms": forms})


@staff("POST", own=True)  # it reads, and writes down that it did
def export(request: HttpRequest, conversation_id: int, form: str) -> HttpResponse:
    """Hand out a conversation in one form; with `show`, in the browser, for printing."""
    user = person(request)
    row = access_conversation(user, conversation_id)
    chosen = FORMS.get(form)
    if chosen is None:
        raise AccessDenied("no such form")
    with_notes = request.POST.get("notes") == "on"
    content = chosen.write(whole_conversation(row, with_notes=with_notes))
    note_export(actor=actor_of(user), conversation=row, form=form, with_notes=with_notes)
    response = HttpResponse(content, content_type=chosen.content_type)
    kind = "inline" if "show" in request.POST and form == "html" else "attachment"
    response["Content-Disposition"] = disposition(kind, f"conversation-{row.pk}.{form}")
    response["Content-Security-Policy"] = POLICY
    return response
