"""The builder of a rule: rows that the server adds and removes, so that it works without JavaScript.

A button named `add` or `remove` sends the whole form, and gets it back with one row more or less; nothing is saved.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from django.http import QueryDict
from django.utils.translation import gettext as _

from comptoir.core.errors import InputError
from comptoir.desk.rule_words import (
    ACTION_CHOICES,
    ACTION_HINTS,
    ACTION_WORDS,
    FIELD_WORDS,
    OPERATOR_WORDS,
    TRIGGERS,
    Choices,
    Names,
)
from comptoir.routing.rules.conditions import FIELDS, OPERATORS, Action, Condition, Definition, Kind
from comptoir.routing.rules.guard import HOURLY_LIMIT

MOST_ROWS = 40  # of one form that was sent; a rule has fewer, and refuses more in words


@dataclass
class ConditionRow:
    """One condition in the form."""

    group: str  # 'every' or 'some'
    field: str
    op: str = ""
    value: str = ""
    number: int = 0
    ops: Choices = dataclasses.field(default_factory=list)
    choices: Choices = dataclasses.field(default_factory=list)
    label: str = ""
    is_number: bool = False
    is_new: bool = False
    hint: str = ""


@dataclass
class ActionRow:
    """One action in the form."""

    kind: str
    value: str = ""
    people: tuple[int, ...] = ()
    number: int = 0
    choices: Choices = dataclasses.field(default_factory=list)
    people_choices: list[tuple[str, str, bool]] = dataclasses.field(default_factory=list)
    label: str = ""
    control: str = "line"  # 'select', 'number', 'text', 'line'
    is_new: bool = False
    hint: str = ""


@dataclass
class RuleForm:
    """What a person has put together so far."""

    name: str = ""
    team: str = ""
    when: str = "created"
    minutes: str = "30"
    hourly_limit: str = str(HOURLY_LIMIT)
    is_last: bool = False
    conditions: list[ConditionRow] = dataclasses.field(default_factory=list)
    actions: list[ActionRow] = dataclasses.field(default_factory=list)
    errors: dict[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, definition: Definition, *, name: str, team: str, hourly_limit: int) -> "RuleForm":
        """Return the form of a stored rule."""
        rows = [ConditionRow("every", c.field, c.op, c.value) for c in definition.every]
        rows += [ConditionRow("some", c.field, c.op, c.value) for c in definition.some]
        actions = [ActionRow(a.kind, a.value, a.people) for a in definition.actions]
        minutes = str(definition.minutes or 30)
        return cls(name, team, definition.when, minutes, str(hourly_limit), definition.is_last, rows, actions)

    @classmethod
    def sent(cls, data: QueryDict) -> "RuleForm":
        """Return the form as it was sent, with the row that was added or without the one that was removed."""
        form = cls(
            data.get("name", ""), data.get("team", ""), data.get("when", ""), data.get("minutes", ""),
            data.get("hourly_limit", ""), "is_last" in data,
        )  # fmt: skip
        removed = data.get("remove", "")
        for n in range(MOST_ROWS):
            name = data.get(f"c{n}-field", "")
            if name in FIELDS and removed != f"c{n}":
                group = "some" if data.get(f"c{n}-group") == "some" else "every"
                form.conditions.append(ConditionRow(group, name, data.get(f"c{n}-op", ""), data.get(f"c{n}-value", "")))
            kind = data.get(f"a{n}-kind", "")
            if kind in ACTION_WORDS and removed != f"a{n}":
                people = tuple(int(p) for p in data.getlist(f"a{n}-people") if p.isdecimal())
                form.actions.append(ActionRow(kind, data.get(f"a{n}-value", ""), people))
        form._add(data.get("add", ""))
        return form

    def _add(self, wanted: str) -> None:
        place, _colon, name = wanted.partition(":")
        if place in {"every", "some"} and name in FIELDS:
            self.conditions.append(ConditionRow(place, name, is_new=True))
        elif place == "action" and name in ACTION_WORDS:
            self.actions.append(ActionRow(name, is_new=True))

    def ready(self, names: Names) -> "RuleForm":
        """Give every row what drawing it needs."""
        for number, row in enumerate(self.conditions):
            kind = FIELDS[row.field].kind
            row.number, row.label, row.is_number = number, str(FIELD_WORDS[row.field]), kind is Kind.NUMBER
            row.ops = [(op, str(OPERATOR_WORDS[op])) for op in OPERATORS[kind]]
            row.choices = (
                _with_kept(names.choices(row.field), row.value, row.is_new) if kind in {Kind.CHOICE, Kind.SET} else []
            )
            if kind is Kind.TEXT:
                row.hint = _("Words with commas between them; or a pattern: * anything, ? a letter, # a digit.")
        for number, action in enumerate(self.actions):
            action.number, action.label = number, str(ACTION_WORDS[action.kind])
            action.hint = str(ACTION_HINTS.get(action.kind, ""))
            if action.kind in ACTION_CHOICES:
                choices = names.choices(ACTION_CHOICES[action.kind])
                action.control, action.choices = "select", _with_kept(choices, action.value, action.is_new)
            elif action.kind in {"note", "reply"}:
                action.control = "text"
            elif action.kind == "snooze":
                action.control = "number"
            if action.kind == "notify":
                action.people_choices = [(v, name, int(v) in action.people) for v, name in names.choices("people")]
        return self

    @property
    def every(self) -> list[ConditionRow]:
        """The rows of the first group."""
        return [row for row in self.conditions if row.group == "every"]

    @property
    def some(self) -> list[ConditionRow]:
        """The rows of the second group."""
        return [row for row in self.conditions if row.group == "some"]

    def definition(self) -> Definition:
        """Return what the form says; raises InputError for a number that is none. The service checks the rest."""

        def group(rows: list[ConditionRow]) -> tuple[Condition, ...]:
            return tuple(
                Condition(row.field, row.op or OPERATORS[FIELDS[row.field].kind][0], row.value) for row in rows
            )

        return Definition(
            when=self.when,
            minutes=whole(self.minutes, "minutes") if self.when == "waiting" else 0,
            every=group(self.every),
            some=group(self.some),
            actions=tuple(Action(row.kind, row.value, row.people) for row in self.actions),
            is_last=self.is_last,
        )


def _with_kept(choices: Choices, value: str, is_new: bool) -> Choices:
    """Return the choices, and the stored one where it is gone: else the form would silently choose another."""
    if is_new or value in dict(choices):
        return choices
    return [*choices, (value, _("%(value)s (no longer there)") % {"value": f"#{value}"})]


def whole(text: str, name: str) -> int:
    """Return a whole number; raises InputError naming the field."""
    if not text.strip().isdecimal() or len(text.strip()) > 6:
        raise InputError(_("Write a whole number."), field=name)
    return int(text)


def menus(*, is_admin: bool) -> Mapping[str, Choices]:
    """Return what can be added, and the moments."""
    actions = [(kind, str(label)) for kind, label in ACTION_WORDS.items() if is_admin or kind != "webhook"]
    return {
        "fields": [(name, str(label)) for name, label in FIELD_WORDS.items()],
        "actions": actions,
        "triggers": [(name, str(label)) for name, label in TRIGGERS.items()],
    }
