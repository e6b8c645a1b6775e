"""Writes what a reader found, batch by batch, through the bulk writers of contacts and conversations.

INV-02: `arrived_once` is claimed first and only what was claimed is written, so that a second run, or two at once, adds
nothing. INV-07: HTML is sanitised here. The trial (`survey`) asks the same questions and writes nothing.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from comptoir.accounts.models import Membership, User
from comptoir.channels.email.html_text import html_to_text
from comptoir.channels.email.sanitize import sanitise_html
from comptoir.channels.email.trim import trim_html, trim_text
from comptoir.channels.models import ChannelAccount
from comptoir.contacts.details import Details, fill_in
from comptoir.contacts.models import Identity
from comptoir.contacts.recognise import normalised, recognise
from comptoir.conversations.history import PastConversation, PastMessage, draw_ids, write_history
from comptoir.core import bulk, storage
from comptoir.core.filenames import name_attachment
from comptoir.core.types import Author, Blob
from comptoir.journal.services import Actor
from comptoir.moving import homes
from comptoir.moving.models import Arrived
from comptoir.moving.report import Report
from comptoir.moving.shape import ArticleItem, ContactItem, ConversationItem, Item, Party, ReplyItem, Said, SkippedItem
from comptoir.understanding.language import guess_language

CLAIM = """
INSERT INTO moving_arrived (source, kind, key, brought_by_id, object_id, content)
SELECT %s, v.kind, v.key, %s, v.object_id, v.content
FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::jsonb[]) AS v(kind, key, object_id, content)
ON CONFLICT ON CONSTRAINT arrived_once DO NOTHING RETURNING kind, key
"""
KEY_LENGTH = 200  # as in models.Arrived

Keyed = ConversationItem | ReplyItem | ArticleItem


@dataclass(frozen=True, slots=True)
class Staff:
    """The people here, to recognise the agents of the other system: by e-mail, else by a name that only one has."""

    by_email: Mapping[str, User] = field(default_factory=dict)
    by_name: Mapping[str, User] = field(default_factory=dict)
    members: frozenset[tuple[int, int]] = frozenset()  # (user, team)

    def find(self, party: Party | None) -> User | None:
        """Return who an agent of the other system is here."""
        if party is None:
            return None
        by_name = self.by_name.get(" ".join(party.name.lower().split())) if not party.email else None
        return self.by_email.get(party.email) or by_name


def staff() -> Staff:
    """Return everybody, also those who left: what they wrote stays theirs."""
    users = list(User.objects.all())
    names = [" ".join(user.name.lower().split()) for user in users]
    unique = {name: user for name, user in zip(names, users, strict=True) if names.count(name) == 1}
    members = frozenset(Membership.objects.values_list("user_id", "team_id"))
    return Staff({user.email.lower(): user for user in users}, unique, members)


@dataclass(frozen=True, slots=True)
class Target:
    """Where an import goes: its account and team, the accounts that its inboxes are, and who acts."""

    import_id: int
    system: str
    source: str  # "system:origin"
    account: ChannelAccount
    team_id: int
    accounts: Mapping[str, ChannelAccount]  # by address and by name, in small letters
    staff: Staff
    actor: Actor

    def account_of(self, inbox: str) -> ChannelAccount | None:
        """Return the account that an inbox of the other system is; None where none is."""
        return self.accounts.get(inbox.lower())


def author_of(party: Party, source: str) -> Author | None:
    """Return the identity of somebody: their address, their telephone, or their number over there; None for nobody."""
    if party.email:
        return normalised(Author("email", party.email, party.name))
    if digits := "".join(c for c in party.phone if c.isdigit() or c == "+"):
        return normalised(Author("phone", digits, party.name))
    return normalised(Author(source.partition(":")[0], f"{source}:{party.key}", party.name)) if party.key else None


def survey(items: Sequence[Item], target: Target, report: Report) -> None:
    """Count what writing these items would do."""
    known = _known(items, target)
    for item in items:
        checked = _checked(item, target)
        is_new = id(item) not in known
        report.add(checked, is_new=is_new)
        if is_new and isinstance(checked, ConversationItem):
            _note_unknown(checked, target, report)


@transaction.atomic
def write(items: Sequence[Item], target: Target, report: Report) -> None:
    """Write the items that did not come before."""
    checked = [_checked(item, target) for item in items]
    met = {id(item) for item in checked if isinstance(item, ContactItem)} & _known_contacts(checked, target)
    people = [item for item in checked if isinstance(item, ContactItem)]
    contacts = _meet([item.party for item in people], target)
    _fill(contacts, [item.party for item in people], target)
    keyed = [item for item in checked if isinstance(item, Keyed)]
    numbers = draw_ids(sum(isinstance(item, ConversationItem) for item in keyed))
    claimed = _claim(keyed, numbers, target)
    for item in checked:
        is_new = id(item) not in met if isinstance(item, ContactItem) else id(item) in claimed
        report.add(item, is_new=is_new)
    fresh = [item for item in keyed if isinstance(item, ConversationItem) and id(item) in claimed]
    _write_conversations(fresh, {id(item): claimed[id(item)] for item in fresh}, target, report)
    replies = [item for item in keyed if isinstance(item, ReplyItem) and id(item) in claimed]
    texts = [item.text or html_to_text(item.html) for item in replies]
    homes.keep_replies(actor=target.actor, replies=replies, texts=texts)
    articles = [item for item in keyed if isinstance(item, ArticleItem) and id(item) in claimed]
    homes.keep_articles(actor=target.actor, articles=articles)


def _checked(item: Item, target: Target) -> Item:
    """Return the item, or why it is left out: somebody without any address cannot be told apart."""
    party = (
        item.party if isinstance(item, ContactItem) else item.contact if isinstance(item, ConversationItem) else None
    )
    if party is not None and author_of(party, target.source) is None:
        key = item.key if isinstance(item, ConversationItem) else party.name
        return SkippedItem(item.place, key, "no-contact")
    return item


def _key(item: Keyed) -> str:
    """Return the key under which an item is known; a long one by its digest."""
    return item.key if len(item.key) <= KEY_LENGTH else hashlib.sha256(item.key.encode()).hexdigest()


def _kind(item: Keyed) -> str:
    if isinstance(item, ConversationItem):
        return Arrived.Kind.CONVERSATION
    return Arrived.Kind.REPLY if isinstance(item, ReplyItem) else Arrived.Kind.ARTICLE


def _known(items: Sequence[Item], target: Target) -> set[int]:
    """Return which items (by id()) came before."""
    keyed = [item for item in items if isinstance(item, Keyed)]
    rows = Arrived.objects.filter(source=target.source, key__in=[_key(item) for item in keyed])
    found = set(rows.values_list("kind", "key"))
    return {id(item) for item in keyed if (_kind(item), _key(item)) in found} | _known_contacts(items, target)


def _known_contacts(items: Sequence[Item], target: Target) -> set[int]:
    authors = {id(i): author_of(i.party, target.source) for i in items if isinstance(i, ContactItem)}
    wanted = [author.address for author in authors.values() if author is not None]
    found = set(Identity.objects.filter(address__in=wanted).values_list("kind", "address"))
    return {number for number, author in authors.items() if author and (author.kind, author.address) in found}


def _claim(keyed: Sequence[Keyed], numbers: Sequence[int], target: Target) -> dict[int, int | None]:
    """Claim the items that did not come before; return their conversation's number by id() of the item."""
    drawn = iter(numbers)
    wanted: dict[tuple[str, str], tuple[Keyed, int | None]] = {}
    for item in keyed:
        number = next(drawn) if isinstance(item, ConversationItem) else None
        wanted.setdefault((_kind(item), _key(item)), (item, number))
    ordered = sorted(wanted.items(), key=lambda entry: entry[0])  # two imports never wait for each other in a circle
    columns = [
        [key[0] for key, _ in ordered],
        [key[1] for key, _ in ordered],
        [number for _, (_item, number) in ordered],
        [json.dumps(_content(item)).replace("\\u0000", "") for _, (item, _number) in ordered],
    ]
    claimed = bulk.fetch_all(CLAIM, [target.source, target.import_id, *columns]) if ordered else []
    return {id(wanted[kind, key][0]): wanted[kind, key][1] for kind, key in claimed}


def _content(item: Keyed) -> dict[str, Any]:
    """Return what is kept of an item in its own row until it has a better home (homes.py)."""
    if isinstance(item, ConversationItem):
        return {"tags": list(item.tags)} if item.tags else {}
    common = {"title": item.title, "html": sanitise_html(item.html), "folder": item.folder}
    if isinstance(item, ReplyItem):
        return common | {"text": item.text or html_to_text(item.html), "shortcut": item.shortcut}
    return common | {"language": item.language}


def _meet(people: Sequence[Party], target: Target) -> dict[tuple[str, str], int]:
    """Return the contact of every person by (kind, address), creating who is new."""
    authors = [author for party in people if (author := author_of(party, target.source)) is not None]
    return recognise(authors) if authors else {}


def _fill(contacts: Mapping[tuple[str, str], int], people: Sequence[Party], target: Target) -> None:
    details = []
    for party in people:
        author = author_of(party, target.source)
        if author is not None:
            more = {"phone": party.phone} if party.phone and author.kind != "phone" else {}
            known = {**more, **party.attributes}
            number = contacts[author.kind, author.address]
            details.append(Details(number, party.name, party.company, party.language, known))
    fill_in(actor=target.actor, details=details, source=target.system)


def _write_conversations(
    items: Sequence[ConversationItem], numbers: Mapping[int, int | None], target: Target, report: Report
) -> None:
    people = [item.contact for item in items]
    people += [said.author for item in items for said in item.said if said.kind == "in"]
    contacts = _meet(people, target)
    _fill(contacts, [item.contact for item in items], target)
    past = []
    for item in items:
        number = numbers[id(item)]
        assert number is not None
        _note_unknown(item, target, report)
        past.append(_past(item, number, contacts, target))
    write_history(actor=target.actor, conversations=past)
    tags = {number: item.tags for item in items if item.tags and (number := numbers[id(item)])}
    homes.give_labels(actor=target.actor, tags=tags)


def _note_unknown(item: ConversationItem, target: Target, report: Report) -> None:
    """Count the agents and inboxes of a conversation that nobody and nothing here is."""
    for party in [item.agent, *(said.author for said in item.said if said.kind != "in")]:
        if party is not None and target.staff.find(party) is None:
            report.miss_agent(party)
    if target.account_of(item.inbox) is None:
        report.miss_inbox(item.inbox)


def _past(
    item: ConversationItem, number: int, contacts: Mapping[tuple[str, str], int], target: Target
) -> PastConversation:
    account = target.account_of(item.inbox)
    team_id = target.team_id if account is None else account.team_id
    account = account or target.account
    author = author_of(item.contact, target.source)
    assert author is not None
    agent = target.staff.find(item.agent)
    is_member = agent is not None and agent.is_active and (agent.pk, team_id) in target.staff.members
    contact_id = contacts[author.kind, author.address]
    absent = [file.filename for said in item.said for file in said.files if file.read is None]
    facts = {"source": target.system, "key": item.key, "import": target.import_id, "messages": len(item.said)}
    if item.tags:
        facts["tags"] = list(item.tags)[:50]
    if absent:
        facts["absent_files"] = absent[:50]
    return PastConversation(
        number, account.pk, account.kind, team_id, contact_id,
        tuple(_message(said, contact_id, contacts, target) for said in item.said), item.created_at,
        assignee_id=agent.pk if agent and is_member else None, subject=item.subject, state=item.state,
        priority=item.priority, snoozed_until=item.snoozed_until, facts=facts,
    )  # fmt: skip


def _message(said: Said, contact_id: int, contacts: Mapping[tuple[str, str], int], target: Target) -> PastMessage:
    text = said.text or html_to_text(said.html)
    visible = "" if said.kind == "note" else trim_html(said.html) if said.html else trim_text(text).visible
    author = author_of(said.author, target.source) if said.kind == "in" else None
    user = target.staff.find(said.author) if said.kind != "in" else None
    writer = contacts.get((author.kind, author.address), contact_id) if author else contact_id
    recipients = {"to": said.to, "cc": said.cc}
    return PastMessage(
        said.kind, said.at, text, visible_text="" if visible == text else visible,
        html=sanitise_html(said.html) if said.html and said.kind != "note" else "", subject=said.subject,
        language=guess_language(visible or text),
        author_name=user.name if user else said.author.name or said.author.email,
        author_address=said.author.email or said.author.phone, contact_id=writer if said.kind == "in" else None,
        user_id=user.pk if user else None, message_id=said.message_id, automatic=said.automatic,
        recipients={
            name: [{"name": party.name, "address": party.email} for party in people]
            for name, people in recipients.items() if people
        },
        blobs=_blobs(said),
    )  # fmt: skip


def _blobs(said: Said) -> tuple[Blob, ...]:
    """Put the files that the export carries into the storage."""
    found = []
    for file in said.files:
        content = file.read() if file.read is not None else b""
        if content:
            kind = file.content_type or "application/octet-stream"
            name = name_attachment(file.filename, kind)
            found.append(Blob(storage.put(content), name, kind, len(content)))
    return tuple(found)
