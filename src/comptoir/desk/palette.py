"""The command palette: where one can go, and who finds what by its name (INV-06).

What can be done on the open page, the browser knows (`data-key`, `data-command`); everything else is found here. Pages
of settings come from settings_pages.py; a new kind of thing (articles) is one function in SOURCES.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from comptoir.accounts.models import Role, User
from comptoir.contacts.models import Contact
from comptoir.conversations.models import Conversation, SavedView
from comptoir.conversations.saving import views_of
from comptoir.desk.highlight import fold
from comptoir.desk.queries import palette as queries
from comptoir.desk.queries.people import find_contacts
from comptoir.desk.settings_pages import groups_for
from comptoir.desk.templatetags.desk import icon_of, identity_words

LONGEST = 100  # characters that are read
MOST = 6  # of one group

OFFICE = (Role.LEAD, Role.ADMIN, Role.AUDITOR)
LEADS = (Role.LEAD, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Destination:
    """A page that one can go to. `words` are other names it is looked for by, in both languages at once."""

    name: str  # of its address
    label: str | Promise
    words: str
    icon: str
    query: str = ""
    roles: tuple[str, ...] = ()
    key: str = ""


DESTINATIONS: tuple[Destination, ...] = (
    Destination("queue", gettext_lazy("Queue"), "queue inbox file d attente", "queue", key="g q"),
    Destination("work", gettext_lazy("My work"), "mine my work a moi mon travail", "mine", key="g m"),
    Destination("search", gettext_lazy("Search"), "search find rechercher", "search", key="/"),
    Destination("contacts", gettext_lazy("Contacts"), "people customers clients", "contacts", key="g c"),
    Destination("notifications", gettext_lazy("Notifications"), "bell mentions", "bell", key="g n"),
    Destination("next", gettext_lazy("Next conversation"), "next suivante", "bolt", key="n"),
    Destination("listening", gettext_lazy("Listening"), "mentions social veille ecoute", "globe", key="g l"),
    Destination("drafts", gettext_lazy("Drafts"), "drafts brouillons", "edit", key="g d"),
    Destination("my_reminders", gettext_lazy("My reminders"), "rappels", "clock"),
    Destination("view_new", gettext_lazy("New view"), "new view nouvelle vue", "plus"),
    Destination("channels", gettext_lazy("Channels"), "channels health canaux etat", "health", key="g h"),
    Destination("intake", gettext_lazy("Intake"), "intake log reception journal", "intake", "", OFFICE, "g i"),
    Destination("team_first", gettext_lazy("Team now"), "team load equipe charge", "teams", "", LEADS, "g t"),
    Destination("settings", gettext_lazy("Settings"), "settings reglages parametres", "settings", key="g o"),
    Destination("me", gettext_lazy("My settings"), "language theme mes reglages langue", "settings", key="g s"),
    Destination("account_change_password", gettext_lazy("Change the password"), "password mot de passe", "key"),
    Destination("keys", gettext_lazy("Keyboard shortcuts"), "keyboard cheat sheet clavier", "keyboard", key="?"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Option:
    """One line of the palette. `id` is remembered by the browser as recently used."""

    id: str
    label: str
    detail: str
    href: str
    icon: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Lines under one heading."""

    title: str
    options: Sequence[Option]


def _destination(page: Destination) -> Option:
    return Option(
        f"go:{page.name}{page.query}", str(page.label), "", reverse(page.name) + page.query, page.icon, page.key
    )


def matches(text: str, *names: str) -> bool:
    """Whether every word of a text begins a word of the names, accents and case aside."""
    known = [word for name in names for word in _words(name)]
    return all(any(word.startswith(typed) for word in known) for typed in _words(text))


def _words(text: str) -> list[str]:
    return fold(text).replace("’", " ").replace("'", " ").split()


def _settings(user: User) -> list[tuple[Option, str]]:
    """Return the pages of settings that the person may open, with the words that they are found by."""
    found = [page for group in groups_for(user) for page in group.pages]
    return [
        (Option(f"go:{p.url}", str(p.title), _("Settings"), reverse(p.url), p.icon), f"{p.title} {p.help}")
        for p in found
    ]


def pages(user: User, text: str) -> Group:
    """Return the pages that the person may open and that go by such a name; settings are many: by name only."""
    theirs = [page for page in DESTINATIONS if not page.roles or user.role in page.roles]
    found = [_destination(p) for p in theirs if matches(text, str(p.label), p.words)]
    if text:
        found += [option for option, words in _settings(user) if matches(text, words)]
    return Group(_("Go to"), found)


def views(user: User, text: str) -> Group:
    """Return the saved views that go by such a name."""
    found = [view for view in views_of(user) if matches(text, view.name)][:MOST] if text else []
    return Group(_("Views"), [_view(view) for view in found])


def _view(view: SavedView) -> Option:
    return Option(f"view:{view.pk}", view.name, "", f"{reverse('queue')}?saved={view.pk}", "filter")


def _conversation(row: Conversation) -> Option:
    who = row.contact.name or pgettext("a contact", "Unknown")
    number = pgettext("number of a conversation", "no.")
    return Option(
        f"conversation:{row.pk}", row.subject or row.preview or who, f"{who} · {number} {row.pk}",
        reverse("conversation", args=[row.pk]), icon_of(row.channel),
    )  # fmt: skip


def conversations(user: User, text: str) -> Group:
    """Return conversations by their number, the name of their contact or the words of their newest messages."""
    found = queries.find_conversations(user, text, limit=MOST) if text else []
    return Group(_("Conversations"), [_conversation(row) for row in found])


def contacts(user: User, text: str) -> Group:
    """Return contacts by the beginning of their name or address."""
    found = find_contacts(user, text, limit=MOST) if text else []
    return Group(_("Contacts"), [_contact(contact) for contact in found])


def _contact(contact: Contact) -> Option:
    names = [identity_words(identity) for identity in contact.identities.all()]
    label = contact.name or (names[0] if names else pgettext("a contact", "Unknown"))
    return Option(
        f"contact:{contact.pk}", label, ", ".join(names), reverse("contact", args=[contact.pk]), "contact"
    )  # fmt: skip


def everywhere(user: User, text: str) -> Group:
    """Return the way on: the same words in the full search."""
    words = _("Search everything for “%(text)s”") % {"text": text}
    address = reverse("search") + "?" + queries.query_string(text)
    return Group(_("Search"), [Option("", words, "", address, "search")] if text else [])


# In the order in which they are shown.
SOURCES: tuple[Callable[[User, str], Group], ...] = (pages, views, conversations, contacts, everywhere)


def find(user: User, text: str) -> list[Group]:
    """Return what goes by such a name, group by group; empty groups are left out."""
    text = text.replace("\x00", "").strip()[:LONGEST]
    return [group for group in (source(user, text) for source in SOURCES) if group.options]


def recent(user: User, ids: Sequence[str]) -> Group:
    """Return what was used lately, in that order; what the person may no longer see is left out."""
    numbers = {
        kind: [int(i.partition(":")[2]) for i in ids if i.startswith(f"{kind}:")]
        for kind in ("conversation", "contact", "view")
    }
    found = {option.id: option for option in [*pages(user, "").options, *(option for option, _w in _settings(user))]}
    found |= {o.id: o for o in map(_conversation, queries.conversations_by_id(user, numbers["conversation"]))}
    found |= {o.id: o for o in map(_contact, queries.contacts_by_id(user, numbers["contact"]))}
    if numbers["view"]:
        found |= {o.id: o for o in map(_view, views_of(user).filter(pk__in=numbers["view"]))}
    chosen = [found[i] for i in ids if i in found]
    return Group(_("Used lately"), chosen)
