"""The queue: everything that waits for an answer, longest wait first, whatever the channel."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from comptoir.accounts.queries import teams_of
from comptoir.accounts.services import actor_of
from comptoir.channels.registry import channels
from comptoir.conversations import services
from comptoir.conversations.access import accessible_conversations
from comptoir.conversations.models import State
from comptoir.conversations.queries import QUEUE_PAGE, Cursor, QueueFilter, queue_counts, queue_page
from comptoir.core import clock
from comptoir.core.errors import InputError
from comptoir.desk.guard import back, is_htmx, person, staff
from comptoir.desk.lines import lines_of

VIEWS = {"waiting", State.OPEN, State.PENDING, State.SNOOZED, State.SOLVED}
MOST_ROWS = 200  # a live refresh redraws what is on the screen, up to this many
SNOOZE_BATCH = timedelta(hours=3)


def chosen_filter(request: HttpRequest) -> QueueFilter:
    """Return the filter of the address; what is not understood is ignored."""
    asked = request.GET
    view = asked.get("view", "waiting")
    team = asked.get("team", "")
    return QueueFilter(
        view=view if view in VIEWS else "waiting",
        owner=asked.get("owner", "") if asked.get("owner") in {"me", "none"} else "",
        team=int(team) if team.isdecimal() and len(team) < 10 else None,
        channel=asked.get("channel", "") if asked.get("channel") in channels() else "",
    )


def chosen_cursor(value: str) -> Cursor | None:
    """Return the place where a page begins ('instant,id'), or None."""
    at, _comma, number = value.partition(",")
    try:
        instant = datetime.fromisoformat(at)
        return Cursor(instant, int(number)) if instant.tzinfo is not None else None
    except ValueError:
        return None


def _query(chosen: QueueFilter, **changes: Any) -> str:
    values = {"view": chosen.view, "owner": chosen.owner, "team": chosen.team, "channel": chosen.channel} | changes
    text = urlencode({name: value for name, value in values.items() if value and (name, value) != ("view", "waiting")})
    return f"?{text}" if text else "?"


def _tabs(chosen: QueueFilter, counts: Any) -> list[dict[str, Any]]:
    tabs: list[tuple[str, str, str, int | None]] = [
        ("waiting", chosen.owner if chosen.owner == "me" else "", _("Waiting"), counts.waiting),
        ("waiting", "none", _("Unassigned"), counts.unassigned),
        (State.OPEN, "", pgettext("a list", "Open"), counts.open),
        (State.PENDING, "", pgettext("a list", "Pending"), counts.pending),
        (State.SNOOZED, "", pgettext("a list", "Snoozed"), counts.snoozed),
        (State.SOLVED, "", pgettext("a list", "Solved"), None),
    ]
    if chosen.owner == "me":  # the counts are everybody's: 'mine' shows only its own
        tabs = [
            (view, "me", label, counts.mine if view == "waiting" else None)
            for view, o, label, _n in tabs
            if o != "none"
        ]
    return [
        {"label": label, "count": count, "query": _query(chosen, view=view, owner=owner),
         "is_current": (view, owner) == (chosen.view, chosen.owner)}
        for view, owner, label, count in tabs
    ]  # fmt: skip


@staff("GET")
def queue(request: HttpRequest) -> HttpResponse:
    """Show a list of conversations; as a fragment for 'more' and for live refreshes."""
    user, chosen = person(request), chosen_filter(request)
    after = chosen_cursor(request.GET.get("after", ""))
    rows = request.GET.get("rows", "")
    limit = max(QUEUE_PAGE, min(MOST_ROWS, int(rows))) if rows.isdecimal() else QUEUE_PAGE
    page, more = queue_page(user, chosen, after=after, limit=limit)
    context: dict[str, Any] = {
        "lines": lines_of(
            page, waiting=chosen.view == "waiting", last_band=request.GET.get("band", "") if after else ""
        ),
        "chosen": chosen,
        "more": _query(chosen, after=f"{more.at.isoformat()},{more.id}") if more else "",
        "first_page": after is None,
    }
    if after is not None and is_htmx(request):
        return render(request, "desk/queue/_rows.html", context)
    counts = queue_counts(user, chosen)
    if not chosen.team and not chosen.channel:
        context["counts"] = counts  # the navigation's are the same: asked once
    context |= {"counts_here": counts, "tabs": _tabs(chosen, counts), "filters": _filters(user, chosen)}
    return render(request, "desk/queue/_list.html" if is_htmx(request) else "desk/queue/page.html", context)


def _filters(user: Any, chosen: QueueFilter) -> dict[str, Any]:
    teams = [
        {"label": team.name, "query": _query(chosen, team=team.pk), "on": team.pk == chosen.team}
        for team in teams_of(user)
    ]
    kinds = [
        {
            "label": channel.label,
            "icon": channel.icon,
            "query": _query(chosen, channel=kind),
            "on": kind == chosen.channel,
        }
        for kind, channel in channels().items()
    ]
    active = [item["label"] for item in (*teams, *kinds) if item["on"]]
    return {"teams": teams, "channels": kinds, "active": active, "clear": _query(chosen, team=None, channel="")}


@staff("GET")
def next_conversation(request: HttpRequest) -> HttpResponse:
    """Go to the conversation that waits longest and that nobody else has taken."""
    user = person(request)
    skip = request.GET.get("after", "")
    found = [
        row
        for owner in ("me", "none")
        for row in queue_page(user, QueueFilter(owner=owner), limit=2)[0]
        if str(row.id) != skip
    ]
    if not found:
        messages.info(request, _("Nothing is waiting for you. Well done."))
        return redirect("queue")
    return redirect("conversation", min(found, key=lambda row: (row.sort_at, row.id)).id)


@staff("POST")
def batch(request: HttpRequest) -> HttpResponse:
    """Take or solve the chosen conversations; those that are not theirs are left alone."""
    user = person(request)
    ids = [int(value) for value in request.POST.getlist("pick")[:MOST_ROWS] if value.isdecimal()]
    rows = list(accessible_conversations(user).filter(pk__in=ids).exclude(state=State.MERGED))
    if not rows:
        raise InputError(_("Choose at least one conversation."))
    do, actor = request.POST.get("do", ""), actor_of(user)
    for row in rows:
        if do == "take":
            services.assign_conversation(actor=actor, conversation=row, assignee=user)
        elif do in {State.SOLVED, State.PENDING, State.OPEN}:
            services.set_state(actor=actor, conversation=row, state=do)
        elif do == State.SNOOZED:
            until = clock.now().replace(second=0, microsecond=0) + SNOOZE_BATCH
            services.set_state(actor=actor, conversation=row, state=do, snoozed_until=until)
    words = ngettext("%(n)s conversation changed.", "%(n)s conversations changed.", len(rows)) % {"n": len(rows)}
    messages.success(request, words)
    return redirect(back(request, reverse("queue")))
