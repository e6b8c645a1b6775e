"""The contract of a channel: what one folder must bring so that nothing else needs to change.

A folder `channels/<kind>/` has an `adapter.py` with `CHANNEL = Channel(...)`. `parse` and `render` are pure; `client`
functions alone touch the network. The registry finds the folders; the contract tests (tests/test_contract.py) hold
every one of them to this file.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from comptoir.core.types import AccountConfig, Author, Inbound, Outbound, ParseContext, Receipt


class Capability(StrEnum):
    """What a channel can do; screens and checks ask, they never look at the kind."""

    SUBJECT = "subject"
    CC = "cc"
    HTML = "html"
    ATTACHMENTS = "attachments"
    FORWARD = "forward"
    QUOTES = "quotes"  # the history travels below the reply
    SIGNATURE = "signature"
    STARTS = "starts"  # may write first, to any address of its network
    RECEIPTS = "receipts"  # the platform tells when a message was delivered
    READS = "reads"  # … and when it was read
    PUBLIC = "public"  # posts or comments that everybody can read
    PRIVATE = "private"  # messages that only the customer reads
    EDITS = "edits"  # authors can change what they wrote, and the platform tells
    DELETIONS = "deletions"  # … or take it back
    REACTIONS = "reactions"
    ECHOES = "echoes"  # the platform tells what we wrote elsewhere: in its own app, in another program
    TEMPLATES = "templates"  # after a time only texts that were approved beforehand may be sent
    CHOICES = "choices"  # short answers to tap
    HIDES = "hides"  # we can hide what strangers wrote under our posts
    IDEMPOTENT = "idempotent"  # sending twice under one key delivers once, or can be looked up


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the connect form. `secret` fields are encrypted at rest and never shown again (INV-08)."""

    name: str
    label: Any  # lazy translation
    help: Any = ""
    kind: str = "text"  # text, email, host, number, choice, flag, lines, password
    choices: tuple[tuple[str, Any], ...] = ()
    default: Any = ""
    required: bool = True
    secret: bool = False


class Parse(Protocol):
    """Turn the raw bytes of one record into events, without I/O.

    `store(content)` keeps a file and returns its key; it is given by the caller so that `parse` stays pure in tests.
    Raises AnomalousPayload (not readable, set aside) or UnsupportedEvent (known, ignored).
    """

    def __call__(self, raw: bytes, context: ParseContext, store: Callable[[bytes], str]) -> list[Inbound]:
        """Parse one record."""


class HandOver(Protocol):
    """What a sender tells the outbox while it sends, so that nothing is ever sent twice (INV-03).

    Call it immediately before the provider could accept something: what fails before it may be tried again, what dies
    after it is unconfirmed. Where a message leaves in several parts, call it before each part that is not in `sent`
    yet and `keep` the platform's id after each: a later attempt goes on where this one stopped.
    """

    @property
    def sent(self) -> Sequence[str]:
        """The platform's ids of the parts that have left already, in their order."""

    def __call__(self) -> None:
        """Commit that the provider may have it from now on."""

    def keep(self, provider_id: str) -> None:
        """Commit that the provider has this part."""


class Send(Protocol):
    """Deliver one rendered message; the only network I/O on the way out. Raises ChannelError."""

    def __call__(self, message: Outbound, account: AccountConfig, hand_over: HandOver) -> Receipt:
        """Send one message."""


class Reconcile(Protocol):
    """Look a doubtful message up at the provider by its key; None when the provider cannot tell."""

    def __call__(self, message: Outbound, account: AccountConfig) -> Receipt | None:
        """Find out what became of a message."""


@dataclass(frozen=True, slots=True)
class Request:
    """A webhook request as it came. `url` is the address as the platform called it; headers are in lower case."""

    body: bytes
    headers: Mapping[str, str]
    url: str = ""
    query: Mapping[str, str] = field(default_factory=dict)


class Verify(Protocol):
    """Decide whether a webhook request is really from the platform. Raises AnomalousPayload when it is not."""

    def __call__(self, request: Request, account: AccountConfig) -> None:
        """Check one request."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One event of a webhook body, as it is kept: `raw` alone must be enough for `parse`.

    `external_id` is the same each time the platform delivers the same event (INV-02); `conversation_key` orders events
    that belong together. `recipient` is the platform's id of the account that it is for, where the body says so: an
    event for another account than the address belongs to is handed to that one, or told as ignored. `kind` names
    another kind of channel where a platform sends several to one address (messages and comments of a page).
    """

    external_id: str
    conversation_key: str
    raw: bytes
    recipient: str = ""
    kind: str = ""


class Identify(Protocol):
    """Split one webhook body into its events. Raises AnomalousPayload, or UnsupportedEvent where none is of use."""

    def __call__(self, body: bytes, account: AccountConfig) -> Sequence[Piece]:
        """Split one request into records."""


class Challenge(Protocol):
    """Answer the GET by which a platform checks that an address is ours, with (content type, body).

    Raises AnomalousPayload for a request that is not the platform's.
    """

    def __call__(self, query: Mapping[str, str], account: AccountConfig) -> tuple[str, bytes]:
        """Answer one challenge."""


class Acknowledge(Protocol):
    """Return the answer (content type, body) to an accepted webhook whose body asks for one; None: the usual answer.

    Pure and quick; it is called after the events are on disk, and must not fail on any body that was accepted.
    """

    def __call__(self, body: bytes) -> tuple[str, bytes] | None:
        """Answer one accepted request."""


class Watch(Protocol):
    """Poll or stream an account until `stopped()`; accepts records through inbound. Run in a thread of a worker."""

    def __call__(self, account_id: int, stopped: Callable[[], bool]) -> None:
        """Watch one account."""


class Unit(StrEnum):
    """What a channel counts a text in."""

    CHARACTERS = "characters"
    WEIGHTED = "weighted"  # X: a Chinese character or an emoji counts twice, a link 23
    GRAPHEMES = "graphemes"  # Bluesky: what a reader sees as one character
    BYTES = "bytes"  # Instagram: of the text in UTF-8
    SMS = "sms"  # septets, or UTF-16 units where a character is not in the alphabet
    UTF16 = "utf16"  # Telegram: a character beyond the first 65,536 (most emoji) counts twice


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of what leaves, with its length as the channel counts it."""

    text: str
    length: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What a channel makes of a message. `limit` is the room of one part in `unit`; 0: as long as you like.

    `splits` says that a longer text leaves in several parts; where it does not, a longer text cannot be sent.
    """

    parts: tuple[Part, ...]
    limit: int = 0
    unit: Unit = Unit.CHARACTERS
    splits: bool = False
    subject: str = ""
    signature: str = ""
    quoted: str = ""

    @property
    def is_too_long(self) -> bool:
        """Whether the channel cannot send this."""
        return bool(self.limit) and any(part.length > self.limit for part in self.parts)


class After(StrEnum):
    """What a channel still allows when the window for free answers has closed."""

    NOTHING = "nothing"
    TAG = "tag"  # a person may still answer; the message is marked as such (`Outbound.is_late`)
    TEMPLATE = "template"  # only texts that were approved beforehand


@dataclass(frozen=True, slots=True)
class Window:
    """Until when the customer may be answered freely, what is allowed then, and until when that."""

    closes_at: datetime
    after: After
    ends_at: datetime | None = None  # of TAG: the last instant; None: without end


class MakeWindow(Protocol):
    """Return the window of a conversation, or None where answers may always leave.

    `asked_at`: when the customer last wrote; `facts` are those of that message. Pure.
    """

    def __call__(self, asked_at: datetime, *, is_public: bool, facts: Mapping[str, Any]) -> Window | None:
        """Compute one window."""


class PrivateThread(Protocol):
    """Return the thread key of the private conversation with the author of a public message; '' where there is none.

    `facts` are those of the message, with "id" and "author". Pure.
    """

    def __call__(self, facts: Mapping[str, Any]) -> str:
        """Name one thread."""


@dataclass(frozen=True, slots=True)
class Approved:
    """A template as the platform has it: `body` has {{1}}, {{2}} … where values go."""

    name: str
    language: str
    body: str
    category: str = ""
    status: str = "approved"  # approved, pending, rejected, paused


class Templates(Protocol):
    """Ask the platform for the account's templates. Raises ChannelError."""

    def __call__(self, account: AccountConfig) -> Sequence[Approved]:
        """List the templates."""


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` messages in `per` seconds: of the account, or to one customer with `each`."""

    name: str
    count: int
    per: float
    each: bool = False
    is_public: bool | None = None  # only of public messages, or only of private ones; None: of all


@dataclass(frozen=True, slots=True)
class Renewed:
    """Fresh credentials, by the names of the account's secret fields, and until when they hold (None: for ever)."""

    credentials: Mapping[str, str]
    expires_at: datetime | None = None


class Renew(Protocol):
    """Renew an account's token before it expires. Raises ChannelError; with `is_revoked` where a person must act."""

    def __call__(self, account: AccountConfig) -> Renewed:
        """Renew one token."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file from the platform; what it does not tell stays empty."""

    content: bytes
    content_type: str = ""
    filename: str = ""


class Fetch(Protocol):
    """Fetch a file that a message named (RemoteFile.ref). Raises ChannelError; permanent where it is gone."""

    def __call__(self, ref: Mapping[str, Any], account: AccountConfig) -> Fetched:
        """Fetch one file."""


class Profile(Protocol):
    """Ask the platform for the name of an author whose events carry none; '' where it has none."""

    def __call__(self, address: str, account: AccountConfig) -> str:
        """Look one name up."""


class Hide(Protocol):
    """Hide a stranger's public message, or show it again. Raises ChannelError."""

    def __call__(self, message_id: str, account: AccountConfig, *, hidden: bool) -> None:
        """Hide one message."""


@dataclass(frozen=True, slots=True)
class Found:
    """A public post that listening found, before any account of ours was told of it.

    `network` is the kind of its source ('bluesky', 'mastodon', 'feed'), `server` the source's address; `raw` is the
    post as the source told it, plain JSON.
    """

    network: str
    server: str
    id: str
    url: str
    author: Author
    text: str
    published_at: datetime
    language: str = ""
    handle: str = ""  # of its author, without @; '' where nobody knows it
    raw: Mapping[str, Any] = field(default_factory=dict)


class Adopt(Protocol):
    """Return the record that makes a found post a conversation of this account, or None where it cannot answer it.

    `external_id` is the one under which the account itself would be told of the post, so that it stays one message
    (INV-02), and `raw` is what its `parse` reads. Pure.
    """

    def __call__(self, post: Found, account: AccountConfig) -> Piece | None:
        """Adopt one post."""


class MakePreview(Protocol):
    """Show what will leave, by the rules of `render` and without sending: pure, quick, never fails on a text."""

    def __call__(self, message: Outbound, options: Mapping[str, Any]) -> Preview:
        """Preview one message."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a connection's test: what it tries, and how; `run` returns an error in words, or ''."""

    label: str
    run: Callable[[], str]
    needs_others: bool = False  # tried only where everything before it works


class Steps(Protocol):
    """Say what there is to try of an account's connection; a screen runs the steps one by one and shows each."""

    def __call__(self, account: AccountConfig) -> Sequence[Step]:
        """List the steps."""


class Test(Protocol):
    """Try the account's connection step by step; yields (step, error in words or '')."""

    def __call__(self, account: AccountConfig) -> Iterator[tuple[str, str]]:
        """Test one account."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One kind of channel."""

    kind: str
    label: Any
    icon: str  # a symbol of static/icons/sprite.svg
    identity_kind: str  # the network of its authors: 'email' for both the mailbox and the form
    capabilities: frozenset[Capability]
    events: tuple[str, ...]
    fields: tuple[Field, ...]
    parse: Parse
    send: Send | None = None
    preview: MakePreview | None = None  # every channel that sends has one
    reconcile: Reconcile | None = None
    verify: Verify | None = None
    identify: Identify | None = None
    challenge: Challenge | None = None
    acknowledgement: tuple[str, bytes] | None = None  # (content type, body) of the answer to an accepted webhook
    acknowledge: Acknowledge | None = None  # where that answer depends on what was accepted
    watch: Watch | None = None
    window: MakeWindow | None = None
    templates: Templates | None = None
    rates: tuple[Rate, ...] = ()
    renew: Renew | None = None
    recipient_field: str = ""  # the option that holds the platform's id of the account (Piece.recipient)
    private_thread: PrivateThread | None = None
    hide: Hide | None = None
    fetch: Fetch | None = None
    profile: Profile | None = None
    adopt: Adopt | None = None
    test: Test | None = None
    steps: Steps | None = None  # the same, step by step
    urls: str = ""  # module with the public screens of the channel, mounted at /c/<kind>/
    replies_by: str = ""  # 'email': answers leave by the mailbox named in options["reply_account"]
    order: int = 100  # place in lists
    is_inner: bool = False  # made by the product itself: nobody connects one, and no list offers it
    docs: Mapping[str, str] = field(default_factory=dict)  # "page" and "embed": where it lives, with {url} and {key}
