"""The inbound log (INV-01, INV-02): raw bytes, committed before anything is acknowledged."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class RecordState(models.IntegerChoices):
    """Where a record stands."""

    PENDING = 0, "pending"
    DONE = 1, "done"
    FAILED = 2, "failed"  # set aside with its reason; can be replayed
    IGNORED = 3, "ignored"  # known and of no interest, with its reason


class Record(models.Model):
    """One delivery of a platform, as it came."""

    account = models.ForeignKey("channels.ChannelAccount", on_delete=models.PROTECT, related_name="+")
    external_id = models.CharField(max_length=300)
    shard = models.SmallIntegerField()
    source = models.CharField(max_length=12)  # webhook, imap, import, form, chat, sandbox
    content_type = models.CharField(max_length=100, default="application/json")
    raw = models.BinaryField()
    state = models.SmallIntegerField(choices=RecordState.choices, default=RecordState.PENDING)
    reason = models.TextField(blank=True)
    attempts = models.SmallIntegerField(default=0)
    received_at = models.DateTimeField()
    digested_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # INV-02: a second delivery of the same thing finds this row and is acknowledged without effect.
            models.UniqueConstraint(fields=["account", "external_id"], name="record_once"),
        ]
        indexes = [
            # The digest loop: the oldest pending records of one shard.
            models.Index(fields=["shard", "id"], condition=Q(state=0), name="record_pending_by_shard"),
            # The Intake page and the health page: what was set aside, newest first.
            models.Index(fields=["account", "-id"], condition=Q(state=2), name="record_failed"),
            # The Intake page of one account, newest first.
            models.Index(fields=["account", "-id"], name="record_by_account"),
        ]

    def __str__(self) -> str:
        return f"record {self.pk} ({self.get_state_display()})"


class Refusal(models.Model):
    """Requests of one kind that left no record: refused at the door, or of no use. One row a day, account and reason.

    A stranger can send what they like: rows are counted and not added, and only the last request is kept as a sample.
    """

    class Kind(models.TextChoices):
        """What the platform was answered."""

        REFUSED = "refused", _("Refused")
        IGNORED = "ignored", _("Ignored")

    account = models.ForeignKey("channels.ChannelAccount", on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    kind = models.CharField(max_length=8, choices=Kind.choices)
    reason = models.CharField(max_length=300)
    count = models.IntegerField(default=1)
    last_at = models.DateTimeField()
    sample = models.BinaryField(default=bytes)  # the beginning of the last body

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "day", "kind", "reason"], name="refusal_once_a_day")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}"
