"""Single sign-on against a real OpenID Connect provider on loopback."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client

from comptoir.accounts import signon
from comptoir.accounts.models import Role, SignOn, Team, User
from comptoir.accounts.services import deactivate_person, require_two_factor
from comptoir.accounts.signon import SignOnSettings
from comptoir.core import http
from comptoir.core.errors import InputError
from comptoir.journal.models import Event
from comptoir.journal.services import SYSTEM
from comptoir.testing.builders import PASSWORD, make_passkey, make_team, make_user
from comptoir.testing.openid import CLIENT_ID, CLIENT_SECRET, Provider, openid_provider

pytestmark = pytest.mark.django_db
VERIFIED = {"sub": "1", "email": "Ada@Acme.example", "email_verified": True, "name": "Ada Martin"}


@pytest.fixture
def provider() -> Iterator[Provider]:
    with openid_provider() as running:
        running.claims = dict(VERIFIED)
        yield running


def configure(provider: Provider, **changed: Any) -> SignOn:
    values = SignOnSettings(
        label="Sign in with Acme", issuer=provider.issuer, client_id=CLIENT_ID, secret=CLIENT_SECRET, domains=(),
        creates_people=False, role=Role.AGENT, team=None, is_active=True,
    )  # fmt: skip
    return signon.set_sign_on(actor=SYSTEM, values=replace(values, **changed))


def come(client: Client | None = None, start: str = "/accounts/sign-on/") -> tuple[Client, Any]:
    """Sign in at the provider as a browser would; return the browser and the last answer."""
    client = client or Client()
    away = client.get(start)
    assert away.status_code == 302, away.content
    back = http.get(away.headers["Location"])
    assert back.status == 302, back.body
    parts = urlsplit(back.headers["location"])
    return client, client.get(f"{parts.path}?{parts.query}")


def test_a_person_is_recognised_by_the_verified_address_and_then_by_the_subject(provider: Provider) -> None:
    configure(provider)
    person = make_user(make_team(), email="ada@acme.example")
    client, answer = come()
    assert answer.headers["Location"] == "/"
    assert client.get("/me/").context["user"] == person
    assert SocialAccount.objects.get().user == person
    assert User.objects.get(pk=person.pk).check_password(PASSWORD)  # allauth would have wiped it
    provider.claims["name"] = "Another name"
    _client, again = come()
    assert again.headers["Location"] == "/"
    assert Event.objects.filter(kind="person.linked").count() == 1
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("case", "claims"),
    [
        ("unverified", {"email_verified": False}),
        ("verified as a text", {"email_verified": "true"}),
        ("silent about it", {"email_verified": None}),
        ("no address", {"email": None}),
    ],
)
def test_an_address_that_the_provider_has_not_verified_opens_nothing(
    provider: Provider, case: str, claims: dict[str, Any]
) -> None:
    configure(provider, creates_people=True, team=make_team())
    make_user(email="ada@acme.example", role=Role.ADMIN)
    provider.claims |= claims
    client, answer = come()
    assert answer.status_code == 403, case
    assert client.get("/me/").status_code == 302
    assert not SocialAccount.objects.exists()
    assert User.objects.count() == 1


def test_only_the_allowed_domains_come_in_even_when_they_were_linked_before(provider: Provider) -> None:
    configure(provider)
    make_user(email="ada@acme.example")
    come()
    configure(provider, domains=["other.example"])
    client, answer = come()
    assert answer.status_code == 403
    assert "ada@acme.example" in answer.content.decode().lower()
    assert client.get("/me/").status_code == 302


def test_an_unknown_person_is_refused_or_made_as_the_settings_say(provider: Provider) -> None:
    configure(provider)
    _client, answer = come()
    assert answer.status_code == 403
    assert "no account" in answer.content.decode()
    assert not User.objects.exists()
    team = make_team("Service")
    configure(provider, creates_people=True, role=Role.LEAD, team=team)
    client, answer = come()
    assert answer.headers["Location"] == "/"
    person = User.objects.get()
    assert (person.email, person.name, person.role) == ("ada@acme.example", "Ada Martin", Role.LEAD)
    assert list(person.teams.all()) == [team]
    assert not person.has_usable_password()
    assert client.get("/").status_code == 200


def test_a_closed_account_stays_closed(provider: Provider) -> None:
    configure(provider)
    make_user(role=Role.ADMIN)
    person = make_user(email="ada@acme.example")
    deactivate_person(actor=SYSTEM, person=person)
    client, _answer = come()
    assert client.get("/me/").status_code == 302


@pytest.mark.parametrize(
    ("case", "lie"),
    [
        ("another issuer in the token", {"token_claims": {"iss": "https://evil.example"}}),
        ("for another client", {"token_claims": {"aud": "another"}}),
        ("too old", {"token_claims": {"exp": 1_000_000_000}}),
        ("a profile of somebody else", {"token_claims": {"sub": "2"}}),
        ("signed by somebody else", {"signing_key": rsa.generate_private_key(65537, 2048)}),
        ("without a subject", {"claims": {"email": "ada@acme.example", "email_verified": True}}),
    ],
)
def test_a_token_that_is_not_what_it_should_be_opens_nothing(
    provider: Provider, case: str, lie: dict[str, Any]
) -> None:
    configure(provider)
    make_user(email="ada@acme.example")
    for name, value in lie.items():
        setattr(provider, name, value)
    client, answer = come()
    assert answer.status_code in {403, 503}, case
    assert "could not be used" in answer.content.decode() or "does not answer" in answer.content.decode(), case
    assert client.get("/me/").status_code == 302
    assert not SocialAccount.objects.exists()


@pytest.mark.parametrize(
    ("case", "described"),
    [
        ("another name", {"issuer": "https://evil.example"}),
        ("a plain address abroad", {"token_endpoint": "http://evil.example/token"}),
        ("nowhere to go", {"authorization_endpoint": None}),
    ],
)
def test_a_provider_that_describes_itself_wrongly_is_not_followed(
    provider: Provider, case: str, described: dict[str, Any]
) -> None:
    configure(provider)
    provider.described = described
    answer = Client().get("/accounts/sign-on/")
    assert answer.status_code in {403, 503}, case


def test_a_provider_in_a_private_network_is_not_asked(provider: Provider, settings: Any) -> None:
    configure(provider)
    settings.ALLOWED_PRIVATE_HOSTS = []
    assert Client().get("/accounts/sign-on/").status_code in {403, 503}
    assert provider.server is not None
    assert provider.server.asked == []


def test_state_and_code_work_once_and_in_the_browser_that_asked(provider: Provider) -> None:
    configure(provider)
    make_user(email="ada@acme.example")
    mine = Client()
    back = http.get(mine.get("/accounts/sign-on/").headers["Location"])
    parts = urlsplit(back.headers["location"])
    assert parse_qs(parts.query).keys() == {"code", "state"}
    stolen = Client()
    assert stolen.get(f"{parts.path}?{parts.query}").status_code == 403
    assert stolen.get("/me/").status_code == 302
    assert mine.get(f"{parts.path}?{parts.query}").status_code == 302
    assert mine.get(f"{parts.path}?{parts.query}").status_code == 403


def test_whoever_is_signed_in_cannot_link_another_identity(provider: Provider) -> None:
    configure(provider)
    client = Client()
    client.force_login(make_user(make_team(), email="mallory@acme.example"))
    provider.claims["email_verified"] = False
    _client, answer = come(client, "/accounts/sign-on/?process=connect")
    assert answer.status_code == 403
    assert not SocialAccount.objects.exists()


def test_who_comes_by_single_sign_on_is_not_asked_for_a_second_factor_but_gives_the_one_they_have(
    provider: Provider,
) -> None:
    configure(provider)
    require_two_factor(actor=SYSTEM, required=True)
    person = make_user(make_team(), email="ada@acme.example")
    client, _answer = come()
    assert client.get("/").status_code == 200
    make_passkey(person)
    _client, answer = come()
    assert answer.headers["Location"] == "/accounts/2fa/authenticate/"


def test_the_button_is_on_the_sign_in_page_while_it_is_switched_on(provider: Provider) -> None:
    assert "Acme" not in Client().get("/accounts/login/").content.decode()
    configure(provider)
    assert "Sign in with Acme" in Client().get("/accounts/login/?next=/search").content.decode()
    configure(provider, is_active=False, secret="")
    assert "Acme" not in Client().get("/accounts/login/").content.decode()
    assert Client().get("/accounts/sign-on/").status_code == 404


def test_the_secret_is_encrypted_kept_and_never_shown(provider: Provider) -> None:
    configure(provider)
    row = configure(provider, secret="", label="Acme")
    assert signon.secret_of(row) == CLIENT_SECRET
    assert CLIENT_SECRET.encode() not in bytes(row.credentials)
    assert CLIENT_SECRET not in str(list(Event.objects.values()))


@pytest.mark.parametrize(
    ("case", "changed", "field"),
    [
        ("plain http abroad", {"issuer": "http://login.acme.example"}, "issuer"),
        ("no secret yet", {"secret": ""}, "secret"),
        ("nowhere to put people", {"creates_people": True}, "team"),
        ("administrators are not made by themselves", {"creates_people": True, "role": Role.ADMIN}, "team"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    provider: Provider, case: str, changed: dict[str, Any], field: str
) -> None:
    if "role" in changed:
        changed = {**changed, "team": Team.objects.create(name="Service")}
    with pytest.raises(InputError) as refused:
        configure(provider, **changed)
    assert refused.value.field == field, case
    assert not SignOn.objects.exists()


def test_a_person_who_turns_back_at_the_provider_reads_it(provider: Provider) -> None:
    configure(provider)
    client = Client()
    state = parse_qs(urlsplit(client.get("/accounts/sign-on/").headers["Location"]).query)["state"][0]
    answer = client.get(f"/accounts/sign-on/callback/?error=access_denied&state={state}")
    assert answer.status_code == 403
    assert "did not finish" in answer.content.decode()
