"""Labels: the picker of a conversation, and the page where a lead keeps them in order."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from comptoir.accounts.models import Role
from comptoir.accounts.services import actor_of
from comptoir.conversations import labelling
from comptoir.conversations.access import access_conversation
from comptoir.conversations.models import Colour, Label
from comptoir.core.errors import InputError
from comptoir.desk.guard import is_htmx, person, staff
from comptoir.desk.views.actions import done
from comptoir.knowledge.models import Macro
from comptoir.routing.queries import active_rules

LEADS = (Role.LEAD, Role.ADMIN)


@staff("GET", "POST")
def conversation_labels(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Show the labels to choose from, as a page or as the menu's content; set exactly the chosen ones."""
    user = person(request)
    row = access_conversation(user, conversation_id)
    if request.method == "POST":
        asked = request.POST.getlist("label")
        if not all(value.isdecimal() and len(value) < 19 for value in asked):
            raise InputError(_("Choose from the list."), field="label")
        labelling.set_labels(actor=actor_of(user), conversation=row, label_ids=set(map(int, asked)))
        return done(request, row, _("Labels changed."))
    context = {
        "conversation": row, "labels": list(labelling.all_labels()), "chosen": labelling.labels_of(row),
        "may_make": user.role in LEADS,
    }  # fmt: skip
    return render(request, "desk/labels/_picker.html" if is_htmx(request) else "desk/labels/page.html", context)


def _settings(request: HttpRequest, *, error: InputError | None = None) -> HttpResponse:
    if error is not None:
        messages.error(request, str(error))
    context = {"labels": list(labelling.counted_labels()), "colours": Colour.choices, "given": request.POST}
    return render(request, "desk/labels/settings.html", context, status=422 if error else 200)


@staff("GET", "POST", roles=LEADS)
def settings(request: HttpRequest) -> HttpResponse:
    """Show all labels; make one."""
    if request.method == "GET":
        return _settings(request)
    name, colour = request.POST.get("name", ""), request.POST.get("colour", "")
    try:
        label = labelling.create_label(actor=actor_of(person(request)), name=name, colour=colour)
    except InputError as error:
        return _settings(request, error=error)
    messages.success(request, _("The label “%(name)s” is there.") % {"name": label.name})
    return redirect("label_settings")


@staff("POST", roles=LEADS)
def label(request: HttpRequest, label_id: int) -> HttpResponse:
    """Rename or recolour a label."""
    row = get_object_or_404(Label, pk=label_id)
    name, colour = request.POST.get("name", ""), request.POST.get("colour", "")
    labelling.change_label(actor=actor_of(person(request)), label=row, name=name, colour=colour)
    messages.success(request, _("Saved."))
    return redirect("label_settings")


def _refuse_used(row: Label) -> None:
    """Raise InputError while macros or rules use a label: they would fail one by one, and nobody would see why."""
    value = str(row.pk)
    names = [
        macro.name
        for macro in Macro.objects.order_by("name")
        if any(step["do"] == "label" and step["with"] == value for step in macro.steps)
    ]
    for rule in active_rules():
        said = [(c.field, c.value) for c in (*rule.definition.every, *rule.definition.some)]
        said += [("label" if a.kind == "unlabel" else a.kind, a.value) for a in rule.definition.actions]
        names += [rule.name] if ("label", value) in said else []
    if names:
        told = _("These macros and rules use the label “%(label)s”: %(names)s. Change them first.")
        raise InputError(told % {"label": row.name, "names": ", ".join(names[:5]) + ("…" if len(names) > 5 else "")})


@staff("POST", roles=LEADS)
def merge(request: HttpRequest, label_id: int) -> HttpResponse:
    """Let a label go up in another one."""
    row = get_object_or_404(Label, pk=label_id)
    asked = request.POST.get("target", "")
    target = Label.objects.filter(pk=int(asked)).first() if asked.isdecimal() and len(asked) < 19 else None
    if target is None:
        raise InputError(_("Choose one from the list."), field="target")
    _refuse_used(row)
    labelling.merge_labels(actor=actor_of(person(request)), source=row, target=target)
    messages.success(request, _("Merged into “%(name)s”.") % {"name": target.name})
    return redirect("label_settings")


@staff("POST", roles=LEADS)
def deletion(request: HttpRequest, label_id: int) -> HttpResponse:
    """Remove a label from everything."""
    row = get_object_or_404(Label, pk=label_id)
    _refuse_used(row)
    labelling.delete_label(actor=actor_of(person(request)), label=row)
    messages.success(request, _("The label “%(name)s” is gone.") % {"name": row.name})
    return redirect("label_settings")
