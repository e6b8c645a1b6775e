"""Tags and filters of the desk's templates: icons, avatars, times. Kept small: they run in loops."""

import re
from datetime import datetime
from functools import lru_cache
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from comptoir.channels.registry import channels, folder_of
from comptoir.core import clock
from comptoir.core.folding import always_same
from comptoir.desk import reasons, rules, words

register = template.Library()

# The kinds of channels whose icon has another name; a new channel names its own symbol in its adapter.
_FALLBACK = "channel-api"


def icon_of(kind: str) -> str:
    """Return the sprite's symbol of a channel."""
    channel = channels().get(kind)
    return channel.icon if channel else _FALLBACK


def label_of(kind: str) -> str:
    """Return the name of a channel in words."""
    channel = channels().get(kind)
    return str(channel.label) if channel else kind


@lru_cache(maxsize=128)
def drawing(name: str) -> SafeString:
    """Return what stands inside an icon: a reference into the sprite, or the drawing that a channel's folder brings."""
    kind = name.removeprefix("channel-")
    path = folder_of(kind) / "icon.svg"
    if name.startswith("channel-") and kind in channels() and path.is_file():
        found = re.search(r"<svg[^>]*>(.*)</svg>", path.read_text(encoding="utf-8"), re.DOTALL)
        if found is not None:
            return mark_safe(re.sub(r"\s*\n\s*", "", found[1]))  # noqa: S308  # a file of the program's own
    return mark_safe(f'<use href="{static("icons/sprite.svg")}#{name}"/>')  # noqa: S308  # constant names


def _view_box(name: str) -> str:
    return "" if drawing(name).startswith("<use") else ' viewBox="0 0 24 24"'


@register.simple_tag
@always_same
@lru_cache(maxsize=512)
def icon(name: str, extra: str = "") -> SafeString:
    """Draw a symbol; decoration only, the words stand beside it."""
    classes = f"icon {extra}" if extra else "icon"
    return mark_safe(  # noqa: S308  # constant names from templates
        f'<svg class="{classes}"{_view_box(name)} aria-hidden="true">{drawing(name)}</svg>'
    )


@register.simple_tag
def channel_icon(kind: str, extra: str = "") -> SafeString:
    """Draw the symbol of a channel; screen readers hear its name."""
    name = icon_of(kind)
    box = mark_safe(_view_box(name))  # noqa: S308  # a constant
    return format_html(
        '<svg class="icon {}"{} role="img" aria-label="{}">{}</svg>', extra, box, label_of(kind), drawing(name)
    )


@register.simple_tag
@lru_cache(maxsize=1024)
def avatar(name: str | None, number: int | None, extra: str = "") -> SafeString:
    """Draw a person's initials; hidden from screen readers, because the name stands beside them."""
    if not name:
        return format_html('<span class="avatar avatar-none {}" aria-hidden="true"></span>', extra)
    return format_html(
        '<span class="avatar {}" data-hue="{}" aria-hidden="true">{}</span>',
        extra, (number or 0) % rules.HUES + 1, rules.initials_of(name),
    )  # fmt: skip


@register.filter
def channel_label(kind: str) -> str:
    """Name a channel."""
    return label_of(kind)


@register.filter
def wait(at: datetime | None) -> str:
    """Say how long ago an instant was, as a wait."""
    return words.wait_words(clock.now() - at) if at else ""


@register.filter
def wait_level(at: datetime | None) -> int:
    """Say how alarming a wait since an instant is."""
    return rules.wait_level(clock.now() - at) if at else 0


@register.filter
def moment(at: datetime | None) -> str:
    """Say an instant, short."""
    return words.moment_words(at, clock.now()) if at else ""


@register.filter
def left(at: datetime | None) -> str:
    """Say how long it is until an instant."""
    return words.wait_words(at - clock.now()) if at else ""


@register.filter
def soon(at: datetime) -> str:
    """Say an instant of the near future, short."""
    return words.soon_words(at, clock.now())


@register.filter
def identity_words(identity: Any) -> str:
    """Name an identity: its address, or its network where the address is a key that nobody would recognise."""
    is_readable = "@" in identity.address or identity.address.lstrip("+").isdecimal()
    return str(identity.address) if is_readable else label_of(identity.kind)


@register.filter
def full_moment(at: datetime | None) -> str:
    """Say an instant in full."""
    return words.full_words(at) if at else ""


@register.filter
def hour(at: datetime) -> str:
    """Say the time of day."""
    return words.time_words(at)


@register.filter
def day(at: datetime) -> str:
    """Say the day as a heading."""
    return words.day_words(at, timezone.localtime(clock.now()).date())


@register.filter
def iso(at: datetime | None) -> str:
    """Write an instant for a machine."""
    return at.isoformat() if at else ""


@register.filter
def filesize(size: int) -> str:
    """Say the size of a file."""
    return words.size_words(size)


@register.filter
def capped(number: int, cap: int = 1000) -> str:
    """Say a count that may have stopped below the cap."""
    return words.count_words(number, cap)


@register.filter
def prose(text: str) -> SafeString:
    """Write a plain text as paragraphs with links."""
    return mark_safe(rules.prose(text))  # noqa: S308  # rules.prose escapes every part


@register.simple_tag
def why(message: Any) -> str:
    """Say why a message is in its conversation."""
    return words.placement_words(message.placement or {}, message.kind)


@register.filter
def delivery(state: str) -> str:
    """Say what is known about an outgoing message."""
    return words.delivery_words(state)


@register.filter
def retold(reason: str) -> str:
    """Say a stored reason in the reader's language."""
    return reasons.retold(reason)


@register.simple_tag
def event_words(event: Any) -> dict[str, str]:
    """Say what an event tells: its symbol and its words."""
    symbol, said = words.event_words(event.kind, event.facts, event.actor_id if event.actor_kind == "user" else None)
    return {"icon": symbol, "words": said}


@register.simple_tag
def sprite() -> str:
    """Return the address of the sprite of symbols."""
    return static("icons/sprite.svg")


@register.filter
def control(field: Any) -> SafeString:
    """Draw the control of a form's field with our class and what assistive technology needs."""
    attributes = {} if field.widget_type == "checkbox" else {"class": "input"}
    if field.errors:
        attributes |= {"aria-invalid": "true", "aria-describedby": f"{field.id_for_label}-error"}
    return SafeString(field.as_widget(attrs=attributes))
