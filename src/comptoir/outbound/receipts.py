"""What platforms and customers tell about our messages: receipts, bounces, and answers, which prove an arrival.

A receipt names a delivery by our key, or a part of one by the platform's id; a watermark means everything in a thread
up to an instant. Platforms tell them out of order and more than once, and sometimes before they have answered our own
request: what names a part that is not known yet is kept for a day and applied when it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from comptoir.conversations.services import lock, refresh_waiting
from comptoir.core import bulk, clock
from comptoir.core.types import Delivered, Receipt
from comptoir.journal import services as journal
from comptoir.outbound.models import Delivery, DeliveryState, EarlyReceipt, Part
from comptoir.outbound.rules import further, may_become, of_parts

EARLY = timedelta(days=1)
MARKED = 200  # deliveries of a thread that one watermark reaches, newest first


@dataclass(frozen=True, slots=True)
class Told:
    """A receipt, and from which account and thread it came."""

    account_id: int
    thread_key: str
    receipt: Receipt


def apply_receipts(told: Sequence[Told]) -> None:
    """Apply receipts to their deliveries; unknown keys and steps backwards change nothing. Needs a transaction."""
    steps: dict[int, list[tuple[str, str]]] = {}  # delivery → (state, reason), in the order in which they came
    by_key = _by_key({one.receipt.key for one in told if one.receipt.key})
    for one in told:
        receipt = one.receipt
        if receipt.key:
            found: Iterable[int] = [by_key[receipt.key]] if receipt.key in by_key else ()
        elif receipt.up_to is not None:
            found = _up_to(one, receipt.up_to)
        else:
            found, receipt = _of_part(one)
        for delivery_id in found:
            steps.setdefault(delivery_id, []).append((receipt.state.value, receipt.reason))
    _take(steps)


def _by_key(keys: set[str]) -> Mapping[str, int]:
    return dict(Delivery.objects.filter(key__in=keys).values_list("key", "pk")) if keys else {}


def _up_to(one: Told, at: datetime) -> list[int]:
    """Return the deliveries of a thread that had left by an instant and are not yet as far as the watermark says."""
    # Not what is unconfirmed: that a later message was seen proves nothing of one that may never have left (INV-03).
    behind = ["sent"] + (["delivered"] if one.receipt.state is Delivered.READ else [])
    found = Delivery.objects.filter(
        account_id=one.account_id, message__conversation__thread_key=one.thread_key,
        message__conversation__account_id=one.account_id, state__in=behind, claimed_at__lte=at,
    )  # fmt: skip
    return list(found.order_by("-id").values_list("pk", flat=True)[:MARKED])


def _of_part(one: Told) -> tuple[list[int], Receipt]:
    """Take a receipt in at its part; return the delivery whose state it changed, and the state of the whole."""
    receipt = one.receipt
    part = Part.objects.select_for_update().filter(account_id=one.account_id, provider_id=receipt.provider_id).first()
    if part is None:
        if receipt.provider_id:
            EarlyReceipt.objects.get_or_create(
                account_id=one.account_id, provider_id=receipt.provider_id[:300], state=receipt.state.value,
                defaults={"reason": receipt.reason[:2000], "at": clock.now()},
            )  # fmt: skip
        return [], receipt
    if not further(part.state, receipt.state):
        return [], receipt
    part.state = receipt.state.value
    part.save(update_fields=["state"])
    states = list(Part.objects.filter(delivery_id=part.delivery_id).values_list("state", flat=True))
    whole = of_parts(states)
    return [part.delivery_id], Receipt("", type(receipt.state)(whole), reason=receipt.reason)


def _take(steps: Mapping[int, Sequence[tuple[str, str]]]) -> None:
    """Let deliveries take the steps that are allowed, one conversation after the other."""
    rows = Delivery.objects.filter(pk__in=steps).select_related("message__conversation")
    for delivery in rows.order_by("message__conversation_id", "id"):
        conversation = lock(delivery.message.conversation)
        row = Delivery.objects.select_for_update().get(pk=delivery.pk)
        if row.state == DeliveryState.SENDING:
            continue  # its sender is about to write down how far it is, with what its parts have been told
        for state, reason in steps[row.pk]:
            if not may_become(row.state, state):
                continue
            row.state, row.reason, row.finished_at = state, reason[:2000], clock.now()
            journal.append(
                actor=journal.SYSTEM, kind=f"reply.{state}", conversation_id=conversation.pk,
                contact_id=conversation.contact_id, message_id=row.message_id, facts={"reason": row.reason},
            )  # fmt: skip
        row.save(update_fields=["state", "reason", "finished_at"])
        refresh_waiting(conversation)


@transaction.atomic
def keep_part(*, delivery: Delivery, provider_id: str) -> None:
    """Write down what the platform calls a part that has left, with what it has told about it already."""
    number = Part.objects.filter(delivery=delivery).count()
    early = list(EarlyReceipt.objects.filter(account_id=delivery.account_id, provider_id=provider_id))
    state = DeliveryState.SENT.value
    for receipt in early:
        state = receipt.state if further(state, receipt.state) else state
        receipt.delete()
    Part.objects.get_or_create(
        account_id=delivery.account_id, provider_id=provider_id[:300],
        defaults={"delivery": delivery, "number": number, "state": state},
    )  # fmt: skip


def forget_early(*, at: datetime) -> None:
    """Drop receipts of messages that were never ours."""
    EarlyReceipt.objects.filter(at__lt=at - EARLY).delete()


ANSWERED = """
UPDATE outbound_delivery d SET state = 'delivered', finished_at = %s
FROM conversations_message m
WHERE d.key = ANY(%s) AND d.state IN ('sent', 'unconfirmed') AND m.id = d.message_id
RETURNING m.conversation_id, m.id, d.id
"""


def confirm_answered(message_ids: Sequence[str]) -> None:
    """Mark the messages of ours that an answer cites as delivered: nobody answers what never arrived."""
    if not message_ids:
        return
    rows = bulk.fetch_all(ANSWERED, [clock.now(), sorted(set(message_ids))])
    journal.append_all(
        [
            journal.Entry(
                journal.SYSTEM,
                "reply.delivered",
                conversation_id,
                None,
                message_id,
                {"delivery": delivery_id, "reason": "answered"},
            )
            for conversation_id, message_id, delivery_id in rows
        ]
    )
