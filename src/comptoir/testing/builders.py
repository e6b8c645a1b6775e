"""Small builders of rows for tests and demonstrations of a screen: everything has a sensible default.

They write tables directly, without the services: a test says what is there, not how it came to be. Never used by
the product itself.
"""

import itertools
from datetime import datetime, timedelta
from typing import Any

from allauth.mfa.models import Authenticator

from comptoir.accounts.models import Membership, Role, Team, User
from comptoir.channels.models import AccountHealth, ChannelAccount
from comptoir.contacts.models import Contact, Identity
from comptoir.conversations.models import Attachment, Conversation, Message, State
from comptoir.core import clock, storage
from comptoir.inbound.models import Record, RecordState
from comptoir.listening.models import Burst, Hit, Mention, Search, Source
from comptoir.moving.models import Import, Stage
from comptoir.notifications.models import Notification
from comptoir.outbound.models import Delivery, DeliveryState
from comptoir.reminders.models import Reminder

PASSWORD = "correct horse 42"  # of people that exist only in tests
_numbers = itertools.count(1)


def make_team(name: str = "") -> Team:
    """Create a team."""
    return Team.objects.create(name=name or f"Team {next(_numbers)}")


def make_user(
    *teams: Team,
    name: str = "Camille Roux",
    email: str = "",
    role: str = Role.AGENT,
    language: str = "en",
    **fields: Any,
) -> User:
    """Create a person in the given teams; their password is PASSWORD."""
    email = email or f"user{next(_numbers)}@example.org"
    user = User.objects.create_user(email, PASSWORD, name=name, role=role, language=language, **fields)
    Membership.objects.bulk_create([Membership(user=user, team=team) for team in teams])
    return user


def make_passkey(user: User, *, name: str = "Blue key") -> Authenticator:
    """Give a person a passkey that no device holds: it counts as a second factor and lets nobody in."""
    return Authenticator.objects.create(
        user=user, type=Authenticator.Type.WEBAUTHN, data={"name": name, "credential": {}}
    )


def make_account(team: Team, *, kind: str = "email", name: str = "", **fields: Any) -> ChannelAccount:
    """Create a channel account with its health row, connected to nothing."""
    number = next(_numbers)
    values = {"address": f"service{number}@example.org", "options": {}, "signature": "", **fields}
    account = ChannelAccount.objects.create(kind=kind, name=name or f"{kind} {number}", team=team, **values)
    AccountHealth.objects.create(account=account)
    return account


def make_contact(name: str = "Ada Martin", *, address: str = "", kind: str = "email", **fields: Any) -> Contact:
    """Create a contact with one identity."""
    contact = Contact.objects.create(name=name, created_at=clock.now(), **fields)
    address = address or f"contact{next(_numbers)}@example.net"
    Identity.objects.create(contact=contact, kind=kind, address=address, name=name)
    return contact


def make_conversation(
    account: ChannelAccount,
    *,
    contact: Contact | None = None,
    team: Team | None = None,
    assignee: User | None = None,
    state: str = State.OPEN,
    subject: str = "No dial tone",
    text: str = "Hello, my line has been dead since this morning.",
    at: datetime | None = None,
    **fields: Any,
) -> Conversation:
    """Create a conversation with one customer message that waits since `at` (default: now)."""
    at = at or clock.now()
    values: dict[str, Any] = {
        "waiting_since": at if state == State.OPEN else None, "language": "en", "preview": text[:200], **fields,
    }  # fmt: skip
    conversation = Conversation.objects.create(
        account=account,
        channel=account.kind,
        contact=contact or make_contact(),
        team=team or account.team,
        assignee=assignee,
        subject=subject,
        state=state,
        created_at=at,
        last_message_at=at,
        message_count=0,
        **values,
    )
    make_message(conversation, text=text, at=at, subject=subject)
    return conversation


def make_message(
    conversation: Conversation,
    *,
    kind: str = "in",
    text: str = "Any news?",
    user: User | None = None,
    at: datetime | None = None,
    delivery: str = "",
    **fields: Any,
) -> Message:
    """Append a message; with `delivery` (a DeliveryState) an outgoing one gets its delivery row."""
    at = at or clock.now()
    contact = fields.pop("contact", conversation.contact)
    identity = contact.identities.first() if kind == "in" else None
    values: dict[str, Any] = {
        "author_name": contact.name if kind == "in" else (user.name if user else ""),
        "author_address": identity.address if identity else "",
        "language": conversation.language,
        "message_id": f"m{next(_numbers)}@example.net",
        **fields,
    }
    message = Message.objects.create(
        conversation=conversation, kind=kind, contact=contact if kind == "in" else None, user=user, text=text,
        sent_at=at, created_at=at, **values,
    )  # fmt: skip
    Conversation.objects.filter(pk=conversation.pk).update(
        message_count=conversation.messages.count(), last_message_at=at
    )
    if delivery:
        make_delivery(message, state=delivery)
    return message


def make_delivery(message: Message, *, state: str = DeliveryState.SENT, **fields: Any) -> Delivery:
    """Give an outgoing message its delivery."""
    due = fields.pop("due_at", message.created_at + timedelta(seconds=10))
    values: dict[str, Any] = {"envelope": {"to": [], "cc": []}, **fields}
    return Delivery.objects.create(
        message=message, account=message.conversation.account, key=f"k{next(_numbers)}@example.org", state=state,
        due_at=due, **values,
    )  # fmt: skip


def make_attachment(
    message: Message,
    *,
    filename: str = "invoice.txt",
    content: bytes = b"42 euros",
    content_type: str = "text/plain",
    **fields: Any,
) -> Attachment:
    """Attach a file that is really in the storage backend."""
    attachment = Attachment.objects.create(
        message=message,
        key=storage.put(content),
        filename=filename,
        content_type=content_type,
        size=len(content),
        **fields,
    )
    message.attachment_count = message.attachments.count()
    message.save(update_fields=["attachment_count"])
    return attachment


def make_import(account: ChannelAccount, *, stage: str = Stage.TRIED, **fields: Any) -> Import:
    """Put an import on the list; without a file."""
    values: dict[str, Any] = {"system": "zendesk", "file_name": "export.zip", **fields}
    values.setdefault("trial", {"new": {"contacts": 2}})
    return Import.objects.create(account=account, team=account.team, stage=stage, created_at=clock.now(), **values)


def make_record(
    account: ChannelAccount,
    *,
    raw: bytes = b"{}",
    state: int = RecordState.FAILED,
    reason: str = "Not readable.",
    **fields: Any,
) -> Record:
    """Put a record into the inbound log."""
    values = {
        "external_id": f"x{next(_numbers)}",
        "source": "webhook",
        "shard": 0,
        "received_at": clock.now(),
        **fields,
    }
    return Record.objects.create(account=account, raw=raw, state=state, reason=reason, **values)


def make_reminder(user: User, conversation: Conversation, *, due_at: datetime | None = None, **fields: Any) -> Reminder:
    """Let a person have a reminder of a conversation (default: tomorrow)."""
    now = clock.now()
    due = due_at or now + timedelta(days=1)
    return Reminder.objects.create(user=user, conversation=conversation, due_at=due, made_at=now, **fields)


def make_notification(
    user: User, conversation: Conversation, *, kind: str = "reply", at: datetime | None = None, **fields: Any
) -> Notification:
    """Notify a person of an event of a conversation that never was."""
    values = {"event_id": next(_numbers), "actor_name": "Ada Martin", **fields}
    return Notification.objects.create(user=user, conversation=conversation, kind=kind, at=at or clock.now(), **values)


def make_source(*, kind: str = "feed", name: str = "The Lyon Courier", address: str = "", **fields: Any) -> Source:
    """Create a source of listening that nobody asks."""
    address = address or f"https://press{next(_numbers)}.example.org/feed"
    return Source.objects.create(kind=kind, name=name, address=address, created_at=clock.now(), **fields)


def make_search(team: Team, *, name: str = "", wanted: dict[str, list[str]] | None = None, **fields: Any) -> Search:
    """Create a saved search of a team; it wants “ondavelle”."""
    now = clock.now()
    values = {"created_at": now, "changed_at": now, **fields}
    wanted = wanted or {"words": ["ondavelle"]}
    return Search.objects.create(name=name or f"Search {next(_numbers)}", team=team, wanted=wanted, **values)


def make_mention(
    *searches: Search,
    source: Source | None = None,
    text: str = "Ondavelle is down",
    at: datetime | None = None,
    **fields: Any,
) -> Mention:
    """Create a mention that answers the given searches."""
    at, number = at or clock.now(), next(_numbers)
    values = {
        "external_id": f"mention-{number}", "author_name": "Ada Martin", "url": f"https://press.example.org/{number}",
        "found_at": at, "seen_at": at, **fields,
    }  # fmt: skip
    mention = Mention.objects.create(source=source or make_source(), text=text, published_at=at, **values)
    Hit.objects.bulk_create([Hit(mention=mention, search=search, at=at) for search in searches])
    return mention


def make_burst(search: Search, *, at: datetime | None = None, **fields: Any) -> Burst:
    """Create an alert of a search."""
    return Burst.objects.create(
        search=search, at=at or clock.now(), **{"count": 12, "expected": 0.1, "chance": 1e-9, **fields}
    )
