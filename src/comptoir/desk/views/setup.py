"""The first-run guide: from an empty installation to a message in the queue, in two minutes.

The founding page is for whoever runs the installation (accounts/founding.py says who that is) and closes for good with
the first person; everything else is for administrators.
"""

from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils import translation
from django.utils.translation import gettext as _

from comptoir.accounts import founding
from comptoir.accounts.models import Role, User
from comptoir.accounts.queries import organisation, team_ids_of
from comptoir.accounts.services import actor_of
from comptoir.channels import services
from comptoir.channels.models import AccountHealth, ChannelAccount
from comptoir.channels.registry import channel
from comptoir.conversations.access import accessible_conversations
from comptoir.conversations.queries import newest_arrival
from comptoir.core import clock
from comptoir.core.errors import AccessDenied, Conflict, InputError
from comptoir.core.ratelimit import Limit, network_of, take, wait_in_words
from comptoir.core.types import AccountConfig
from comptoir.desk.guard import person, staff
from comptoir.desk.setup_forms import FoundingForm, MailboxForm, chosen_provider, server_values
from comptoir.moving.access import accessible_imports

ADMINS = (Role.ADMIN,)
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
TRIES = Limit("founding", 10, 600)  # of the code; it has 60 bits


def setup(request: HttpRequest) -> HttpResponseBase:
    """Found the installation while nobody is there; after that show what is done and what comes next."""
    return guide(request) if founding.is_founded() else _found(request)


def _found(request: HttpRequest) -> HttpResponse:
    """Ask for the organisation and its first administrator, and sign them in."""
    if request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    needs_code = not founding.is_here(request)
    language = translation.get_language() or "en"
    initial = {"language": language, "time_zone": "Europe/Paris", "code": request.GET.get("code", "")}
    form = FoundingForm(request.POST or None, needs_code=needs_code, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            return _begin(request, form.cleaned_data)
        except (AccessDenied, InputError) as error:
            form.add_error("code" if needs_code else None, str(error))
        except Conflict as error:
            messages.error(request, str(error))
            return redirect("account_login")
    return render(request, "desk/setup/founding.html", {"form": form}, status=422 if form.errors else 200)


def _begin(request: HttpRequest, data: dict[str, Any]) -> HttpResponse:
    """Found the installation and sign its administrator in. Raises AccessDenied, InputError, Conflict."""
    if seconds := take(TRIES, network_of(request), at=clock.now()):
        raise InputError(wait_in_words(seconds))
    founding.check_door(request, data.pop("code", ""))
    with translation.override(data["language"]):
        user = founding.found(**data)
    login(request, user, backend=BACKEND)
    return redirect("setup_mailbox")


@staff("GET", roles=ADMINS)
def guide(request: HttpRequest) -> HttpResponse:
    """Show the way to the first answer, step by step, with what is done."""
    user = person(request)
    accounts = ChannelAccount.objects.filter(team__in=team_ids_of(user))
    mailbox = accounts.filter(kind="email").order_by("id").first()
    context = {
        "organisation": organisation(),
        "mailbox": mailbox,
        "mailbox_trouble": _trouble_of(mailbox),
        "people": User.objects.filter(is_active=True).count(),
        "people_url": _address("people"),
        "has_messages": accessible_conversations(user).exists(),
        "has_others": accounts.exclude(kind="email").exists(),
        "has_imports": accessible_imports(user).filter(stage="done").exists(),
    }
    return render(request, "desk/setup/guide.html", context)


def _trouble_of(account: ChannelAccount | None) -> str:
    """Return why an account does not work at present; '' where it does, or where nobody has tried yet."""
    found = AccountHealth.objects.filter(account=account, last_error_at__isnull=False).first() if account else None
    return found.last_error if found is not None else ""


def _address(name: str) -> str:
    """Return the address of a page that another part of the product brings; '' where it is not there."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


@staff("GET", "POST", roles=ADMINS)
def mailbox(request: HttpRequest) -> HttpResponse:
    """Connect a mailbox in a few fields, then try it."""
    user = person(request)
    form = MailboxForm(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            account = services.connect_account(
                actor=actor_of(user), kind="email", name=organisation().name, team=data["team"], values=form.values,
                address=data["address"],
            )  # fmt: skip
        except InputError as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
        else:
            return redirect("setup_trial", account.pk)
    context = {"form": form, "provider": form.known}
    return render(request, "desk/setup/mailbox.html", context, status=422 if form.errors else 200)


@staff("GET", roles=ADMINS)
def server_fields(request: HttpRequest) -> HttpResponse:
    """Return the server fields, filled in for an address or a provider: what typing the address brings."""
    name, address = request.GET.get("provider", ""), request.GET.get("address", "")[:254]
    form = MailboxForm(person(request), initial=server_values(name, address))
    context = {"form": form, "provider": chosen_provider(name, address), "is_guess": "@" in address}
    return render(request, "desk/setup/_servers.html", context)


def _mailbox(user: User, account_id: int) -> ChannelAccount:
    found = ChannelAccount.objects.filter(pk=account_id, kind="email", team__in=team_ids_of(user)).first()
    if found is None:
        raise AccessDenied("no such mailbox")
    return found


def _steps(config: AccountConfig) -> list[Any]:
    steps = channel(config.kind).steps
    return list(steps(config)) if steps is not None else []


@staff("GET", "POST", roles=ADMINS)
def trial(request: HttpRequest, account_id: int) -> HttpResponse:
    """Show a mailbox's steps, tried one by one as the page opens; change what is wrong beside them."""
    user = person(request)
    account = _mailbox(user, account_id)
    initial = {**account.options, "address": account.address, "team": account.team_id, "provider": "other"}
    form = MailboxForm(user, request.POST or None, initial=initial)
    form.fields["password"].help_text = _("Stored. Leave it empty to keep it.")
    if request.method == "POST" and form.is_valid():
        values = {**account.options, **form.values}
        services.update_account(
            actor=actor_of(user), account=account, name=account.name, team=form.cleaned_data["team"], values=values,
            address=form.cleaned_data["address"], signature=account.signature, is_active=account.is_active,
        )  # fmt: skip
        return redirect("setup_trial", account.pk)
    steps = _steps(services.account_config(account))
    context = {
        "account": account, "steps": steps, "form": form, "provider": form.known, "people_url": _address("people"),
        "conversation": newest_arrival(user, account.pk),
    }  # fmt: skip
    return render(request, "desk/setup/trial.html", context, status=422 if form.errors else 200)


@staff("POST", roles=ADMINS)
def step(request: HttpRequest, account_id: int, number: int) -> HttpResponse:
    """Try one step now; the answer is its line and, when it worked, the next one, which tries itself."""
    account = _mailbox(person(request), account_id)
    steps = _steps(services.account_config(account))
    if number >= len(steps):
        raise AccessDenied("no such step")
    trouble = steps[number].run()
    later = steps[number + 1 :]
    context = {"account": account, "step": steps[number], "trouble": trouble, "later": later, "number": number}
    return render(request, "desk/setup/_step.html", context)


@staff("GET", roles=ADMINS)
def arrival(request: HttpRequest, account_id: int) -> HttpResponse:
    """Say whether a first message has come into the mailbox; asked again and again while it has not."""
    user = person(request)
    account = _mailbox(user, account_id)
    found = newest_arrival(user, account.pk)
    return render(request, "desk/setup/_arrival.html", {"account": account, "conversation": found})
