"""The settings pages of the API, for administrators: tokens, webhooks and the log of what was sent.

A secret is shown on the page that answers its making, which no cache keeps, and never again (INV-08).
"""

import re
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from comptoir.accounts.models import Role
from comptoir.accounts.services import actor_of
from comptoir.api import queries, services, webhooks
from comptoir.api.forms import TokenForm, WebhookForm
from comptoir.api.models import Token, Webhook, WebhookCall
from comptoir.api.rest import api
from comptoir.core.errors import InputError
from comptoir.desk.guard import person, staff

ADMINS = (Role.ADMIN,)


def _refuse(form: forms.Form, error: InputError) -> None:
    form.add_error(error.field if error.field in form.fields else None, str(error))


def _page(request: HttpRequest, *, status: int = 200, **extra: Any) -> HttpResponse:
    context = {
        "tokens": queries.all_tokens(),
        "webhooks": queries.all_webhooks(),
        "token_form": TokenForm(initial={"scopes": ["read"]}, prefix="token"),
        "webhook_form": WebhookForm(is_new=True, prefix="webhook"),
        **extra,
    }
    response = render(request, "api/settings.html", context, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


@staff("GET", roles=ADMINS)
def settings_page(request: HttpRequest) -> HttpResponse:
    """Show tokens and webhooks."""
    return _page(request)


@staff("POST", roles=ADMINS)
def tokens(request: HttpRequest) -> HttpResponse:
    """Make a token that acts as the person who makes it, and show it once."""
    user, form = person(request), TokenForm(request.POST, prefix="token")
    if form.is_valid():
        try:
            secret = services.create_token(
                actor=actor_of(user), user=user, name=form.cleaned_data["name"], scopes=form.cleaned_data["scopes"]
            )
            return _page(request, secret=secret, secret_name=form.cleaned_data["name"])
        except InputError as error:
            _refuse(form, error)
    return _page(request, token_form=form, status=422)


@staff("POST", roles=ADMINS)
def token_revocation(request: HttpRequest, token_id: int) -> HttpResponse:
    """End a token's use."""
    token = get_object_or_404(Token, pk=token_id)
    services.revoke_token(actor=actor_of(person(request)), token=token)
    messages.success(request, _("The token “%(name)s” is revoked.") % {"name": token.name})
    return redirect("api_settings")


@staff("POST", roles=ADMINS)
def webhook_list(request: HttpRequest) -> HttpResponse:
    """Make a webhook and show its signing secret once."""
    user, form = person(request), WebhookForm(request.POST, is_new=True, prefix="webhook")
    if form.is_valid():
        data = form.cleaned_data
        try:
            webhook, secret = webhooks.create_webhook(
                actor=actor_of(user), user=user, name=data["name"], url=data["url"], kinds=data["kinds"]
            )
            return _page(request, secret=secret, secret_name=webhook.name)
        except InputError as error:
            _refuse(form, error)
    return _page(request, webhook_form=form, status=422)


@staff("GET", "POST", roles=ADMINS)
def webhook_page(request: HttpRequest, webhook_id: int) -> HttpResponse:
    """Show a webhook with its log; change it."""
    webhook = get_object_or_404(Webhook, pk=webhook_id)
    initial = {"name": webhook.name, "url": webhook.url, "kinds": webhook.kinds, "is_active": webhook.is_active}
    form = WebhookForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            webhooks.change_webhook(actor=actor_of(person(request)), webhook=webhook, **form.cleaned_data)
        except InputError as error:
            _refuse(form, error)
        else:
            messages.success(request, _("Saved."))
            return redirect("api_webhook", webhook.pk)
    before = request.GET.get("before", "")
    log = queries.log_of(webhook, before=int(before) if before.isdecimal() and len(before) < 19 else None)
    more = log[-1].pk if len(log) == queries.LOG_PAGE else None
    context = {"webhook": webhook, "form": form, "log": log, "more": more}
    return render(request, "api/webhook.html", context, status=422 if form.errors else 200)


@staff("POST", roles=ADMINS)
def webhook_deletion(request: HttpRequest, webhook_id: int) -> HttpResponse:
    """Remove a webhook with its log."""
    webhook = get_object_or_404(Webhook, pk=webhook_id)
    webhooks.delete_webhook(actor=actor_of(person(request)), webhook=webhook)
    messages.success(request, _("The webhook “%(name)s” is removed.") % {"name": webhook.name})
    return redirect("api_settings")


@staff("POST", roles=ADMINS)
def call_replay(request: HttpRequest, call_id: int) -> HttpResponse:
    """Send a finished call once more."""
    call = get_object_or_404(WebhookCall, pk=call_id)
    webhooks.replay_call(actor=actor_of(person(request)), call=call)
    messages.success(request, _("It will be sent again at once."))
    return redirect("api_webhook", call.webhook_id)


def docs(request: HttpRequest) -> HttpResponse:
    """Describe the API to people, from the same description that programs read; public, like that one."""
    schema = api.get_openapi_schema(path_prefix="/api/v1/")
    operations = [
        {"method": method.upper(), "path": path, **_described(operation, schema["components"]["schemas"])}
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    introduction = [_prose(part) for part in schema["info"]["description"].split("\n\n")]
    context = {"introduction": introduction, "operations": operations, "kinds": webhooks.KINDS}
    return render(request, "api/docs.html", context)


def _prose(markdown: str) -> SafeString:
    """Return a paragraph of the description as HTML; `code` is the only mark-up that it uses."""
    return mark_safe(re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(" ".join(markdown.split()))))  # noqa: S308  # escaped


def _described(operation: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    model = schemas.get(body.get("$ref", "").rpartition("/")[2], {})
    rows = [(p["name"], p["in"], p["required"], p.get("description", "")) for p in operation["parameters"]]
    needed = model.get("required", [])
    fields = model.get("properties", {}).items()
    rows += [(name, "body", name in needed, field.get("description", "")) for name, field in fields]
    return {
        "description": [_prose(part) for part in operation.get("description", "").split("\n\n")],
        "rows": rows,
        "scope": operation.get("x-scope", ""),
        "answers": sorted(str(status) for status in operation["responses"]),
    }
