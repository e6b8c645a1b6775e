"""FreeScout: a dump of its database (INSERT statements), or answers of its API as JSON.

The dump's rows are put into the form of the API first, so that one road reads both. Field names follow FreeScout's
public API documentation and its tables; see doc.md.
"""

import html as _html
from collections.abc import Iterator, Mapping
from typing import Any

from comptoir.moving.readers.loading import Layout, load
from comptoir.moving.shape import ContactItem, ConversationItem, File, Item, Party, ReplyItem, Said, SkippedItem
from comptoir.moving.shelf import Row, Shelf
from comptoir.moving.sources import Source, sql_rows
from comptoir.moving.values import address, attributes, decoded, first, instant, mapping, parties, rows, tags, text

STATUSES = {"1": "active", "2": "pending", "3": "closed", "4": "spam"}
STATES = {"active": "open", "pending": "pending", "closed": "solved"}
CONVERSATION_STATES = {"1": "draft", "2": "published", "3": "deleted"}
THREAD_STATES = {"1": "draft", "2": "published", "3": "hidden", "4": "review"}
THREAD_TYPES = {"1": "customer", "2": "message", "3": "note", "4": "lineitem", "8": "chat"}
KINDS = {"customer": "in", "chat": "in", "message": "out", "note": "note"}
TABLES = frozenset(
    "conversations threads customers emails users mailboxes saved_replies attachments tags conversation_tag".split()
)
# The table's column that names the row a row belongs to.
PARENTS = {
    "threads": "conversation_id",
    "emails": "customer_id",
    "attachments": "thread_id",
    "conversation_tag": "conversation_id",
}


def _shape(row: dict[str, Any]) -> str:
    if "mailboxId" in row and ("status" in row or "customer" in row):
        return "conversations"
    return "customers" if "firstName" in row and "photoUrl" in row and "role" not in row else ""


LAYOUT = Layout(
    names={
        "conversations": "conversations conversation",
        "threads": "threads thread",
        "customers": "customers customer",
        "users": "users user",
        "mailboxes": "mailboxes mailbox",
        "saved_replies": "saved_replies savedreplies",
    },
    parents={"threads": "conversation_id"},
    shape=_shape,
)


def read(source: Source, options: Mapping[str, str]) -> Iterator[Item]:
    """Yield everything that a FreeScout export holds. Raises InputError where a file cannot be read."""
    with Shelf() as shelf:
        load(source, LAYOUT, shelf)
        for table, place, values in sql_rows(source):
            if table in TABLES:
                key = text(values.get("id")) or f"{values.get('conversation_id')}:{values.get('tag_id')}"
                shelf.put(table, key, text(values.get(PARENTS.get(table, ""))), place, values)
        for row in shelf.all("customers"):
            yield ContactItem(row.place, _party(row.value, shelf))
        for row in shelf.all("conversations"):
            yield _conversation(row, shelf, source)
        for row in shelf.all("saved_replies"):
            yield ReplyItem(row.place, row.key, first(row.value, "name", "title"), html=text(row.value.get("text")))


def _party(person: Mapping[str, Any], shelf: Shelf) -> Party:
    """Return a customer or a user, from a table or from the API."""
    embedded = mapping(person.get("_embedded"))
    mails = [text(entry.get("value") or entry.get("email")) for entry in rows(embedded.get("emails"))]
    if not mails and "firstName" not in person:
        mails = [text(entry.get("email")) for entry in shelf.children("emails", person.get("id"))]
    phones = rows(embedded.get("phones"))
    last = first(person, "lastName", "last_name")
    return Party(
        key=text(person.get("id")), name=f"{first(person, 'firstName', 'first_name')} {last}".strip(),
        email=address(person.get("email")) or next((mail for mail in map(address, mails) if mail), ""),
        phone=text(phones[0].get("value")) if phones else "", company=text(person.get("company")),
        attributes=attributes({"jobTitle": first(person, "jobTitle", "job_title"), "notes": person.get("notes")}),
    )  # fmt: skip


def _person(row: Mapping[str, Any], kind: str, api: str, column: str, shelf: Shelf) -> Party | None:
    """Return who stands in a field: an object of the API, or a number of the table."""
    told = mapping(row.get(api)) or (shelf.get(kind, row[column]) if text(row.get(column)) else {})
    return _party(told, shelf) if told else None


def _conversation(row: Row, shelf: Shelf, source: Source) -> Item:
    conversation = row.value
    status = STATUSES.get(text(conversation.get("status")), text(conversation.get("status")))
    state = CONVERSATION_STATES.get(text(conversation.get("state")), text(conversation.get("state")))
    if status == "spam" or state in ("draft", "deleted"):
        return SkippedItem(row.place, row.key, status if status == "spam" else state)
    contact = _person(conversation, "customers", "customer", "customer_id", shelf)
    contact = contact or _by_mail(conversation.get("customer_email"))
    if contact is None:
        return SkippedItem(row.place, row.key, "no-contact")
    threads = rows(mapping(conversation.get("_embedded")).get("threads")) or shelf.children("threads", row.key)
    said = [one for thread in threads if (one := _thread(thread, contact, shelf, source)) is not None]
    said.sort(key=lambda one: one.at)  # the API gives the newest first
    created = instant(first(conversation, "createdAt", "created_at")) or (said[0].at if said else None)
    if not said or created is None:
        return SkippedItem(row.place, row.key, "no-messages")
    mailbox = shelf.get("mailboxes", first(conversation, "mailboxId", "mailbox_id"))
    return ConversationItem(
        row.place, row.key, contact, tuple(said), created, subject=text(conversation.get("subject")),
        state=STATES.get(status, "open"), agent=_person(conversation, "users", "assignee", "user_id", shelf),
        inbox=address(mailbox.get("email")) or text(mailbox.get("name")), tags=_tags(conversation, row.key, shelf),
    )  # fmt: skip


def _by_mail(value: object) -> Party | None:
    return Party(email=address(value)) if address(value) else None


def _tags(conversation: Mapping[str, Any], key: str, shelf: Shelf) -> tuple[str, ...]:
    links = shelf.children("conversation_tag", key)
    return tags(conversation.get("tags") or [shelf.get("tags", link.get("tag_id")) for link in links])


def _thread(thread: Mapping[str, Any], contact: Party, shelf: Shelf, source: Source) -> Said | None:
    kind = KINDS.get(THREAD_TYPES.get(text(thread.get("type")), text(thread.get("type"))), "")
    state = THREAD_STATES.get(text(thread.get("state")), text(thread.get("state")))
    at = instant(first(thread, "createdAt", "created_at"))
    if not kind or state not in ("", "published") or at is None:
        return None
    entries = rows(mapping(thread.get("_embedded")).get("attachments"))
    entries = entries or shelf.children("attachments", thread.get("id"))
    body = text(thread.get("body"))
    is_html = "<" in body or ("&" in body and _html.unescape(body) != body)
    if kind == "in":
        author = _person(thread, "customers", "customer", "created_by_customer_id", shelf) or contact
    else:
        author = _person(thread, "users", "createdBy", "created_by_user_id", shelf) or Party()
    return Said(
        kind, author, at, text="" if is_html else body, html=body if is_html else "",
        message_id=first(thread, "message_id", "messageId").strip("<>"),
        to=parties(thread.get("to")), cc=parties(thread.get("cc")),
        files=tuple(_file(entry, source) for entry in entries),
    )  # fmt: skip


def _file(entry: Mapping[str, Any], source: Source) -> File:
    name, number = first(entry, "fileName", "file_name"), text(entry.get("id"))
    content = decoded(entry.get("data"))
    # storage/app/attachment/<file_dir><file_name>, as FreeScout keeps them
    beside = source.file(f"attachment/{text(entry.get('file_dir'))}{name}", f"attachments/{number}/{name}")
    return File(name, first(entry, "mimeType", "mime_type"), (lambda: content) if content is not None else beside)
