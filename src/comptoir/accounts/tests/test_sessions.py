"""Where a person is signed in: noted, shown, ended at once; nobody sees or ends somebody else's."""

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from comptoir.accounts import sessions
from comptoir.accounts.models import StaffSession, User
from comptoir.accounts.queries import sessions_of
from comptoir.journal.models import Event
from comptoir.testing.builders import make_team, make_user

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"


def signed_in(user: User, agent: str = FIREFOX) -> Client:
    client = Client(headers={"User-Agent": agent})
    client.force_login(user)
    client.get("/me/")
    return client


def test_a_session_is_noted_with_its_device_and_shown_to_its_person() -> None:
    user = make_user(make_team())
    client = signed_in(user)
    row = StaffSession.objects.get()
    assert (row.user, row.address, row.agent) == (user, "127.0.0.1", FIREFOX)
    page = client.get("/me/sessions/").content.decode()
    assert "Firefox on Linux" in page
    assert "This one" in page


def test_a_session_is_noted_at_most_once_in_five_minutes() -> None:
    noted = sessions.Noted()
    due = [noted.is_due("a", second=second) for second in (0.0, 1.0, 299.0, 300.0, 301.0)]
    assert due == [True, False, False, True, False]
    assert noted.is_due("b", second=301.0)


def test_one_session_or_all_others_are_ended_at_once() -> None:
    user = make_user(make_team())
    here, there, elsewhere = signed_in(user), signed_in(user), signed_in(user)
    other = StaffSession.objects.get(session_key=there.session.session_key)
    assert here.post(f"/me/sessions/{other.pk}/ending/").status_code == 302
    assert there.get("/me/").status_code == 302
    assert elsewhere.get("/me/").status_code == 200
    here.post("/me/sessions/endings/")
    assert elsewhere.get("/me/").status_code == 302
    assert here.get("/me/").status_code == 200
    assert [event.facts["count"] for event in Event.objects.filter(kind="session.ended")] == [1, 1]


def test_a_session_of_somebody_else_is_neither_shown_nor_ended() -> None:
    user, other = make_user(make_team()), make_user(make_team())
    client, theirs = signed_in(user), signed_in(other, "Mozilla/5.0 (iPhone) Safari/604.1")
    row = StaffSession.objects.get(user=other)
    assert "iPhone" not in client.get("/me/sessions/").content.decode()
    assert client.post(f"/me/sessions/{row.pk}/ending/").status_code == 404
    assert theirs.get("/me/").status_code == 200
    assert not Event.objects.exists()


def test_a_session_that_is_over_is_history() -> None:
    user = make_user(make_team())
    signed_in(user)
    Session.objects.all().delete()
    assert not sessions_of(user).exists()
    assert StaffSession.objects.filter(user=user).exists()  # it tells when they were last seen
