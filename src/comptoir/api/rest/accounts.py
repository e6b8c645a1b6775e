"""Connected accounts and their health over the API, and who asks."""

from typing import Any

from django.db.models import Count, Min, Q
from django.http import HttpRequest
from ninja import Router

from comptoir.accounts.models import Team
from comptoir.accounts.queries import colleagues_of, team_ids_of
from comptoir.api.rest import schemas
from comptoir.api.rest.auth import READ, caller, token_of
from comptoir.api.rest.problems import STATUSES, Problem
from comptoir.channels.models import AccountHealth, ChannelAccount
from comptoir.core.errors import AccessDenied
from comptoir.inbound.models import Record, RecordState

router = Router(tags=["accounts"])


@router.get("/me", auth=READ, response={200: schemas.MeOut, STATUSES: Problem})
def get_me(request: HttpRequest) -> schemas.MeOut:
    """Tell what this token may do, and whose teams and colleagues it sees."""
    token, (_actor, user) = token_of(request), caller(request)
    return schemas.MeOut(
        token=token.name,
        scopes=token.scopes,
        user_id=user.pk,
        teams=[schemas.TeamOut(id=t.pk, name=t.name) for t in Team.objects.filter(pk__in=team_ids_of(user))],
        colleagues=[schemas.ColleagueOut(id=c.pk, name=c.name, email=c.email) for c in colleagues_of(user)],
    )


@router.get("/accounts", auth=READ, response={200: list[schemas.AccountOut], STATUSES: Problem})
def list_accounts(request: HttpRequest) -> list[schemas.AccountOut]:
    """List the accounts of your teams with their health."""
    _actor, user = caller(request)
    rows = list(ChannelAccount.objects.filter(team_id__in=team_ids_of(user)).select_related("health").order_by("pk"))
    return _with_health(rows)


@router.get("/accounts/{account_id}", auth=READ, response={200: schemas.AccountOut, STATUSES: Problem})
def get_account(request: HttpRequest, account_id: schemas.Id) -> schemas.AccountOut:
    """Get one account with its health."""
    _actor, user = caller(request)
    rows = list(ChannelAccount.objects.filter(pk=account_id, team_id__in=team_ids_of(user)).select_related("health"))
    if not rows:
        raise AccessDenied("This account does not exist, or belongs to a team that you are not in.")
    return _with_health(rows)[0]


def _with_health(rows: list[ChannelAccount]) -> list[schemas.AccountOut]:
    """Count what waits and what failed over the partial indexes of the inbound log, all accounts in one query."""
    states = [RecordState.PENDING, RecordState.FAILED]
    counted = (
        Record.objects.filter(account_id__in=[row.pk for row in rows], state__in=states)
        .values("account_id")
        .annotate(
            backlog=Count("id", filter=Q(state=RecordState.PENDING)),
            failed=Count("id", filter=Q(state=RecordState.FAILED)),
            oldest=Min("received_at", filter=Q(state=RecordState.PENDING)),
        )
    )
    numbers: dict[int, Any] = {entry["account_id"]: entry for entry in counted}
    shown = []
    for row in rows:
        health = getattr(row, "health", None) or AccountHealth(account=row)
        number = numbers.get(row.pk, {"backlog": 0, "failed": 0, "oldest": None})
        shown.append(
            schemas.AccountOut(
                id=row.pk,
                kind=row.kind,
                name=row.name,
                address=row.address,
                team_id=row.team_id,
                is_active=row.is_active,
                health=schemas.HealthOut(
                    connected_at=health.connected_at,
                    last_event_at=health.last_event_at,
                    last_error=health.last_error,
                    last_error_at=health.last_error_at,
                    backlog=number["backlog"],
                    oldest_waiting_at=number["oldest"],
                    failed=number["failed"],
                ),
            )
        )
    return shown
