"""What will really leave: an answer as its channel makes it, and its length in words. It asks the channel."""

from dataclasses import dataclass
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from comptoir.accounts.models import User
from comptoir.channels.base import Preview, Unit
from comptoir.channels.models import ChannelAccount
from comptoir.channels.registry import channels
from comptoir.conversations.models import Conversation, Message, MessageKind
from comptoir.core.errors import InputError
from comptoir.core.types import Outbound
from comptoir.outbound.elsewhere import opening_subject
from comptoir.outbound.roads import Road
from comptoir.outbound.sender import history, reply_subject
from comptoir.outbound.services import sending_account


@dataclass(frozen=True, slots=True)
class Count:
    """How long it is, in words. `tone` is 'bad' where it cannot be sent like this."""

    words: str
    tone: str = ""


def account_for(conversation: Conversation, road: Road | None) -> ChannelAccount | None:
    """Return the account by which an answer would leave; None where it cannot."""
    if road is not None:
        return road.account
    try:
        return sending_account(conversation)
    except InputError:
        return None


def measured(account: ChannelAccount | None, text: str, conversation: Conversation | None = None) -> Preview | None:
    """Return the parts of a text as the channel counts them in a conversation; None where it cannot send."""
    channel = channels().get(account.kind) if account else None
    if account is None or channel is None or channel.preview is None:
        return None
    message = Outbound(key="", text=text, to=(), **_of_network(account, conversation))
    return channel.preview(message, account.options)


def _of_network(account: ChannelAccount, conversation: Conversation | None) -> dict[str, Any]:
    """Return what a network's lengths depend on: a comment is shorter than a message."""
    if conversation is None or conversation.account_id != account.pk or not conversation.is_public:
        return {}
    asked = _last_received(conversation)
    return {"is_public": True, "answers": {**asked.facts, "id": asked.message_id} if asked else {}}


def preview_of(
    *, user: User, conversation: Conversation, road: Road | None, text: str, forwarded: Message | None = None
) -> Preview | None:
    """Return what leaves, complete: subject, text, signature, history."""
    account = account_for(conversation, road)
    channel = channels().get(account.kind) if account else None
    if account is None or channel is None or channel.preview is None:
        return None
    there = road.conversation if road else conversation
    quoted = forwarded or (_last_received(there) if there else None)
    if there is None:
        subject = opening_subject(conversation)
    else:
        subject = reply_subject(there.subject, forward=forwarded is not None)
    message = Outbound(
        key="", text=text, to=(), subject=subject, from_name=user.name,
        signature=account.signature, quoted=history(quoted, forward=forwarded is not None) if quoted else "",
        **_of_network(account, None if road and road.asked else conversation),
    )  # fmt: skip
    return channel.preview(message, account.options)


def _last_received(conversation: Conversation) -> Message | None:
    received = Message.objects.filter(conversation=conversation, kind=MessageKind.INBOUND).defer("html", "search")
    return received.order_by("-created_at", "-id").first()


def count_of(preview: Preview | None) -> Count | None:
    """Return the length in words: '212 of 280', '3 parts'; None where the channel sets no limit."""
    if preview is None or not preview.limit:
        return None
    number = formats.number_format
    if len(preview.parts) > 1:
        n = len(preview.parts)
        words = ngettext("%(n)s part", "%(n)s parts", n) % {"n": n}
        if preview.unit is Unit.SMS:
            words = ngettext("%(n)s segment", "%(n)s segments", n) % {"n": n}
        return Count(words, "warn")
    length = preview.parts[0].length
    told = _("%(length)s of %(limit)s") % {
        "length": number(length, force_grouping=True), "limit": number(preview.limit, force_grouping=True),
    }  # fmt: skip
    return Count(told, "bad" if preview.is_too_long else "warn" if length > preview.limit * 0.9 else "")
