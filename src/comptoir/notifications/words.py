"""Notifications in words, in the reader's language."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from comptoir.notifications.queries import Line


def sentence(line: Line) -> str:
    """Return what happened, as one sentence that begins with who did it."""
    name = line.actor_name or _("Somebody")
    sentences = {
        "mention": _("%(name)s mentioned you in a note"),
        "assigned": _("%(name)s gave you this conversation"),
        "reply": pgettext("a customer", "%(name)s wrote"),
        "trouble": _("Your answer was not delivered, or is in doubt"),
        "reminder": _("You wanted to be reminded"),
        "rule": _("A rule points this out to you"),
        "new": _("A new conversation of your team"),
    }
    return sentences.get(line.kind, line.kind) % {"name": name}


def detail(line: Line) -> str:
    """Return what else is worth a line: the words of the reminder or the rule, or the beginning of the message."""
    return line.words or " ".join(line.excerpt.split())


def subject(lines: list[Line]) -> str:
    """Return the subject of a mail: what happened, where; or how many things did."""
    if len(lines) == 1:
        return f"{sentence(lines[0])} · {lines[0].title}"
    number = len(lines)
    return ngettext("%(n)s notification", "%(n)s notifications", number) % {"n": number}
