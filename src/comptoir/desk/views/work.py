"""My work: everything that needs the person, in one view: what waits, what wakes today, what waits for customers."""

from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from comptoir.conversations.filtering import QueueFilter
from comptoir.conversations.listing import queue_page
from comptoir.core import clock
from comptoir.desk.guard import is_htmx, person, staff
from comptoir.desk.lines import Line, lines_of, listed

GROUP = 100  # conversations of a group: more than a person can work through in a day


def _groups(at: datetime) -> list[tuple[str, QueueFilter]]:
    """Return the groups of a day's work, most urgent first; `at` is in the person's zone."""
    tomorrow = at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    hours = max(1, ceil((tomorrow - at).total_seconds() / 3600))
    return [
        (_("They wait for your answer"), QueueFilter(owner="me", sort="priority")),
        (
            _("They wake today"),
            QueueFilter(waits=None, states=("snoozed",), owner="me", wakes_hours=hours, sort="activity"),
        ),
        (_("You wait for the customer"), QueueFilter(waits=None, states=("pending",), owner="me", sort="activity")),
    ]


@staff("GET")
def work(request: HttpRequest) -> HttpResponse:
    """Show what needs the person, grouped."""
    user = person(request)
    lines: list[Line] = []
    for heading, chosen in _groups(timezone.localtime(clock.now())):
        found = lines_of(queue_page(user, chosen, limit=GROUP).rows, sort=chosen.sort)
        lines += [replace(line, heading="" if number else heading, band=heading) for number, line in enumerate(found)]
    template = "desk/work/_list.html" if is_htmx(request) else "desk/work/page.html"
    return render(request, template, {"rows": listed(lines)})
