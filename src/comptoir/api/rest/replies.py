"""Answering over the API. INV-03: one Idempotency-Key is one reply, however often the request is repeated."""

import base64
import binascii
import hashlib
from datetime import timedelta
from typing import Annotated

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Header, Router, Status

from comptoir.api.models import ReplyKey, Token
from comptoir.api.rest import schemas
from comptoir.api.rest.auth import WRITE, caller, token_of
from comptoir.api.rest.conversations import full_messages
from comptoir.api.rest.problems import STATUSES, Problem
from comptoir.api.rest.shapes import message_out
from comptoir.conversations.access import access_conversation
from comptoir.conversations.models import Message
from comptoir.core import bulk, clock, storage
from comptoir.core.errors import InputError
from comptoir.outbound.services import Draft, queue_reply

LATEST = timedelta(days=366)

# A request that runs at the same moment under the same key waits here until the other has ended, one way or the other.
CLAIM = """
INSERT INTO api_replykey (token_id, key, fingerprint, created_at) VALUES (%s, %s, %s, %s)
ON CONFLICT ON CONSTRAINT reply_key_once DO NOTHING RETURNING id
"""

router = Router(tags=["conversations"])
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Chosen by you, one for each reply; repeat it when you repeat the request",
    ),
]


@router.post(
    "/conversations/{conversation_id}/replies",
    auth=WRITE,
    response={200: schemas.MessageOut, 201: schemas.MessageOut, STATUSES: Problem},
)
def create_reply(
    request: HttpRequest, conversation_id: schemas.Id, body: schemas.ReplyIn, idempotency_key: Key
) -> Status[schemas.MessageOut]:
    """Queue an answer. 201: it was queued now; 200: it was queued before under this key, and nothing was sent twice."""
    actor, user = caller(request)
    fingerprint = hashlib.sha256(f"{conversation_id}\n{body.model_dump_json()}".encode()).hexdigest()
    with transaction.atomic():
        conversation = access_conversation(user, conversation_id)
        claimed = bulk.fetch_all(CLAIM, [token_of(request).pk, idempotency_key, fingerprint, clock.now()])
        if not claimed:
            return Status(200, message_out(_earlier(token_of(request), idempotency_key, fingerprint)))
        delivery = queue_reply(actor=actor, user=user, conversation=conversation, draft=_draft(body))
        ReplyKey.objects.filter(pk=claimed[0][0]).update(message_id=delivery.message_id)
    return Status(201, message_out(full_messages().get(pk=delivery.message_id)))


def _earlier(token: Token, key: str, fingerprint: str) -> Message:
    """Return what was queued under the key before; another reply under a used key is refused."""
    row = ReplyKey.objects.get(token=token, key=key)
    if row.fingerprint != fingerprint or row.message_id is None:
        raise InputError(_("This key was used for another reply. Choose a new one."), field="Idempotency-Key")
    return full_messages().get(pk=row.message_id)


def _draft(body: schemas.ReplyIn) -> Draft:
    if body.send_at is not None and body.send_at > clock.now() + LATEST:
        raise InputError(_("Choose a time within a year."), field="send_at")
    return Draft(
        text=body.text,
        subject=body.subject,
        to=[(person.name, person.address) for person in body.to],
        cc=[(person.name, person.address) for person in body.cc],
        file_keys=[_kept(file, f"files.{number}.content_base64") for number, file in enumerate(body.files)],
        send_at=body.send_at,
        then=body.then,
    )


def _kept(file: schemas.FileIn, field: str) -> tuple[str, str, str, int]:
    """Store a file by its content; a reply that fails later leaves at most an unused file."""
    try:
        content = base64.b64decode(file.content_base64, validate=True)
    except (binascii.Error, ValueError):
        raise InputError(_("This is not Base64."), field=field) from None
    return storage.put(content), file.filename, file.content_type, len(content)
