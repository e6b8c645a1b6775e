"""Reads the journal on behalf of background work: every event once, in the order of ids, none missed.

A follower has a name and a place. Its place moves in the transaction of what it made of the events, so that a crash
repeats nothing and loses nothing. The network is never touched in there: what must leave is written down as a row.
"""

from collections.abc import Callable, Sequence

from django.db import transaction

from comptoir.journal.horizon import drawn_id, settled_id
from comptoir.journal.models import Event, Follower

BATCH = 500  # events in one transaction


def follow(
    name: str, handle: Callable[[Sequence[Event]], None], *, kinds: Sequence[str] = (), batch: int = BATCH
) -> bool:
    """Hand the next events to `handle`; return whether there may be more at once.

    `kinds` narrows to some kinds (none: all). A follower that is new begins with what happens from now on. Several
    workers may call this: one works, the others find nothing to do. When `handle` raises, nothing was done.
    """
    upto = drawn_id()
    follower, is_new = Follower.objects.get_or_create(name=name, defaults={"last_event_id": upto})
    if is_new or follower.last_event_id >= upto:
        return False
    horizon = settled_id()
    if horizon is None:
        return False
    with transaction.atomic():
        row = Follower.objects.select_for_update(skip_locked=True).filter(pk=follower.pk).first()
        if row is None or row.last_event_id >= horizon:
            return False
        found = Event.objects.filter(id__gt=row.last_event_id, id__lte=horizon)
        if kinds:
            found = found.filter(kind__in=kinds)
        events = list(found.order_by("id")[:batch])
        is_full = len(events) == batch
        row.last_event_id = events[-1].pk if is_full else horizon
        row.save(update_fields=["last_event_id"])
        if events:
            handle(events)
    return is_full
