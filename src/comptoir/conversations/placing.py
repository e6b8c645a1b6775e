"""An agent puts messages where they belong: moving, merging, splitting, and undoing each of them.

Every message is in exactly one conversation at all times, and a conversation that is not merged away has a message.
The reason for a message's place, and its place before, stay with the message (`placement`). The references of moved
messages follow them, so that the next answer lands where they are (see threading.py, which also follows `merged_into`).

Conversations are locked in the order of their ids, like in the pipeline, so that nobody waits in a circle.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from comptoir.accounts.models import User
from comptoir.channels.registry import channels
from comptoir.contacts.models import Contact
from comptoir.conversations.access import accessible_conversations
from comptoir.conversations.models import Conversation, Message, MessageKind, Placement, Reference, State
from comptoir.conversations.services import refresh_waiting
from comptoir.conversations.threading import digest_of
from comptoir.core import bulk, clock
from comptoir.core.errors import AccessDenied, Conflict, InputError
from comptoir.core.textfold import preview
from comptoir.journal import services as journal
from comptoir.journal.services import Actor, Entry

MAX_MESSAGES = 500  # of one move or split; a merge takes all there are

# One statement, whatever the number of messages: a merged conversation may be long.
PLACE = """
UPDATE conversations_message SET conversation_id = %s, placement = jsonb_build_object(
    'reason', %s::text, 'by', %s::text, 'from', conversation_id, 'previous', placement)
WHERE id = ANY(%s)
"""
PUT_BACK = """
UPDATE conversations_message SET conversation_id = %s, placement = coalesce(placement->'previous', '{}')
WHERE id = ANY(%s)
"""
REASONS = {Placement.Kind.MOVE: "moved", Placement.Kind.MERGE: "merged", Placement.Kind.SPLIT: "split"}


@transaction.atomic
def move_messages(
    *, actor: Actor, user: User, source: Conversation, target: Conversation, message_ids: Sequence[int]
) -> Placement:
    """Move some of a conversation's messages into another one.

    Raises AccessDenied unless the person sees both (INV-06), InputError for a choice that makes no sense and
    Conflict when a message has left the source meanwhile.
    """
    source, target = _lock_pair(user, source, target)
    _refuse_merged(source, target)
    _check_networks(source, target)
    chosen = _check_some(source, message_ids)
    return _place(Placement.Kind.MOVE, actor, user, source, target, chosen)


@transaction.atomic
def merge_conversations(*, actor: Actor, user: User, source: Conversation, target: Conversation) -> Placement:
    """Put the whole source into the target; the source becomes 'merged' and what arrives for it later follows."""
    source, target = _lock_pair(user, source, target)
    _refuse_merged(source, target)
    _check_networks(source, target)
    everything = list(Message.objects.filter(conversation=source).order_by("id").values_list("id", flat=True))
    return _place(Placement.Kind.MERGE, actor, user, source, target, everything)


@transaction.atomic
def split_messages(*, actor: Actor, user: User, source: Conversation, message_ids: Sequence[int]) -> Placement:
    """Take some messages out into a new conversation: same account, team and assignee, with their own author."""
    source = _lock(user, [source.pk])[source.pk]
    _refuse_merged(source)
    if source.thread_key is not None:
        raise InputError(
            _("This channel keeps one thread per person, so it cannot be split. Move the messages instead.")
        )
    chosen = _check_some(source, message_ids)
    rows = list(Message.objects.filter(pk__in=chosen).order_by("created_at", "id").defer("html", "search"))
    first = next((row for row in rows if row.kind == MessageKind.INBOUND), rows[0])
    target = Conversation.objects.create(
        account_id=source.account_id,
        channel=source.channel,
        contact=_author(first, source),
        team_id=source.team_id,
        assignee_id=source.assignee_id,
        subject=first.subject or source.subject,
        language=first.language or source.language,
        priority=source.priority,
        created_at=rows[0].created_at,
        last_message_at=rows[-1].created_at,
    )
    return _place(Placement.Kind.SPLIT, actor, user, source, target, chosen)


@transaction.atomic
def undo_placement(*, actor: Actor, placement: Placement, user: User | None = None) -> Placement:
    """Put the messages back as they were, with their references and the states of both conversations.

    What arrived since stays where it arrived. Raises Conflict, in words, where later changes must be undone first.
    """
    person = user or (User.objects.filter(pk=actor.id or 0).first() if actor.kind == "user" else None)
    rows = _lock(person, [placement.source_id, placement.target_id])
    source, target = rows[placement.source_id], rows[placement.target_id]
    placement = Placement.objects.select_for_update().get(pk=placement.pk)
    _refuse_undo(placement, source)
    ids: list[int] = placement.message_ids
    bulk.fetch_all(PUT_BACK, [source.pk, ids])
    Reference.objects.filter(pk__in=placement.undo.get("references", []), conversation=target).update(
        conversation=source
    )
    if source.state == State.MERGED:  # by this merge, or because an undo had emptied it
        source.merged_into = None
        _restore_state(source, placement.undo.get("source", {}))
    _settle(source)
    _settle(target, empty_into=source)
    before = placement.undo.get("target", {})
    # Its state returns if nobody has changed it since and it waits for no more than it did before.
    if target.state == before.get("after") and _waits(target) == before.get("waits"):
        _restore_state(target, before)
    placement.undone_at = clock.now()
    placement.save(update_fields=["undone_at"])
    facts = {"placement": placement.pk, "undone": placement.kind, "messages": len(ids)}
    journal.append_all(
        [
            Entry(
                actor, "conversation.unmerged", row.pk, row.contact_id, facts=facts | {"role": role, "other": other.pk}
            )
            for row, other, role in ((source, target, "source"), (target, source, "target"))
        ]
    )
    return placement


def _lock(user: User | None, ids: Sequence[int]) -> dict[int, Conversation]:
    """Return the conversations, locked in the order of ids; AccessDenied unless the person sees them all (INV-06)."""
    visible = Conversation.objects.all() if user is None else accessible_conversations(user)
    rows = {row.pk: row for row in visible.filter(pk__in=ids).order_by("pk").select_for_update(of=("self",))}
    if len(rows) != len(set(ids)):
        raise AccessDenied(_("This conversation does not exist, or belongs to a team that you are not in."))
    return rows


def _lock_pair(user: User, source: Conversation, target: Conversation) -> tuple[Conversation, Conversation]:
    if source.pk == target.pk:
        raise InputError(_("Choose a different conversation."), field="target")
    rows = _lock(user, [source.pk, target.pk])
    return rows[source.pk], rows[target.pk]


def _author(message: Message, source: Conversation) -> Contact:
    """Return the contact to whom a split-off conversation belongs, as that contact is known today."""
    contact = message.contact or source.contact
    while contact.merged_into is not None:
        contact = contact.merged_into
    return contact


def _refuse_merged(*rows: Conversation) -> None:
    for row in rows:
        if row.state == State.MERGED:
            raise Conflict(
                _("Conversation %(number)d was merged into another one. Undo that first.") % {"number": row.pk}
            )


def _check_networks(source: Conversation, target: Conversation) -> None:
    """Refuse to mix networks: an answer leaves by the target's channel and would not reach the source's author."""
    if source.channel == target.channel:
        return
    kinds = channels()
    networks = {kinds[row.channel].identity_kind if row.channel in kinds else row.channel for row in (source, target)}
    if len(networks) > 1:
        raise InputError(
            _(
                "These conversations are on different networks, so one answer cannot reach both. "
                "Link them in a note instead."
            ),
            field="target",
        )


def _check_some(source: Conversation, message_ids: Sequence[int]) -> list[int]:
    """Return the chosen messages in order, if they are some, and not all, of the source's."""
    chosen = sorted(set(message_ids))
    if not chosen:
        raise InputError(_("Choose at least one message."), field="message_ids")
    if len(chosen) > MAX_MESSAGES:
        raise InputError(
            _("Choose at most %(count)d messages at a time.") % {"count": MAX_MESSAGES}, field="message_ids"
        )
    if Message.objects.filter(conversation=source, pk__in=chosen).count() != len(chosen):
        raise Conflict(_("Some of these messages are no longer in this conversation. Reload it and choose again."))
    if not Message.objects.filter(conversation=source).exclude(pk__in=chosen).exists():
        raise InputError(_("These are all its messages. Merge the conversations instead."), field="message_ids")
    return chosen


def _place(
    kind: Placement.Kind, actor: Actor, user: User, source: Conversation, target: Conversation, ids: list[int]
) -> Placement:
    """Move the messages with their references, settle both conversations, and remember how to undo it."""
    refresh_waiting(target)
    undo: dict[str, Any] = {
        "source": _state_of(source),
        "target": _state_of(target),
        "references": _move_references(source, target, None if kind == Placement.Kind.MERGE else ids),
    }
    placement = Placement(kind=kind, source=source, target=target, message_ids=ids, source_state=source.state)
    bulk.fetch_all(PLACE, [target.pk, REASONS[kind], actor.name, ids])
    was_closed = source.state == State.SOLVED
    if kind == Placement.Kind.MERGE:
        source.state, source.merged_into, source.snoozed_until = State.MERGED, target, None
        source.save(update_fields=["state", "merged_into", "snoozed_until"])
    _settle(source)
    _settle(target)
    sleeps_on = target.state == State.SNOOZED and not target.wakes_on_reply  # until its instant, whatever comes in
    if not was_closed and not sleeps_on and target.state != State.OPEN and _brings_a_question(target, ids):
        target.state, target.snoozed_until = State.OPEN, None
        target.save(update_fields=["state", "snoozed_until"])
    undo["target"]["after"] = target.state
    placement.undo = undo
    placement.made_by, placement.made_at = user, clock.now()
    placement.save()
    _tell(placement, actor, source, target)
    return placement


def _move_references(source: Conversation, target: Conversation, ids: list[int] | None) -> list[int]:
    """Let the references follow the messages (None: all of the source's); return the ids of those that moved."""
    found = Reference.objects.filter(conversation=source)
    if ids is not None:
        rows = Message.objects.filter(pk__in=ids).values_list("message_id", "delivery__key")
        digests = {digest_of(name) for row in rows for name in row if name}
        found = found.filter(digest__in=digests)
    moved = list(found.order_by("id").values_list("id", flat=True))
    Reference.objects.filter(pk__in=moved).update(conversation=target)
    return moved


def _settle(row: Conversation, *, empty_into: Conversation | None = None) -> None:
    """Recompute what a conversation's list row shows. One that an undo left empty closes and leads to the other."""
    refresh_waiting(row)
    spoken = Message.objects.filter(conversation=row).exclude(kind=MessageKind.NOTE).order_by("-created_at", "-id")
    last = spoken.values_list("visible_text", "text").first()
    if last is not None:
        row.preview = preview(last[0] or last[1])
        row.save(update_fields=["preview"])
    if row.message_count == 0 and empty_into is not None:
        row.state, row.merged_into, row.snoozed_until = State.MERGED, empty_into, None
        row.save(update_fields=["state", "merged_into", "snoozed_until"])


def _brings_a_question(target: Conversation, ids: list[int]) -> bool:
    """Whether one of the messages that came in still waits for an answer."""
    if target.waiting_since is None:
        return False
    asked = Message.objects.filter(pk__in=ids, kind=MessageKind.INBOUND, automatic="")
    return asked.filter(created_at__gte=target.waiting_since).exists()


def _waits(row: Conversation) -> str | None:
    return row.waiting_since.isoformat() if row.waiting_since else None


def _state_of(row: Conversation) -> dict[str, str | bool | None]:
    """Return what `_restore_state` needs, as JSON."""
    until = row.snoozed_until.isoformat() if row.snoozed_until else None
    return {
        "state": row.state,
        "snoozed_until": until,
        "wakes_on_reply": row.wakes_on_reply,
        "waits": _waits(row),
    }


def _restore_state(row: Conversation, before: Mapping[str, Any]) -> None:
    row.state = before.get("state") or State.OPEN
    row.snoozed_until = parse_datetime(before.get("snoozed_until") or "")
    row.wakes_on_reply = before.get("wakes_on_reply", True)
    row.save(update_fields=["state", "merged_into", "snoozed_until", "wakes_on_reply"])


def _refuse_undo(placement: Placement, source: Conversation) -> None:
    if placement.undone_at is not None:
        raise Conflict(_("This was undone already."))
    # The placements of a message are a stack, and only the top comes off: whoever undid one below would leave those
    # above without a way back. A later placement of these messages took them from where this one had put them.
    ids = set(placement.message_ids)
    later = Placement.objects.filter(source_id=placement.target_id, pk__gt=placement.pk, undone_at=None)
    if any(ids.intersection(moved) for moved in later.values_list("message_ids", flat=True)):
        raise Conflict(_("Some of these messages were placed elsewhere since. Undo that first."))
    merges = Placement.objects.filter(source=source, kind=Placement.Kind.MERGE, undone_at=None).exclude(pk=placement.pk)
    if source.state == State.MERGED and merges.exists():
        raise Conflict(
            _("Conversation %(number)d, where they came from, was merged since. Undo that first.")
            % {"number": source.pk}
        )


def _tell(placement: Placement, actor: Actor, source: Conversation, target: Conversation) -> None:
    """Append one event to the story of each of the two conversations (INV-04)."""
    kind = {
        Placement.Kind.MOVE: "conversation.moved",
        Placement.Kind.MERGE: "conversation.merged",
        Placement.Kind.SPLIT: "conversation.split",
    }[Placement.Kind(placement.kind)]
    facts = {"placement": placement.pk, "messages": len(placement.message_ids)}
    entries = [
        Entry(actor, kind, row.pk, row.contact_id, facts=facts | {"role": role, "other": other.pk})
        for row, other, role in ((source, target, "source"), (target, source, "target"))
    ]
    if placement.kind == Placement.Kind.SPLIT:
        born = {
            "channel": target.channel,
            "account": target.account_id,
            "team": target.team_id,
            "split_from": source.pk,
        }
        entries.insert(0, Entry(actor, "conversation.created", target.pk, target.contact_id, facts=born))
    journal.append_all(entries)
