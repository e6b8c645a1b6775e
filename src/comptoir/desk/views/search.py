"""Search over everything that was said, the files that came with it, and the people who said it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from comptoir.contacts.models import Contact
from comptoir.desk import search_told
from comptoir.desk.guard import person, staff
from comptoir.desk.highlight import excerpt, marked
from comptoir.desk.queries.files import Files, FoundFile, search_files
from comptoir.desk.queries.narrowing import Narrowing, narrow
from comptoir.desk.queries.people import find_contacts
from comptoir.desk.queries.search import Hit, Messages, Place, search_messages
from comptoir.desk.search_words import LONGEST, Asked

TABS = ("messages", "contacts", "files")
MOST_CONTACTS = 50


@dataclass(frozen=True, slots=True)
class Found:
    """What was found under each tab; None of a tab that was not asked for."""

    messages: Messages | None = None
    contacts: Sequence[Contact] | None = None
    files: Files | None = None

    def count(self, tab: str) -> str:
        """Say how many there are: '20+' where there are more."""
        if tab == "contacts":
            number, more = len(self.contacts or ()), len(self.contacts or ()) > MOST_CONTACTS
            return f"{MOST_CONTACTS}+" if more else str(number)
        page = self.messages if tab == "messages" else self.files
        number = len(page.hits) if page else 0
        return f"{number}+" if page and page.more else str(number)


def _find(request: HttpRequest, asked: Asked, narrowing: Narrowing, tab: str) -> Found:
    """Search: under all tabs for the first page, under the open one for those that follow."""
    before = request.GET.get("before", "")
    place = Place.read(before)
    if asked.is_empty:
        return Found()
    if place is not None and tab == "files":
        return Found(files=search_files(asked, narrowing, after=place.id))
    messages = search_messages(asked, narrowing, after=place)
    if place is not None:
        return Found(messages)
    contacts = find_contacts(person(request), asked.names, limit=MOST_CONTACTS + 1)
    return Found(messages, contacts, search_files(asked, narrowing))


@staff("GET")
def search(request: HttpRequest) -> HttpResponse:
    """Show what was found, newest first, under three tabs; filters are told back above it."""
    user, text = person(request), request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST]
    asked, narrowing = narrow(user, text)
    tab = request.GET.get("tab", "")
    found = _find(request, asked, narrowing, tab)
    if tab not in TABS:
        tab = "contacts" if found.contacts and not (found.messages and found.messages.hits) else "messages"
    known = narrowing.known
    context = {
        "q": text,
        "tab": tab,
        "tabs": _tabs(text, tab, found) if found.contacts is not None else [],
        "chips": search_told.chips(asked, known),
        "troubles": [search_told.trouble_words(trouble, known) for trouble in asked.troubles],
        "hints": search_told.hints(get_language() or "en", known),
        "is_empty": asked.is_empty,
        **_shown(asked, found, tab, text),
    }
    return render(request, "desk/search/page.html", context)


def _tabs(text: str, current: str, found: Found) -> list[dict[str, Any]]:
    labels = {"messages": _("Messages"), "contacts": _("Contacts"), "files": _("Files")}
    return [
        {"label": labels[tab], "count": found.count(tab), "is_current": tab == current,
         "query": "?" + urlencode({"q": text, "tab": tab})}
        for tab in TABS
    ]  # fmt: skip


def _link(hit: Hit | FoundFile, message_id: int) -> str:
    """Return the address of a message in its conversation; of one far back, on the page that ends with it."""
    page = "?" + urlencode({"before": f"{hit.at.isoformat()},{message_id + 1}"}) if hit.is_far else ""
    return f"{reverse('conversation', args=[hit.conversation_id])}{page}#m{message_id}"


def _safe(html: str) -> SafeString:
    return mark_safe(html)  # noqa: S308  # of highlight.py, which escapes everything but its own marks


def _shown(asked: Asked, found: Found, tab: str, text: str) -> dict[str, Any]:
    """Return the rows of the open tab, with what was found marked, and the address of the next page."""
    words = asked.words
    shown: dict[str, Any] = {}
    page: Messages | Files | None = None
    if tab == "messages" and found.messages:
        page = found.messages
        shown["hits"] = [
            (hit, _link(hit, hit.id), _safe(marked(hit.subject, words)), _safe(excerpt(hit.text, words)))
            for hit in page.hits
        ]
    elif tab == "files" and found.files:
        page = found.files
        shown["files"] = [
            (file, _link(file, file.message_id), _safe(marked(file.filename, words))) for file in page.hits
        ]
    elif tab == "contacts":
        shown["contacts"] = (found.contacts or [])[:MOST_CONTACTS]
        shown["has_more_contacts"] = len(found.contacts or ()) > MOST_CONTACTS
    if page and page.more:
        shown["more"] = "?" + urlencode({"q": text, "tab": tab, "before": str(page.more)})
    return shown
