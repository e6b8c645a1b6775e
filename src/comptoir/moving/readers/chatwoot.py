"""Chatwoot: answers of its API as JSON (contacts, conversations, messages, inboxes, canned responses, articles).

Field names follow Chatwoot's public API reference; see doc.md.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from comptoir.moving.readers.loading import Layout, load
from comptoir.moving.shape import (
    ArticleItem,
    ContactItem,
    ConversationItem,
    File,
    Item,
    Party,
    ReplyItem,
    Said,
    SkippedItem,
)
from comptoir.moving.shelf import Row, Shelf
from comptoir.moving.sources import Source
from comptoir.moving.values import address, attributes, decoded, first, instant, mapping, parties, rows, tags, text

# 'pending' waits for a bot there, not for the customer.
STATES = {"open": "open", "pending": "open", "resolved": "solved", "snoozed": "snoozed"}
PRIORITIES = {"low": -1, "medium": 0, "high": 1, "urgent": 2}
# Message types by number and by name: 'activity' is their journal, 'template' a machine's own words.
TYPES = {"0": "in", "incoming": "in", "1": "out", "outgoing": "out", "3": "out", "template": "out"}


def _shape(row: dict[str, Any]) -> str:
    if "message_type" in row:
        return "messages"
    if "inbox_id" in row and ("status" in row or "messages" in row):
        return "conversations"
    if "short_code" in row:
        return "canned_responses"
    if "channel_type" in row:
        return "inboxes"
    if "phone_number" in row and "identifier" in row:
        return "contacts"
    return "articles" if "content" in row and "title" in row else ""


LAYOUT = Layout(
    names={
        "contacts": "contacts contact",
        "conversations": "conversations conversation",
        "messages": "messages",
        "inboxes": "inboxes inbox",
        "canned_responses": "canned_responses canned",
        "articles": "articles article",
    },
    parents={"messages": "conversation_id"},
    shape=_shape,
)


def read(source: Source, options: Mapping[str, str]) -> Iterator[Item]:
    """Yield everything that a Chatwoot export holds. Raises InputError where a file cannot be read."""
    with Shelf() as shelf:
        load(source, LAYOUT, shelf)
        for row in shelf.all("contacts"):
            yield ContactItem(row.place, _party(row.value))
        for row in shelf.all("conversations"):
            yield _conversation(row, shelf, source)
        for row in shelf.all("canned_responses"):
            code = text(row.value.get("short_code"))
            yield ReplyItem(row.place, row.key, code, text(row.value.get("content")), shortcut=code)
        for row in shelf.all("articles"):
            article, category = row.value, mapping(row.value.get("category"))
            language = first(article, "locale") or first(category, "locale")
            yield ArticleItem(
                row.place, row.key, text(article.get("title")), text(article.get("content")), language[:2],
                text(category.get("name")),
            )  # fmt: skip


def _party(person: Mapping[str, Any]) -> Party:
    more = mapping(person.get("additional_attributes"))
    return Party(
        key=text(person.get("id")), name=first(person, "name", "available_name"), email=address(person.get("email")),
        phone=text(person.get("phone_number")), company=text(more.get("company_name")),
        attributes=attributes(person.get("custom_attributes"), {"identifier": person.get("identifier")}),
    )  # fmt: skip


def _conversation(row: Row, shelf: Shelf, source: Source) -> Item:
    conversation, meta = row.value, mapping(row.value.get("meta"))
    sender = mapping(meta.get("sender")) or shelf.get("contacts", conversation.get("contact_id"))
    if not sender:
        return SkippedItem(row.place, row.key, "no-contact")
    contact = _party(sender)
    # A list of conversations carries only the last message of each; the whole thread is a download of its own.
    found = {text(message.get("id")): message for message in rows(conversation.get("messages"))}
    found |= {text(message.get("id")): message for message in shelf.children("messages", row.key)}
    said = [one for message in found.values() if (one := _message(message, contact, source)) is not None]
    said.sort(key=lambda one: one.at)
    created = instant(conversation.get("created_at")) or (said[0].at if said else None)
    if not said or created is None:
        return SkippedItem(row.place, row.key, "no-messages")
    agent = mapping(meta.get("assignee") or conversation.get("assignee"))
    inbox = shelf.get("inboxes", conversation.get("inbox_id"))
    subject = text(mapping(conversation.get("additional_attributes")).get("mail_subject"))
    state = STATES.get(text(conversation.get("status")), "open")
    return ConversationItem(
        row.place, row.key, contact, tuple(said), created, subject=subject or next((s.subject for s in said), ""),
        state=state, priority=PRIORITIES.get(text(conversation.get("priority")), 0),
        agent=_party(agent) if agent else None, inbox=address(inbox.get("email")) or text(inbox.get("name")),
        tags=tags(conversation.get("labels") or []),
        snoozed_until=instant(conversation.get("snoozed_until")) if state == "snoozed" else None,
    )  # fmt: skip


def _message(message: Mapping[str, Any], contact: Party, source: Source) -> Said | None:
    kind = TYPES.get(text(message.get("message_type")), "")
    at = instant(message.get("created_at"))
    files = tuple(_file(entry, source) for entry in rows(message.get("attachments")))
    mail = mapping(mapping(message.get("content_attributes")).get("email"))
    content = mapping(mail.get("text_content")).get("full") or message.get("content")
    html = text(mapping(mail.get("html_content")).get("full"))
    if not kind or at is None or not (text(content) or html or files):
        return None
    sender = mapping(message.get("sender"))
    author = _party(sender) if sender else contact if kind == "in" else Party()
    message_id = first(mail, "message_id") or text(message.get("source_id"))
    return Said(
        "note" if message.get("private") is True else kind, contact if kind == "in" else author, at,
        text=text(content), html=html, subject=text(mail.get("subject")),
        message_id=message_id.strip("<>") if "@" in message_id else "",
        to=parties(mail.get("to")), cc=parties(mail.get("cc")), files=files,
        automatic="template" if text(message.get("message_type")) in ("3", "template") else "",
    )  # fmt: skip


def _file(entry: Mapping[str, Any], source: Source) -> File:
    address_ = text(entry.get("data_url"))
    name = first(entry, "file_name", "fallback_title") or address_.rpartition("/")[2].partition("?")[0]
    number = text(entry.get("id"))
    content = decoded(entry.get("data"))
    beside = source.file(f"attachments/{number}/{name}", f"attachments/{number}-{name}")
    return File(name or f"file-{number}", text(entry.get("content_type")), (lambda: content) if content else beside)
