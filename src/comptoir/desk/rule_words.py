"""Rules in words, in the reader's language: what can be asked and done, and what the log and a dry run tell.

A further condition or action has its words here, and its meaning in routing/rules/conditions.py or routing/actions.py.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, ngettext

from comptoir.accounts.models import Team, User
from comptoir.accounts.queries import colleagues_of, teams_of
from comptoir.channels.models import ChannelAccount
from comptoir.channels.registry import channels
from comptoir.conversations.labelling import all_labels
from comptoir.conversations.models import Priority, State
from comptoir.desk.reasons import retold
from comptoir.knowledge.access import accessible_macros
from comptoir.routing.models import Firing
from comptoir.routing.rules.conditions import FIELDS, Definition, Judged, Kind, Verdict

Choices = list[tuple[str, str]]

TRIGGERS = {
    "created": gettext_lazy("a conversation begins"),
    "received": gettext_lazy("a customer writes"),
    "replied": gettext_lazy("a reply was sent"),
    "failed": gettext_lazy("a reply could not be delivered"),
    "noted": gettext_lazy("a note is added"),
    "assigned": gettext_lazy("it is assigned or released"),
    "transferred": gettext_lazy("it goes to another team"),
    "state": gettext_lazy("its state changes"),
    "priority": gettext_lazy("its priority changes"),
    "labelled": gettext_lazy("its labels change"),
    "woke": gettext_lazy("its snooze ends"),
    "waiting": gettext_lazy("it has waited for some minutes"),
}
FIELD_WORDS = {
    "channel": gettext_lazy("Channel"),
    "account": gettext_lazy("Account"),
    "team": gettext_lazy("Team"),
    "assignee": gettext_lazy("Assignee"),
    "state": gettext_lazy("State"),
    "priority": gettext_lazy("Priority"),
    "label": gettext_lazy("Label"),
    "language": gettext_lazy("Language"),
    "subject": gettext_lazy("Subject"),
    "text": gettext_lazy("Subject or message"),
    "contact": gettext_lazy("Name of the contact"),
    "company": gettext_lazy("Company of the contact"),
    "address": gettext_lazy("Address of the contact"),
    "waiting": gettext_lazy("Minutes of waiting"),
    "hours": gettext_lazy("Opening hours"),
    "automatic": gettext_lazy("Written by a machine"),
    "first": gettext_lazy("First message of the contact"),
}
OPERATOR_WORDS = {
    "is": gettext_lazy("is"),
    "is_not": gettext_lazy("is not"),
    "includes": gettext_lazy("has it"),
    "excludes": gettext_lazy("does not have it"),
    "has": gettext_lazy("has one of the words"),
    "lacks": gettext_lazy("has none of the words"),
    "like": gettext_lazy("fits the pattern"),
    "unlike": gettext_lazy("does not fit the pattern"),
    "at_least": gettext_lazy("at least"),
    "less_than": gettext_lazy("less than"),
}
ACTION_WORDS = {
    "assign": gettext_lazy("Assign it to"),
    "team": gettext_lazy("Give it to the team"),
    "state": gettext_lazy("Set the state to"),
    "snooze": gettext_lazy("Snooze it, in minutes"),
    "priority": gettext_lazy("Set the priority to"),
    "label": gettext_lazy("Add the label"),
    "unlabel": gettext_lazy("Remove the label"),
    "macro": gettext_lazy("Apply the macro"),
    "note": gettext_lazy("Add a note"),
    "reply": gettext_lazy("Answer automatically"),
    "notify": gettext_lazy("Tell colleagues"),
    "webhook": gettext_lazy("Call an address"),
}
ACTION_HINTS = {
    "macro": gettext_lazy("What needs a person at a desk is left out; an answer in it goes to one contact once a day."),
    "reply": gettext_lazy(
        "Never to a machine, and to one contact at most once a day. The customer goes on waiting for a person."
    ),
    "notify": gettext_lazy("What they read, and who."),
    "webhook": gettext_lazy("A POST with the conversation as JSON, repeated until the address accepts it."),
}
LANGUAGES = {
    "fr": gettext_lazy("French"),
    "en": gettext_lazy("English"),
    "de": gettext_lazy("German"),
    "es": gettext_lazy("Spanish"),
    "it": gettext_lazy("Italian"),
    "nl": gettext_lazy("Dutch"),
    "pt": gettext_lazy("Portuguese"),
    "": gettext_lazy("not recognised"),
}
# Why an action was not done (routing/actions.py), and why a rule was stopped (routing/rules/guard.py).
REASONS: dict[str, Callable[[], str]] = {
    "same": lambda: _("it was so already"),
    "gone": lambda: _("nobody or nothing of that name is there any more"),
    "automatic": lambda: _("a machine wrote the last message"),
    "recent": lambda: _("this contact had an automatic answer within the last day"),
    "nobody": lambda: _("nobody is available"),
    "full": lambda: _("everybody has as much as they can carry"),
    "foreign": lambda: _("whoever made the rule is not in the team of this conversation"),
    "unknown": lambda: _("this version does not know the action"),
    "depth": lambda: _("it was the fourth rule in a chain that set each other off: a loop"),
    "limit": lambda: _("it had fired for this conversation as often as it may within an hour"),
}


# What the pure rules refuse (routing/rules/conditions.py), for the collector of translations.
REFUSALS = (
    gettext_noop("Choose when the rule is asked."),
    gettext_noop("Say after how many minutes of waiting, from 1 to 43,200."),
    gettext_noop("A rule has at most 20 conditions and 10 actions. Make two rules of it."),
    gettext_noop("There is a condition that no rule can have. Remove it."),
    gettext_noop("A pattern has at most 200 characters."),
    gettext_noop("Write a number of minutes."),
    gettext_noop("Write the words to look for."),
    gettext_noop("Choose one from the list."),
)


def reason_words(code: str) -> str:
    """Say why something was not done."""
    found = REASONS.get(code)
    return found() if found else retold(code)


@dataclass
class Names:
    """What conditions and actions can name, for one person; each list is read once and only when it is needed."""

    user: User
    lists: dict[str, Choices] = field(default_factory=dict)

    @cached_property
    def _people(self) -> QuerySet[User]:
        return colleagues_of(self.user)

    def choices(self, name: str) -> Choices:
        """Return the (value, words) of a field or an action."""
        if name not in self.lists:
            self.lists[name] = self._read(name)
        return self.lists[name]

    def _read(self, name: str) -> Choices:
        fixed: dict[str, Callable[[], Choices]] = {
            "channel": lambda: [(kind, str(channel.label)) for kind, channel in channels().items()],
            "account": self._accounts,
            "team": lambda: [(str(team.pk), team.name) for team in teams_of(self.user)],
            "all_teams": lambda: [(str(team.pk), team.name) for team in Team.objects.all()],
            "people": lambda: [(str(p.pk), p.name) for p in self._people],
            "assignee": lambda: [("", _("nobody")), *self.choices("people")],
            "assign": lambda: [("auto", _("whoever is free")), ("", _("nobody: release it")), *self.choices("people")],
            "state": lambda: [(v, str(label)) for v, label in State.choices if v != State.MERGED],
            "new_state": lambda: [c for c in self.choices("state") if c[0] != State.SNOOZED],
            "priority": lambda: [(str(v), str(label)) for v, label in Priority.choices],
            "language": lambda: [(code, str(label)) for code, label in LANGUAGES.items()],
            "label": lambda: [(str(label.pk), label.name) for label in all_labels()],
            "macro": lambda: [(str(macro.pk), macro.name) for macro in accessible_macros(self.user)],
            "hours": lambda: [("open", _("open")), ("closed", _("closed"))],
            "automatic": lambda: [("yes", _("yes")), ("no", _("no"))],
            "first": lambda: [("yes", _("yes")), ("no", _("no"))],
        }
        return fixed[name]()

    def _accounts(self) -> Choices:
        found = ChannelAccount.objects.filter(team__in=teams_of(self.user)).values_list("pk", "name")
        return [(str(number), name) for number, name in found]

    def named(self, name: str, value: str) -> str:
        """Return a value in words; one that is not in the list as it is."""
        return dict(self.choices(name)).get(value, value)


# Which list an action chooses from.
ACTION_CHOICES = {
    "assign": "assign",
    "team": "all_teams",
    "state": "new_state",
    "priority": "priority",
    "label": "label",
    "unlabel": "label",
    "macro": "macro",
}


@dataclass(frozen=True, slots=True)
class Told:
    """One condition or one action with what came of it."""

    words: str
    is_fine: bool
    found: str = ""


def _is_choice(name: str) -> bool:
    return name in FIELDS and FIELDS[name].kind in {Kind.CHOICE, Kind.SET}


def _condition_words(names: Names, name: str, op: str, value: str) -> str:
    shown = (
        names.named(name, value)
        if _is_choice(name)
        else f"“{value}”"
        if op in {"has", "lacks", "like", "unlike"}
        else value
    )
    return f"{FIELD_WORDS.get(name, name)} {OPERATOR_WORDS.get(op, op)} {shown}"


def _found_words(names: Names, name: str, found: str) -> str:
    if name == "label":
        return ", ".join(names.named(name, number) for number in found.split())
    return names.named(name, found) if _is_choice(name) else found


def verdict_words(names: Names, verdict: Verdict) -> list[Told]:
    """Return each condition of a dry run in words, with what was found."""

    def told(judged: Judged) -> Told:
        c = judged.condition
        return Told(
            _condition_words(names, c.field, c.op, c.value), judged.holds, _found_words(names, c.field, judged.found)
        )

    return [told(judged) for judged in (*verdict.every, *verdict.some)]


def logged_conditions(names: Names, details: Mapping[str, Any]) -> list[Told]:
    """Return each condition that the log keeps in words."""
    rows: Sequence[Mapping[str, Any]] = [*details.get("every", ()), *details.get("some", ())]
    return [
        Told(
            _condition_words(names, r["field"], r["op"], r["value"]), r["holds"],
            _found_words(names, r["field"], r["found"]),
        )
        for r in rows
    ]  # fmt: skip


def action_words(names: Names, kind: str, value: str, people: Sequence[int] = ()) -> str:
    """Return an action in words."""
    choices = ACTION_CHOICES.get(kind)
    shown = names.named(choices, value) if choices else value
    if people:
        shown = f"{', '.join(names.named('people', str(n)) for n in people)} – {value}"
    said = str(ACTION_WORDS.get(kind, kind))
    # Translators: an action and its text: 'Add a note: Look at the invoice.'
    return f"{said} {shown}" if choices else _("%(what)s: %(value)s") % {"what": said, "value": shown}


def logged_actions(names: Names, details: Mapping[str, Any]) -> list[Told]:
    """Return each action that the log keeps in words, with why it was not done."""
    return [
        Told(
            action_words(names, row["kind"], row["value"], row.get("people", ())), not row["why"],
            reason_words(row["why"]) if row["why"] else "",
        )
        for row in details.get("actions", ())
    ]  # fmt: skip


def stopped_words(firing: Firing) -> str:
    """Say why a firing was stopped; '' when it was not."""
    code = str(firing.details.get("stop", ""))
    return reason_words(code) if code else ""


def summary(names: Names, definition: Definition) -> str:
    """Return a rule in one line: when, how many conditions, what is done."""
    when = str(TRIGGERS[definition.when])
    if definition.when == "waiting":
        when = ngettext("it has waited for %(n)s minute", "it has waited for %(n)s minutes", definition.minutes)
        when %= {"n": definition.minutes}
    count = len(definition.every) + len(definition.some)
    asked = ngettext("%(n)s condition", "%(n)s conditions", count) % {"n": count} if count else _("always")
    said = [
        action_words(names, a.kind, a.value) if a.kind in ACTION_CHOICES else str(ACTION_WORDS.get(a.kind, a.kind))
        for a in definition.actions
    ]
    done = ", ".join(words[:1].lower() + words[1:] for words in said)
    # Translators: a rule in one line: the moment, how many conditions, the actions.
    return _("When %(when)s · %(asked)s · %(done)s") % {"when": when, "asked": asked, "done": done}
