"""An import's report in words: the same on the page, on the terminal, before and after."""

from collections.abc import Callable, Iterator
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from comptoir.moving.report import KINDS, Report

REASONS: dict[str, Callable[[], str]] = {
    "no-messages": lambda: _("nothing was said in it, or its messages are not in the export"),
    "no-contact": lambda: _("it does not say who the customer is"),
    "bad-address": lambda: _("its e-mail address is none"),
    "no-date": lambda: _("its dates cannot be read"),
    "spam": lambda: _("it is spam"),
    "deleted": lambda: _("it was deleted over there"),
    "removed": lambda: _("it was deleted over there"),
    "draft": lambda: _("it was never sent"),
    "merged": lambda: _("it was merged into another one, which has its messages"),
    "macro-without-text": lambda: _("this macro writes nothing, it only sets fields"),
}


def reason(code: str) -> str:
    """Say why something is left out."""
    found = REASONS.get(code)
    return found() if found else code


def kind_words(kind: str) -> str:
    """Name what is counted."""
    words: dict[str, Callable[[], str]] = {
        "contacts": lambda: _("Contacts"),
        "conversations": lambda: _("Conversations"),
        "replies": lambda: _("Saved replies"),
        "articles": lambda: _("Articles"),
    }
    return words[kind]()


def later_words(kind: str) -> str:
    """Say where a kind that has no home yet stays; '' for the others."""
    if kind == "articles":
        return _("kept whole for later; not shown anywhere yet")
    return ""


def figures(report: Report) -> list[dict[str, Any]]:
    """Return the table of a report: what is new and what came before, by kind; kinds without any are left out."""
    return [
        {"label": kind_words(kind), "new": report.new[kind], "known": report.known[kind], "later": later_words(kind)}
        for kind in KINDS
        if report.new[kind] or report.known[kind]
    ]


def sentences(report: Report) -> list[str]:
    """Return what else there is to say about a report, one sentence a fact."""
    found = []
    if report.messages or report.notes:
        messages = ngettext("%(n)s message", "%(n)s messages", report.messages) % {"n": report.messages}
        notes = ngettext("%(n)s internal note", "%(n)s internal notes", report.notes) % {"n": report.notes}
        found.append(_("In the new conversations: %(messages)s, %(notes)s.") % {"messages": messages, "notes": notes})
    if report.files:
        found.append(ngettext("%(n)s file comes with them.", "%(n)s files come with them.", report.files)
                     % {"n": report.files})  # fmt: skip
    if report.absent_files:
        words = ngettext(
            "%(n)s file is only named in the export; it stays in the other system.",
            "%(n)s files are only named in the export; they stay in the other system.",
            report.absent_files,
        )
        found.append(words % {"n": report.absent_files})
    if report.tags:
        words = ngettext("%(n)s tag is kept: %(names)s.", "%(n)s tags are kept: %(names)s.", len(report.tags))
        found.append(words % {"n": len(report.tags), "names": _names(report.tags)})
    return found


def unknowns(report: Report) -> list[str]:
    """Return what an administrator may want to put right before the import runs."""
    found = []
    if report.unknown_agents:
        words = _(
            "These agents have no account here: %(names)s. What they wrote keeps their name; nothing is assigned to "
            "them. Invite them first if it should be."
        )
        found.append(words % {"names": _names(report.unknown_agents)})
    if report.unknown_inboxes:
        words = _(
            "These inboxes are not connected here: %(names)s. Their conversations go to the account that you chose."
        )
        found.append(words % {"names": _names(report.unknown_inboxes)})
    return found


def _names(counted: Any, most: int = 12) -> str:
    names = [name for name, _count in counted.most_common(most)]
    return ", ".join(names) + (" …" if len(counted) > most else "")


def problems(report: Report) -> list[dict[str, str]]:
    """Return the first that are left out: where they stand, their number there, and why."""
    return [{"place": one["place"], "key": one["key"], "why": reason(one["why"])} for one in report.problems]


def skipped_words(report: Report) -> str:
    """Say how many are left out; '' for none."""
    if not report.skipped:
        return ""
    return ngettext("%(n)s entry is left out.", "%(n)s entries are left out.", report.skipped) % {"n": report.skipped}


def lines(report: Report) -> Iterator[str]:
    """Yield the report line by line, for a terminal."""
    for row in figures(report):
        words = _("%(label)s: %(new)s new, %(known)s known already") % row
        yield f"{words} ({row['later']})" if row["later"] else words
    yield from sentences(report)
    yield from unknowns(report)
    if report.skipped:
        yield skipped_words(report)
        for one in problems(report):
            yield f"  {one['place']} (#{one['key']}): {one['why']}" if one["key"] else f"  {one['place']}: {one['why']}"
