"""The readers of people and work: who is there, what they carry, what waits (INV-06: of one team that was accessed)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from comptoir.accounts.models import Team, User
from comptoir.conversations.listing import COUNT_CAP
from comptoir.core import bulk
from comptoir.routing.assigning import candidates
from comptoir.routing.models import AssignmentPolicy, Shift, Workload
from comptoir.routing.rules.assignment import Candidate, Presence

# Capped: nobody acts on the difference, and a backlog of a million costs no more than one of a thousand.
WAITING = """
SELECT count(*), count(*) FILTER (WHERE assignee_id IS NULL), min(waiting_since) FROM (
    SELECT assignee_id, waiting_since FROM conversations_conversation
    WHERE team_id = %s AND state = 'open' AND waiting_since IS NOT NULL ORDER BY waiting_since, id LIMIT %s) w
"""


@dataclass(frozen=True, slots=True)
class TeamNow:
    """One team at this moment. Counts are at most COUNT_CAP."""

    people: Sequence[Candidate]
    waiting: int
    unassigned: int
    oldest: datetime | None

    @property
    def available(self) -> int:
        """How many can be given work."""
        return sum(p.presence is Presence.AVAILABLE and p.is_on_shift for p in self.people)


def team_now(team: Team, *, at: datetime) -> TeamNow:
    """Return who is there and what waits: available people first, then by name."""
    order = list(Presence)
    people = sorted(candidates(team.pk, at=at), key=lambda p: (order.index(p.presence), p.name.casefold()))
    waiting, unassigned, oldest = bulk.fetch_all(WAITING, [team.pk, COUNT_CAP])[0]
    return TeamNow(people, waiting, unassigned, oldest)


def policy_of(team: Team) -> AssignmentPolicy:
    """Return how the team's work finds its people; an unsaved one that assigns nobody where there is none."""
    return AssignmentPolicy.objects.filter(team=team).first() or AssignmentPolicy(team=team)


def workload_of(user: User) -> Workload:
    """Return what a person can carry; an unsaved usual one where nobody said."""
    return Workload.objects.filter(user=user).first() or Workload(user=user)


def shifts_of(team: Team) -> dict[int, list[list[tuple[int, int]]]]:
    """Return the plan of a team: for each person seven days from Monday with their (from, to) minutes."""
    plan: dict[int, list[list[tuple[int, int]]]] = {}
    for shift in Shift.objects.filter(team=team).order_by("weekday", "start"):
        plan.setdefault(shift.user_id, [[] for _ in range(7)])[shift.weekday].append((shift.start, shift.end))
    return plan
