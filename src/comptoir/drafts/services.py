"""The only writer of drafts. A draft is nobody else's business, so nothing is journalled: sending is what counts.

The last writer wins, but never over words that it has not seen: a save names the revision that its page knows, and one
that is behind is refused with what is stored, so that the person can take either.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from comptoir.accounts.models import User
from comptoir.conversations.models import Attachment, Conversation, Message
from comptoir.conversations.services import MAX_TEXT
from comptoir.core import clock, storage
from comptoir.core.errors import Conflict, InputError
from comptoir.core.filenames import name_attachment
from comptoir.core.textfold import clean
from comptoir.drafts.models import Draft, Kind
from comptoir.drafts.rules import MAX_FILES, Refusal, Standing, joined, refusal, standing


@dataclass(frozen=True, slots=True)
class Words:
    """What is in the composer, but for the files, which have been uploaded already."""

    kind: str = Kind.REPLY
    text: str = ""
    to: str = ""
    cc: str | None = None  # None: whom the composer proposes
    forward_of: int | None = None
    road: str = ""


class Behind(Conflict):
    """The page does not know the newest words. `draft` is what is stored, None where it was sent or thrown away."""

    def __init__(self, draft: Draft | None) -> None:
        super().__init__(
            _("A newer draft was saved on another page or device.")
            if draft
            else _("This draft was sent or thrown away on another page or device.")
        )
        self.draft = draft


def _words(row: Draft) -> Words:
    return Words(row.kind, row.text, row.to, row.cc, row.forward_of, row.road)


def _locked(user: User, conversation: Conversation) -> Draft | None:
    return Draft.objects.select_for_update().filter(user=user, conversation=conversation).first()


def _own(user: User, conversation: Conversation) -> Draft:
    """Return the person's draft, locked; begun where there was none. Revision 0: no words of it were ever saved."""
    begun = {"revision": 0, "saved_at": clock.now()}
    Draft.objects.get_or_create(user=user, conversation=conversation, defaults=begun)
    return Draft.objects.select_for_update().get(user=user, conversation=conversation)


def _save(row: Draft, *fields: str, is_new_words: bool = True) -> Draft:
    """Write a draft. New words get the next revision; files do not: a page that uploads may be typing as well."""
    row.saved_at = clock.now()
    if is_new_words:
        row.revision = max(int(row.saved_at.timestamp() * 1_000_000), row.revision + 1)
    row.save(update_fields=[*fields, "revision", "saved_at"])
    return row


@transaction.atomic
def save_draft(*, user: User, conversation: Conversation, words: Words, known: int | None) -> Draft | None:
    """Store what is in the composer; None where nothing is left of it. Raises Behind, InputError.

    `known` is the revision that the page has seen, 0 for none; None overwrites what is stored, at the person's word.
    """
    words = replace(words, text=clean(words.text).replace("\r\n", "\n"))
    if words.kind not in Kind.values:
        raise InputError(_("Choose reply, note or forward."), field="kind")
    if len(words.text) > MAX_TEXT:
        raise InputError(_("This is too long to keep as a draft. Attach it as a file instead."), field="text")
    row = _locked(user, conversation)
    if row and row.revision and _words(row) == words:
        return row  # the same page, whose answer was lost on the way
    if known is not None and standing(known=known, stored=row.revision if row else None) is not Standing.CURRENT:
        raise Behind(row)
    if not words.text.strip() and not (row and row.files):
        if row:
            row.delete()
        return None
    row = _own(user, conversation)
    row.kind, row.text, row.forward_of = words.kind, words.text, words.forward_of
    row.to, row.road = clean(words.to)[:4000], clean(words.road)[:40]
    row.cc = None if words.cc is None else clean(words.cc)[:4000]
    return _save(row, "kind", "text", "to", "cc", "forward_of", "road")


@transaction.atomic
def add_to_draft(*, user: User, conversation: Conversation, text: str) -> Draft:
    """Put a text below what is in the draft. Rejects nothing: what is too long is cut."""
    row = _own(user, conversation)
    row.text = joined(row.text, clean(text))[:MAX_TEXT]
    return _save(row, "text")


@transaction.atomic
def restore_draft(*, user: User, conversation: Conversation, message: Message) -> Draft:
    """Bring a reply or a forward that was taken back into the composer, with its files; above what was begun since."""
    row, envelope = _own(user, conversation), message.delivery.envelope
    row.kind, row.text = Kind.REPLY, joined(message.text, row.text) if row.text.strip() else message.text
    row.cc = ", ".join(entry["address"] for entry in message.recipients.get("cc", ()))
    if envelope.get("forward"):
        row.kind, row.forward_of = Kind.FORWARD, envelope["quoted"]
        row.to = ", ".join(entry["address"] for entry in envelope["to"])
    kept = [_file(a.key, a.filename, a.content_type, a.size) for a in Attachment.objects.filter(message=message)]
    row.files = [*kept, *row.files][:MAX_FILES]
    return _save(row, "kind", "text", "to", "cc", "forward_of", "files")


@transaction.atomic
def discard_draft(*, user: User, conversation: Conversation, keep_files: bool = False) -> None:
    """Forget a draft: it was sent, or thrown away. A note has no files: `keep_files` leaves them for the answer."""
    found = Draft.objects.filter(user=user, conversation=conversation)
    if keep_files:
        found.exclude(files=[]).update(text="", kind=Kind.REPLY, revision=0)
        found = found.filter(files=[])
    found.delete()


def _file(key: str, name: str, kind: str, size: int) -> dict[str, Any]:
    return {"id": uuid.uuid4().hex, "key": key, "name": name, "type": kind, "size": size}


def refusal_words(reason: Refusal, name: str) -> str:
    """Say why a file cannot come along, and what to do."""
    return {
        Refusal.EMPTY: _("“%(name)s” is empty."),
        Refusal.TYPE: _("“%(name)s” is a program or a script: mail servers refuse it. Send a link to it instead."),
        Refusal.SIZE: _("With “%(name)s” the files are larger than 25 MB together. Send a link instead."),
        Refusal.COUNT: _("“%(name)s” is one file too many: twenty go along at most."),
    }[reason] % {"name": name}


def checked_file(*, name: str, size: int, others: Sequence[int]) -> None:
    """Raise InputError, in words, for a file that cannot come along with files of these sizes."""
    reason = refusal(name=name, size=size, others=sum(others), count=len(others))
    if reason is not None:
        raise InputError(refusal_words(reason, name), field="files")


@transaction.atomic
def attach_file(*, user: User, conversation: Conversation, name: str, kind: str, content: bytes) -> Draft:
    """Put an uploaded file into the draft, so that a crash loses nothing. Raises InputError in words."""
    name = name_attachment(name, kind)
    row = _own(user, conversation)
    checked_file(name=name, size=len(content), others=[file["size"] for file in row.files])
    row.files = [*row.files, _file(storage.put(content), name, kind[:127], len(content))]
    return _save(row, "files", is_new_words=False)


@transaction.atomic
def detach_file(*, user: User, conversation: Conversation, file_id: str) -> Draft | None:
    """Take a file out of the draft; a file that is gone already is no error. None where nothing is left."""
    row = _locked(user, conversation)
    if row is None:
        return None
    row.files = [file for file in row.files if file["id"] != file_id]
    if not row.files and not row.text.strip():
        row.delete()
        return None
    return _save(row, "files", is_new_words=False)
