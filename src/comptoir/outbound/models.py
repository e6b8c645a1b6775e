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
    READ = "read", _("Read")
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


class Part(models.Model):
    """What a platform has of a delivery, under its own id: a long text leaves in several parts.

    A row is committed as soon as the platform has told the id, so that an attempt which follows goes on after it, and
    receipts and echoes find their delivery.
    """

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="parts")
    account = models.ForeignKey("channels.ChannelAccount", on_delete=models.PROTECT, related_name="+", db_index=False)
    number = models.SmallIntegerField()  # from 0
    provider_id = models.CharField(max_length=300)
    state = models.CharField(max_length=12, choices=DeliveryState.choices, default=DeliveryState.SENT)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "provider_id"], name="part_once")]

    def __str__(self) -> str:
        return f"part {self.number} of {self.delivery_id}"


class EarlyReceipt(models.Model):
    """A receipt that came before the answer to our own request: applied when the part is known, else forgotten."""

    account = models.ForeignKey("channels.ChannelAccount", on_delete=models.CASCADE, related_name="+", db_index=False)
    provider_id = models.CharField(max_length=300)
    state = models.CharField(max_length=12, choices=DeliveryState.choices)
    reason = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "provider_id", "state"], name="early_receipt_once"),
        ]

    def __str__(self) -> str:
        return f"{self.state} of {self.provider_id}"
