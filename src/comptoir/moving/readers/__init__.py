"""The readers: one module a system, from an export to the items of shape.py. Nothing else lists them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from comptoir.moving.readers import chatwoot, freescout, tables, zammad, zendesk
from comptoir.moving.shape import Item
from comptoir.moving.sources import Source

Read = Callable[[Source, Mapping[str, str]], Iterator[Item]]


@dataclass(frozen=True, slots=True)
class System:
    """One system that people move in from. `what` says which files to hand over."""

    name: str
    label: Any
    what: Any
    read: Read


SYSTEMS: dict[str, System] = {
    system.name: system
    for system in (
        System(
            "zendesk",
            "Zendesk",
            _(
                "The JSON export of your account (Admin Center, Account, Tools, Reports), or the answers of its API: "
                "users, organizations, tickets with their comments, macros and help centre articles."
            ),
            zendesk.read,
        ),
        System(
            "zammad",
            "Zammad",
            _(
                "The answers of its API as JSON: users, tickets, ticket_articles, text_modules and the knowledge base. "
                "One file each, or a zip of them."
            ),
            zammad.read,
        ),
        System(
            "chatwoot",
            "Chatwoot",
            _(
                "The answers of its API as JSON: contacts, conversations with their messages, inboxes, "
                "canned_responses and articles. One file each, or a zip of them."
            ),
            chatwoot.read,
        ),
        System(
            "freescout",
            "FreeScout",
            _(
                "A dump of its database (mysqldump, .sql), or the answers of its API as JSON: customers, "
                "conversations with their threads, users, mailboxes and saved replies."
            ),
            freescout.read,
        ),
        System(
            "csv",
            _("Table (CSV)"),
            _(
                "Contacts with one line each, or conversations with one line a message. You may say which column is "
                "what; usual names are recognised."
            ),
            tables.read,
        ),
    )
}
