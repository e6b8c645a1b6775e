"""The audit page: the journal as a person may read it (INV-06).

Events of a conversation belong to who may see the conversation, events of a contact to who may see the contact, and all
others are about the installation, which administrators and auditors read. Access is asked of `access.py` for the few
conversations of a window; nothing here decides it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from django.db.models import QuerySet

from comptoir.accounts.models import User
from comptoir.contacts.access import accessible_contacts
from comptoir.conversations.access import accessible_conversations
from comptoir.conversations.models import Conversation
from comptoir.journal import queries as journal
from comptoir.journal.models import Event
from comptoir.journal.queries import Line, Wanted

PAGE = 50
FIRST_WINDOW = 200  # an unfiltered page needs little more than itself
WINDOW = 1000  # events; the three statements of a window cost about as much as its reading
MOST_WINDOWS = 8  # of one page; then the page says how far it looked and offers to look further


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some events, and where to go on: `older` is None at the end. `is_cut`: it looked as far as it could afford."""

    events: list[Event] = field(default_factory=list)
    older: int | None = None
    is_cut: bool = False


def _visible(conversations_of: QuerySet[Conversation], user: User, lines: list[Line]) -> list[Line]:
    asked = {line.conversation_id for line in lines if line.conversation_id}
    conversations = set(conversations_of.filter(pk__in=asked).values_list("pk", flat=True)) if asked else set()
    loose = {line.contact_id for line in lines if line.contact_id and not line.conversation_id}
    contacts = set(accessible_contacts(user).filter(pk__in=loose).values_list("pk", flat=True)) if loose else set()
    return [
        line
        for line in lines
        if (
            line.conversation_id in conversations
            if line.conversation_id
            else line.contact_id is None or line.contact_id in contacts
        )
    ]


def _windows(user: User, wanted: Wanted, before: int | None) -> Iterator[tuple[list[Line], int | None]]:
    """Yield what the person may see of each window, with the number to go on from (None: that was the last)."""
    first, last = journal.span(wanted) if wanted.since or wanted.until else (None, None)
    before = min((bound for bound in (before, last) if bound is not None), default=None)
    count, conversations = FIRST_WINDOW, accessible_conversations(user)
    while True:
        lines = journal.window(wanted, before=before, count=count)
        before = lines[-1].id if len(lines) == count else None
        if before is not None and first is not None and before <= first:
            before = None
        yield _visible(conversations, user, [line for line in lines if journal.matches(line, wanted)]), before
        if before is None:
            return
        count = WINDOW


def audit_page(user: User, wanted: Wanted, *, before: int | None = None) -> AuditPage:
    """Return one page of the journal as the person may read it, the newest first; bounded whatever its size."""
    found: list[Line] = []
    older: int | None = None
    for lines, older in islice(_windows(user, wanted, before), MOST_WINDOWS):  # noqa: B007  # the last one is kept
        found += lines
        if len(found) >= PAGE:
            break
    is_full = len(found) > PAGE or (len(found) == PAGE and older is not None)
    shown = found[:PAGE]
    page = AuditPage(journal.events([line.id for line in shown]), older, older is not None and not is_full)
    return replace(page, older=shown[-1].id) if is_full else page


def audit_export(user: User, wanted: Wanted) -> Iterator[list[Event]]:
    """Yield all events that the person may read, in portions, the newest first."""
    for lines, _before in _windows(user, wanted, None):
        if lines:
            yield journal.events([line.id for line in lines])
