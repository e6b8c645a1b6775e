"""Macros: applied to the open conversation in one go, taken back in one go, and the pages where they are kept."""

from contextlib import nullcontext

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from comptoir.accounts.models import User
from comptoir.accounts.services import actor_of
from comptoir.conversations.access import access_conversation, accessible_conversations
from comptoir.conversations.models import Conversation
from comptoir.core.errors import InputError
from comptoir.desk import words
from comptoir.desk.guard import is_htmx, person, staff
from comptoir.desk.knowledge_forms import MacroForm
from comptoir.desk.macro_undo import Undoable, read_token, undoable_of
from comptoir.desk.views.collision import unseen_refused
from comptoir.desk.views.conversation import update
from comptoir.desk.views.drafts import keep
from comptoir.drafts.queries import draft_of
from comptoir.knowledge import services
from comptoir.knowledge.access import access_macro
from comptoir.knowledge.models import Macro
from comptoir.knowledge.queries import macros_of
from comptoir.outbound.models import Delivery
from comptoir.viewing.collision import Overtaken


@staff("GET", "POST")
def macro_menu(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """List the macros that can be applied to a conversation: in a menu, or on a page of its own."""
    user = person(request)
    row = access_conversation(user, conversation_id)
    context = {"conversation": row, "macros": macros_of(user, query=request.GET.get("q", ""))}
    template = "desk/macros/_menu.html" if is_htmx(request) else "desk/macros/choose.html"
    return render(request, template, context | {"query": request.GET.get("q", "")})


@staff("POST")
def macro_application(request: HttpRequest, conversation_id: int, macro_id: int) -> HttpResponse:
    """Apply a macro, all of it or nothing."""
    user = person(request)
    row = access_conversation(user, conversation_id)
    macro = access_macro(user, macro_id)
    does = {step["do"] for step in macro.steps}
    if "insert" in does and request.POST.get("text", "").strip():
        if request.POST.get("kind") == "note":
            raise InputError(_("Add your note first: this macro puts an answer into the composer."))
        keep(request, user, row)  # what it inserts comes below what is written already
    try:
        with unseen_refused(request, row) if "send" in does else nullcontext():
            applied = services.apply_macro(actor=actor_of(user), user=user, conversation=row, macro=macro)
    except Overtaken as met:
        raise InputError(str(met)) from met
    return _shown(request, user, row, undoable_of(macro, applied, row.pk), has_text=bool(applied.inserted))


def _shown(request: HttpRequest, user: User, row: Conversation, applied: Undoable, *, has_text: bool) -> HttpResponse:
    if not accessible_conversations(user).filter(pk=row.pk).exists():
        messages.success(request, _("“%(name)s” is done.") % {"name": applied.name})
        if is_htmx(request):
            return HttpResponse(status=204, headers={"HX-Redirect": reverse("queue")})
        return redirect("queue")
    if is_htmx(request):
        fresh = access_conversation(user, row.pk)
        draft = draft_of(user, row) if has_text else None
        return update(request, fresh, since=request.POST.get("since", ""), applied=applied, draft_in=draft)
    return redirect(reverse("conversation", args=[row.pk]) + f"?applied={applied.token}#composer")


@staff("POST")
def macro_undo(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Take back what a macro did, but for its notes and what somebody has changed since."""
    user = person(request)
    row = access_conversation(user, conversation_id)
    told = read_token(request.POST.get("token", ""), row.pk)
    delivery = Delivery.objects.filter(pk=told.delivery, message__conversation=row).first() if told.delivery else None
    stays = services.undo_macro(actor=actor_of(user), conversation=row, changes=told.changes, delivery=delivery)
    said = words.undone_words(stays)
    if is_htmx(request):
        return update(request, access_conversation(user, row.pk), since=request.POST.get("since", ""), toast=said)
    messages.success(request, said)
    return redirect("conversation", row.pk)


# --- where they are kept --------------------------------------------------------------------------------------------


@staff("GET")
def macros(request: HttpRequest) -> HttpResponse:
    """List the macros that the person may apply."""
    user, query = person(request), request.GET.get("q", "")
    lines = [
        {"macro": macro, "may_change": services.may_change(user, macro), "said": words.step_words(macro.steps)}
        for macro in macros_of(user, query=query)
    ]
    return render(request, "desk/macros/list.html", {"lines": lines, "query": query})


def _form_page(request: HttpRequest, form: MacroForm, macro: Macro | None) -> HttpResponse:
    context = {"form": form, "macro": macro, "example": "{{contact.first_name}}"}
    return render(request, "desk/macros/form.html", context, status=422 if form.errors else 200)


def _saved(request: HttpRequest, form: MacroForm, macro: Macro | None) -> HttpResponse | None:
    """Save a form; None where something in it is refused."""
    user = person(request)
    try:
        services.save_macro(
            actor=actor_of(user), user=user, name=form.cleaned_data["name"], steps=services.in_order(form.steps),
            teams=list(form.cleaned_data.get("teams") or ()), is_shared=form.is_shared, macro=macro,
        )  # fmt: skip
    except InputError as error:
        form.refuse(error)
        return None
    messages.success(request, _("Saved."))
    return redirect("macros")


@staff("GET", "POST")
def macro_new(request: HttpRequest) -> HttpResponse:
    """Make a macro: shared by a lead, personal by anybody."""
    form = MacroForm(person(request), request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _saved(request, form, None) or _form_page(request, form, None)
    return _form_page(request, form, None)


@staff("GET", "POST")
def macro(request: HttpRequest, macro_id: int) -> HttpResponse:
    """Change a macro; one that is not theirs to change is shown."""
    user = person(request)
    row = access_macro(user, macro_id)
    form = MacroForm(user, request.POST or None, macro=row)
    if request.method == "POST" and form.is_valid():
        return _saved(request, form, row) or _form_page(request, form, row)
    return _form_page(request, form, row)


@staff("POST")
def macro_deletion(request: HttpRequest, macro_id: int) -> HttpResponse:
    """Delete a macro; what it did stays done."""
    user = person(request)
    row = access_macro(user, macro_id)
    services.delete_macro(actor=actor_of(user), user=user, macro=row)
    messages.success(request, _("“%(name)s” is deleted.") % {"name": row.name})
    return redirect("macros")
