"""The settings area's first page: what there is to set, and one line of help for each."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from comptoir.desk.guard import person, staff
from comptoir.desk.settings_pages import groups_for


@staff("GET")
def index(request: HttpRequest) -> HttpResponse:
    """Show the pages that the person may open."""
    return render(request, "desk/settings/index.html", {"groups": groups_for(person(request))})
