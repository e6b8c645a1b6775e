"""Replies: from the agent's click into the outbox, and what a person may do to them afterwards (INV-03).

    queued ──claim──▶ sending ──hand over──▶ sent ──▶ delivered
       │                 │  (before hand-over: back to queued, or failed)
       ▼                 └─ died after hand-over ──▶ unconfirmed ──reconcile or a person──▶ sent | queued
    cancelled

The reply, its outbox row and the journal event are one transaction; the row is the job (sender.py).
"""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import formats
from django.utils.translation import gettext as _

from comptoir.accounts.models import User
from comptoir.channels.base import Capability
from comptoir.channels.models import ChannelAccount
from comptoir.channels.registry import channel
from comptoir.conversations import intake
from comptoir.conversations.models import Attachment, Conversation, Message, MessageKind, State
from comptoir.conversations.services import checked_text, lock, refresh_waiting
from comptoir.core import bulk, clock
from comptoir.core.errors import Conflict, InputError
from comptoir.core.textfold import clean, preview
from comptoir.core.types import Outbound, Template
from comptoir.journal import services as journal
from comptoir.journal.services import Actor
from comptoir.outbound.models import Delivery, DeliveryState
from comptoir.outbound.rules import may_become
from comptoir.outbound.windows import last_asked, standing, templates_of

WAKE_CHANNEL = "comptoir_outbound"
MAX_RECIPIENTS = 50
REFERENCES_KEPT = 20


@dataclass(frozen=True, slots=True)
class Draft:
    """What an agent wants to send. `to` empty: the customer, where they wrote from."""

    text: str
    to: Sequence[tuple[str, str]] = ()  # (name, address)
    is_known_to: bool = False  # `to` is an identity of theirs and nothing that somebody typed
    cc: Sequence[tuple[str, str]] = ()
    subject: str = ""
    file_keys: Sequence[tuple[str, str, str, int]] = ()  # (storage key, filename, content type, size)
    send_at: datetime | None = None  # None: now, after the undo window
    forward_of: int | None = None  # message id that is forwarded with this comment
    automatic: str = (
        ""  # why no person wrote this ('rule'); such an answer leaves the customer waiting for one who does
    )
    then: str = ""  # the state of the conversation afterwards: '', 'pending' or 'solved'
    answers: int | None = None  # the message that is answered, where it is not the last (a public thread has many)
    asked: Message | None = None  # … or one of another thread: a public message that is answered in private
    template: Template | None = None  # an approved text instead of a free one
    choices: Sequence[str] = ()  # short answers that the customer can tap


def sending_account(conversation: Conversation) -> ChannelAccount:
    """Return the account by which answers leave: the one it came in by, or the mailbox that a form names."""
    account = conversation.account
    if channel(account.kind).replies_by != "email":
        return account
    mailbox = ChannelAccount.objects.filter(pk=account.options.get("reply_account") or 0, is_active=True).first()
    if mailbox is None:
        raise InputError(
            _("“%(name)s” has no mailbox to answer from. Choose one in the settings of this channel.")
            % {"name": account.name}
        )
    return mailbox


def default_recipients(conversation: Conversation) -> list[dict[str, str]]:
    """Return whom an answer goes to: the author of the last message received, at the address they want answers at."""
    last = (
        Message.objects.filter(conversation=conversation, kind=MessageKind.INBOUND)
        .order_by("-created_at", "-id")
        .first()
    )
    if last is None:
        return []
    wanted: list[dict[str, str]] = last.recipients.get("reply_to") or []
    return wanted or [{"name": last.author_name, "address": last.author_address}]


def _envelope(conversation: Conversation, account: ChannelAccount, draft: Draft) -> dict[str, Any]:
    """Return what the channel needs beyond the text; raises InputError for a wrong recipient."""
    able = channel(account.kind).capabilities
    people = {"to": list(draft.to), "cc": list(draft.cc)}
    if people["cc"] and Capability.CC not in able:
        raise InputError(_("This channel has no copies. Remove them, or write a note."), field="cc")
    if draft.file_keys and Capability.ATTACHMENTS not in able:
        raise InputError(_("This channel takes no files. Put them where a link can reach them."), field="files")
    for field, entries in people.items():
        for _name, address in entries:
            if draft.is_known_to:
                continue
            if "@" not in address or any(c in address for c in "\r\n,;<> "):
                raise InputError(_("“%(address)s” is not an e-mail address.") % {"address": address}, field=field)
    if len(people["to"]) + len(people["cc"]) > MAX_RECIPIENTS:
        raise InputError(_("Choose at most %(count)d recipients.") % {"count": MAX_RECIPIENTS}, field="cc")
    said = Message.objects.filter(conversation=conversation).exclude(message_id="").exclude(kind=MessageKind.NOTE)
    ids = list(said.order_by("-created_at", "-id").values_list("kind", "message_id", "id")[:REFERENCES_KEPT])
    last_inbound = next((row for row in ids if row[0] == MessageKind.INBOUND), None)
    forwarding = draft.forward_of is not None
    named = [{"name": clean(n), "address": a} for n, a in people["to"]]
    asked = _asked(conversation, draft)
    return {
        "to": named or (_author(asked) if draft.answers else default_recipients(conversation)),
        "cc": [{"name": clean(n), "address": a} for n, a in people["cc"]],
        "subject": clean(draft.subject)[:500],
        "thread_key": conversation.thread_key or "",
        "in_reply_to": "" if forwarding or not last_inbound else last_inbound[1],
        "references": [] if forwarding else [row[1] for row in reversed(ids)],
        "quoted": draft.forward_of if forwarding else last_inbound[2] if last_inbound else None,
        "forward": forwarding,
        **_of_network(conversation, draft, asked),
    }


def _asked(conversation: Conversation, draft: Draft) -> Message | None:
    """Return the message that is answered: the one that was chosen, or the customer's last."""
    if draft.asked is not None:
        return draft.asked
    if draft.answers is None:
        return last_asked(conversation)
    found = Message.objects.filter(conversation=conversation, pk=draft.answers, kind=MessageKind.INBOUND).first()
    if found is None:
        raise InputError(_("The message that you answer is not in this conversation any more."), field="answers")
    return found


def _author(asked: Message | None) -> list[dict[str, str]]:
    return [{"name": asked.author_name, "address": asked.author_address}] if asked else []


def _of_network(conversation: Conversation, draft: Draft, asked: Message | None) -> dict[str, Any]:
    """Return what a network needs beside the text; raises InputError when it allows no such answer now."""
    able, now = channel(conversation.channel).capabilities, clock.now()
    found: dict[str, Any] = {}
    if conversation.is_public:
        found["is_public"] = True
    if asked is not None and asked.facts:
        told = {"id": asked.message_id, "author": asked.author_address, "at": asked.sent_at.isoformat()}
        found["answers"] = {**asked.facts, **told}
        if asked.conversation_id != conversation.pk:
            found["answers"]["is_private_reply"] = True
    if draft.choices and Capability.CHOICES in able:
        found["choices"] = [clean(choice)[:80] for choice in draft.choices]
    if draft.template is not None:
        found["template"] = _checked_template(conversation, draft.template)
        return found
    stands = standing(conversation, asked, at=draft.send_at or now)
    if stands.needs_template:
        words = _("The time for a free answer is over on this network. Choose an approved text.")
        raise InputError(words, field="text")
    if stands.is_shut:
        raise InputError(_("This network takes no answer to this message any more. Try another way to the contact."))
    if stands.allows_late:
        found["is_late"] = True
    return found


def _checked_template(conversation: Conversation, chosen: Template) -> dict[str, Any]:
    known = next(
        (t for t in templates_of(conversation) if (t.name, t.language) == (chosen.name, chosen.language)), None
    )
    if known is None:
        raise InputError(_("This approved text is not there any more. Choose another one."), field="template")
    if any(not value.strip() for value in chosen.values) or len(chosen.values) != places_in(known.body):
        raise InputError(_("Fill in every place of the approved text."), field="template")
    return {"name": known.name, "language": known.language, "values": [clean(value) for value in chosen.values]}


def places_in(body: str) -> int:
    """Return how many places a template has: {{1}}, {{2}} …"""
    return max((int(number) for number in re.findall(r"\{\{(\d{1,2})\}\}", body)), default=0)


def filled(body: str, values: Sequence[str]) -> str:
    """Return a template with its values in their places, as the customer will read it."""
    return re.sub(r"\{\{(\d{1,2})\}\}", lambda m: values[int(m[1]) - 1] if 0 < int(m[1]) <= len(values) else m[0], body)


def _refuse_too_long(text: str, account: ChannelAccount, envelope: dict[str, Any]) -> None:
    """Raise InputError for a text that the channel can neither take whole nor split."""
    shown = channel(account.kind).preview
    is_public, answers = bool(envelope.get("is_public")), envelope.get("answers") or {}
    message = Outbound(key="", text=text, to=(), is_public=is_public, answers=answers)
    found = shown(message, account.options) if shown else None
    if found is not None and found.is_too_long:
        words = _("“%(name)s” takes %(limit)s characters at most; this has %(length)s. Shorten it.")
        numbers = {"limit": found.limit, "length": max(part.length for part in found.parts)}
        told = {key: formats.number_format(number, force_grouping=True) for key, number in numbers.items()}
        raise InputError(words % {"name": account.name, **told}, field="text")


@transaction.atomic
def queue_reply(*, actor: Actor, user: User | None, conversation: Conversation, draft: Draft) -> Delivery:
    """Put an answer into the outbox; it leaves after the undo window, or at the time asked for. Raises InputError."""
    text = checked_text(draft.text)
    row, now = lock(conversation), clock.now()
    if row.state == State.MERGED:
        raise InputError(_("This conversation was merged into another one. Answer there."))
    if draft.send_at is not None and draft.send_at <= now:
        raise InputError(_("Choose a time in the future."), field="send_at")
    account = sending_account(row)
    if not account.is_active or channel(account.kind).send is None:
        raise InputError(
            _("“%(name)s” cannot send at present. Ask an administrator to look at the channel.")
            % {"name": account.name}
        )
    envelope = _envelope(row, account, draft)
    _refuse_too_long(text, account, envelope)
    if not envelope["to"] or not envelope["to"][0]["address"]:
        raise InputError(_("It is not known where to send this. Name a recipient."), field="to")
    message, key = _write_message(row, account, user, actor, text, draft, envelope, now)
    delivery = Delivery.objects.create(
        message=message, account=account, key=key, envelope=envelope, scheduled_for=draft.send_at,
        due_at=draft.send_at or now + timedelta(seconds=settings.UNDO_SECONDS),
    )  # fmt: skip
    _after_reply(row, user, message, draft)
    facts = {
        "delivery": delivery.pk,
        "forward": envelope["forward"],
        "scheduled": bool(draft.send_at),
        "then": draft.then,
    }
    journal.append(
        actor=actor,
        kind="reply.queued",
        conversation_id=row.pk,
        contact_id=row.contact_id,
        message_id=message.pk,
        facts=facts,
    )
    bulk.notify(WAKE_CHANNEL, "")
    return delivery


def _write_message(
    row: Conversation,
    account: ChannelAccount,
    user: User | None,
    actor: Actor,
    text: str,
    draft: Draft,
    envelope: dict[str, Any],
    now: datetime,
) -> tuple[Message, str]:
    domain = account.address.rpartition("@")[2] or "comptoir.invalid"
    key = f"{row.pk}.{uuid.uuid4().hex}@{domain}"
    message = Message.objects.create(
        conversation=row, kind=MessageKind.OUTBOUND, user=user, author_name=user.name if user else actor.name,
        author_address=account.address, subject=envelope["subject"], text=text, language=row.language, message_id=key,
        recipients={"to": envelope["to"], "cc": envelope["cc"]}, attachment_count=len(draft.file_keys),
        automatic=draft.automatic, sent_at=now, created_at=now,
    )  # fmt: skip
    Attachment.objects.bulk_create(
        Attachment(message=message, key=k, filename=clean(name)[:255], content_type=kind[:127], size=size)
        for k, name, kind, size in draft.file_keys
    )
    intake.register_reference(account_id=account.pk, message_id=key, conversation_id=row.pk)
    return message, key


def _after_reply(row: Conversation, user: User | None, message: Message, draft: Draft) -> None:
    """Bring the conversation up to date: it no longer waits, and who answers an unassigned one takes it."""
    if draft.then not in {"", State.PENDING, State.SOLVED}:
        raise InputError(_("After the answer a conversation may stay open, wait for the customer or be solved."))
    if draft.forward_of is None and not draft.automatic:
        row.waiting_since = None
    row.last_message_at, row.preview = message.created_at, preview(message.text)
    row.message_count += 1
    if user is not None and row.assignee_id is None and user.memberships.filter(team_id=row.team_id).exists():
        row.assignee = user
    if draft.then:
        row.state = draft.then
        row.snoozed_until = None
    fields = ["waiting_since", "last_message_at", "preview", "message_count", "assignee", "state", "snoozed_until"]
    row.save(update_fields=fields)


def _locked(delivery: Delivery) -> tuple[Delivery, Conversation]:
    """Lock the conversation first and then the delivery, always in this order."""
    conversation = lock(
        Conversation(pk=Message.objects.values_list("conversation_id", flat=True).get(pk=delivery.message_id))
    )
    return Delivery.objects.select_for_update().get(pk=delivery.pk), conversation


def _change(actor: Actor, row: Delivery, conversation: Conversation, state: str, kind: str, reason: str = "") -> None:
    if not may_become(row.state, state):
        raise Conflict(
            _("The state of this message is now “%(state)s”. Reload the page to see it.")
            % {"state": row.get_state_display()}
        )
    facts = {"delivery": row.pk, "from": row.state, "to": state, "reason": reason}
    row.state, row.reason = state, reason
    row.save()
    refresh_waiting(conversation)
    journal.append(
        actor=actor, kind=kind, conversation_id=conversation.pk, contact_id=conversation.contact_id,
        message_id=row.message_id, facts=facts,
    )  # fmt: skip


@transaction.atomic
def cancel_delivery(*, actor: Actor, delivery: Delivery) -> Delivery:
    """Take a reply back while it is still queued; raises Conflict once it is leaving."""
    row, conversation = _locked(delivery)
    row.finished_at = clock.now()
    _change(actor, row, conversation, DeliveryState.CANCELLED, "reply.cancelled")
    return row


@transaction.atomic
def retry_delivery(*, actor: Actor, delivery: Delivery) -> Delivery:
    """Send a failed or unconfirmed reply again, on a person's word that it did not arrive."""
    row, conversation = _locked(delivery)
    row.due_at, row.attempts = clock.now(), 0
    row.claimed_at = row.handed_over_at = row.finished_at = None
    _change(actor, row, conversation, DeliveryState.QUEUED, "reply.queued", "again")
    bulk.notify(WAKE_CHANNEL, "")
    return row


@transaction.atomic
def confirm_delivery(*, actor: Actor, delivery: Delivery) -> Delivery:
    """Mark an unconfirmed reply as sent, on a person's word that it arrived."""
    row, conversation = _locked(delivery)
    row.finished_at = clock.now()
    _change(actor, row, conversation, DeliveryState.SENT, "reply.sent", "confirmed by a person")
    return row
