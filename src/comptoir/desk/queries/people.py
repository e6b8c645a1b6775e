"""The readers of contacts: by the beginning of their name or address, and the newest."""

import re
from typing import Any

from django.db import connection

from comptoir.accounts.models import User
from comptoir.channels.registry import channels
from comptoir.contacts.access import accessible_contacts
from comptoir.contacts.models import Contact

# By words of the name (GIN, contact_words) and by the beginning of an address (identity_once, one range a kind).
FIND_CONTACTS = """
SELECT id FROM (
    (SELECT k.id FROM contacts_contact k
     WHERE to_tsvector('simple'::regconfig, comptoir_fold(k.name || ' ' || k.company))
           @@ to_tsquery('simple', comptoir_fold(%(words)s)) LIMIT %(limit)s)
    UNION
    (SELECT i.contact_id FROM contacts_identity i
     WHERE i.kind = ANY(%(kinds)s) AND i.address >= %(start)s AND i.address < %(end)s LIMIT %(limit)s)
) found LIMIT %(limit)s
"""
MOST = 200  # contacts of whom we ask whose they are


def identity_kinds() -> set[str]:
    """Return the networks that identities can be on."""
    return {channel.identity_kind for channel in channels().values()}


def contact_ids(text: str, *, limit: int = MOST) -> list[int]:
    """Return contacts by the beginning of the words of their name or of an address, whoever may see them."""
    text = text.strip().lower()[:100]
    words = re.findall(r"\w+", text)
    if len(text) < 2 or not words:
        return []
    params: dict[str, Any] = {
        "words": " & ".join(f"{word}:*" for word in words), "kinds": list(identity_kinds()), "start": text,
        "end": text + "\U0010ffff", "limit": limit,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(FIND_CONTACTS, params)
        return [row[0] for row in cursor.fetchall()]


def find_contacts(user: User, text: str, *, limit: int = 8) -> list[Contact]:
    """Return contacts by the beginning of the words of their name or of an address; of the person's teams only."""
    ids = contact_ids(text)
    if not ids:
        return []
    found = accessible_contacts(user).filter(pk__in=ids).prefetch_related("identities")
    return list(found.order_by("name", "pk")[:limit])


def newest_contacts(user: User, *, before: int | None = None, limit: int = 50) -> tuple[list[Contact], int | None]:
    """Return the newest of the person's contacts, and where the next page begins.

    Looks at a bounded number of the newest contacts and then asks whose they are: asked the other way round, the
    database would collect the contacts of all conversations first.
    """
    newest = Contact.objects.filter(merged_into__isnull=True)
    if before:
        newest = newest.filter(pk__lt=before)
    ids = list(newest.order_by("-id").values_list("pk", flat=True)[: limit * 10])
    found = list(accessible_contacts(user).filter(pk__in=ids).order_by("-id").prefetch_related("identities")[:limit])
    if len(found) == limit:
        return found, found[-1].pk
    return found, ids[-1] if len(ids) == limit * 10 else None
