"""Channels: is every door open? Health for all, connecting and changing for administrators. Secrets are never shown."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from comptoir.accounts.models import Role, Team, User
from comptoir.accounts.services import actor_of
from comptoir.channels import services
from comptoir.channels.base import Channel
from comptoir.channels.models import ChannelAccount
from comptoir.channels.registry import channels as registry
from comptoir.core import clock
from comptoir.core.errors import AccessDenied, ComptoirError, InputError
from comptoir.desk.forms import AccountForm
from comptoir.desk.guard import person, staff
from comptoir.desk.queries import Backlog, accounts_of, backlogs
from comptoir.desk.views.health import guide_of, state_words

SLOW_SECONDS = 30  # a lag beyond this is shown as 'slow'


def _health(account: ChannelAccount, backlog: Backlog) -> dict[str, Any]:
    """Return one line of the page: the tone and the word of its state, and its figures."""
    health = getattr(account, "health", None)
    lag = (clock.now() - backlog.oldest).total_seconds() if backlog.oldest else 0.0
    why = state_words(health, clock.now())
    if not account.is_active:
        tone, word = "", _("Switched off")
    elif health is not None and health.revoked_at:
        tone, word = "bad", _("To be connected anew")
    elif why:
        tone, word = "warn", _("Paused")
    elif health is not None and health.last_error_at:
        tone, word = "bad", _("Stopped")
    elif lag > SLOW_SECONDS:
        tone, word = "warn", _("Slow")
    else:
        tone, word = "ok", _("Working")
    return {
        "account": account,
        "health": health,
        "backlog": backlog,
        "lag": lag,
        "tone": tone,
        "word": word,
        "why": why,
    }


@staff("GET")
def channels(request: HttpRequest) -> HttpResponse:
    """Show every account of the person's teams, with its health."""
    user = person(request)
    accounts = accounts_of(user)
    by_id = backlogs([account.pk for account in accounts])
    from comptoir.channels.models import AccountHealth

    healths = {health.account_id: health for health in AccountHealth.objects.filter(account__in=accounts)}
    for account in accounts:
        account.health = healths.get(account.pk)
    lines = [_health(account, by_id.get(account.pk, Backlog())) for account in accounts]
    kinds = {kind: found for kind, found in registry().items() if not found.is_inner} if user.is_admin else {}
    return render(request, "desk/channels/list.html", {"lines": lines, "kinds": kinds})


def _form(channel: Channel, user: User, *args: Any, **kwargs: Any) -> AccountForm:
    teams: QuerySet[Team] = Team.objects.filter(memberships__user=user)
    return AccountForm(channel, teams, *args, **kwargs)


@staff("GET", "POST", roles=(Role.ADMIN,))
def connect(request: HttpRequest, kind: str) -> HttpResponse:
    """Connect an account of a channel, by the form that the channel declares."""
    user, channel = person(request), registry().get(kind)
    if channel is None or channel.is_inner:
        raise Http404(kind)
    form = _form(channel, user, request.POST or None, is_new=True)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            account = services.connect_account(
                actor=actor_of(user), kind=kind, name=data["name"], team=data["team"], values=form.values,
                address=form.address_given, signature=data.get("signature", ""),
            )  # fmt: skip
        except InputError as error:
            form.add_error(_field_of(form, error), str(error))
        else:
            messages.success(request, _("Connected. Test it before you rely on it."))
            return redirect("channel", account.pk)
    status = 422 if form.errors else 200
    context = {"form": form, "channel": channel, "has_guide": guide_of(kind) is not None}
    return render(request, "desk/channels/form.html", context, status=status)


def _field_of(form: AccountForm, error: InputError) -> str | None:
    name = f"f_{error.field}" if f"f_{error.field}" in form.fields else error.field
    return name if name in form.fields else None


def _account(user: User, account_id: int) -> ChannelAccount:
    found = ChannelAccount.objects.filter(pk=account_id, team__memberships__user=user).select_related("team").first()
    if found is None:
        raise AccessDenied("no such account")
    return found


@staff("GET", "POST", roles=(Role.ADMIN,))
def channel(request: HttpRequest, account_id: int) -> HttpResponse:
    """Change an account; a secret that is left empty stays as it is."""
    user = person(request)
    account = _account(user, account_id)
    kind = registry()[account.kind]
    initial = {
        "name": account.name, "address": account.address, "team": account.team_id, "signature": account.signature,
        "is_active": account.is_active, **{f"f_{name}": value for name, value in account.options.items()},
    }  # fmt: skip
    form = _form(kind, user, request.POST or None, initial=initial, is_new=False)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            services.update_account(
                actor=actor_of(user), account=account, name=data["name"], team=data["team"], values=form.values,
                address=form.address_given, signature=data.get("signature", ""), is_active=data["is_active"],
            )  # fmt: skip
        except InputError as error:
            form.add_error(_field_of(form, error), str(error))
        else:
            messages.success(request, _("Saved."))
            return redirect("channel", account.pk)
    places = {name: text.format(url=settings.PUBLIC_URL, key=account.public_key) for name, text in kind.docs.items()}
    if kind.verify is not None:
        places["webhook"] = f"{settings.PUBLIC_URL}/in/{account.public_key}"
    context = {
        "form": form, "channel": kind, "account": account, "places": places,
        "has_guide": guide_of(account.kind) is not None,
    }  # fmt: skip
    return render(request, "desk/channels/form.html", context, status=422 if form.errors else 200)


@staff("POST", roles=(Role.ADMIN,))
def channel_test(request: HttpRequest, account_id: int) -> HttpResponse:
    """Try an account's connection now, step by step; an error is told in words and never with a secret."""
    account = _account(person(request), account_id)
    kind = registry()[account.kind]
    if kind.test is None:
        raise InputError(_("This channel has nothing to test."))
    try:
        steps = list(kind.test(services.account_config(account)))
    except ComptoirError as error:
        steps = [(_("Connecting"), str(error))]
    context = {"steps": steps, "account": account, "is_fine": not any(trouble for _step, trouble in steps)}
    return render(request, "desk/channels/test.html", context)
