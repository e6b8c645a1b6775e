"""What the parser makes of a mail: plain frozen values, no behaviour beyond sizes and digests.

Everything that reads a parsed mail depends on this module only, never on how it was parsed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox; `name` is decoded and may be empty, `email` keeps its own letter case."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class MailAttachment:
    """A part that is not the body. `filename` is safe to show and to save: no path, no control characters."""

    filename: str
    content_type: str
    content_id: str | None
    disposition: Literal["inline", "attachment"]
    content: bytes = field(repr=False)

    @property
    def size(self) -> int:
        return len(self.content)

    @property
    def md5(self) -> str:
        return hashlib.md5(self.content, usedforsecurity=False).hexdigest()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class Bounce:
    """A delivery report. `action` is RFC 3464's word; a bounce without a report says 'failed' and guesses the rest."""

    final_recipient: str
    action: str
    status: str
    diagnostic: str
    original_message_id: str | None
    is_standard: bool

    @property
    def is_permanent(self) -> bool:
        """True where the report says that trying again will not help (RFC 3463 class 5)."""
        return self.action == "failed" and not self.status.startswith("4")


@dataclass(frozen=True, slots=True)
class LoopMarkers:
    """The headers by which machines recognise each other; empty strings where absent."""

    x_loop: tuple[str, ...] = ()
    auto_submitted: str = ""
    auto_response_suppress: str = ""
    precedence: str = ""
    list_id: str = ""

    @property
    def is_bulk(self) -> bool:
        """True for a mailing list or a mass mailing."""
        return bool(self.list_id) or self.precedence in {"bulk", "list", "junk"}


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """A mail as the product knows it.

    Message identifiers carry no angle brackets. `text` is the best plain text of the whole body, `html` the
    raw body, never sanitised (INV-07: sanitise before display). `notes` says in English, for the intake
    log, what had to be guessed, repaired or cut off.
    """

    from_email: str
    from_name: str
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    subject: str
    text: str
    html: str | None
    attachments: tuple[MailAttachment, ...]
    message_id: str
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    date: datetime | None
    auto_reply: bool
    auto_reply_reason: str
    bounce: Bounce | None
    loop: LoopMarkers
    headers: Mapping[str, str]
    notes: tuple[str, ...]
