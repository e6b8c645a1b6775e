"""Passkeys and the settings area in a real browser: a virtual authenticator stands for the person's device."""

from collections.abc import Iterator
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings as configured
from django.db import connections

from comptoir.accounts.models import Role, User
from comptoir.testing import builders

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def site() -> Iterator[str]:
    """A passkey belongs to a name, never to a number: the site is asked as localhost."""
    from comptoir.testing.browser import running_site

    with running_site() as running:
        configured.PUBLIC_URL = running.url.replace("127.0.0.1", "localhost")
        yield configured.PUBLIC_URL
    connections.close_all()


@pytest.fixture
def admin() -> User:
    return builders.make_user(builders.make_team("Service"), name="Ada Admin", role=Role.ADMIN)


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(10_000)
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text) if "Security Policy" in message.text else None)
    yield page
    context.close()
    assert troubles == []


def give_device(page: Any) -> Any:
    """Plug a device in that keeps passkeys and recognises its holder."""
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    device.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return device


def sign_in(page: Any, site: str, user: User) -> None:
    page.goto(f"{site}/accounts/login/")
    page.fill("#id_login", user.email)
    page.fill("#id_password", builders.PASSWORD)
    page.click("form[action*='login'] button.btn-primary")
    page.wait_for_url(lambda url: "/accounts/login/" not in url)


def test_a_passkey_is_added_and_signs_in_without_a_password(page: Any, site: str, admin: User) -> None:
    give_device(page)
    sign_in(page, site, admin)
    page.goto(f"{site}/accounts/2fa/webauthn/add/")
    page.fill("input[name=password]", builders.PASSWORD)
    page.click("button.btn-primary")
    page.fill("#id_name", "Blue key")
    page.click("form[data-passkey=create] button.btn-primary")
    page.wait_for_url("**/accounts/2fa/recovery-codes/")
    assert Authenticator.objects.get(type=Authenticator.Type.WEBAUTHN).wrap().is_passwordless
    page.context.clear_cookies()
    page.goto(f"{site}/accounts/login/?next=/settings/people/")
    page.click("form[data-passkey=sign-in] button")
    page.wait_for_url(f"{site}/settings/people/")  # the whole address: that of the sign-in ends alike
    page.context.clear_cookies()
    sign_in(page, site, admin)  # with the password, the passkey is the second factor
    page.click("form[data-passkey=get] button")
    page.wait_for_url(f"{site}/")


def test_a_device_that_refuses_leaves_the_password(page: Any, site: str, admin: User) -> None:
    give_device(page)  # it holds no passkey of ours
    page.goto(f"{site}/accounts/login/")
    page.click("form[data-passkey=sign-in] button")
    page.wait_for_selector("[data-passkey-trouble]:not([hidden])")
    sign_in(page, site, admin)
    page.wait_for_url(f"{site}/")


def test_somebody_is_invited_and_joins_in_another_browser(page: Any, site: str, admin: User, chromium: Any) -> None:
    sign_in(page, site, admin)
    page.goto(f"{site}/settings/people/")
    page.click("details.drawer > summary")
    page.fill("#id_email", "nour@example.org")
    page.check("text=Service")
    page.click("details.drawer button.btn-primary")
    link = page.get_attribute("[data-copy]", "data-copy")
    assert link is not None
    other = chromium.new_context(locale="en-GB").new_page()
    other.goto(link)
    other.fill("#id_name", "Nour Haddad")
    other.fill("#id_password", "violet kettle 93")
    other.click("button.btn-primary")
    other.wait_for_url(f"{site}/")
    other.context.close()
    page.reload()
    assert page.is_visible("text=Nour Haddad")
