"""Access tokens of the REST API, the keys of its replies, and outgoing webhooks with their log."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Token(models.Model):
    """A key for a program. Only its SHA-256 is stored: a token is shown once, when it is made."""

    name = models.CharField(_("name"), max_length=120)
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=12)  # the first characters, to recognise it in a list
    scopes = models.JSONField(default=list)  # 'read', 'write', 'admin'
    # The token acts with this person's teams (INV-06).
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="tokens")
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class ReplyKey(models.Model):
    """INV-03: the Idempotency-Key of a reply. A second request under the same key finds the first one's message."""

    token = models.ForeignKey(Token, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64)  # SHA-256 of what was asked for: a key is for one reply only
    message = models.ForeignKey("conversations.Message", on_delete=models.CASCADE, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "key"], name="reply_key_once")]

    def __str__(self) -> str:
        return self.key


class Webhook(models.Model):
    """An address that wants to know. The secret signs every request (INV-08: stored encrypted)."""

    name = models.CharField(_("name"), max_length=120)
    url = models.URLField(_("address"), max_length=500)
    secret = models.BinaryField()
    kinds = models.JSONField(default=list)  # kinds of journal events; empty: all of them
    # It is told what this person may see (INV-06).
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="webhooks")
    is_active = models.BooleanField(_("active"), default=True)
    last_event_id = models.BigIntegerField(default=0)  # the journal is the source: everything up to here is in the log
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class WebhookCall(models.Model):
    """One event on its way to one webhook: the job and the log in one row."""

    class State(models.TextChoices):
        """Where the call stands."""

        DUE = "due", _("Due")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="calls")
    event_id = models.BigIntegerField()
    state = models.CharField(max_length=6, choices=State.choices, default=State.DUE)
    attempts = models.SmallIntegerField(default=0)
    due_at = models.DateTimeField()
    status = models.IntegerField(null=True)  # the last HTTP status
    reason = models.TextField(blank=True)
    duration_ms = models.IntegerField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["webhook", "event_id"], name="webhook_call_once")]
        indexes = [
            # The sender: the calls of each webhook that are due, so that one dead address does not hold up the others.
            models.Index(fields=["webhook", "due_at"], condition=Q(state="due"), name="webhook_call_due"),
            # The log of one webhook, newest first.
            models.Index(fields=["webhook", "-id"], name="webhook_call_log"),
            # The sweep of the log.
            models.Index(fields=["finished_at"], condition=Q(finished_at__isnull=False), name="webhook_call_old"),
        ]

    def __str__(self) -> str:
        return f"event {self.event_id} to webhook {self.webhook_id}"
