"""The contract of a channel: what one folder must bring so that nothing else needs to change.

A folder `channels/<kind>/` has an `adapter.py` with `CHANNEL = Channel(...)`. `parse` and `render` are pure; `client`
functions alone touch the network. The registry finds the folders; the contract tests (tests/test_contract.py) hold
every one of them to this file.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from comptoir.core.types import AccountConfig, Inbound, Outbound, ParseContext, Receipt


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


class Send(Protocol):
    """Deliver one rendered message; the only network I/O on the way out.

    `hand_over()` must be called immediately before the provider could accept the message: what fails before it may
    be tried again, what dies after it is unconfirmed (INV-03). Raises ChannelError.
    """

    def __call__(self, message: Outbound, account: AccountConfig, hand_over: Callable[[], None]) -> Receipt:
        """Send one message."""


class Reconcile(Protocol):
    """Look a doubtful message up at the provider by its key; None when the provider cannot tell."""

    def __call__(self, message: Outbound, account: AccountConfig) -> Receipt | None:
        """Find out what became of a message."""


class Verify(Protocol):
    """Decide whether a webhook request is really from the platform. Raises AnomalousPayload when it is not."""

    def __call__(self, body: bytes, headers: Mapping[str, str], account: AccountConfig) -> None:
        """Check one request."""


class Identify(Protocol):
    """Return (external id, conversation key) of each event in a webhook body, with the bytes to keep for it."""

    def __call__(self, body: bytes, account: AccountConfig) -> Sequence[tuple[str, str, bytes]]:
        """Split one request into records."""


class Watch(Protocol):
    """Poll or stream an account until `stopped()`; accepts records through inbound. Run in a thread of a worker."""

    def __call__(self, account_id: int, stopped: Callable[[], bool]) -> None:
        """Watch one account."""


class Unit(StrEnum):
    """What a channel counts a text in."""

    CHARACTERS = "characters"
    WEIGHTED = "weighted"  # X: a Chinese character or an emoji counts twice, a link 23
    GRAPHEMES = "graphemes"  # Bluesky: what a reader sees as one character
    SMS = "sms"  # septets, or UTF-16 units where a character is not in the alphabet


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
    watch: Watch | None = None
    test: Test | None = None
    steps: Steps | None = None  # the same, step by step
    urls: str = ""  # module with the public screens of the channel, mounted at /c/<kind>/
    replies_by: str = ""  # 'email': answers leave by the mailbox named in options["reply_account"]
    order: int = 100  # place in lists
    docs: Mapping[str, str] = field(default_factory=dict)  # "page" and "embed": where it lives, with {url} and {key}
