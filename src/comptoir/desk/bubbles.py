"""The messages of a timeline made ready to draw: words, classes, safe HTML; the template has little left to decide.

A page may show fifty of them, and each has a menu, a reason, files and a delivery: what the template would look up and
translate fifty times is found here once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from comptoir.conversations.models import Attachment, Conversation, MessageKind
from comptoir.conversations.queries import Said, Sending
from comptoir.desk import rules, words
from comptoir.desk.templatetags.desk import avatar

DELIVERY_ICONS = {
    "queued": "queued", "sending": "queued", "sent": "check", "delivered": "check-double", "failed": "failed",
    "cancelled": "undo", "unconfirmed": "unconfirmed",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class File(rules.Drawn):
    """One attachment."""

    id: str
    name: str
    size: str
    is_image: bool


@dataclass(frozen=True, slots=True)
class Bubble(rules.Drawn):
    """One message of a timeline. Numbers are strings: the template would format each by the rules of the language."""

    id: str
    css: str
    is_run: bool
    is_in: bool
    is_note: bool
    avatar: SafeString
    who: str
    aside: str  # beside the name: the address, or to whom
    to: str  # under the name
    iso: str
    hour: str
    why: str
    has_source: bool
    is_automatic: bool
    subject: str  # where it differs from the conversation's
    language: str
    body: SafeString
    rest: SafeString  # quoted text and signature
    has_html: bool
    has_remote: bool
    files: Sequence[File]
    delivery: Sending | None
    delivery_state: str
    delivery_icon: str


def _people(entries: Sequence[dict[str, str]]) -> str:
    return ", ".join(entry.get("name") or entry.get("address", "") for entry in entries)


def _recipients(message: Said, to: str, cc: str) -> str:
    """Return whom a message went to: 'to Ada Martin, cc Marc'."""
    groups = message.recipients
    if not groups.get("to"):
        return ""
    copies = f", {cc} {_people(groups['cc'])}" if groups.get("cc") else ""
    return f"{to} {_people(groups['to'])}{copies}"


def _files(attachments: Sequence[Attachment]) -> list[File]:
    return [File(str(a.pk), a.filename, words.size_words(a.size), rules.is_image(a.content_type)) for a in attachments]


def _css(message: Said, *, is_chat: bool, is_run: bool) -> str:
    chat = is_chat and message.kind != MessageKind.NOTE
    return f"msg msg-{message.kind}{' msg-chat' if chat else ''}{' msg-run' if chat and is_run else ''}"


def drawn(
    items: Sequence[rules.Item], conversation: Conversation, *, is_chat: bool, called: Sequence[str] = ()
) -> list[rules.Item]:
    """Return the items of a timeline with a Bubble in the place of each message. `called`: who is marked in a note."""
    to, cc = pgettext("recipients", "to"), _("cc")
    reasons: dict[str, str] = {}
    found: list[rules.Item] = []
    for item in items:
        if item.kind != "message":
            found.append(item)
            continue
        message: Said = item.value
        placed = f"{message.kind}|{message.placement}"
        if placed not in reasons:
            reasons[placed] = words.placement_words(message.placement or {}, message.kind)
        is_run = item.run and is_chat
        bubble = _bubble(message, conversation, reasons[placed], to, cc, is_chat=is_chat, is_run=is_run, called=called)
        found.append(rules.Item("message", bubble, is_run))
    return found


def _bubble(
    message: Said,
    conversation: Conversation,
    why: str,
    to: str,
    cc: str,
    *,
    is_chat: bool,
    is_run: bool,
    called: Sequence[str],
) -> Bubble:
    is_in, is_note = message.kind == MessageKind.INBOUND, message.kind == MessageKind.NOTE
    whom = "" if is_chat or is_note else _recipients(message, to, cc)
    address = message.author_address if message.author_name and not is_chat else ""
    local = timezone.localtime(message.created_at)
    rest = rules.folded_part(message.text, message.visible_text)
    state = message.delivery.state if message.delivery else ""
    who = message.author_name or message.author_address
    body = rules.prose(message.body)
    if is_note and called:
        body = rules.with_mentions(body, called)
    return Bubble(
        id=str(message.pk),
        css=_css(message, is_chat=is_chat, is_run=is_run),
        is_run=is_run,
        is_in=is_in,
        is_note=is_note,
        avatar=avatar(who, message.contact_id if is_in else message.user_id),
        who=who,
        aside=address if is_in else whom,
        to=whom if is_in else "",
        iso=local.isoformat(),
        hour=f"{local.hour}:{local.minute:02d}",
        why=why,
        has_source=message.record_id is not None,
        is_automatic=bool(message.automatic),
        subject=message.subject if is_in and message.subject != conversation.subject else "",
        language=message.language,
        body=mark_safe(body),  # noqa: S308  # rules.prose escapes every part
        rest=mark_safe(rules.prose(rest)) if rest else SafeString(),  # noqa: S308
        has_html=message.has_html,
        has_remote=message.has_remote,
        files=_files(message.files),
        delivery=message.delivery,
        delivery_state=state,
        delivery_icon=DELIVERY_ICONS.get(state, "info"),
    )
