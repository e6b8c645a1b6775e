"""Gives waiting conversations to people: the rows are the queue, the decision is rules/assignment.py.

One worker at a time decides (an advisory lock of the transaction), so that nobody is given more than they can carry and
no conversation is given twice; conversations that somebody else holds at that moment are left for the next look.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from comptoir.accounts.models import Role, User
from comptoir.calendars.queries import hours_of
from comptoir.calendars.rules import Calendar, Span, is_open
from comptoir.conversations import services
from comptoir.conversations.models import Conversation, State
from comptoir.core import bulk, presence
from comptoir.core.errors import InputError
from comptoir.journal.services import Actor
from comptoir.routing.models import AssignmentPolicy, Shift, Workload
from comptoir.routing.rules.assignment import DEFAULT_CAPACITY, Candidate, Choice, Need, Presence, choose, presence_of

logger = logging.getLogger(__name__)

ROUTER = Actor("routing", None, "Comptoir")
BATCH = 50  # conversations of one team in one look
LOCK = 0x726F7574
TRY = "SELECT pg_try_advisory_xact_lock(%s, 1)"
WAIT = "SELECT pg_advisory_xact_lock(%s, 1)"
LOADS = """
SELECT assignee_id, channel, count(*) FROM conversations_conversation
WHERE assignee_id = ANY(%s) AND state = 'open' GROUP BY assignee_id, channel
"""
# Who answered the contacts of some conversations before.
LAST_AGENTS = """
SELECT DISTINCT ON (c.id) c.id, o.assignee_id FROM conversations_conversation c
JOIN conversations_conversation o ON o.contact_id = c.contact_id AND o.id <> c.id AND o.assignee_id IS NOT NULL
WHERE c.id = ANY(%s) ORDER BY c.id, o.last_message_at DESC
"""
# Whoever gave a conversation back does not want it again.
RELEASED_BY = """
SELECT DISTINCT ON (conversation_id) conversation_id, (facts->>'from')::bigint, facts->>'to' FROM journal_event
WHERE conversation_id = ANY(%s) AND kind = 'conversation.assigned' ORDER BY conversation_id, id DESC
"""


def assign_once(at: datetime) -> int:
    """Give what waits to people who can take it, team by team; return how many were given."""
    policies = AssignmentPolicy.objects.exclude(mode=AssignmentPolicy.Mode.OFF)
    return sum(_assign_team(policy, at) for policy in policies.order_by("team_id"))


@transaction.atomic
def _assign_team(policy: AssignmentPolicy, at: datetime) -> int:
    waiting = Conversation.objects.filter(team_id=policy.team_id, state=State.OPEN, waiting_since__isnull=False)
    free = waiting.filter(assignee=None)
    if not free.exists() and policy.reassign_minutes is None:
        return 0
    if not bulk.fetch_all(TRY, [LOCK])[0][0]:
        return 0
    policy.refresh_from_db()  # another worker may have gone on with the round meanwhile
    people = candidates(policy.team_id, at=at)
    if not any(p.presence is Presence.AVAILABLE and p.is_on_shift for p in people):
        return 0
    locked = free.select_for_update(skip_locked=True).order_by("waiting_since", "id")[:BATCH]
    given = _give(policy, list(locked), people, {})
    if policy.reassign_minutes is not None:
        away = [p.id for p in people if p.presence is Presence.OFFLINE]
        late = waiting.filter(assignee_id__in=away, waiting_since__lte=at - timedelta(minutes=policy.reassign_minutes))
        rows = list(late.select_for_update(skip_locked=True).order_by("waiting_since", "id")[:BATCH])
        given += _give(policy, rows, people, {row.pk: row.assignee_id for row in rows})
    return given


def _give(
    policy: AssignmentPolicy, rows: Sequence[Conversation], people: list[Candidate], lost_by: dict[int, int | None]
) -> int:
    """Give some locked conversations away; `people` is kept up to date."""
    if not rows:
        return 0
    ids = [row.pk for row in rows]
    agents = dict(bulk.fetch_all(LAST_AGENTS, [ids])) if policy.is_sticky else {}
    released = {i: from_ for i, from_, to in bulk.fetch_all(RELEASED_BY, [ids]) if to is None}
    given = 0
    for row in rows:
        need = Need(row.channel, row.language, agents.get(row.pk), lost_by.get(row.pk) or released.get(row.pk))
        choice = choose(policy.mode, people, need, last=policy.last_user_id, is_sticky=policy.is_sticky)
        if choice.person is None:
            continue
        try:
            with transaction.atomic():
                _assign(row, choice, lost=row.pk in lost_by)
        except InputError as error:  # they left the team at this moment: the others still get theirs
            logger.warning("conversation %s is not assigned: %s", row.pk, error)
            continue
        if choice.why == "round_robin":
            policy.last_user_id = choice.person
        people[:] = [_with_one_more(p, row.channel) if p.id == choice.person else p for p in people]
        given += 1
    policy.save(update_fields=["last_user"])
    return given


def _with_one_more(person: Candidate, channel: str) -> Candidate:
    by_channel = {**person.load_by_channel, channel: person.load_by_channel.get(channel, 0) + 1}
    return replace(person, load=person.load + 1, load_by_channel=by_channel)


def _assign(row: Conversation, choice: Choice, *, lost: bool) -> None:
    reason: dict[str, Any] = {
        "why": choice.why, "load": choice.load, "capacity": choice.capacity, "skill": choice.skill, "lost": lost
    }  # fmt: skip
    person = User.objects.get(pk=choice.person or 0)
    services.assign_conversation(actor=ROUTER, conversation=row, assignee=person, reason=reason)


def assign_automatically(row: Conversation, *, at: datetime) -> str:
    """Give one locked conversation to whoever its team's policy says (least loaded without one); return why not."""
    if row.assignee_id is not None:
        return "same"
    bulk.fetch_all(WAIT, [LOCK])
    policy, _new = AssignmentPolicy.objects.get_or_create(team_id=row.team_id)
    people = candidates(row.team_id, at=at)
    agents = dict(bulk.fetch_all(LAST_AGENTS, [[row.pk]]))
    need = Need(row.channel, row.language, agents.get(row.pk))
    choice = choose(policy.mode, people, need, last=policy.last_user_id, is_sticky=policy.is_sticky)
    if choice.person is None:
        return choice.why
    _assign(row, choice, lost=False)
    if choice.why == "round_robin":
        policy.last_user_id = choice.person
        policy.save(update_fields=["last_user"])
    return ""


def candidates(team_id: int, *, at: datetime) -> list[Candidate]:
    """Return the members of a team as the decision sees them, in a handful of statements."""
    members = (
        User.objects.filter(is_active=True, memberships__team_id=team_id).exclude(role=Role.AUDITOR).order_by("pk")
    )
    users = list(members.select_related("workload"))
    ids = [user.pk for user in users]
    loads: dict[int, dict[str, int]] = {}
    for user_id, channel, count in bulk.fetch_all(LOADS, [ids]):
        loads.setdefault(user_id, {})[channel] = count
    here, on_shift = presence.people_present(ids, at=at), _on_shift(team_id, ids, at)
    return [_candidate(user, loads.get(user.pk, {}), user.pk in here, user.pk in on_shift) for user in users]


def _candidate(user: User, loads: dict[str, int], has_desk: bool, is_on_shift: bool) -> Candidate:
    carried: Workload = getattr(user, "workload", None) or Workload(user=user)
    return Candidate(
        id=user.pk,
        name=user.name,
        presence=presence_of(carried.presence, has_desk=has_desk),
        load=sum(loads.values()),
        load_by_channel=loads,
        capacity=carried.capacity or DEFAULT_CAPACITY,
        capacity_by_channel=carried.by_channel,
        skills=carried.skills,
        is_on_shift=is_on_shift,
    )


def _on_shift(team_id: int, ids: Iterable[int], at: datetime) -> set[int]:
    """Return who works now by the team's plan; everybody where there is none."""
    plan: dict[int, list[Span]] = {}
    for shift in Shift.objects.filter(team_id=team_id):
        plan.setdefault(shift.user_id, []).append(Span(shift.weekday, shift.start, shift.end))
    if not plan:
        return set(ids)
    zone = hours_of(team_id).zone
    return {user_id for user_id, spans in plan.items() if is_open(Calendar(zone, tuple(spans)), at)}
