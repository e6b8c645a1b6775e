"""The rows of a list of conversations as HTML, drawn here and not by a template, as bubbles.py draws messages.

Fifty rows took half of the queue's time in Django's templates (bench/pages.py). Every value that a person or a platform
wrote goes through `escape`; what is the same in every row is looked up once a language, or once a page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape

from django.templatetags.static import static
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

from comptoir.conversations.filtering import NEED_WAIT
from comptoir.conversations.listing import QueueRow
from comptoir.conversations.models import Priority, State
from comptoir.core import clock
from comptoir.desk import rules, words
from comptoir.desk.templatetags.desk import channel_icon

SHOWN_LABELS = 2  # of a row: more would push its subject away


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a list: its item, and the heading above it where a new band begins ('' otherwise)."""

    html: str
    band: str
    heading: str


@dataclass(frozen=True, slots=True)
class _Words:
    """What every row says, in one language, ready to stand in HTML."""

    choose: str
    nobody: str  # the mark of a conversation that is nobody's
    unknown: str
    trouble: str
    public: str
    last: str
    states: dict[str, str]  # the badge of each state that is not open
    priorities: dict[int, str]


def _symbol(name: str) -> str:
    return f'<svg class="icon" aria-hidden="true"><use href="{static("icons/sprite.svg")}#{name}"/></svg>'


def _state(value: str, label: str) -> str:
    return f'<span class="state" data-state="{value}">{_symbol(f"state-{value}")}{escape(label)}</span>'


@lru_cache(maxsize=8)
def _words_in(language: str | None) -> _Words:
    """Return the words of the language that is active; it is the key of the cache."""
    nobody, trouble = escape(_("Nobody")), escape(_("Reply not delivered"))
    public = escape(pgettext("of a conversation", "Public"))
    named = {Priority.HIGH: _("High"), Priority.URGENT: _("Urgent")}
    return _Words(
        choose=escape(_("Select the conversation with")),
        nobody=f'<span class="avatar avatar-none q-own" title="{nobody}">'
        f'<span class="visually-hidden">{nobody}</span></span>',
        unknown=_("Unknown"),
        trouble=f'<span class="badge" data-tone="bad">{_symbol("failed")}{trouble}</span>',
        public=f'<svg class="icon q-public" role="img" aria-label="{public}"><title>{public}</title>'
        f'<use href="{static("icons/sprite.svg")}#globe"/></svg>',
        last=_("Last message %(at)s"),
        states={value: _state(value, str(label)) for value, label in State.choices if value != State.OPEN},
        priorities={
            value: f'<span class="q-urgent" data-priority="{value:d}">{escape(name)}</span>'
            for value, name in named.items()
        },
    )


@lru_cache(maxsize=256)
def _channel(kind: str, language: str | None) -> str:
    """Draw the symbol of a channel, whose name is said in the language that is active."""
    return channel_icon(kind, "q-chan")


@lru_cache(maxsize=2048)
def _labels(labels: tuple[str, ...]) -> str:
    """Draw the first labels ('colour name') and how many more there are."""
    tags = []
    for label in labels[:SHOWN_LABELS]:
        colour, _space, name = label.partition(" ")
        tags.append(f'<span class="label-tag" data-colour="{escape(colour)}">{escape(name)}</span>')
    more = len(labels) - SHOWN_LABELS
    return "".join(tags) + (f'<small class="muted">+{more}</small>' if more > 0 else "")


@lru_cache(maxsize=1024)
def _owner(name: str, number: int) -> str:
    said, hue = escape(name), number % rules.HUES + 1
    initials = escape(rules.initials_of(name))
    return (
        f'<span class="avatar q-own" data-hue="{hue}" role="img" aria-label="{said}" title="{said}">{initials}</span>'
    )


@lru_cache(maxsize=512)
def _count(number: int, language: str | None) -> str:
    title = ngettext("%(n)s message", "%(n)s messages", number) % {"n": number}
    return f' <small title="{escape(title)}">{number}</small>' if number > 1 else ""


def _item(row: QueueRow, said: _Words, when: str, language: str | None) -> str:
    """Draw a row; `when` is its instant, which depends on the order of the list."""
    who = escape(row.contact_name or said.unknown)
    unread = " is-unread" if row.is_unread and row.state != State.SOLVED else ""
    spoken = f' lang="{escape(row.language)}"' if row.language else ""
    preview = f'<span class="q-preview">{escape(row.preview)}</span>' if row.subject else ""
    owner = _owner(row.assignee_name, row.assignee_id or 0) if row.assignee_name else said.nobody
    return (
        f'<li class="q-row{unread}" id="c-{row.id}"><label class="q-check">'
        f'<input type="checkbox" name="pick" value="{row.id}">'
        f'<span class="visually-hidden">{said.choose} {who}</span></label>{when}{_channel(row.channel, language)}'
        f'<span class="q-who"><b>{who}</b>{_count(row.message_count, language)}</span>'
        f'<span class="q-what"><a class="q-open" href="/conversations/{row.id}/"{spoken}>'
        f"{escape(row.subject or row.preview or f'#{row.id}')}</a>{preview}</span>"
        f'<span class="q-tags">{said.public if row.is_public else ""}{said.states.get(row.state, "")}'
        f"{said.trouble if row.in_trouble else ''}"
        f"{said.priorities.get(row.priority, '')}{_labels(tuple(row.labels))}</span>"
        f'<span class="q-team">{escape(row.team_name)}</span>{owner}</li>'
    )


def lines_of(rows: Sequence[QueueRow], *, sort: str, last_band: str = "") -> list[Line]:
    """Return the rows drawn. `last_band` is the heading of the page before, which is not repeated."""
    now, waiting, language = clock.now(), sort in NEED_WAIT, get_language()
    said = _words_in(language)
    lines: list[Line] = []
    for row in rows:
        waited = now - row.sort_at
        band = words.band_words(waited) if sort == "wait" else ""
        if sort == "priority":
            band = str(Priority(row.priority).label)
        if waiting:
            # A wait says enough, and time.js adds the date: formatting fifty dates costs more than reading fifty rows.
            level, more, text = rules.wait_level(waited), " data-wait", words.wait_words(waited)
        else:
            title = said.last % {"at": words.full_words(row.sort_at)}
            level, more, text = 0, f' title="{escape(title)}"', words.moment_words(row.sort_at, now)
        since = row.sort_at.isoformat()
        when = f'<time class="q-wait wait" data-level="{level}" datetime="{since}"{more}>{escape(text)}</time>'
        lines.append(Line(_item(row, said, when, language), band, band if band != last_band else ""))
        last_band = band
    return lines


def listed(lines: Sequence[Line]) -> SafeString:
    """Return the lines as lists, one under each heading; what goes on under the heading before has none of its own."""
    parts: list[str] = []
    for number, line in enumerate(lines):
        if line.heading:
            end = "</ul>" if number else ""
            parts.append(f'{end}<h2 class="q-band">{escape(line.heading)}</h2>\n<ul class="q-list">')
        elif not number:
            parts.append('<ul class="q-list">')
        parts.append(line.html)
    return mark_safe("\n".join(parts) + ("</ul>" if parts else ""))  # noqa: S308  # see the docstring
