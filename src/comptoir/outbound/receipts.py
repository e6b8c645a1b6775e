"""What platforms and customers tell about our messages: receipts, bounces, and answers, which prove an arrival."""

from collections.abc import Sequence

from comptoir.conversations.services import lock, refresh_waiting
from comptoir.core import bulk, clock
from comptoir.core.types import Receipt
from comptoir.journal import services as journal
from comptoir.outbound.models import Delivery
from comptoir.outbound.rules import may_become


def apply_receipts(receipts: Sequence[Receipt]) -> None:
    """Apply receipts to their deliveries; unknown keys and steps backwards are ignored. Needs a transaction."""
    if not receipts:
        return
    keys = {receipt.key for receipt in receipts}
    rows = (
        Delivery.objects.filter(key__in=keys)
        .select_related("message__conversation")
        .order_by("message__conversation_id")
    )
    by_key = {row.key: row for row in rows}
    for receipt in receipts:
        delivery = by_key.get(receipt.key)
        if delivery is None:
            continue
        conversation = lock(delivery.message.conversation)
        row = Delivery.objects.select_for_update().get(pk=delivery.pk)
        if not may_become(row.state, receipt.state):
            continue
        row.state, row.reason, row.finished_at = receipt.state, receipt.reason[:2000], clock.now()
        row.save(update_fields=["state", "reason", "finished_at"])
        refresh_waiting(conversation)
        journal.append(
            actor=journal.SYSTEM, kind=f"reply.{receipt.state}", conversation_id=conversation.pk,
            contact_id=conversation.contact_id, message_id=row.message_id, facts={"reason": row.reason},
        )  # fmt: skip


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
