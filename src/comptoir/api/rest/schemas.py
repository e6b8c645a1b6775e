"""The shapes of the API: what it takes, each field with its limit, and what it gives."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field

MAX_ID = 2**63 - 1
Id = Annotated[int, Field(ge=1, le=MAX_ID)]
StateName = Literal["open", "pending", "snoozed", "solved"]
AnyState = Literal["open", "pending", "snoozed", "solved", "merged"]
PriorityName = Literal["low", "normal", "high", "urgent"]
PRIORITIES: dict[str, int] = {"low": -1, "normal": 0, "high": 1, "urgent": 2}
PRIORITY_NAMES: dict[int, PriorityName] = {-1: "low", 0: "normal", 1: "high", 2: "urgent"}
RECORD_STATES: dict[str, int] = {"pending": 0, "done": 1, "failed": 2, "ignored": 3}
RECORD_NAMES = {number: name for name, number in RECORD_STATES.items()}
MAX_FILES = 20
MAX_FILE = 12_000_000  # characters of Base64: 9 MB


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("NUL characters cannot be stored")
    return text


def _in_utc(at: datetime) -> datetime:
    """Return the instant in UTC: PostgreSQL refuses time zones beyond 16 hours, which Python accepts."""
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("this instant is outside the calendar") from None


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Storable = AfterValidator(_storable)
Word = Annotated[str, Field(max_length=40), Storable]
Line = Annotated[str, Field(max_length=200), Storable]
Address = Annotated[str, Field(max_length=320), Storable]
Subject = Annotated[str, Field(max_length=500), Storable]
FileName = Annotated[str, Field(min_length=1, max_length=255), Storable]


class Input(Schema):
    """What is sent to us; a field that we do not know is refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid")


class IdentityOut(Schema):
    """An address of a contact."""

    kind: str
    address: str
    is_verified: bool


class ContactOut(Schema):
    """A person who writes to the organisation."""

    id: int
    name: str
    company: str
    language: str
    attributes: dict[str, Any]
    identities: list[IdentityOut]
    created_at: datetime


class ContactPatch(Input):
    """What can be changed of a contact; what is left out stays."""

    name: Line | None = None
    company: Line | None = None
    language: Annotated[str, Field(max_length=8, pattern=r"^[a-zA-Z-]*$")] | None = None
    attributes: Annotated[dict[str, str], Field(max_length=50)] | None = None


class ConversationOut(Schema):
    """A thread with one contact on one account."""

    id: int
    account_id: int
    channel: str
    contact_id: int
    team_id: int
    assignee_id: int | None
    subject: str
    preview: str
    language: str
    state: AnyState
    priority: PriorityName
    labels: list[str] = Field(description="The names of its labels")
    fields: dict[str, Any] = Field(description="The values of the organisation's own fields by key")
    waiting_since: datetime | None
    snoozed_until: datetime | None
    merged_into_id: int | None
    message_count: int
    is_public: bool = Field(description="Whether everybody can read it on its network")
    created_at: datetime
    last_message_at: datetime


class ConversationPatch(Input):
    """What can be changed of a conversation; what is left out stays. `assignee_id: null` frees it."""

    assignee_id: Id | None = None
    team_id: Id | None = None
    state: StateName | None = None
    snoozed_until: Instant | None = None
    priority: PriorityName | None = None
    labels: Annotated[list[Word], Field(max_length=50, description="Names; they replace all labels")] | None = None
    fields: Annotated[dict[Word, str | float | bool | None], Field(max_length=40)] | None = Field(
        None, description="Values of own fields by key; those left out stay, null empties"
    )


class Person(Schema):
    """A name and an address."""

    name: str = ""
    address: str = ""


class AttachmentOut(Schema):
    """A file of a message; its bytes are at /attachments/{id}."""

    id: int
    filename: str
    content_type: str
    size: int
    inline: bool


class DeliveryOut(Schema):
    """What is known about an outgoing message."""

    state: Literal["queued", "sending", "sent", "delivered", "read", "failed", "unconfirmed", "cancelled"]
    reason: str
    due_at: datetime


class MessageOut(Schema):
    """A message received or sent, or an internal note."""

    id: int
    conversation_id: int
    kind: Literal["in", "out", "note"]
    author: Person
    contact_id: int | None
    user_id: int | None
    subject: str
    text: str
    visible_text: str = Field(description="The text without quoted history and signature")
    language: str
    to: list[Person]
    cc: list[Person]
    automatic: str = Field(description="Why no person wrote it: auto-reply, bounce, list …; empty otherwise")
    placed_by: str = Field(description="Why it is in this conversation: in-reply-to, references, token, moved …")
    attachments: list[AttachmentOut]
    delivery: DeliveryOut | None
    permalink: str = Field(description="Where it stands on its network; empty where it has no address")
    edited_text: str | None = Field(description="What it says since its author changed it; `text` is the original")
    deleted_at: datetime | None = Field(description="When its author took it back; the text is kept here")
    hidden_at: datetime | None = Field(description="Since when it is hidden from the public")
    reactions: dict[str, int] = Field(description="How often it was reacted to, by emoji or by the network's word")
    sent_at: datetime
    created_at: datetime


class PersonIn(Input):
    """A recipient."""

    name: Line = ""
    address: Annotated[str, Field(min_length=3, max_length=254)]


class FileIn(Input):
    """A file to send along."""

    filename: FileName
    content_type: Annotated[str, Field(max_length=127, pattern=r"^[\w.+-]+/[\w.+-]+$")] = "application/octet-stream"
    content_base64: Annotated[str, Field(max_length=MAX_FILE)]


class ReplyIn(Input):
    """An answer. Without `to` it goes to the customer, where they wrote from."""

    text: Annotated[str, Field(min_length=1, max_length=200_000)]
    subject: Subject = ""
    to: Annotated[list[PersonIn], Field(max_length=20)] = []
    cc: Annotated[list[PersonIn], Field(max_length=20)] = []
    files: Annotated[list[FileIn], Field(max_length=MAX_FILES)] = []
    send_at: Instant | None = None
    then: Literal["", "pending", "solved"] = Field("", description="The state of the conversation afterwards")


class NoteIn(Input):
    """An internal note; the customer never sees it."""

    text: Annotated[str, Field(min_length=1, max_length=200_000)]


class HealthOut(Schema):
    """What is known about an account's connection."""

    connected_at: datetime | None
    last_event_at: datetime | None
    last_error: str
    last_error_at: datetime | None
    backlog: int = Field(description="Records that wait to be read")
    oldest_waiting_at: datetime | None
    failed: int = Field(description="Records set aside")


class AccountOut(Schema):
    """A connected account; its credentials never leave the installation."""

    id: int
    kind: str
    name: str
    address: str
    team_id: int
    is_active: bool
    health: HealthOut


class RecordOut(Schema):
    """A record of the inbound log."""

    id: int
    account_id: int
    external_id: str
    source: str
    content_type: str
    state: Literal["pending", "done", "failed", "ignored"]
    reason: str
    size: int
    received_at: datetime
    digested_at: datetime | None


class RawRecordOut(RecordOut):
    """A record with the bytes as they came."""

    raw_base64: str
    is_truncated: bool


class AcceptedOut(Schema):
    """What became of pushed events. Those that were known already are accepted without effect."""

    accepted: int
    new: int


class ReplayedOut(Schema):
    """How many records went back to the queue."""

    replayed: int


class TeamOut(Schema):
    """A team."""

    id: int
    name: str


class ColleagueOut(Schema):
    """A person to whom conversations can be given."""

    id: int
    name: str
    email: str


class MeOut(Schema):
    """The token that asks, and with whose eyes it sees."""

    token: str
    scopes: list[str]
    user_id: int
    teams: list[TeamOut]
    colleagues: list[ColleagueOut]


class ContactPage(Schema):
    """A page of contacts."""

    items: list[ContactOut]
    next_cursor: str | None


class ConversationPage(Schema):
    """A page of conversations."""

    items: list[ConversationOut]
    next_cursor: str | None


class MessagePage(Schema):
    """A page of messages."""

    items: list[MessageOut]
    next_cursor: str | None


class RecordPage(Schema):
    """A page of the inbound log."""

    items: list[RecordOut]
    next_cursor: str | None


class PageQuery(Schema):
    """Where to go on, and how much at a time."""

    cursor: Annotated[str, Field(max_length=60)] = Field("", description="next_cursor of the page before")
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class ContactQuery(PageQuery):
    """Which contacts."""

    address: Address = Field("", description="Only who writes from this address")


class ConversationQuery(PageQuery):
    """Which conversations."""

    state: AnyState | None = None
    team: Id | None = None
    channel: Word | None = None
    assignee: Id | None = None
    contact: Id | None = None
    updated_since: Instant | None = Field(None, description="Only those with a message or a change since then")


class RecordQuery(PageQuery):
    """Which records."""

    account: Id | None = None
    state: Literal["pending", "done", "failed", "ignored"] | None = None
