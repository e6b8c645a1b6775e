"""The values that travel from a channel to the desk and back: plain, frozen, without Django.

A channel's `parse` makes `Inbound`s; the stages of `pipeline.py` wrap them, each adding what it decided.
A channel's `render` receives an `Outbound`; its `client` answers with a `Receipt`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote, as the channel knows them. `kind` names the network of the identity ('email', 'webchat', …)."""

    kind: str
    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Blob:
    """A file that came with a message, already in the storage backend under `key` (see core/storage.py)."""

    key: str
    filename: str
    content_type: str
    size: int
    content_id: str = ""
    inline: bool = False


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that the platform keeps for us to fetch: a worker does, after the message is in the queue.

    `ref` is what the channel's `fetch` needs (a media id, an address); plain JSON.
    """

    ref: Mapping[str, Any]
    filename: str = ""
    content_type: str = ""
    size: int = 0
    inline: bool = False


class InboundKind(StrEnum):
    """What an event of a channel means to us."""

    MESSAGE = "message"
    RECEIPT = "receipt"  # a delivery of ours was delivered, read or failed
    CONTACT = "contact"  # the visitor told who they are; no message
    OWN = "own"  # a message of ours, as the platform tells it back: sent by us here, or by a colleague elsewhere
    EDIT = "edit"  # `about` was changed by its author: `text` is what it says now
    DELETION = "deletion"  # `about` was taken back or removed
    HIDING = "hiding"  # `about` is hidden from the public; with `is_undone`, shown again
    REACTION = "reaction"  # the author reacted to `about` with `reaction`; with `is_undone`, took it back


@dataclass(frozen=True, slots=True)
class Inbound:
    """One thing a customer (or the platform) said, in the product's own words.

    `thread_key` is the platform's own key of the conversation, or '' where there is none (e-mail), and then
    `message_id`, `references` and `reply_token` decide the place. All texts are free of NUL characters.

    An edit, a deletion, a hiding and a reaction are `about` a message that we have, by the platform's id; where it is
    not known (it came before the account was connected) they change nothing. An event of kind OWN has the customer it
    was written to in `to`, and our own account as its author; in a public thread it may name nobody.
    """

    author: Author
    text: str
    kind: InboundKind = InboundKind.MESSAGE
    thread_key: str = ""
    subject: str = ""
    visible_text: str = ""  # without quoted history and signature; '' means: the same as `text`
    html: str = ""  # sanitised (INV-07)
    sent_at: datetime | None = None
    message_id: str = ""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    reply_token: str = ""
    to: tuple[Author, ...] = ()
    cc: tuple[Author, ...] = ()
    reply_to: tuple[Author, ...] = ()  # where the author wants answers, when not at their own address
    blobs: tuple[Blob, ...] = ()
    remote_files: tuple[RemoteFile, ...] = ()
    automatic: str = ""  # why this must never be answered automatically: 'auto-reply', 'bounce', 'list', …
    language: str = ""  # given by the channel (the page's language), otherwise recognised
    extra_identities: tuple[Author, ...] = ()  # what else the author said they are (a chat visitor's e-mail)
    receipt: "Receipt | None" = None
    is_public: bool = False  # everybody can read it: a post, a comment, a review
    # What the platform needs to be answered, and a link for people ('permalink'); plain JSON, kept with the message.
    facts: Mapping[str, Any] = field(default_factory=dict)
    about: str = ""
    reaction: str = ""  # an emoji, or the platform's word ('like')
    is_undone: bool = False
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ParseContext:
    """What a pure parser may know about the account that received the bytes."""

    account_id: int
    address: str
    options: Mapping[str, Any]
    source: str
    received_at: datetime
    external_id: str
    token_key: bytes  # verifies the signed reply tokens of this installation


class Delivered(StrEnum):
    """What is known about an outgoing message."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a platform said about our messages.

    One is named by our idempotency `key`, where the channel echoes it, or by the platform's own `provider_id`. A
    watermark has neither: with `up_to`, everything that left in the event's thread until then.
    """

    key: str
    state: Delivered
    provider_id: str = ""
    reason: str = ""
    up_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class OutboundFile:
    """A file that leaves with a message."""

    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Outbound:
    """A message of ours on its way out, complete: rendering it needs nothing else."""

    key: str  # idempotency key; for e-mail the Message-ID without brackets
    text: str
    to: tuple[Author, ...]
    cc: tuple[Author, ...] = ()
    subject: str = ""
    thread_key: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    reply_token: str = ""
    from_name: str = ""
    signature: str = ""
    files: tuple[OutboundFile, ...] = ()
    quoted: str = ""  # the history below the text, where the channel shows one
    automatic: bool = False
    is_public: bool = False  # everybody will be able to read it
    # The message that is answered: its `facts`, with "id" (the platform's), "author" (address) and "at" (ISO 8601).
    answers: Mapping[str, Any] = field(default_factory=dict)
    template: "Template | None" = None  # instead of a text, where the platform allows nothing else
    choices: tuple[str, ...] = ()  # short answers that the customer can tap, where the channel has such
    is_late: bool = False  # the window for free answers has closed, and the platform's tag for people is used


@dataclass(frozen=True, slots=True)
class Template:
    """A text that the platform approved beforehand, with what stands in its places."""

    name: str
    language: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountConfig:
    """A connected account as `render` and `client` see it: options and decrypted credentials (INV-08)."""

    id: int
    kind: str
    name: str
    address: str
    options: Mapping[str, Any]
    credentials: Mapping[str, str] = field(repr=False, default_factory=dict)


def shard_of(key: str, *, shards: int = 64) -> int:
    """Return the shard of a conversation key: stable over processes and releases, 0 <= shard < shards."""
    return int.from_bytes(hashlib.blake2b(key.encode(errors="replace"), digest_size=4).digest(), "big") % shards
