"""What people have begun to write and not yet sent: one draft for each person and conversation, on every device."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Kind(models.TextChoices):
    """What it will be."""

    REPLY = "reply", _("Reply")
    NOTE = "note", _("Note")
    FORWARD = "forward", _("Forward")


class Draft(models.Model):
    """One person's unsent words in one conversation.

    `revision` is the instant of the last save in microseconds, so that a draft that was thrown away and begun again
    never has an old revision: a page that is behind is always recognised.
    """

    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="+")
    conversation = models.ForeignKey("conversations.Conversation", on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=7, choices=Kind.choices, default=Kind.REPLY)
    text = models.TextField(blank=True)
    to = models.TextField(blank=True)  # of a forward, as typed
    cc = models.TextField(null=True)  # as typed; null: whom the composer proposes
    forward_of = models.BigIntegerField(null=True)  # message id
    road = models.CharField(max_length=40, blank=True)  # by which other way it shall leave (outbound/roads.py)
    files = models.JSONField(default=list)  # [{"id", "key", "name", "type", "size"}]; the bytes are in the storage
    revision = models.BigIntegerField()
    saved_at = models.DateTimeField()

    class Meta:
        constraints = [
            # Also serves the conversation's page, which reads the draft with the conversation.
            models.UniqueConstraint(fields=["user", "conversation"], name="draft_once"),
        ]
        indexes = [
            # The list of a person's drafts, newest first.
            models.Index(fields=["user", "-saved_at"], name="draft_of_person"),
        ]

    def __str__(self) -> str:
        return f"draft of {self.user_id} in {self.conversation_id}"
