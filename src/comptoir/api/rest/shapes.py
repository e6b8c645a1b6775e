"""Rows as the API shows them; shared with the outgoing webhooks, so that both tell a thing in the same words."""

from typing import Literal, cast

from comptoir.api.rest import schemas
from comptoir.contacts.models import Contact
from comptoir.conversations.models import Attachment, Conversation, Message
from comptoir.inbound.models import Record


def contact_out(row: Contact) -> schemas.ContactOut:
    """Show a contact; its identities should be prefetched."""
    return schemas.ContactOut(
        id=row.pk,
        name=row.name,
        company=row.company,
        language=row.language,
        attributes=row.attributes,
        identities=[
            schemas.IdentityOut(kind=i.kind, address=i.address, is_verified=i.is_verified) for i in row.identities.all()
        ],
        created_at=row.created_at,
    )


def conversation_out(row: Conversation) -> schemas.ConversationOut:
    """Show a conversation; its labels should be prefetched."""
    return schemas.ConversationOut(
        id=row.pk,
        account_id=row.account_id,
        channel=row.channel,
        contact_id=row.contact_id,
        team_id=row.team_id,
        assignee_id=row.assignee_id,
        subject=row.subject,
        preview=row.preview,
        language=row.language,
        state=cast(schemas.AnyState, row.state),
        priority=schemas.PRIORITY_NAMES[row.priority],
        labels=sorted(label.name for label in row.labels.all()),
        fields=row.fields,
        waiting_since=row.waiting_since,
        snoozed_until=row.snoozed_until,
        merged_into_id=row.merged_into_id,
        message_count=row.message_count,
        is_public=row.is_public,
        created_at=row.created_at,
        last_message_at=row.last_message_at,
    )


def message_out(row: Message) -> schemas.MessageOut:
    """Show a message; its attachments and its delivery should be prefetched."""
    delivery = getattr(row, "delivery", None)
    people = {name: [schemas.Person(**p) for p in row.recipients.get(name) or []] for name in ("to", "cc")}
    return schemas.MessageOut(
        id=row.pk,
        conversation_id=row.conversation_id,
        kind=cast(Literal["in", "out", "note"], row.kind),
        author=schemas.Person(name=row.author_name, address=row.author_address),
        contact_id=row.contact_id,
        user_id=row.user_id,
        subject=row.subject,
        text=row.text,
        visible_text=row.body,
        language=row.language,
        to=people["to"],
        cc=people["cc"],
        automatic=row.automatic,
        placed_by=row.placement.get("reason", ""),
        attachments=[attachment_out(attachment) for attachment in row.attachments.all()],
        delivery=schemas.DeliveryOut(state=delivery.state, reason=delivery.reason, due_at=delivery.due_at)
        if delivery
        else None,
        permalink=str(row.facts.get("permalink", "")),
        edited_text=row.marks.get("text"),
        deleted_at=row.marks.get("deleted_at"),
        hidden_at=row.marks.get("hidden_at"),
        reactions=row.marks.get("reactions", {}),
        sent_at=row.sent_at,
        created_at=row.created_at,
    )


def attachment_out(row: Attachment) -> schemas.AttachmentOut:
    """Show an attachment."""
    return schemas.AttachmentOut(
        id=row.pk, filename=row.filename, content_type=row.content_type, size=row.size, inline=row.inline
    )


def record_values(row: Record, size: int) -> dict[str, object]:
    """Return the fields of RecordOut."""
    return {
        "id": row.pk,
        "account_id": row.account_id,
        "external_id": row.external_id,
        "source": row.source,
        "content_type": row.content_type,
        "state": schemas.RECORD_NAMES[row.state],
        "reason": row.reason,
        "size": size,
        "received_at": row.received_at,
        "digested_at": row.digested_at,
    }
