"""The journal (INV-04): who did what to which conversation, when. Appended to, never rewritten.

A trigger refuses UPDATE, DELETE and TRUNCATE; only retention may delete, by setting `comptoir.retention`.
"""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q


class Event(models.Model):
    """One change. References are plain numbers: the journal outlives what it tells about."""

    at = models.DateTimeField()
    kind = models.CharField(max_length=40)  # 'message.received', 'conversation.assigned', … see journal/README.md
    conversation_id = models.BigIntegerField(null=True)
    contact_id = models.BigIntegerField(null=True)
    message_id = models.BigIntegerField(null=True)
    actor_kind = models.CharField(max_length=10)  # user, contact, system, token, rule, routing
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=200, blank=True)
    facts = models.JSONField(default=dict)

    class Meta:
        indexes = [
            # The timeline of a conversation.
            models.Index(
                fields=["conversation_id", "id"],
                name="event_of_conversation",
                condition=Q(conversation_id__isnull=False),
            ),
            # The audit page: what one person did. Most events are of contacts and of the system, and are not in it.
            models.Index(fields=["actor_id", "id"], name="event_by_person", condition=Q(actor_kind="user")),
            # The audit page: what happened to people, teams, channels and programs. Rare, and looked for by name.
            models.Index(fields=["id"], name="event_of_installation", condition=Q(conversation_id__isnull=True)),
            # Reports over a span of time; BRIN because the table is in the order of time.
            BrinIndex(fields=["at"], name="event_by_time", autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Follower(models.Model):
    """How far one reader of the journal has come (following.py)."""

    name = models.CharField(max_length=40, unique=True)
    last_event_id = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.name} up to {self.last_event_id}"
