"""Values in words, in the reader's language: waits, sizes, dates, the reason of a place, what an event says."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from comptoir.conversations.models import Priority, State

NBSP = "\u00a0"


def wait_words(waited: timedelta) -> str:
    """Return a wait as '12 min', '2 h 14', '26 h' or '2 d 4 h' (time.js writes the same)."""
    minutes = max(0, int(waited.total_seconds() // 60))
    if minutes < 60:
        return f"{minutes}{NBSP}min"
    hours = minutes // 60
    if hours < 10:
        return f"{hours}{NBSP}h{NBSP}{minutes % 60:02d}"
    if hours < 48:
        return f"{hours}{NBSP}h"
    days, rest = divmod(hours, 24)
    # Translators: the letter for 'days' in a short duration, as in '2 d 4 h'.
    letter = _("d")
    return f"{days}{NBSP}{letter}{NBSP}{rest}{NBSP}h" if rest else f"{days}{NBSP}{letter}"


def band_words(waited: timedelta) -> str:
    """Return the heading of the queue under which a wait belongs."""
    hours = waited.total_seconds() / 3600
    if hours >= 24:
        return _("More than a day")
    if hours >= 4:
        return _("More than four hours")
    if hours >= 0.5:
        return _("Less than four hours")
    return _("Just now")


def count_words(number: int, cap: int = 1000) -> str:
    """Return a count, '999+' where counting stopped."""
    return f"{cap - 1}+" if number >= cap else str(number)


def size_words(size: int) -> str:
    """Return the size of a file: '214 kB', '1.8 MB'."""
    if size < 1_000_000:
        # Translators: kilobytes.
        return _("%(n)s kB") % {"n": max(1, round(size / 1000))} if size else _("empty")
    # Translators: megabytes.
    return _("%(n)s MB") % {"n": formats.number_format(size / 1_000_000, 1)}


def day_words(at: datetime, today: date) -> str:
    """Return a day as a heading: 'Today', 'Yesterday', 'Wednesday 18 November'; with the year where it is another."""
    day = timezone.localtime(at).date()
    if day == today:
        return _("Today")
    if day == today - timedelta(days=1):
        return _("Yesterday")
    # Translators: date formats of Django; 'l' is the weekday, 'j' the day, 'F' the month, 'Y' the year.
    words = formats.date_format(day, _("l j F") if day.year == today.year else _("l j F Y"))
    return words[:1].upper() + words[1:]  # a heading: French writes its weekdays small


def time_words(at: datetime) -> str:
    """Return the time of day in the reader's zone: '9:41'."""
    return formats.date_format(timezone.localtime(at), "G:i")


def moment_words(at: datetime, now: datetime) -> str:
    """Return an instant, short: '9:41' today, '18 Nov' this year, 'Nov 2024' before."""
    local, today = timezone.localtime(at), timezone.localtime(now).date()
    if local.date() == today:
        return time_words(at)
    # Translators: short dates; 'M' is the month in three letters, capital first; 'N' a usual abbreviation.
    return formats.date_format(local, _("j M") if local.year == today.year else _("M Y"))


def soon_words(at: datetime, now: datetime) -> str:
    """Return an instant of the near future, short: '20:05' today, 'Mon 9:00' this week, '30 Nov 9:00' later."""
    local, today = timezone.localtime(at), timezone.localtime(now).date()
    if local.date() == today:
        return time_words(at)
    return formats.date_format(local, "D G:i" if (local.date() - today).days < 7 else "j M G:i")


def full_words(at: datetime) -> str:
    """Return an instant in full: '18 November 2026 at 9:41'."""
    # Translators: a date and a time of day, in Django's format letters.
    return formats.date_format(timezone.localtime(at), _("j F Y, G:i"))


def placement_words(placement: Mapping[str, Any], kind: str) -> str:
    """Return in words why a message is in its conversation (the reasons of threading.py and placing.py)."""
    if kind == "out":
        return _("A reply that was written in this conversation.")
    if kind == "note":
        return _("A note that was written in this conversation.")
    reasons: dict[str, Callable[[], str]] = {
        "in-reply-to": lambda: _("It answers a message of this conversation (header In-Reply-To)."),
        "references": lambda: _("Its header References names a message of this conversation."),
        "overtaken": lambda: _("An answer to it was already here: it arrived late."),
        "token": lambda: _("It was sent to the signed reply address of this conversation."),
        "thread-key": lambda: _("The channel itself says that it belongs to this thread."),
        "moved": lambda: _("A colleague moved it here."),
        "merged": lambda: _("It came here when two conversations were merged."),
        "split": lambda: _("A colleague made a conversation of its own from it."),
        "new": lambda: _("It started this conversation: it cites no message that we know and carries no reply token."),
    }
    found = reasons.get(str(placement.get("reason", "")))
    words = found() if found else _("It came in with this conversation.")
    if placement.get("new_participant"):
        words += " " + _("Its sender is new in this conversation.")
    return words


def _instant(facts: Mapping[str, Any], key: str) -> str:
    try:
        return full_words(datetime.fromisoformat(str(facts[key])))
    except (KeyError, ValueError):
        return ""


def _state_event(facts: Mapping[str, Any]) -> tuple[str, str]:
    to = str(facts.get("to", ""))
    until = _instant(facts, "until")
    words = {
        State.OPEN: _("opened it"),
        State.PENDING: _("set it to pending: waiting for the customer"),
        State.SNOOZED: _("snoozed it until an answer comes"),
        State.SOLVED: _("solved it"),
    }
    if until:
        words[State.SNOOZED] = _("snoozed it until %(until)s") % {"until": until}
    return (f"state-{to}", words[State(to)]) if to in words else ("state-open", to)


def _assigned_event(facts: Mapping[str, Any], actor_id: int | None) -> tuple[str, str]:
    if not facts.get("to"):
        return "assign", _("released it")
    if facts["to"] == actor_id:
        return "mine", _("took it")
    return "assign", _("assigned it to %(name)s") % {"name": facts.get("to_name", "")}


def _labelled_event(facts: Mapping[str, Any]) -> str:
    added, removed = (", ".join(label["name"] for label in facts.get(part, ())) for part in ("added", "removed"))
    if added and removed:
        return _("added the label %(added)s and removed %(removed)s") % {"added": added, "removed": removed}
    if added:
        return _("added the label %(added)s") % {"added": added}
    return _("removed the label %(removed)s") % {"removed": removed}


def _linked_event(kind: str, facts: Mapping[str, Any]) -> str:
    number = {"number": facts.get("other", "")}
    if kind == "conversation.linked":
        return _("linked it to no. %(number)s") % number
    return _("removed the link to no. %(number)s") % number


def _fields_event(facts: Mapping[str, Any]) -> str:
    """Tell the new values; an emptied one by a dash, a ticked one by its name alone."""
    told = []
    for key, change in facts.items():
        name, value = change.get("name") or key, change.get("to")
        # Translators: the name of a field and its value, as in 'Offer: Fibre'.
        shown = _("%(name)s: %(value)s") % {"name": name, "value": "—" if value is None else value}
        told.append(name if value is True else shown)
    return _("filled in %(fields)s") % {"fields": ", ".join(told)}


def event_words(kind: str, facts: Mapping[str, Any], actor_id: int | None) -> tuple[str, str]:
    """Return (icon, predicate) of an event; the actor's name goes before it."""
    if kind == "conversation.state_changed":
        return _state_event(facts)
    if kind == "conversation.assigned":
        return _assigned_event(facts, actor_id)
    if kind == "conversation.transferred":
        return "teams", _("gave it to the team %(name)s") % {"name": facts.get("to_name", "")}
    if kind == "conversation.priority_changed":
        labels = {value: str(label) for value, label in Priority.choices}
        return "sort", _("set the priority to %(name)s") % {"name": labels.get(facts.get("to", 0), "").lower()}
    if kind == "conversation.labelled":
        return "tag", _labelled_event(facts)
    if kind in {"conversation.fields_changed", "contact.fields_changed"}:
        return "edit", _fields_event(facts)
    if kind in {"conversation.linked", "conversation.unlinked"}:
        return "link", _linked_event(kind, facts)
    simple: dict[str, tuple[str, Callable[[], str]]] = {
        "conversation.woke": ("bell", lambda: _("woke it: the snooze ended")),
        "conversation.merged": ("merge", lambda: _("merged two conversations")),
        "conversation.unmerged": ("undo", lambda: _("undid a merge, a split or a move")),
        "conversation.split": ("split", lambda: _("split messages off")),
        "conversation.moved": ("move", lambda: _("moved messages")),
        "reply.cancelled": ("undo", lambda: _("took a reply back before it left")),
        "reply.failed": ("failed", lambda: _("could not deliver a reply")),
        "reply.unconfirmed": ("unconfirmed", lambda: _("does not know whether a reply arrived")),
        "contact.merged": ("merge", lambda: _("merged two contacts")),
        "contact.unmerged": ("undo", lambda: _("undid a merge of contacts")),
    }
    icon, words = simple.get(kind, ("info", lambda: kind))
    return icon, words()


def events_summary(number: int, first: str) -> str:
    """Return the line of a folded run of events."""
    return ngettext("%(n)s change: %(first)s", "%(n)s changes: %(first)s …", number) % {"n": number, "first": first}


def delivery_words(state: str) -> str:
    """Return what is known about an outgoing message."""
    words: dict[str, Callable[[], str]] = {
        "queued": lambda: _("Leaves in a moment"),
        "sending": lambda: _("Leaving now"),
        "sent": lambda: _("Sent"),
        "delivered": lambda: _("Delivered"),
        "failed": lambda: _("Not delivered"),
        "unconfirmed": lambda: _("Unconfirmed"),
        "cancelled": lambda: _("Taken back"),
    }
    found = words.get(state)
    return found() if found else state
