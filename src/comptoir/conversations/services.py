"""The only writer of conversations from the desk and the API; the pipeline's batch writer is intake.py.

Every change appends one journal event in the same transaction (INV-04). Each function locks the conversation first,
so that two people who act at once are put in an order and neither change is lost.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import formats
from django.utils.translation import gettext as _

from comptoir.accounts.models import Team, User
from comptoir.contacts.fields import applied, changed_fields
from comptoir.contacts.rules import Definition
from comptoir.conversations import rules
from comptoir.conversations.models import Conversation, Message, MessageKind, State
from comptoir.conversations.rules import Turn, mentioned, waiting_since
from comptoir.core import bulk, clock
from comptoir.core.errors import InputError
from comptoir.core.textfold import clean
from comptoir.journal import services as journal
from comptoir.journal.services import Actor

# One statement, because every look at a conversation pays for it.
# A commit that does not wait for the disk, because a page would wait for it: a crash may forget the last read marks.
MARK_READ = """
WITH unhurried AS (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO conversations_readmark (user_id, conversation_id, read_at) SELECT %s, %s, %s FROM unhurried
ON CONFLICT ON CONSTRAINT read_mark_once DO UPDATE SET read_at = excluded.read_at
"""
# Before the last message, so that it is bold again; who has never opened it has nothing to change.
MARK_UNREAD = """
UPDATE conversations_readmark r SET read_at = c.last_message_at - interval '1 microsecond'
FROM conversations_conversation c
WHERE c.id = r.conversation_id AND r.user_id = %s AND c.id = ANY(%s) AND r.read_at >= c.last_message_at
"""
MARK_ALL_READ = """
INSERT INTO conversations_readmark (user_id, conversation_id, read_at) SELECT %s, unnest(%s::bigint[]), %s
ON CONFLICT ON CONSTRAINT read_mark_once DO UPDATE SET read_at = excluded.read_at
"""
WORK = (
    State.OPEN,
    State.PENDING,
    State.SNOOZED,
)  # what keeps somebody busy; the states of index conversation_of_assignee
MAX_TEXT = 200_000  # characters of a note or a reply; longer ones are pasted files, which belong in attachments


def lock(conversation: Conversation) -> Conversation:
    """Return the conversation, fresh and locked until the transaction ends."""
    return Conversation.objects.select_for_update().get(pk=conversation.pk)


def _apply(conversation: Conversation, actor: Actor, step: rules.Step | None) -> Conversation:
    """Write a step and its event; a step that changes nothing has neither."""
    if step is None:
        return conversation
    for column, value in step.columns.items():
        setattr(conversation, column, value)
    conversation.save(update_fields=[name.removesuffix("_id") for name in step.columns])
    journal.append(
        actor=actor, kind=step.kind, conversation_id=conversation.pk, contact_id=conversation.contact_id,
        facts=step.facts,
    )  # fmt: skip
    return conversation


@transaction.atomic
def assign_conversation(
    *, actor: Actor, conversation: Conversation, assignee: User | None, reason: Mapping[str, Any] | None = None
) -> Conversation:
    """Give the conversation to a person, or to nobody. `reason` is kept in the event: why a program chose them."""
    row = lock(conversation)
    if assignee is not None and not assignee.memberships.filter(team_id=row.team_id).exists():
        words = _("%(name)s is not in this conversation's team. Choose a member, or change the team first.")
        raise InputError(words % {"name": assignee.name})
    if assignee is not None and not assignee.may_write:
        words = _("%(name)s is an auditor, who reads and changes nothing. Choose somebody else.")
        raise InputError(words % {"name": assignee.name})
    to, name = (assignee.pk, assignee.name) if assignee else (None, "")
    return _apply(row, actor, rules.assigned(row, to, name, reason=reason))


@transaction.atomic
def claim_conversation(*, actor: Actor, user: User, candidates: Sequence[int]) -> Conversation | None:
    """Take the first candidate that waits and that nobody has, or return None.

    Compare-and-set: who holds a row, or has taken it meanwhile, is passed over, so that two people who ask at once
    get two conversations. The candidates must come from the person's own lists (INV-06); their teams are checked.
    """
    free = Conversation.objects.filter(state=State.OPEN, waiting_since__isnull=False, assignee=None)
    free = free.filter(team__memberships__user=user).select_for_update(skip_locked=True, of=("self",))
    for number in candidates:
        row = free.filter(pk=number).first()
        if row is not None:
            return _apply(row, actor, rules.assigned(row, user.pk, user.name))
    return None


@transaction.atomic
def release_conversations(*, actor: Actor, person: User, team_ids: Collection[int] | None = None) -> int:
    """Take everything that is not closed from a person (of some teams, or of all); return how many conversations."""
    mine = Conversation.objects.select_for_update().filter(assignee=person, state__in=WORK)
    rows = list((mine if team_ids is None else mine.filter(team_id__in=team_ids)).order_by("pk"))
    Conversation.objects.filter(pk__in=[row.pk for row in rows]).update(assignee=None)
    facts = {"from": person.pk, "to": None, "to_name": ""}
    journal.append_all(
        [
            journal.Entry(
                actor, "conversation.assigned", conversation_id=row.pk, contact_id=row.contact_id, facts=facts
            )
            for row in rows
        ]
    )
    return len(rows)


@transaction.atomic
def transfer_conversation(*, actor: Actor, conversation: Conversation, team: Team) -> Conversation:
    """Move the conversation to another team; an assignee who is not in it is released."""
    row = lock(conversation)
    keeps = row.assignee is not None and row.assignee.memberships.filter(team=team).exists()
    return _apply(row, actor, rules.transferred(row, team.pk, team.name, keeps_assignee=keeps))


@transaction.atomic
def set_state(
    *,
    actor: Actor,
    conversation: Conversation,
    state: str,
    snoozed_until: datetime | None = None,
    wakes_on_reply: bool = True,
) -> Conversation:
    """Open, wait for the customer, snooze or solve.

    A snooze lasts until the instant or until the customer writes, whichever comes first; without an instant, until the
    customer writes; with `wakes_on_reply` False, until the instant whatever is written.
    """
    row = lock(conversation)
    checked_state(state, snoozed_until)
    if row.state == State.MERGED:
        raise InputError(_("This conversation was merged into another one. Undo the merge first."))
    return _apply(row, actor, rules.restated(row, state, snoozed_until, wakes_on_reply=wakes_on_reply))


def checked_state(state: str, snoozed_until: datetime | None) -> str:
    """Return the state if a person may set it; raises InputError, also for a snooze that ends in the past."""
    if state not in {State.OPEN, State.PENDING, State.SNOOZED, State.SOLVED}:
        raise InputError(_("Choose open, pending, snoozed or solved."), field="state")
    if state == State.SNOOZED and snoozed_until is not None and snoozed_until <= clock.now():
        raise InputError(_("Choose a time in the future."), field="snoozed_until")
    return state


@transaction.atomic
def set_priority(*, actor: Actor, conversation: Conversation, priority: int) -> Conversation:
    """Set the priority (-1 low … 2 urgent)."""
    row = lock(conversation)
    return _apply(row, actor, rules.reprioritised(row, checked_priority(priority)))


def checked_priority(priority: int) -> int:
    """Return the priority if there is such a one; raises InputError."""
    if priority not in {-1, 0, 1, 2}:
        raise InputError(_("Choose low, normal, high or urgent."), field="priority")
    return priority


@transaction.atomic
def set_fields(
    *, actor: Actor, conversation: Conversation, definitions: Sequence[Definition], given: Mapping[str, object]
) -> Conversation:
    """Set the values of the organisation's own fields that `given` names; the others stay. Raises InputError."""
    row = lock(conversation)
    changes = changed_fields(row.fields, definitions, given)
    if changes:
        row.fields = applied(row.fields, changes)
        row.save(update_fields=["fields"])
        journal.append(
            actor=actor, kind="conversation.fields_changed", conversation_id=row.pk, contact_id=row.contact_id,
            facts=changes,
        )  # fmt: skip
    return row


def checked_text(text: str) -> str:
    """Return a person's text ready to store; raises InputError when there is none or too much."""
    text = clean(text).replace("\r\n", "\n").strip()
    if not text:
        raise InputError(_("Write something first."), field="text")
    if len(text) > MAX_TEXT:
        words = _("This is longer than %(count)s characters. Attach it as a file instead.")
        most = formats.number_format(MAX_TEXT, force_grouping=True)
        raise InputError(words % {"count": most}, field="text")
    return text


@transaction.atomic
def add_note(*, actor: Actor, conversation: Conversation, user: User | None, text: str) -> Message:
    """Add an internal note; the customer never sees it. Without a person it is the actor's (a rule, a program).

    The event's facts name whom it mentions: {"mentions": [user ids]}; people who cannot see the conversation cannot be.
    """
    text = checked_text(text)
    row, now = lock(conversation), clock.now()
    note = Message.objects.create(
        conversation=row, kind=MessageKind.NOTE, user=user, author_name=user.name if user else actor.name, text=text,
        sent_at=now, created_at=now, language=row.language,
    )  # fmt: skip
    called = _mentioned(row, text)
    facts = {"mentions": called} if called else {}
    journal.append(actor=actor, kind="note.added", conversation_id=row.pk, message_id=note.pk, facts=facts)
    return note


def _mentioned(row: Conversation, text: str) -> list[int]:
    if "@" not in text:
        return []
    people = User.objects.filter(is_active=True, memberships__team_id=row.team_id)
    return mentioned(text, list(people.values_list("pk", "name")))


def mark_read(*, user: User, conversation: Conversation) -> None:
    """Remember that the person has seen everything up to now. No event: reading changes nothing.

    A transaction of its own, never part of one whose commit matters (see MARK_READ).
    """
    bulk.fetch_all(MARK_READ, [user.pk, conversation.pk, clock.now()])


def mark_several(*, user: User, conversation_ids: Sequence[int], read: bool) -> None:
    """Remember that the person has seen, or has not seen, the last message of each. No event, as above."""
    if read:
        bulk.fetch_all(MARK_ALL_READ, [user.pk, list(conversation_ids), clock.now()])
    else:
        bulk.fetch_all(MARK_UNREAD, [user.pk, list(conversation_ids)])


def refresh_waiting(row: Conversation) -> None:
    """Recompute the denormalised columns of a locked conversation from its messages.

    Called after everything that is not a plain append: a failed or cancelled reply, a move, a merge, an undo.
    """
    messages = list(
        Message.objects.filter(conversation=row)
        .order_by("created_at", "id")
        .values_list("kind", "created_at", "automatic", "delivery__state", "marks__deleted_at")
    )
    turns = [
        Turn(kind, at, counts=not automatic and not gone and state not in {"failed", "cancelled", "unconfirmed"})
        for kind, at, automatic, state, gone in messages
    ]
    row.waiting_since = waiting_since(turns)
    row.message_count = len(messages)
    if messages:
        row.last_message_at = messages[-1][1]
    row.save(update_fields=["waiting_since", "message_count", "last_message_at"])


@transaction.atomic
def wake_snoozed(*, at: datetime, limit: int = 200) -> int:
    """Reopen the conversations whose snooze ended; return how many. Safe to run in several workers at once."""
    rows: Sequence[Conversation] = list(
        Conversation.objects.select_for_update(skip_locked=True)
        .filter(state=State.SNOOZED, snoozed_until__lte=at)
        .order_by("snoozed_until")[:limit]
    )
    for row in rows:
        row.state, row.snoozed_until = State.OPEN, None
        row.waiting_since = row.waiting_since or at  # it asks for attention again, even if the customer was answered
        row.save(update_fields=["state", "snoozed_until", "waiting_since"])
    journal.append_all(
        [
            journal.Entry(journal.SYSTEM, "conversation.woke", conversation_id=row.pk, contact_id=row.contact_id)
            for row in rows
        ]
    )
    return len(rows)
