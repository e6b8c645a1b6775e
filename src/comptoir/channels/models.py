"""Connected accounts: a mailbox, a form, a chat widget; later a page, a handle, a number.

Credentials are ciphertext (INV-08); only `services.account_config` decrypts them, for the adapter's client.
"""

import secrets

from django.db import models
from django.db.models import Value
from django.utils.translation import gettext_lazy as _


def new_public_key() -> str:
    """Return an unguessable key for the account's public addresses (webhook, form, chat)."""
    return secrets.token_urlsafe(12).replace("-", "a").replace("_", "b")


class ChannelAccount(models.Model):
    """One place where the public writes to us."""

    kind = models.CharField(max_length=20)
    name = models.CharField(_("name"), max_length=120)
    address = models.CharField(_("address"), max_length=254, blank=True)
    public_key = models.CharField(max_length=32, unique=True, default=new_public_key)
    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="channel_accounts")
    is_active = models.BooleanField(_("active"), default=True)
    options = models.JSONField(default=dict)
    credentials = models.BinaryField(default=bytes)
    signature = models.TextField(_("signature"), blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class AccountHealth(models.Model):
    """What is known about an account's connection; written by pollers and senders, read by the health page."""

    account = models.OneToOneField(ChannelAccount, on_delete=models.CASCADE, primary_key=True, related_name="health")
    connected_at = models.DateTimeField(null=True)  # the last time a connection or a sweep succeeded
    last_event_at = models.DateTimeField(null=True)  # when the last record was accepted
    last_error = models.TextField(blank=True)
    last_error_at = models.DateTimeField(null=True)  # null once a later attempt succeeded
    # The platform asked us to wait: nothing leaves before this instant, whichever worker would send it.
    paused_until = models.DateTimeField(null=True)
    token_expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)  # a person must connect it anew; messages wait meanwhile
    # What the platform says is left: {"posts": {"limit": 300, "left": 12, "resets_at": ISO 8601}}
    budgets = models.JSONField(default=dict, db_default=Value({}, models.JSONField()))

    def __str__(self) -> str:
        return f"health of account {self.account_id}"


class Cursor(models.Model):
    """How far an account has been read, per stream (an IMAP folder): the gap after an outage starts here."""

    account = models.ForeignKey(ChannelAccount, on_delete=models.CASCADE, related_name="cursors")
    stream = models.CharField(max_length=250)
    epoch = models.BigIntegerField(default=0)  # IMAP UIDVALIDITY
    position = models.BigIntegerField(default=0)  # the highest IMAP UID that is committed to the inbound log
    token = models.CharField(max_length=500, blank=True, default="", db_default="")  # where a platform gives a text
    moved_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "stream"], name="cursor_once_a_stream")]

    def __str__(self) -> str:
        return f"{self.stream} {self.epoch}:{self.position}"


class AccountDay(models.Model):
    """What became of the events of an account on one day (UTC): 'received, and nothing appeared' cannot happen."""

    account = models.ForeignKey(ChannelAccount, on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    done = models.IntegerField(default=0)
    ignored = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    refused = models.IntegerField(default=0)  # at the door: not signed, not readable, too large, for somebody else

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "day"], name="account_day_once")]

    def __str__(self) -> str:
        return f"{self.day} of account {self.account_id}"


class ApprovedTemplate(models.Model):
    """A text that the platform approved beforehand, as it was when the templates were last read."""

    account = models.ForeignKey(ChannelAccount, on_delete=models.CASCADE, related_name="templates", db_index=False)
    name = models.CharField(max_length=512)
    language = models.CharField(max_length=15)
    body = models.TextField()
    category = models.CharField(max_length=40, blank=True)
    status = models.CharField(max_length=20)
    read_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "name", "language"], name="template_once")]

    def __str__(self) -> str:
        return f"{self.name} ({self.language})"
