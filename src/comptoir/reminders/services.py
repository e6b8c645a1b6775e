"""The only writer of reminders. Each change is one event (INV-04), which says whose it is and not its words."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from comptoir.accounts.models import User
from comptoir.conversations.models import Conversation, Message, MessageKind, State
from comptoir.core import clock
from comptoir.core.errors import InputError
from comptoir.core.textfold import clean
from comptoir.journal import services as journal
from comptoir.journal.services import SYSTEM, Actor
from comptoir.reminders import rules
from comptoir.reminders.models import Outcome, Reminder

LONGEST = timedelta(days=5 * 366)


@transaction.atomic
def set_reminder(
    *,
    actor: Actor,
    user: User,
    conversation: Conversation,
    due_at: datetime,
    words: str = "",
    unless_said: bool = False,
) -> Reminder:
    """Remind the person of the conversation at an instant; `unless_said`: only if nobody has written by then."""
    now, words = clock.now(), clean(words).strip()
    if due_at <= now:
        raise InputError(_("Choose a time in the future."), field="due_at")
    if due_at > now + LONGEST:
        raise InputError(_("Choose a time within five years."), field="due_at")
    if len(words) > 200:
        raise InputError(_("Say it in at most 200 characters."), field="words")
    row = Reminder.objects.create(
        user=user, conversation=conversation, due_at=due_at, words=words, unless_said=unless_said, made_at=now
    )
    _tell(actor, row, "reminder.set", conversation)
    return row


@transaction.atomic
def cancel_reminder(*, actor: Actor, reminder: Reminder) -> Reminder:
    """Take a reminder back; one that has ended already stays as it ended."""
    row = Reminder.objects.select_for_update().get(pk=reminder.pk)
    if not row.outcome:
        _end(row, Outcome.CANCELLED, clock.now())
        _tell(actor, row, "reminder.cancelled", row.conversation)
    return row


@transaction.atomic
def ring_due(*, at: datetime, limit: int = 100) -> int:
    """Ring what is due; return how many reminders ended. Safe to run in several workers at once."""
    rows = list(
        Reminder.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(outcome="", due_at__lte=at)
        .select_related("user", "conversation", "conversation__merged_into")
        .order_by("due_at")[:limit]
    )
    for row in rows:
        place = row.conversation
        while place.state == State.MERGED and place.merged_into is not None:
            place = place.merged_into
        is_seen = row.user.is_active and row.user.memberships.filter(team_id=place.team_id).exists()
        was_said = row.unless_said and _was_said(row, place)
        _end(row, rules.outcome(unless_said=row.unless_said, was_said=was_said, is_seen=is_seen), at)
        _tell(SYSTEM, row, f"reminder.{row.outcome}", place)
    return len(rows)


def _was_said(row: Reminder, place: Conversation) -> bool:
    """Whether anybody but a machine wrote since the reminder was set; an answer that did not leave does not count."""
    said = Message.objects.filter(conversation=place, created_at__gt=row.made_at, automatic="")
    said = said.exclude(kind=MessageKind.NOTE)
    return said.exclude(delivery__state__in=["failed", "cancelled", "unconfirmed"]).exists()


def _end(row: Reminder, outcome: str, at: datetime) -> None:
    row.outcome, row.ended_at = outcome, at
    row.save(update_fields=["outcome", "ended_at"])


def _tell(actor: Actor, row: Reminder, kind: str, place: Conversation) -> None:
    facts = {"reminder": row.pk, "person": row.user_id}
    journal.append(actor=actor, kind=kind, conversation_id=place.pk, contact_id=place.contact_id, facts=facts)
