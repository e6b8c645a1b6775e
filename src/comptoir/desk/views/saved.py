"""Saved views: the list of them, the page that builds one, their counts."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from comptoir.accounts.models import User
from comptoir.accounts.services import actor_of
from comptoir.conversations import saving
from comptoir.conversations.filtering import QueueFilter
from comptoir.conversations.listing import count_lists
from comptoir.conversations.models import SavedView
from comptoir.core.errors import InputError
from comptoir.desk.choosing import chosen_list
from comptoir.desk.guard import person, staff
from comptoir.desk.viewforms import ViewForm, initial_of


@staff("GET")
def views(request: HttpRequest) -> HttpResponse:
    """Show the person's views and those shared with them."""
    user = person(request)
    rows = [(view, saving.may_change(user, view)) for view in saving.views_of(user)]
    groups = [
        (_("Your own"), [row for row in rows if row[0].scope == SavedView.Scope.PERSONAL]),
        (_("Shared"), [row for row in rows if row[0].scope != SavedView.Scope.PERSONAL]),
    ]
    return render(request, "desk/views/list.html", {"groups": groups, "has_views": bool(rows)})


@staff("GET", "POST", own=True)
def new(request: HttpRequest) -> HttpResponse:
    """Build a view; it begins with the list that the person comes from."""
    user = person(request)
    initial = initial_of(chosen_list(request.GET, user).filter) | {"scope": SavedView.Scope.PERSONAL}
    return _build(request, user, None, initial)


@staff("GET", "POST", own=True)
def change(request: HttpRequest, view_id: int) -> HttpResponse:
    """Change a view; whoever may only see it is told so by its absence."""
    user = person(request)
    view = saving.access_view(user, view_id, to_change=True)
    initial = initial_of(_filter_of(view)) | {"name": view.name, "scope": view.scope, "team": str(view.team_id or "")}
    return _build(request, user, view, initial)


def _filter_of(view: SavedView) -> QueueFilter:
    try:
        return saving.filter_of(view)
    except InputError:  # kept by a newer version: it is built anew
        return QueueFilter()


def _build(request: HttpRequest, user: User, view: SavedView | None, initial: dict[str, Any]) -> HttpResponse:
    form = ViewForm(user, request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            row = saving.save_view(
                actor=actor_of(user), user=user, name=form.cleaned_data["name"], chosen=form.chosen,
                scope=form.cleaned_data.get("scope") or SavedView.Scope.PERSONAL, team=form.team_of_scope, view=view,
            )  # fmt: skip
        except InputError as error:
            form.add_error(error.field if error.field in form.fields else None, _(str(error)))
        else:
            messages.success(request, _("Saved."))
            return redirect(f"{reverse('queue')}?saved={row.pk}")
    context = {"form": form, "view": view}
    return render(request, "desk/views/form.html", context, status=422 if form.errors else 200)


@staff("POST", own=True)
def deletion(request: HttpRequest, view_id: int) -> HttpResponse:
    """Remove a view; its conversations stay."""
    user = person(request)
    view = saving.access_view(user, view_id, to_change=True)
    saving.delete_view(actor=actor_of(user), view=view)
    messages.success(request, _("The view “%(name)s” is gone; its conversations stay.") % {"name": view.name})
    return redirect("views")


@staff("POST", own=True)
def position(request: HttpRequest, view_id: int) -> HttpResponse:
    """Move a view up or down among its kind."""
    user = person(request)
    view = saving.access_view(user, view_id, to_change=True)
    saving.move_view(actor=actor_of(user), user=user, view=view, up=request.POST.get("move") == "up")
    return redirect("views")


@staff("GET")
def counts(request: HttpRequest) -> HttpResponse:
    """Draw the person's views of the navigation with their counts, all counted in one statement."""
    user = person(request)
    found = list(saving.views_of(user))
    numbers = count_lists(user, [_filter_of(view) for view in found])
    here = request.GET.get("here", "")
    rows = [
        {"view": view, "count": count, "is_current": str(view.pk) == here}
        for view, count in zip(found, numbers, strict=True)
    ]
    return render(request, "desk/views/_counts.html", {"rows": rows})


@staff("GET")
def preview(request: HttpRequest) -> HttpResponse:
    """Say how many conversations a view would hold now, while it is built."""
    user = person(request)
    form = ViewForm(user, request.GET, is_trial=True)
    counted = count_lists(user, [form.chosen])[0] if form.is_valid() else None
    return render(request, "desk/views/_preview.html", {"counted": counted, "form": form})
