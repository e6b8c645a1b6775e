"""Listening: the mentions of the person's teams, what they make of them, and the settings (INV-06)."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from comptoir.accounts.models import Role
from comptoir.accounts.queries import teams_of
from comptoir.accounts.services import actor_of
from comptoir.channels.models import ChannelAccount
from comptoir.core.errors import AccessDenied, InputError
from comptoir.desk.guard import back, person, staff
from comptoir.desk.listening_forms import SearchForm, SourceForm, initial_of
from comptoir.listening import queries, services
from comptoir.listening.access import (
    access_burst,
    access_mention,
    access_search,
    access_source,
    may_manage,
    searches_of,
)
from comptoir.listening.models import Search, Source
from comptoir.listening.rules import bars, read_mark

LEADS = (Role.LEAD, Role.ADMIN)
ADMIN = (Role.ADMIN,)
SHOWN = ("open", "made", "dismissed", "all")


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


@staff("GET")
def mentions(request: HttpRequest) -> HttpResponse:
    """List the mentions, newest first, with their counts by search and by day."""
    user = person(request)
    counted = queries.counts_by_search(user)
    chosen = next((c.search for c in counted if c.search.pk == _number(request.GET.get("search", ""))), None)
    number = chosen.pk if chosen else None
    show = request.GET.get("show", "open")
    show = show if show in SHOWN else "open"
    page = queries.mentions_page(user, search_id=number, show=show, before=read_mark(request.GET.get("before", "")))
    first, days = queries.counts_by_day(user, search_id=number)
    context = {
        "page": page,
        "counted": counted,
        "chosen": chosen,
        "show": show,
        "shows": _shows(),
        "bars": bars(days, first=first, days=queries.CHART_DAYS),
        "total": sum(days.values()),
        "busiest": max(days.items(), key=lambda item: (item[1], item[0]), default=None),
        "alerts": queries.open_bursts(user),
        "may_manage": may_manage(user),
        "narrowed": urlencode({"show": show} | ({"search": number} if number else {})),
    }
    return render(request, "listening/page.html", context)


def _shows() -> list[tuple[str, str]]:
    return [
        ("open", pgettext("mentions", "Open")),
        ("made", pgettext("mentions", "Made a conversation")),
        ("dismissed", pgettext("mentions", "Dismissed")),
        ("all", pgettext("mentions", "All")),
    ]


@staff("POST")
def dismissal(request: HttpRequest, mention_id: int) -> HttpResponse:
    """Put a mention aside for the person's teams; with `undo`, take it back."""
    user = person(request)
    mention, undo = access_mention(user, mention_id), bool(request.POST.get("undo"))
    services.dismiss_mention(user=user, mention=mention, undo=undo)
    messages.success(request, _("It is back in the list.") if undo else _("Dismissed."))
    return redirect(back(request, reverse("listening")))


@staff("GET", "POST")
def conversation(request: HttpRequest, mention_id: int) -> HttpResponse:
    """Ask on which account, and turn a mention into a conversation."""
    user = person(request)
    mention = access_mention(user, mention_id)
    mine = {team.pk: team for team in teams_of(user)}
    found = mention.hits.filter(search__team_id__in=mine).values_list("search__team_id", flat=True)
    teams = [mine[number] for number in dict.fromkeys(found.order_by("search__team__name"))]
    accounts = services.accounts_for(mention, [team.pk for team in teams])
    if request.method != "POST":
        context = {"mention": mention, "teams": teams, "accounts": accounts}
        return render(request, "listening/conversation.html", context)
    account = _account(request, accounts)
    asked = _number(request.POST.get("team", ""))
    team = mine.get(account.team_id if account else asked or teams[0].pk)
    if team is None:
        raise AccessDenied("not one of the person's teams")
    services.make_conversation(actor=actor_of(user), user=user, mention=mention, team=team, account=account)
    messages.success(request, _("The conversation is being made. It is in the queue in a moment."))
    return redirect(f"{reverse('listening')}?show=made")


def _account(request: HttpRequest, accounts: list[ChannelAccount]) -> ChannelAccount | None:
    """Return the chosen account, of those that can answer; None where the conversation is to stay inside."""
    chosen = request.POST.get("account", "")
    if not chosen:
        return None
    account = next((one for one in accounts if one.pk == _number(chosen)), None)
    if account is None:
        raise InputError(_("Choose an account of this team."), field="account")
    return account


@staff("POST")
def burst_dismissal(request: HttpRequest, burst_id: int) -> HttpResponse:
    """Note that somebody has seen to an alert."""
    user = person(request)
    services.dismiss_burst(user=user, burst=access_burst(user, burst_id))
    messages.success(request, _("Noted."))
    return redirect(back(request, reverse("listening")))


@staff("GET", roles=LEADS)
def settings(request: HttpRequest) -> HttpResponse:
    """List the searches of the person's teams, and the sources."""
    user = person(request)
    context = {"searches": searches_of(user).prefetch_related("sources"), "sources": queries.all_sources()}
    return render(request, "listening/settings.html", context)


def _search_page(
    request: HttpRequest, row: Search | None, form: SearchForm, *, status: int = 200, **more: Any
) -> HttpResponse:
    return render(request, "listening/search.html", {"search": row, "form": form, **more}, status=status)


def _save_search(request: HttpRequest, row: Search | None) -> HttpResponse:
    """Do what the button says: try the search, or save it."""
    user = person(request)
    form = SearchForm(user, request.POST)
    if not form.is_valid():
        return _search_page(request, row, form, status=422)
    try:
        wanted = services.checked_wanted(form.wanted)
        if request.POST.get("do") == "try":
            tried = queries.preview(user, wanted, [source.pk for source in form.chosen_sources])
            return _search_page(request, row, form, tried=tried)
        services.save_search(
            actor=actor_of(user),
            user=user,
            search=row,
            name=form.cleaned_data["name"],
            team=form.chosen_team,
            wanted=wanted,
            sources=form.chosen_sources,
            makes_conversations=form.cleaned_data["makes_conversations"],
            is_active=form.cleaned_data["is_active"],
        )
    except InputError as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return _search_page(request, row, form, status=422)
    messages.success(request, _("Saved."))
    return redirect("listening_settings")


@staff("GET", "POST", roles=LEADS)
def search_new(request: HttpRequest) -> HttpResponse:
    """Make a search."""
    if request.method == "POST":
        return _save_search(request, None)
    return _search_page(request, None, SearchForm(person(request), initial={"is_active": True}))


@staff("GET", "POST")
def search(request: HttpRequest, search_id: int) -> HttpResponse:
    """Show and change a search."""
    user = person(request)
    row = access_search(user, search_id)
    if request.method == "POST":
        return _save_search(request, row)
    return _search_page(request, row, SearchForm(user, initial=initial_of(row)))


@staff("POST")
def search_deletion(request: HttpRequest, search_id: int) -> HttpResponse:
    """Delete a search with its mentions."""
    user = person(request)
    row = access_search(user, search_id)
    services.delete_search(actor=actor_of(user), search=row)
    messages.success(request, _("“%(name)s” is deleted. Its conversations stay.") % {"name": row.name})
    return redirect("listening_settings")


def _save_source(request: HttpRequest, row: Source | None) -> HttpResponse:
    form = SourceForm(request.POST)
    status = 422
    if form.is_valid():
        try:
            services.save_source(actor=actor_of(person(request)), source=row, **form.cleaned_data)
        except InputError as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
        else:
            messages.success(request, _("Saved."))
            return redirect("listening_settings")
    return render(request, "listening/source.html", {"source": row, "form": form}, status=status)


@staff("GET", "POST", roles=ADMIN)
def source_new(request: HttpRequest) -> HttpResponse:
    """Add a source."""
    if request.method == "POST":
        return _save_source(request, None)
    return render(request, "listening/source.html", {"source": None, "form": SourceForm(initial={"is_active": True})})


@staff("GET", "POST", roles=ADMIN)
def source(request: HttpRequest, source_id: int) -> HttpResponse:
    """Show and change a source; its token is kept where none is typed in."""
    row = access_source(person(request), source_id)
    if request.method == "POST":
        return _save_source(request, row)
    names = ("kind", "name", "address", "hashtag", "is_active")
    form = SourceForm(initial={name: getattr(row, name) for name in names})
    return render(request, "listening/source.html", {"source": row, "form": form})


@staff("POST", roles=ADMIN)
def source_deletion(request: HttpRequest, source_id: int) -> HttpResponse:
    """Delete a source with what was found there."""
    user = person(request)
    row = access_source(user, source_id)
    services.delete_source(actor=actor_of(user), source=row)
    messages.success(request, _("“%(name)s” is deleted. Its conversations stay.") % {"name": row.name})
    return redirect("listening_settings")
