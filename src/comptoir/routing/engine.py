"""Runs the rules: over the journal, each event once and in order, and over waits that come due.

All that a firing does is one savepoint of the transaction in which the journal was read: a crash repeats nothing.
A rule's changes carry the firing as their actor, and with it how many rules led there: that is how loops end.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError, OperationalError, transaction

from comptoir.conversations.models import Conversation, State
from comptoir.conversations.services import lock
from comptoir.core import bulk, clock
from comptoir.core.errors import ComptoirError
from comptoir.journal.following import follow
from comptoir.journal.models import Event
from comptoir.journal.services import Actor
from comptoir.routing.actions import ACTIONS, Doing
from comptoir.routing.facts import Asked, Book
from comptoir.routing.models import Errand, Firing, Rule
from comptoir.routing.queries import ActiveRule, active_rules
from comptoir.routing.rules import guard
from comptoir.routing.rules.conditions import TRIGGERS, Facts, Verdict, judge, write_verdict

logger = logging.getLogger(__name__)

FOLLOWER = "rules"
BATCH = 50  # events in one transaction; each may lock a conversation until the end, and an agent would wait for it
WAITS = 50  # conversations of one rule in one look
NOTHING = ("no.kind",)  # without rules the follower still moves on, so that a new rule does not act on the past
KEPT = timedelta(days=180)  # of the log
SWEEP = """
DELETE FROM routing_firing WHERE id IN (
    SELECT id FROM (SELECT id, at FROM routing_firing ORDER BY id LIMIT 1000) oldest WHERE at < %s)
"""
# After these a wait may be longer than it was at the last look: a reply that failed answers nothing.
LATE_WAIT = (
    "reply.failed",
    "reply.cancelled",
    "reply.unconfirmed",
    "conversation.state_changed",
    "conversation.woke",
)


def run_rules_once(at: datetime) -> bool:
    """Let the rules act on what happened and on the waits that came due; return whether there may be more at once."""
    rules = active_rules()
    kinds = {kind for rule in rules for kind in TRIGGERS[rule.definition.when]}
    if any(rule.definition.when == "waiting" for rule in rules):
        kinds.update(LATE_WAIT)
    more = follow(FOLLOWER, lambda events: handle(events, at=clock.now()), kinds=sorted(kinds) or NOTHING, batch=BATCH)
    for rule in rules:
        if rule.definition.when == "waiting":
            more |= look_at_waits(rule, at=at)
    return more


def handle(events: Sequence[Event], *, at: datetime) -> None:
    """Ask the rules about a batch of events. Must run inside a transaction."""
    fresh = [e for e in events if e.conversation_id is not None and not guard.is_history(e.at, at)]
    rules = active_rules()
    if not fresh or not rules:
        return
    asked = {e.pk: Asked(e.conversation_id or 0, e.message_id) for e in fresh}
    book, depths = Book(asked.values(), at=at), _depths(fresh)
    # A batch keeps what it changes locked until its end: by number, as every bulk change locks, or two would deadlock.
    for event in sorted(fresh, key=lambda e: (e.conversation_id or 0, e.pk)):
        if event.kind == "reply.sent" and book.is_automatic(event.message_id):
            continue  # no person answered, and the sender, who tells of it, does not know which rule did
        depth = depths.get(event.actor_id or 0, 0) if event.actor_kind == "rule" else 0
        mine = [rule for rule in rules if event.kind in TRIGGERS[rule.definition.when]]
        _ask_all(mine, book, asked[event.pk], key=f"event:{event.pk}", depth=depth + 1)
        if event.kind in LATE_WAIT:
            _ask_waiting(rules, book, asked[event.pk], depth=depth + 1, at=at)


def _depths(events: Sequence[Event]) -> dict[int, int]:
    firings = {e.actor_id for e in events if e.actor_kind == "rule" and e.actor_id}
    return dict(Firing.objects.filter(pk__in=firings).values_list("pk", "depth"))


def _ask_all(rules: Sequence[ActiveRule], book: Book, asked: Asked, *, key: str, depth: int) -> None:
    """Ask rules in their order; each sees what the ones before it have changed."""
    facts = book.facts(asked)
    for rule in rules:
        if facts is None:
            return
        if not rule.is_for(facts.team):
            continue
        verdict = judge(rule.definition, facts)
        if not verdict.matches:
            continue
        if fire(rule, facts, verdict, key=key, depth=depth):
            book.refresh(asked.conversation_id)
            facts = book.facts(asked)
        if rule.definition.is_last:
            return


def _ask_waiting(rules: Sequence[ActiveRule], book: Book, asked: Asked, *, depth: int, at: datetime) -> None:
    """Ask the rules of 'waiting' about a conversation whose wait may have come back longer than it was."""
    row = book.conversation(asked.conversation_id)
    if row is None or row.waiting_since is None or row.state != State.OPEN:
        return
    due = [
        rule
        for rule in rules
        if rule.definition.when == "waiting"
        and row.waiting_since + timedelta(minutes=rule.definition.minutes) <= min(at, rule.checked_until)
        and row.waiting_since >= rule.made_at - timedelta(minutes=rule.definition.minutes)
    ]
    _ask_all(due, book, asked, key=_wait_key(row), depth=depth)


def _wait_key(row: Conversation) -> str:
    return f"wait:{row.pk}:{row.waiting_since.isoformat() if row.waiting_since else ''}"


def sweep_log(at: datetime) -> None:
    """Forget the oldest part of the log, a thousand rows at most."""
    Errand.objects.filter(firing__in=Firing.objects.order_by("pk").filter(at__lt=at - KEPT)[:1000]).delete()
    bulk.fetch_all(SWEEP, [at - KEPT])


@transaction.atomic
def look_at_waits(rule: ActiveRule, *, at: datetime) -> bool:
    """Ask a rule about the conversations whose wait came due since the last look; return whether there may be more."""
    row = Rule.objects.select_for_update(skip_locked=True).filter(pk=rule.id, is_active=True).first()
    if row is None:
        return False
    wait = timedelta(minutes=rule.definition.minutes)
    found = Conversation.objects.filter(
        state=State.OPEN, waiting_since__gt=row.checked_until - wait, waiting_since__lte=at - wait
    )
    if row.team_id is not None:
        found = found.filter(team_id=row.team_id)
    due = list(found.order_by("waiting_since", "id")[:WAITS])
    is_full = len(due) == WAITS
    if is_full:  # a page ends between two instants: what began to wait at its last one may go on behind it
        last = due[-1].waiting_since
        due = [c for c in due if c.waiting_since != last] or list(found.filter(waiting_since=last))
    row.checked_until = (due[-1].waiting_since or at) + wait if is_full else max(at, row.checked_until)
    row.save(update_fields=["checked_until"])
    if due:
        book = Book([Asked(c.pk) for c in due], at=at)
        for conversation in sorted(due, key=lambda c: c.pk):  # the order in which everybody locks
            _ask_all([rule], book, Asked(conversation.pk), key=_wait_key(conversation), depth=1)
    return is_full


def fire(rule: ActiveRule, facts: Facts, verdict: Verdict, *, key: str, depth: int) -> bool:
    """Do what a rule says, or write down what stopped it; return whether the conversation may have changed."""
    now = clock.now()
    row = lock(Conversation(pk=facts.conversation_id))
    if Firing.objects.filter(rule_id=rule.id, key=key).exists():
        return False
    recent = Firing.objects.filter(conversation=row, rule_id=rule.id, at__gt=now - timedelta(hours=1))
    fired = recent.exclude(outcome=Firing.Outcome.STOPPED).count()
    stop = guard.stops(depth=depth, fired=fired, limit=rule.hourly_limit)
    # That it is stopped was written down within the hour: a loop must not fill the log.
    if stop and fired != recent.count():
        return False
    details = write_verdict(verdict) | ({"stop": stop} if stop else {})
    firing = Firing.objects.create(
        rule_id=rule.id, version_id=rule.version_id, conversation=row, key=key, depth=depth, details=details, at=now,
        outcome=Firing.Outcome.STOPPED if stop else Firing.Outcome.DONE,
    )  # fmt: skip
    if stop:
        return False
    actor = Actor("rule", firing.pk, rule.name)
    done = []
    for action in rule.definition.actions:
        why = _do(Doing(actor, firing, row, facts, action))
        done.append({"kind": action.kind, "value": action.value[:200], "people": list(action.people), "why": why})
        row = lock(row)
    firing.details = details | {"actions": done}
    if any(item["why"] for item in done):
        firing.outcome = Firing.Outcome.PARTLY
    firing.save(update_fields=["details", "outcome"])
    return True


def _do(doing: Doing) -> str:
    """Do one action under a savepoint; return '' or why it was not done."""
    perform = ACTIONS.get(doing.action.kind)
    if perform is None:
        return "unknown"
    try:
        with transaction.atomic():
            return perform(doing)
    except ComptoirError as error:
        return str(error)[:300]
    except (OperationalError, InterfaceError):
        raise  # the server is gone or two transactions collided: the whole batch is tried again
    except (DatabaseError, ValueError, TypeError, KeyError) as error:  # one action must not stop all rules for ever
        logger.exception("rule %s: the action %s failed", doing.firing.rule_id, doing.action.kind)
        return f"{type(error).__name__}: {error}"[:300]
