"""Many conversations changed at once, and the undo of it.

A change of a thousand rows takes the same few statements as a change of one: they are locked in the order of their
numbers, written in one statement, and told in one event each (INV-04). What each was before is kept (BulkChange), so
that undoing restores what nobody has changed since, and leaves the rest alone.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from comptoir.accounts.models import Membership, Team, User
from comptoir.accounts.queries import team_ids_of
from comptoir.conversations import labelling, rules
from comptoir.conversations.access import accessible_conversations
from comptoir.conversations.models import BulkChange, Conversation, State
from comptoir.conversations.services import checked_priority, checked_state
from comptoir.core import bulk, clock
from comptoir.core.errors import AccessDenied, Conflict, InputError
from comptoir.journal import services as journal
from comptoir.journal.services import Actor, Entry

MAX_ROWS = 1_000  # of one change: about a second of work and one page of a journal
WRITE = """
UPDATE conversations_conversation c SET team_id = b.team_id, assignee_id = b.assignee_id, state = b.state,
       snoozed_until = b.snoozed_until, wakes_on_reply = b.wakes_on_reply, priority = b.priority
FROM jsonb_to_recordset(%s::jsonb) AS b(id bigint, team_id bigint, assignee_id bigint, state text,
                                        snoozed_until timestamptz, wakes_on_reply boolean,
                                        priority smallint)
WHERE c.id = b.id
"""
COLUMNS = ("team_id", "assignee_id", "state", "snoozed_until", "wakes_on_reply", "priority")
Plan = Callable[[Conversation], rules.Step | None]


@dataclass(frozen=True, slots=True)
class Change:
    """What to do to each: exactly one of assign, team, state, priority, labels (named by `what`)."""

    what: str
    to: int | None = None  # a person (None: nobody), a team, a priority
    state: str = ""
    until: datetime | None = None
    add: tuple[int, ...] = field(default=())  # labels
    remove: tuple[int, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it: the record to undo it by (None: nothing changed), how many changed and how many could not."""

    record: BulkChange | None
    changed: int
    left_alone: int


@transaction.atomic
def change_conversations(*, actor: Actor, user: User, ids: Sequence[int], change: Change) -> Outcome:
    """Do the same to many conversations of the person's teams (INV-06); those of others are passed over.

    Raises InputError for what makes no sense, and when there are more than MAX_ROWS.
    """
    if len(set(ids)) > MAX_ROWS:
        raise InputError(_("Choose at most %(count)d conversations at a time.") % {"count": MAX_ROWS})
    visible = accessible_conversations(user).filter(pk__in=ids).exclude(state=State.MERGED)
    rows = list(visible.order_by("pk").select_for_update(of=("self",)))
    if change.what == "labels":
        return _change_labels(actor, user, rows, change)
    plan, may = _plan_of(change, rows)
    willing = [row for row in rows if may(row)]
    steps = {row.pk: (row, step) for row in willing if (step := plan(row)) is not None}
    left_alone = len(rows) - len(willing)
    if not steps:
        return Outcome(None, 0, left_alone)
    record = BulkChange.objects.create(
        made_by=user,
        made_at=clock.now(),
        what=change.what,
        before={pk: {name: _json(getattr(row, name)) for name in step.columns} for pk, (row, step) in steps.items()},
        after={pk: {name: _json(value) for name, value in step.columns.items()} for pk, (_row, step) in steps.items()},
    )
    _write(actor, list(steps.values()), {"bulk": record.pk})
    return Outcome(record, len(steps), left_alone)


def _plan_of(change: Change, rows: Sequence[Conversation]) -> tuple[Plan, Callable[[Conversation], bool]]:
    """Return what the change does to one row, and which rows it may be done to."""
    if change.what == "assign":
        return _assignment(change.to)
    if change.what == "team":
        return _transfer(change.to, rows), _always
    if change.what == "state":
        state = checked_state(change.state, change.until)
        return lambda row: rules.restated(row, state, change.until), _always
    if change.what == "priority":
        priority = checked_priority(change.to if change.to is not None else 9)
        return lambda row: rules.reprioritised(row, priority), _always
    raise InputError(_("Choose what to do with them."))


def _always(_row: Conversation) -> bool:
    return True


def _assignment(to: int | None) -> tuple[Plan, Callable[[Conversation], bool]]:
    if to is None:
        return lambda row: rules.assigned(row, None, ""), _always
    person = User.objects.filter(pk=to, is_active=True).first()
    if person is None or not person.may_write:
        raise InputError(_("Choose one from the list."), field="assignee")
    teams = set(person.memberships.values_list("team_id", flat=True))
    return lambda row: rules.assigned(row, person.pk, person.name), lambda row: row.team_id in teams


def _transfer(to: int | None, rows: Sequence[Conversation]) -> Plan:
    team = Team.objects.filter(pk=to or 0).first()
    if team is None:
        raise InputError(_("Choose one from the list."), field="team")
    assignees = {row.assignee_id for row in rows if row.assignee_id}
    members = set(Membership.objects.filter(team=team, user_id__in=assignees).values_list("user_id", flat=True))
    return lambda row: rules.transferred(row, team.pk, team.name, keeps_assignee=row.assignee_id in members)


def _json(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def _write(actor: Actor, steps: Sequence[tuple[Conversation, rules.Step]], facts: dict[str, Any]) -> None:
    """Write the steps in one statement, and one event each."""
    table = [
        {"id": row.pk} | {name: _json(step.columns.get(name, getattr(row, name))) for name in COLUMNS}
        for row, step in steps
    ]
    bulk.fetch_all(WRITE, [json.dumps(table)])
    journal.append_all(
        [Entry(actor, step.kind, row.pk, row.contact_id, facts=dict(step.facts) | facts) for row, step in steps]
    )


def _change_labels(actor: Actor, user: User, rows: Sequence[Conversation], change: Change) -> Outcome:
    add, remove = labelling.existing(change.add), labelling.existing(change.remove)
    if not (add or remove) or add & remove:
        raise InputError(_("Choose the labels to add or to remove."), field="labels")
    changed = labelling.put_and_remove([row.pk for row in rows], add=add, remove=remove)
    if not changed:
        return Outcome(None, 0, 0)
    record = BulkChange.objects.create(made_by=user, made_at=clock.now(), what="labels", before=changed, after={})
    contacts = {row.pk: row.contact_id for row in rows}
    journal.append_all(labelling.entries_of(actor, changed, contacts, bulk=record.pk))
    return Outcome(record, len(changed), 0)


@transaction.atomic
def undo_change(*, actor: Actor, user: User, record: BulkChange) -> Outcome:
    """Restore what nobody has changed since; the record of somebody else does not exist for the person.

    A conversation that the change itself carried out of the person's teams comes back: they put it there. Raises
    AccessDenied, and Conflict when it was undone already.
    """
    record = BulkChange.objects.select_for_update().get(pk=record.pk)
    if record.made_by_id != user.pk:
        raise AccessDenied("no such change")
    if record.undone_at is not None:
        raise Conflict(_("This was undone already."))
    found = Conversation.objects.filter(pk__in=[int(number) for number in record.before]).order_by("pk")
    if record.what != "team":
        found = found.filter(team_id__in=team_ids_of(user))
    rows = list(found.select_for_update(of=("self",)))
    restored = _undo_labels(actor, record, rows) if record.what == "labels" else _undo_columns(actor, record, rows)
    record.undone_at = clock.now()
    record.save(update_fields=["undone_at"])
    return Outcome(record, restored, len(record.before) - restored)


def _undo_columns(actor: Actor, record: BulkChange, rows: Sequence[Conversation]) -> int:
    names = _names_before(record)
    members = set(Membership.objects.filter(user__is_active=True).values_list("user_id", "team_id"))
    steps = []
    for row in rows:
        before, after = record.before[str(row.pk)], record.after[str(row.pk)]
        untouched = all(_json(getattr(row, name)) == value for name, value in after.items())
        person, team = before.get("assignee_id"), before.get("team_id", row.team_id)
        is_possible = team in names["team"] and (person is None or (person, team) in members)
        if untouched and row.state != State.MERGED and is_possible:
            steps.append((row, _step_back(record.what, row, before, names)))
    if steps:
        _write(actor, steps, {"undo_of": record.pk})
    return len(steps)


def _names_before(record: BulkChange) -> dict[str, dict[int | None, str]]:
    """Return the names of the teams and of the people that the undo gives back to; those that are gone are missing."""
    people = {one.get("assignee_id") for one in record.before.values()} - {None}
    return {
        "team": dict(Team.objects.values_list("pk", "name")),
        "assign": dict(User.objects.filter(pk__in=people).values_list("pk", "name")),
    }


def _step_back(
    what: str, row: Conversation, before: dict[str, Any], names: dict[str, dict[int | None, str]]
) -> rules.Step:
    """Return the step that restores a row, told as the change that it is."""
    columns = (
        before | {"snoozed_until": parse_datetime(before.get("snoozed_until") or "")} if what == "state" else before
    )
    column = {"assign": "assignee_id", "team": "team_id"}.get(what, what)
    facts: dict[str, Any] = {"from": getattr(row, column), "to": before[column]}
    if what in names:
        facts["to_name"] = names[what].get(before[column], "")
    if what == "state":
        facts |= {"until": before.get("snoozed_until"), "wakes_on_reply": before.get("wakes_on_reply", True)}
    kind = {
        "assign": "conversation.assigned",
        "team": "conversation.transferred",
        "state": "conversation.state_changed",
        "priority": "conversation.priority_changed",
    }[what]
    return rules.Step(kind, facts, columns)


def _undo_labels(actor: Actor, record: BulkChange, rows: Sequence[Conversation]) -> int:
    """Take back what was added and is still there, and put back what was removed and is still away."""
    contacts = {row.pk: row.contact_id for row in rows if row.state != State.MERGED}
    known = set(labelling.all_labels().values_list("pk", flat=True))
    alike: dict[tuple[tuple[int, ...], tuple[int, ...]], list[int]] = {}
    for number in contacts:
        one = record.before[str(number)]
        alike.setdefault((tuple(one["added"]), tuple(one["removed"])), []).append(number)
    undone: labelling.Changed = {}
    for (added, removed), ids in alike.items():  # few: a change adds and removes the same labels everywhere
        undone |= labelling.put_and_remove(ids, add=set(removed) & known, remove=added)
    journal.append_all(labelling.entries_of(actor, undone, contacts, undo_of=record.pk))
    return len(undone)
