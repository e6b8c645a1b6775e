"""Answering by another channel: the answer stands in the contact's conversation there, and each names the other.

The customer has been answered, so the conversation that was open waits for them. Taking the answer back within the undo
window is as anywhere else; its envelope knows where it came from.
"""

from dataclasses import replace

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import override

from comptoir.accounts.models import User
from comptoir.conversations.models import Conversation, State
from comptoir.conversations.services import lock, set_state
from comptoir.core import clock
from comptoir.journal import services as journal
from comptoir.journal.services import Actor
from comptoir.outbound.models import Delivery
from comptoir.outbound.roads import Road
from comptoir.outbound.services import Draft, queue_reply


@transaction.atomic
def reply_elsewhere(*, actor: Actor, user: User, conversation: Conversation, road: Road, draft: Draft) -> Delivery:
    """Queue an answer on another road of the contact. Raises InputError, as queue_reply does."""
    # In the order of their numbers, so that two people who cross each other do not wait for ever.
    for number in sorted({conversation.pk, road.conversation.pk if road.conversation else conversation.pk}):
        lock(Conversation(pk=number))
    target = road.conversation or _open(actor, conversation, road, draft)
    if road.asked is not None:
        draft = replace(
            draft, to=[(road.asked.author_name, road.asked.author_address)], asked=road.asked, is_known_to=True
        )
    if road.identity is not None:
        name = road.identity.name or conversation.contact.name
        draft = replace(draft, to=[(name, road.identity.address)], is_known_to=True)
    if road.conversation is None:
        draft = replace(draft, subject=target.subject)
    delivery = queue_reply(actor=actor, user=user, conversation=target, draft=draft)
    if target.pk == conversation.pk:
        return delivery  # another address of theirs, in the same thread
    delivery.envelope["continues"] = conversation.pk
    delivery.save(update_fields=["envelope"])
    facts = {"channel": road.account.kind, "account": road.account.name}
    for here, there, way in ((conversation, target, "to"), (target, conversation, "from")):
        journal.append(
            actor=actor, kind="conversation.continued", conversation_id=here.pk, contact_id=conversation.contact_id,
            message_id=delivery.message_id, facts=facts | {way: there.pk},
        )  # fmt: skip
    if Conversation.objects.values_list("state", flat=True).get(pk=conversation.pk) in {State.OPEN, State.SNOOZED}:
        set_state(actor=actor, conversation=conversation, state=draft.then or State.PENDING)
    return delivery


def opening_subject(source: Conversation) -> str:
    """Return the subject of a thread that we begin: the one it goes on from, or words in the customer's language."""
    with override("fr" if source.language == "fr" else "en"):
        return source.subject or _("Our answer to your message")


def _open(actor: Actor, source: Conversation, road: Road, draft: Draft) -> Conversation:
    """Open a conversation with the contact on another account, in that account's team."""
    now, subject = clock.now(), draft.subject or opening_subject(source)
    if road.asked is not None:
        subject = ""  # a private message has none
    contact_id = (road.asked.contact_id if road.asked is not None else None) or source.contact_id
    target = Conversation.objects.create(
        account=road.account, channel=road.account.kind, contact_id=contact_id, team_id=road.account.team_id,
        thread_key=road.thread_key or None,
        subject=subject, language=source.language, priority=source.priority, created_at=now, last_message_at=now,
    )  # fmt: skip
    facts = {"channel": road.account.kind, "account": road.account.pk, "team": target.team_id}
    journal.append(
        actor=actor, kind="conversation.created", conversation_id=target.pk, contact_id=target.contact_id, facts=facts
    )
    return target
