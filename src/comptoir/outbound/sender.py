"""The sender: claims what is due, sends it outside any transaction, records what became of it (INV-03).

Claim, hand-over and end are three commits. A process that dies between claim and hand-over sent nothing: the claim
falls back into the queue. One that dies after the hand-over leaves a doubt: 'unconfirmed', looked up at the provider
where it can be, shown to people where it cannot, and never sent again by a machine that does not know.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from comptoir.channels import services as channels
from comptoir.channels.base import Capability, Rate
from comptoir.channels.registry import channel
from comptoir.conversations.models import Message
from comptoir.conversations.services import lock, refresh_waiting
from comptoir.core import bulk, clock, ratelimit, storage
from comptoir.core.crypto import derive_key, sign_number
from comptoir.core.errors import ChannelError, Conflict, DoubtfulDelivery
from comptoir.core.types import Author, Delivered, Outbound, OutboundFile, Receipt, Template
from comptoir.journal import services as journal
from comptoir.outbound.models import Delivery, DeliveryState
from comptoir.outbound.receipts import keep_part
from comptoir.outbound.rules import of_parts, retry_after

logger = logging.getLogger(__name__)

CLAIM = """
UPDATE outbound_delivery SET state = 'sending', claimed_at = %s, handed_over_at = NULL, attempts = attempts + 1
WHERE id = (SELECT d.id FROM outbound_delivery d WHERE d.state = 'queued' AND d.due_at <= %s AND NOT EXISTS (
                SELECT FROM channels_accounthealth h WHERE h.account_id = d.account_id
                AND (h.revoked_at IS NOT NULL OR h.paused_until > d.due_at AND h.paused_until > %s))
            ORDER BY d.due_at, d.id LIMIT 1 FOR UPDATE OF d SKIP LOCKED)
RETURNING id
"""
HAND_OVER = """
UPDATE outbound_delivery SET handed_over_at = %s WHERE id = %s AND state = 'sending' AND claimed_at = %s RETURNING id
"""
NEXT_DUE = """
SELECT min(greatest(d.due_at, h.paused_until)) FROM outbound_delivery d
LEFT JOIN channels_accounthealth h ON h.account_id = d.account_id
WHERE d.state = 'queued' AND h.revoked_at IS NULL
"""


def seconds_until_due(*, longest: float) -> float:
    """Return how long the sender may sleep."""
    due = bulk.fetch_all(NEXT_DUE, [])[0][0]
    return longest if due is None else min(longest, max(0.0, (due - clock.now()).total_seconds()))


def send_one() -> bool:
    """Claim and send the next due delivery; False when nothing is due."""
    now = clock.now()
    rows = bulk.fetch_all(CLAIM, [now, now, now])
    if not rows:
        return False
    delivery = _load(rows[0][0])
    if wait := _wait(delivery, now):
        _put_back(delivery, due_at=now + timedelta(seconds=wait), is_attempt=False)
        return True
    try:
        receipt = _send(delivery)
    except Conflict:
        logger.warning("delivery %s: the claim was lost before the hand-over; nothing was sent", delivery.pk)
    except DoubtfulDelivery as error:
        _finish(delivery, Receipt(delivery.key, Delivered.UNCONFIRMED, reason=str(error)))
    except ChannelError as error:
        _refused(delivery, error)
    except Exception as error:  # an adapter's own mistake: before the hand-over it failed, after it nobody knows
        logger.exception("delivery %s", delivery.pk)
        delivery.refresh_from_db(fields=["handed_over_at"])
        state = Delivered.UNCONFIRMED if delivery.handed_over_at else Delivered.FAILED
        _finish(delivery, Receipt(delivery.key, state, reason=f"{type(error).__name__}: {error}"))
    else:
        _finish(delivery, receipt)
    return True


def _load(delivery_id: int) -> Delivery:
    return Delivery.objects.select_related("account", "message__conversation__contact", "message__user").get(
        pk=delivery_id
    )


def _wait(delivery: Delivery, now: datetime) -> float:
    """Return how many seconds the platform's limits let this message wait; all senders count together."""
    is_public = bool(delivery.envelope.get("is_public"))
    for rate in channel(delivery.account.kind).rates:
        if rate.is_public not in {None, is_public}:
            continue
        if wait := ratelimit.take(_limit(rate), delivery.account_id, *_whom(rate, delivery), at=now):
            return wait
    return 0.0


def _limit(rate: Rate) -> ratelimit.Limit:
    return ratelimit.Limit(f"send-{rate.name}", rate.count, rate.per)


def _whom(rate: Rate, delivery: Delivery) -> list[str]:
    to = delivery.envelope["to"]
    return [to[0]["address"]] if rate.each and to else []


def _send(delivery: Delivery) -> Receipt:
    send = channel(delivery.account.kind).send
    if send is None:
        raise ChannelError("This channel cannot send.", permanent=True)
    return send(outbound_of(delivery), channels.account_config(delivery.account), _HandOver(delivery))


class _HandOver:
    """What a channel tells while it sends (channels.base.HandOver); each step is a commit of its own."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._sent: list[str] | None = None

    @property
    def sent(self) -> Sequence[str]:
        """The platform's ids of the parts that have left already."""
        if self._sent is None:
            self._sent = list(self._delivery.parts.order_by("number").values_list("provider_id", flat=True))
        return self._sent

    def __call__(self) -> None:
        """Commit the hand-over; raises Conflict when the claim is no longer ours."""
        if not bulk.fetch_all(HAND_OVER, [clock.now(), self._delivery.pk, self._delivery.claimed_at]):
            raise Conflict("The claim was lost.")

    def keep(self, provider_id: str) -> None:
        """Commit that the platform has a part; what comes after it is not handed over yet."""
        self._sent = [*self.sent, provider_id]
        with transaction.atomic():
            keep_part(delivery=self._delivery, provider_id=provider_id)
            Delivery.objects.filter(pk=self._delivery.pk).update(handed_over_at=None)


def _quoted(envelope: dict[str, Any]) -> Message | None:
    return Message.objects.filter(pk=envelope.get("quoted") or 0).first()


def outbound_of(delivery: Delivery) -> Outbound:
    """Return the complete message for the channel."""
    message, envelope = delivery.message, delivery.envelope
    conversation = message.conversation
    quoted = _quoted(envelope)
    kind = channel(delivery.account.kind).identity_kind
    attachments = list(message.attachments.all())
    if envelope.get("forward") and quoted is not None:
        attachments += list(quoted.attachments.all())
    return Outbound(
        key=delivery.key,
        text=message.text,
        to=tuple(Author(kind, p["address"], p["name"]) for p in envelope["to"]),
        cc=tuple(Author(kind, p["address"], p["name"]) for p in envelope["cc"]),
        subject=envelope["subject"] or reply_subject(conversation.subject, forward=bool(envelope.get("forward"))),
        thread_key=envelope["thread_key"],
        in_reply_to=envelope["in_reply_to"],
        references=tuple(envelope["references"]),
        reply_token=sign_number(conversation.pk, key=derive_key("reply-token")),
        from_name=message.user.name if message.user else "",
        signature=delivery.account.signature,
        files=tuple(OutboundFile(a.filename, a.content_type, storage.get(a.key)) for a in attachments if a.key),
        quoted=history(quoted, forward=bool(envelope.get("forward"))) if quoted else "",
        automatic=bool(message.automatic),
        is_public=bool(envelope.get("is_public")),
        answers=envelope.get("answers") or {},
        template=_template(envelope.get("template")),
        choices=tuple(envelope.get("choices") or ()),
        is_late=bool(envelope.get("is_late")),
    )


def _template(kept: dict[str, Any] | None) -> Template | None:
    return Template(kept["name"], kept["language"], tuple(kept["values"])) if kept else None


def reply_subject(subject: str, *, forward: bool) -> str:
    """Return the subject of an answer or of a forward, marked as such once."""
    prefix = "Fwd" if forward else "Re"
    return (
        subject
        if subject[:4].lower().startswith(f"{prefix.lower()}:")
        else f"{prefix}: {subject}".rstrip(": ") or prefix
    )


def history(message: Message, *, forward: bool) -> str:
    """Return the quoted message under its heading, in the language of the conversation."""
    who = message.author_name or message.author_address
    when = f"{message.sent_at:%d/%m/%Y %H:%M} UTC"
    if forward:
        return f"---------- {who} <{message.author_address}>, {when} ----------\n{message.text}"
    heading = f"Le {when}, {who} a écrit :" if message.language == "fr" else f"On {when}, {who} wrote:"
    return heading + "\n" + "\n".join(f"> {line}" for line in message.body.splitlines())


def _refused(delivery: Delivery, error: ChannelError) -> None:
    """The provider said no, or could not be reached, and certainly has nothing: try later, or give up in words."""
    now = clock.now()
    if error.is_revoked:  # the message waits until somebody has connected the account anew
        channels.note_revoked(account_id=delivery.account_id, at=now, reason=str(error))
        _put_back(delivery, due_at=now, reason=str(error), is_attempt=False)
        return
    if error.of_account:
        channels.note_error(account_id=delivery.account_id, at=now, reason=str(error))
        if error.retry_after is not None and not error.permanent:
            until = now + timedelta(seconds=error.retry_after)
            channels.note_paused(account_id=delivery.account_id, until=until)
            _put_back(delivery, due_at=until, reason=str(error), is_attempt=False)
            return
    wait = None if error.permanent else retry_after(delivery.attempts, asked=error.retry_after)
    if wait is None:
        _finish(delivery, Receipt(delivery.key, Delivered.FAILED, reason=str(error)))
        return
    _put_back(delivery, due_at=now + wait, reason=str(error))


def _put_back(delivery: Delivery, *, due_at: datetime, reason: str = "", is_attempt: bool = True) -> None:
    """Give a claim back: the message is tried again at an instant."""
    with transaction.atomic():
        changed = Delivery.objects.filter(pk=delivery.pk, state=DeliveryState.SENDING, claimed_at=delivery.claimed_at)
        attempts = delivery.attempts if is_attempt else max(0, delivery.attempts - 1)
        changed.update(
            state=DeliveryState.QUEUED, due_at=due_at, reason=reason[:2000], handed_over_at=None, attempts=attempts
        )
        journal.announce({"conversations": [delivery.message.conversation_id]})


def _finish(delivery: Delivery, receipt: Receipt) -> None:
    """Record the end of a claim; a claim that was given up as dead meanwhile may still correct 'unconfirmed'."""
    has_left = receipt.state in {Delivered.SENT, Delivered.DELIVERED}
    if has_left and receipt.provider_id and _is_followed(delivery):
        keep_part(delivery=delivery, provider_id=receipt.provider_id)
    with transaction.atomic():
        conversation = lock(delivery.message.conversation)
        row = Delivery.objects.select_for_update().get(pk=delivery.pk)
        if row.claimed_at != delivery.claimed_at or row.state not in {DeliveryState.SENDING, DeliveryState.UNCONFIRMED}:
            return
        row.state, row.reason, row.provider_id = receipt.state, receipt.reason[:2000], receipt.provider_id[:300]
        if has_left and (told := list(row.parts.values_list("state", flat=True))):
            row.state = of_parts(told)  # receipts may have come before the answer
        row.finished_at = clock.now()
        row.save(update_fields=["state", "reason", "provider_id", "finished_at"])
        if receipt.state in {Delivered.FAILED, Delivered.UNCONFIRMED}:
            refresh_waiting(conversation)
        journal.append(
            actor=journal.SYSTEM, kind=f"reply.{row.state}", conversation_id=conversation.pk,
            contact_id=conversation.contact_id, message_id=row.message_id,
            facts={"delivery": row.pk, "reason": row.reason},
        )  # fmt: skip
    if has_left:
        channels.note_connected(account_id=delivery.account_id, at=clock.now())


def _is_followed(delivery: Delivery) -> bool:
    """Whether the platform will name this message by its own id later: in a receipt, an echo, a reaction."""
    wanted = {Capability.RECEIPTS, Capability.ECHOES, Capability.REACTIONS, Capability.DELETIONS, Capability.PUBLIC}
    return bool(wanted & channel(delivery.account.kind).capabilities)


def recover_claims(*, at: datetime) -> int:
    """Take care of claims whose process died: back into the queue, or unconfirmed and looked up. Return how many."""
    dead = Delivery.objects.filter(
        state=DeliveryState.SENDING, claimed_at__lt=at - timedelta(seconds=settings.SEND_LEASE)
    )
    recovered = 0
    for row in dead[:100]:
        claim = Delivery.objects.filter(pk=row.pk, state=DeliveryState.SENDING, claimed_at=row.claimed_at)
        if row.handed_over_at is None:
            # The claim's CAS in HAND_OVER makes this safe even if that process only slept.
            recovered += claim.filter(handed_over_at=None).update(state=DeliveryState.QUEUED, due_at=at)
        else:
            _finish(_load(row.pk), Receipt(row.key, Delivered.UNCONFIRMED, reason="The program stopped while sending."))
            reconcile_one(row.pk)
            recovered += 1
    return recovered


def reconcile_one(delivery_id: int) -> None:
    """Ask the provider what became of an unconfirmed delivery, where it can tell."""
    delivery = _load(delivery_id)
    reconcile = channel(delivery.account.kind).reconcile
    if reconcile is None or delivery.state != DeliveryState.UNCONFIRMED:
        return
    try:
        receipt = reconcile(outbound_of(delivery), channels.account_config(delivery.account))
    except ChannelError as error:
        logger.warning("delivery %s cannot be looked up: %s", delivery_id, error)
        return
    if receipt is None:
        return
    if receipt.state is Delivered.QUEUED:  # the provider is certain that it never came
        Delivery.objects.filter(pk=delivery_id, state=DeliveryState.UNCONFIRMED).update(
            state=DeliveryState.QUEUED, due_at=clock.now(), claimed_at=None, handed_over_at=None
        )
        return
    _finish(delivery, receipt)
