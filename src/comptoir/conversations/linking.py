"""The only writer of links between conversations that have to do with each other. A link is symmetrical."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from comptoir.accounts.models import User
from comptoir.accounts.queries import team_ids_of
from comptoir.conversations.access import accessible_conversations
from comptoir.conversations.models import Conversation, Link
from comptoir.core import clock
from comptoir.core.errors import AccessDenied, InputError
from comptoir.journal import services as journal
from comptoir.journal.services import Actor, Entry

MAX_LINKS = 50  # of one conversation: a panel, not an archive


@dataclass(frozen=True, slots=True)
class Linked:
    """The other end of a link."""

    link: int
    conversation: Conversation


def links_of(user: User, conversation: Conversation) -> list[Linked]:
    """Return the conversations that are linked to this one and that the person may see (INV-06), latest link first."""
    teams = team_ids_of(user)
    either = Q(low=conversation, high__team_id__in=teams) | Q(high=conversation, low__team_id__in=teams)
    rows = Link.objects.filter(either).select_related("low", "high").order_by("-id")[:MAX_LINKS]
    return [Linked(row.pk, row.high if row.low_id == conversation.pk else row.low) for row in rows]


@transaction.atomic
def link_conversations(*, actor: Actor, user: User, one: Conversation, other: Conversation) -> Link:
    """Link two conversations that the person sees; linking them again changes nothing."""
    low, high = _lock_both(user, one.pk, other.pk)
    if Link.objects.filter(Q(low=one) | Q(high=one)).count() >= MAX_LINKS:
        raise InputError(_("This conversation has %(count)d links already. Remove one first.") % {"count": MAX_LINKS})
    link, is_new = Link.objects.get_or_create(low=low, high=high, defaults={"made_by": user, "made_at": clock.now()})
    if is_new:
        _tell(actor, "conversation.linked", low, high)
    return link


@transaction.atomic
def unlink_conversations(*, actor: Actor, user: User, link: Link) -> None:
    """Remove a link between two conversations that the person sees."""
    low, high = _lock_both(user, link.low_id, link.high_id)
    if Link.objects.filter(pk=link.pk).delete()[0]:
        _tell(actor, "conversation.unlinked", low, high)


def _lock_both(user: User, one: int, other: int) -> tuple[Conversation, Conversation]:
    """Return both, locked in the order of their numbers; AccessDenied unless the person sees them (INV-06)."""
    if one == other:
        raise InputError(_("Choose a different conversation."), field="target")
    rows = list(
        accessible_conversations(user).filter(pk__in=[one, other]).order_by("pk").select_for_update(of=("self",))
    )
    if len(rows) != 2:
        raise AccessDenied(_("This conversation does not exist, or belongs to a team that you are not in."))
    return rows[0], rows[1]


def _tell(actor: Actor, kind: str, low: Conversation, high: Conversation) -> None:
    pairs = ((low, high), (high, low))
    journal.append_all([Entry(actor, kind, row.pk, row.contact_id, facts={"other": other.pk}) for row, other in pairs])
