"""Readers of staff and teams."""

from django.db.models import QuerySet

from comptoir.accounts.models import Organisation, Team, User


def organisation() -> Organisation:
    """Return the organisation; an unnamed one before the first set-up."""
    return Organisation.objects.filter(id=1).first() or Organisation(id=1, name="Comptoir")


def team_ids_of(user: User) -> list[int]:
    """Return the ids of the teams whose conversations the person may see (INV-06)."""
    return list(user.memberships.values_list("team_id", flat=True))


def colleagues_of(user: User) -> QuerySet[User]:
    """Return the active people who share a team with the person, themselves included."""
    return User.objects.filter(is_active=True, memberships__team__in=team_ids_of(user)).distinct().order_by("name")


def all_teams() -> QuerySet[Team]:
    """Return all teams."""
    return Team.objects.all()
