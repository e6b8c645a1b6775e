"""Who may see and change opening hours (INV-06): a team's are its members'; everybody sees the organisation's."""

from comptoir.accounts.models import Role, Team, User
from comptoir.calendars.models import Calendar, Closure
from comptoir.core.errors import AccessDenied

WORDS = "This team does not exist, or you are not in it."


def access_team(user: User, team_id: int | None) -> Team | None:
    """Return the team if the person is in it; None stands for the organisation. Raises AccessDenied."""
    if team_id is None:
        return None
    team = Team.objects.filter(pk=team_id, memberships__user=user).first()
    if team is None:
        raise AccessDenied(WORDS)
    return team


def may_change(user: User, team: Team | None) -> bool:
    """Whether the person sets these hours: administrators the organisation's, leads too those of their teams."""
    return user.is_admin or (team is not None and user.role == Role.LEAD)


def access_calendar(user: User, calendar_id: int) -> Calendar:
    """Return a calendar that the person may change; raises AccessDenied."""
    row = Calendar.objects.filter(pk=calendar_id).select_related("team").first()
    if row is None:
        raise AccessDenied(WORDS)
    access_team(user, row.team_id)
    if not may_change(user, row.team):
        raise AccessDenied(WORDS)
    return row


def access_closure(user: User, closure_id: int) -> Closure:
    """Return an exception of a calendar that the person may change; raises AccessDenied."""
    row = Closure.objects.filter(pk=closure_id).first()
    if row is None:
        raise AccessDenied(WORDS)
    access_calendar(user, row.calendar_id)
    return row
