"""What the keys do, as the cheat sheet tells it. The keys themselves are `data-key` in templates, and js/keys.js."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from comptoir.accounts.models import User
from comptoir.desk import palette


@dataclass(frozen=True, slots=True)
class Shortcut:
    """One thing and the ways to do it. A way is keys pressed one after the other; 'Ctrl+K' are pressed together."""

    ways: Sequence[Sequence[str]]
    words: str


@dataclass(frozen=True, slots=True)
class KeyGroup:
    """Shortcuts that work in one place."""

    title: str
    shortcuts: Sequence[Shortcut]


def _key(words: str, *ways: str) -> Shortcut:
    return Shortcut([way.split() for way in ways], words)


def groups(user: User) -> list[KeyGroup]:
    """Return all shortcuts that a person can use, by place."""
    going = [
        _key(option.label, option.key) for option in palette.pages(user, "").options if option.key.startswith("g ")
    ]
    shift = pgettext("a key", "Shift")
    return [
        KeyGroup(_("Everywhere"), [
            _key(_("commands: everything by its name"), "Ctrl+K", "⌘+K"),
            _key(_("search"), "/"),
            _key(_("this sheet"), "?"),
            _key(_("close, leave a field"), pgettext("a key", "Esc")),
        ]),
        KeyGroup(_("Go to"), going),
        KeyGroup(_("In a list"), [
            _key(_("down"), "j"),
            _key(_("up"), "k"),
            _key(_("open"), "o", pgettext("a key", "Enter")),
            _key(_("select"), "x"),
            _key(_("select from the last selected one to here"), f"{shift}+X"),
            _key(_("select all that are shown"), f"{shift}+A"), _key(_("select none"), pgettext("a key", "Esc")),
            _key(_("next conversation that waits"), "n"),
        ]),
        KeyGroup(_("In a conversation"), [
            _key(_("reply"), "r"), _key(_("note"), "m"), _key(_("forward"), "f"),
            _key(_("take"), "t"), _key(_("assign"), "a"), _key(_("snooze"), "z"),
            _key(_("solve, reopen"), "e"), _key(_("label"), "l"), _key(_("mark as unread"), f"{shift}+U"),
            _key(_("whole history of the contact"), "h"),
            _key(_("next one of the list"), "j"), _key(_("previous one of the list"), "k"),
            _key(_("back to the list"), "u"),
        ]),
        KeyGroup(_("Writing"), [
            _key(_("send"), f"Ctrl+{pgettext('a key', 'Enter')}"),
            _key(_("undo: sending, a bulk change, a macro"), f"{shift}+Z"),
            _key(_("a saved reply; in a note, a colleague"), "/", "@"),
        ]),
    ]  # fmt: skip
