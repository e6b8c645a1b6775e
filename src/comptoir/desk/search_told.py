"""A search told back in words, in the reader's language: what each filter was understood as, and what was not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from django.utils import formats
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from comptoir.desk.search_words import OFFERED, Asked, Filter, Known, Trouble
from comptoir.desk.templatetags.desk import label_of

_IS = list(OFFERED["en"]).index("is")  # where completion offers the states


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter as it was understood, and the search without it."""

    words: str
    without: str


@dataclass(frozen=True, slots=True)
class Hint:
    """A filter that completion offers: how it is written, what it does, values that it often has."""

    word: str
    help: str
    values: tuple[str, ...]


def _is_words(value: str) -> str:
    words: Mapping[str, Callable[[], str]] = {
        "open": lambda: pgettext("a conversation", "Open"),
        "waiting": lambda: _("Waiting for an answer"),
        "pending": lambda: pgettext("a conversation", "Pending"),
        "snoozed": lambda: pgettext("a conversation", "Snoozed"),
        "solved": lambda: pgettext("a conversation", "Solved"),
        "unread": lambda: _("Not read by me"),
        "note": lambda: _("Notes"),
        "sent": lambda: _("Sent by us"),
        "received": lambda: _("Received"),
        "mine": lambda: _("Assigned to me"),
        "unassigned": lambda: _("Assigned to nobody"),
    }
    return words[value]()


def _ids_words(found: Filter, known: Known) -> str:
    numbers = found.value if isinstance(found.value, tuple) else ()
    if found.name == "in":
        return _("in no. %(n)s") % {"n": numbers[0]}
    if found.name in {"team", "label"}:
        names = known.teams if found.name == "team" else known.labels or {}
        said = _("team: %(names)s") if found.name == "team" else _("label: %(names)s")
        return said % {"names": ", ".join(names.get(number, "") for number in numbers)}
    if found.name == "assignee":
        if numbers == (0,):
            return _("Assigned to nobody")
        people = {person.pk: person.name for person in known.people}
        return _("assigned to %(names)s") % {"names": ", ".join(people.get(number, _("me")) for number in numbers)}
    return _("from me") if found.name == "from" else _("to me")


def filter_words(found: Filter, known: Known) -> str:
    """Say what a filter was understood as."""
    value = found.value
    if isinstance(value, tuple):
        return _ids_words(found, known)
    if isinstance(value, date):
        day = formats.date_format(value, _("j F Y"))
        return (_("before %(day)s") if found.name == "before" else _("since %(day)s")) % {"day": day}
    if found.name == "is":
        return _is_words(value)
    if found.name == "has":
        return _("with a file")
    if found.name == "channel":
        return label_of(value)
    return (_("from %(name)s") if found.name == "from" else _("to %(name)s")) % {"name": value}


def trouble_words(trouble: Trouble, known: Known) -> str:
    """Say why a filter was left out, and what can be written instead."""
    values = {
        "typed": trouble.part.text,
        "value": trouble.part.value,
        "teams": ", ".join(known.teams.values()),
        "channels": ", ".join(known.channels),
        "states": ", ".join(hints(get_language() or "en", known)[_IS].values),
    }
    if trouble.reason == "many":
        return _("“%(typed)s” means very many people: only some are searched. Write more of the name.") % values
    reasons: Mapping[str, Callable[[], str]] = {
        "out": lambda: _("a minus works with words, not with filters."),
        "empty": lambda: _("write the value right after the colon, without a space."),
        "channel": lambda: _("there is no such channel. There are: %(channels)s."),
        "team": lambda: _("you are in no such team. Yours are: %(teams)s."),
        "assignee": lambda: _("no colleague is called that. Try the beginning of a name, me or none."),
        "before": lambda: _("this is no date. Write 2026-01-31, 31/01/2026, 7d or yesterday."),
        "after": lambda: _("this is no date. Write 2026-01-31, 31/01/2026, 7d or yesterday."),
        "is": lambda: _("after the colon comes one of: %(states)s."),
        "has": lambda: _("after the colon comes “attachment”."),
        "in": lambda: _("after the colon comes the number of a conversation."),
        "label": lambda: _("there is no such label."),
        "labels": lambda: _("there are no labels yet."),
        "nobody": lambda: _("nobody is called “%(value)s”. Try the beginning of a name or of an address."),
    }
    # Translators: a filter of a search that is not understood; the reason follows.
    return _("“%(typed)s” was left out:") % values + " " + reasons[trouble.reason]() % values


def chips(asked: Asked, known: Known) -> list[Chip]:
    """Return the filters that were understood, each with the search that is left without it."""
    return [Chip(filter_words(found, known), asked.without(found.part)) for found in asked.filters]


def hints(language: str, known: Known) -> list[Hint]:
    """Return what completion offers in a language."""
    helps: Mapping[str, Callable[[], str]] = {
        "from": lambda: _("who wrote it: a name, an address, me"),
        "to": lambda: _("to whom it went: a contact, or one of our addresses"),
        "channel": lambda: _("how it came"),
        "team": lambda: _("whose it is"),
        "assignee": lambda: _("who takes care of it: a colleague, me, none"),
        "before": lambda: _("earlier than a day: a date, 7d, yesterday"),
        "after": lambda: _("since a day: a date, 7d, yesterday"),
        "is": lambda: _("how it stands, or what it is"),
        "has": lambda: _("with files"),
        "label": lambda: _("with a label"),
        "in": lambda: _("in the conversation with this number"),
    }
    more = {
        "channel": tuple(known.channels),
        "team": tuple(f'"{name}"' if " " in name else name for name in known.teams.values()),
        "label": tuple((known.labels or {}).values()),
    }
    offered = OFFERED.get(language, OFFERED["en"])
    return [
        Hint(word, helps[name](), more.get(name) or values)
        for name, (word, values) in offered.items()
        if name != "label" or known.labels is not None
    ]
