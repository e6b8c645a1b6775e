"""The readers of reminders; a person reads only their own, and only of conversations they may see (INV-06)."""

from collections.abc import Collection

from django.db.models import QuerySet

from comptoir.accounts.models import User
from comptoir.accounts.queries import team_ids_of
from comptoir.conversations.models import Conversation
from comptoir.core.errors import AccessDenied
from comptoir.reminders.models import Reminder

MOST = 200


def _mine(user: User) -> QuerySet[Reminder]:
    found = Reminder.objects.filter(user=user, conversation__team_id__in=team_ids_of(user))
    return found.select_related("conversation", "conversation__contact")


def reminders_of(user: User, conversation: Conversation | None = None) -> list[Reminder]:
    """Return the person's reminders that are to come, the next first; of one conversation, or of all."""
    found = _mine(user).filter(outcome="")
    if conversation is not None:
        found = found.filter(conversation=conversation)
    return list(found.order_by("due_at", "id")[:MOST])


def access_reminder(user: User, reminder_id: int) -> Reminder:
    """Return one of the person's own reminders; raises AccessDenied for any other."""
    found = _mine(user).filter(pk=reminder_id).first()
    if found is None:
        raise AccessDenied("no such reminder")
    return found


def words_of(ids: Collection[int]) -> dict[int, str]:
    """Return the words of some reminders, for the notifications of their persons."""
    return dict(Reminder.objects.filter(pk__in=ids).values_list("pk", "words"))
