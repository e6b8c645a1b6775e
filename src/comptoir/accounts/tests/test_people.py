"""The services of people and teams: the last administrator stays, every change is one event (INV-04)."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import mail
from django.test import Client, override_settings

from comptoir.accounts import services
from comptoir.accounts.models import Role, Team, User
from comptoir.core.errors import InputError
from comptoir.journal.models import Event
from comptoir.journal.services import SYSTEM
from comptoir.testing.builders import make_passkey, make_team, make_user

pytestmark = pytest.mark.django_db


def kinds() -> list[str]:
    return list(Event.objects.order_by("id").values_list("kind", flat=True))


@pytest.mark.parametrize("role", [Role.AGENT, Role.LEAD, Role.AUDITOR])
def test_the_last_administrator_keeps_the_role(role: str) -> None:
    make_user(role=Role.ADMIN, is_active=False)  # a closed account cannot help
    last = make_user(role=Role.ADMIN)
    with pytest.raises(InputError, match="last administrator"):
        services.change_role(actor=SYSTEM, person=last, role=role)
    assert User.objects.get(pk=last.pk).role == Role.ADMIN
    assert kinds() == []


def test_one_of_two_administrators_may_step_down_and_the_other_may_not_follow() -> None:
    first, second = make_user(role=Role.ADMIN), make_user(role=Role.ADMIN)
    services.change_role(actor=services.actor_of(first), person=first, role=Role.AGENT)
    with pytest.raises(InputError, match="last administrator"):
        services.deactivate_person(actor=SYSTEM, person=second)
    assert kinds() == ["person.role_changed"]
    assert Event.objects.get().facts == {"user": first.pk, "name": first.name, "from": "admin", "to": "agent"}


def test_nobody_closes_their_own_account() -> None:
    make_user(role=Role.ADMIN)
    me = make_user(role=Role.ADMIN)
    with pytest.raises(InputError, match="your own"):
        services.deactivate_person(actor=services.actor_of(me), person=me)
    assert User.objects.get(pk=me.pk).is_active


def test_closing_and_opening_an_account_are_events_and_doing_it_twice_is_not() -> None:
    person = make_user()
    for _ in range(2):
        services.deactivate_person(actor=SYSTEM, person=person)
    for _ in range(2):
        services.reactivate_person(actor=SYSTEM, person=person)
    assert kinds() == ["person.deactivated", "person.reactivated"]


def test_each_team_that_is_joined_or_left_is_an_event() -> None:
    old, kept, new = make_team("Old"), make_team("Kept"), make_team("New")
    person = make_user(old, kept)
    assert services.set_teams(actor=SYSTEM, person=person, teams=[kept, new]) == {old.pk}
    assert set(person.teams.all()) == {kept, new}
    assert kinds() == ["team.member_added", "team.member_removed"]
    assert services.set_teams(actor=SYSTEM, person=person, teams=[kept, new]) == set()
    assert len(kinds()) == 2


@pytest.mark.parametrize(
    ("case", "name", "department", "field"),
    [
        ("empty", " ", "service", "name"),
        ("too long", "x" * 81, "service", "name"),
        ("taken, whatever the case", "sERVICE", "service", "name"),
        ("no such department", "Press", "army", "department"),
    ],
)
def test_a_team_needs_a_name_of_its_own(case: str, name: str, department: str, field: str) -> None:
    make_team("Service")
    with pytest.raises(InputError) as refused:
        services.create_team(actor=SYSTEM, name=name, department=department)
    assert refused.value.field == field, case
    assert Team.objects.count() == 1


def test_a_team_is_renamed_and_removed_with_its_memberships() -> None:
    team = services.create_team(actor=SYSTEM, name="  Press   office ", department="pr")
    person = make_user(team)
    services.change_team(actor=SYSTEM, team=team, name="Press office", department="pr")  # nothing changed
    services.change_team(actor=SYSTEM, team=team, name="Press", department="pr")
    services.delete_team(actor=SYSTEM, team=team)
    assert not person.memberships.exists()
    assert kinds() == ["team.created", "team.changed", "team.member_removed", "team.deleted"]


def test_a_lost_second_factor_is_removed_and_journalled_once() -> None:
    person = make_user()
    make_passkey(person)
    for _ in range(2):
        services.remove_second_factor(actor=SYSTEM, person=person)
    assert kinds() == ["person.second_factor_removed"]


def test_a_reset_mail_leads_to_our_own_address_whatever_the_request_says() -> None:
    user = make_user(make_team())
    with override_settings(ALLOWED_HOSTS=["*"]):
        Client(headers={"host": "evil.example"}).post("/accounts/password/reset/", {"email": user.email})
    link = re.search(r"https?://\S+", mail.outbox[0].body)
    assert link is not None
    assert link[0].startswith(settings.PUBLIC_URL + "/accounts/password/reset/")


def test_nobody_changes_their_own_address() -> None:
    user = make_user(make_team())
    client = Client()
    client.force_login(user)
    assert (
        client.post("/accounts/email/", {"action_add": "", "email": "evil@example.org"}).headers["Location"] == "/me/"
    )
    assert not EmailAddress.objects.filter(email="evil@example.org").exists()
