"""From the journal to the rows: each event once, to those who want it, and only to those who may (INV-06)."""

from datetime import timedelta
from typing import Any

import pytest

from comptoir.accounts.models import Membership, User
from comptoir.accounts.services import actor_of
from comptoir.conversations.models import Conversation
from comptoir.conversations.services import assign_conversation
from comptoir.core import clock
from comptoir.core.errors import AccessDenied
from comptoir.journal import services as journal
from comptoir.notifications import queries
from comptoir.notifications.kinds import KINDS
from comptoir.notifications.models import Follow, Notification
from comptoir.notifications.rules import Hours
from comptoir.notifications.services import (
    Choice,
    mark_read,
    mark_seen,
    run_once,
    set_following,
    set_preferences,
    sweep,
    write_notifications,
)
from comptoir.notifications.tests.conftest import Cast
from comptoir.reminders.services import ring_due
from comptoir.testing.builders import make_message, make_notification, make_reminder
from comptoir.viewing.services import enter_conversation


def told() -> list[tuple[str, str]]:
    return list(Notification.objects.order_by("id").values_list("user__name", "kind"))


def note(cast: Cast, by: User, *mentions: User) -> None:
    message = make_message(cast.row, kind="note", user=by, text="look at this")
    facts = {"mentions": [user.pk for user in mentions]}
    journal.append(
        actor=actor_of(by), kind="note.added", conversation_id=cast.row.pk, message_id=message.pk, facts=facts
    )


def received(cast: Cast, **facts: Any) -> None:
    message = make_message(cast.row)
    actor = journal.Actor("contact", cast.row.contact_id, "Ada Martin")
    journal.append(
        actor=actor, kind="message.received", conversation_id=cast.row.pk, message_id=message.pk, facts=facts
    )


def choose(user: User, kind: str, *, in_page: bool = True, in_browser: bool = True, mail: str = "") -> None:
    set_preferences(user=user, choices={kind: Choice(in_page, in_browser, mail)}, hours=Hours())


def test_a_mention_is_told_once_however_often_the_journal_is_read(cast: Cast) -> None:
    note(cast, cast.tom, cast.ada, cast.eve)
    run_once()
    run_once()
    write_notifications(list(journal_events()))
    assert told() == [("Ada", "mention")]


def journal_events() -> Any:
    from comptoir.journal.models import Event

    return Event.objects.filter(kind="note.added")


def test_a_conversation_that_somebody_gives_me_and_one_that_i_take(cast: Cast) -> None:
    assign_conversation(actor=actor_of(cast.ada), conversation=cast.row, assignee=cast.tom)
    assign_conversation(actor=actor_of(cast.ada), conversation=cast.row, assignee=cast.ada)
    run_once()
    assert told() == [("Tom", "assigned")]


def test_the_customer_writes_to_its_agent_and_to_who_follows(cast: Cast) -> None:
    set_following(user=cast.tom, conversation=cast.row, is_on=True)
    set_following(user=cast.eve, conversation=cast.row, is_on=True)  # left the team meanwhile: INV-06
    received(cast)
    received(cast, automatic="auto-reply")
    run_once()
    assert sorted(told()) == [("Ada", "reply"), ("Tom", "reply")]


def test_a_note_makes_follow_but_not_whoever_stopped(cast: Cast) -> None:
    set_following(user=cast.ada, conversation=cast.row, is_on=False)
    note(cast, cast.tom, cast.ada)
    run_once()
    assert list(Follow.objects.filter(is_on=True).values_list("user__name", flat=True)) == ["Tom"]
    assert not queries.is_following(cast.ada, cast.row)


def test_an_answer_of_mine_that_failed(cast: Cast) -> None:
    message = make_message(cast.row, kind="out", user=cast.tom, delivery="failed")
    journal.append(actor=journal.SYSTEM, kind="reply.failed", conversation_id=cast.row.pk, message_id=message.pk)
    run_once()
    assert told() == [("Tom", "trouble")]


def test_a_reminder_brings_its_words_to_its_person_alone(cast: Cast) -> None:
    make_reminder(cast.tom, cast.row, words="Call him")
    ring_due(at=clock.now() + timedelta(days=2))
    run_once()
    assert told() == [("Tom", "reminder")]
    assert Notification.objects.get().words == "Call him"


def test_a_rule_points_something_out(cast: Cast) -> None:
    facts = {"people": [cast.tom.pk], "words": "VIP"}
    journal.append(actor=journal.SYSTEM, kind="rule.notified", conversation_id=cast.row.pk, facts=facts)
    run_once()
    assert list(Notification.objects.values_list("user__name", "words")) == [("Tom", "VIP")]


def test_new_conversations_are_told_to_those_alone_who_want_it(cast: Cast) -> None:
    choose(cast.tom, "new")
    journal.append(actor=journal.SYSTEM, kind="conversation.created", conversation_id=cast.row.pk, facts={})
    run_once()
    assert told() == [("Tom", "new")]


def test_what_is_switched_off_is_not_made(cast: Cast) -> None:
    choose(cast.ada, "reply", in_page=False, in_browser=False)
    received(cast)
    run_once()
    assert told() == []


def test_old_events_are_news_to_nobody(cast: Cast) -> None:
    entry = journal.Entry(journal.SYSTEM, "message.received", cast.row.pk, at=clock.now() - timedelta(days=3))
    journal.append_all([entry])
    run_once()
    assert told() == []


def test_who_looks_at_the_conversation_has_read_its_messages_but_not_a_reminder(cast: Cast) -> None:
    enter_conversation(user=cast.ada, conversation_id=cast.row.pk, tab="0123456789")
    received(cast)
    make_reminder(cast.ada, cast.row)
    ring_due(at=clock.now() + timedelta(days=2))
    run_once()
    unread = Notification.objects.filter(read_at__isnull=True)
    assert list(unread.values_list("kind", flat=True)) == ["reminder"]
    assert queries.unread_of(cast.ada)["unread"] == 1


def test_inv_06_what_a_person_no_longer_sees_is_neither_counted_nor_listed_nor_opened(cast: Cast) -> None:
    row = make_notification(cast.ada, cast.row)
    assert queries.unread_of(cast.ada) == {"unread": 1, "latest": row.pk}
    Membership.objects.filter(user=cast.ada).delete()
    assert queries.unread_of(cast.ada) == {"unread": 0, "latest": 0}
    assert queries.notifications_page(cast.ada) == ([], None)
    assert queries.fresh_notifications(cast.ada, after=0) == []
    with pytest.raises(AccessDenied):
        queries.access_notification(cast.ada, row.pk)


def test_reading_one_of_a_conversation_or_all(cast: Cast) -> None:
    other = Conversation.objects.create(
        account=cast.row.account, channel="email", contact=cast.row.contact, team=cast.team, created_at=clock.now(),
        last_message_at=clock.now(),
    )  # fmt: skip
    rows = [make_notification(cast.ada, place) for place in (cast.row, cast.row, other, other)]
    make_notification(cast.tom, cast.row)
    assert mark_read(user=cast.ada, notification_id=rows[0].pk) == 1
    assert mark_read(user=cast.tom, notification_id=rows[1].pk) == 0  # not his
    assert mark_read(user=cast.ada, conversation_id=cast.row.pk) == 1
    assert mark_read(user=cast.ada) == 2
    assert queries.unread_of(cast.tom)["unread"] == 1


def test_the_list_goes_on_page_by_page_and_says_what_is_new(cast: Cast) -> None:
    rows = [make_notification(cast.ada, cast.row) for _ in range(queries.PAGE + 3)]
    first, more = queries.notifications_page(cast.ada)
    second, end = queries.notifications_page(cast.ada, before=more)
    assert [line.id for line in first + second] == [row.pk for row in reversed(rows)]
    assert end is None
    assert all(line.is_new for line in first)
    mark_seen(user=cast.ada, notification_ids=[line.id for line in first])
    assert not any(line.is_new for line in queries.notifications_page(cast.ada)[0])


def test_a_page_costs_the_same_with_one_and_with_many(cast: Cast, django_assert_num_queries: Any) -> None:
    make_notification(cast.ada, cast.row)
    with django_assert_num_queries(1):
        queries.notifications_page(cast.ada)
    for _ in range(20):
        make_notification(cast.ada, cast.row)
    with django_assert_num_queries(1):
        queries.notifications_page(cast.ada)


def test_old_ones_are_forgotten(cast: Cast) -> None:
    make_notification(cast.ada, cast.row, at=clock.now() - timedelta(days=91))
    kept = make_notification(cast.ada, cast.row)
    sweep(at=clock.now())
    assert list(Notification.objects.all()) == [kept]


def test_a_person_without_choices_hears_as_the_table_says(cast: Cast) -> None:
    ways = queries.ways_of([cast.ada.pk])[cast.ada.pk]
    assert set(ways) == set(KINDS)
    assert (ways["mention"].mail, ways["new"].in_page) == ("now", False)
    assert queries.hours_of([cast.ada.pk])[cast.ada.pk] == Hours()
