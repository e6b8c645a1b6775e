"""The readers of opening hours: a team's own, else the organisation's, else around the clock."""

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from comptoir.calendars.models import Calendar
from comptoir.calendars.rules import ALWAYS, Exceptional, Span
from comptoir.calendars.rules import Calendar as Hours


def _complete() -> QuerySet[Calendar]:
    return Calendar.objects.prefetch_related("spans", "closures").order_by("pk")


def hours_in(calendar: Calendar) -> Hours:
    """Return a stored calendar as the rules read it."""
    return Hours(
        zone=calendar.zone,
        spans=tuple(Span(s.weekday, s.start, s.end) for s in calendar.spans.all()),
        exceptions=tuple(
            Exceptional(c.first_on, c.last_on, c.is_open, c.start, c.end, c.name) for c in calendar.closures.all()
        ),
        holidays_of=calendar.holidays_of,
        is_always_open=calendar.is_always_open,
    )


def hours_of(team_id: int | None) -> Hours:
    """Return the hours of a team (None: of the organisation). Nobody has set any: it is always open."""
    return hours_of_teams([team_id])[team_id]


def hours_of_teams(team_ids: Iterable[int | None]) -> dict[int | None, Hours]:
    """Return the hours of each team, in three statements however many they are."""
    wanted = set(team_ids)
    found = {row.team_id: hours_in(row) for row in _complete().filter(Q(team_id__in=wanted) | Q(team=None))}
    shared = found.get(None, ALWAYS)
    return {team: found.get(team, shared) for team in wanted}


def calendar_of(team_id: int | None) -> Calendar | None:
    """Return the calendar that a team (None: the organisation) keeps itself."""
    return _complete().filter(team_id=team_id).first() if team_id else _complete().filter(team=None).first()
