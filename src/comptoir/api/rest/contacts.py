"""Contacts over the API."""

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Query, Router

from comptoir.api.rest import schemas
from comptoir.api.rest.auth import READ, WRITE, caller
from comptoir.api.rest.pages import page
from comptoir.api.rest.problems import STATUSES, Problem
from comptoir.api.rest.shapes import contact_out
from comptoir.contacts.access import access_contact, accessible_contacts
from comptoir.contacts.services import change_contact
from comptoir.core.errors import InputError

router = Router(tags=["contacts"])


@router.get("", auth=READ, response={200: schemas.ContactPage, STATUSES: Problem})
def list_contacts(request: HttpRequest, query: Query[schemas.ContactQuery]) -> schemas.ContactPage:
    """List the contacts of your teams, newest first."""
    _actor, user = caller(request)
    found = accessible_contacts(user).prefetch_related("identities")
    if query.address:
        found = found.filter(identities__address=query.address.strip().lower()).distinct()
    rows, next_cursor = page(found, name="contacts", cursor=query.cursor, limit=query.limit)
    return schemas.ContactPage(items=[contact_out(row) for row in rows], next_cursor=next_cursor)


@router.get("/{contact_id}", auth=READ, response={200: schemas.ContactOut, STATUSES: Problem})
def get_contact(request: HttpRequest, contact_id: schemas.Id) -> schemas.ContactOut:
    """Get one contact."""
    _actor, user = caller(request)
    return contact_out(access_contact(user, contact_id))


@router.patch("/{contact_id}", auth=WRITE, response={200: schemas.ContactOut, STATUSES: Problem})
def patch_contact(request: HttpRequest, contact_id: schemas.Id, body: schemas.ContactPatch) -> schemas.ContactOut:
    """Change a contact. `attributes` replaces all attributes."""
    actor, user = caller(request)
    contact = access_contact(user, contact_id)
    fields = body.model_dump(exclude_unset=True)
    if empty := [name for name, value in fields.items() if value is None]:
        raise InputError(_("Send an empty text to empty a field, not null."), field=empty[0])
    return contact_out(change_contact(actor=actor, contact=contact, **fields))
