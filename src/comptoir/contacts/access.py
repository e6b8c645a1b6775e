"""INV-06 for contacts: a person sees those who wrote to one of their teams, and those who wrote to nobody yet."""

from django.db.models import Exists, OuterRef, QuerySet

from comptoir.accounts.models import User
from comptoir.accounts.queries import team_ids_of
from comptoir.contacts.models import Contact
from comptoir.core.errors import AccessDenied


def accessible_contacts(user: User) -> QuerySet[Contact]:
    """Return the contacts with a conversation in one of the person's teams, or without any; not the absorbed ones."""
    conversations = Contact.conversations.rel.related_model  # conversations come after contacts: no import upwards
    theirs = conversations.objects.filter(contact_id=OuterRef("pk"))
    found = Contact.objects.filter(merged_into=None)
    return found.filter(Exists(theirs.filter(team_id__in=team_ids_of(user))) | ~Exists(theirs))


def access_contact(user: User, contact_id: int) -> Contact:
    """Return one contact if the person may see it; raises AccessDenied, also when it does not exist."""
    contact = accessible_contacts(user).filter(pk=contact_id).first()
    if contact is None:
        raise AccessDenied("This contact does not exist, or never wrote to a team that you are in.")
    return contact
