"""Who is at a conversation at this moment.

In PostgreSQL, because the web processes must agree; in an unlogged table, because a crash may forget it.
"""

from django.db import models


class Presence(models.Model):
    """One open tab that shows a conversation. Without foreign keys in the database: the row lives for a minute."""

    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, db_constraint=False, related_name="+")
    conversation = models.ForeignKey(
        "conversations.Conversation", on_delete=models.CASCADE, db_constraint=False, related_name="+"
    )
    tab = models.CharField(max_length=32)  # drawn by the page; means something only together with the person
    typing_until = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "tab"], name="presence_once_a_tab")]
        indexes = [
            # What died without a word.
            models.Index(fields=["expires_at"], name="presence_by_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.conversation_id}"
