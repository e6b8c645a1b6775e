"""The only file that knows the order of the stages: a batch of records becomes messages, in one transaction.

    claim ─▶ parse ─▶ recognise ─▶ thread ─▶ understand ─▶ store (+ journal, announce) ─▶ receipts ─▶ mark

A record that cannot be parsed is set aside alone. When the database refuses a whole batch, the batch is halved until
the one record that it refuses stands alone, is set aside with the reason, and the rest has gone through.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError, InterfaceError, OperationalError, transaction

from comptoir.channels import services as channels
from comptoir.channels.models import ChannelAccount
from comptoir.channels.registry import channel
from comptoir.contacts.recognise import normalised, recognise, remember_claims
from comptoir.conversations import intake, threading
from comptoir.conversations.intake import Ready
from comptoir.core import clock, storage
from comptoir.core.crypto import derive_key
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.types import Inbound, InboundKind, ParseContext
from comptoir.inbound import log
from comptoir.inbound.log import Pending, Verdict
from comptoir.outbound import receipts
from comptoir.understanding.language import guess_language

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parsed:
    """One event of one record."""

    pending: Pending
    account: ChannelAccount
    event: Inbound


def digest_shards(shards: Sequence[int], *, limit: int) -> int:
    """Digest one batch of some shards; return how many records left the backlog (0: none, or others have them)."""
    with transaction.atomic():
        claimed = log.lock_shards(shards)
        batch = log.pending(claimed, limit=limit) if claimed else []
        if not batch:
            return 0
        verdicts = _digest(batch)
        log.mark(verdicts, at=clock.now())
        channels.note_events(account_ids=[p.account_id for p in batch], at=max(p.received_at for p in batch))
    return len(batch)


def _digest(batch: Sequence[Pending]) -> list[Verdict]:
    """Digest a batch under a savepoint; halve it when the database refuses it."""
    try:
        with transaction.atomic():
            return _walk(batch)
    except (OperationalError, InterfaceError):
        raise  # the server is gone or two batches collided: nothing is wrong with the records, try again later
    except (DatabaseError, ValueError, TypeError, KeyError, OverflowError) as error:
        if len(batch) == 1:
            logger.exception("record %s cannot be stored", batch[0].id)
            return [log.failed(batch[0], f"It was read, but could not be stored: {error}")]
        middle = len(batch) // 2
        return _digest(batch[:middle]) + _digest(batch[middle:])


def _walk(batch: Sequence[Pending]) -> list[Verdict]:
    """Lead a batch through the stages."""
    accounts = ChannelAccount.objects.in_bulk({p.account_id for p in batch})
    parsed, verdicts = _parse(batch, accounts)
    contacts = recognise([p.event.author for p in parsed])
    messages = [p for p in parsed if p.event.kind is InboundKind.MESSAGE]
    contact_of = [contacts[_key(p.event)] for p in messages]
    placed = threading.place(
        [
            threading.Candidate(p.account.pk, p.account.team_id, contact_id, p.event)
            for p, contact_id in zip(messages, contact_of, strict=True)
        ]
    )
    intake.store(
        [
            Ready(p.pending.id, p.account.pk, p.account.kind, contact_id, p.event, place, _language(p.event), _at(p))
            for p, contact_id, place in zip(messages, contact_of, placed, strict=True)
        ]
    )
    remember_claims([(contacts[_key(p.event)], extra) for p in parsed for extra in p.event.extra_identities])
    receipts.apply_receipts([p.event.receipt for p in parsed if p.event.receipt is not None])
    # A report that a mail is late or lost proves no arrival.
    answers = [p.event for p in messages if p.event.automatic != "bounce"]
    receipts.confirm_answered([i for event in answers for i in threading.cited(event)])
    return verdicts


def _parse(batch: Sequence[Pending], accounts: dict[int, ChannelAccount]) -> tuple[list[Parsed], list[Verdict]]:
    """Parse every record alone: what one record does never harms its neighbours."""
    parsed: list[Parsed] = []
    verdicts: list[Verdict] = []
    token_key = derive_key("reply-token")
    for pending in batch:
        account = accounts[pending.account_id]
        context = ParseContext(
            account.pk,
            account.address,
            account.options,
            pending.source,
            pending.received_at,
            pending.external_id,
            token_key,
        )
        try:
            events = channel(account.kind).parse(pending.raw, context, storage.put)
            if sum(event.kind is InboundKind.MESSAGE for event in events) > 1:
                raise AnomalousPayload("One record may hold only one message.")
        except UnsupportedEvent as reason:
            verdicts.append(log.ignored(pending, str(reason)))
        except AnomalousPayload as reason:
            verdicts.append(log.failed(pending, str(reason)))
        except OSError:
            raise  # the attachment storage is full or away: try the batch again later
        except Exception as error:  # a parser's own mistake must not stop the queue: set aside, told, replayable
            logger.exception("record %s cannot be parsed", pending.id)
            verdicts.append(log.failed(pending, f"The parser failed: {type(error).__name__}: {error}"))
        else:
            parsed.extend(Parsed(pending, account, event) for event in events)
            verdicts.append(log.done(pending))
    return parsed, verdicts


def _key(event: Inbound) -> tuple[str, str]:
    author = normalised(event.author)
    return author.kind, author.address


def _language(event: Inbound) -> str:
    return event.language or guess_language(event.visible_text or event.text or event.subject)


def _at(parsed: Parsed) -> datetime:
    """Return when a message counts as received: imported history keeps its own dates."""
    received = parsed.pending.received_at
    sent = parsed.event.sent_at
    return min(sent, received) if parsed.pending.source == "import" and sent else received
