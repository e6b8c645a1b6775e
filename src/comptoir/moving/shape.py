"""The one shape into which every reader brings what another system holds: plain, frozen, without Django.

A reader says what is there; writing.py decides what becomes of it. HTML is as the export has it: nothing here is safe
to show before writing.py has sanitised it (INV-07).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody as the other system knows them: a customer or one of its agents. `key` is their number there."""

    key: str = ""
    name: str = ""
    email: str = ""
    phone: str = ""
    company: str = ""
    language: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class File:
    """A file of a message; `read` returns its bytes, or is None where the export only names it."""

    filename: str
    content_type: str = ""
    read: Callable[[], bytes] | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """One message or note. `kind` is 'in', 'out' or 'note'; where `text` is empty it is made from `html`."""

    kind: str
    author: Party
    at: datetime
    text: str = ""
    html: str = ""
    subject: str = ""
    message_id: str = ""
    to: tuple[Party, ...] = ()
    cc: tuple[Party, ...] = ()
    automatic: str = ""
    files: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True)
class ContactItem:
    """A customer of the address book, with or without conversations."""

    place: str
    party: Party


@dataclass(frozen=True, slots=True)
class ConversationItem:
    """A conversation with everything that was said in it, in order. `inbox` is its address or name there."""

    place: str
    key: str
    contact: Party
    said: tuple[Said, ...]
    created_at: datetime
    subject: str = ""
    state: str = "open"  # open, pending, snoozed, solved
    priority: int = 0  # -1 low … 2 urgent
    agent: Party | None = None
    inbox: str = ""
    tags: tuple[str, ...] = ()
    snoozed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReplyItem:
    """A saved reply: a macro's comment, a text module, a canned response."""

    place: str
    key: str
    title: str
    text: str = ""
    html: str = ""
    shortcut: str = ""
    folder: str = ""


@dataclass(frozen=True, slots=True)
class ArticleItem:
    """An article of a help centre."""

    place: str
    key: str
    title: str
    html: str = ""
    language: str = ""
    folder: str = ""


@dataclass(frozen=True, slots=True)
class SkippedItem:
    """Something that is left out; `why` is one of the codes of words.REASONS."""

    place: str
    key: str
    why: str


Item = ContactItem | ConversationItem | ReplyItem | ArticleItem | SkippedItem
