"""Drafts: kept while a person types, with their files; found again on any device and in a list."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from comptoir.accounts.models import User
from comptoir.conversations.access import access_conversation
from comptoir.conversations.models import Conversation
from comptoir.desk import previews, words
from comptoir.desk.guard import is_htmx, person, staff
from comptoir.drafts import services
from comptoir.drafts.models import Draft
from comptoir.drafts.queries import drafts_of
from comptoir.drafts.services import Behind, Words
from comptoir.outbound.roads import Road, road_of

# Without JavaScript the composer saves first and then goes to a page of its own.
PAGES = {"replies": "reply_picker", "macros": "macro_menu", "roads": "roads"}


def words_in(request: HttpRequest) -> Words:
    """Return what the composer's form holds."""
    asked = request.POST
    forward = asked.get("forward_of", "")
    return Words(
        kind=asked.get("kind", "reply"),
        text=asked.get("text", ""),
        to=asked.get("forward_to", ""),
        cc=asked.get("cc"),
        forward_of=int(forward) if forward.isdecimal() and asked.get("kind") == "forward" else None,
        road=asked.get("road", ""),
    )


def road_in(request: HttpRequest, user: User, row: Conversation) -> Road | None:
    """Return the other way that the composer's form names; None for the usual one."""
    key = request.POST.get("road", "")
    return road_of(user, row, key) if key else None


def keep(request: HttpRequest, user: User, row: Conversation, *, is_forced: bool = False) -> Draft | None:
    """Save what the form holds, with the files that came along. Raises Behind (unless forced), InputError."""
    known = request.POST.get("revision", "0")
    is_forced = is_forced or "force" in request.POST
    saved = services.save_draft(
        user=user, conversation=row, words=words_in(request),
        known=None if is_forced else int(known) if known.isdecimal() else 0,
    )  # fmt: skip
    for file in request.FILES.getlist("files"):
        saved = _attach(user, row, file)
    return saved


@staff("POST")
def draft(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Save what is in the composer; `next` names the page to go on to where there is no script."""
    user = person(request)
    row = access_conversation(user, conversation_id)
    try:
        saved = keep(request, user, row)
    except Behind as behind:
        return _behind(request, row, behind)
    if not is_htmx(request):
        page = PAGES.get(request.POST.get("next", ""))
        return redirect(page, row.pk) if page else redirect(reverse("conversation", args=[row.pk]) + "#composer")
    text = request.POST.get("text", "")
    road = road_in(request, user, row)
    account = previews.account_for(row, road)
    shown = previews.measured(account, text, None if road else row) if text.strip() else None
    count = previews.count_of(shown)
    told = {"words": count.words, "tone": count.tone} if count else None
    return JsonResponse({"revision": saved.revision if saved else 0, "count": told})


def _behind(request: HttpRequest, row: Conversation, behind: Behind) -> HttpResponse:
    """Tell a page that is behind, with what is stored, so that the person takes either."""
    if not is_htmx(request):
        messages.error(request, str(behind))
        return redirect(reverse("conversation", args=[row.pk]) + "#composer")
    stored = behind.draft
    context = {"draft": stored, "said": str(behind)}
    found: dict[str, Any] = {
        "revision": stored.revision if stored else 0,
        "text": stored.text if stored else "",
        "kind": stored.kind if stored else "",
        "html": render_to_string("desk/drafts/_behind.html", context, request),
    }
    return JsonResponse(found, status=409)


def _attach(user: User, row: Conversation, file: Any) -> Draft:
    kind = file.content_type or "application/octet-stream"
    services.checked_file(name=file.name or "file", size=file.size or 0, others=[])  # before it is read
    return services.attach_file(user=user, conversation=row, name=file.name or "file", kind=kind, content=file.read())


@staff("POST")
def draft_files(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Take an uploaded file into the draft; answer with its line."""
    user = person(request)
    row = access_conversation(user, conversation_id)
    drawn: list[dict[str, Any]] = []
    for file in request.FILES.getlist("files"):
        kept = _attach(user, row, file).files[-1]
        drawn.append({"id": kept["id"], "name": kept["name"], "size": words.size_words(kept["size"])})
    if not is_htmx(request):
        return redirect(reverse("conversation", args=[row.pk]) + "#composer")
    return JsonResponse({"files": drawn})


@staff("POST")
def draft_file_removal(request: HttpRequest, conversation_id: int, file_id: str) -> HttpResponse:
    """Take a file out of the draft, and keep what is written."""
    user = person(request)
    row = access_conversation(user, conversation_id)
    if "text" in request.POST and not is_htmx(request):
        services.save_draft(user=user, conversation=row, words=words_in(request), known=None)
    services.detach_file(user=user, conversation=row, file_id=file_id)
    if is_htmx(request):
        return HttpResponse(status=204)
    return redirect(reverse("conversation", args=[row.pk]) + "#composer")


@staff("POST")
def draft_disposal(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Throw a draft away."""
    user = person(request)
    row = access_conversation(user, conversation_id)
    services.discard_draft(user=user, conversation=row)
    if is_htmx(request):
        return HttpResponse(status=204)
    messages.success(request, _("Draft thrown away."))
    return redirect("drafts")


@staff("GET")
def drafts(request: HttpRequest) -> HttpResponse:
    """List what the person has begun to write and not sent."""
    return render(request, "desk/drafts/list.html", {"drafts": drafts_of(person(request))})
