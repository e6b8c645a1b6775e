"""What the team knows already: saved replies in several languages, and macros. Articles come in a later issue.

A row without an owner is shared; one with an owner is that person's alone. `teams` empty means all teams.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class SavedReply(models.Model):
    """An answer that is given again and again."""

    name = models.CharField(_("name"), max_length=120)
    folder = models.CharField(_("folder"), max_length=80, blank=True)
    shortcut = models.CharField(_("shortcut"), max_length=40, blank=True)  # lower case, folded: typed after '/'
    owner = models.ForeignKey("accounts.User", on_delete=models.CASCADE, null=True, related_name="+")
    teams = models.ManyToManyField("accounts.Team", related_name="+")
    channels = ArrayField(models.CharField(max_length=20), default=list)  # kinds; empty: all
    use_count = models.IntegerField(default=0)
    last_used_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["shortcut"],
                condition=Q(owner__isnull=True) & ~Q(shortcut=""),
                name="saved_reply_shortcut_shared",
            ),
            models.UniqueConstraint(
                fields=["owner", "shortcut"], condition=~Q(shortcut=""), name="saved_reply_shortcut_own"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SavedReplyVersion(models.Model):
    """The text of a saved reply in one language, with its placeholders."""

    reply = models.ForeignKey(SavedReply, on_delete=models.CASCADE, related_name="versions")
    language = models.CharField(max_length=8)
    body = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["reply", "language"], name="saved_reply_once_a_language")]

    def __str__(self) -> str:
        return f"{self.reply_id} ({self.language})"


class Macro(models.Model):
    """Several actions under one name. `steps` is [{"do": kind, "with": value}, …], see actions.py."""

    name = models.CharField(_("name"), max_length=120)
    owner = models.ForeignKey("accounts.User", on_delete=models.CASCADE, null=True, related_name="+")
    teams = models.ManyToManyField("accounts.Team", related_name="+")
    steps = models.JSONField(default=list)
    use_count = models.IntegerField(default=0)
    last_used_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
