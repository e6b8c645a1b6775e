"""Setting, cancelling and ringing reminders, with their events and without their words."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from comptoir.accounts.models import Membership, User
from comptoir.accounts.services import actor_of
from comptoir.conversations.models import Conversation, State
from comptoir.core import clock
from comptoir.core.errors import AccessDenied, InputError
from comptoir.journal.models import Event
from comptoir.reminders.models import Outcome, Reminder
from comptoir.reminders.queries import access_reminder, reminders_of
from comptoir.reminders.services import cancel_reminder, ring_due, set_reminder
from comptoir.testing.builders import (
    make_account,
    make_conversation,
    make_message,
    make_reminder,
    make_team,
    make_user,
)

pytestmark = pytest.mark.django_db
LATER = timedelta(days=2)


@pytest.fixture
def user() -> User:
    return make_user(make_team())


@pytest.fixture
def row(user: User) -> Conversation:
    return make_conversation(make_account(user.teams.get()))


def told(row: Conversation) -> list[tuple[str, dict[str, int]]]:
    return list(Event.objects.filter(conversation_id=row.pk).order_by("id").values_list("kind", "facts"))


def test_a_reminder_rings_once_and_its_words_stay_with_its_person(user: User, row: Conversation) -> None:
    due = clock.now() + timedelta(days=1)
    made = set_reminder(actor=actor_of(user), user=user, conversation=row, due_at=due, words=" Call\x00 him ")
    assert made.words == "Call him"
    assert ring_due(at=clock.now()) == 0
    assert ring_due(at=clock.now() + LATER) == 1
    assert ring_due(at=clock.now() + LATER) == 0
    made.refresh_from_db()
    assert made.outcome == Outcome.DUE
    facts = {"reminder": made.pk, "person": user.pk}
    assert told(row) == [("reminder.set", facts), ("reminder.due", facts)]


def test_a_cancelled_reminder_stays_silent(user: User, row: Conversation) -> None:
    made = make_reminder(user, row)
    for _twice in range(2):
        cancel_reminder(actor=actor_of(user), reminder=made)
    assert ring_due(at=clock.now() + LATER) == 0
    assert [kind for kind, _facts in told(row)] == ["reminder.cancelled"]
    assert reminders_of(user) == []


@pytest.mark.parametrize(
    ("label", "message", "expected"),
    [
        ("nothing", None, Outcome.DUE),
        ("the customer", {}, Outcome.SPARED),
        ("an answer of ours", {"kind": "out", "delivery": "sent"}, Outcome.SPARED),
        ("an answer that did not leave", {"kind": "out", "delivery": "failed"}, Outcome.DUE),
        ("a machine", {"automatic": "auto-reply"}, Outcome.DUE),
        ("a note", {"kind": "note"}, Outcome.DUE),
    ],
)
def test_if_nobody_has_written_by_then(
    user: User, row: Conversation, label: str, message: dict[str, str] | None, expected: str
) -> None:
    made = make_reminder(user, row, unless_said=True)
    if message is not None:
        make_message(row, at=clock.now() + timedelta(minutes=1), **message)
    ring_due(at=clock.now() + LATER)
    made.refresh_from_db()
    assert made.outcome == expected, label
    assert [kind for kind, _facts in told(row)] == [f"reminder.{expected}"]


def test_a_merged_conversation_reminds_where_its_messages_went(user: User, row: Conversation) -> None:
    make_reminder(user, row)
    target = make_conversation(row.account)
    Conversation.objects.filter(pk=row.pk).update(state=State.MERGED, merged_into=target)
    ring_due(at=clock.now() + LATER)
    assert [kind for kind, _facts in told(target)] == ["reminder.due"]


def test_inv_06_who_left_the_team_is_reminded_of_nothing(user: User, row: Conversation) -> None:
    made = make_reminder(user, row)
    Membership.objects.filter(user=user).delete()
    ring_due(at=clock.now() + LATER)
    made.refresh_from_db()
    assert made.outcome == Outcome.CANCELLED
    assert reminders_of(user) == []
    with pytest.raises(AccessDenied):
        access_reminder(user, made.pk)


def test_a_colleague_of_the_same_team_does_not_see_it(user: User, row: Conversation) -> None:
    made = make_reminder(user, row)
    colleague = make_user(user.teams.get())
    assert reminders_of(colleague, row) == []
    with pytest.raises(AccessDenied):
        access_reminder(colleague, made.pk)


@pytest.mark.parametrize(
    ("label", "days", "words"), [("the past", -1, ""), ("a far future", 4000, ""), ("a novel", 1, "x" * 201)]
)
def test_what_cannot_be_set(user: User, row: Conversation, label: str, days: int, words: str) -> None:
    with pytest.raises(InputError):
        set_reminder(
            actor=actor_of(user), user=user, conversation=row, due_at=clock.now() + timedelta(days=days), words=words
        )
    assert not Reminder.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_keepers_ring_a_reminder_once() -> None:
    user = make_user(make_team())
    row = make_conversation(make_account(user.teams.get()))
    for _ in range(20):
        make_reminder(user, row)
    rung: list[int] = []

    def keep() -> None:
        try:
            rung.append(ring_due(at=clock.now() + LATER))
        finally:
            connection.close()

    threads = [threading.Thread(target=keep) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(rung) == Event.objects.filter(kind="reminder.due").count() == 20
