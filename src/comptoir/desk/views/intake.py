"""The intake: everything the channels handed over, as it came; what could not be read waits here for a replay."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from comptoir.accounts.models import Role, User
from comptoir.accounts.services import actor_of
from comptoir.core.errors import AccessDenied, InputError
from comptoir.desk.guard import back, person, staff
from comptoir.desk.queries import accounts_of, backlogs, intake_page
from comptoir.inbound import services
from comptoir.inbound.models import Record, RecordState

ROLES = (Role.LEAD, Role.ADMIN, Role.AUDITOR)
STATES = {
    "failed": RecordState.FAILED,
    "pending": RecordState.PENDING,
    "ignored": RecordState.IGNORED,
    "done": RecordState.DONE,
}
SHOWN_BYTES = 300_000
REPLAY_MOST = 5000


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 19 else None


@staff("GET", roles=ROLES)
def intake(request: HttpRequest) -> HttpResponse:
    """Show the log of the person's accounts, by state and account."""
    accounts = accounts_of(person(request))
    state = request.GET.get("state", "failed")
    chosen = _number(request.GET.get("account", ""))
    ids = [account.pk for account in accounts if chosen in (None, account.pk)]
    rows, more = intake_page(ids, state=STATES.get(state), before=_number(request.GET.get("before", "")))
    known = backlogs(ids)
    labels = [
        ("failed", pgettext("records", "Set aside")),
        ("pending", pgettext("records", "Pending")),
        ("ignored", pgettext("records", "Ignored")),
        ("done", pgettext("records", "Done")),
        ("all", pgettext("records", "All")),
    ]
    context = {
        "accounts": accounts,
        "chosen": chosen,
        "state": state if state in STATES else "all",
        "states": labels,
        "records": rows,
        "more": more,
        "failed": sum(backlog.failed for backlog in known.values()),
        "pending": sum(backlog.pending for backlog in known.values()),
    }
    return render(request, "desk/intake/list.html", context)


def _record(user: User, record_id: int) -> Record:
    found = Record.objects.filter(pk=record_id, account__in=[account.pk for account in accounts_of(user)])
    record = found.select_related("account", "message").defer("account__credentials", "message__search").first()
    if record is None:
        raise AccessDenied("no such record")
    return record


@staff("GET", roles=ROLES)
def record(request: HttpRequest, record_id: int) -> HttpResponse:
    """Show one record with its raw content, as text."""
    row = _record(person(request), record_id)
    raw = bytes(row.raw)
    context = {
        "record": row,
        "message": getattr(row, "message", None),
        "raw": raw[:SHOWN_BYTES].decode("utf-8", "replace"),
        "size": len(raw),
        "is_cut": len(raw) > SHOWN_BYTES,
        "may_replay": row.state in {RecordState.FAILED, RecordState.IGNORED},
    }
    return render(request, "desk/intake/record.html", context)


@staff("POST", roles=ROLES)
def replays(request: HttpRequest) -> HttpResponse:
    """Put records back in front of the digest: one (`record`), or all that are set aside (`account` narrows)."""
    user = person(request)
    accounts = [account.pk for account in accounts_of(user)]
    if number := _number(request.POST.get("record", "")):
        ids = [_record(user, number).pk]
    else:
        chosen = _number(request.POST.get("account", ""))
        wanted = [pk for pk in accounts if chosen in (None, pk)]
        found = Record.objects.filter(account_id__in=wanted, state=RecordState.FAILED)
        ids = list(found.order_by("id").values_list("pk", flat=True)[:REPLAY_MOST])
    count = services.replay_records(actor=actor_of(user), record_ids=ids) if ids else 0
    if not count:
        raise InputError(_("There is nothing to replay."))
    words = ngettext("%(n)s record will be read again.", "%(n)s records will be read again.", count) % {"n": count}
    messages.success(request, words)
    return redirect(back(request, reverse("intake")))
