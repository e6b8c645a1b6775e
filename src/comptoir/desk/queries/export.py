"""The reader of a whole conversation, for an export: every message and every event, however many there are."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import BigIntegerField, F, Func, Sum

from comptoir.conversations.models import Attachment, Conversation, Message, MessageKind
from comptoir.inbound.models import Record
from comptoir.journal.models import Event

MOST = 5000  # messages; more is an archive, which the API hands out page by page


@dataclass(frozen=True, slots=True)
class Whole:
    """A conversation with all that was said and done. Without notes there are no events either: both are internal."""

    conversation: Conversation
    messages: Sequence[Message]
    files: dict[int, list[Attachment]]
    events: Sequence[Event]
    with_notes: bool


def whole_conversation(conversation: Conversation, *, with_notes: bool) -> Whole:
    """Return everything of a conversation that the caller may see (its caller asked access_conversation)."""
    found = Message.objects.filter(conversation=conversation).defer("search", "html").order_by("created_at", "id")
    if not with_notes:
        found = found.exclude(kind=MessageKind.NOTE)
    messages = list(found[:MOST])
    files: dict[int, list[Attachment]] = {message.pk: [] for message in messages}
    for attachment in Attachment.objects.filter(message__in=messages).order_by("id"):
        files[attachment.message_id].append(attachment)
    events = (
        Event.objects.filter(conversation_id=conversation.pk).order_by("id") if with_notes else Event.objects.none()
    )
    return Whole(conversation, messages, files, list(events), with_notes)


def size_of_originals(messages: Sequence[Message]) -> int:
    """Return how many bytes `originals` would read."""
    records = [message.record_id for message in messages if message.record_id]
    found = Record.objects.filter(pk__in=records, content_type="message/rfc822")
    size = Func(F("raw"), function="octet_length", output_field=BigIntegerField())
    return int(found.aggregate(total=Sum(size))["total"] or 0)


def originals(messages: Sequence[Message]) -> dict[int, bytes]:
    """Return the raw bytes of those messages that came in as e-mail, by the message."""
    records = {message.record_id: message.pk for message in messages if message.record_id}
    found = Record.objects.filter(pk__in=records, content_type="message/rfc822").values_list("pk", "raw")
    return {records[number]: bytes(raw) for number, raw in found.iterator(chunk_size=50)}
