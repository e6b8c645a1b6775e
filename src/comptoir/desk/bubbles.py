"""The messages of a timeline as HTML, drawn here and not by a template.

A page shows up to fifty of them, and Django's templates took half of its time for that (bench/pages.py). Every value
that a person or a platform wrote goes through `escape`, or through rules.prose, which escapes every part; the words
are looked up once a language. What a person can do to an answer on its way (_sending.html) stays a template.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from html import escape

from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from comptoir.conversations.models import Attachment, Conversation, MessageKind
from comptoir.conversations.queries import Said, Sending
from comptoir.desk import reasons, rules, words
from comptoir.desk.templatetags.desk import avatar, icon
from comptoir.outbound.hiding import can_hide

DELIVERY_ICONS = {
    "queued": "queued", "sending": "queued", "sent": "check", "delivered": "check-double", "failed": "failed",
    "cancelled": "undo", "unconfirmed": "unconfirmed", "read": "check-double",
}  # fmt: skip
REACTION_SIGNS = {
    "like": "👍", "love": "❤️", "haha": "😆", "wow": "😮", "sad": "😢", "angry": "😠", "care": "🤗", "favourite": "⭐",
    "repost": "🔁", "reblog": "🔁",
}  # fmt: skip
ACTIONABLE = frozenset({"queued", "failed", "unconfirmed"})  # deliveries that a person can still do something about


@dataclass(frozen=True, slots=True)
class Bubble(rules.Drawn):
    """One message: its list item without the end tag, and its delivery where a person can act on it."""

    html: SafeString
    sending: Sending | None


@dataclass(frozen=True, slots=True)
class _Words:
    """What every bubble says, in one language, ready to stand in HTML."""

    to: str
    cc: str
    note: str
    menu: str  # the menu's button, with the heading inside the panel
    forward: str
    place: str
    original: str
    source: str
    machine: str
    quoted: str
    formatted: str
    remote: str
    show_images: str
    frame: str
    answer: str
    hide: str
    show: str
    permalink: str
    outside: str
    original_text: str
    edited: str  # these three with a %s for the instant
    deleted: str
    hidden: str


@lru_cache(maxsize=8)
def _words_in(language: str | None) -> _Words:
    """Return the words of the language that is active; it is the key of the cache."""
    why, about = escape(_("Why is this message here?")), escape(_("About this message"))
    remote = escape(_("Remote images are not loaded: they would tell the sender that you read this."))
    # Here and not below: what stands inside an f-string is not collected for translation.
    note, place = escape(_("internal note")), escape(_("Move, split or merge…"))
    answer, permalink = escape(_("Answer this one")), escape(_("See it on its network"))
    outside, first = escape(_("written outside Comptoir")), escape(_("What it said at first"))
    hide, show = escape(_("Hide from the public")), escape(_("Show to the public again"))
    original, quoted = escape(_("See the original")), escape(_("Quoted text and signature"))
    forward, source, formatted = (
        escape(_("Forward")),
        escape(_("Download the source")),
        escape(_("Original formatting")),
    )
    return _Words(
        to=pgettext("recipients", "to"),
        cc=_("cc"),
        note=f"<small>{icon('lock', 'icon-sm')}</small><small>{note}</small>",
        menu=f'<summary class="btn btn-quiet btn-sm btn-icon" aria-label="{about}">{icon("more")}</summary>'
        f'<div class="menu-panel menu-wide"><div class="menu-pad why"><h3>{why}</h3><p class="soft text-sm">',
        forward=f"{icon('forward')}{forward}</a>",
        place=f"{icon('move')}{place}</a>",
        original=f"{icon('eye')}{original}</a>",
        source=f"{icon('code')}{source}</a>",
        machine=_strip("info", escape(_("A machine wrote this; it is never answered automatically."))),
        quoted=f"<summary>{icon('quote', 'icon-sm')}{quoted}</summary>",
        formatted=f"<summary>{icon('eye', 'icon-sm')}{formatted}</summary>",
        remote=remote,
        show_images=escape(_("Show images")),
        frame=escape(_("The message in its original formatting")),
        answer=f"{icon('reply')}{answer}</a>",
        hide=f"{icon('eye')}{hide}</button>",
        show=f"{icon('eye')}{show}</button>",
        permalink=f"{icon('external')}{permalink}</a>",
        outside=f"<small>{outside}</small>",
        original_text=f"<summary>{icon('quote', 'icon-sm')}{first}</summary>",
        edited=escape(_("Edited by its author on %(at)s.")),
        deleted=escape(_("Deleted by its author on %(at)s. The customer and the public do not see it any more.")),
        hidden=escape(_("Hidden from the public since %(at)s.")),
    )


def _strip(symbol: str, said: str, more: str = "") -> str:
    return f'<div class="strip">{icon(symbol, "icon-sm")}<span>{said}</span>{more}</div>'


def drawn(
    items: Sequence[rules.Item],
    told: Mapping[int, Conversation],
    *,
    own: int,
    chats: Collection[int] = (),
    called: Sequence[str] = (),
) -> list[rules.Item]:
    """Return a timeline's items with a Bubble in the place of each message, a conversation in that of each chapter.

    `told`: the conversations that the timeline tells; `own`: the one that the page is of; `called`: who is marked in
    a note.
    """
    said = _words_in(get_language())
    reason_words: dict[str, str] = {}
    found: list[rules.Item] = []
    for item in items:
        if item.kind != "message":
            found.append(rules.Item("chapter", told[item.value]) if item.kind == "chapter" else item)
            continue
        message: Said = item.value
        is_chat = message.conversation_id in chats
        placed = f"{message.kind}|{message.placement}"
        if placed not in reason_words:
            reason_words[placed] = escape(words.placement_words(message.placement or {}, message.kind))
        is_run = item.run and is_chat
        place = told[message.conversation_id]
        html = (
            _head(message, said, reason_words[placed], own=own, place=place, is_chat=is_chat, is_run=is_run)
            + _body(message, said, place.subject, called)
            + _reactions(message)
            + _foot(message.delivery)
        )
        sending = message.delivery if message.delivery and message.delivery.state in ACTIONABLE else None
        found.append(rules.Item("message", Bubble(mark_safe(html), sending), is_run))  # noqa: S308  # see the docstring
    return found


def _people(entries: Sequence[dict[str, str]]) -> str:
    return ", ".join(entry.get("name") or entry.get("address", "") for entry in entries)


def _recipients(message: Said, said: _Words) -> str:
    """Return whom a message went to: 'to Ada Martin, cc Marc'."""
    groups = message.recipients
    if not groups.get("to"):
        return ""
    copies = f", {said.cc} {_people(groups['cc'])}" if groups.get("cc") else ""
    return escape(f"{said.to} {_people(groups['to'])}{copies}")


def _css(message: Said, *, is_chat: bool, is_run: bool) -> str:
    chat = is_chat and message.kind != MessageKind.NOTE
    gone = " msg-gone" if message.marks.get("deleted_at") or message.marks.get("hidden_at") else ""
    return f"msg msg-{message.kind}{' msg-chat' if chat else ''}{' msg-run' if chat and is_run else ''}{gone}"


def _head(message: Said, said: _Words, why: str, *, own: int, place: Conversation, is_chat: bool, is_run: bool) -> str:
    """Draw the beginning of the item: who, when, to whom, and the menu."""
    is_in, is_note = message.kind == MessageKind.INBOUND, message.kind == MessageKind.NOTE
    whom = "" if is_chat or is_note else _recipients(message, said)
    state = f' data-delivery="{message.delivery.state}"' if message.delivery else ""
    local = timezone.localtime(message.created_at)
    name = ""
    if not is_run:
        who = message.author_name or message.author_address
        address = escape(message.author_address) if message.author_name and not is_chat else ""
        aside = said.note if is_note else f"<small>{text}</small>" if (text := address if is_in else whom) else ""
        if not is_in and not is_note and message.delivery is None and message.user_id is None and message.record_id:
            aside += said.outside
        face = avatar(who, message.contact_id if is_in else message.user_id)
        name = f'{face}<p class="msg-who"><b>{escape(who)}</b>{aside}</p>'
    return (
        f'<li class="{_css(message, is_chat=is_chat, is_run=is_run)}" id="m{message.pk}"{state}>'
        f'<div class="msg-head">{name}<a class="msg-when" href="#m{message.pk}">'
        f'<time datetime="{local.isoformat()}">{local.hour}:{local.minute:02d}</time></a>'
        f'<details class="menu menu-end menu-sheet" data-menu id="mm{message.pk}">{said.menu}{why}</p></div><hr>'
        f"{_menu(message, said, own=own, is_public=place.is_public, is_hideable=can_hide(place))}</div></details></div>"
        + (f'<p class="msg-to">{whom}</p>' if is_in and whom else "")
    )


def _menu(message: Said, said: _Words, *, own: int, is_public: bool, is_hideable: bool) -> str:
    address = f"/messages/{message.pk}"
    there = "" if message.conversation_id == own else f"/conversations/{message.conversation_id}/"
    is_note = message.kind == MessageKind.NOTE
    parts = [] if is_note else [f'<a class="menu-item" href="{there}?forward={message.pk}#composer">{said.forward}']
    if message.kind == MessageKind.INBOUND and is_public:
        parts.insert(0, f'<a class="menu-item" href="{there}?answers={message.pk}#composer">{said.answer}')
    if message.kind == MessageKind.INBOUND and is_hideable:
        is_hidden = bool(message.marks.get("hidden_at"))
        values = escape(json.dumps({"hidden": "" if is_hidden else "1"}))
        asked = f'hx-post="{address}/hiding/" hx-vals="{values}" hx-swap="none"'
        parts.append(f'<button class="menu-item" {asked}>{said.show if is_hidden else said.hide}')
    if message.permalink.startswith("https://"):
        link = f'href="{escape(message.permalink)}" target="_blank" rel="noopener noreferrer"'
        parts.append(f'<a class="menu-item" {link}>{said.permalink}')
    parts.append(f'<a class="menu-item" href="{address}/place/">{said.place}')
    if message.kind == MessageKind.INBOUND:
        parts.append(f'<hr><a class="menu-item" href="{address}/original/">{said.original}')
        if message.record_id is not None:
            parts.append(f'<a class="menu-item" href="{address}/source/">{said.source}')
    return "".join(parts)


def _body(message: Said, said: _Words, subject: str, called: Sequence[str]) -> str:
    """Draw what was said: the text, what is folded away, the original formatting, the files."""
    is_in = message.kind == MessageKind.INBOUND
    language = f' lang="{escape(message.language)}"' if message.language else ""
    parts = ['<div class="msg-body">', said.machine if message.automatic else ""]
    if is_in and message.subject and message.subject != subject:
        parts.append(f'<p class="text-sm muted">{escape(message.subject)}</p>')
    parts += _afterwards(message, said)
    text = rules.prose(message.marks.get("text") or message.body)
    if message.marks.get("deleted_at"):
        parts.append(f'<details class="fold" id="d{message.pk}">{said.original_text}<div class="prose"{language}>')
        parts += [text, "</div></details>", _files(message), "</div>"]
        return "".join(parts)
    if called and message.kind == MessageKind.NOTE:
        text = rules.with_mentions(text, called)
    parts.append(f'<div class="prose"{language}>{text}</div>')
    if rest := rules.folded_part(message.text, message.visible_text):
        fold = f'<details class="fold" id="f{message.pk}">{said.quoted}'
        parts.append(f'{fold}<div class="prose">{rules.prose(rest)}</div></details>')
    if message.has_html:
        parts.append(_formatted(message, said))
    parts += [_files(message), "</div>"]
    return "".join(parts)


def _afterwards(message: Said, said: _Words) -> list[str]:
    """Say what was done to a message after it was written, above its text; the first wording folded."""
    marks, parts = message.marks, []
    for name, symbol, words_ in (
        ("deleted_at", "delete", said.deleted), ("hidden_at", "image-off", said.hidden),
        ("edited_at", "edit", said.edited),
    ):  # fmt: skip
        if at := marks.get(name):
            parts.append(_strip(symbol, words_ % {"at": escape(words.full_words(datetime.fromisoformat(at)))}))
    if marks.get("text"):
        fold = f'<details class="fold" id="o{message.pk}">{said.original_text}'
        parts.append(f'{fold}<div class="prose">{rules.prose(message.body)}</div></details>')
    return parts


def _reactions(message: Said) -> str:
    """Draw who liked it, by number: '👍 2'. What a platform calls 'like' is shown as its sign."""
    counted = message.marks.get("reactions")
    if not counted:
        return ""
    signs = "".join(
        f'<span class="reaction">{escape(REACTION_SIGNS.get(name, name))} <small>{number:d}</small></span>'
        for name, number in sorted(counted.items(), key=lambda pair: -pair[1])
    )
    return f'<div class="msg-foot reactions">{signs}</div>'


def _formatted(message: Said, said: _Words) -> str:
    """Draw the fold with the mail as its author formatted it, in a frame of its own origin."""
    address, strip = f"/messages/{message.pk}", ""
    if message.has_remote:
        button = f'<a class="btn btn-quiet btn-sm push" href="{address}/original/?images=1"'
        more = f'{button} data-images="{address}/html/?images=1">{said.show_images}</a>'
        strip = _strip("image-off", said.remote, more)
    frame = (
        f'<iframe class="mail-frame" src="{address}/html/" sandbox="allow-popups allow-popups-to-escape-sandbox" '
        f'loading="lazy" title="{said.frame}"></iframe>'
    )
    return f'<details class="fold" id="h{message.pk}">{said.formatted}<div>{strip}{frame}</div></details>'


def _files(message: Said) -> str:
    if not message.files:
        return ""
    parts = ['<div class="files">']
    for file in message.files:
        if not file.key:
            parts.append(_awaited(file))
            continue
        address = f"/attachments/{file.pk}/"
        if rules.is_image(file.content_type):
            image = f'<img src="{address}?inline" alt="" width="40" height="40" loading="lazy">'
            parts.append(f'<a class="file file-image" href="{address}">{image}')
        else:
            parts.append(f'<a class="file" href="{address}">{icon("file")}')
        parts.append(f"<span>{escape(file.filename)}</span><small>{escape(words.size_words(file.size))}</small></a>")
    parts.append("</div>")
    return "".join(parts)


def _awaited(file: Attachment) -> str:
    """Draw a file that is still with its platform: on its way, or why it cannot be had."""
    reason = (file.remote or {}).get("reason", "") if file.fetch_at is None else ""
    said = escape(reasons.retold(reason) if reason else _("is being fetched"))
    name = escape(file.filename or file.content_type or _("File"))
    symbol = icon("failed" if reason else "clock")
    return f'<span class="file" data-awaited>{symbol}<span>{name}</span><small>{said}</small></span>'


def _foot(sending: Sending | None) -> str:
    """Draw what became of an answer; where a person can act on it, the template does."""
    if sending is None or sending.state in ACTIONABLE:
        return ""
    symbol = icon(DELIVERY_ICONS.get(sending.state, "info"))
    reason = f"<span>{escape(reasons.retold(sending.reason))}</span>" if sending.reason else ""
    state = f'<span class="delivery" data-delivery="{sending.state}">{symbol}'
    return f'<div class="msg-foot">{state}{escape(words.delivery_words(sending.state))}</span>{reason}</div>'
