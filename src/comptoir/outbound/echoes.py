"""Messages of ours, as platforms tell them back: sent from here, or by a colleague in the platform's own app.

What left from here is recognised by our key, by the platform's id, or, while the answer to our own request is still
under way, by its thread and text; an echo then proves the arrival. What was written elsewhere becomes a message of ours
without a delivery: it answers the customer as any answer does.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from comptoir.conversations import intake, threading
from comptoir.conversations.intake import Ready
from comptoir.conversations.models import Conversation
from comptoir.conversations.services import lock, refresh_waiting
from comptoir.core.types import Delivered, Inbound, Receipt
from comptoir.outbound.models import Delivery, DeliveryState, Part
from comptoir.outbound.receipts import Told, apply_receipts, keep_part

PART_LEAST = 40  # characters: shorter texts are not parts of longer ones
UNDER_WAY = timedelta(minutes=10)  # how far apart our sending and its echo may be


@dataclass(frozen=True, slots=True)
class Echo:
    """An event of kind OWN; `contact_id` is the customer it was written to, None where it names none."""

    record_id: int
    account_id: int
    team_id: int
    channel: str
    contact_id: int | None
    event: Inbound
    language: str
    at: datetime


def take_in(echoes: Sequence[Echo]) -> list[int]:
    """Recognise what we sent, and keep what we did not send from here. Needs a transaction.

    Returns the records that were passed over: what we wrote to nobody in a thread that is not here.
    """
    strange = [echo for echo in echoes if not _is_ours(echo)]
    found = [(echo, contact) for echo in strange if (contact := _contact(echo)) is not None]
    if not found:
        return [echo.record_id for echo in strange]
    placed = threading.place(
        [threading.Candidate(echo.account_id, echo.team_id, contact, echo.event) for echo, contact in found]
    )
    intake.store(
        [
            Ready(echo.record_id, echo.account_id, echo.channel, contact, echo.event, place, echo.language, echo.at,
                  is_ours=True)
            for (echo, contact), place in zip(found, placed, strict=True)
        ]
    )  # fmt: skip
    for number in sorted({place.place.id for place in placed}):
        refresh_waiting(lock(Conversation(pk=number)))
    kept = {echo.record_id for echo, _contact_id in found}
    return [echo.record_id for echo in strange if echo.record_id not in kept]


def _contact(echo: Echo) -> int | None:
    """Return the customer of an echo: named by it, or the one of its thread."""
    if echo.contact_id is not None or not echo.event.thread_key:
        return echo.contact_id
    threads = Conversation.objects.filter(account_id=echo.account_id, thread_key=echo.event.thread_key)
    return threads.values_list("contact_id", flat=True).first()


def _is_ours(echo: Echo) -> bool:
    """Whether a message left from here; if so, that it arrived is written down."""
    event = echo.event
    if Part.objects.filter(account_id=echo.account_id, provider_id=event.message_id).exists():
        return True
    delivery = _by_key(echo) or _under_way(echo)
    if delivery is None:
        return False
    keep_part(delivery=delivery, provider_id=event.message_id)
    if _is_part(_folded(event.text), _folded(delivery.message.text)):
        return True  # it proves nothing of the other parts
    apply_receipts([Told(echo.account_id, event.thread_key, Receipt(delivery.key, Delivered.SENT, event.message_id))])
    return True


def _by_key(echo: Echo) -> Delivery | None:
    key = echo.event.receipt.key if echo.event.receipt else ""
    return Delivery.objects.filter(account_id=echo.account_id, key=key).first() if key else None


def _under_way(echo: Echo) -> Delivery | None:
    """Return the delivery whose answer from the platform has not come yet, by its thread and its text."""
    states = [DeliveryState.SENDING, DeliveryState.UNCONFIRMED]
    found = Delivery.objects.filter(
        account_id=echo.account_id, state__in=states, claimed_at__gte=echo.at - UNDER_WAY,
        message__conversation__thread_key=echo.event.thread_key, message__conversation__account_id=echo.account_id,
    )  # fmt: skip
    said = _folded(echo.event.text)
    rows = list(found.select_related("message").order_by("id"))
    near = [row for row in rows if _folded(row.message.text) == said]
    return next(iter(near or [row for row in rows if _is_part(said, _folded(row.message.text))]), None)


def _folded(text: str) -> str:
    return " ".join(text.split())


def _is_part(said: str, whole: str) -> bool:
    """Whether a text is one of the parts in which another leaves; parts may be numbered at their end."""
    bare = re.sub(r" \(\d+/\d+\)$", "", said)
    return len(bare) >= PART_LEAST and bare != whole and bare in whole
