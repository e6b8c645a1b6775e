"""The only writer of saved views, and who may see and change which.

Everybody keeps views of their own; a lead or an administrator shares one with a team of theirs or with everyone, and
may change what is shared. A view holds no conversations: whoever opens it sees their own teams' (INV-06).
"""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Case, Max, Q, QuerySet, When
from django.utils.translation import gettext as _

from comptoir.accounts.models import Role, Team, User
from comptoir.accounts.queries import team_ids_of
from comptoir.conversations.filtering import QueueFilter, from_json
from comptoir.conversations.models import SavedView
from comptoir.core.errors import AccessDenied, InputError
from comptoir.core.textfold import clean
from comptoir.journal import services as journal
from comptoir.journal.services import Actor

MAX_VIEWS = 50  # of one person, or shared: the navigation shows them all
Scope = SavedView.Scope


def may_share(user: User) -> bool:
    """Whether the person may make views for others."""
    return user.role in {Role.LEAD, Role.ADMIN}


def views_of(user: User) -> QuerySet[SavedView]:
    """Return the views that the person sees, in the order of the navigation: their own, then what is shared."""
    mine = Q(scope=Scope.PERSONAL, owner=user)
    shared = Q(scope=Scope.EVERYONE) | Q(scope=Scope.TEAM, team__in=team_ids_of(user))
    own_first = Case(When(scope=Scope.PERSONAL, then=0), default=1)
    return SavedView.objects.filter(mine | shared).select_related("team", "owner").order_by(own_first, "position", "id")


def access_view(user: User, view_id: int, *, to_change: bool = False) -> SavedView:
    """Return a view that the person may see, or may change; raises AccessDenied."""
    view = views_of(user).filter(pk=view_id).first()
    if view is None or (to_change and not may_change(user, view)):
        raise AccessDenied("This view does not exist, or is not yours.")
    return view


def may_change(user: User, view: SavedView) -> bool:
    """Whether the person may change a view that they see."""
    return view.owner_id == user.pk if view.scope == Scope.PERSONAL else may_share(user)


def filter_of(view: SavedView) -> QueueFilter:
    """Return what a view holds. Raises InputError when it was kept by a newer version."""
    return from_json(view.filter)


@transaction.atomic
def save_view(
    *,
    actor: Actor,
    user: User,
    name: str,
    chosen: QueueFilter,
    scope: str,
    team: Team | None,
    view: SavedView | None = None,
) -> SavedView:
    """Keep a view, new or changed. Raises InputError."""
    values: dict[str, Any] = {
        "name": _checked_name(name), "filter": chosen.as_json(), "scope": _checked_scope(user, scope, view),
        "team": _checked_team(user, scope, team),
    }  # fmt: skip
    if view is None:
        if views_of(user).count() >= MAX_VIEWS:
            raise InputError(_("There are %(count)d views already. Delete one first.") % {"count": MAX_VIEWS})
        last = SavedView.objects.aggregate(last=Max("position"))["last"] or 0
        row = SavedView.objects.create(owner=user, position=last + 1, **values)
        kind = "view.created"
    else:
        row, kind = SavedView.objects.select_for_update().get(pk=view.pk), "view.changed"
        for column, value in values.items():
            setattr(row, column, value)
        row.save(update_fields=list(values))
    facts = {"view": row.pk, "name": row.name, "scope": row.scope, "filter": row.filter}
    journal.append(actor=actor, kind=kind, facts=facts)
    return row


@transaction.atomic
def delete_view(*, actor: Actor, view: SavedView) -> None:
    """Remove a view; the conversations in it stay."""
    facts = {"view": view.pk, "name": view.name, "scope": view.scope, "filter": view.filter}
    view.delete()
    journal.append(actor=actor, kind="view.deleted", facts=facts)


@transaction.atomic
def move_view(*, actor: Actor, user: User, view: SavedView, up: bool) -> None:
    """Let a view and its neighbour of the same kind (own or shared) change places."""
    own = view.scope == Scope.PERSONAL
    rows: Sequence[SavedView] = [row for row in views_of(user) if (row.scope == Scope.PERSONAL) == own]
    at = next(number for number, row in enumerate(rows) if row.pk == view.pk)
    to = at - 1 if up else at + 1
    if not 0 <= to < len(rows) or not may_change(user, rows[to]):
        return
    places = sorted(row.position for row in rows)
    ordered = list(rows)
    ordered[at], ordered[to] = ordered[to], ordered[at]
    for place, row in zip(_spread(places), ordered, strict=True):
        row.position = place
    SavedView.objects.bulk_update(ordered, ["position"])
    journal.append(actor=actor, kind="view.moved", facts={"view": view.pk, "name": view.name})


def _spread(places: Sequence[int]) -> list[int]:
    """Return ascending places without a tie, each at least what it was."""
    found: list[int] = []
    for place in places:
        found.append(max(place, found[-1] + 1) if found else place)
    return found


def _checked_name(name: str) -> str:
    name = " ".join(clean(name).split())
    if not 0 < len(name) <= 60:
        raise InputError(_("Give a name of at most %(count)d characters.") % {"count": 60}, field="name")
    return name


def _checked_scope(user: User, scope: str, view: SavedView | None) -> str:
    if scope not in Scope.values:
        raise InputError(_("Choose who sees the view."), field="scope")
    if scope != Scope.PERSONAL and not may_share(user):
        raise InputError(_("Only a team lead or an administrator shares a view. Keep it for yourself."), field="scope")
    if scope == Scope.PERSONAL and view is not None and view.owner_id != user.pk:
        raise InputError(_("Only who made a view can keep it for themselves. Delete it, or make one of your own."))
    return scope


def _checked_team(user: User, scope: str, team: Team | None) -> Team | None:
    if scope != Scope.TEAM:
        return None
    if team is None or team.pk not in team_ids_of(user):
        raise InputError(_("Choose one of your teams."), field="team")
    return team
