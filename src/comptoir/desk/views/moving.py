"""Moving in from another system: hand over an export, see what would come, let it come. For administrators."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from comptoir.accounts.models import Role
from comptoir.accounts.services import actor_of
from comptoir.core import storage
from comptoir.core.errors import InputError
from comptoir.desk.guard import person, staff
from comptoir.moving import services, sources, words
from comptoir.moving.access import access_import, accessible_imports
from comptoir.moving.forms import ColumnsForm, ImportForm
from comptoir.moving.models import Import, Stage
from comptoir.moving.readers import SYSTEMS
from comptoir.moving.readers.tables import columns_of, guessed
from comptoir.moving.report import Report

ADMINS = (Role.ADMIN,)
LIST_MOST = 50


@staff("GET", "POST", roles=ADMINS)
def imports(request: HttpRequest) -> HttpResponse:
    """Show the imports so far and the form of a new one; take an export."""
    user = person(request)
    form = ImportForm(user, request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        job = services.start_import(
            actor=actor_of(user), user=user, system=data["system"], file_name=data["file"].name or "export",
            file_key=storage.put_stream(data["file"].chunks()), account=data["account"], team=data["team"],
            origin=data["origin"],
        )  # fmt: skip
        return redirect("import", job.pk)
    rows = accessible_imports(user)[:LIST_MOST]
    context = {"form": form, "imports": rows, "systems": SYSTEMS, "has_accounts": _has_accounts(form)}
    return render(request, "desk/moving/list.html", context, status=422 if form.errors else 200)


def _has_accounts(form: ImportForm) -> bool:
    return bool(form.fields["account"].queryset.exists())  # type: ignore[attr-defined]  # a ModelChoiceField


@staff("GET", roles=ADMINS)
def import_page(request: HttpRequest, import_id: int) -> HttpResponse:
    """Show where an import stands: what it would bring, how far it is, what it brought."""
    job = access_import(person(request), import_id)
    return render(request, "desk/moving/page.html", _context(job))


def _context(job: Import) -> dict[str, Any]:
    is_trial = job.stage in (Stage.TRYING, Stage.TRIED) or not job.report
    report = Report.of(job.trial if is_trial else job.report)
    total = sum(Report.of(job.trial).new.values()) + sum(Report.of(job.trial).known.values())
    total += Report.of(job.trial).skipped
    return {
        "job": job,
        "system": SYSTEMS[job.system],
        "is_busy": job.stage in (Stage.TRYING, Stage.RUNNING),
        "total": max(total, job.position) if job.stage != Stage.TRYING else 0,
        "figures": words.figures(report),
        "sentences": words.sentences(report),
        "unknowns": words.unknowns(report),
        "skipped": words.skipped_words(report),
        "problems": words.problems(report),
        "may_run": job.stage == Stage.TRIED or (job.stage == Stage.FAILED and bool(job.trial)),
        "may_drop": job.stage in (Stage.TRYING, Stage.TRIED) or (job.stage == Stage.FAILED and not job.report),
        "columns": _columns(job),
    }


def _columns(job: Import) -> ColumnsForm | None:
    """Return the form of a table's columns, filled in as they are understood; None where there is nothing to say."""
    if job.system != "csv" or job.stage not in (Stage.TRIED, Stage.FAILED) or job.report or not job.file_key:
        return None
    try:
        with sources.open_file(job.file_name, lambda: storage.opened(job.file_key)) as source:
            columns = columns_of(source)
    except (InputError, OSError):
        return None
    return ColumnsForm(columns, initial=guessed(columns) | job.options)


@staff("POST", roles=ADMINS)
def confirmation(request: HttpRequest, import_id: int) -> HttpResponse:
    """Let an import run that was tried, or go on that stopped."""
    user = person(request)
    services.confirm_import(actor=actor_of(user), job=access_import(user, import_id))
    return redirect("import", import_id)


@staff("POST", roles=ADMINS)
def columns(request: HttpRequest, import_id: int) -> HttpResponse:
    """Say which column is what, and try the table again."""
    user = person(request)
    job = access_import(user, import_id)
    known = _columns(job)
    form = ColumnsForm([c for c, _label in known.fields["email"].choices if c] if known else [], request.POST)  # type: ignore[attr-defined]  # a ChoiceField
    if not form.is_valid():
        raise InputError(_("Choose columns of this table."))
    services.retry_import(actor=actor_of(user), job=job, options=form.options)
    return redirect("import", import_id)


@staff("POST", roles=ADMINS)
def withdrawal(request: HttpRequest, import_id: int) -> HttpResponse:
    """Give an import up before it ran."""
    user = person(request)
    services.drop_import(actor=actor_of(user), job=access_import(user, import_id))
    messages.success(request, _("The import is given up. Nothing was written."))
    return redirect("imports")
