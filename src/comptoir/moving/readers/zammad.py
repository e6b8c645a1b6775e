"""Zammad: answers of its API as JSON (users, tickets, ticket_articles, text_modules, knowledge base).

`expand=true` (names) and the plain form (numbers) are both read, as are the 'assets' of full answers. Field names
follow Zammad's public API documentation; see doc.md.
"""

from collections.abc import Iterator, Mapping
from email.utils import parseaddr
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

# The numbers that every installation is made with.
STATE_NUMBERS = {
    "1": "new",
    "2": "open",
    "3": "pending reminder",
    "4": "closed",
    "5": "merged",
    "6": "removed",
    "7": "pending close",
}
STATES = {"closed": "solved", "pending close": "pending", "pending reminder": "snoozed"}
SENDER_NUMBERS = {"1": "Agent", "2": "Customer", "3": "System"}
AGENT_ROLES = {"Agent", "Admin", "1", "2"}
PRIORITIES = {"1": -1, "2": 0, "3": 1}


def _shape(row: dict[str, Any]) -> str:
    if "ticket_id" in row and ("body" in row or "sender_id" in row):
        return "articles"
    if "number" in row and ("customer_id" in row or "customer" in row):
        return "tickets"
    if "keywords" in row and "content" in row:
        return "text_modules"
    return "users" if "firstname" in row and "login" in row else ""


LAYOUT = Layout(
    names={
        "users": "users user",
        "organizations": "organizations organization",
        "groups": "groups group",
        "tickets": "tickets ticket",
        "articles": "ticket_articles ticketarticle articles",
        "text_modules": "text_modules textmodules textmodule text_module",
        "answers": "knowledgebaseanswertranslation answers",
        "answer_contents": "knowledgebaseanswertranslationcontent",
    },
    parents={"articles": "ticket_id"},
    shape=_shape,
)


def read(source: Source, options: Mapping[str, str]) -> Iterator[Item]:
    """Yield everything that a Zammad export holds. Raises InputError where a file cannot be read."""
    with Shelf() as shelf:
        load(source, LAYOUT, shelf)
        for row in shelf.all("users"):
            if not _is_agent(row.value) and text(row.value.get("login")) != "-":
                yield ContactItem(row.place, _party(row.value, shelf))
        for row in shelf.all("tickets"):
            yield _ticket(row, shelf, source)
        for row in shelf.all("text_modules"):
            names = first(row.value, "keywords")
            title = first(row.value, "name") or names
            yield ReplyItem(row.place, row.key, title, html=text(row.value.get("content")), shortcut=names)
        for row in shelf.all("answers"):
            content = mapping(row.value.get("content")) or shelf.get("answer_contents", row.value.get("content_id"))
            yield ArticleItem(row.place, row.key, text(row.value.get("title")), text(content.get("body")))


def _is_agent(user: Mapping[str, Any]) -> bool:
    roles = user.get("roles") or user.get("role_ids") or []
    return any(str(role) in AGENT_ROLES for role in roles) if isinstance(roles, list) else False


def _party(user: Mapping[str, Any], shelf: Shelf) -> Party:
    organization = text(user.get("organization")) or text(
        shelf.get("organizations", user.get("organization_id")).get("name")
    )
    return Party(
        key=text(user.get("id")), name=f"{text(user.get('firstname'))} {text(user.get('lastname'))}".strip(),
        email=address(user.get("email")) or address(user.get("login")), phone=first(user, "phone", "mobile"),
        company=organization, attributes=attributes({"note": user.get("note")}),
    )  # fmt: skip


def _who(row: Mapping[str, Any], name: str, shelf: Shelf) -> Party | None:
    """Return the person in a field, named by number ('customer_id') or by address ('customer')."""
    number, said = row.get(f"{name}_id"), row.get(name)
    if text(number) and (user := shelf.get("users", number)):
        return None if text(user.get("login")) == "-" else _party(user, shelf)
    if isinstance(said, dict):
        return _party(said, shelf)
    if address(said):
        return Party(key=text(number), email=address(said))
    # User number 1 is Zammad's nobody.
    return Party(key=text(number), name=text(said)) if text(number) not in ("", "1") and text(said) != "-" else None


def _ticket(row: Row, shelf: Shelf, source: Source) -> Item:
    ticket = row.value
    state = text(ticket.get("state")) or STATE_NUMBERS.get(text(ticket.get("state_id")), "open")
    if state in ("merged", "removed"):
        return SkippedItem(row.place, row.key, state)
    contact = _who(ticket, "customer", shelf)
    if contact is None:
        return SkippedItem(row.place, row.key, "no-contact")
    articles = rows(ticket.get("articles")) or shelf.children("articles", row.key)
    said = [found for article in articles if (found := _article(article, contact, shelf, source)) is not None]
    created = instant(ticket.get("created_at")) or (said[0].at if said else None)
    if not said or created is None:
        return SkippedItem(row.place, row.key, "no-messages")
    until = instant(ticket.get("pending_time")) if state == "pending reminder" else None
    group = text(ticket.get("group")) or text(shelf.get("groups", ticket.get("group_id")).get("name"))
    priority = text(ticket.get("priority")) or text(ticket.get("priority_id"))
    return ConversationItem(
        row.place, row.key, contact, tuple(said), created, subject=text(ticket.get("title")),
        state=STATES.get(state, "open"), priority=PRIORITIES.get(priority[:1], 0),
        agent=_who(ticket, "owner", shelf), inbox=group, tags=tags(ticket.get("tags") or []), snoozed_until=until,
    )  # fmt: skip


def _article(article: Mapping[str, Any], contact: Party, shelf: Shelf, source: Source) -> Said | None:
    at = instant(article.get("created_at"))
    sender = text(article.get("sender")) or SENDER_NUMBERS.get(text(article.get("sender_id")), "")
    if at is None:
        return None
    name, mail = parseaddr(text(article.get("from")))
    if sender == "Customer":
        author = Party(name=name, email=address(mail)) if address(mail) else contact
    else:
        author = _who(article, "created_by", shelf) or Party(name=name or sender, email=address(mail))
    is_internal = article.get("internal") in (True, "true", 1) or text(article.get("type")) == "note"
    kind = "in" if sender == "Customer" else "note" if is_internal or sender == "System" else "out"
    is_html = "html" in text(article.get("content_type"))
    body = text(article.get("body"))
    return Said(
        kind, author, at, text="" if is_html else body, html=body if is_html else "",
        subject=text(article.get("subject")), message_id=text(article.get("message_id")).strip("<>"),
        to=parties(article.get("to")), cc=parties(article.get("cc")),
        files=tuple(_file(entry, article, source) for entry in rows(article.get("attachments"))),
    )  # fmt: skip


def _file(entry: Mapping[str, Any], article: Mapping[str, Any], source: Source) -> File:
    name, number = text(entry.get("filename")), text(entry.get("id"))
    preferences = mapping(entry.get("preferences"))
    kind = first(preferences, "Content-Type", "Mime-Type") or first(entry, "mime-type")
    content = decoded(entry.get("data") or entry.get("content"))
    names = (f"attachments/{text(article.get('id'))}/{name}", f"attachments/{number}/{name}", f"attachments/{number}")
    return File(name, kind, (lambda: content) if content is not None else source.file(*names))
