"""Until when a customer may be answered freely, by the platform's rules, and what is allowed afterwards."""

from dataclasses import dataclass
from datetime import datetime

from comptoir.channels.base import After, Window
from comptoir.channels.models import ApprovedTemplate
from comptoir.channels.registry import channels
from comptoir.conversations.models import Conversation, Message, MessageKind


@dataclass(frozen=True, slots=True)
class Standing:
    """What may leave in a conversation now. `window` is None where answers may always leave."""

    window: Window | None
    is_open: bool = True
    allows_late: bool = False  # the window has closed, and a person may still answer under the platform's tag
    needs_template: bool = False

    @property
    def is_shut(self) -> bool:
        """Whether nothing at all may leave."""
        return not (self.is_open or self.allows_late or self.needs_template)


FREE = Standing(None)


def last_asked(conversation: Conversation) -> Message | None:
    """Return the customer's last message."""
    found = Message.objects.filter(conversation=conversation, kind=MessageKind.INBOUND).defer("search", "html")
    return found.order_by("-created_at", "-id").first()


def standing(conversation: Conversation, asked: Message | None, *, at: datetime) -> Standing:
    """Return what may leave in a conversation at an instant; `asked` is the customer's last message."""
    channel = channels().get(conversation.channel)
    if channel is None or channel.window is None:
        return FREE
    if asked is None:  # we began: the platform takes what it takes of somebody who has not written
        window = channel.window(conversation.created_at, is_public=conversation.is_public, facts={})
        return Standing(window, is_open=False, needs_template=window is not None and window.after is After.TEMPLATE)
    facts = asked.facts
    if asked.conversation_id != conversation.pk:  # a public message that is answered in private has limits of its own
        facts = {**facts, "is_private_reply": True}
    window = channel.window(asked.sent_at, is_public=conversation.is_public, facts=facts)
    if window is None or at < window.closes_at:
        return Standing(window)
    is_late = window.after is After.TAG and (window.ends_at is None or at < window.ends_at)
    return Standing(window, is_open=False, allows_late=is_late, needs_template=window.after is After.TEMPLATE)


def templates_of(conversation: Conversation) -> list[ApprovedTemplate]:
    """Return the approved templates of the conversation's account, those in the customer's language first."""
    found = ApprovedTemplate.objects.filter(account_id=conversation.account_id, status="approved")
    return sorted(found, key=lambda one: (not one.language.startswith(conversation.language or "?"), one.name))
