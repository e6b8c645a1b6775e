"""Who takes a conversation: one decision over the people of a team, with the reason that the journal keeps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

DEFAULT_CAPACITY = 20  # open conversations of one person, unless they or a lead say otherwise


class Presence(StrEnum):
    """Whether somebody can be given work."""

    AVAILABLE = "available"
    AWAY = "away"
    OFFLINE = "offline"


class Mode(StrEnum):
    """How a team shares its work."""

    OFF = "off"
    ROUND_ROBIN = "round_robin"
    LEAST_LOADED = "least_loaded"
    BY_SKILL = "by_skill"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A member of the team. `load` counts the open conversations, in all and by channel."""

    id: int
    name: str
    presence: Presence
    load: int = 0
    load_by_channel: Mapping[str, int] = field(default_factory=dict)
    capacity: int = DEFAULT_CAPACITY
    capacity_by_channel: Mapping[str, int] = field(default_factory=dict)
    skills: Mapping[str, int] = field(default_factory=dict)  # 'language:fr' → 1 … 3
    is_on_shift: bool = True


@dataclass(frozen=True, slots=True)
class Need:
    """What a conversation asks for."""

    channel: str
    language: str = ""
    last_agent: int | None = None  # who answered this contact before
    not_for: int | None = None  # who lost it, when it is given to somebody else

    @property
    def skills(self) -> tuple[str, ...]:
        """The skills that would serve it, by their keys."""
        return tuple(key for key in (self.language and f"language:{self.language}", f"channel:{self.channel}") if key)


@dataclass(frozen=True, slots=True)
class Choice:
    """Who takes it (None: nobody can), and why: a word that the screens translate, with the load at that moment."""

    person: int | None
    why: str
    load: int = 0
    capacity: int = 0
    skill: str = ""


def presence_of(chosen: str, *, has_desk: bool) -> Presence:
    """Return the presence of a person: what they chose, but nobody is available without an open desk."""
    if chosen == Presence.OFFLINE or not has_desk:
        return Presence.OFFLINE
    return Presence.AWAY if chosen == Presence.AWAY else Presence.AVAILABLE


def has_room(person: Candidate, channel: str) -> bool:
    """Whether a person may be given one more conversation of a channel."""
    most = person.capacity_by_channel.get(channel)
    return person.load < person.capacity and (most is None or person.load_by_channel.get(channel, 0) < most)


def choose(mode: str, people: Sequence[Candidate], need: Need, *, last: int | None, is_sticky: bool = False) -> Choice:
    """Return who takes a conversation. `last` is who was given the one before, for the round.

    Only available people on shift with room are asked. Sticky: the contact's last agent comes first where they are.
    """
    here = [p for p in people if p.presence is Presence.AVAILABLE and p.is_on_shift and p.id != need.not_for]
    if not here:
        return Choice(None, "nobody")
    able = [p for p in here if has_room(p, need.channel)]
    if not able:
        return Choice(None, "full")
    known = next((p for p in able if is_sticky and p.id == need.last_agent), None)
    if known is not None:
        return _chosen(known, "sticky")
    if mode == Mode.ROUND_ROBIN:
        return _chosen(_next_in_round(able, last), "round_robin")
    if mode == Mode.BY_SKILL:
        return _by_skill(able, need)
    return _chosen(min(able, key=_burden), "least_loaded")


def _burden(person: Candidate) -> tuple[float, int, int]:
    """Order by the share of the capacity that is used, so that part-time people get their part."""
    return person.load / person.capacity, person.load, person.id


def _next_in_round(able: Sequence[Candidate], last: int | None) -> Candidate:
    ordered = sorted(able, key=lambda p: p.id)
    return next((p for p in ordered if last is not None and p.id > last), ordered[0])


def _by_skill(able: Sequence[Candidate], need: Need) -> Choice:
    """The best at what is asked for; nobody has the skill: whoever has most room, rather than nobody."""
    for key in need.skills:
        skilled = [p for p in able if p.skills.get(key, 0)]
        if skilled:
            best = min(skilled, key=lambda p: (-p.skills[key], *_burden(p)))
            return _chosen(best, "by_skill", key)
    return _chosen(min(able, key=_burden), "no_skill")


def _chosen(person: Candidate, why: str, skill: str = "") -> Choice:
    return Choice(person.id, why, person.load + 1, person.capacity, skill)
