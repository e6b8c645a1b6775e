"""Invitations: one open one an address, accepted once, in time, by whoever holds the link."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from comptoir.accounts import invitations
from comptoir.accounts.models import Invitation, Role, Team, User
from comptoir.accounts.services import actor_of, deactivate_person, require_two_factor, set_organisation
from comptoir.core import clock
from comptoir.core.errors import InputError
from comptoir.journal.models import Event
from comptoir.journal.services import SYSTEM
from comptoir.testing.builders import make_team, make_user

pytestmark = pytest.mark.django_db
ANSWERS = {"name": " Nour  Haddad ", "password": "violet kettle 93", "language": "fr", "time_zone": "Europe/Paris"}


def invite(*teams: Team, email: str = "nour@example.org", **changed: Any) -> Invitation:
    values = {"email": email, "role": Role.AGENT, "teams": teams or [make_team()], "language": "en", **changed}
    return invitations.invite_person(actor=SYSTEM, **values)


def path_of(invitation: Invitation) -> str:
    return "/" + invitations.link_of(invitation).split("/", 3)[3]


def test_who_accepts_is_signed_in_with_the_role_and_teams_they_were_given() -> None:
    team = make_team("Service")
    path = path_of(invite(team, role=Role.LEAD))
    client = Client()
    shown = client.get(path).content.decode()
    assert "nour@example.org" in shown
    response = client.post(path, ANSWERS)
    assert (response.status_code, response.headers["Location"]) == (302, "/")
    user = User.objects.get(email="nour@example.org")
    assert (user.name, user.role, user.language, list(user.teams.all())) == ("Nour Haddad", Role.LEAD, "fr", [team])
    assert user.check_password(ANSWERS["password"])
    assert client.get("/me/").status_code == 200
    event = Event.objects.get(kind="person.created")
    assert (event.actor_id, event.facts["role"]) == (user.pk, "lead")


def test_the_link_works_once() -> None:
    path = path_of(invite())
    Client().post(path, ANSWERS)
    response = Client().post(path, ANSWERS | {"name": "Somebody else"})
    assert response.status_code == 410
    assert b"was used" in response.content
    assert User.objects.filter(email="nour@example.org").count() == 1


@pytest.mark.parametrize("ended", ["expired", "withdrawn"])
def test_an_invitation_that_stands_no_more_says_why_and_makes_nobody(ended: str) -> None:
    invitation = invite()
    if ended == "expired":
        Invitation.objects.update(expires_at=clock.now() - timedelta(seconds=1))
    else:
        invitations.withdraw_invitation(actor=SYSTEM, invitation=invitation)
    response = Client().post(path_of(invitation), ANSWERS)
    assert response.status_code == 410
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("case", "changed", "words"),
    [
        ("short", {"password": "short"}, "too short"),
        ("common", {"password": "password1234567890"[:12]}, "too common"),
        ("no name", {"name": "   "}, "required"),
        ("no such zone", {"time_zone": "Mars/Olympus"}, "valid choice"),
    ],
)
def test_a_form_that_cannot_be_used_says_so_and_the_link_still_works(
    case: str, changed: dict[str, str], words: str
) -> None:
    path = path_of(invite())
    client = Client()
    response = client.post(path, ANSWERS | changed)
    assert response.status_code == 422, case
    assert words in response.content.decode(), case
    assert not User.objects.exists()
    assert client.post(path, ANSWERS).status_code == 302


def test_a_forged_link_is_nothing() -> None:
    invitation = invite()
    path = path_of(invitation)
    for forged in (path[:-2] + ("a" if path[-2] != "a" else "b") + "/", "/invitations/x/", "/invitations/é/"):
        assert Client().get(forged).status_code == 404


def test_guessing_is_slowed_down() -> None:
    client = Client()
    statuses = [client.get("/invitations/guess/").status_code for _ in range(70)]
    assert statuses[0] == 404
    assert statuses[-1] == 429


def test_asking_again_renews_the_open_invitation() -> None:
    first = invite(language="en")
    Invitation.objects.update(expires_at=clock.now() - timedelta(days=3))
    second = invite(language="fr", role=Role.AUDITOR, email="NOUR@example.org")
    assert first.pk == second.pk
    assert invitations.standing_of(second) == "pending"
    assert (second.language, second.role) == ("fr", Role.AUDITOR)


def test_who_is_here_already_is_not_invited() -> None:
    person = make_user(name="Nour", email="nour@example.org")
    with pytest.raises(InputError, match="here already"):
        invite()
    make_user(role=Role.ADMIN)
    deactivate_person(actor=SYSTEM, person=person)
    with pytest.raises(InputError, match="closed account"):
        invite()
    assert not Invitation.objects.exists()


def test_the_mail_is_in_the_language_of_the_invited_person() -> None:
    set_organisation(name="Ondavelle", language="fr", time_zone="Europe/Paris")
    by = make_user(name="Ada Admin", role=Role.ADMIN)
    row = invitations.invite_person(
        actor=actor_of(by), email="nour@example.org", role=Role.AGENT, teams=[], language="fr"
    )
    assert invitations.send_invitation(row) == ""
    sent = mail.outbox[0]
    assert sent.to == ["nour@example.org"]
    assert "Ondavelle" in sent.subject
    assert "Ada Admin vous invite" in sent.body
    assert invitations.link_of(row) in sent.body


def test_without_a_mail_server_the_link_is_to_be_copied(settings: Any) -> None:
    settings.EMAIL_BACKEND = invitations.CONSOLE
    assert "copy the link" in invitations.send_invitation(invite())
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 1  # nobody listens there
    assert "could not be sent" in invitations.send_invitation(invite())


def test_who_joins_where_a_second_factor_is_required_is_led_to_it() -> None:
    require_two_factor(actor=SYSTEM, required=True)
    client = Client()
    client.post(path_of(invite()), ANSWERS)
    assert client.get("/").headers["Location"] == "/accounts/2fa/"
