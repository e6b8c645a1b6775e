"""A visitor's chat as the visitor sees it: their session and its entries, numbered without gaps.

The desk's conversations are made from the inbound log, not from here: whatever agents merge, move or split, a visitor
sees this session's own history and nothing else. A typed e-mail address opens nothing.
"""

from django.db import models
from django.db.models import Q


class ChatSession(models.Model):
    """One browser that chats. Whoever holds the signed token of `key` is the visitor."""

    account = models.ForeignKey("channels.ChannelAccount", on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=26, unique=True)  # 128 random bits; also the thread key and the identity
    language = models.CharField(max_length=2, default="en")
    name = models.CharField(max_length=120, blank=True)
    email = models.CharField(max_length=254, blank=True)  # typed, never verified
    last_number = models.IntegerField(default=0)  # of the newest entry; moved under the row's lock
    seen_number = models.IntegerField(default=0)  # up to which entry the widget has shown
    created_at = models.DateTimeField()
    seen_at = models.DateTimeField()  # the last sign of life, exact to some ten seconds

    def __str__(self) -> str:
        return f"chat {self.key}"


class ChatEntry(models.Model):
    """One message in the order in which the visitor sees it."""

    session = models.ForeignKey(ChatSession, on_delete=models.CASCADE, related_name="entries")
    number = models.IntegerField()  # 1, 2, 3 …: the cursor. Drawn under the session's lock, so none appears late
    client_id = models.CharField(max_length=40, blank=True)  # the visitor's own id of a message of theirs
    key = models.CharField(max_length=200, blank=True)  # the idempotency key of a reply of ours
    author_name = models.CharField(max_length=200, blank=True)
    text = models.TextField()
    at = models.DateTimeField()
    shown_at = models.DateTimeField(null=True)  # a reply: when the widget had it
    emailed_at = models.DateTimeField(null=True)  # a reply: when it was handed to the mailbox as well

    class Meta:
        constraints = [
            # History and polling read by this pair.
            models.UniqueConstraint(fields=["session", "number"], name="chat_entry_once_a_number"),
            # INV-02: a message that the widget sends again is the same message.
            models.UniqueConstraint(
                fields=["session", "client_id"], condition=~Q(client_id=""), name="chat_entry_once_a_client_id"
            ),
            # INV-03: a reply that is sent again is the same reply.
            models.UniqueConstraint(fields=["key"], condition=~Q(key=""), name="chat_entry_once_a_key"),
        ]
        indexes = [
            # The watcher: replies that nobody has fetched and that no mailbox has carried.
            models.Index(
                fields=["at"], condition=~Q(key="") & Q(shown_at__isnull=True, emailed_at__isnull=True),
                name="chat_entry_unfetched",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.session_id}/{self.number}"
