"""What the widget's requests became in the inbound log: messages, an e-mail address left behind, receipts. Pure.

The records were written by our own services, so anything that does not fit is an anomaly and is set aside.
"""

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from comptoir.core.errors import AnomalousPayload
from comptoir.core.types import Author, Delivered, Inbound, InboundKind, ParseContext, Receipt

HINT_BELOW = 60  # characters: a longer text says itself which language it is in

Key = Annotated[str, Field(pattern=r"^[a-z2-7]{26}$")]


class _Event(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    session: Key
    at: Annotated[AwareDatetime, Field(strict=False)]


class ChatMessage(_Event):
    """The visitor wrote something."""

    type: Literal["message"] = "message"
    id: Annotated[str, Field(min_length=1, max_length=40)]
    text: Annotated[str, Field(min_length=1, max_length=20_000)]
    name: Annotated[str, Field(max_length=120)] = ""
    email: Annotated[str, Field(max_length=254)] = ""
    language: Literal["fr", "en"] = "en"
    page: Annotated[str, Field(max_length=2_000)] = ""


class ChatContact(_Event):
    """The visitor said who they are, without writing."""

    type: Literal["contact"] = "contact"
    name: Annotated[str, Field(max_length=120)] = ""
    email: Annotated[str, Field(min_length=3, max_length=254)]


class ChatReceipt(_Event):
    """The visitor's widget has shown a reply of ours."""

    type: Literal["receipt"] = "receipt"
    key: Annotated[str, Field(min_length=1, max_length=200)]


Event = Annotated[ChatMessage | ChatContact | ChatReceipt, Field(discriminator="type")]
_ADAPTER: TypeAdapter[ChatMessage | ChatContact | ChatReceipt] = TypeAdapter(Event)


def parse(raw: bytes, context: ParseContext, store: Callable[[bytes], str]) -> list[Inbound]:
    """Parse one record of the chat."""
    try:
        event = _ADAPTER.validate_json(raw)
    except (ValidationError, ValueError, RecursionError) as error:
        wrong = error.errors() if isinstance(error, ValidationError) else []
        where = ", ".join(sorted({".".join(map(str, e["loc"])) or e["type"] for e in wrong}))[:200]
        raise AnomalousPayload(f"This is not an event of our chat ({where or 'not readable'}).") from None
    if isinstance(event, ChatReceipt):
        author = Author("webchat", event.session)
        return [Inbound(author, "", InboundKind.RECEIPT, receipt=Receipt(event.key, Delivered.DELIVERED))]
    author = Author("webchat", event.session, event.name)
    # The typed address is what the visitor says, no more: the pipeline keeps it as an unverified identity.
    claims = (Author("email", event.email, event.name),) if event.email else ()
    if isinstance(event, ChatContact):
        return [Inbound(author, "", InboundKind.CONTACT, thread_key=event.session, extra_identities=claims)]
    return [
        Inbound(
            author=author,
            text=event.text.replace("\x00", ""),
            thread_key=event.session,
            sent_at=min(event.at, context.received_at),
            language=event.language if len(event.text) < HINT_BELOW else "",
            extra_identities=claims,
            meta={"page": event.page, "client_id": event.id},
        )
    ]
