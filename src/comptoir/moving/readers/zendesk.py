"""Zendesk: the account's JSON export, or pages of its API (users, organizations, tickets, comments, macros, articles).

Field names follow Zendesk's public API reference; see doc.md.
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
from comptoir.moving.values import address, attributes, decoded, first, instant, mapping, rows, tags, text

STATES = {
    "new": "open",
    "open": "open",
    "pending": "pending",
    "hold": "pending",
    "on-hold": "pending",
    "solved": "solved",
    "closed": "solved",
}
PRIORITIES = {"low": -1, "normal": 0, "high": 1, "urgent": 2}


def _shape(row: dict[str, Any]) -> str:
    if "requester_id" in row or "requester" in row:
        return "tickets"
    if "ticket_id" in row and ("author_id" in row or "html_body" in row):
        return "comments"
    if "actions" in row and "title" in row:
        return "macros"
    return ""


LAYOUT = Layout(
    names={
        "users": "users user",
        "organizations": "organizations organization",
        "tickets": "tickets ticket",
        "comments": "comments comment ticket_comments",
        "macros": "macros macro",
        "articles": "articles article",
        "sections": "sections section",
    },
    parents={"comments": "ticket_id"},
    shape=_shape,
)


def read(source: Source, options: Mapping[str, str]) -> Iterator[Item]:
    """Yield everything that a Zendesk export holds. Raises InputError where a file cannot be read."""
    with Shelf() as shelf:
        load(source, LAYOUT, shelf)
        for row in shelf.all("users"):
            if _is_customer(row.value):
                yield ContactItem(row.place, _party(row.value, shelf))
        for row in shelf.all("tickets"):
            yield _ticket(row, shelf, source)
        for row in shelf.all("macros"):
            yield from _macro(row)
        for row in shelf.all("articles"):
            section = mapping(shelf.get("sections", row.value.get("section_id")))
            yield ArticleItem(
                row.place, row.key, first(row.value, "title", "name"), text(row.value.get("body")),
                text(row.value.get("locale"))[:2], text(section.get("name")),
            )  # fmt: skip


def _is_customer(user: Mapping[str, Any]) -> bool:
    return text(user.get("role")) in ("", "end-user")


def _party(user: Mapping[str, Any], shelf: Shelf) -> Party:
    organization = user.get("organization_id")
    company = text(mapping(user.get("organization")).get("name")) or text(
        shelf.get("organizations", organization).get("name") if organization else ""
    )
    return Party(
        key=text(user.get("id")), name=text(user.get("name")), email=address(user.get("email")),
        phone=text(user.get("phone")), company=company, language=text(user.get("locale"))[:2].lower(),
        attributes=attributes(user.get("user_fields"), {"notes": user.get("notes"), "details": user.get("details")}),
    )  # fmt: skip


def _user(shelf: Shelf, number: Any, embedded: Any = None) -> dict[str, Any]:
    """Return a user by number, or as the ticket carries it itself; {} for nobody."""
    found = shelf.get("users", number) if number is not None else {}
    return found or mapping(embedded)


def _ticket(row: Row, shelf: Shelf, source: Source) -> Item:
    ticket = row.value
    if text(ticket.get("status")) == "deleted":
        return SkippedItem(row.place, row.key, "deleted")
    requester_id = ticket.get("requester_id") or mapping(ticket.get("requester")).get("id")
    requester = _user(shelf, requester_id, ticket.get("requester"))
    if not requester:
        return SkippedItem(row.place, row.key, "no-contact")
    contact = _party(requester, shelf)
    comments = rows(ticket.get("comments")) or shelf.children("comments", row.key)
    said = [found for comment in comments if (found := _comment(comment, contact, shelf, source)) is not None]
    created = instant(ticket.get("created_at")) or (said[0].at if said else None)
    if not said and created is not None and text(ticket.get("description")):
        said = [Said("in", contact, created, text=text(ticket["description"]))]  # comments are a separate download
    if not said or created is None:
        return SkippedItem(row.place, row.key, "no-messages")
    assignee = _user(shelf, ticket.get("assignee_id"), ticket.get("assignee"))
    return ConversationItem(
        row.place, row.key, contact, tuple(said), created,
        subject=first(ticket, "raw_subject", "subject"), state=STATES.get(text(ticket.get("status")), "open"),
        priority=PRIORITIES.get(text(ticket.get("priority")), 0), agent=_party(assignee, shelf) if assignee else None,
        inbox=address(ticket.get("recipient")), tags=tags(ticket.get("tags") or []),
    )  # fmt: skip


def _comment(comment: Mapping[str, Any], contact: Party, shelf: Shelf, source: Source) -> Said | None:
    at = instant(comment.get("created_at"))
    if at is None:
        return None
    number = comment.get("author_id")
    user = _user(shelf, number, comment.get("author"))
    author = _party(user, shelf) if user else Party(key=text(number))
    is_theirs = author.key == contact.key or (bool(user) and _is_customer(user))
    kind = "note" if comment.get("public") is False else "in" if is_theirs else "out"
    via = mapping(mapping(comment.get("via")).get("source"))
    html = text(comment.get("html_body"))
    return Said(
        kind, author, at, text="" if html else first(comment, "plain_body", "body"), html=html,
        message_id=text(mapping(mapping(comment.get("metadata")).get("system")).get("message_id")).strip("<>"),
        to=(Party(email=mail),) if (mail := address(mapping(via.get("to")).get("address"))) else (),
        files=tuple(_file(entry, source) for entry in rows(comment.get("attachments"))),
    )  # fmt: skip


def _file(entry: Mapping[str, Any], source: Source) -> File:
    name, number = first(entry, "file_name", "filename"), text(entry.get("id"))
    content = decoded(entry.get("data") or entry.get("content"))
    read_ = (lambda: content) if content is not None else _beside(source, number, name)
    return File(name, text(entry.get("content_type")), read_)


def _beside(source: Source, number: str, name: str) -> Any:
    return source.file(f"attachments/{number}/{name}", f"attachments/{number}-{name}", f"attachments/{number}_{name}")


def _macro(row: Row) -> Iterator[Item]:
    """Yield the text of a macro that answers; one that only sets fields has none."""
    values = {text(action.get("field")): action.get("value") for action in rows(row.value.get("actions"))}
    said = values.get("comment_value_html") or values.get("comment_value")
    content = text(said[-1]) if isinstance(said, list) and said else text(said)
    if not content:
        yield SkippedItem(row.place, row.key, "macro-without-text")
        return
    folder, _colons, title = text(row.value.get("title")).rpartition("::")
    is_html = "comment_value_html" in values
    yield ReplyItem(
        row.place, row.key, title.strip(), "" if is_html else content, content if is_html else "", folder=folder
    )
