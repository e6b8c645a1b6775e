"""The only writer of opening hours. Each change is one transaction with its event (INV-04)."""

import zoneinfo
from collections.abc import Sequence
from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from comptoir.accounts.models import Team
from comptoir.calendars import rules
from comptoir.calendars.models import Calendar, Closure, Span
from comptoir.core.errors import InputError
from comptoir.core.textfold import clean
from comptoir.journal import services as journal
from comptoir.journal.services import Actor

MAX_CLOSURES = 200  # of one calendar; every decision about time reads them


@transaction.atomic
def save_calendar(
    *, actor: Actor, team: Team | None, zone: str, week: Sequence[str], holidays_of: str = "", is_always_open: bool
) -> Calendar:
    """Set the hours of a team (None: of the organisation). `week` has seven texts from Monday, “9:00–18:00”.

    Raises InputError whose field is 'zone', or 'day0' to 'day6'.
    """
    if zone not in zoneinfo.available_timezones():
        raise InputError(_("Choose one from the list."), field="zone")
    days = [_read_day(text, number) for number, text in enumerate(week)]
    if not any(days) and not is_always_open:
        raise InputError(_("Write the hours of one day at least, or choose “around the clock”."), field="day0")
    values = {"zone": zone, "holidays_of": holidays_of, "is_always_open": is_always_open}
    row, _is_new = Calendar.objects.select_for_update().update_or_create(team=team, defaults=values)
    row.spans.all().delete()
    Span.objects.bulk_create(
        Span(calendar=row, weekday=number, start=start, end=end)
        for number, day in enumerate(days)
        for start, end in day
    )
    facts = {
        **values,
        "calendar": row.pk,
        "team": team.pk if team else None,
        "week": list(map(rules.write_hours, days)),
    }
    journal.append(actor=actor, kind="calendar.changed", facts=facts)
    return row


def _read_day(text: str, number: int) -> list[rules.Minutes]:
    try:
        return rules.read_hours(text)
    except InputError as error:
        words = _("“%(piece)s” cannot be read. Write hours like 9:00–12:30, 14:00–18:00.")
        raise InputError(words % {"piece": str(error)[:40]}, field=f"day{number}") from error


@transaction.atomic
def remove_calendar(*, actor: Actor, calendar: Calendar) -> None:
    """Let a team keep the hours of the organisation again."""
    facts = {"calendar": calendar.pk, "team": calendar.team_id}
    calendar.delete()
    journal.append(actor=actor, kind="calendar.removed", facts=facts)


@transaction.atomic
def add_closure(
    *,
    actor: Actor,
    calendar: Calendar,
    first_on: date,
    last_on: date | None,
    is_open: bool,
    hours: str = "",
    name: str = "",
) -> list[Closure]:
    """Close, or open, on some days; `hours` narrows it to a part of each. Raises InputError."""
    last_on = last_on or first_on
    if last_on < first_on:
        raise InputError(_("The last day is before the first one."), field="last_on")
    Calendar.objects.select_for_update().get(pk=calendar.pk)
    if calendar.closures.count() >= MAX_CLOSURES:
        raise InputError(_("There are %(count)d exceptions already. Remove old ones first.") % {"count": MAX_CLOSURES})
    try:
        spans = rules.read_hours(hours) or [(0, rules.DAY)]
    except InputError as error:
        words = _("“%(piece)s” cannot be read. Write hours like 9:00–12:30, 14:00–18:00.")
        raise InputError(words % {"piece": str(error)[:40]}, field="hours") from error
    if any(end > rules.DAY for _start, end in spans):
        raise InputError(_("Exceptions end at midnight. Add a second one for the next day."), field="hours")
    name = " ".join(clean(name).split())[:120]
    rows = Closure.objects.bulk_create(
        Closure(calendar=calendar, name=name, first_on=first_on, last_on=last_on, is_open=is_open, start=start, end=end)
        for start, end in spans
    )
    facts = {
        "calendar": calendar.pk, "team": calendar.team_id, "open": is_open, "first": first_on.isoformat(),
        "last": last_on.isoformat(), "hours": rules.write_hours(spans), "name": name,
    }  # fmt: skip
    journal.append(actor=actor, kind="calendar.exception_added", facts=facts)
    return rows


@transaction.atomic
def remove_closure(*, actor: Actor, closure: Closure) -> None:
    """Take an exception back."""
    facts = {"calendar": closure.calendar_id, "first": closure.first_on.isoformat(), "name": closure.name}
    closure.delete()
    journal.append(actor=actor, kind="calendar.exception_removed", facts=facts)
