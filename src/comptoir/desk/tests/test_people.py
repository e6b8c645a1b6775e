"""The screens of people, teams and security: administrators change, leads and auditors look, others are sent away."""

import pytest
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client

from comptoir.accounts import invitations
from comptoir.accounts.models import Invitation, Organisation, Role, SignOn, Team, User
from comptoir.accounts.services import actor_of
from comptoir.api.services import create_token
from comptoir.channels.models import ChannelAccount
from comptoir.conversations.models import Conversation, State
from comptoir.core import clock
from comptoir.desk.settings_pages import GROUPS, groups_for
from comptoir.desk.tests.conftest import Cast
from comptoir.journal.models import Event
from comptoir.journal.services import SYSTEM
from comptoir.knowledge.models import SavedReply
from comptoir.testing import builders

ADMIN_POSTS = (
    "people/invitations/", "people/{person}/place/", "people/{person}/closure/", "people/{person}/reopening/",
    "people/{person}/sign-out/", "people/{person}/second-factor-removal/", "teams/", "teams/{team}/",
    "teams/{team}/members/", "teams/{team}/inboxes/", "teams/{team}/deletion/", "security/", "security/sign-on/",
)  # fmt: skip


def text(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def kinds() -> list[str]:
    return list(Event.objects.order_by("id").values_list("kind", flat=True))


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (Role.AGENT, []),
        (Role.LEAD, ["people", "teams"]),
        (Role.AUDITOR, ["people", "teams", "audit"]),
        (Role.ADMIN, ["people", "teams", "security", "audit", "api_settings"]),
    ],
)
def test_everybody_is_offered_what_they_may_open_and_no_more(cast: Cast, role: str, expected: list[str]) -> None:
    user = builders.make_user(cast.team, role=role)
    offered = [page.url for group in groups_for(user) for page in group.pages]
    assert [url for url in offered if url in {"people", "teams", "security", "audit", "api_settings"}] == expected
    client = cast.client(user)
    index = text(client, "/settings/")
    for page in ("people", "teams", "security", "audit"):
        assert (f'href="/settings/{page}/"' in index) is (page in expected)
    assert 'href="/replies/"' in index  # everybody has texts, views and opening hours to look at


def test_every_page_of_settings_opens_for_an_administrator(cast: Cast) -> None:
    from django.urls import reverse

    client = cast.client(cast.admin)
    for group in GROUPS:
        for page in group.pages:
            assert client.get(reverse(page.url)).status_code == 200, page.url
            assert page.help


def test_an_administrator_sees_everybody_with_role_teams_proof_and_when_they_were_seen(cast: Cast) -> None:
    builders.make_passkey(cast.colleague)
    cast.client(cast.colleague).get("/me/")
    page = text(cast.client(cast.admin), "/settings/people/")
    for name in ("Camille Roux", "Tom Okafor", "Sam Stranger", "Lea Lead"):
        assert name in page
    assert "Passkey" in page
    assert "Never" in page


def test_a_lead_and_an_auditor_see_their_own_team_and_change_nothing(cast: Cast) -> None:
    for role in (Role.LEAD, Role.AUDITOR):
        user = builders.make_user(cast.team, role=role)
        client = cast.client(user)
        page = text(client, "/settings/people/")
        assert "Tom Okafor" in page
        assert "Sam Stranger" not in page
        assert "Invite" not in page
        assert client.get(f"/settings/people/{cast.agent.pk}/").status_code == 200
        assert client.get(f"/settings/people/{cast.stranger.pk}/").status_code == 404
        assert "Elsewhere" not in text(client, "/settings/teams/")
        assert client.get(f"/settings/teams/{cast.team.pk}/").status_code == 200
        elsewhere = Team.objects.get(name="Elsewhere")
        assert client.get(f"/settings/teams/{elsewhere.pk}/").status_code == 404


@pytest.mark.parametrize("path", ADMIN_POSTS)
@pytest.mark.parametrize("role", [Role.AGENT, Role.LEAD, Role.AUDITOR])
def test_only_administrators_change_people_and_teams(cast: Cast, role: str, path: str) -> None:
    client = cast.client(builders.make_user(cast.team, role=role))
    data = {
        "email": "x@example.org", "role": "admin", "teams": [cast.team.pk], "language": "en", "name": "X",
        "department": "other", "add": cast.stranger.pk, "account": cast.account.pk, "required": "1",
    }  # fmt: skip
    before = list(User.objects.order_by("pk").values("role", "is_active")), list(Team.objects.values())
    url = "/settings/" + path.format(person=cast.colleague.pk, team=cast.team.pk)
    assert client.post(url, data).status_code == 403
    assert (list(User.objects.order_by("pk").values("role", "is_active")), list(Team.objects.values())) == before
    assert kinds() == []
    assert not Invitation.objects.exists()


def test_an_invitation_is_mailed_listed_with_its_link_sent_again_and_withdrawn(cast: Cast) -> None:
    client = cast.client(cast.admin)
    data = {"email": "Nour@Example.org", "role": "lead", "teams": [cast.team.pk], "language": "fr"}
    page = client.post("/settings/people/invitations/", data, follow=True).content.decode()
    row = Invitation.objects.get()
    assert "on its way to nour@example.org" in page
    assert invitations.link_of(row) in page
    assert client.get("/settings/people/").headers["Cache-Control"] == "no-store"
    client.post(f"/settings/people/invitations/{row.pk}/renewal/")
    assert [sent.to for sent in mail.outbox] == [["nour@example.org"]] * 2
    client.post(f"/settings/people/invitations/{row.pk}/withdrawal/")
    client.get("/settings/people/")  # the notice of what was done is shown once
    assert "nour@example.org" not in text(client, "/settings/people/")
    again = client.post(f"/settings/people/invitations/{row.pk}/renewal/", follow=True).content.decode()
    assert "accepted or withdrawn already" in again
    assert kinds() == ["person.invited", "person.invited", "person.invitation_withdrawn"]


@pytest.mark.parametrize(
    ("case", "data", "words"),
    [
        ("not an address", {"email": "nour", "role": "agent", "language": "en"}, "valid email"),
        ("somebody who is here", {"email": "here@example.org", "role": "agent", "language": "en"}, "is here already"),
        ("no such role", {"email": "n@example.org", "role": "king", "language": "en"}, "valid choice"),
    ],
)
def test_an_invitation_that_cannot_be_sent_keeps_what_was_typed(
    cast: Cast, case: str, data: dict[str, str], words: str
) -> None:
    builders.make_user(email="here@example.org")
    response = cast.client(cast.admin).post("/settings/people/invitations/", data)
    page = response.content.decode()
    assert response.status_code == 422, case
    assert words in page, case
    assert data["email"] in page, case
    assert not Invitation.objects.exists()


def test_closing_an_account_ends_sessions_and_tokens_and_releases_what_was_in_hand(cast: Cast) -> None:
    team, person = cast.team, cast.colleague
    builders.make_conversation(cast.account, assignee=person)
    builders.make_conversation(cast.account, assignee=person, state=State.PENDING)
    solved = builders.make_conversation(cast.account, assignee=person, state=State.SOLVED)
    theirs = cast.client(person)
    theirs.get("/me/")
    secret = create_token(actor=SYSTEM, user=person, name="t", scopes=["read"])
    admin = cast.client(cast.admin)
    page = admin.post(f"/settings/people/{person.pk}/closure/", follow=True).content.decode()
    assert "2 conversations were released" in page
    assert theirs.get("/me/").status_code == 302
    assert not Session.objects.filter(session_key=theirs.session.session_key).exists()
    assert Client(headers={"Authorization": f"Bearer {secret}"}).get("/api/v1/me").status_code == 401
    assert list(Conversation.objects.filter(assignee=person)) == [solved]
    assert kinds().count("conversation.assigned") == 2
    assert "person.deactivated" in kinds()
    admin.post(f"/settings/people/{person.pk}/reopening/")
    assert cast.client(User.objects.get(pk=person.pk)).get("/me/").status_code == 200
    assert set(person.teams.all()) == {team}


def test_who_leaves_a_team_lets_go_of_its_conversations_alone(cast: Cast) -> None:
    other = builders.make_team("Press")
    person = builders.make_user(cast.team, other)
    here = builders.make_conversation(cast.account, assignee=person)
    there = builders.make_conversation(cast.account, team=other, assignee=person)
    data = {"role": "agent", "teams": [other.pk]}
    page = cast.client(cast.admin).post(f"/settings/people/{person.pk}/place/", data, follow=True).content.decode()
    assert "1 conversation was released" in page
    assert [Conversation.objects.get(pk=row.pk).assignee_id for row in (here, there)] == [None, person.pk]


def test_who_becomes_an_auditor_lets_go_of_everything_and_is_offered_no_work(cast: Cast) -> None:
    mine = builders.make_conversation(cast.account, assignee=cast.colleague)
    data = {"role": "auditor", "teams": [cast.team.pk]}
    cast.client(cast.admin).post(f"/settings/people/{cast.colleague.pk}/place/", data)
    assert Conversation.objects.get(pk=mine.pk).assignee is None
    client = cast.client(User.objects.get(pk=cast.colleague.pk))
    page = text(client, f"/conversations/{mine.pk}/")
    assert "Hello, my line has been dead" in page
    assert "data-composer" not in page
    assert "data-reads" in page  # the stylesheet takes the buttons away
    assert "data-reads" not in text(cast.client(), "/me/")
    offered = text(cast.client(), f"/conversations/{mine.pk}/")
    assert f'name="assignee" value="{cast.agent.pk}"' in offered
    assert f'name="assignee" value="{cast.colleague.pk}"' not in offered
    cast.client().post(f"/conversations/{mine.pk}/assignment/", {"assignee": cast.colleague.pk})
    assert Conversation.objects.get(pk=mine.pk).assignee is None


def test_the_last_administrator_reads_why_they_stay(cast: Cast) -> None:
    User.objects.filter(pk=cast.stranger.pk).update(role=Role.AGENT)
    client = cast.client(cast.admin)
    place = f"/settings/people/{cast.admin.pk}/place/"
    page = client.post(place, {"role": "agent", "teams": [cast.team.pk]}, follow=True).content.decode()
    assert "last administrator" in page
    assert User.objects.get(pk=cast.admin.pk).role == Role.ADMIN
    assert kinds() == []


def test_a_team_is_made_filled_and_given_an_inbox(cast: Cast) -> None:
    client = cast.client(cast.admin)
    made = client.post("/settings/teams/", {"name": "Press", "department": "pr"})
    team = Team.objects.get(name="Press")
    assert made.headers["Location"] == f"/settings/teams/{team.pk}/"
    assert "Nobody yet" in text(client, f"/settings/teams/{team.pk}/")
    client.post(f"/settings/teams/{team.pk}/members/", {"add": cast.agent.pk})
    client.post(f"/settings/teams/{team.pk}/inboxes/", {"account": cast.account.pk})
    assert ChannelAccount.objects.get(pk=cast.account.pk).team == team
    assert Conversation.objects.get(pk=cast.conversation.pk).team == cast.team  # what exists stays
    page = text(client, f"/settings/teams/{team.pk}/")
    assert "Camille Roux" in page
    client.post(f"/settings/teams/{team.pk}/members/", {"remove": cast.agent.pk})
    assert set(cast.agent.teams.all()) == {cast.team}
    assert kinds() == ["team.created", "team.member_added", "account.routed", "team.member_removed"]


@pytest.mark.parametrize("number", ["", "x", "99999999", "9" * 30])
def test_a_choice_that_is_not_in_the_list_is_refused(cast: Cast, number: str) -> None:
    client = cast.client(cast.admin)
    for path, name in (("members", "add"), ("members", "remove"), ("inboxes", "account")):
        page = client.post(f"/settings/teams/{cast.team.pk}/{path}/", {name: number}, follow=True)
        assert "Choose one from the list" in page.content.decode()
    assert kinds() == []


def test_a_team_with_inboxes_or_conversations_is_not_removed(cast: Cast) -> None:
    client = cast.client(cast.admin)
    path = f"/settings/teams/{cast.team.pk}/deletion/"
    assert "inboxes deliver to this team" in client.post(path, follow=True).content.decode()
    other = Team.objects.get(name="Elsewhere")
    client.post(f"/settings/teams/{other.pk}/inboxes/", {"account": cast.account.pk})
    assert "still has 1 conversation" in client.post(path, follow=True).content.decode()
    Conversation.objects.filter(pk=cast.conversation.pk).update(team=other)
    reply = SavedReply.objects.create(name="Ours", changed_at=clock.now())
    reply.teams.set([cast.team])
    assert "team’s alone" in client.post(path, follow=True).content.decode()  # it would become everybody's
    reply.teams.set([cast.team, other])
    assert client.post(path).headers["Location"] == "/settings/teams/"
    assert not Team.objects.filter(pk=cast.team.pk).exists()


def test_a_second_factor_is_required_by_an_administrator(cast: Cast) -> None:
    client = cast.client(cast.admin)
    assert "5 people have a password" in text(client, "/settings/security/")
    client.post("/settings/security/", {"required": "1"})
    assert Organisation.objects.get().requires_two_factor
    client.post("/settings/security/", {"required": "0"})
    assert not Organisation.objects.get().requires_two_factor
    assert kinds() == ["organisation.two_factor_required"] * 2


def test_the_sign_on_is_set_up_and_its_secret_is_never_shown(cast: Cast) -> None:
    client = cast.client(cast.admin)
    data = {
        "label": "Sign in with Acme", "issuer": "https://login.acme.example/", "client_id": "c", "secret": "s3cret",
        "domains": "acme.example", "role": "agent", "is_active": "on",
    }  # fmt: skip
    refused = client.post("/settings/security/sign-on/", data | {"issuer": "http://login.acme.example"})
    assert refused.status_code == 422
    assert "https://" in refused.content.decode()
    assert not SignOn.objects.exists()
    page = client.post("/settings/security/sign-on/", data, follow=True).content.decode()
    row = SignOn.objects.get()
    assert (row.issuer, row.domains) == ("https://login.acme.example", ["acme.example"])
    assert "s3cret" not in page
    assert "/accounts/sign-on/callback/" in page


def test_an_administrator_helps_somebody_who_lost_a_key(cast: Cast) -> None:
    builders.make_passkey(cast.agent)
    theirs = cast.client()
    theirs.get("/me/")
    client = cast.client(cast.admin)
    client.post(f"/settings/people/{cast.agent.pk}/second-factor-removal/")
    client.post(f"/settings/people/{cast.agent.pk}/sign-out/")
    assert theirs.get("/me/").status_code == 302
    assert kinds() == ["person.second_factor_removed", "session.ended"]


def test_a_token_of_an_auditor_can_only_read(cast: Cast) -> None:
    from comptoir.core.errors import InputError

    auditor = builders.make_user(cast.team, role=Role.AUDITOR)
    with pytest.raises(InputError, match="only read"):
        create_token(actor=actor_of(auditor), user=auditor, name="t", scopes=["read", "write"])
