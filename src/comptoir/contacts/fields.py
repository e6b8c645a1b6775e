"""The only writer of the definitions of the organisation's own fields; their values are written by the services of
contacts and of conversations, with what is decided here.

A field's key and kind never change, because values and saved views are kept by them; deleting a field hides its values
and keeps them in the journal's words.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from comptoir.contacts.models import CustomField
from comptoir.contacts.rules import Definition, Value, changes_of, checked_choices, checked_value, key_of
from comptoir.core.errors import InputError
from comptoir.core.textfold import clean
from comptoir.journal import services as journal
from comptoir.journal.services import Actor

MAX_FIELDS = 40  # of one subject: they are read with each panel


def all_fields(subject: str = "") -> list[CustomField]:
    """Return the definitions in their order, of contacts, of conversations, or of both."""
    found = CustomField.objects.filter(subject=subject) if subject else CustomField.objects.all()
    return list(found.order_by("subject", "position", "id"))


def definition_of(field: CustomField) -> Definition:
    """Return a field as far as its values are concerned."""
    return Definition(field.key, field.kind, tuple(field.choices), field.name)


@transaction.atomic
def create_field(
    *, actor: Actor, subject: str, name: str, kind: str, choices: Sequence[str] = (), help: str = ""
) -> CustomField:
    """Add a field; its key is made of its name. Raises InputError."""
    if subject not in CustomField.Subject.values:
        raise InputError(_("Choose what has the field."), field="subject")
    name, others = _checked_name(name), all_fields(subject)
    if len(others) >= MAX_FIELDS:
        raise InputError(_("There are %(count)d fields already. Delete one first.") % {"count": MAX_FIELDS})
    key = key_of(name) or f"field_{len(others) + 1}"
    if any(other.key == key for other in others):
        raise InputError(_("There is a field of this name already. Choose another name."), field="name")
    last = CustomField.objects.filter(subject=subject).aggregate(last=Max("position"))["last"] or 0
    row = CustomField.objects.create(
        subject=subject, key=key, name=name, kind=kind, choices=checked_choices(kind, [clean(c) for c in choices]),
        help=_checked_help(help), position=last + 1,
    )  # fmt: skip
    journal.append(actor=actor, kind="field.created", facts={"field": row.pk, "name": name, "subject": subject})
    return row


@transaction.atomic
def change_field(*, actor: Actor, field: CustomField, name: str, choices: Sequence[str], help: str) -> CustomField:
    """Change what a field is called, its help and its choices; a choice that goes stays where it was chosen."""
    row = CustomField.objects.select_for_update().get(pk=field.pk)
    row.name, row.help = _checked_name(name), _checked_help(help)
    row.choices = checked_choices(row.kind, [clean(choice) for choice in choices])
    row.save(update_fields=["name", "help", "choices"])
    journal.append(actor=actor, kind="field.changed", facts={"field": row.pk, "name": row.name})
    return row


@transaction.atomic
def move_field(*, actor: Actor, field: CustomField, up: bool) -> None:
    """Let a field and its neighbour change places."""
    rows = list(CustomField.objects.select_for_update().filter(subject=field.subject).order_by("position", "id"))
    at = next(number for number, row in enumerate(rows) if row.pk == field.pk)
    to = at - 1 if up else at + 1
    if not 0 <= to < len(rows):
        return
    rows[at], rows[to] = rows[to], rows[at]
    for position, row in enumerate(rows, 1):
        row.position = position
    CustomField.objects.bulk_update(rows, ["position"])
    journal.append(actor=actor, kind="field.moved", facts={"field": field.pk, "position": to + 1})


@transaction.atomic
def delete_field(*, actor: Actor, field: CustomField) -> None:
    """Remove a definition; the values are no longer shown."""
    facts = {"field": field.pk, "name": field.name, "subject": field.subject, "key": field.key}
    field.delete()
    journal.append(actor=actor, kind="field.deleted", facts=facts)


def _checked_name(name: str) -> str:
    name = " ".join(clean(name).split())
    if not 0 < len(name) <= 60:
        raise InputError(_("Give a name of at most %(count)d characters.") % {"count": 60}, field="name")
    return name


def _checked_help(text: str) -> str:
    text = " ".join(clean(text).split())
    if len(text) > 200:
        raise InputError(_("Use at most %(count)d characters.") % {"count": 200}, field="help")
    return text


def changed_fields(
    before: dict[str, Value], definitions: Sequence[Definition], given: Mapping[str, object]
) -> dict[str, Any]:
    """Return what the given values change, by key, as {"name": …, "from": …, "to": …}; raises InputError.

    The name goes with it, because the journal outlives the field.
    """
    known = {definition.key: definition for definition in definitions}
    if unknown := sorted(set(given) - set(known)):
        raise InputError(_("There is no field “%(name)s”.") % {"name": unknown[0][:60]}, field="fields")
    changes = changes_of(before, {key: _value(known[key], value, before.get(key)) for key, value in given.items()})
    return {key: {"name": known[key].name, **change} for key, change in changes.items()}


def _value(definition: Definition, given: object, before: Value | None) -> Value | None:
    if definition.kind == "choice" and before is not None and given == before:
        return before  # chosen before the choice was removed: it may stay
    return checked_value(definition, clean(given) if isinstance(given, str) else given)


def applied(before: dict[str, Value], changes: Mapping[str, Any]) -> dict[str, Value]:
    """Return the values after the changes; an empty one is not kept."""
    after = before | {key: change["to"] for key, change in changes.items()}
    return {key: value for key, value in after.items() if value is not None}
