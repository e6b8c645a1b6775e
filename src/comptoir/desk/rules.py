"""What a screen shows of a value: pure decisions, no words (those are in words.py, which knows the language)."""

import re
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from html import escape, unescape
from typing import Any
from urllib.parse import parse_qs

HUES = 6  # of avatars, see static/css/badges.css


def wait_level(waited: timedelta) -> int:
    """Return how alarming a wait is: 0 under an hour, 1 under four, 2 under a day, 3 beyond."""
    hours = waited.total_seconds() / 3600
    return 0 if hours < 1 else 1 if hours < 4 else 2 if hours < 24 else 3


def hue_of(name: str) -> int:
    """Return the colour (1 to 6) of a person's avatar: always the same for the same name."""
    return zlib.crc32(name.encode()) % HUES + 1


def initials_of(name: str) -> str:
    """Return one or two letters for an avatar; of an address its first letter."""
    words = [word for word in name.strip("@ ").split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper() or "?"


def is_run(previous: Any, message: Any, *, within: timedelta = timedelta(minutes=10)) -> bool:
    """Whether a chat message continues what the same author said a moment ago: it is drawn without a head."""
    if previous is None or previous.kind != message.kind or message.kind == "note":
        return False
    same = (previous.user_id, previous.contact_id) == (message.user_id, message.contact_id)
    return bool(same and message.created_at - previous.created_at <= within)


class Drawn:
    """What a template reads by the thousand: it asks for an item first, and for an attribute when that failed."""

    __slots__ = ()

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)


@dataclass(frozen=True, slots=True)
class Item(Drawn):
    """One line of a timeline: a 'day', a 'message', a run of 'events', or the 'chapter' that begins with it."""

    kind: str
    value: Any
    run: bool = False


def weave(
    messages: Sequence[Any], events: Sequence[Any], *, day_of: Any, chats: Collection[int] = (), marks: bool = False
) -> list[Item]:
    """Return messages and events in the order of time, with a mark where a day begins and neighbouring events folded.

    `day_of` turns an instant into the reader's date; `chats` are the conversations whose messages are short turns.
    With `marks`, a 'chapter' (the number of a conversation) goes before what happened elsewhere than the line before.
    """
    line: list[tuple[datetime, int, str, Any]] = [(m.created_at, 0, "message", m) for m in messages]
    line += [(e.at, 1, "event", e) for e in events]
    line.sort(key=lambda part: part[:2])
    items: list[Item] = []
    day: date | None = None
    previous: Any = None
    place: int | None = None
    for at, _rank, kind, value in line:
        if day_of(at) != day:
            day = day_of(at)
            items.append(Item("day", at))
            previous = None
        if marks and value.conversation_id != place:
            place = value.conversation_id
            items.append(Item("chapter", place))
            previous = None
        if kind == "message":
            is_short = bool(chats) and value.conversation_id in chats
            items.append(Item("message", value, run=is_short and is_run(previous, value)))
            previous = value
        elif items[-1].kind == "events":
            items[-1].value.append(value)
            previous = None
        else:
            items.append(Item("events", [value]))
            previous = None
    return items


def folded_part(text: str, visible: str) -> str:
    """Return what of a message is folded away (quoted history, signature); '' when all of it is visible."""
    if not visible or visible.strip() == text.strip():
        return ""
    if text.startswith(visible):
        return text[len(visible) :].strip("\n")
    return text


# The part before the @ begins a word and is bounded: a long line without any @ must not be looked at from every letter.
_LINK = re.compile(r"(https?://[^\s<>\"'«»]+[^\s<>\"'«».,;:!?)\]])|((?<![\w.+-])[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+)")


def _linked(line: str) -> str:
    """Return one escaped line with its addresses as links."""
    parts: list[str] = []
    end = 0
    for found in _LINK.finditer(line):
        parts.append(escape(line[end : found.start()]))
        target = escape(found.group())
        href = target if found.group(1) else f"mailto:{target}"
        parts.append(f'<a href="{href}" target="_blank" rel="noopener noreferrer nofollow">{target}</a>')
        end = found.end()
    parts.append(escape(line[end:]))
    return "".join(parts)


def prose(text: str) -> str:
    """Return a plain text as safe HTML: paragraphs, line breaks, quotes by '>', links."""
    blocks = re.split(r"\n\s*\n", text.strip("\n"))
    out: list[str] = []
    for block in blocks:
        if not block.strip():
            continue
        lines = block.split("\n")
        if all(line.startswith(">") for line in lines):
            inner = "<br>".join(_linked(line.lstrip("> ")) for line in lines)
            out.append(f"<blockquote><p>{inner}</p></blockquote>")
        else:
            out.append("<p>" + "<br>".join(map(_linked, lines)) + "</p>")
    return "".join(out)


def with_mentions(html: str, names: Sequence[str]) -> str:
    """Return a note's safe HTML (of `prose`) with every `@Name` of these people marked; links stay as they are."""
    known = "|".join(re.escape(escape(name)) for name in sorted(names, key=len, reverse=True) if name)
    if not known:
        return html
    pattern = re.compile(rf"<a [^>]*>.*?</a>|<[^>]*>|(?<![\w/@.])(@(?:{known}))(?!\w)", re.IGNORECASE)

    def marked(found: re.Match[str]) -> str:
        return f'<b class="mention">{found[1]}</b>' if found[1] else found[0]

    return pattern.sub(marked, html)


_REMOTE = re.compile(r' data-remote-(src|srcset|background|poster)="')
_CID = re.compile(r' data-cid="([^"]*)"')


def with_remote_images(html: str) -> str:
    """Return sanitised HTML with its remote images switched on."""
    return _REMOTE.sub(r' \1="', html)


def with_inline_images(html: str, found: dict[str, str]) -> str:
    """Return sanitised HTML with its embedded images: `found` has the data: URL of each content id."""

    def shown(match: re.Match[str]) -> str:
        source = found.get(unescape(match.group(1)))
        return f' src="{source}"' if source else match.group()

    return _CID.sub(shown, html)


def snooze_times(at: datetime) -> list[tuple[str, datetime]]:
    """Return the offered ends of a snooze: in three hours, tomorrow at nine, next Monday at nine (local time)."""
    nine = at.replace(hour=9, minute=0, second=0, microsecond=0)
    later = (at + timedelta(hours=3)).replace(second=0, microsecond=0)
    monday = nine + timedelta(days=7 - at.weekday() if at.weekday() < 6 else 8)  # on a Sunday, tomorrow is Monday
    return [("hours", later), ("tomorrow", nine + timedelta(days=1)), ("monday", monday)]


def copies_of(recipients: Mapping[str, Sequence[Mapping[str, str]]], *, without: Collection[str]) -> list[str]:
    """Return who else should get the answer: everybody the message was addressed to, but us and its author."""
    seen = {address.lower() for address in without}
    copies: list[str] = []
    for entry in (*recipients.get("to", ()), *recipients.get("cc", ())):
        address = entry.get("address", "")
        if address and address.lower() not in seen:
            seen.add(address.lower())
            copies.append(address)
    return copies


SAFE_INLINE = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"})


def is_image(content_type: str) -> bool:
    """Whether a file may be shown in place: raster images only; SVG and HTML can carry scripts."""
    return content_type.lower() in SAFE_INLINE


AT_ONCE = 3  # desks that show the queue and hear of a change without delay
WAIT_EACH = 0.1  # seconds a desk: all desks of a process together look at the queue 20 times a second, half a core


def longest_wait(desks: int) -> float:
    """Return the seconds within which each of the desks that show the queue hears of a change, at a random moment."""
    return 0.0 if desks <= AT_ONCE else desks * WAIT_EACH


@dataclass(frozen=True, slots=True)
class Shown:
    """What a desk shows: a conversation, a list of them, or something else.

    `tab` is the mark of a page that somebody looks at; a page in the background has none.
    """

    conversation: int | None = None
    tab: str = ""
    is_list: bool = True


_TAB = re.compile(r"[a-z0-9]{8,32}")


def is_tab(text: str) -> bool:
    """Whether this is the mark that a page draws for itself (desk-live.js)."""
    return _TAB.fullmatch(text) is not None


def shown_by(query: str) -> Shown:
    """Return what a desk shows, from the address of its stream; what is not understood is a list."""
    asked = {name: values[-1] for name, values in parse_qs(query).items()}
    number, tab = asked.get("conversation", ""), asked.get("tab", "")
    if number.isascii() and number.isdecimal() and len(number) < 19:
        return Shown(int(number), tab if is_tab(tab) else "", is_list=False)
    return Shown(is_list=asked.get("shows") != "other")


def spreadsheet_safe(value: object) -> object:
    """Return a value that a spreadsheet takes for a text: customers choose their names, and '=' begins a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


# The first that is named in a browser's description of itself; those that imitate others stand before them.
_BROWSERS = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("FxiOS", "Firefox"), ("CriOS", "Chrome"),
    ("Chrome/", "Chrome"), ("Safari/", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("CrOS", "ChromeOS"), ("Windows", "Windows"),
    ("Mac OS X", "macOS"), ("Linux", "Linux"),
)  # fmt: skip


def device_of(agent: str) -> tuple[str, str]:
    """Return (browser, system) of a User-Agent header; '' for what it does not tell."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return browser, system
