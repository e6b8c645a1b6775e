"""Readers of staff and teams, of invitations, sessions and the organisation's sign-on."""

from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.sessions.models import Session
from django.db.models import Count, Exists, Max, OuterRef, Prefetch, Q, QuerySet, Subquery

from comptoir.accounts.models import Invitation, Organisation, Role, SignOn, StaffSession, Team, User
from comptoir.core import clock
from comptoir.core.errors import AccessDenied

SECOND_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


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
    """Return the active people who share a team with the person and may take work, themselves included."""
    shared = User.objects.filter(is_active=True, memberships__team__in=team_ids_of(user))
    return shared.exclude(role=Role.AUDITOR).distinct().order_by("name")


def all_teams() -> QuerySet[Team]:
    """Return all teams."""
    return Team.objects.all()


def visible_teams(user: User) -> QuerySet[Team]:
    """Return the teams of the settings pages: all for an administrator, their own for anybody else."""
    return Team.objects.all() if user.is_admin else Team.objects.filter(memberships__user=user)


def access_team(user: User, team_id: int) -> Team:
    """Return one team if the settings pages show it to the person; raises AccessDenied."""
    team = visible_teams(user).filter(pk=team_id).first()
    if team is None:
        raise AccessDenied("no such team")
    return team


def visible_people(user: User) -> QuerySet[User]:
    """Return the people of the settings pages with their teams, what proves them, and when they were last seen."""
    factors = Authenticator.objects.filter(user=OuterRef("pk"))
    seen = StaffSession.objects.filter(user=OuterRef("pk")).order_by().values("user").annotate(at=Max("seen_at"))
    found = User.objects.annotate(
        last_seen_at=Subquery(seen.values("at")),
        has_totp=Exists(factors.filter(type=Authenticator.Type.TOTP)),
        has_passkey=Exists(factors.filter(type=Authenticator.Type.WEBAUTHN)),
    )
    if not user.is_admin:
        found = found.filter(
            Exists(Team.objects.filter(memberships__user=user).filter(memberships__user=OuterRef("pk")))
        )
    shown = Prefetch("teams", queryset=visible_teams(user).order_by("name"), to_attr="shown_teams")
    return found.prefetch_related(shown).order_by("-is_active", "name", "pk")


def access_person(user: User, person_id: int) -> User:
    """Return one person if the settings pages show them; raises AccessDenied."""
    person = visible_people(user).filter(pk=person_id).first()
    if person is None:
        raise AccessDenied("no such person")
    return person


def teams_with_counts(user: User) -> QuerySet[Team]:
    """Return the teams of the settings pages with their number of active members and of inboxes."""
    return visible_teams(user).annotate(
        member_count=Count("memberships", filter=Q(memberships__user__is_active=True), distinct=True),
        inbox_count=Count("channel_accounts", distinct=True),
    )


def members_of(team: Team) -> QuerySet[User]:
    """Return the members of a team, those who left the organisation last."""
    return User.objects.filter(memberships__team=team).order_by("-is_active", "name", "pk")


def pending_invitations() -> list[Invitation]:
    """Return the invitations that nobody has accepted, the newest first, expired ones included."""
    found = Invitation.objects.filter(accepted_at=None, withdrawn_at=None).select_related("invited_by")
    return list(found.prefetch_related("teams").order_by("-created_at")[:200])


def sessions_of(user: User) -> QuerySet[StaffSession]:
    """Return where the person is signed in now, the latest first."""
    alive = Session.objects.filter(session_key=OuterRef("session_key"), expire_date__gt=clock.now())
    return StaffSession.objects.filter(Exists(alive), user=user).order_by("-seen_at")


def has_second_factor(user: User) -> bool:
    """Return whether the person can prove themselves by more than a password."""
    return bool(Authenticator.objects.filter(user=user, type__in=SECOND_FACTORS).exists())


def people_without_second_factor() -> int:
    """Return how many active people have a password and nothing else."""
    factors = Authenticator.objects.filter(user=OuterRef("pk"), type__in=SECOND_FACTORS)
    usable = ~Q(password__startswith=UNUSABLE_PASSWORD_PREFIX)
    return User.objects.filter(~Exists(factors), usable, is_active=True).count()


def sign_on() -> SignOn | None:
    """Return the organisation's own sign-in, if there is one and it is switched on."""
    return SignOn.objects.filter(id=1, is_active=True).first()


def person_by_email(email: str) -> User | None:
    """Return the member of staff with this address, whatever the case it is written in."""
    return User.objects.filter(email=email.strip().lower()).first()
