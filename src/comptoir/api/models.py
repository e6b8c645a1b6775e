"""Access tokens of the REST API, and outgoing webhooks with their log."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Token(models.Model):
    """A key for a program. Only its SHA-256 is stored: a token is shown once, when it is made."""

    name = models.CharField(_("name"), max_length=120)
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=12)  # the first characters, to recognise it in a list
    scopes = models.JSONField(default=list)  # 'read', 'write', 'admin'
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="tokens")  # acts with their teams (INV-06)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class Webhook(models.Model):
    """An address that wants to know. The secret signs every request (INV-08: stored encrypted)."""

    name = models.CharField(_("name"), max_length=120)
    url = models.URLField(_("address"), max_length=500)
    secret = models.BinaryField()
    kinds = models.JSONField(default=list)  # kinds of journal events; empty: all of them
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="webhooks")  # sees with their teams
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
        indexes = [models.Index(fields=["due_at"], condition=Q(state="due"), name="webhook_call_due")]

    def __str__(self) -> str:
        return f"event {self.event_id} to webhook {self.webhook_id}"
