"""The queue: everything that waits for an answer, whatever the channel; and the views that people keep."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from comptoir.accounts.models import User
from comptoir.accounts.queries import teams_of
from comptoir.accounts.services import actor_of
from comptoir.channels.registry import channels
from comptoir.conversations.counts import queue_counts
from comptoir.conversations.filtering import QueueFilter
from comptoir.conversations.listing import QUEUE_PAGE, WALK, QueueRow, queue_page
from comptoir.conversations.models import State
from comptoir.conversations.rules import ordered_after
from comptoir.conversations.services import claim_conversation
from comptoir.desk.choosing import Chosen, chosen_cursor, chosen_list, cursor_words
from comptoir.desk.guard import is_htmx, person, staff
from comptoir.desk.lines import lines_of, listed
from comptoir.desk.queries import kinds_of

MOST_ROWS = 200  # a live refresh redraws what is on the screen, up to this many
NEXT_CHOICE = 20  # of the most urgent that are free: as many people may press 'next' at the same instant


def _tabs(chosen: Chosen, counts: Any) -> list[dict[str, Any]]:
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
        {"label": label, "count": count, "query": chosen.query(view=view, owner=owner, sort="", saved=None),
         "is_current": (view, owner) == (chosen.view, chosen.owner)}
        for view, owner, label, count in tabs
    ]  # fmt: skip


@staff("GET")
def queue(request: HttpRequest) -> HttpResponse:
    """Show a list of conversations; as a fragment for 'more' and for live refreshes."""
    user = person(request)
    chosen = chosen_list(request.GET, user)
    after = chosen_cursor(request.GET.get("after", ""))
    asked = request.GET.get("rows", "")
    limit = max(QUEUE_PAGE, min(MOST_ROWS, int(asked))) if asked.isdecimal() and len(asked) < 9 else QUEUE_PAGE
    page = queue_page(user, chosen.filter, after=after, limit=limit)
    lines = lines_of(page.rows, sort=chosen.filter.sort, last_band=request.GET.get("band", "") if after else "")
    band = lines[-1].band if lines else ""
    context: dict[str, Any] = {
        "rows": listed(lines), "chosen": chosen, "is_partial": page.is_partial, "walk": WALK,
        "more": chosen.query(after=cursor_words(page.more), band=band) if page.more else "",
    }  # fmt: skip
    if after is not None and is_htmx(request):
        return render(request, "desk/queue/_rows.html", context)
    context |= _head(user, chosen)
    return render(request, "desk/queue/_list.html" if is_htmx(request) else "desk/queue/page.html", context)


def _head(user: User, chosen: Chosen) -> dict[str, Any]:
    """Return what stands above the list: its counts, tabs, filters and orders."""
    counts = queue_counts(user, teams=[chosen.team] if chosen.team else (), channels=chosen.filter.channels)
    names = {
        "wait": _("Longest wait"), "priority": _("Priority"), "activity": _("Last activity"), "newest": _("Newest"),
    }  # fmt: skip
    found: dict[str, Any] = {
        "counts_here": counts,
        "sorts": [
            {"label": names[sort], "query": chosen.query(sort=sort), "on": sort == chosen.filter.sort}
            for sort in chosen.sorts
        ],
        "list_query": chosen.query(),
    }
    if not chosen.team and not chosen.channel and not chosen.saved:
        found["counts"] = counts  # the navigation's are the same: asked once
    if chosen.saved:
        return found
    return found | {"tabs": _tabs(chosen, counts), "filters": _filters(user, chosen)}


def _filters(user: User, chosen: Chosen) -> dict[str, Any]:
    teams = [
        {"label": team.name, "query": chosen.query(team=team.pk), "on": team.pk == chosen.team}
        for team in teams_of(user)
    ]
    here = kinds_of(user)
    kinds = [
        {
            "label": channel.label,
            "icon": channel.icon,
            "query": chosen.query(channel=kind),
            "on": kind == chosen.channel,
        }
        for kind, channel in channels().items()
        if kind in here or kind == chosen.channel
    ]
    active = [item["label"] for item in (*teams, *kinds) if item["on"]]
    return {"teams": teams, "channels": kinds, "active": active, "clear": chosen.query(team=None, channel="")}


def _urgent(user: User, owner: str) -> list[QueueRow]:
    """Return the most urgent of what waits: the higher priority first, then the longer wait."""
    return queue_page(user, QueueFilter(owner=owner, sort="priority"), limit=NEXT_CHOICE).rows


@staff("GET", "POST")
def next_conversation(request: HttpRequest) -> HttpResponse:
    """Go to the most urgent conversation the person may take: theirs first, then nobody's, which they claim (POST).

    `after` is the one they come from. GET only goes there, so that following a link changes nothing.
    """
    user = person(request)
    asked = request.POST.get("after") or request.GET.get("after", "")
    current = int(asked) if asked.isdecimal() and len(asked) < 19 else 0
    mine = [row.id for row in _urgent(user, "me")]
    ahead = ordered_after(mine, current)
    if ahead and mine[-1] != current:
        return redirect("conversation", ahead[0])
    free = [row.id for row in _urgent(user, "none") if row.id != current]
    if request.method == "GET":
        found = free[0] if free else None
    else:
        claimed = claim_conversation(actor=actor_of(user), user=user, candidates=free)
        found = claimed.pk if claimed else None
    found = found or (ahead[0] if ahead else None)
    if found is None:
        messages.info(request, _("Nothing is waiting for you. Well done."))
        return redirect("queue")
    return redirect("conversation", found)
