"""Notifications, how each person wants to hear of them, and which conversations they follow."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Mail(models.TextChoices):
    """Whether a kind comes by e-mail."""

    OFF = "", _("No")
    NOW = "now", _("At once")
    DIGEST = "digest", _("In the digest")


class Digest(models.TextChoices):
    """How often the digest comes."""

    HOURLY = "hourly", _("Every hour")
    DAILY = "daily", _("Every day")


class Notification(models.Model):
    """One event that one person should know of. The event is a plain number, as in the journal."""

    # Without an index of its own: notification_once begins with it.
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, db_index=False, related_name="+")
    kind = models.CharField(max_length=20)  # see kinds.py
    conversation = models.ForeignKey("conversations.Conversation", on_delete=models.CASCADE, related_name="+")
    event_id = models.BigIntegerField()
    message_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=200, blank=True)
    words = models.CharField(max_length=300, blank=True)  # of a reminder or a rule
    at = models.DateTimeField()
    in_page = models.BooleanField(default=True)
    seen_at = models.DateTimeField(null=True)  # shown in the list or as a toast
    read_at = models.DateTimeField(null=True)  # opened, or marked as read
    mail_at = models.DateTimeField(null=True)  # may be mailed from then on, if it is unread; null: not by mail
    mailed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # Also the list of a person, newest event first.
            models.UniqueConstraint(fields=["user", "event_id"], name="notification_once"),
        ]
        indexes = [
            # The bell's count, what is new since, and what a look at a conversation makes read.
            models.Index(fields=["user", "id"], condition=Q(read_at__isnull=True), name="notification_unread"),
            # The mailer: what is due.
            models.Index(
                fields=["mail_at"],
                condition=Q(mail_at__isnull=False, mailed_at__isnull=True, read_at__isnull=True),
                name="notification_mail_due",
            ),
            # The keeper: what is old.
            models.Index(fields=["at"], name="notification_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.user_id}"


class Preference(models.Model):
    """How a person wants to hear of one kind; without a row, as kinds.py says."""

    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20)
    in_page = models.BooleanField()
    in_browser = models.BooleanField()
    mail = models.CharField(max_length=6, choices=Mail.choices, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "kind"], name="preference_once")]

    def __str__(self) -> str:
        return f"{self.kind} for {self.user_id}"


class Rhythm(models.Model):
    """When a person wants to hear of things; without a row, an hourly digest and no quiet hours."""

    user = models.OneToOneField("accounts.User", on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=6, choices=Digest.choices, default=Digest.HOURLY)
    digest_hour = models.SmallIntegerField(default=8)  # of the daily digest, local
    quiet_from = models.TimeField(null=True)  # local
    quiet_until = models.TimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(digest_hour__gte=0, digest_hour__lte=23), name="rhythm_hour_is_one"),
            models.CheckConstraint(
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="rhythm_quiet_has_both_ends",
            ),
        ]

    def __str__(self) -> str:
        return f"rhythm of {self.user_id}"


class Follow(models.Model):
    """A person follows a conversation. `is_on` False: they stopped, and no mention makes them follow it again."""

    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="+")
    conversation = models.ForeignKey("conversations.Conversation", on_delete=models.CASCADE, related_name="+")
    is_on = models.BooleanField()
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["conversation", "user"], name="follow_once")]

    def __str__(self) -> str:
        return f"{self.user_id} follows {self.conversation_id}"
