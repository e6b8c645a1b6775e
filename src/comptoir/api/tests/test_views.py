"""The settings pages: they work, they are for administrators, and secrets are shown once."""

import re
from typing import Any

import pytest
from django.test import Client

from comptoir.accounts.models import Role
from comptoir.accounts.services import actor_of
from comptoir.api import dispatch, webhooks
from comptoir.api.models import Token, Webhook, WebhookCall
from comptoir.api.tests.conftest import Caller, Counter
from comptoir.core import clock
from comptoir.testing.builders import make_user
from comptoir.testing.loopback import Answer, http_server

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(counter: Counter) -> Client:
    client = Client()
    client.force_login(counter.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


@pytest.fixture
def webhook(counter: Counter) -> Webhook:
    return webhooks.create_webhook(
        actor=actor_of(counter.user), user=counter.user, name="CRM", url="https://example.org/hook"
    )[0]


def test_a_token_is_made_shown_once_used_and_revoked(admin: Client) -> None:
    made = admin.post("/settings/api/tokens/", {"token-name": "Import", "token-scopes": ["read"]})
    secret = re.search(r"cpt_[\w-]{43}", made.content.decode())
    assert secret
    assert made.headers["Cache-Control"] == "no-store"
    assert Caller(secret[0])("GET", "/me").body["token"] == "Import"
    page = admin.get("/settings/api/").content.decode()
    assert "Import" in page
    assert secret[0] not in page
    token = Token.objects.get(name="Import")
    assert admin.post(f"/settings/api/tokens/{token.pk}/revocation/").status_code == 302
    assert Caller(secret[0])("GET", "/me").status == 401


def test_a_webhook_is_made_changed_and_removed(admin: Client) -> None:
    form = {"webhook-name": "CRM", "webhook-url": "https://example.org/a", "webhook-kinds": ["note.added"]}
    made = admin.post("/settings/api/webhooks/", form)
    assert re.search(r"whsec_[\w-]{43}", made.content.decode())
    row = Webhook.objects.get()
    path = f"/settings/api/webhooks/{row.pk}/"
    assert "whsec_" not in admin.get(path).content.decode()
    changed = admin.post(path, {"name": "CRM 2", "url": "https://example.org/b"})
    row.refresh_from_db()
    assert (changed.status_code, row.name, row.kinds, row.is_active) == (302, "CRM 2", [], False)
    assert admin.post(f"{path}deletion/").status_code == 302
    assert not Webhook.objects.exists()


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/settings/api/tokens/", {"token-name": "", "token-scopes": ["read"]}),
        ("/settings/api/tokens/", {"token-name": "x", "token-scopes": ["root"]}),
        ("/settings/api/webhooks/", {"webhook-name": "x", "webhook-url": "javascript:alert(1)"}),
        ("/settings/api/webhooks/", {"webhook-name": "x", "webhook-url": "https://a/", "webhook-kinds": ["y"]}),
    ],
)
def test_wrong_forms_come_back_with_their_error(admin: Client, path: str, form: dict[str, Any]) -> None:
    tokens = Token.objects.count()
    answer = admin.post(path, form)
    assert answer.status_code == 422
    assert 'class="error"' in answer.content.decode()
    assert (Token.objects.count(), Webhook.objects.count()) == (tokens, 0)


def test_the_log_shows_what_went_wrong_and_sends_again(admin: Client, counter: Counter) -> None:
    with http_server(lambda asked: Answer(410, b"<b>closed</b>")) as server:
        hook, _ = webhooks.create_webhook(actor=actor_of(counter.user), user=counter.user, name="x", url=server.url())
        dispatch.run_webhooks_once(clock.now())
        call = WebhookCall.objects.get()
        WebhookCall.objects.update(state="failed", finished_at=clock.now())
        page = admin.get(f"/settings/api/webhooks/{hook.pk}/").content.decode()
        assert "410: &lt;b&gt;closed&lt;/b&gt;" in page
        assert admin.post(f"/settings/api/calls/{call.pk}/replay/").status_code == 302
        dispatch.run_webhooks_once(clock.now())
        again = [asked for asked in server.asked if asked.headers["comptoir-delivery"] == str(call.pk)]
        assert len(again) == 2


PAGES: list[tuple[str, str]] = [
    ("GET", "/settings/api/"),
    ("POST", "/settings/api/tokens/"),
    ("POST", "/settings/api/tokens/{token}/revocation/"),
    ("POST", "/settings/api/webhooks/"),
    ("GET", "/settings/api/webhooks/{webhook}/"),
    ("POST", "/settings/api/webhooks/{webhook}/"),
    ("POST", "/settings/api/webhooks/{webhook}/deletion/"),
    ("POST", "/settings/api/calls/{call}/replay/"),
]


@pytest.mark.parametrize(("method", "template"), PAGES)
@pytest.mark.parametrize("role", [Role.AGENT, Role.LEAD, Role.AUDITOR])
def test_others_are_refused_and_nothing_changes(
    counter: Counter, webhook: Webhook, method: str, template: str, role: str
) -> None:
    call = WebhookCall.objects.create(webhook=webhook, event_id=1, state="failed", due_at=clock.now())
    path = template.format(token=Token.objects.all()[0].pk, webhook=webhook.pk, call=call.pk)
    client = Client()
    client.force_login(
        make_user(counter.team, role=role), backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    form = {"token-name": "x", "token-scopes": "read", "webhook-name": "x", "webhook-url": "https://a/", "name": "y"}
    before = (
        Token.objects.filter(revoked_at=None).count(),
        Webhook.objects.get().name,
        WebhookCall.objects.get().state,
    )
    assert client.generic(method, path, "").status_code == 403
    assert client.post(path, form).status_code in {403, 405}
    after = (Token.objects.filter(revoked_at=None).count(), Webhook.objects.get().name, WebhookCall.objects.get().state)
    assert after == before


@pytest.mark.parametrize(("method", "template"), PAGES)
def test_the_wrong_method_is_refused(admin: Client, webhook: Webhook, method: str, template: str) -> None:
    call = WebhookCall.objects.create(webhook=webhook, event_id=1, state="failed", due_at=clock.now())
    path = template.format(token=Token.objects.all()[0].pk, webhook=webhook.pk, call=call.pk)
    assert admin.generic("DELETE", path).status_code == 405
    assert Webhook.objects.exists()


def test_the_documentation_is_public_names_every_address_and_needs_no_script(client: Client) -> None:
    page = client.get("/api/v1/docs")
    schema = client.get("/api/v1/openapi.json").json()
    text = page.content.decode()
    assert page.status_code == 200
    assert "<script" not in text
    assert " style=" not in text
    assert all(path in text for path in schema["paths"])
    assert client.get("/api/v1/docs?lang=fr").status_code == 200
