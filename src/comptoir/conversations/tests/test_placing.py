"""Moving, merging, splitting and undoing: every message stays in exactly one conversation, and undo restores."""

import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from comptoir.accounts.models import User
from comptoir.accounts.services import actor_of
from comptoir.conversations import placing
from comptoir.conversations.models import Conversation, Message, Placement, Reference, State
from comptoir.conversations.services import refresh_waiting, set_state
from comptoir.conversations.threading import Candidate, digest_of, place
from comptoir.core.errors import AccessDenied, Conflict, InputError
from comptoir.core.types import Author, Inbound
from comptoir.journal.models import Event
from comptoir.testing.builders import make_account, make_conversation, make_message, make_team, make_user

pytestmark = pytest.mark.django_db
START = datetime(2026, 11, 20, 9, tzinfo=UTC)


class World:
    """A person with three conversations of three, two and one customer messages."""

    def __init__(self) -> None:
        self.team = make_team()
        self.user = make_user(self.team)
        self.actor = actor_of(self.user)
        self.account = make_account(self.team)
        self.originals = [self.conversation(hours, count) for hours, count in ((0, 3), (1, 2), (2, 1))]

    def conversation(self, hours: int, count: int) -> Conversation:
        """Make a conversation whose messages have references, the way the pipeline leaves it."""
        at = START + timedelta(hours=hours)
        row = make_conversation(self.account, subject=f"Subject {hours}", text=f"First {hours}", at=at)
        for number in range(1, count):
            kind = "note" if number == 2 else "in"
            make_message(
                row, kind=kind, text=f"More {hours}.{number}", user=self.user, at=at + timedelta(minutes=number)
            )
        for message in row.messages.all():
            Reference.objects.create(account=self.account, digest=digest_of(message.message_id), conversation=row)
        Reference.objects.create(account=self.account, digest=digest_of(f"ghost{row.pk}"), conversation=row)
        row.refresh_from_db()
        refresh_waiting(row)
        last = row.messages.exclude(kind="note").order_by("created_at").last()
        assert last is not None
        row.preview = last.text
        row.save()
        return row

    def everything(self) -> dict[str, Any]:
        """Return all that an undo must restore of the original conversations, and where every message is."""
        ids = [row.pk for row in self.originals]
        rows = Conversation.objects.filter(pk__in=ids).order_by("pk")
        fields = (
            "pk", "state", "merged_into", "snoozed_until", "waiting_since", "message_count", "last_message_at",
            "preview",
        )  # fmt: skip
        messages = Message.objects.filter(conversation__account=self.account)
        references = Reference.objects.filter(account=self.account)
        return {
            "conversations": list(rows.values_list(*fields)),
            "messages": sorted(messages.values_list("pk", "conversation_id", "text")),
            "placements": {m.pk: m.placement for m in messages},
            "references": sorted(references.values_list("pk", "conversation_id")),
        }


@pytest.fixture
def world() -> World:
    return World()


def ids_of(row: Conversation) -> list[int]:
    return list(row.messages.order_by("pk").values_list("pk", flat=True))


def fresh(row: Conversation) -> Conversation:
    return Conversation.objects.get(pk=row.pk)


def answer_to(world: World, message_id: str) -> int:
    """Return the conversation into which the pipeline would put an answer to a message."""
    inbound = Inbound(Author("email", "x@example.net"), "Thanks", message_id="new@x", in_reply_to=(message_id,))
    candidate = Candidate(world.account.pk, world.team.pk, world.originals[0].contact_id, inbound)
    return place([candidate])[0].place.id


def test_a_moved_message_keeps_the_reason_and_takes_its_answers_along(world: World) -> None:
    first, second, _ = world.originals
    moved = ids_of(first)[1]
    before = Message.objects.get(pk=moved)
    before.placement = {"reason": "references", "detail": "a@b"}
    before.save()
    placing.move_messages(actor=world.actor, user=world.user, source=first, target=second, message_ids=[moved])
    after = Message.objects.get(pk=moved)
    assert after.conversation_id == second.pk
    assert after.placement == {
        "reason": "moved",
        "by": world.user.name,
        "from": first.pk,
        "previous": {"reason": "references", "detail": "a@b"},
    }
    assert answer_to(world, after.message_id) == second.pk
    assert answer_to(world, first.messages.all()[0].message_id) == first.pk
    assert fresh(first).message_count == 2
    assert fresh(second).message_count == 3


def test_each_side_of_a_placement_has_its_event(world: World) -> None:
    first, second, third = world.originals
    placing.merge_conversations(actor=world.actor, user=world.user, source=third, target=second)
    placing.split_messages(actor=world.actor, user=world.user, source=first, message_ids=ids_of(first)[:1])
    events = (
        Event.objects.filter(actor_id=world.user.pk)
        .order_by("id")
        .values_list("kind", "conversation_id", "facts__role")
    )
    born = Conversation.objects.latest("pk").pk
    assert list(events) == [
        ("conversation.merged", third.pk, "source"),
        ("conversation.merged", second.pk, "target"),
        ("conversation.created", born, None),
        ("conversation.split", first.pk, "source"),
        ("conversation.split", born, "target"),
    ]


def test_what_arrives_for_a_merged_conversation_follows_it_over_two_merges(world: World) -> None:
    first, second, third = world.originals
    quoted = first.messages.all()[0].message_id
    placing.merge_conversations(actor=world.actor, user=world.user, source=first, target=second)
    placing.merge_conversations(actor=world.actor, user=world.user, source=second, target=third)
    assert answer_to(world, quoted) == third.pk
    assert answer_to(world, f"ghost{first.pk}") == third.pk
    assert (fresh(first).state, fresh(first).merged_into_id) == ("merged", second.pk)


@pytest.mark.django_db(transaction=True)
def test_a_message_that_arrives_while_its_conversation_is_being_merged_follows_the_merge() -> None:
    world = World()
    first, second, _ = world.originals
    quoted = first.messages.all()[0].message_id
    merged, found = threading.Event(), []

    def arrive() -> None:
        merged.wait()
        try:
            with transaction.atomic():
                found.append(answer_to(world, quoted))
        finally:
            connection.close()

    pipeline = threading.Thread(target=arrive)
    pipeline.start()
    with transaction.atomic():
        placing.merge_conversations(actor=world.actor, user=world.user, source=first, target=second)
        merged.set()
        # The pipeline has seen the conversation unmerged and waits for our lock when this holds.
        deadline = time.monotonic() + 10
        while not waiting_for_a_lock() and time.monotonic() < deadline:
            time.sleep(0.02)
    pipeline.join()
    assert found == [second.pk]


def waiting_for_a_lock() -> bool:
    query = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
    with connection.cursor() as cursor:
        cursor.execute(query)
        return bool(cursor.fetchone()[0])


def test_a_chat_thread_follows_the_merge_by_its_key(world: World) -> None:
    first, second, _ = world.originals
    Conversation.objects.filter(pk=first.pk).update(thread_key="visitor-1")
    placing.merge_conversations(actor=world.actor, user=world.user, source=first, target=second)
    inbound = Inbound(Author("webchat", "v1"), "Hello again", thread_key="visitor-1")
    assert place([Candidate(world.account.pk, world.team.pk, first.contact_id, inbound)])[0].place.id == second.pk


def test_a_question_that_is_merged_into_a_solved_conversation_opens_it_and_undo_closes_it_again(world: World) -> None:
    first, second, _ = world.originals
    make_message(second, kind="out", user=world.user, at=START + timedelta(hours=3), delivery="sent")
    late = make_message(first, text="And now?", at=START + timedelta(hours=4))
    set_state(actor=world.actor, conversation=second, state=State.SOLVED)
    refresh_waiting(second := fresh(second))
    assert second.waiting_since is None
    done = placing.merge_conversations(actor=world.actor, user=world.user, source=first, target=second)
    assert (fresh(second).state, fresh(second).waiting_since) == ("open", late.created_at)
    placing.undo_placement(actor=world.actor, placement=done)
    assert (fresh(second).state, fresh(second).waiting_since) == ("solved", None)
    assert fresh(first).state == "open"


def test_a_split_makes_a_conversation_of_the_messages_author(world: World) -> None:
    first = world.originals[0]
    chosen = ids_of(first)[1]
    done = placing.split_messages(actor=world.actor, user=world.user, source=first, message_ids=[chosen])
    born = done.target
    assert ids_of(born) == [chosen]
    assert (born.team_id, born.account_id, born.state) == (first.team_id, first.account_id, "open")
    assert fresh(born).waiting_since == Message.objects.get(pk=chosen).created_at
    placing.undo_placement(actor=world.actor, placement=done)
    assert (fresh(born).state, fresh(born).merged_into_id, fresh(born).message_count) == ("merged", first.pk, 0)


def test_undo_leaves_what_arrived_since_where_it_arrived(world: World) -> None:
    first, second, _ = world.originals
    before = ids_of(first)
    done = placing.merge_conversations(actor=world.actor, user=world.user, source=first, target=second)
    newcomer = make_message(second, text="One more thing")
    placing.undo_placement(actor=world.actor, placement=done)
    assert ids_of(first) == before
    assert newcomer.pk in ids_of(second)


def test_undo_is_refused_where_a_later_change_is_in_the_way_and_says_so(world: World) -> None:
    first, second, third = world.originals
    one = placing.merge_conversations(actor=world.actor, user=world.user, source=first, target=second)
    two = placing.merge_conversations(actor=world.actor, user=world.user, source=second, target=third)
    snapshot = world.everything()
    with pytest.raises(Conflict, match="placed elsewhere"):
        placing.undo_placement(actor=world.actor, placement=one)
    assert world.everything() == snapshot
    placing.undo_placement(actor=world.actor, placement=two)
    placing.undo_placement(actor=world.actor, placement=one)
    with pytest.raises(Conflict, match="already"):
        placing.undo_placement(actor=world.actor, placement=one)


def test_undo_is_refused_below_a_later_placement_even_when_the_message_has_come_back(world: World) -> None:
    first, second, third = world.originals
    chosen = ids_of(first)[:1]
    who: dict[str, Any] = {"actor": world.actor, "user": world.user}
    one = placing.move_messages(**who, source=first, target=second, message_ids=chosen)
    two = placing.move_messages(**who, source=second, target=third, message_ids=chosen)
    three = placing.merge_conversations(**who, source=third, target=second)
    for below in (one, two):
        with pytest.raises(Conflict, match="placed elsewhere"):
            placing.undo_placement(actor=world.actor, placement=below)
    for placement in (three, two, one):
        placing.undo_placement(actor=world.actor, placement=placement)
    assert ids_of(first)[:1] == chosen


def test_undo_is_refused_while_the_place_of_origin_is_merged_away(world: World) -> None:
    first, second, third = world.originals
    moved = placing.move_messages(
        actor=world.actor, user=world.user, source=first, target=second, message_ids=ids_of(first)[:1]
    )
    placing.merge_conversations(actor=world.actor, user=world.user, source=first, target=third)
    with pytest.raises(Conflict, match="was merged since"):
        placing.undo_placement(actor=world.actor, placement=moved)


Act = Callable[[World, User], object]
REFUSED: list[tuple[str, Act, type[Exception]]] = [
    (
        "into itself",
        lambda w, u: placing.merge_conversations(actor=w.actor, user=u, source=w.originals[0], target=w.originals[0]),
        InputError,
    ),
    (
        "nothing",
        lambda w, u: placing.split_messages(actor=w.actor, user=u, source=w.originals[0], message_ids=[]),
        InputError,
    ),
    (
        "everything",
        lambda w, u: placing.split_messages(
            actor=w.actor, user=u, source=w.originals[0], message_ids=ids_of(w.originals[0])
        ),
        InputError,
    ),
    (
        "somebody else's messages",
        lambda w, u: placing.move_messages(
            actor=w.actor, user=u, source=w.originals[0], target=w.originals[1], message_ids=ids_of(w.originals[2])
        ),
        Conflict,
    ),
    (
        "too many",
        lambda w, u: placing.split_messages(
            actor=w.actor, user=u, source=w.originals[0], message_ids=list(range(1, 600))
        ),
        InputError,
    ),
]


@pytest.mark.parametrize(("label", "act", "error"), REFUSED, ids=[case[0] for case in REFUSED])
def test_impossible_choices_are_refused_and_change_nothing(
    world: World, label: str, act: Act, error: type[Exception]
) -> None:
    before = world.everything()
    with pytest.raises(error):
        act(world, world.user)
    assert world.everything() == before


def test_a_stranger_to_either_side_is_refused_and_nothing_changes(world: World) -> None:
    first, second, _ = world.originals
    done = placing.move_messages(
        actor=world.actor, user=world.user, source=first, target=second, message_ids=ids_of(first)[:1]
    )
    other_team = make_team()
    stranger = make_user(other_team)
    theirs = make_conversation(make_account(other_team))
    before = world.everything()
    for source, target in ((first, second), (first, theirs), (theirs, first)):
        with pytest.raises(AccessDenied):
            placing.merge_conversations(actor=actor_of(stranger), user=stranger, source=source, target=target)
        with pytest.raises(AccessDenied):
            placing.move_messages(
                actor=actor_of(stranger), user=stranger, source=source, target=target, message_ids=ids_of(source)[:1]
            )
    with pytest.raises(AccessDenied):
        placing.split_messages(actor=actor_of(stranger), user=stranger, source=first, message_ids=ids_of(first)[:1])
    with pytest.raises(AccessDenied):
        placing.undo_placement(actor=actor_of(stranger), placement=done)
    assert world.everything() == before


def test_networks_are_not_mixed(world: World) -> None:
    chat = make_conversation(make_account(world.team, kind="webchat"))
    with pytest.raises(InputError, match="different networks"):
        placing.merge_conversations(actor=world.actor, user=world.user, source=chat, target=world.originals[0])


STEPS = st.lists(st.tuples(st.sampled_from(["move", "merge", "split", "undo"]), st.integers(0, 2**31)), max_size=14)


def act_at_random(world: World, done: list[Placement], step: str, seed: int) -> None:
    """Try one step that the seed chooses; refusals are part of the game."""
    draw = random.Random(seed)
    rows = list(Conversation.objects.filter(account=world.account).order_by("pk"))
    source, target = draw.choice(rows), draw.choice(rows)
    ids = ids_of(source)
    chosen = draw.sample(ids, draw.randint(0, len(ids)))
    who: dict[str, Any] = {"actor": world.actor, "user": world.user}
    try:
        if step == "move":
            done.append(placing.move_messages(**who, source=source, target=target, message_ids=chosen))
        elif step == "merge":
            done.append(placing.merge_conversations(**who, source=source, target=target))
        elif step == "split":
            done.append(placing.split_messages(**who, source=source, message_ids=chosen))
        elif done:
            placement = draw.choice(done)
            placing.undo_placement(actor=world.actor, placement=placement)
            done.remove(placement)
    except (InputError, Conflict):
        pass


def check_sound(world: World, originals: dict[str, Any]) -> None:
    """No message is lost, and open conversations have messages while merged ones have none."""
    now = world.everything()
    assert [(m[0], m[2]) for m in now["messages"]] == [(m[0], m[2]) for m in originals["messages"]]
    for row in Conversation.objects.filter(account=world.account):
        assert (row.messages.count() == 0) == (row.state == State.MERGED)
        assert row.message_count == row.messages.count()


@given(STEPS, st.booleans(), st.integers(0, 2**31))
@settings(
    max_examples=30,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_sequence_keeps_every_message_and_undoing_everything_restores(
    steps: list[tuple[str, int]], in_order: bool, seed: int
) -> None:
    world = World()
    original = world.everything()
    done: list[Placement] = []
    for step, choice in steps:
        act_at_random(world, done, step, choice)
        check_sound(world, original)
    remaining = done[::-1]
    if not in_order:
        random.Random(seed).shuffle(remaining)
    while remaining:
        undone = [placement for placement in remaining if try_undo(world, placement)]
        assert undone, "no placement can be undone any more"
        check_sound(world, original)
        remaining = [placement for placement in remaining if placement not in undone]
    assert world.everything() == original


def try_undo(world: World, placement: Placement) -> bool:
    try:
        placing.undo_placement(actor=world.actor, placement=placement)
    except Conflict:
        return False
    return True
