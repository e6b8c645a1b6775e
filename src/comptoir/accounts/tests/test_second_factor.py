"""The second factor, through allauth's pages as ours: set up, asked for, recovered, required, removed."""

import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.test import Client

from comptoir.accounts.models import Role, User
from comptoir.accounts.services import require_two_factor
from comptoir.journal.models import Event
from comptoir.journal.services import SYSTEM
from comptoir.testing.builders import PASSWORD, make_passkey, make_team, make_user

pytestmark = pytest.mark.django_db


def code_of(secret: str, *, step: int = 0) -> str:
    """Return the six digits that an application shows now (RFC 6238)."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + step)))


def signed_in(user: User) -> Client:
    client = Client()
    response = client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    assert response.status_code == 302, response.content
    return client


def confirmed(client: Client, path: str) -> Any:
    """Open a page that asks for the password first, and give it."""
    response = client.get(path)
    assert response.headers["Location"].startswith("/accounts/reauthenticate/"), response.headers
    return client.post(response.headers["Location"], {"password": PASSWORD}, follow=True)


def set_up(client: Client) -> str:
    """Set up an application; return its secret."""
    page = confirmed(client, "/accounts/2fa/totp/activate/")
    secret = str(page.context["form"].secret)
    response = client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)})
    assert response.headers["Location"] == "/accounts/2fa/recovery-codes/", response.content
    return secret


def test_an_application_is_set_up_and_asked_for_at_the_next_sign_in() -> None:
    user = make_user(make_team())
    secret = set_up(signed_in(user))
    stored = Authenticator.objects.get(type=Authenticator.Type.TOTP)
    assert secret not in str(stored.data)  # INV-08
    client = signed_in(user)
    assert client.get("/").headers["Location"].startswith("/accounts/login/")  # not yet
    assert b"recovery code" in client.get("/accounts/2fa/authenticate/").content
    wrong = client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert wrong.status_code == 200
    right = client.post("/accounts/2fa/authenticate/", {"code": code_of(secret, step=1)})
    assert right.headers["Location"] == "/"
    assert client.get("/").status_code == 200


def test_a_recovery_code_opens_the_account_once() -> None:
    user = make_user(make_team())
    setting = signed_in(user)
    set_up(setting)
    code = setting.get("/accounts/2fa/recovery-codes/").context["unused_codes"][0]
    assert code in setting.get("/accounts/2fa/recovery-codes/download/").content.decode()
    first, second = signed_in(user), signed_in(user)
    assert first.post("/accounts/2fa/authenticate/", {"code": code}).headers["Location"] == "/"
    assert second.post("/accounts/2fa/authenticate/", {"code": code}).status_code == 200


def test_each_change_of_what_protects_an_account_is_an_event(django_capture_on_commit_callbacks: Any) -> None:
    user = make_user(make_team())
    client = signed_in(user)
    with django_capture_on_commit_callbacks(execute=True):
        set_up(client)
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/accounts/2fa/recovery-codes/generate/")
    client.post("/accounts/2fa/totp/deactivate/")
    kinds = list(Event.objects.filter(actor_id=user.pk).order_by("id").values_list("kind", flat=True))
    assert kinds == ["person.totp_added", "person.recovery_codes_drawn", "person.totp_removed"]


def test_who_owes_a_second_factor_is_led_to_its_set_up_and_let_go_afterwards() -> None:
    require_two_factor(actor=SYSTEM, required=True)
    client = signed_in(make_user(make_team()))
    assert client.get("/").headers["Location"] == "/accounts/2fa/"
    fragment = client.get("/", headers={"HX-Request": "true"})
    assert (fragment.status_code, fragment.headers["HX-Redirect"]) == (401, "/accounts/2fa/")
    assert "requires a second factor" in client.get("/accounts/2fa/").content.decode()
    set_up(client)
    assert client.get("/").status_code == 200


def test_who_has_one_or_need_not_have_one_is_not_led_anywhere() -> None:
    assert signed_in(make_user(make_team())).get("/").status_code == 200
    require_two_factor(actor=SYSTEM, required=True)
    led = signed_in(make_user(make_team()))
    require_two_factor(actor=SYSTEM, required=False)
    assert led.get("/").status_code == 200


def test_the_last_second_factor_stays_while_it_is_required() -> None:
    user = make_user(make_team())
    client = signed_in(user)
    set_up(client)
    require_two_factor(actor=SYSTEM, required=True)
    response = client.post("/accounts/2fa/totp/deactivate/")
    assert response.status_code == 200
    assert Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists()


def test_who_removes_the_last_passkey_is_led_to_the_set_up_again() -> None:
    user = make_user(make_team())
    client = signed_in(user)
    key = make_passkey(user)
    require_two_factor(actor=SYSTEM, required=True)
    path = f"/accounts/2fa/webauthn/keys/{key.pk}/remove/"
    confirmed(client, path)
    assert client.post(path).status_code == 302
    assert client.get("/").headers["Location"] == "/accounts/2fa/"


def test_a_passkey_of_somebody_else_does_not_exist() -> None:
    user = make_user(make_team())
    key = make_passkey(make_user(make_team(), role=Role.ADMIN), name="Theirs")
    client = signed_in(user)
    for verb in ("remove", "edit"):
        path = f"/accounts/2fa/webauthn/keys/{key.pk}/{verb}/"
        assert confirmed(client, path).status_code == 404
        assert client.post(path, {"name": "Mine"}).status_code == 404
        client.post("/accounts/logout/")
        client = signed_in(user)
    assert Authenticator.objects.get(pk=key.pk).data["name"] == "Theirs"


def test_wrong_codes_are_slowed_down_like_wrong_passwords() -> None:
    user = make_user(make_team())
    set_up(signed_in(user))
    client = signed_in(user)
    for _ in range(6):
        answer = client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert "Too many" in answer.content.decode()
