"""The only writer of staff, teams and memberships."""

from collections.abc import Sequence

from django.db import transaction

from comptoir.accounts.models import Membership, Organisation, Team, User
from comptoir.journal import services as journal
from comptoir.journal.services import Actor


def actor_of(user: User) -> Actor:
    """Return the person as an actor of the journal."""
    return Actor("user", user.pk, user.name)


@transaction.atomic
def create_person(
    *, actor: Actor, email: str, name: str, password: str | None, role: str, teams: Sequence[Team], language: str = "en"
) -> User:
    """Create a member of staff and put them into teams."""
    user = User.objects.create_user(email, password, name=name, role=role, language=language)
    Membership.objects.bulk_create([Membership(user=user, team=team) for team in teams])
    facts = {"user": user.pk, "name": name, "role": role, "teams": [team.pk for team in teams]}
    journal.append(actor=actor, kind="person.created", facts=facts)
    return user


def set_organisation(*, name: str, language: str, time_zone: str, is_demo: bool = False) -> Organisation:
    """Create or change the one organisation."""
    values = {"name": name, "language": language, "time_zone": time_zone, "is_demo": is_demo}
    return Organisation.objects.update_or_create(id=1, defaults=values)[0]
