"""The readers of saved replies and macros: the picker's short list, and the pages where they are kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import F, Func, Prefetch, Q, QuerySet, TextField, Value
from django.db.models.functions import Concat, Lower
from django.utils.translation import gettext as _

from comptoir.accounts.models import User
from comptoir.conversations.models import Conversation
from comptoir.knowledge.access import accessible_macros, accessible_replies
from comptoir.knowledge.models import Macro, SavedReply, SavedReplyVersion
from comptoir.knowledge.rules import Candidate, Rendered, fold, language_for, ranked, render
from comptoir.knowledge.services import values_for

PICKED = 8  # what a list beside the caret can show
LOOKED_AT = 400  # most used first; who has more than that among which words fit types one more letter
LISTED = 1000


@dataclass(frozen=True, slots=True)
class Pick:
    """One line of the picker, with the text that would be inserted."""

    id: int
    name: str
    shortcut: str
    folder: str
    language: str
    is_own: bool
    rendered: Rendered


def _folded(*names: str) -> Func:
    text = Concat(*(part for name in names for part in (F(name), Value(" "))), output_field=TextField())
    return Func(Lower(text), function="comptoir_fold", output_field=TextField())


def _narrowed(found: QuerySet[SavedReply], query: str) -> QuerySet[SavedReply]:
    """Keep the replies in which every word occurs, wherever; a table of some thousand rows needs no index for this."""
    for word in fold(query.lstrip("/")).split()[:6]:
        heads = Q(
            pk__in=SavedReply.objects.alias(_heads=_folded("name", "folder", "shortcut")).filter(_heads__contains=word)
        )
        versions = SavedReplyVersion.objects.alias(_body=_folded("body")).filter(_body__contains=word)
        found = found.filter(heads | Q(pk__in=versions.values("reply_id")))
    return found


def _with_versions(found: QuerySet[SavedReply]) -> QuerySet[SavedReply]:
    return found.prefetch_related(Prefetch("versions", SavedReplyVersion.objects.order_by("language")))


def picks(user: User, conversation: Conversation, query: str, *, limit: int = PICKED) -> list[Pick]:
    """Return the saved replies that fit what was typed, best first, each filled in for the conversation."""
    on_channel = Q(channels=[]) | Q(channels__contains=[conversation.channel])
    found = _narrowed(accessible_replies(user).filter(on_channel), query).order_by("-use_count", "name")[:LOOKED_AT]
    rows = {row.pk: row for row in _with_versions(found)}
    bodies = {pk: {version.language: version.body for version in row.versions.all()} for pk, row in rows.items()}
    candidates = [
        Candidate(pk, row.name, row.shortcut, row.folder, row.use_count, bodies[pk]) for pk, row in rows.items()
    ]
    best = ranked(candidates, query, language=conversation.language)[:limit]
    values = values_for(conversation, user) if best else {}
    return [_pick(rows[c.id], c, conversation, user, values) for c in best]


def _pick(
    row: SavedReply, candidate: Candidate, conversation: Conversation, user: User, values: dict[str, str]
) -> Pick:
    language = language_for(list(candidate.bodies), conversation=conversation.language, person=user.language)
    rendered = render(candidate.bodies.get(language, ""), values, say=_("[missing: {name}]"))
    return Pick(row.pk, row.name, row.shortcut, row.folder, language, row.owner_id is not None, rendered)


def replies_of(user: User, query: str = "") -> list[SavedReply]:
    """Return the person's saved replies by folder and name, those that fit what is searched."""
    found = _narrowed(accessible_replies(user), query) if query.strip() else accessible_replies(user)
    return list(_with_versions(found).prefetch_related("teams").order_by("folder", "name", "pk")[:LISTED])


def macros_of(user: User, *, query: str = "") -> Sequence[Macro]:
    """Return the macros that the person may apply, by name."""
    found = accessible_macros(user)
    for word in fold(query).split()[:6]:
        found = found.alias(_heads=_folded("name")).filter(_heads__contains=word)
    return list(found.prefetch_related("teams").order_by("name", "pk")[:LISTED])
