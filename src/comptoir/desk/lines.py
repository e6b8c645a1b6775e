"""A page of the queue made ready to draw: everything in words already, because the row is the hottest template."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from comptoir.conversations.filtering import NEED_WAIT
from comptoir.conversations.listing import QueueRow
from comptoir.conversations.models import Priority, State
from comptoir.core import clock
from comptoir.desk import rules, words
from comptoir.desk.templatetags.desk import icon_of, label_of

SHOWN_LABELS = 2  # of a row: more would push its subject away


@dataclass(frozen=True, slots=True)
class Line(rules.Drawn):
    """One row of the queue, and the heading above it where a new band begins ('' otherwise)."""

    row: QueueRow
    id: str  # numbers are strings here: the template would format each by the rules of the language, at a price
    count: str
    is_unread: bool
    heading: str
    band: str
    who: str
    subject: str
    icon: str
    channel: str
    since: str  # machine-readable
    wait: str
    wait_title: str
    level: str
    state: str
    count_title: str
    initials: str
    hue: str
    priority: str
    labels: SafeString


@lru_cache(maxsize=2048)
def _drawn(labels: tuple[str, ...]) -> SafeString:
    """Draw the first labels ('colour name') and how many more there are; a loop in the template would cost more."""
    pairs = [(colour, name) for colour, _space, name in (label.partition(" ") for label in labels[:SHOWN_LABELS])]
    tags = format_html_join("", '<span class="label-tag" data-colour="{}">{}</span>', pairs)
    more = len(labels) - SHOWN_LABELS
    return format_html('{}<small class="muted">+{}</small>', tags, more) if more > 0 else tags


def lines_of(rows: Sequence[QueueRow], *, sort: str, last_band: str = "") -> list[Line]:
    """Return the rows in words. `last_band` is the heading of the page before, which is not repeated."""
    now, waiting = clock.now(), sort in NEED_WAIT
    states = {value: str(label) for value, label in State.choices}
    priorities = {Priority.HIGH: _("High"), Priority.URGENT: _("Urgent")}
    kinds = {kind: (icon_of(kind), label_of(kind)) for kind in {row.channel for row in rows}}
    nobody, last = _("Unknown"), _("Last message %(at)s")
    counted = {n: ngettext("%(n)s message", "%(n)s messages", n) % {"n": n} for n in {r.message_count for r in rows}}
    lines: list[Line] = []
    for row in rows:
        waited = now - row.sort_at
        band = words.band_words(waited) if sort == "wait" else ""
        if sort == "priority":
            band = str(Priority(row.priority).label)
        icon, channel = kinds[row.channel]
        # A wait says enough, and time.js adds the date: formatting fifty dates costs more than reading fifty rows.
        title = "" if waiting else last % {"at": words.full_words(row.sort_at)}
        lines.append(
            Line(
                row=row,
                id=str(row.id),
                count=str(row.message_count),
                is_unread=row.is_unread and row.state != State.SOLVED,
                heading=band if band != last_band else "",
                band=band,
                who=row.contact_name or nobody,
                subject=row.subject or row.preview or f"#{row.id}",
                icon=icon,
                channel=channel,
                since=row.sort_at.isoformat(),
                wait=words.wait_words(waited) if waiting else words.moment_words(row.sort_at, now),
                wait_title=title,
                level=str(rules.wait_level(waited)) if waiting else "0",
                state=states.get(row.state, row.state),
                count_title=counted[row.message_count] if row.message_count > 1 else "",
                initials=rules.initials_of(row.assignee_name or ""),
                hue=str((row.assignee_id or 0) % rules.HUES + 1),
                priority=priorities.get(row.priority, ""),  # type: ignore[call-overload]  # stored as a plain number
                labels=_drawn(tuple(row.labels)),
            )
        )
        last_band = band
    return lines
