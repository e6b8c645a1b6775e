"""What another system knows about contacts: filled in where we know nothing, never over what is here already."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from comptoir.contacts.services import MAX_ATTRIBUTE, MAX_ATTRIBUTES
from comptoir.core import bulk
from comptoir.core.textfold import clean
from comptoir.journal import services as journal
from comptoir.journal.services import Actor, Entry

# Changes only what is empty, and returns only what changed: a second import of the same people changes nothing.
FILL = """
UPDATE contacts_contact c SET
    name = CASE WHEN c.name = '' THEN v.name ELSE c.name END,
    company = CASE WHEN c.company = '' THEN v.company ELSE c.company END,
    language = CASE WHEN c.language = '' THEN v.language ELSE c.language END,
    attributes = v.attributes || c.attributes
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::jsonb[]) AS v(id, name, company, language, attributes)
WHERE c.id = v.id AND ((c.name = '' AND v.name <> '') OR (c.company = '' AND v.company <> '')
    OR (c.language = '' AND v.language <> '') OR (v.attributes || c.attributes) <> c.attributes)
RETURNING c.id
"""


@dataclass(frozen=True, slots=True)
class Details:
    """What is said about one contact."""

    contact_id: int
    name: str = ""
    company: str = ""
    language: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


def fill_in(*, actor: Actor, details: Sequence[Details], source: str) -> None:
    """Fill in what is empty, one event for each contact that changed. Must run inside a transaction."""
    by_contact = {one.contact_id: one for one in reversed(details)}  # of two that say something, the first
    ordered = [by_contact[number] for number in sorted(by_contact)]
    if not ordered:
        return
    columns = [
        [one.contact_id for one in ordered],
        [" ".join(clean(one.name).split())[:200] for one in ordered],
        [" ".join(clean(one.company).split())[:200] for one in ordered],
        [one.language[:8] for one in ordered],
        [json.dumps(_short(one.attributes)) for one in ordered],
    ]
    changed = [row[0] for row in bulk.fetch_all(FILL, columns)]
    facts = {"source": source}
    journal.append_all([Entry(actor, "contact.imported", contact_id=number, facts=facts) for number in sorted(changed)])


def _short(attributes: Mapping[str, str]) -> dict[str, str]:
    pairs = list(attributes.items())[:MAX_ATTRIBUTES]
    return {clean(name)[:MAX_ATTRIBUTE]: clean(value)[:MAX_ATTRIBUTE] for name, value in pairs}
