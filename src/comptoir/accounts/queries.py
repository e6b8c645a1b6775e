"""Readers of staff and teams."""

from django.db.models import QuerySet

from comptoir.accounts.models import Organisation, Team, User


def organisation() -> Organisation:
    """Return the organisation; an unnamed one before the first set-up."""
    return Organisation.objects.filter(id=1).first() or Organisation(id=1, name="Comptoir")


def teams_of(user: User) -> list[Team]:
    """Return the person's teams by name; read once per request: every list and every access starts from them."""
    known: list[Team] | None = getattr(user, "_teams_of", None)
    if known is None:
        known = list(Team.objects.filter(memberships__user=user).order_by("name"))
        user._teams_of = known  # type: ignore[attr-defined]  # lives as long as the request's user
    return known


def team_ids_of(user: User) -> list[int]:
    """Return the ids of the teams whose conversations the person may see (INV-06)."""
    return [team.pk for team in teams_of(user)]


def colleagues_of(user: User) -> QuerySet[User]:
    """Return the active people who share a team with the person, themselves included."""
    return User.objects.filter(is_active=True, memberships__team__in=team_ids_of(user)).distinct().order_by("name")


def all_teams() -> QuerySet[Team]:
    """Return all teams."""
    return Team.objects.all()
