"""Saved searches, the sources they listen to, and what was found.

A mention is what somebody published, once for each source whatever number of searches it answers; a hit says that it
answers one search. Everything that a person may see or do hangs on hits, whose team is that of their search (INV-06).
"""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class SourceKind(models.TextChoices):
    """Where is listened."""

    BLUESKY = "bluesky", _("Bluesky, everything public")
    MASTODON = "mastodon", _("Mastodon server")
    FEED = "feed", _("Feed (RSS or Atom)")


class Source(models.Model):
    """One place where is listened. `cursor` is how far it was read, in the platform's own terms."""

    kind = models.CharField(max_length=8, choices=SourceKind.choices)
    name = models.CharField(max_length=80)
    address = models.CharField(max_length=500)
    hashtag = models.CharField(max_length=100, blank=True)  # of Mastodon: only this one
    credentials = models.BinaryField(default=bytes)  # {"token": …}, encrypted (INV-08)
    is_active = models.BooleanField(default=True)
    cursor = models.CharField(max_length=100, blank=True)
    etag = models.CharField(max_length=300, blank=True)
    modified = models.CharField(max_length=100, blank=True)  # Last-Modified, as it was told
    next_at = models.DateTimeField(null=True)  # of feeds: not to be asked before
    failures = models.IntegerField(default=0)  # one after another
    last_error = models.TextField(blank=True)
    last_error_at = models.DateTimeField(null=True)
    heard_at = models.DateTimeField(null=True)  # when it last answered
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "address", "hashtag"], name="listening_source_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Search(models.Model):
    """What a team wants to hear of: see rules.Wanted. Without sources it listens to all of them."""

    name = models.CharField(max_length=80)
    team = models.ForeignKey("accounts.Team", on_delete=models.CASCADE, related_name="+")
    wanted = models.JSONField(default=dict)
    sources: "models.ManyToManyField[Source, models.Model]" = models.ManyToManyField(Source, related_name="+")
    makes_conversations = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    made_by = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Mention(models.Model):
    """Something published that answered a search. Never twice from one source, however often it is told.

    What everybody dismissed loses its words and keeps its id, so that it does not come back (services.sweep).
    """

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="+")
    external_id = models.CharField(max_length=300)
    author_name = models.CharField(max_length=200, blank=True)
    author_handle = models.CharField(max_length=300, blank=True)
    author_id = models.CharField(max_length=500, blank=True)
    text = models.TextField(blank=True)
    url = models.CharField(max_length=2000, blank=True)  # https, or nothing
    language = models.CharField(max_length=8, blank=True)
    reach = models.IntegerField(null=True)  # followers of its author, where they are known
    published_at = models.DateTimeField()
    found_at = models.DateTimeField()
    seen_at = models.DateTimeField()  # when its source last told it
    raw = models.JSONField(default=dict)  # what a channel needs to answer it

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="mention_once_a_source"),
            models.CheckConstraint(condition=Q(url="") | Q(url__startswith="https://"), name="mention_links_https"),
        ]
        indexes = [
            # The list, newest first, by keyset.
            models.Index(fields=["-published_at", "-id"], name="mention_newest"),
            # What is old enough to be forgotten.
            models.Index(fields=["seen_at"], name="mention_to_forget"),
            # Authors whose names the stream did not tell.
            models.Index(fields=["id"], condition=Q(author_handle="", reach=None), name="mention_nameless"),
        ]

    def __str__(self) -> str:
        return f"mention {self.pk}"


class Hit(models.Model):
    """A mention answers a search; what the search's team made of it."""

    mention = models.ForeignKey(Mention, on_delete=models.CASCADE, related_name="hits", db_index=False)
    search = models.ForeignKey(Search, on_delete=models.CASCADE, related_name="hits", db_index=False)
    at = models.DateTimeField()  # the mention's `published_at`
    dismissed_at = models.DateTimeField(null=True)
    dismissed_by = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, related_name="+")
    is_due = models.BooleanField(default=False)  # its search asks for a conversation that is not made yet
    # The record that becomes the conversation, who asked for it (nobody: the search), and the conversation, once read.
    record = models.ForeignKey("inbound.Record", on_delete=models.SET_NULL, null=True, related_name="+")
    asked_by = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField(null=True)
    conversation = models.ForeignKey(
        "conversations.Conversation", on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mention", "search"], name="hit_once")]
        indexes = [
            # The counts by search and by day, and the usual level of a search.
            models.Index(fields=["search", "at"], name="hit_of_search"),
            # Conversations that searches ask for.
            models.Index(fields=["id"], condition=Q(is_due=True), name="hit_due"),
            # Records that were handed over and are not read yet.
            models.Index(
                fields=["record"], condition=Q(record__isnull=False, conversation__isnull=True), name="hit_unsettled"
            ),
        ]

    def __str__(self) -> str:
        return f"hit of {self.search_id}"


class Burst(models.Model):
    """Many mentions of a search in a short time, against the usual level of that hour of the week (bursts.py)."""

    search = models.ForeignKey(Search, on_delete=models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField()
    count = models.IntegerField()
    expected = models.FloatField()
    chance = models.FloatField()
    dismissed_at = models.DateTimeField(null=True)
    dismissed_by = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        indexes = [
            # The last alert of a search.
            models.Index(fields=["search", "-at"], name="burst_of_search"),
        ]

    def __str__(self) -> str:
        return f"burst of {self.search_id}"
