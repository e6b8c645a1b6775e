"""Who is at a conversation: only people who may see it (INV-06), for as long as their desk is heard of."""

from datetime import timedelta

import pytest

from comptoir.core import bulk, clock
from comptoir.core.errors import AccessDenied
from comptoir.testing.builders import make_account, make_conversation, make_team, make_user
from comptoir.viewing import queries
from comptoir.viewing.models import Presence
from comptoir.viewing.queries import Viewer
from comptoir.viewing.services import RENEW, SWEEP, enter_conversation, leave_conversation, renewal

pytestmark = pytest.mark.django_db


def present(*numbers: int) -> dict[int, queries.Present]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(queries.PRESENT, queries.parameters(numbers, clock.now()))
        return queries.grouped(cursor.fetchall())


def test_a_person_with_two_tabs_is_there_once_and_types_if_one_does() -> None:
    team = make_team()
    row, user = make_conversation(make_account(team)), make_user(team, name="Tom Okafor")
    enter_conversation(user=user, conversation_id=row.pk, tab="first")
    enter_conversation(user=user, conversation_id=row.pk, tab="second", is_typing=True)
    assert present(row.pk) == {row.pk: queries.Present(team.pk, (Viewer(user.pk, "Tom Okafor", True),))}
    leave_conversation(user_id=user.pk, tab="second")
    assert present(row.pk)[row.pk].viewers == (Viewer(user.pk, "Tom Okafor", False),)
    leave_conversation(user_id=user.pk, tab="first")
    assert present(row.pk) == {row.pk: queries.Present(team.pk, ())}


def test_inv_06_a_stranger_does_not_get_in() -> None:
    row = make_conversation(make_account(make_team()))
    with pytest.raises(AccessDenied):
        enter_conversation(user=make_user(make_team()), conversation_id=row.pk, tab="first")
    assert not Presence.objects.exists()


def test_nobody_leaves_for_somebody_else() -> None:
    team = make_team()
    row, user = make_conversation(make_account(team)), make_user(team)
    enter_conversation(user=user, conversation_id=row.pk, tab="first")
    leave_conversation(user_id=make_user(team).pk, tab="first")
    assert Presence.objects.count() == 1


def test_a_tab_that_goes_on_to_another_conversation_is_there_and_no_longer_here() -> None:
    team = make_team()
    account, user = make_account(team), make_user(team)
    first, second = make_conversation(account), make_conversation(account)
    enter_conversation(user=user, conversation_id=first.pk, tab="first")
    enter_conversation(user=user, conversation_id=second.pk, tab="first")
    found = present(first.pk, second.pk)
    assert [len(found[row.pk].viewers) for row in (first, second)] == [0, 1]


def test_a_desk_that_nobody_hears_of_is_swept_and_one_that_is_renewed_stays() -> None:
    team = make_team()
    row, user = make_conversation(make_account(team)), make_user(team)
    for tab in ("dead", "alive"):
        enter_conversation(user=user, conversation_id=row.pk, tab=tab)
    later = clock.now() + timedelta(seconds=70)
    bulk.fetch_all(RENEW, renewal([(user.pk, "alive")], later))
    bulk.fetch_all(SWEEP, [later])
    assert list(Presence.objects.values_list("tab", flat=True)) == ["alive"]


def test_the_table_is_not_written_to_the_log() -> None:
    query = "SELECT relpersistence FROM pg_class WHERE relname = 'viewing_presence'"
    assert bulk.fetch_all(query, []) == [("u",)]
