"""From an empty installation to a mailbox that works: who may begin, what is filled in, what each step says."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from comptoir.accounts import founding
from comptoir.accounts.models import Organisation, Role, User
from comptoir.channels.email.providers import PROVIDERS, likely_servers, provider_of, servers
from comptoir.channels.models import ChannelAccount
from comptoir.desk.tests.conftest import Cast
from comptoir.inbound.models import RecordState
from comptoir.journal.models import Event
from comptoir.testing import builders

WORDS = {
    "organisation": "Acme", "language": "fr", "time_zone": "Europe/Paris", "name": "Ada Martin",
    "email": "Ada@acme.example", "password": "trois mots faciles",
}  # fmt: skip
HERE = {"HTTP_HOST": "localhost:8000", "REMOTE_ADDR": "127.0.0.1"}
AWAY = {"HTTP_HOST": "desk.example.org", "REMOTE_ADDR": "198.51.100.7"}


@pytest.fixture(autouse=True)
def _fresh_limits(db: None) -> None:
    cache.clear()


def test_the_first_visit_leads_to_the_guide() -> None:
    assert Client().get("/").headers["Location"] == "/setup/"
    page = Client(**HERE).get("/setup/").content.decode()
    assert "Welcome" in page and 'name="code"' not in page


def test_whoever_sits_at_the_machine_begins_and_is_signed_in() -> None:
    client = Client(**HERE)
    response = client.post("/setup/", WORDS)
    assert response.headers["Location"] == "/setup/mailbox/"
    user = User.objects.get()
    assert (user.email, user.role, user.language) == ("ada@acme.example", Role.ADMIN, "fr")
    assert [team.name for team in user.teams.all()] == ["Service client"]
    assert Organisation.objects.get().name == "Acme"
    assert set(Event.objects.values_list("kind", flat=True)) == {"person.created", "organisation.founded"}
    assert client.get("/setup/mailbox/").status_code == 200
    assert client.get("/setup/").status_code == 200


@pytest.mark.parametrize(
    ("case", "headers"),
    [
        ("another machine", AWAY),
        ("a proxy on this machine", HERE | {"HTTP_X_FORWARDED_FOR": "198.51.100.7"}),
        ("a name that points here", HERE | {"HTTP_HOST": "evil.example.org"}),
        ("a name that begins like ours", HERE | {"HTTP_HOST": "localhost.example.org"}),
    ],
)
@pytest.mark.parametrize("code", ["", "AAAA-BBBB-CCCC", "é"])
def test_from_elsewhere_nothing_begins_without_the_code(case: str, headers: dict[str, str], code: str) -> None:
    response = Client(**headers).post("/setup/", WORDS | {"code": code})
    assert response.status_code == 422
    assert not User.objects.exists() and not Event.objects.exists() and not Organisation.objects.exists()


def test_the_code_of_the_console_opens_however_it_is_typed() -> None:
    code = founding.founding_code()
    assert code in Client(**AWAY).get("/setup/", {"code": code}).content.decode()
    response = Client(**AWAY).post("/setup/", WORDS | {"code": code.lower().replace("-", " ")})
    assert response.status_code == 302 and User.objects.count() == 1


def test_codes_cannot_be_guessed_one_after_the_other() -> None:
    client = Client(**AWAY)
    for _ in range(10):
        client.post("/setup/", WORDS | {"code": "AAAA-BBBB-CCCC"})
    response = client.post("/setup/", WORDS | {"code": founding.founding_code()})
    assert response.status_code == 422 and not User.objects.exists()


@pytest.mark.parametrize("wrong", [{"password": "short"}, {"email": "none"}, {"time_zone": "Mars/Base"}, {"name": ""}])
def test_what_is_wrong_is_said_and_nothing_is_made(wrong: dict[str, str]) -> None:
    response = Client(**HERE).post("/setup/", WORDS | wrong)
    assert response.status_code == 422 and "error" in response.content.decode()
    assert not User.objects.exists()


def test_the_door_closes_with_the_first_person(cast: Cast) -> None:
    people = User.objects.count()
    response = Client(**HERE).post("/setup/", WORDS | {"code": founding.founding_code()})
    assert response.headers["Location"].startswith("/accounts/login/")
    assert User.objects.count() == people
    with pytest.raises(Exception, match="administrator already"):
        founding.found(**WORDS)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("service@gmail.com", "gmail"),
        ("Service@Hotmail.FR ", "microsoft"),
        ("x@free.fr", "free"),
        ("x@wanadoo.fr", "orange"),
        ("x@ik.me", "infomaniak"),
        ("x@acme.example", None),
        ("gmail.com", "gmail"),
        ("", None),
    ],
)
def test_a_provider_is_known_by_its_addresses(address: str, name: str | None) -> None:
    found = provider_of(address)
    assert (found.name if found else None) == name


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_a_provider_brings_both_servers_and_a_note(name: str) -> None:
    provider = PROVIDERS[name]
    values = servers(provider)
    assert values["imap_host"] and values["smtp_host"] and provider.note()
    assert (values["imap_security"], values["smtp_security"]) != ("none", "none")
    assert likely_servers("x@acme.example") == {"imap_host": "imap.acme.example", "smtp_host": "smtp.acme.example"}


def connect(client: Client, cast: Cast, **more: Any) -> ChannelAccount:
    data = {"address": "service@gmail.com", "password": "app password", "team": cast.team.pk, "start": "new", **more}
    response = client.post("/setup/mailbox/", data)
    assert response.status_code == 302, response.content.decode()
    account = ChannelAccount.objects.get(kind="email")
    assert response.headers["Location"] == f"/setup/mailbox/{account.pk}/"
    return account


def test_a_known_address_needs_no_servers(cast: Cast) -> None:
    client = cast.client(cast.admin)
    account = connect(client, cast)
    assert account.options["imap_host"] == "imap.gmail.com" and account.options["start"] == "new"
    assert account.options["folders"] == "INBOX" and account.options["plus_addressing"] is False
    page = client.get(f"/setup/mailbox/{account.pk}/").content.decode()
    assert "app password" not in page
    fragment = client.get("/setup/mailbox/servers/", {"address": "x@free.fr"}).content.decode()
    assert "smtp.free.fr" in fragment and "SMTP authentifié" in fragment


def test_an_unknown_address_is_asked_for_its_servers(cast: Cast) -> None:
    client = cast.client(cast.admin)
    data = {"address": "service@acme.example", "password": "x", "team": cast.team.pk, "start": "new"}
    response = client.post("/setup/mailbox/", data)
    assert response.status_code == 422 and "Name the servers" in response.content.decode()
    assert not ChannelAccount.objects.filter(kind="email").exists()
    fragment = client.get("/setup/mailbox/servers/", {"address": "service@acme.example"}).content.decode()
    assert "imap.acme.example" in fragment and "a guess" in fragment


def test_each_step_says_what_to_do_and_settings_that_were_not_asked_stay(cast: Cast) -> None:
    client = cast.client(cast.admin)
    account = connect(
        client, cast, address="service@acme.example", imap_host="127.0.0.1", imap_port=9, imap_security="none"
    )
    account.options = account.options | {"folders": "INBOX\nSpam", "sent_folder": "Sent"}
    account.save()
    step = client.post(f"/setup/mailbox/{account.pk}/steps/0/").content.decode()
    assert "refuses connections on port 9" in step and "Change the settings" in step
    assert client.post(f"/setup/mailbox/{account.pk}/steps/5/").status_code == 404
    data = {"address": "service@acme.example", "password": "", "team": cast.team.pk, "start": "new",
            "provider": "other", "imap_host": "127.0.0.2", "imap_port": 143, "imap_security": "none"}  # fmt: skip
    assert client.post(f"/setup/mailbox/{account.pk}/", data).status_code == 302
    credentials = bytes(account.credentials)
    account.refresh_from_db()
    assert (account.options["imap_host"], account.options["folders"]) == ("127.0.0.2", "INBOX\nSpam")
    assert account.options["sent_folder"] == "Sent"
    assert credentials and account.credentials  # the password that was left empty is kept


def test_the_first_message_is_shown_when_it_has_come(cast: Cast) -> None:
    client = cast.client(cast.admin)
    account = connect(client, cast)
    assert "Nothing has come yet" in client.get(f"/setup/mailbox/{account.pk}/arrival/").content.decode()
    builders.make_conversation(account, subject="Imported")  # it has no record: it did not come in
    assert "Nothing has come yet" in client.get(f"/setup/mailbox/{account.pk}/arrival/").content.decode()
    message = builders.make_conversation(account, subject="A first one").messages.get()
    message.record = builders.make_record(account, state=RecordState.DONE, source="imap")
    message.save(update_fields=["record"])
    assert "A first one" in client.get(f"/setup/mailbox/{account.pk}/arrival/").content.decode()
    guide = client.get("/setup/").content.decode()
    assert "service@gmail.com" in guide
