"""Automatic assignment on real rows: who is given what, once, and what the journal says of it."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from comptoir.accounts.models import Role, Team, User
from comptoir.accounts.services import actor_of
from comptoir.conversations import services as conversations
from comptoir.conversations.models import Conversation
from comptoir.core import clock, presence
from comptoir.journal.models import Event
from comptoir.routing import services
from comptoir.routing.assigning import assign_once
from comptoir.routing.models import Shift
from comptoir.testing import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    return builders.make_team("Service")


def agent(team: Team, name: str, *, here: bool = True, capacity: int | None = None, **skills: int) -> User:
    user = builders.make_user(team, name=name)
    named = {key.replace("_", ":"): level for key, level in skills.items()}
    services.save_workload(actor=actor_of(user), user=user, capacity=capacity, by_channel={}, skills=named)
    if here:
        presence.mark_people({user.pk}, at=clock.now())
    return user


def waiting(team: Team, number: int, **fields: object) -> list[Conversation]:
    account = builders.make_account(team, kind="sandbox")
    return [builders.make_conversation(account, **fields) for _ in range(number)]


def policy(team: Team, mode: str, *, is_sticky: bool = False, reassign_minutes: int | None = None) -> None:
    user = builders.make_user(team, is_active=False)
    services.save_policy(
        actor=actor_of(user), team=team, mode=mode, is_sticky=is_sticky, reassign_minutes=reassign_minutes
    )


def owners(rows: list[Conversation]) -> list[str | None]:
    for row in rows:
        row.refresh_from_db()
    return [row.assignee.name if row.assignee else None for row in rows]


def test_without_a_policy_nobody_is_given_anything(team: Team) -> None:
    agent(team, "Ana")
    rows = waiting(team, 1)
    assert assign_once(clock.now()) == 0
    policy(team, "off")
    assert assign_once(clock.now()) == 0
    assert owners(rows) == [None]


def test_in_turn_the_oldest_wait_first(team: Team) -> None:
    for name in ("Ana", "Ben"):
        agent(team, name)
    policy(team, "round_robin")
    rows = waiting(team, 3)
    assert assign_once(clock.now()) == 3
    assert owners(rows) == ["Ana", "Ben", "Ana"]
    more = waiting(team, 1)
    assign_once(clock.now())
    assert owners(more) == ["Ben"]
    event = Event.objects.filter(kind="conversation.assigned").order_by("pk")[0]
    assert (event.actor_kind, event.facts["to_name"], event.facts["reason"]["why"]) == ("routing", "Ana", "round_robin")


def test_nobody_is_given_more_than_they_carry(team: Team) -> None:
    agent(team, "Ana", capacity=2)
    policy(team, "least_loaded")
    rows = waiting(team, 3)
    assert assign_once(clock.now()) == 2
    assert owners(rows) == ["Ana", "Ana", None]


def test_people_who_are_away_offline_or_off_shift_are_given_nothing(team: Team) -> None:
    away, busy, ben = agent(team, "Away"), agent(team, "Busy"), agent(team, "Ben")
    agent(team, "Gone", here=False)
    services.choose_presence(actor=actor_of(away), user=away, presence="away")
    now = clock.now()
    tomorrow = (now.weekday() + 2) % 7
    Shift.objects.create(team=team, user=busy, weekday=tomorrow, start=0, end=60)
    Shift.objects.bulk_create(Shift(team=team, user=ben, weekday=day, start=0, end=1440) for day in range(7))
    policy(team, "round_robin")
    rows = waiting(team, 3)
    assign_once(now)
    assert owners(rows) == ["Ben", "Ben", "Ben"]


def test_it_goes_back_to_who_knows_the_contact_and_not_to_who_gave_it_back(team: Team) -> None:
    ana, ben = agent(team, "Ana"), agent(team, "Ben")
    contact = builders.make_contact()
    account = builders.make_account(team, kind="sandbox")
    builders.make_conversation(account, contact=contact, assignee=ben, state="solved")
    policy(team, "round_robin", is_sticky=True)
    rows = [builders.make_conversation(account, contact=contact)]
    assign_once(clock.now())
    assert owners(rows) == ["Ben"]
    conversations.assign_conversation(actor=actor_of(ben), conversation=rows[0], assignee=None)
    assign_once(clock.now())
    assert owners(rows) == ["Ana"]
    assert ana.pk != ben.pk


def test_the_best_speaker_takes_it(team: Team) -> None:
    agent(team, "Ana", language_fr=1)
    agent(team, "Ben", language_fr=3)
    policy(team, "by_skill")
    rows = waiting(team, 1, language="fr")
    assign_once(clock.now())
    assert owners(rows) == ["Ben"]


def test_a_conversation_leaves_somebody_who_went_offline_after_a_while(team: Team) -> None:
    gone = agent(team, "Gone", here=False)
    agent(team, "Ana")
    policy(team, "least_loaded", reassign_minutes=30)
    now = clock.now()
    late, fresh = waiting(team, 2, assignee=gone)
    Conversation.objects.filter(pk=late.pk).update(waiting_since=now - timedelta(minutes=31))
    assert assign_once(now) == 1
    assert owners([late, fresh]) == ["Ana", "Gone"]
    assert Event.objects.get(kind="conversation.assigned").facts["reason"]["lost"] is True


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_give_each_conversation_once(team: Team) -> None:
    for name in ("Ana", "Ben"):
        agent(team, name, capacity=5)
    policy(team, "least_loaded")
    rows = waiting(team, 20)
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait()
        for _ in range(3):
            assign_once(clock.now())
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(name or "" for name in owners(rows)) == [""] * 10 + ["Ana"] * 5 + ["Ben"] * 5
    assert Event.objects.filter(kind="conversation.assigned").count() == 10


def test_an_auditor_is_given_nothing(team: Team) -> None:
    auditor = agent(team, "Aud")
    auditor.role = Role.AUDITOR
    auditor.save()
    agent(team, "Ben")
    policy(team, "round_robin")
    rows = waiting(team, 2)
    assign_once(clock.now())
    assert owners(rows) == ["Ben", "Ben"]
