"""A person's own reminders of conversations."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Outcome(models.TextChoices):
    """How a reminder ended."""

    DUE = "due", _("Reminded")
    SPARED = "spared", _("Not needed: somebody wrote before")
    CANCELLED = "cancelled", _("Cancelled")


class Reminder(models.Model):
    """One wish to be reminded. `outcome` is empty while it is to come."""

    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="+")
    conversation = models.ForeignKey("conversations.Conversation", on_delete=models.CASCADE, related_name="+")
    words = models.CharField(max_length=200, blank=True)
    due_at = models.DateTimeField()
    unless_said = models.BooleanField(default=False)  # only if nobody has written, or was answered, by then
    made_at = models.DateTimeField()
    outcome = models.CharField(max_length=10, choices=Outcome.choices, blank=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(outcome="") ^ Q(ended_at__isnull=False), name="reminder_ends_once"),
        ]
        indexes = [
            # The keeper: what is due.
            models.Index(fields=["due_at"], condition=Q(outcome=""), name="reminder_due"),
            # A person's list.
            models.Index(fields=["user", "due_at"], condition=Q(outcome=""), name="reminder_of_person"),
        ]

    def __str__(self) -> str:
        return f"reminder {self.pk} of {self.conversation_id}"
