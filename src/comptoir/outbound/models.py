"""Deliveries: the outbox. The row is the job (see docs/adr): no second table says what must still be sent.

INV-03: a delivery is claimed by compare-and-set before the network is touched; `handed_over_at` is committed just
before the provider could accept it. A claim that dies before is retried; one that dies after is 'unconfirmed'.
"""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class DeliveryState(models.TextChoices):
    """What is known about one outgoing message."""

    QUEUED = "queued", _("Queued")
    SENDING = "sending", _("Sending")
    SENT = "sent", _("Sent")
    DELIVERED = "delivered", _("Delivered")
    FAILED = "failed", _("Failed")
    UNCONFIRMED = "unconfirmed", _("Unconfirmed")
    CANCELLED = "cancelled", _("Cancelled")


class Delivery(models.Model):
    """One message of ours on its way to a platform."""

    message = models.OneToOneField("conversations.Message", on_delete=models.CASCADE, related_name="delivery")
    account = models.ForeignKey("channels.ChannelAccount", on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=200, unique=True)  # idempotency key; for e-mail the Message-ID
    envelope = models.JSONField()  # what Outbound needs beyond the message: to, cc, in_reply_to, references, …
    state = models.CharField(max_length=12, choices=DeliveryState.choices, default=DeliveryState.QUEUED)
    reason = models.TextField(blank=True)
    provider_id = models.CharField(max_length=300, blank=True)
    attempts = models.SmallIntegerField(default=0)
    due_at = models.DateTimeField()  # undo window, schedule or retry: not before this instant
    scheduled_for = models.DateTimeField(null=True)  # the agent asked for this instant
    claimed_at = models.DateTimeField(null=True)
    handed_over_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            # The sender: what is due, oldest first.
            models.Index(fields=["due_at", "id"], condition=Q(state="queued"), name="delivery_due"),
            # The reconciler: claims whose process died.
            models.Index(fields=["claimed_at"], condition=Q(state="sending"), name="delivery_claimed"),
            # The health page: what needs a person.
            models.Index(
                fields=["account", "-id"], condition=Q(state__in=["failed", "unconfirmed"]), name="delivery_troubled"
            ),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk} ({self.state})"
