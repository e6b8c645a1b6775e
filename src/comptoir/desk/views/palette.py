"""The command palette and the keyboard's cheat sheet: fragments for scripts, pages without."""

import re

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from comptoir.desk import keys, palette
from comptoir.desk.guard import is_htmx, person, staff
from comptoir.desk.queries.palette import query_string

_RECENT = re.compile(r"(?:conversation|contact|view):\d{1,18}|go:[\w?=-]{1,40}")


@staff("GET")
def commands(request: HttpRequest) -> HttpResponse:
    """Show what goes by a name; at first the whole palette with what was used lately. Without a script: the search."""
    text = request.GET.get("q", "")
    if not is_htmx(request):
        return redirect(reverse("search") + (f"?{query_string(text)}" if text else ""))
    user = person(request)
    if text.strip():
        return render(request, "desk/palette/_options.html", {"groups": palette.find(user, text)})
    ids = [item for item in request.GET.get("recent", "").split(",")[:8] if _RECENT.fullmatch(item)]
    lately = palette.recent(user, ids)
    groups = [lately, *palette.find(user, "")] if lately.options else palette.find(user, "")
    template = "desk/palette/_options.html" if "q" in request.GET else "desk/palette/_palette.html"
    return render(request, template, {"groups": groups})


@staff("GET")
def shortcuts(request: HttpRequest) -> HttpResponse:
    """Show what the keys do."""
    template = "desk/palette/_keys.html" if is_htmx(request) else "desk/palette/keys.html"
    return render(request, template, {"groups": keys.groups(person(request))})
