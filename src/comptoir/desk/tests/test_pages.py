"""Search, contacts, the intake, the channels, a person's settings, and the pages that say what went wrong."""

import pytest
from django.test import Client, RequestFactory

from comptoir.accounts.models import User
from comptoir.channels.models import AccountHealth, ChannelAccount
from comptoir.contacts.models import Contact
from comptoir.core import clock
from comptoir.desk import errors
from comptoir.desk.tests.conftest import Cast
from comptoir.inbound.models import Record, RecordState
from comptoir.testing import builders


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("facture", True),
        ("factures", True),  # stemmed
        ("FACTURE PAYEE", True),  # accents and case do not matter
        ("etagere", True),
        ("étagère", True),
        ('"facture payée"', True),
        ('"payée facture"', False),
        ("facture -étagère", False),
        ("absent", False),
        ("' OR 1=1 --", False),
        ("&|!()*:", False),
    ],
)
def test_search_finds_words_in_every_form(cast: Cast, query: str, found: bool) -> None:
    text = "Ma facture payée deux fois, et l’étagère <i>cassée</i>"
    builders.make_message(cast.conversation, text=text, language="fr")
    page = cast.client().get("/search", {"q": query}).content.decode()
    assert ("deux fois" in page) is found


def test_found_words_are_marked_with_their_accents(cast: Cast) -> None:
    builders.make_message(cast.conversation, text="Une étagère <i>cassée</i>", language="fr")
    page = cast.client().get("/search", {"q": "etageres"}).content.decode()
    assert "Une <mark>étagère</mark> &lt;i&gt;cassée&lt;/i&gt;" in page


def test_search_shows_only_the_persons_teams(cast: Cast) -> None:
    assert "since this morning" in cast.client().get("/search?q=dead").content.decode()
    assert "since this morning" not in cast.client(cast.stranger).get("/search?q=dead").content.decode()


def test_search_goes_on_with_older_ones(cast: Cast) -> None:
    for number in range(25):
        builders.make_message(cast.conversation, text=f"zanzibar {number:02d}")
    client = cast.client()
    page = client.get("/search?q=zanzibar").content.decode()
    assert "</mark> 24" in page and "</mark> 04" not in page
    before = page.partition("before=")[2].partition('"')[0]
    assert "</mark> 04" in client.get(f"/search?q=zanzibar&before={before}").content.decode()


@pytest.mark.parametrize("query", ["mart", "MARTIN", "ada", "contact-ada", "ada mar"])
def test_contacts_are_found_by_name_and_address(cast: Cast, query: str) -> None:
    contact = builders.make_contact("Adá Martin", address="contact-ada@example.net")
    builders.make_conversation(cast.account, contact=contact)
    assert f"/contacts/{contact.pk}/" in cast.client().get("/contacts/", {"q": query}).content.decode()
    assert f"/contacts/{contact.pk}/" not in cast.client(cast.stranger).get("/contacts/", {"q": query}).content.decode()


def test_two_contacts_are_merged_and_parted_again(cast: Cast) -> None:
    other = builders.make_contact("Ada M.")
    builders.make_conversation(cast.account, contact=other)
    survivor = cast.conversation.contact
    client = cast.client()
    assert client.post(f"/contacts/{survivor.pk}/merges/", {"absorbed": str(other.pk)}).status_code == 302
    assert Contact.objects.get(pk=other.pk).merged_into == survivor
    assert client.get(f"/contacts/{other.pk}/").headers["Location"] == f"/contacts/{survivor.pk}/"
    merge = survivor.merges.get()
    assert client.post(f"/contacts/merges/{merge.pk}/undo/").status_code == 302
    assert Contact.objects.get(pk=other.pk).merged_into is None


def test_the_intake_shows_what_was_set_aside_and_replays_it(cast: Cast) -> None:
    record = builders.make_record(cast.account, raw=b"\xff\x00<script>", reason="Nested too deep.")
    builders.make_record(cast.account, state=RecordState.DONE, reason="never shown")
    client = cast.client(cast.lead)
    page = client.get("/intake/").content.decode()
    assert "Nested too deep." in page and "never shown" not in page
    assert "never shown" in client.get("/intake/?state=all").content.decode()
    assert "&lt;script&gt;" in client.get(f"/intake/{record.pk}/").content.decode()
    assert client.post("/intake/replays/", {"record": str(record.pk)}).status_code == 302
    assert Record.objects.get(pk=record.pk).state == RecordState.PENDING


@pytest.mark.parametrize(
    ("state", "expected"),
    [("failed", "a"), ("pending", "b"), ("ignored", "c"), ("done", "d"), ("all", "abcd"), ("nonsense", "abcd")],
)
def test_the_intake_by_state(cast: Cast, state: str, expected: str) -> None:
    states = [RecordState.FAILED, RecordState.PENDING, RecordState.IGNORED, RecordState.DONE]
    for letter, value in zip("abcd", states, strict=True):
        builders.make_record(cast.account, state=value, reason=f"reason-{letter}")
    page = cast.client(cast.lead).get(f"/intake/?state={state}").content.decode()
    assert "".join(letter for letter in "abcd" if f"reason-{letter}" in page) == expected


def test_a_long_intake_comes_in_pages(cast: Cast) -> None:
    for number in range(55):
        builders.make_record(cast.account, reason=f"reason-{number:02d}")
    client = cast.client(cast.lead)
    page = client.get("/intake/").content.decode()
    assert "reason-54" in page and "reason-04" not in page
    before = page.partition("before=")[2].partition('"')[0]
    rest = client.get(f"/intake/?before={before}").content.decode()
    assert "reason-04" in rest and "reason-05" not in rest


def test_all_of_an_account_are_replayed_and_nobody_elses(cast: Cast) -> None:
    mine = [builders.make_record(cast.account) for _ in range(3)]
    foreign = builders.make_record(builders.make_account(cast.stranger.teams.get()))
    cast.client(cast.lead).post("/intake/replays/", {"account": str(cast.account.pk)})
    assert set(Record.objects.filter(state=RecordState.PENDING)) == set(mine)
    assert Record.objects.get(pk=foreign.pk).state == RecordState.FAILED


def test_the_health_of_each_account_is_shown(cast: Cast) -> None:
    AccountHealth.objects.update(last_error="The server refuses the password.", last_error_at=clock.now())
    builders.make_record(cast.account, state=RecordState.PENDING, reason="")
    page = cast.client().get("/channels/").content.decode()
    assert "The server refuses the password." in page and "Stopped" in page
    assert "/channels/new/" not in page


def _account_form(cast: Cast, **more: str) -> dict[str, str]:
    return {
        "name": "Post office",
        "address": "post@example.org",
        "team": str(cast.team.pk),
        "f_secret": "hunter2",
        **more,
    }


def test_an_administrator_connects_an_account_and_its_secret_is_never_shown_again(cast: Cast) -> None:
    client = cast.client(cast.admin)
    response = client.post("/channels/new/sandbox/", _account_form(cast))
    assert response.status_code == 302, response.content.decode()
    account = ChannelAccount.objects.get(name="Post office")
    page = client.get(f"/channels/{account.pk}/").content.decode()
    assert "Post office" in page and "hunter2" not in page
    kept = bytes(account.credentials)
    response = client.post(f"/channels/{account.pk}/", _account_form(cast, name="Renamed", f_secret="", is_active="on"))
    assert response.status_code == 302, response.content.decode()
    account.refresh_from_db()
    from comptoir.core.crypto import decrypt_mapping

    assert account.name == "Renamed"
    assert decrypt_mapping(bytes(account.credentials)) == decrypt_mapping(kept)


def test_a_wrong_connect_form_is_shown_again_with_the_reason(cast: Cast) -> None:
    response = cast.client(cast.admin).post("/channels/new/sandbox/", {"name": ""})
    assert response.status_code == 422
    assert 'aria-invalid="true"' in response.content.decode()


def test_an_account_cannot_be_put_into_a_team_that_one_is_not_in(cast: Cast) -> None:
    foreign = cast.stranger.teams.get()
    response = cast.client(cast.admin).post("/channels/new/sandbox/", _account_form(cast, team=str(foreign.pk)))
    assert response.status_code == 422
    assert not ChannelAccount.objects.filter(name="Post office").exists()


def test_a_person_changes_their_own_settings(cast: Cast) -> None:
    client = cast.client()
    data = {"name": "Camille R.", "language": "fr", "time_zone": "America/Montreal", "theme": "dark"}
    assert client.post("/me/", data).status_code == 302
    assert User.objects.get(pk=cast.agent.pk).language == "fr"
    page = client.get("/me/").content.decode()
    assert '<html lang="fr" data-theme="dark">' in page
    assert client.post("/me/", data | {"time_zone": "Mars/Olympus"}).status_code == 422


def test_a_person_signs_in_with_their_address_in_any_case(cast: Cast) -> None:
    client = Client()
    assert "Sign in" in client.get("/accounts/login/").content.decode()
    wrong = client.post("/accounts/login/", {"login": cast.agent.email, "password": "wrong"})
    assert wrong.status_code == 200 and 'role="alert"' in wrong.content.decode()
    right = client.post("/accounts/login/", {"login": cast.agent.email.upper(), "password": builders.PASSWORD})
    assert (right.status_code, right.headers["Location"]) == (302, "/")
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    "path", ["login", "password/reset", "signup", "password/reset/done", "password/reset/key/done", "inactive"]
)
def test_every_page_of_signing_in_is_ours(db: None, path: str) -> None:
    response = Client().get(f"/accounts/{path}/")
    assert response.status_code == 200
    assert "auth-brand" in response.content.decode()


@pytest.mark.parametrize("path", ["logout", "password/change"])
def test_every_page_of_a_signed_in_person_is_ours(cast: Cast, path: str) -> None:
    assert "auth-brand" in cast.client().get(f"/accounts/{path}/").content.decode()


def test_a_missing_page_says_so_in_words(cast: Cast) -> None:
    response = cast.client().get("/conversations/99999999/")
    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


def test_a_mistake_of_ours_says_so_without_asking_the_database() -> None:
    response = errors.failed(RequestFactory().get("/"))
    assert response.status_code == 500
    assert "Something went wrong on our side" in response.content.decode()


def test_a_form_without_its_token_is_refused_in_words(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.agent)
    response = client.post(f"/conversations/{cast.conversation.pk}/state/", {"state": "solved"})
    assert response.status_code == 403
    assert "Nothing was changed" in response.content.decode()


def test_no_page_has_inline_style_or_script(cast: Cast) -> None:
    builders.make_message(cast.conversation, kind="out", user=cast.agent, delivery="failed")
    client = cast.client(cast.admin)
    for path in [
        "/",
        f"/conversations/{cast.conversation.pk}/",
        "/search?q=dead",
        "/contacts/",
        "/channels/",
        "/intake/",
        "/me/",
    ]:
        response = client.get(path)
        text = response.content.decode()
        assert "style=" not in text and "<script>" not in text and " onclick" not in text, path
        assert "'unsafe-inline'" not in response.headers["Content-Security-Policy"]
