"""From the journal to the receivers: turns new events into calls, sends what is due, and writes down what came of it.

At least once: a process that dies between the receiver's answer and our note of it sends again, under the same
Comptoir-Delivery, by which the receiver recognises it. The network is never touched inside a transaction.
"""

import json
import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.db import transaction
from django.db.models import Max

from comptoir.accounts.queries import team_ids_of
from comptoir.api import rules
from comptoir.api.models import Webhook, WebhookCall
from comptoir.api.rest.conversations import full_messages
from comptoir.api.rest.shapes import conversation_out, message_out
from comptoir.api.webhooks import signing_secret
from comptoir.conversations.access import access_conversation
from comptoir.core import bulk, clock, http
from comptoir.core.errors import AccessDenied, ChannelError
from comptoir.core.textfold import preview
from comptoir.journal.horizon import drawn_id, settled_id
from comptoir.journal.models import Event

IDLE = 5.0  # seconds between looks while there is no webhook
PAUSE = 1.0  # … and while there are some
SPAN = 5_000  # ids of the journal that one round looks through, so that a long absence is caught up in steps
AT_ONCE = 8  # calls of one webhook, and webhooks, in one round
TIMEOUT = 10.0  # seconds for one call
LEASE = timedelta(seconds=AT_ONCE * TIMEOUT + 40)  # after which a call whose sender died is due again
LONGEST_LOOK = timedelta(minutes=15)  # between two looks whether a dead address answers again
KEPT = timedelta(days=30)  # of the log
MAX_ANSWER = 65_536  # bytes

# INV-06: events of conversations of the person's teams; of contacts that they may see; the rest for administrators.
ENTER = """
INSERT INTO api_webhookcall (webhook_id, event_id, state, attempts, due_at, reason)
SELECT %(webhook)s, e.id, 'due', 0, greatest(%(at)s, (SELECT min(due_at) FROM api_webhookcall
    WHERE webhook_id = %(webhook)s AND state = 'due' AND status IS NULL AND reason <> '')), '' FROM journal_event e
LEFT JOIN conversations_conversation c ON c.id = e.conversation_id
WHERE e.id > %(after)s AND e.id <= %(upto)s AND (%(kinds)s::text[] = '{}' OR e.kind = ANY(%(kinds)s))
  AND CASE WHEN e.conversation_id IS NOT NULL THEN c.team_id = ANY(%(teams)s)
           WHEN e.contact_id IS NOT NULL THEN
               EXISTS (SELECT FROM conversations_conversation o
                       WHERE o.contact_id = e.contact_id AND o.team_id = ANY(%(teams)s))
           ELSE %(admin)s END
ORDER BY e.id ON CONFLICT ON CONSTRAINT webhook_call_once DO NOTHING
"""
CLAIM = """
UPDATE api_webhookcall SET attempts = attempts + 1, due_at = %s WHERE id IN (
    SELECT due.id FROM api_webhook w CROSS JOIN LATERAL (
        SELECT c.id FROM api_webhookcall c WHERE c.webhook_id = w.id AND c.state = 'due' AND c.due_at <= %s
        ORDER BY c.due_at, c.id LIMIT %s FOR UPDATE SKIP LOCKED) due
    WHERE w.is_active)
RETURNING id
"""
NEXT_DUE = """
SELECT min(due.due_at) FROM api_webhook w CROSS JOIN LATERAL (
    SELECT c.due_at FROM api_webhookcall c WHERE c.webhook_id = w.id AND c.state = 'due' ORDER BY c.due_at LIMIT 1) due
WHERE w.is_active
"""
# Nobody answers at an address: all that waits for it waits for the next look together, the oldest call first.
POSTPONE = """
UPDATE api_webhookcall SET due_at = %s, reason = CASE WHEN reason = '' THEN %s ELSE reason END
WHERE webhook_id = %s AND state = 'due' AND due_at < %s
"""
# Somebody answers again: what waited for that is due at once.
RESUME = """
UPDATE api_webhookcall SET due_at = %s
WHERE webhook_id = ANY(%s) AND state = 'due' AND due_at > %s AND status IS NULL AND reason <> ''
"""
SWEEP = """
DELETE FROM api_webhookcall WHERE id IN (SELECT id FROM api_webhookcall WHERE finished_at < %s LIMIT 1000)
"""


@dataclass(frozen=True, slots=True)
class Letter:
    """A call ready to be sent: complete, so that sending it asks the database nothing."""

    call: WebhookCall
    url: str
    kind: str
    secret: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one call. `was_sent` False: the address was dead, and this one was spared the wait."""

    call: WebhookCall
    status: int | None
    reason: str
    duration_ms: int | None
    is_done: bool = False
    is_final: bool = False
    was_sent: bool = True


def run_webhooks_once(at: datetime) -> float:
    """Do one round: enter new events, send what is due. Returns the seconds until the next round is worth it.

    Safe to run in any number of workers at once.
    """
    if not Webhook.objects.filter(is_active=True).exists():
        return IDLE
    enter_events(at)
    calls = claim_calls(at)
    letters, hopeless = prepare(calls)
    record(hopeless + send(letters), at=clock.now())
    bulk.fetch_all(SWEEP, [at - KEPT])
    due = bulk.fetch_all(NEXT_DUE, [])[0][0]
    return PAUSE if due is None else min(PAUSE, max(0.0, (due - clock.now()).total_seconds()))


def enter_events(at: datetime) -> int:
    """Turn the events since the last look into calls, each once (webhook_call_once); return how many."""
    behind = Webhook.objects.filter(is_active=True, last_event_id__lt=drawn_id())
    if not behind.exists():
        return 0
    horizon = settled_id()
    if horizon is None:
        return 0
    entered = 0
    with transaction.atomic():
        for webhook in behind.select_for_update(skip_locked=True, of=("self",)).select_related("user").order_by("pk"):
            upto = min(horizon, webhook.last_event_id + SPAN)
            entered += _enter(webhook, upto, at)
            webhook.last_event_id = max(upto, webhook.last_event_id)
            webhook.save(update_fields=["last_event_id"])
    return entered


def _enter(webhook: Webhook, upto: int, at: datetime) -> int:
    user = webhook.user
    if not user.is_active:
        return 0
    params: dict[str, Any] = {
        "webhook": webhook.pk,
        "at": at,
        "after": webhook.last_event_id,
        "upto": upto,
        "kinds": webhook.kinds,
        "teams": team_ids_of(user),
        "admin": user.is_admin,
    }
    return len(bulk.fetch_all(ENTER + " RETURNING id", params))  # type: ignore[arg-type]  # psycopg takes a mapping as well


def claim_calls(at: datetime) -> list[WebhookCall]:
    """Claim some calls of every webhook, oldest first; a claim that nobody finishes falls back after LEASE."""
    ids = [row[0] for row in bulk.fetch_all(CLAIM, [at + LEASE, at, AT_ONCE])]
    found = WebhookCall.objects.filter(pk__in=ids).select_related("webhook", "webhook__user")
    return list(found.order_by("webhook_id", "event_id"))


def prepare(calls: Sequence[WebhookCall]) -> tuple[list[Letter], list[Outcome]]:
    """Write the letters; calls about something that the webhook's person may no longer see end here (INV-06)."""
    events = Event.objects.in_bulk([call.event_id for call in calls])
    letters: list[Letter] = []
    hopeless: list[Outcome] = []
    for call in calls:
        event, webhook = events.get(call.event_id), call.webhook
        try:
            if event is None or not webhook.user.is_active:
                raise AccessDenied("The event was deleted, or the person who made this webhook has left.")
            body = json.dumps(payload(event, webhook), ensure_ascii=False, separators=(",", ":"), default=str).encode()
        except AccessDenied as refusal:
            hopeless.append(Outcome(call, None, str(refusal), None, is_final=True))
            continue
        letters.append(Letter(call, webhook.url, event.kind, signing_secret(webhook), body))
    return letters, hopeless


def payload(event: Event, webhook: Webhook) -> dict[str, Any]:
    """Return what a receiver is told: the event, and the conversation and message as the REST API shows them."""
    conversation = message = None
    if event.conversation_id is not None:
        row = access_conversation(webhook.user, event.conversation_id)
        conversation = conversation_out(row).model_dump(mode="json")
        found = full_messages().filter(pk=event.message_id, conversation=row).first() if event.message_id else None
        message = message_out(found).model_dump(mode="json") if found else None
    return {
        "id": event.pk,
        "kind": event.kind,
        "at": event.at.isoformat(),
        "actor": {"kind": event.actor_kind, "id": event.actor_id, "name": event.actor_name},
        "conversation_id": event.conversation_id,
        "contact_id": event.contact_id,
        "message_id": event.message_id,
        "facts": event.facts,
        "conversation": conversation,
        "message": message,
    }


def send(letters: Sequence[Letter]) -> list[Outcome]:
    """Send the letters: webhooks side by side, those of one webhook in turn, in the order of their events."""
    groups = [list(group) for _, group in groupby(letters, key=lambda letter: letter.call.webhook_id)]
    if not groups:
        return []
    with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(groups)), thread_name_prefix="webhook") as pool:
        return [outcome for outcomes in pool.map(_send_in_turn, groups) for outcome in outcomes]


def _send_in_turn(letters: Sequence[Letter]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for letter in letters:
        outcome = _send(letter)
        outcomes.append(outcome)
        if outcome.status is None and not outcome.is_final:  # nobody answers there: the others would only wait as well
            rest = letters[len(outcomes) :]
            return outcomes + [Outcome(r.call, None, outcome.reason, None, was_sent=False) for r in rest]
    return outcomes


def _send(letter: Letter) -> Outcome:
    begun = time.monotonic()
    headers = {
        "Content-Type": "application/json",
        "Comptoir-Event": letter.kind,
        "Comptoir-Delivery": str(letter.call.pk),
        "Comptoir-Signature": rules.sign(letter.secret, timestamp=int(clock.now().timestamp()), body=letter.body),
    }
    try:
        answer = http.post(letter.url, body=letter.body, headers=headers, timeout=TIMEOUT, max_bytes=MAX_ANSWER)
    except ChannelError as error:
        took = round((time.monotonic() - begun) * 1000)
        return Outcome(letter.call, None, str(error), took, is_final=error.permanent)
    took = round((time.monotonic() - begun) * 1000)
    verdict = rules.verdict(answer.status, preview(answer.body[:800].decode(errors="replace").replace("\x00", "")))
    return Outcome(letter.call, answer.status, verdict.reason, took, is_done=verdict.is_done)


@transaction.atomic
def record(outcomes: Sequence[Outcome], *, at: datetime) -> None:
    """Write down what came of the calls, and when to try again."""
    for outcome in sorted(outcomes, key=lambda o: o.call.pk):
        row = WebhookCall.objects.select_for_update().filter(pk=outcome.call.pk).first()
        if row is None:  # the webhook was deleted meanwhile
            continue
        row.attempts -= not outcome.was_sent
        row.status, row.reason, row.duration_ms = outcome.status, outcome.reason[:2000], outcome.duration_ms
        wait = rules.retry_after(max(row.attempts, 1), jitter=random.random())  # noqa: S311  # spreads load, hides nothing
        if outcome.is_done:
            row.state, row.finished_at = WebhookCall.State.DONE, at
        elif outcome.is_final or wait is None:
            row.state, row.finished_at = WebhookCall.State.FAILED, at
        elif outcome.status is None and wait < LONGEST_LOOK:
            row.due_at = (
                at  # _postpone decides, for all of this webhook's calls together, so that they keep their order
            )
        else:
            row.due_at = at + wait
        row.save()
    dead = {o.call.webhook_id: o.reason for o in outcomes if o.status is None and not o.is_final}
    if answered := sorted({o.call.webhook_id for o in outcomes if o.is_done} - dead.keys()):
        bulk.fetch_all(RESUME, [at, answered, at])
    for webhook_id in sorted(dead):
        _postpone(webhook_id, dead[webhook_id], at)


def _postpone(webhook_id: int, reason: str, at: datetime) -> None:
    """Let everything that waits for a dead address wait longer each time, so that an outage costs next to nothing."""
    due = WebhookCall.objects.filter(webhook_id=webhook_id, state=WebhookCall.State.DUE)
    attempts = due.aggregate(most=Max("attempts"))["most"] or 1
    wait = rules.retry_after(min(attempts, rules.ATTEMPTS - 1), jitter=0.5) or LONGEST_LOOK
    until = at + min(wait, LONGEST_LOOK)
    bulk.fetch_all(POSTPONE, [until, reason[:2000], webhook_id, until])
