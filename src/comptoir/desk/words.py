"""Values in words, in the reader's language: waits, sizes, dates, the reason of a place, what an event says."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from comptoir.conversations.models import Priority, State
from comptoir.core.textfold import preview
from comptoir.desk.rules import device_of
from comptoir.knowledge.actions import action_of

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
    if kind == "out" and placement.get("reason") != "imported":
        return _("A reply that was written in this conversation.")
    if kind == "note" and placement.get("reason") != "imported":
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
        "imported": lambda: _("It was in this conversation in the system that it was imported from."),
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
        words[State.SNOOZED] = (
            _("snoozed it until %(until)s or an answer")
            if facts.get("wakes_on_reply")
            else _("snoozed it until %(until)s")
        ) % {"until": until}
    return (f"state-{to}", words[State(to)]) if to in words else ("state-open", to)


def _assigned_event(facts: Mapping[str, Any], actor_id: int | None) -> tuple[str, str]:
    if not facts.get("to"):
        return "assign", _("released it")
    if facts["to"] == actor_id:
        return "mine", _("took it")
    words = _("assigned it to %(name)s") % {"name": facts.get("to_name", "")}
    reason = assignment_reason(facts.get("reason") or {})
    return "assign", f"{words} ({reason})" if reason else words


def assignment_reason(reason: Mapping[str, Any]) -> str:
    """Say why automatic assignment chose somebody (routing/rules/assignment.py)."""
    words: dict[str, Callable[[], str]] = {
        "sticky": lambda: _("answered this contact before"),
        "round_robin": lambda: _("in turn"),
        "least_loaded": lambda: _("has the most room: %(load)s of %(capacity)s") % reason,
        "by_skill": lambda: _("knows it best"),
        "no_skill": lambda: _("nobody with the skill is free; has the most room"),
    }
    found = words.get(str(reason.get("why", "")))
    said = found() if found else ""
    return _("%(name)s, because the one before is offline") % {"name": said} if said and reason.get("lost") else said


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


def _continued_event(facts: Mapping[str, Any]) -> tuple[str, str]:
    if "to" in facts:
        words = _("answered by “%(name)s”, in conversation no. %(id)s")
        return "external", words % {"name": facts.get("account", ""), "id": facts["to"]}
    return "external", _("answered here what was asked in conversation no. %(id)s") % {"id": facts.get("from", "")}


def step_words(steps: Sequence[Mapping[str, str]]) -> str:
    """Say what a macro does: 'Assign it to: Camille Roux · Then make it: Solved'."""
    said: list[str] = []
    for step in steps:
        action = action_of(step["do"])
        if action is None:
            continue
        choices = {str(value): str(label) for value, label in action.choices()} if action.choices else {}
        value = choices.get(step["with"], "") if action.choices else preview(step["with"], length=60)
        said.append(_("%(action)s: %(value)s") % {"action": action.label, "value": value or _("nobody any more")})
    return " · ".join(said)


def undone_words(stays: Sequence[str]) -> str:
    """Say that a macro was undone, and what stays because somebody changed it since, or because it has left."""
    if not stays:
        return _("Undone.")
    names = {
        "send": _("the answer has left"), "team": _("team"), "assignee": _("person in charge"),
        "priority": _("priority"), "labels": _("labels"), "state": _("state"),
    }  # fmt: skip
    listed = ", ".join(names.get(name, name) for name in stays)
    return _("Undone, but for what has changed since: %(names)s.") % {"names": listed}


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
    if kind == "macro.applied":
        return "bolt", _("applied the macro “%(name)s”") % {"name": facts.get("name", "")}
    if kind == "conversation.continued":
        return _continued_event(facts)
    if kind == "rule.notified":
        return "bell", _("told colleagues: %(words)s") % {"words": facts.get("words", "")}
    if kind == "conversation.imported":
        source = str(facts.get("source", "")).capitalize()
        return "download", _("imported it from %(system)s") % {"system": "CSV" if source == "Csv" else source}
    simple: dict[str, tuple[str, Callable[[], str]]] = {
        "conversation.woke": ("bell", lambda: _("woke it: the snooze ended")),
        "conversation.merged": ("merge", lambda: _("merged two conversations")),
        "conversation.unmerged": ("undo", lambda: _("undid a merge, a split or a move")),
        "conversation.split": ("split", lambda: _("split messages off")),
        "conversation.moved": ("move", lambda: _("moved messages")),
        "conversation.exported": ("download", lambda: _("exported it")),
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
        "read": lambda: _("Read"),
        "failed": lambda: _("Not delivered"),
        "unconfirmed": lambda: _("Unconfirmed"),
        "cancelled": lambda: _("Taken back"),
    }
    found = words.get(state)
    return found() if found else state


def device_words(agent: str) -> str:
    """Return what a person is signed in with: 'Firefox on Linux'."""
    browser, system = device_of(agent)
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or _("An unknown device")
