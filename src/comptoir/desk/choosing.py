"""Which list of the queue an address asks for: a built-in view, or one that somebody keeps. What is not understood is
ignored, so that an old link still opens."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from comptoir.accounts.models import User
from comptoir.channels.registry import channels
from comptoir.conversations.filtering import NEED_WAIT, SORTS, QueueFilter
from comptoir.conversations.models import SavedView
from comptoir.conversations.queries import Cursor
from comptoir.conversations.saving import access_view, filter_of

# The built-in views; the tabs of the queue.
BUILT_IN = {
    "waiting": QueueFilter(),
    "open": QueueFilter(waits=None, states=("open",), sort="activity"),
    "pending": QueueFilter(waits=None, states=("pending",), sort="activity"),
    "snoozed": QueueFilter(waits=None, states=("snoozed",), sort="activity"),
    "solved": QueueFilter(waits=None, states=("solved",), sort="activity"),
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """What an address asks for, and the filter that it means."""

    filter: QueueFilter
    view: str = "waiting"
    owner: str = ""
    team: int | None = None
    channel: str = ""
    sort: str = ""  # '' is the view's own order
    saved: SavedView | None = None

    def query(self, **changes: Any) -> str:
        """Return the address of this list, with changes, as a query."""
        values: dict[str, Any] = {"saved": self.saved.pk, "sort": self.sort} if self.saved else self._built_in()
        values |= changes
        kept = {name: value for name, value in values.items() if value and (name, value) != ("view", "waiting")}
        return f"?{urlencode(kept)}" if kept else "?"

    def _built_in(self) -> dict[str, Any]:
        return {
            "view": self.view, "owner": self.owner, "team": self.team, "channel": self.channel, "sort": self.sort,
        }  # fmt: skip

    @property
    def sorts(self) -> list[str]:
        """The orders that the list can have."""
        return [sort for sort in SORTS if self.filter.waits or sort not in NEED_WAIT]


def chosen_list(asked: QueryDict, user: User) -> Chosen:
    """Return the list of an address. Raises AccessDenied for a view that is not the person's to see."""
    sort = asked.get("sort", "")
    saved = asked.get("saved", "")
    if saved.isdecimal() and len(saved) < 19:
        view = access_view(user, int(saved))
        return _sorted(Chosen(filter_of(view), view="", saved=view), sort)
    name, owner, team, channel = (asked.get(key, "") for key in ("view", "owner", "team", "channel"))
    name = name if name in BUILT_IN else "waiting"
    owner = owner if owner in {"me", "none"} else ""
    number = int(team) if team.isdecimal() and len(team) < 10 else None
    channel = channel if channel in channels() else ""
    narrowed = replace(
        BUILT_IN[name], owner=owner, teams=(number,) if number else (), channels=(channel,) if channel else ()
    )
    return _sorted(Chosen(narrowed, name, owner, number, channel), sort)


def _sorted(chosen: Chosen, sort: str) -> Chosen:
    if sort not in chosen.sorts or sort == chosen.filter.sort:
        return chosen
    return replace(chosen, sort=sort, filter=replace(chosen.filter, sort=sort))


def chosen_cursor(value: str) -> Cursor | None:
    """Return the place where a page begins ('instant,id' or 'instant,id,rank'), or None."""
    at, *numbers = value.split(",")
    try:
        instant = datetime.fromisoformat(at)
        place = Cursor(instant, *(int(number) for number in numbers))
        return place if instant.tzinfo is not None else None
    except (ValueError, TypeError):
        return None


def cursor_words(place: Cursor | None) -> str:
    """Return a place as an address holds it; '' for none."""
    if place is None:
        return ""
    return f"{place.at.isoformat()},{place.id}" + (f",{place.rank}" if place.rank else "")
