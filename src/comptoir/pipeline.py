"""The only file that knows the order of the stages: a batch of records becomes messages, in one transaction.

    claim ─▶ parse ─▶ recognise ─▶ thread ─▶ understand ─▶ store (+ journal, announce)
          ─▶ our own messages told back ─▶ edits, deletions, reactions ─▶ receipts ─▶ mark

A record that cannot be parsed is set aside alone. When the database refuses a whole batch, the batch is halved until
the one record that it refuses stands alone, is set aside with the reason, and the rest has gone through.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError, InterfaceError, OperationalError, transaction

from comptoir.channels import services as channels
from comptoir.channels.models import ChannelAccount
from comptoir.channels.registry import channel
from comptoir.contacts.recognise import normalised, recognise, remember_claims
from comptoir.conversations import amending, intake, threading
from comptoir.conversations.intake import Ready
from comptoir.core import clock, storage
from comptoir.core.crypto import derive_key
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.types import Author, Inbound, InboundKind, ParseContext
from comptoir.inbound import log
from comptoir.inbound.log import Pending, Verdict
from comptoir.inbound.models import RecordState
from comptoir.outbound import echoes, receipts
from comptoir.understanding.language import guess_language

logger = logging.getLogger(__name__)

OF_PEOPLE = frozenset({InboundKind.MESSAGE, InboundKind.CONTACT, InboundKind.OWN})  # the others make no contact
STRANGE = "It is about a message or a thread that is not here: older than the connection, or not ours."


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
        now = clock.now()
        log.mark(verdicts, at=now)
        account_of = {pending.id: pending.account_id for pending in batch}
        channels.note_day(at=now, done=_of(verdicts, account_of, RecordState.DONE),
                          ignored=_of(verdicts, account_of, RecordState.IGNORED),
                          failed=_of(verdicts, account_of, RecordState.FAILED))  # fmt: skip
        channels.note_events(account_ids=account_of.values(), at=max(p.received_at for p in batch))
    return len(batch)


def _of(verdicts: Sequence[Verdict], account_of: Mapping[int, int], state: RecordState) -> Counter[int]:
    return Counter(account_of[verdict.record_id] for verdict in verdicts if verdict.state == state)


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
    known = [p for p in parsed if p.event.kind in OF_PEOPLE and not _is_to_nobody(p.event)]
    contacts = recognise([_person(p.event) for p in known])
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
    remember_claims([(contacts[_key(p.event)], extra) for p in known for extra in p.event.extra_identities])
    own = [p for p in parsed if p.event.kind is InboundKind.OWN]
    strange = echoes.take_in([_echo(p, contacts.get(_key(p.event))) for p in own])
    strange += amending.amend(
        [amending.Change(p.pending.id, p.account.pk, p.event, _at(p)) for p in parsed
         if p.event.kind in amending.AMENDING]
    )  # fmt: skip
    told = [p for p in parsed if p.event.receipt is not None and p.event.kind is not InboundKind.OWN]
    receipts.apply_receipts(
        [receipts.Told(p.account.pk, p.event.thread_key, p.event.receipt) for p in told if p.event.receipt is not None]
    )
    # A report that a mail is late or lost proves no arrival.
    answers = [p.event for p in messages if p.event.automatic != "bounce"]
    receipts.confirm_answered([i for event in answers for i in threading.cited(event)])
    return _about_strangers(verdicts, batch, strange)


def _is_to_nobody(event: Inbound) -> bool:
    """Whether a message of ours names nobody (an answer in a public thread): it makes no contact."""
    return event.kind is InboundKind.OWN and not event.to


def _echo(parsed: Parsed, contact_id: int | None) -> echoes.Echo:
    account, event = parsed.account, parsed.event
    return echoes.Echo(
        parsed.pending.id, account.pk, account.team_id, account.kind, contact_id, event, _language(event), _at(parsed)
    )


def _about_strangers(verdicts: Sequence[Verdict], batch: Sequence[Pending], strange: Sequence[int]) -> list[Verdict]:
    """Say of events about a message that we do not have that they changed nothing."""
    by_id = {pending.id: pending for pending in batch}
    return [
        log.ignored(by_id[verdict.record_id], STRANGE) if verdict.record_id in strange else verdict
        for verdict in verdicts
    ]


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
            if sum(event.kind in {InboundKind.MESSAGE, InboundKind.OWN} for event in events) > 1:
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


def _person(event: Inbound) -> Author:
    """Return the customer of an event: its author, or whom our own message was written to."""
    return event.to[0] if event.kind is InboundKind.OWN and event.to else event.author


def _key(event: Inbound) -> tuple[str, str]:
    person = normalised(_person(event))
    return person.kind, person.address


def _language(event: Inbound) -> str:
    return event.language or guess_language(event.visible_text or event.text or event.subject)


def _at(parsed: Parsed) -> datetime:
    """Return when a message counts as received: imported history keeps its own dates."""
    received = parsed.pending.received_at
    sent = parsed.event.sent_at
    return min(sent, received) if parsed.pending.source == "import" and sent else received
