"""Many at once: what changes, what is told, what undoing restores, and that two people who press 'next' get two."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from comptoir.accounts.models import Role
from comptoir.accounts.services import actor_of
from comptoir.conversations import changing
from comptoir.conversations.changing import Change, change_conversations, undo_change
from comptoir.conversations.labelling import create_label, labels_of, set_labels
from comptoir.conversations.models import BulkChange, Conversation, State
from comptoir.conversations.services import assign_conversation, claim_conversation, mark_several
from comptoir.core import clock
from comptoir.core.errors import AccessDenied, Conflict, InputError
from comptoir.journal.models import Event
from comptoir.journal.services import SYSTEM
from comptoir.testing.builders import make_account, make_conversation, make_team, make_user


class World:
    """Two teams; a person in both with a colleague in the first; three conversations there and one elsewhere."""

    def __init__(self) -> None:
        self.team, self.second = make_team(), make_team()
        self.user, self.colleague = make_user(self.team, self.second), make_user(self.team)
        self.actor = actor_of(self.user)
        account = make_account(self.team)
        self.rows = [make_conversation(account) for _ in range(3)]
        self.away = make_conversation(make_account(self.second))
        self.foreign = make_conversation(make_account(make_team()))
        self.label = create_label(actor=SYSTEM, name="Billing", colour="blue")

    @property
    def ids(self) -> list[int]:
        return [row.pk for row in self.rows]

    def change(self, change: Change, *ids: int) -> changing.Outcome:
        return change_conversations(actor=self.actor, user=self.user, ids=ids or self.ids, change=change)

    def undo(self, outcome: changing.Outcome) -> changing.Outcome:
        assert outcome.record is not None
        record = BulkChange.objects.get(pk=outcome.record.pk)
        return undo_change(actor=self.actor, user=self.user, record=record)

    def values(self) -> list[tuple[Any, ...]]:
        columns = ("pk", "team_id", "assignee_id", "state", "snoozed_until", "priority")
        return list(Conversation.objects.order_by("pk").values_list(*columns))


@pytest.fixture
def world(db: None) -> World:
    return World()


CHANGES = [
    ("assign", lambda w: Change("assign", to=w.colleague.pk), "conversation.assigned"),
    ("team", lambda w: Change("team", to=w.second.pk), "conversation.transferred"),
    ("state", lambda w: Change("state", state="solved"), "conversation.state_changed"),
    ("priority", lambda w: Change("priority", to=2), "conversation.priority_changed"),
    ("labels", lambda w: Change("labels", add=(w.label.pk,)), "conversation.labelled"),
]


@pytest.mark.parametrize(("case", "make", "kind"), CHANGES)
def test_a_change_is_told_once_a_conversation_and_undone_as_it_was(
    world: World, case: str, make: Any, kind: str
) -> None:
    before = world.values()
    outcome = world.change(make(world))
    assert (outcome.changed, outcome.left_alone) == (3, 0)
    assert list(Event.objects.filter(kind=kind).values_list("conversation_id", flat=True)) == world.ids
    assert (world.values() != before) or labels_of(world.rows[0])
    undone = world.undo(outcome)
    assert (undone.changed, undone.left_alone) == (3, 0)
    assert world.values() == before
    assert labels_of(world.rows[0]) == set()
    assert Event.objects.filter(kind=kind).count() == 6


@pytest.mark.parametrize(("case", "make", "kind"), CHANGES)
def test_a_thousand_take_the_statements_of_one(world: World, case: str, make: Any, kind: str) -> None:
    with CaptureQueriesContext(connection) as one:
        world.change(make(world), world.ids[0])
    with CaptureQueriesContext(connection) as three:
        world.change(make(world))
    assert len(three) <= len(one)


@pytest.mark.django_db
def test_undo_leaves_alone_what_somebody_changed_since(world: World) -> None:
    outcome = world.change(Change("assign", to=world.user.pk))
    assign_conversation(actor=actor_of(world.colleague), conversation=world.rows[1], assignee=world.colleague)
    undone = world.undo(outcome)
    assert (undone.changed, undone.left_alone) == (2, 1)
    assert [row[2] for row in world.values()][:3] == [None, world.colleague.pk, None]


def test_undoing_labels_leaves_alone_those_taken_off_since(world: World) -> None:
    outcome = world.change(Change("labels", add=(world.label.pk,)))
    set_labels(actor=world.actor, conversation=world.rows[0], label_ids=set())
    assert (world.undo(outcome).changed, Event.objects.filter(kind="conversation.labelled").count()) == (2, 6)


def test_a_change_that_changes_nothing_leaves_no_trace(world: World) -> None:
    outcome = world.change(Change("state", state="open"))
    assert (outcome.record, outcome.changed) == (None, 0)
    assert not Event.objects.filter(kind="conversation.state_changed").exists()


def test_those_of_other_teams_are_never_touched(world: World) -> None:
    outcome = world.change(Change("state", state="solved"), *world.ids, world.foreign.pk)
    assert outcome.changed == 3
    world.foreign.refresh_from_db()
    assert world.foreign.state == State.OPEN


def test_an_assignee_gets_only_those_of_their_teams(world: World) -> None:
    outcome = world.change(Change("assign", to=world.colleague.pk), *world.ids, world.away.pk)
    assert (outcome.changed, outcome.left_alone) == (3, 1)


def test_a_transfer_releases_who_is_not_in_the_team_and_undo_gives_back(world: World) -> None:
    world.change(Change("assign", to=world.colleague.pk), world.ids[0])
    world.change(Change("assign", to=world.user.pk), world.ids[1])
    outcome = world.change(Change("team", to=world.second.pk))
    assert [row[2] for row in world.values()][:3] == [None, world.user.pk, None]
    world.undo(outcome)
    assert [row[1:3] for row in world.values()][:2] == [
        (world.team.pk, world.colleague.pk), (world.team.pk, world.user.pk),
    ]  # fmt: skip


def test_an_undo_is_the_makers_and_happens_once(world: World) -> None:
    outcome = world.change(Change("priority", to=1))
    assert outcome.record is not None
    with pytest.raises(AccessDenied):
        undo_change(actor=actor_of(world.colleague), user=world.colleague, record=outcome.record)
    world.undo(outcome)
    with pytest.raises(Conflict):
        world.undo(outcome)


@pytest.mark.parametrize(
    ("case", "change"),
    [
        ("nobody of that number", Change("assign", to=10**9)),
        ("no such team", Change("team", to=10**9)),
        ("no such state", Change("state", state="merged")),
        ("no such priority", Change("priority", to=7)),
        ("no label", Change("labels")),
        ("a label that is gone", Change("labels", add=(10**9,))),
        ("nothing", Change("dance")),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_changed(world: World, case: str, change: Change) -> None:
    before = world.values()
    with pytest.raises(InputError):
        world.change(change)
    assert world.values() == before


def test_too_many_are_refused(world: World) -> None:
    with pytest.raises(InputError):
        world.change(Change("state", state="solved"), *range(changing.MAX_ROWS + 1))


def test_unread_and_read_are_the_persons_own(world: World) -> None:
    from comptoir.conversations.filtering import QueueFilter
    from comptoir.conversations.listing import queue_page

    def unread(user: Any) -> int:
        return sum(row.is_unread for row in queue_page(user, QueueFilter()).rows)

    mark_several(user=world.user, conversation_ids=[*world.ids, world.away.pk], read=True)
    assert (unread(world.user), unread(world.colleague)) == (0, 3)
    mark_several(user=world.user, conversation_ids=world.ids[:1], read=False)
    assert unread(world.user) == 1


@pytest.mark.django_db(transaction=True)
def test_two_people_who_press_next_at_once_get_two_conversations() -> None:
    world = World()
    found: list[int] = []
    start = threading.Barrier(2)

    def press(user: Any) -> None:
        start.wait()
        row = claim_conversation(actor=actor_of(user), user=user, candidates=world.ids)
        found.append(row.pk if row else 0)
        connection.close()

    threads = [threading.Thread(target=press, args=(user,)) for user in (world.user, world.colleague)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 2 and 0 not in found
    owners = set(Conversation.objects.filter(pk__in=found).values_list("assignee_id", flat=True))
    assert owners == {world.user.pk, world.colleague.pk}
    assert claim_conversation(actor=world.actor, user=world.user, candidates=[*found, world.foreign.pk]) is None


def test_a_snooze_is_undone_in_another_time_zone(world: World) -> None:
    before = world.values()
    with timezone.override("Europe/Paris"):
        until = clock.now() + timedelta(days=2)
        outcome = world.change(Change("state", state="snoozed", until=until))
        undone = world.undo(outcome)
    assert (undone.changed, world.values()) == (3, before)


def test_nothing_is_given_to_an_auditor(world: World) -> None:
    auditor = make_user(world.team, role=Role.AUDITOR)
    with pytest.raises(InputError):
        world.change(Change("assign", to=auditor.pk))


def test_an_undo_gives_nothing_to_who_left(world: World) -> None:
    world.change(Change("assign", to=world.colleague.pk))
    outcome = world.change(Change("assign", to=world.user.pk))
    world.colleague.is_active = False
    world.colleague.save()
    assert (world.undo(outcome).changed, world.values()[0][2]) == (0, world.user.pk)
