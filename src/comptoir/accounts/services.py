"""The only writer of people, teams and memberships; invitations, sign-on and sessions have modules of their own.

Whatever takes the last administrator away is refused: nobody could undo it from a screen.
"""

from collections.abc import Sequence

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.utils.translation import gettext as _

from comptoir.accounts.models import Department, Membership, Organisation, Role, Team, User
from comptoir.core.errors import InputError
from comptoir.core.textfold import clean
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


def _locked(person: User) -> User:
    """Return the person fresh and locked, behind a lock on all administrators: two of them cannot leave at once."""
    list(User.objects.select_for_update().filter(role=Role.ADMIN).order_by("pk"))
    return User.objects.select_for_update().get(pk=person.pk)


def _keep_an_administrator(person: User) -> None:
    others = User.objects.filter(role=Role.ADMIN, is_active=True).exclude(pk=person.pk)
    if person.role == Role.ADMIN and person.is_active and not others.exists():
        raise InputError(
            _("%(name)s is the last administrator. Make somebody else an administrator first.") % {"name": person.name},
            field="role",
        )


@transaction.atomic
def change_role(*, actor: Actor, person: User, role: str) -> User:
    """Give a person another role. Raises InputError for the last administrator."""
    row = _locked(person)
    if role not in Role.values:
        raise InputError(_("Choose one from the list."), field="role")
    if row.role == role:
        return row
    _keep_an_administrator(row)
    facts = {"user": row.pk, "name": row.name, "from": row.role, "to": role}
    row.role = role
    row.save(update_fields=["role"])
    journal.append(actor=actor, kind="person.role_changed", facts=facts)
    return row


@transaction.atomic
def set_teams(*, actor: Actor, person: User, teams: Sequence[Team]) -> set[int]:
    """Put a person into these teams and no other; return the ids of the teams that they left."""
    row = User.objects.select_for_update().get(pk=person.pk)
    before = set(row.memberships.values_list("team_id", flat=True))
    after = {team.pk for team in teams}
    Membership.objects.filter(user=row, team_id__in=before - after).delete()
    Membership.objects.bulk_create([Membership(user=row, team_id=pk) for pk in sorted(after - before)])
    names = dict(Team.objects.filter(pk__in=before ^ after).values_list("pk", "name"))
    for kind, ids in (("team.member_added", after - before), ("team.member_removed", before - after)):
        for pk in sorted(ids):
            facts = {"team": pk, "team_name": names[pk], "user": row.pk, "name": row.name}
            journal.append(actor=actor, kind=kind, facts=facts)
    return before - after


@transaction.atomic
def deactivate_person(*, actor: Actor, person: User) -> None:
    """Close a person's account: they cannot sign in, and tokens that act as them stop. Their work stays.

    Raises InputError for the last administrator and for oneself.
    """
    row = _locked(person)
    if not row.is_active:
        return
    _keep_an_administrator(row)
    if actor.kind == "user" and actor.id == row.pk:
        raise InputError(_("You cannot close your own account. Ask another administrator."))
    row.is_active = False
    row.save(update_fields=["is_active"])
    journal.append(actor=actor, kind="person.deactivated", facts={"user": row.pk, "name": row.name})


@transaction.atomic
def reactivate_person(*, actor: Actor, person: User) -> None:
    """Open a closed account again, with the same role, teams and password."""
    row = User.objects.select_for_update().get(pk=person.pk)
    if row.is_active:
        return
    row.is_active = True
    row.save(update_fields=["is_active"])
    journal.append(actor=actor, kind="person.reactivated", facts={"user": row.pk, "name": row.name})


@transaction.atomic
def remove_second_factor(*, actor: Actor, person: User) -> None:
    """Forget what a person proves themselves with besides the password: they lost their telephone or their key."""
    removed, _rows = Authenticator.objects.filter(user=person).delete()
    if removed:
        facts = {"user": person.pk, "name": person.name}
        journal.append(actor=actor, kind="person.second_factor_removed", facts=facts)


def _checked_team(name: str, department: str, *, besides: int | None = None) -> str:
    name = " ".join(clean(name).split())
    if not name or len(name) > 80:
        raise InputError(_("Give the team a name of at most 80 characters."), field="name")
    if department not in Department.values:
        raise InputError(_("Choose one from the list."), field="department")
    if Team.objects.filter(name__iexact=name).exclude(pk=besides or 0).exists():
        raise InputError(_("There is a team with this name already."), field="name")
    return name


@transaction.atomic
def create_team(*, actor: Actor, name: str, department: str) -> Team:
    """Create a team without members. Raises InputError."""
    name = _checked_team(name, department)
    team = Team.objects.create(name=name, department=department)
    journal.append(actor=actor, kind="team.created", facts={"team": team.pk, "name": name, "department": department})
    return team


@transaction.atomic
def change_team(*, actor: Actor, team: Team, name: str, department: str) -> Team:
    """Rename a team, or move it to another department. Raises InputError."""
    row = Team.objects.select_for_update().get(pk=team.pk)
    name = _checked_team(name, department, besides=row.pk)
    if (row.name, row.department) == (name, department):
        return row
    facts = {"team": row.pk, "from": row.name, "name": name, "department": department}
    row.name, row.department = name, department
    row.save(update_fields=["name", "department"])
    journal.append(actor=actor, kind="team.changed", facts=facts)
    return row


@transaction.atomic
def delete_team(*, actor: Actor, team: Team) -> None:
    """Remove a team and its memberships. The database refuses while conversations or inboxes point to it."""
    facts = {"team": team.pk, "name": team.name}
    for person in User.objects.filter(memberships__team=team):
        kept = Team.objects.filter(memberships__user=person).exclude(pk=team.pk)
        set_teams(actor=actor, person=person, teams=list(kept))
    team.delete()
    journal.append(actor=actor, kind="team.deleted", facts=facts)


def set_organisation(*, name: str, language: str, time_zone: str, is_demo: bool = False) -> Organisation:
    """Create or change the one organisation."""
    values = {"name": name, "language": language, "time_zone": time_zone, "is_demo": is_demo}
    return Organisation.objects.update_or_create(id=1, defaults=values)[0]


@transaction.atomic
def require_two_factor(*, actor: Actor, required: bool) -> None:
    """Say whether everybody who signs in with a password must have a second factor."""
    row = Organisation.objects.select_for_update().filter(id=1).first() or Organisation(id=1, name="Comptoir")
    if row.requires_two_factor == required:
        return
    row.requires_two_factor = required
    row.save()
    journal.append(actor=actor, kind="organisation.two_factor_required", facts={"required": required})
