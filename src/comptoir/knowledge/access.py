"""The only road from a person to a saved reply or a macro: what is shared with a team of theirs, and what they own."""

from django.db.models import Q, QuerySet

from comptoir.accounts.models import User
from comptoir.accounts.queries import team_ids_of
from comptoir.core.errors import AccessDenied
from comptoir.knowledge.models import Macro, SavedReply


def _theirs(user: User) -> Q:
    teams = Q(teams__isnull=True) | Q(teams__in=team_ids_of(user))
    return Q(owner=user) | (Q(owner__isnull=True) & teams)


def accessible_replies(user: User) -> QuerySet[SavedReply]:
    """Return the saved replies that the person may use."""
    return SavedReply.objects.filter(_theirs(user)).distinct()


def accessible_macros(user: User) -> QuerySet[Macro]:
    """Return the macros that the person may apply."""
    return Macro.objects.filter(_theirs(user)).distinct()


def access_reply(user: User, reply_id: int) -> SavedReply:
    """Return one saved reply if it is theirs to use; raises AccessDenied, also when it does not exist."""
    found = accessible_replies(user).filter(pk=reply_id).first()
    if found is None:
        raise AccessDenied("This saved reply does not exist, or belongs to others.")
    return found


def access_macro(user: User, macro_id: int) -> Macro:
    """Return one macro if it is theirs to apply; raises AccessDenied, also when it does not exist."""
    found = accessible_macros(user).filter(pk=macro_id).first()
    if found is None:
        raise AccessDenied("This macro does not exist, or belongs to others.")
    return found
