"""Contacts: who writes to us, under which addresses, and the merging of two that are one person."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from comptoir.accounts.services import actor_of
from comptoir.contacts.access import access_contact, accessible_contacts
from comptoir.contacts.fields import all_fields
from comptoir.contacts.models import Contact, ContactMerge, CustomField
from comptoir.contacts.services import merge_contacts, unmerge_contacts
from comptoir.conversations.queries import story_of
from comptoir.core.errors import AccessDenied, InputError
from comptoir.desk.guard import person, staff
from comptoir.desk.queries.people import find_contacts, newest_contacts
from comptoir.desk.views.fields import own_fields

CONTACT_PAGE = 50


@staff("GET")
def contacts(request: HttpRequest) -> HttpResponse:
    """Show the newest contacts, or those that a search finds."""
    user, text = person(request), request.GET.get("q", "").replace("\x00", "").strip()[:100]
    before = request.GET.get("before", "")
    start = int(before) if before.isdecimal() and len(before) < 19 else None
    if text:
        found, more = find_contacts(user, text, limit=CONTACT_PAGE), None
    else:
        found, more = newest_contacts(user, before=start, limit=CONTACT_PAGE)
    return render(request, "desk/contacts/list.html", {"q": text, "found": found, "more": more})


@staff("GET")
def contact(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Show a contact: identities, facts, conversations, and the merges that can be undone."""
    user = person(request)
    absorbed = Contact.objects.filter(pk=contact_id, merged_into__isnull=False).first()
    if absorbed is not None and absorbed.merged_into_id:
        return redirect("contact", access_contact(user, absorbed.merged_into_id).pk)
    row = access_contact(user, contact_id)
    text = request.GET.get("q", "").replace("\x00", "").strip()[:100]
    context = {
        "contact": row,
        "identities": list(row.identities.order_by("id")),
        "story": story_of(user, row.pk, limit=50),
        "merges": list(row.merges.filter(undone_at__isnull=True).select_related("absorbed", "made_by").order_by("-id")),
        "own_fields": own_fields(all_fields(CustomField.Subject.CONTACT), row.fields),
        "q": text,
        "candidates": [other for other in find_contacts(user, text) if other.pk != row.pk] if text else [],
    }
    return render(request, "desk/contacts/page.html", context)


@staff("POST")
def merges(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Absorb another contact: the same person under another address."""
    user = person(request)
    survivor = access_contact(user, contact_id)
    asked = request.POST.get("absorbed", "")
    if not asked.isdecimal():
        raise InputError(_("Choose one from the list."), field="absorbed")
    absorbed = access_contact(user, int(asked))
    merge_contacts(actor=actor_of(user), user=user, survivor=survivor, absorbed=absorbed)
    messages.success(request, _("Merged. It can be undone here."))
    return redirect("contact", survivor.pk)


@staff("POST")
def merge_undo(request: HttpRequest, merge_id: int) -> HttpResponse:
    """Undo a merge of two contacts (INV-10)."""
    user = person(request)
    merge = ContactMerge.objects.filter(pk=merge_id).first()
    if merge is None or not accessible_contacts(user).filter(pk=merge.survivor_id).exists():
        raise AccessDenied("no such merge")
    unmerge_contacts(actor=actor_of(user), merge=merge)
    messages.success(request, _("Undone."))
    return redirect("contact", merge.survivor_id)
