"""Hiding a stranger's public message under what we posted, and showing it again, where the network can."""

from django.db import transaction
from django.utils.translation import gettext as _

from comptoir.channels.registry import channels
from comptoir.channels.services import account_config
from comptoir.conversations.amending import note_hidden
from comptoir.conversations.models import Conversation, Message, MessageKind
from comptoir.conversations.services import lock
from comptoir.core import clock
from comptoir.core.errors import InputError
from comptoir.journal.services import Actor


def can_hide(conversation: Conversation) -> bool:
    """Whether messages of a conversation can be hidden from the public."""
    channel = channels().get(conversation.channel)
    return conversation.is_public and channel is not None and channel.hide is not None


def hide_message(*, actor: Actor, message: Message, hidden: bool) -> None:
    """Hide a message, or show it again: first on the network, then here. Raises InputError, ChannelError."""
    conversation = message.conversation
    channel = channels().get(conversation.channel)
    if channel is None or channel.hide is None or message.kind != MessageKind.INBOUND or not conversation.is_public:
        raise InputError(_("This network cannot hide that message."))
    channel.hide(message.message_id, account_config(conversation.account), hidden=hidden)
    with transaction.atomic():
        lock(conversation)
        note_hidden(actor=actor, message=message, hidden=hidden, at=clock.now())
