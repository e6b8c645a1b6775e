"""What becomes of the work when people and teams change: one transaction over the apps that know a part of it.

A person who leaves a team, or the house, keeps no conversation that they may no longer see (INV-06).
"""

from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from comptoir.accounts import services, sessions
from comptoir.accounts.models import Team, User
from comptoir.channels.models import ChannelAccount
from comptoir.conversations.models import Conversation
from comptoir.conversations.services import release_conversations
from comptoir.core.errors import InputError
from comptoir.desk.words import count_words
from comptoir.journal.services import Actor
from comptoir.knowledge.models import Macro, SavedReply

COUNTED = 1000  # conversations that a refusal counts exactly


@transaction.atomic
def place_person(*, actor: Actor, person: User, role: str, teams: Sequence[Team]) -> int:
    """Give a person a role and teams; return how many conversations they had to let go. Raises InputError."""
    row = services.change_role(actor=actor, person=person, role=role)
    left = services.set_teams(actor=actor, person=row, teams=teams)
    # An auditor works on nothing.
    return release_conversations(actor=actor, person=row, team_ids=left if row.may_write else None)


@transaction.atomic
def close_account(*, actor: Actor, person: User) -> int:
    """Close a person's account, end their sessions, release what they had in hand; return how many conversations."""
    services.deactivate_person(actor=actor, person=person)
    sessions.end_sessions(actor=actor, user=person)
    return release_conversations(actor=actor, person=person)


@transaction.atomic
def remove_team(*, actor: Actor, team: Team) -> None:
    """Remove a team that nothing points to any more. Raises InputError with what does."""
    row = Team.objects.select_for_update().get(pk=team.pk)
    inboxes = list(ChannelAccount.objects.filter(team=row).values_list("name", flat=True)[:5])
    if inboxes:
        words = _("These inboxes deliver to this team: %(names)s. Let them deliver to another team first.")
        raise InputError(words % {"names": ", ".join(inboxes)})
    count = Conversation.objects.filter(team=row)[:COUNTED].count()
    if count:
        words = ngettext(
            "This team still has %(count)s conversation. Give it to another team first.",
            "This team still has %(count)s conversations. Give them to another team first.",
            count,
        )
        raise InputError(words % {"count": count_words(count)})
    # A text of no team is everybody's: what was this team’s alone must not become that by itself.
    others = Team.objects.exclude(pk=row.pk)
    for model in (SavedReply, Macro):
        if model._default_manager.filter(teams=row).exclude(teams__in=others).exists():
            raise InputError(_("Saved replies or macros are this team’s alone. Give them to another team first."))
    services.delete_team(actor=actor, team=row)


def released_words(count: int) -> str:
    """Return the sentence to append to what was done: how many conversations went back to the team, if any."""
    words = ngettext("%(n)s conversation was released.", "%(n)s conversations were released.", count)
    return " " + words % {"n": count} if count else ""
