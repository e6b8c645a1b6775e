"""A conversation written down: as a page for people, as text, as JSON for programs, as mbox for mail programs.

Nothing here decides who may read it (the view does, INV-06). The page needs nothing from anywhere: no script, no
picture, no font; what strangers wrote is escaped.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from comptoir.conversations.models import Attachment, Message, MessageKind
from comptoir.conversations.queries import MESSAGE_EVENTS
from comptoir.core import storage
from comptoir.core.errors import InputError
from comptoir.desk import words
from comptoir.desk.queries.export import Whole, originals, size_of_originals

MBOX_BYTES = 100 * 1024 * 1024  # made in memory
TOO_LARGE = gettext_lazy("The files make this larger than 100 MB. Export it as HTML or JSON instead.")


@dataclass(frozen=True, slots=True)
class Form:
    """One form of an export."""

    content_type: str
    write: Callable[[Whole], bytes]


def _kind(message: Message) -> str:
    return {"in": "received", "out": "sent", "note": "note"}[message.kind]


def _file(file: Attachment) -> dict[str, Any]:
    return {"id": file.pk, "name": file.filename, "type": file.content_type, "size": file.size, "sha256": file.key}


def _message(message: Message, files: Sequence[Attachment]) -> dict[str, Any]:
    return {
        "id": message.pk, "kind": _kind(message), "at": message.created_at.isoformat(),
        "sent_at": message.sent_at.isoformat(),
        "author": {"name": message.author_name, "address": message.author_address},
        "recipients": message.recipients, "subject": message.subject, "text": message.text,
        "language": message.language, "message_id": message.message_id, "automatic": message.automatic,
        "files": [_file(file) for file in files],
    }  # fmt: skip


def as_json(whole: Whole) -> bytes:
    """Write everything for a program: instants in UTC (ISO 8601), sizes in bytes, files by their SHA-256."""
    row = whole.conversation
    described = {
        "format": "comptoir.conversation/1", "id": row.pk, "subject": row.subject, "state": row.state,
        "channel": row.channel, "account": row.account.address or row.account.name, "team": row.team.name,
        "assignee": row.assignee.name if row.assignee else None, "priority": row.priority, "language": row.language,
        "created_at": row.created_at.isoformat(), "last_message_at": row.last_message_at.isoformat(),
        "contact": {
            "id": row.contact_id, "name": row.contact.name, "company": row.contact.company,
            "identities": [
                {"kind": identity.kind, "address": identity.address} for identity in row.contact.identities.all()
            ],
        },
        "with_notes": whole.with_notes,
        "messages": [_message(message, whole.files[message.pk]) for message in whole.messages],
        "events": [
            {"at": event.at.isoformat(), "kind": event.kind, "message": event.message_id, "facts": event.facts,
             "actor": {"kind": event.actor_kind, "name": event.actor_name}}
            for event in whole.events
        ],
    }  # fmt: skip
    return json.dumps(described, ensure_ascii=False, indent=1).encode()


@dataclass(frozen=True, slots=True)
class Line:
    """One message or one change, in words."""

    at: datetime
    kind: str
    who: str
    to: str
    text: str
    files: Sequence[Attachment] = ()


def _lines(whole: Whole) -> list[Line]:
    lines = [
        Line(m.created_at, m.kind, _author(m), _recipients(m), m.body, whole.files[m.pk]) for m in whole.messages
    ]  # fmt: skip
    for event in whole.events:
        if event.kind not in MESSAGE_EVENTS:
            actor = event.actor_id if event.actor_kind == "user" else None
            lines.append(
                Line(event.at, "event", event.actor_name, "", words.event_words(event.kind, event.facts, actor)[1])
            )
    return sorted(lines, key=lambda line: line.at)


def _author(message: Message) -> str:
    name, address = message.author_name, message.author_address
    return f"{name} <{address}>" if name and address else name or address


def _recipients(message: Message) -> str:
    groups = message.recipients
    people = [*groups.get("to", ()), *groups.get("cc", ())]
    return ", ".join(entry.get("name") or entry.get("address", "") for entry in people)


def as_html(whole: Whole) -> bytes:
    """Write a page that needs nothing from anywhere, for reading and for paper."""
    context = {"whole": whole, "conversation": whole.conversation, "lines": _lines(whole), "now": timezone.now()}
    return render_to_string("desk/export/page.html", context).encode()


def as_text(whole: Whole) -> bytes:
    """Write plain text."""
    row = whole.conversation
    parts = [f"{row.subject or row.contact.name} (#{row.pk})", "=" * 72]
    internal = _("internal note")
    for line in _lines(whole):
        head = f"{words.full_words(line.at)}  {line.who}"
        if line.kind == "event":
            parts.append(f"\n* {head} {line.text}")
            continue
        note = f" [{internal}]" if line.kind == MessageKind.NOTE else ""
        parts += [f"\n{head}{note}", *([f"→ {line.to}"] if line.to else []), "-" * 72, line.text.strip()]
        parts += [f"[{file.filename}, {words.size_words(file.size)}]" for file in line.files]
    return "\n".join([*parts, ""]).encode()


def as_mbox(whole: Whole) -> bytes:
    """Write mails (mboxrd): those that came in as they came, ours and other channels' made anew, with their files."""
    if size_of_originals(whole.messages) > MBOX_BYTES:
        raise InputError(str(TOO_LARGE))
    raw = originals(whole.messages)
    parts: list[bytes] = []
    size = 0
    for message in whole.messages:
        content = raw.get(message.pk) or _mail(message, whole.files[message.pk], whole)
        size += len(content)
        if size > MBOX_BYTES:
            raise InputError(str(TOO_LARGE))
        stamp = message.created_at.strftime("%a %b %d %H:%M:%S %Y")
        parts.append(b"From comptoir@localhost " + stamp.encode() + b"\n" + _quoted(content) + b"\n\n")
    return b"".join(parts)


def _quoted(content: bytes) -> bytes:
    """Return a mail with Unix line ends, in which no line can be taken for the beginning of the next mail."""
    return re.sub(rb"^(>*From )", rb">\1", content.replace(b"\r\n", b"\n").rstrip(b"\n"), flags=re.MULTILINE)


def _header(text: str) -> str:
    return " ".join(text.split())[:500]


def _mail(message: Message, files: Sequence[Attachment], whole: Whole) -> bytes:
    mail = EmailMessage(policy=SMTP.clone(raise_on_defect=False))
    account = whole.conversation.account.address or "comptoir@localhost"
    address = message.author_address if "@" in message.author_address else ""
    own = account if message.kind != MessageKind.INBOUND else "unknown@localhost"
    mail["From"] = formataddr((_header(message.author_name), address or own))
    people = [entry.get("address", "") for entry in message.recipients.get("to", ()) if "@" in entry.get("address", "")]
    mail["To"] = ", ".join(people) or account
    mail["Subject"] = _header(message.subject or whole.conversation.subject)
    mail["Date"] = format_datetime(message.created_at)
    if message.kind == MessageKind.NOTE:
        mail["X-Comptoir-Note"] = "yes"
    mail.set_content(message.text)
    for file in files:
        try:
            content = storage.get(file.key)
        except FileNotFoundError:
            continue
        mail.add_attachment(content, maintype="application", subtype="octet-stream", filename=_header(file.filename))
    return mail.as_bytes()


FORMS: dict[str, Form] = {
    "html": Form("text/html; charset=utf-8", as_html),
    "txt": Form("text/plain; charset=utf-8", as_text),
    "json": Form("application/json", as_json),
    "mbox": Form("application/mbox", as_mbox),
}
