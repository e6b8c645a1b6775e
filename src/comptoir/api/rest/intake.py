"""The inbound log over the API: reading it, replaying what was set aside, and pushing events into an account.

A record holds what a customer wrote, so that it is shown only to whom its conversation may be shown (INV-06).
"""

import base64
from typing import Annotated, Any, cast

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Length
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Body, Query, Router, Status
from pydantic import Field

from comptoir.accounts.models import User
from comptoir.accounts.queries import team_ids_of
from comptoir.api.rest import schemas
from comptoir.api.rest.auth import ADMIN, WRITE, caller
from comptoir.api.rest.pages import page
from comptoir.api.rest.problems import STATUSES, Problem
from comptoir.api.rest.shapes import record_values
from comptoir.channels.models import ChannelAccount
from comptoir.channels.registry import channel
from comptoir.channels.services import account_config
from comptoir.conversations.models import Message
from comptoir.core.errors import AccessDenied, Conflict, InputError
from comptoir.core.textfold import clean
from comptoir.inbound.models import Record
from comptoir.inbound.services import Arrival, receive, replay_records

MAX_RAW = 10 * 1024 * 1024  # bytes shown of one record
MAX_EVENTS = 1000  # in one request

router = Router(tags=["intake"])


def _accessible(user: User) -> QuerySet[Record]:
    """Return the records of the person's teams, without those whose conversation has gone to another team."""
    teams = team_ids_of(user)
    message = Message.objects.filter(record_id=OuterRef("pk"))
    visible = Exists(message.filter(conversation__team_id__in=teams)) | ~Exists(message)
    return Record.objects.filter(visible, account__team_id__in=teams)


def _access(user: User, record_id: int) -> Record:
    record = _accessible(user).filter(pk=record_id).first()
    if record is None:
        raise AccessDenied(_("This record does not exist, or belongs to a team that you are not in."))
    return record


@router.get("/records", auth=ADMIN, response={200: schemas.RecordPage, STATUSES: Problem})
def list_records(request: HttpRequest, query: Query[schemas.RecordQuery]) -> schemas.RecordPage:
    """List the inbound log, newest first."""
    _actor, user = caller(request)
    found = _accessible(user).annotate(size=Length("raw")).defer("raw")
    if query.account is not None:
        found = found.filter(account_id=query.account)
    if query.state is not None:
        found = found.filter(state=schemas.RECORD_STATES[query.state])
    rows, next_cursor = page(found, name="records", cursor=query.cursor, limit=query.limit)
    items = [schemas.RecordOut(**cast(dict[str, Any], record_values(row, row.size))) for row in rows]  # type: ignore[attr-defined]  # annotated
    return schemas.RecordPage(items=items, next_cursor=next_cursor)


@router.get("/records/{record_id}", auth=ADMIN, response={200: schemas.RawRecordOut, STATUSES: Problem})
def get_record(request: HttpRequest, record_id: schemas.Id) -> schemas.RawRecordOut:
    """Get one record with its raw bytes, of which at most 10 MB are shown."""
    _actor, user = caller(request)
    record = _access(user, record_id)
    raw = bytes(record.raw)
    values = cast(dict[str, Any], record_values(record, len(raw)))
    shown = base64.b64encode(raw[:MAX_RAW]).decode()
    return schemas.RawRecordOut(**values, raw_base64=shown, is_truncated=len(raw) > MAX_RAW)


@router.post("/records/{record_id}/replay", auth=ADMIN, response={200: schemas.ReplayedOut, STATUSES: Problem})
def replay_record(request: HttpRequest, record_id: schemas.Id) -> schemas.ReplayedOut:
    """Put a record that was set aside or ignored back into the queue."""
    actor, user = caller(request)
    record = _access(user, record_id)
    replayed = replay_records(actor=actor, record_ids=[record.pk])
    if not replayed:
        raise Conflict(_("Only a record that was set aside or ignored can be replayed."))
    return schemas.ReplayedOut(replayed=replayed)


Account = Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9]+$")]


@router.post("/{account}", auth=WRITE, response={202: schemas.AcceptedOut, STATUSES: Problem})
def push_events(request: HttpRequest, account: Account, body: Body[dict[str, Any]]) -> Status[schemas.AcceptedOut]:
    """Push an event, or several, into an account as if its platform had sent them.

    `account` is the id or the public key of the account; the body is the JSON that its channel reads. An event whose
    id is known already is accepted without effect. What is accepted is on disk.
    """
    _actor, user = caller(request)
    which = Q(public_key=account)
    if account.isdigit() and int(account) <= schemas.MAX_ID:
        which |= Q(pk=int(account))
    row = ChannelAccount.objects.filter(which, team_id__in=team_ids_of(user)).first()
    if row is None:
        raise AccessDenied(_("This account does not exist, or belongs to a team that you are not in."))
    if not row.is_active:
        raise Conflict(_("This account is switched off."))
    identify = channel(row.kind).identify
    if identify is None:
        raise InputError(_("This account's channel does not read JSON."), field="account")
    events = identify(request.body, account_config(row))
    if len(events) > MAX_EVENTS:
        raise InputError(_("Send at most %(count)d events at a time.") % {"count": MAX_EVENTS}, field="body")
    arrivals = [Arrival(row.pk, clean(e.external_id), e.raw, e.conversation_key, "webhook") for e in events]
    return Status(202, schemas.AcceptedOut(accepted=len(arrivals), new=receive(arrivals)))
