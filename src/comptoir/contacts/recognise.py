"""Who writes? The batch stage that finds or creates the contact behind every author.

One statement finds all known identities, one creates the unknown ones; two workers that meet the same new author at
the same moment agree through the unique constraint `identity_once`.
"""

import json
from collections.abc import Sequence

from comptoir.core import bulk, clock
from comptoir.core.textfold import clean
from comptoir.core.types import Author
from comptoir.journal import services as journal

LOOKUP = """
SELECT i.kind, i.address, i.contact_id FROM contacts_identity i
JOIN unnest(%s::text[], %s::text[]) AS wanted(kind, address) ON i.kind = wanted.kind AND i.address = wanted.address
"""

CREATE = """
INSERT INTO contacts_identity (kind, address, name, contact_id, is_verified)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::boolean[])
ON CONFLICT ON CONSTRAINT identity_once DO NOTHING
RETURNING kind, address, contact_id
"""

REMEMBER = """
UPDATE contacts_contact c SET attributes = c.attributes || v.attributes,
       name = CASE WHEN c.name = '' THEN v.name ELSE c.name END
FROM unnest(%s::bigint[], %s::jsonb[], %s::text[]) AS v(id, attributes, name) WHERE c.id = v.id
"""

Key = tuple[str, str]


def normalised(author: Author) -> Author:
    """Return the author under the form by which identities are unique: e-mail addresses in lower case, lengths cut."""
    address = clean(author.address).strip()
    if author.kind == "email":
        address = address.lower()
    return Author(author.kind, address[:320], " ".join(clean(author.name).split())[:200])


def _lookup(keys: Sequence[Key]) -> dict[Key, int]:
    rows = bulk.fetch_all(LOOKUP, [[kind for kind, _ in keys], [address for _, address in keys]])
    return {(kind, address): contact_id for kind, address, contact_id in rows}


def recognise(authors: Sequence[Author]) -> dict[Key, int]:
    """Return the contact of every author by (kind, normalised address), creating who is new.

    Sorted before the insert, so that two batches never wait for each other in a circle.
    """
    wanted = {(author.kind, author.address): author for author in map(normalised, authors)}
    found = _lookup(list(wanted))
    missing = sorted(key for key in wanted if key not in found)
    if not missing:
        return found
    contact_ids = bulk.next_ids("contacts_contact_id_seq", len(missing))
    names = [wanted[key].name for key in missing]
    columns = [[key[0] for key in missing], [key[1] for key in missing], names, contact_ids, [True] * len(missing)]
    created = {(kind, address): contact_id for kind, address, contact_id in bulk.fetch_all(CREATE, columns)}
    now = clock.now()
    # The foreign key is checked at commit, so the identity may precede its contact.
    bulk.copy_rows(
        "contacts_contact",
        ("id", "name", "company", "language", "attributes", "created_at"),
        ((created[key], wanted[key].name, "", "", "{}", now) for key in missing if key in created),
    )
    lost = [key for key in missing if key not in created]  # somebody else was faster
    return found | created | (_lookup(lost) if lost else {})


def remember_claims(claims: Sequence[tuple[int, Author]]) -> None:
    """Keep what authors said they are (a chat visitor's e-mail): noted on the contact, never a proof.

    The address becomes an unverified identity only where nobody has it; it never joins two contacts.
    """
    if not claims:
        return
    rows = [(contact_id, normalised(author)) for contact_id, author in claims]
    attributes = [json.dumps({author.kind: author.address}) for _, author in rows]
    bulk.fetch_all(REMEMBER, [[c for c, _ in rows], attributes, [author.name for _, author in rows]])
    fresh = sorted({(a.kind, a.address): (a.name, contact_id) for contact_id, a in rows}.items())
    columns = [
        [key[0] for key, _ in fresh],
        [key[1] for key, _ in fresh],
        [name for _, (name, _) in fresh],
        [contact_id for _, (_, contact_id) in fresh],
        [False] * len(fresh),
    ]
    bulk.fetch_all(CREATE, columns)
    journal.append_all(
        [
            journal.Entry(journal.SYSTEM, "contact.claimed", contact_id=contact_id, facts={"kind": author.kind})
            for contact_id, author in rows
        ]
    )
