"""Messages of ours, as platforms tell them back: sent from here, or by a colleague in the platform's own app.

What left from here is recognised by our key, by the platform's id, or, while the answer to our own request is still
under way, by its thread and text; an echo then proves the arrival. What was written elsewhere becomes a message of ours
without a delivery: it answers the customer as any answer does.
"""

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

UNDER_WAY = timedelta(minutes=10)  # how far apart our sending and its echo may be


@dataclass(frozen=True, slots=True)
class Echo:
    """An event of kind OWN; `contact_id` is the customer it was written to."""

    record_id: int
    account_id: int
    team_id: int
    channel: str
    contact_id: int
    event: Inbound
    language: str
    at: datetime


def take_in(echoes: Sequence[Echo]) -> None:
    """Recognise what we sent, and keep what we did not send from here. Needs a transaction."""
    strange = [echo for echo in echoes if not _is_ours(echo)]
    if not strange:
        return
    placed = threading.place(
        [threading.Candidate(echo.account_id, echo.team_id, echo.contact_id, echo.event) for echo in strange]
    )
    intake.store(
        [
            Ready(echo.record_id, echo.account_id, echo.channel, echo.contact_id, echo.event, place, echo.language,
                  echo.at, is_ours=True)
            for echo, place in zip(strange, placed, strict=True)
        ]
    )  # fmt: skip
    for number in sorted({place.place.id for place in placed}):
        refresh_waiting(lock(Conversation(pk=number)))


def _is_ours(echo: Echo) -> bool:
    """Whether a message left from here; if so, that it arrived is written down."""
    event = echo.event
    if Part.objects.filter(account_id=echo.account_id, provider_id=event.message_id).exists():
        return True
    delivery = _by_key(echo) or _under_way(echo)
    if delivery is None:
        return False
    keep_part(delivery=delivery, provider_id=event.message_id)
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
    said = " ".join(echo.event.text.split())
    near = [row for row in found.select_related("message").order_by("id") if " ".join(row.message.text.split()) == said]
    return near[0] if near else None
