"""The only writer of labels, and of which conversation has which.

Putting and removing labels is an event of the conversation (INV-04); renaming, merging and deleting a label is an event
of the label, because it changes no conversation's story, only the word for it.
"""

from collections.abc import Collection, Iterable, Sequence
from itertools import cycle
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Func, QuerySet
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from comptoir.conversations.models import Colour, Conversation, Label, Labelling, SavedView
from comptoir.conversations.services import lock
from comptoir.core import bulk
from comptoir.core.errors import InputError
from comptoir.core.textfold import clean
from comptoir.journal import services as journal
from comptoir.journal.services import Actor

MAX_LABELS = 300  # a list that a person can still read
PUT = """
INSERT INTO conversations_labelling (conversation_id, label_id)
SELECT c, l FROM unnest(%s::bigint[]) AS c CROSS JOIN unnest(%s::bigint[]) AS l
ON CONFLICT ON CONSTRAINT labelling_once DO NOTHING RETURNING conversation_id, label_id
"""
REMOVE = """
DELETE FROM conversations_labelling WHERE conversation_id = ANY(%s) AND label_id = ANY(%s)
RETURNING conversation_id, label_id
"""
# The conversations of a label that goes up in another one: in one statement, however many.
HAND_OVER = """
INSERT INTO conversations_labelling (conversation_id, label_id)
SELECT conversation_id, %s FROM conversations_labelling WHERE label_id = %s
ON CONFLICT ON CONSTRAINT labelling_once DO NOTHING
"""
Changed = dict[int, dict[str, list[int]]]  # conversation: {"added": label ids, "removed": label ids}


def all_labels() -> QuerySet[Label]:
    """Return all labels by name, whatever its accents and capitals."""
    return Label.objects.order_by(Lower(Func(F("name"), function="comptoir_fold")))


def counted_labels() -> QuerySet[Label, Label]:
    """Return all labels with the number of conversations that have each, for the settings page."""
    return all_labels().annotate(used=Count("conversations"))


def labels_of(conversation: Conversation) -> set[int]:
    """Return the labels of a conversation by number."""
    return set(Labelling.objects.filter(conversation=conversation).values_list("label_id", flat=True))


def labels_of_all(ids: Sequence[int]) -> dict[int, list[int]]:
    """Return the labels of each of these conversations by number; none is an empty list."""
    found: dict[int, list[int]] = {number: [] for number in ids}
    rows = Labelling.objects.filter(conversation_id__in=ids).order_by("label_id")
    for conversation_id, label_id in rows.values_list("conversation_id", "label_id"):
        found[conversation_id].append(label_id)
    return found


@transaction.atomic
def create_label(*, actor: Actor, name: str, colour: str) -> Label:
    """Make a label. Raises InputError."""
    if Label.objects.count() >= MAX_LABELS:
        raise InputError(_("There are %(count)d labels already. Merge some first.") % {"count": MAX_LABELS})
    label = Label.objects.create(name=_checked_name(name), colour=_checked_colour(colour))
    journal.append(actor=actor, kind="label.created", facts={"label": label.pk, "name": label.name})
    return label


@transaction.atomic
def labels_named(*, actor: Actor, names: Collection[str]) -> dict[str, int]:
    """Return the number of the label of each name; what is missing is made, up to MAX_LABELS."""
    known = {label.name.casefold(): label.pk for label in Label.objects.all()}
    found: dict[str, int] = {}
    colours = cycle(Colour.values)
    for name in sorted(names):
        short = " ".join(clean(name).split())[:40].strip()
        if short and short.casefold() not in known and len(known) < MAX_LABELS:
            known[short.casefold()] = create_label(actor=actor, name=short, colour=next(colours)).pk
        if short.casefold() in known:
            found[name] = known[short.casefold()]
    return found


@transaction.atomic
def change_label(*, actor: Actor, label: Label, name: str, colour: str) -> Label:
    """Change a label's name and colour. Raises InputError."""
    row = Label.objects.select_for_update().get(pk=label.pk)
    facts = {"label": row.pk, "from": [row.name, row.colour]}
    row.name, row.colour = _checked_name(name, but=row), _checked_colour(colour)
    row.save(update_fields=["name", "colour"])
    journal.append(actor=actor, kind="label.changed", facts=facts | {"to": [row.name, row.colour]})
    return row


@transaction.atomic
def merge_labels(*, actor: Actor, source: Label, target: Label) -> None:
    """Let a label go up in another one: its conversations and the views that ask for it get the other one."""
    if source.pk == target.pk:
        raise InputError(_("Choose a different label."), field="target")
    bulk.fetch_all(HAND_OVER, [target.pk, source.pk])
    _change_views(source.pk, target.pk)
    facts = {"label": source.pk, "name": source.name, "into": target.pk, "into_name": target.name}
    source.delete()
    journal.append(actor=actor, kind="label.merged", facts=facts)


@transaction.atomic
def delete_label(*, actor: Actor, label: Label) -> None:
    """Remove a label from all conversations and from all views, and then altogether."""
    facts = {"label": label.pk, "name": label.name}
    _change_views(label.pk, None)
    label.delete()
    journal.append(actor=actor, kind="label.deleted", facts=facts)


def _change_views(label_id: int, to: int | None) -> None:
    """Put another label in the place of one in all saved views, or leave it out."""
    views = list(SavedView.objects.select_for_update().filter(filter__labels__contains=[label_id]))
    for view in views:
        asked = [to if one == label_id else one for one in view.filter["labels"]]
        kept = list(dict.fromkeys(one for one in asked if one is not None))
        view.filter = {**view.filter, "labels": kept} if kept else _without_labels(view.filter)
    SavedView.objects.bulk_update(views, ["filter"])


def _without_labels(filter: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in filter.items() if name not in {"labels", "label_match"}}


@transaction.atomic
def set_labels(*, actor: Actor, conversation: Conversation, label_ids: Collection[int]) -> None:
    """Let a conversation have exactly these labels. Raises InputError for one that does not exist."""
    row, has = lock(conversation), labels_of(conversation)
    wanted = existing(label_ids)
    changed = put_and_remove([row.pk], add=wanted - has, remove=has - wanted)
    journal.append_all(entries_of(actor, changed, {row.pk: row.contact_id}))


@transaction.atomic
def change_labels(
    *, actor: Actor, conversation: Conversation, add: Collection[int] = (), remove: Collection[int] = ()
) -> bool:
    """Put labels on a conversation and take others from it; return whether that changed anything. Raises InputError."""
    row = lock(conversation)
    changed = put_and_remove([row.pk], add=existing(add), remove=set(remove) - set(add))
    journal.append_all(entries_of(actor, changed, {row.pk: row.contact_id}))
    return bool(changed)


def existing(label_ids: Collection[int]) -> set[int]:
    """Return the labels by number if there are all of them; raises InputError."""
    known = set(Label.objects.filter(pk__in=label_ids).values_list("pk", flat=True))
    if len(known) != len(set(label_ids)):
        raise InputError(_("One of these labels no longer exists. Choose again."), field="labels")
    return known


def ids_of_names(names: Collection[str]) -> set[int]:
    """Return labels by their names, whatever the case; raises InputError for one that does not exist."""
    known = {label.name.lower(): label.pk for label in Label.objects.all()}
    if unknown := [name for name in names if name.lower() not in known]:
        raise InputError(_("There is no label “%(name)s”.") % {"name": unknown[0][:40]}, field="labels")
    return {known[name.lower()] for name in names}


def put_and_remove(ids: Sequence[int], *, add: Iterable[int], remove: Iterable[int]) -> Changed:
    """Put and remove labels on locked conversations, in two statements; return what really changed."""
    changed: Changed = {}
    for name, statement, labels in (("added", PUT, sorted(add)), ("removed", REMOVE, sorted(remove))):
        for conversation_id, label_id in bulk.fetch_all(statement, [list(ids), labels]) if labels else ():
            changed.setdefault(conversation_id, {"added": [], "removed": []})[name].append(label_id)
    return changed


def entries_of(actor: Actor, changed: Changed, contacts: dict[int, int], **facts: object) -> list[journal.Entry]:
    """Return the events of what changed, with the names that the labels have today."""
    ids = {label for change in changed.values() for part in change.values() for label in part}
    names = dict(Label.objects.filter(pk__in=ids).values_list("pk", "name"))
    return [
        journal.Entry(
            actor, "conversation.labelled", number, contacts[number],
            facts={part: [{"id": i, "name": names.get(i, "")} for i in sorted(found)] for part, found in one.items()}
            | facts,
        )
        for number, one in sorted(changed.items())
    ]  # fmt: skip


def _checked_name(name: str, but: Label | None = None) -> str:
    name = " ".join(clean(name).split())
    if not 0 < len(name) <= 40:
        raise InputError(_("Give a name of at most %(count)d characters.") % {"count": 40}, field="name")
    if Label.objects.filter(name__iexact=name).exclude(pk=but.pk if but else 0).exists():
        raise InputError(_("There is a label of this name already. Choose another name, or merge them."), field="name")
    return name


def _checked_colour(colour: str) -> str:
    if colour not in Colour.values:
        raise InputError(_("Choose a colour from the list."), field="colour")
    return colour
