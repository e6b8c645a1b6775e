"""The settings area: one line a page. Whoever adds a page of settings adds a line here, and nothing else."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from comptoir.accounts.models import Role, User

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

ADMIN = (Role.ADMIN,)
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
