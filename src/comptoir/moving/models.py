"""An import and what it brought: the job is its row, and every thing that came is known by its number over there."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Stage(models.TextChoices):
    """Where an import stands. It is tried first, always; it runs when a person has seen what it would do."""

    TRYING = "trying", _("Being tried")  # reads everything, writes nothing
    TRIED = "tried", _("Tried")  # waits for a person's yes
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")  # `reason` says why and what to do
    DROPPED = "dropped", _("Given up")


class Import(models.Model):
    """One import from another system: what was handed over, how far it is, and its report."""

    system = models.CharField(max_length=20)  # a name of readers.SYSTEMS
    origin = models.CharField(max_length=60, blank=True)  # tells two installations of one system apart
    file_name = models.CharField(max_length=255)
    file_key = models.CharField(max_length=64, blank=True)  # in the storage backend; '' for a path that a command read
    account = models.ForeignKey("channels.ChannelAccount", on_delete=models.PROTECT, related_name="+")
    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="+")
    options = models.JSONField(default=dict)  # of the reader: {"email": "Courriel", …}
    started_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    stage = models.CharField(max_length=8, choices=Stage.choices, default=Stage.TRYING)
    position = models.BigIntegerField(default=0)  # items that are committed; a resumed run goes on behind them
    trial = models.JSONField(default=dict)  # the report of the trial (report.py)
    report = models.JSONField(default=dict)  # … and of the run
    reason = models.TextField(blank=True)
    held_by = models.CharField(max_length=32, blank=True)  # the worker that has it in hand …
    held_until = models.DateTimeField(null=True)  # … until it is dead
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            # The worker: what is to be tried or run.
            models.Index(fields=["id"], condition=Q(stage__in=["trying", "running"]), name="import_due"),
        ]

    def __str__(self) -> str:
        return f"{self.system}: {self.file_name}"


class Arrived(models.Model):
    """Something that an import brought, by its number in the other system: it comes once (INV-02).

    Also the place of what has no other home yet: the tags of a conversation, a saved reply, an article.
    """

    class Kind(models.TextChoices):
        """What it is."""

        CONVERSATION = "conversation", _("Conversation")
        REPLY = "reply", _("Saved reply")
        ARTICLE = "article", _("Article")

    source = models.CharField(max_length=90)  # "system:origin"
    kind = models.CharField(max_length=12, choices=Kind.choices)
    key = models.CharField(max_length=200)
    brought_by = models.ForeignKey(Import, on_delete=models.PROTECT, related_name="arrived")
    # A plain number: the conversation may be merged or, one day, removed by retention; it came all the same.
    object_id = models.BigIntegerField(null=True)
    content = models.JSONField(default=dict)  # {"tags": […]}; of replies and articles everything

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "kind", "key"], name="arrived_once")]
        indexes = [
            # The report: what an import brought, by kind; and handing over saved replies and articles.
            models.Index(fields=["brought_by", "kind", "id"], name="arrived_by_import"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.kind} {self.key}"
