"""INV-06: the only road from a person to a conversation.

Screens, the API and live updates all ask here; nothing else may load a conversation for a person.
"""

from collections.abc import Mapping
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, Func, OuterRef, QuerySet, Value
from django.db.models.functions import Concat, Lower

from comptoir.accounts.models import User
from comptoir.accounts.queries import team_ids_of
from comptoir.conversations.models import Conversation, Labelling
from comptoir.core.errors import AccessDenied


def accessible_conversations(user: User) -> QuerySet[Conversation]:
    """Return the conversations of the person's teams."""
    return Conversation.objects.filter(team_id__in=team_ids_of(user))


def _tags() -> ArraySubquery:
    """Return the labels of a conversation as 'colour name', in the same statement: its head shows them."""
    folded = Lower(Func(F("label__name"), function="comptoir_fold"))
    labels = Labelling.objects.filter(conversation_id=OuterRef("pk")).order_by(folded)
    return ArraySubquery(labels.annotate(tag=Concat("label__colour", Value(" "), "label__name")).values("tag"))


def access_conversation(
    user: User, conversation_id: int, *, for_update: bool = False, also: Mapping[str, Any] | None = None
) -> Conversation:
    """Return one conversation if the person may see it; raises AccessDenied, also when it does not exist.

    `also` are annotations by which a page reads something more in the same statement.
    """
    found = accessible_conversations(user).select_related("contact", "account", "assignee", "team")
    found = found.filter(pk=conversation_id).annotate(tags=_tags(), **also or {})
    if for_update:
        # A lock on the nullable side of an outer join is refused by PostgreSQL, hence of=("self",).
        found = found.select_for_update(of=("self",))
    conversation = found.first()
    if conversation is None:
        raise AccessDenied("This conversation does not exist, or belongs to a team that you are not in.")
    return conversation
