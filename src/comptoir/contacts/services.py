"""The only writer of contacts from the desk and the API; the pipeline's batch writer is recognise.py.

INV-10: merging two contacts can be undone. A merge moves identities and conversations and writes down which; the
messages keep the author they had. Undoing takes back what the merge moved, wherever later merges have carried it, and
hands over what the absorbed person's identities brought in between. So merges can be undone in any order.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import transaction
from django.utils.translation import gettext as _

from comptoir.accounts.models import User
from comptoir.contacts.access import accessible_contacts
from comptoir.contacts.fields import applied, changed_fields
from comptoir.contacts.models import Contact, ContactMerge, Identity
from comptoir.contacts.rules import Definition
from comptoir.core import bulk, clock
from comptoir.core.errors import AccessDenied, Conflict, InputError
from comptoir.core.textfold import clean
from comptoir.journal import services as journal
from comptoir.journal.services import Actor, Entry

FILLED = ("name", "company", "language")  # what a merge fills in where the survivor has nothing
LONGEST = {"name": 200, "company": 200, "language": 8}
MAX_ATTRIBUTES = 50
MAX_ATTRIBUTE = 1000  # characters of a key or a value

# The last contact of the chain of merges that starts at one.
HOLDER = """
WITH RECURSIVE chain(id, merged_into_id) AS (
    SELECT id, merged_into_id FROM contacts_contact WHERE id = %s
  UNION ALL
    SELECT c.id, c.merged_into_id FROM chain JOIN contacts_contact c ON c.id = chain.merged_into_id
)
SELECT id FROM chain WHERE merged_into_id IS NULL
"""
# What the absorbed person's identities brought while the contacts were one: conversations that they began, or that
# were split off from their messages …
BEGUN = """
SELECT c.id FROM conversations_conversation c
CROSS JOIN LATERAL (SELECT contact_id, author_address FROM conversations_message m
                    WHERE m.conversation_id = c.id AND m.kind = 'in' ORDER BY m.created_at, m.id LIMIT 1) first
WHERE c.contact_id = %s AND (first.contact_id = %s OR lower(first.author_address) = ANY(%s))
  AND (c.created_at >= %s OR EXISTS (SELECT FROM journal_event e
       WHERE e.conversation_id = c.id AND e.kind = 'conversation.created' AND e.at >= %s))
"""
# … and messages that they wrote.
WROTE = """
UPDATE conversations_message m SET contact_id = %s FROM conversations_conversation c
WHERE c.id = m.conversation_id AND c.contact_id = ANY(%s) AND m.kind = 'in' AND m.created_at >= %s
  AND lower(m.author_address) = ANY(%s)
"""


@transaction.atomic
def change_contact(*, actor: Actor, contact: Contact, **fields: Any) -> Contact:
    """Change the name, company, language or attributes of a contact. Raises InputError."""
    row = _lock([contact.pk])[contact.pk]
    if row.merged_into_id is not None:
        raise Conflict(_("This contact was merged into another one. Change that one, or undo the merge."))
    changes: dict[str, Any] = {}
    for name, value in fields.items():
        checked = _checked_attributes(value) if name == "attributes" else _checked_text(name, value)
        if getattr(row, name) != checked:
            changes[name] = {"from": getattr(row, name), "to": checked}
            setattr(row, name, checked)
    if changes:
        row.save(update_fields=sorted(changes))
        journal.append(actor=actor, kind="contact.changed", contact_id=row.pk, facts=changes)
    return row


@transaction.atomic
def set_contact_fields(
    *, actor: Actor, contact: Contact, definitions: Sequence[Definition], given: Mapping[str, object]
) -> Contact:
    """Set the values of the organisation's own fields that `given` names; the others stay. Raises InputError."""
    row = _lock([contact.pk])[contact.pk]
    if row.merged_into_id is not None:
        raise Conflict(_("This contact was merged into another one. Change that one, or undo the merge."))
    changes = changed_fields(row.fields, definitions, given)
    if changes:
        row.fields = applied(row.fields, changes)
        row.save(update_fields=["fields"])
        journal.append(actor=actor, kind="contact.fields_changed", contact_id=row.pk, facts=changes)
    return row


@transaction.atomic
def merge_contacts(*, actor: Actor, user: User, survivor: Contact, absorbed: Contact) -> ContactMerge:
    """Make two contacts one: the survivor takes over the identities and conversations of the absorbed one.

    Raises AccessDenied unless the person may see both (INV-06), InputError and Conflict in words.
    """
    if survivor.pk == absorbed.pk:
        raise InputError(_("Choose a different contact."), field="absorbed")
    ids = [survivor.pk, absorbed.pk]
    if accessible_contacts(user).filter(pk__in=ids).count() != len(ids):
        raise AccessDenied(_("This contact does not exist, or never wrote to a team that you are in."))
    rows = _lock(ids)
    survivor, absorbed = rows[survivor.pk], rows[absorbed.pk]
    if survivor.merged_into_id or absorbed.merged_into_id:
        raise Conflict(_("One of these contacts was merged into another one meanwhile. Reload and choose again."))
    identity_ids = list(absorbed.identities.order_by("pk").values_list("pk", flat=True))
    conversation_ids = list(_conversations(absorbed.pk).order_by("pk").values_list("pk", flat=True))
    Identity.objects.filter(pk__in=identity_ids).update(contact=survivor)
    _conversations(absorbed.pk).update(contact=survivor)
    filled = {
        name: getattr(absorbed, name) for name in FILLED if getattr(absorbed, name) and not getattr(survivor, name)
    }
    for name, value in filled.items():
        setattr(survivor, name, value)
    survivor.save(update_fields=list(filled))
    absorbed.merged_into = survivor
    absorbed.save(update_fields=["merged_into"])
    merge = ContactMerge.objects.create(
        survivor=survivor,
        absorbed=absorbed,
        identity_ids=identity_ids,
        conversation_ids=conversation_ids,
        filled=filled,
        made_by=user,
        made_at=clock.now(),
    )
    _tell(actor, "contact.merged", merge, conversation_ids)
    return merge


@transaction.atomic
def unmerge_contacts(*, actor: Actor, merge: ContactMerge) -> ContactMerge:
    """Undo a merge (INV-10), also when the survivor was merged since; raises Conflict when it was undone already."""
    holder_id = bulk.fetch_all(HOLDER, [merge.survivor_id])[0][0]
    rows = _lock({merge.survivor_id, merge.absorbed_id, holder_id})
    survivor, absorbed = rows[merge.survivor_id], rows[merge.absorbed_id]
    if bulk.fetch_all(HOLDER, [merge.survivor_id])[0][0] != holder_id:
        raise Conflict(_("Somebody else merged these contacts at the same moment. Try again."))
    merge = ContactMerge.objects.select_for_update().get(pk=merge.pk)
    if merge.undone_at is not None or absorbed.merged_into_id != survivor.pk:
        raise Conflict(_("This was undone already."))
    absorbed.merged_into = None
    absorbed.save(update_fields=["merged_into"])
    identities = Identity.objects.filter(pk__in=merge.identity_ids, contact_id=holder_id)
    addresses = sorted({address.lower() for address in identities.values_list("address", flat=True)})
    identities.update(contact=absorbed)
    made = merge.made_at
    begun = [row[0] for row in bulk.fetch_all(BEGUN, [holder_id, absorbed.pk, addresses, made, made])]
    known = _conversations(holder_id).filter(pk__in=merge.conversation_ids).values_list("pk", flat=True)
    returned = sorted({*begun, *known})
    bulk.fetch_all(WROTE, [absorbed.pk, [holder_id, absorbed.pk], made, addresses])
    _conversations(holder_id).filter(pk__in=returned).update(contact=absorbed)
    emptied = [name for name, value in merge.filled.items() if getattr(survivor, name) == value]
    for name in emptied:
        setattr(survivor, name, "")
    survivor.save(update_fields=emptied)
    merge.undone_at = clock.now()
    merge.save(update_fields=["undone_at"])
    _tell(actor, "contact.unmerged", merge, returned)
    return merge


def _lock(ids: Iterable[int]) -> dict[int, Contact]:
    return {row.pk: row for row in Contact.objects.filter(pk__in=ids).order_by("pk").select_for_update()}


def _conversations(contact_id: int) -> Any:
    """Return the contact's conversations. Their app comes after this one, so that it is found, not imported."""
    return apps.get_model("conversations", "Conversation")._default_manager.filter(contact_id=contact_id)


def _checked_text(name: str, value: object) -> str:
    if name not in LONGEST or not isinstance(value, str):
        raise InputError(_("“%(name)s” cannot be changed to this.") % {"name": name}, field=name)
    text = " ".join(clean(value).split())
    if len(text) > LONGEST[name]:
        raise InputError(_("Use at most %(count)d characters.") % {"count": LONGEST[name]}, field=name)
    return text


def _checked_attributes(value: object) -> dict[str, str]:
    """Return the attributes as short texts by name: what a CRM knows, not a place for documents."""
    if not isinstance(value, dict) or len(value) > MAX_ATTRIBUTES:
        raise InputError(_("Give at most %(count)d attributes.") % {"count": MAX_ATTRIBUTES}, field="attributes")
    pairs = {clean(str(name)): clean(str(content)) for name, content in value.items()}
    if any(len(text) > MAX_ATTRIBUTE for pair in pairs.items() for text in pair):
        raise InputError(_("Use at most %(count)d characters.") % {"count": MAX_ATTRIBUTE}, field="attributes")
    return pairs


def _tell(actor: Actor, kind: str, merge: ContactMerge, conversation_ids: list[int]) -> None:
    """Append the event to the story of both contacts and announce the conversations whose contact changed (INV-04)."""
    facts = {"merge": merge.pk, "survivor": merge.survivor_id, "absorbed": merge.absorbed_id}
    entries = [Entry(actor, kind, contact_id=merge.survivor_id, facts=facts)]
    entries += [Entry(actor, kind, i, merge.survivor_id, facts=facts) for i in conversation_ids]
    journal.append_all(entries)


@transaction.atomic
def learn_name(*, identity_id: int, name: str, at: datetime) -> None:
    """Keep what a network calls an author ('' where it does not tell), and that it was asked. No person's act."""
    identity = Identity.objects.select_for_update().get(pk=identity_id)
    identity.name_asked_at, identity.name = at, " ".join(clean(name).split())[:200] or identity.name
    identity.save(update_fields=["name_asked_at", "name"])
    if identity.name:
        Contact.objects.filter(pk=identity.contact_id, name="").update(name=identity.name)
