"""The settings area: one line a page. Whoever adds a page of settings adds a line here, and nothing else."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from comptoir.accounts.models import Role, User

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

ALL = tuple(Role.values)
ADMIN = (Role.ADMIN,)
LEADS = (Role.LEAD, Role.ADMIN)
OFFICE = (Role.LEAD, Role.ADMIN, Role.AUDITOR)


@dataclass(frozen=True, slots=True)
class SettingsPage:
    """One page of settings: the name of its address, what it is called, one line of help, its icon, who may open it."""

    url: str
    title: "StrOrPromise"
    help: "StrOrPromise"
    icon: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SettingsGroup:
    """Pages that belong together."""

    title: "StrOrPromise"
    pages: tuple[SettingsPage, ...]


GROUPS = (
    SettingsGroup(
        _("Answers"),
        (
            SettingsPage("replies", _("Saved replies"), _("Texts that you insert while you write."), "quote", ALL),
            SettingsPage("macros", _("Macros"), _("Several steps in one click."), "bolt", ALL),
        ),
    ),
    SettingsGroup(
        _("Work"),
        (
            SettingsPage("views", _("Views"), _("Lists of your own, for you or for your team."), "filter", ALL),
            SettingsPage(
                "hours", _("Opening hours"), _("When each team is there, with holidays and exceptions."), "clock", ALL
            ),
            SettingsPage("rules", _("Rules"), _("What happens by itself, and when."), "bolt", LEADS),
            SettingsPage(
                "listening_settings", _("Listening"), _("Which mentions elsewhere your team hears of."), "globe", LEADS
            ),
            SettingsPage("label_settings", _("Labels"), _("Words that sort conversations."), "tag", LEADS),
            SettingsPage(
                "field_settings", _("Own fields"), _("What you note of contacts and conversations."), "edit", LEADS
            ),
        ),
    ),
    SettingsGroup(
        _("Organisation"),
        (
            SettingsPage("people", _("People"), _("Who works here, in which role; invitations."), "contacts", OFFICE),
            SettingsPage("teams", _("Teams"), _("Who shares which conversations and inboxes."), "teams", OFFICE),
            SettingsPage("security", _("Security"), _("Second factor and single sign-on."), "key", ADMIN),
            SettingsPage(
                "audit", _("Audit"), _("Who did what, when; with an export."), "clock", (Role.ADMIN, Role.AUDITOR)
            ),
        ),
    ),
    SettingsGroup(
        _("Programs"),
        (
            SettingsPage("setup", _("First steps"), _("What a new installation needs, step by step."), "check", ADMIN),
            SettingsPage(
                "imports", _("Moving in"), _("Bring conversations and contacts from elsewhere."), "download", ADMIN
            ),
            SettingsPage(
                "api_settings", _("API and webhooks"), _("Tokens for programs, and who is told."), "code", ADMIN
            ),
        ),
    ),
)


def groups_for(user: User) -> list[SettingsGroup]:
    """Return what the person may open, without empty groups."""
    kept = [SettingsGroup(g.title, tuple(page for page in g.pages if user.role in page.roles)) for g in GROUPS]
    return [group for group in kept if group.pages]


def is_settings_path(path: str) -> bool:
    """Whether an address belongs to the settings area, wherever it stands."""
    return path.startswith(("/settings/", "/replies/", "/macros/", "/views/", "/hours/", "/rules/"))
