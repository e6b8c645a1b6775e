"""The audit page: the journal, filtered, and its export. Administrators and auditors read it (INV-04, INV-06)."""

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from comptoir.accounts.models import Role, User
from comptoir.accounts.queries import visible_people
from comptoir.core import clock
from comptoir.desk.audit_words import actor_words, audit_words
from comptoir.desk.guard import person, staff
from comptoir.desk.queries.audit import audit_export, audit_page
from comptoir.desk.rules import spreadsheet_safe
from comptoir.desk.staff_forms import AuditForm
from comptoir.journal.models import Event

ROLES = (Role.ADMIN, Role.AUDITOR)
COLUMNS = ("id", "at", "kind", "actor_kind", "actor_id", "actor", "conversation", "contact", "message", "facts")


def _form(request: HttpRequest, user: User) -> AuditForm:
    return AuditForm(visible_people(user), request.GET if any(request.GET.values()) else None)


@staff("GET", roles=ROLES)
def audit(request: HttpRequest) -> HttpResponse:
    """Show one page of the journal."""
    user = person(request)
    form, asked = _form(request, user), request.GET.get("before", "")
    before = int(asked) if asked.isdecimal() and len(asked) < 19 else None
    page = audit_page(user, form.wanted, before=before)
    query = request.GET.copy()
    query.pop("before", None)
    lines = [(event, actor_words(event), audit_words(event)) for event in page.events]
    context = {"form": form, "lines": lines, "page": page, "query": query.urlencode(), "is_first": before is None}
    return render(request, "desk/audit/page.html", context, status=422 if form.is_bound and form.errors else 200)


def _values(event: Event) -> tuple[Any, ...]:
    return (
        event.pk, event.at.isoformat(), event.kind, event.actor_kind, event.actor_id, event.actor_name,
        event.conversation_id, event.contact_id, event.message_id,
    )  # fmt: skip


def _as_csv(events: list[Event]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    for event in events:
        facts = json.dumps(event.facts, ensure_ascii=False)
        writer.writerow([spreadsheet_safe(value) for value in (*_values(event), facts)])
    return text.getvalue()


def _as_lines(events: list[Event]) -> str:
    rows = (dict(zip(COLUMNS, (*_values(event), event.facts), strict=True)) for event in events)
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _portions(user: User, form: AuditForm, write: Callable[[list[Event]], str], head: str) -> Iterator[str]:
    yield head
    for events in audit_export(user, form.wanted):
        yield write(events)


async def _threaded(portions: Iterator[str]) -> AsyncIterator[str]:
    """Read each portion in a thread, and give its connection back: between two of them a client may take its time."""

    def following() -> str | None:
        try:
            return next(portions, None)
        finally:
            connection.close()

    while (portion := await sync_to_async(following)()) is not None:
        yield portion


@staff("GET", roles=ROLES)
def export(request: HttpRequest) -> HttpResponseBase:
    """Stream everything that the filter finds, as JSON lines (`as=jsonl`) or as CSV."""
    user = person(request)
    form = _form(request, user)
    if form.is_bound and not form.is_valid():
        return audit(request)
    is_lines = request.GET.get("as") == "jsonl"
    head = "" if is_lines else ",".join(COLUMNS) + "\r\n"
    portions = _portions(user, form, _as_lines if is_lines else _as_csv, head)
    content = _threaded(portions) if isinstance(request, ASGIRequest) else portions
    kind, ending = ("application/x-ndjson", "jsonl") if is_lines else ("text/csv; charset=utf-8", "csv")
    response = StreamingHttpResponse(content, content_type=kind)
    name = f"comptoir-audit-{clock.now():%Y-%m-%d}.{ending}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response
