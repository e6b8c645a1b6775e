"""Calls the addresses that firings owe a call. At least once; the network is never touched inside a transaction."""

import json
from datetime import datetime, timedelta

from django.db import transaction

from comptoir.core import bulk, clock, http
from comptoir.core.errors import ChannelError
from comptoir.core.textfold import preview
from comptoir.outbound.rules import retry_after
from comptoir.routing.models import Errand

IDLE = 2.0  # seconds between looks
AT_ONCE = 8
TIMEOUT = 10.0  # seconds for one call
LEASE = timedelta(seconds=AT_ONCE * TIMEOUT + 40)  # after which a call whose sender died is due again
MAX_ANSWER = 65_536  # bytes
CLAIM = """
UPDATE routing_errand SET attempts = attempts + 1, due_at = %s WHERE id IN (
    SELECT id FROM routing_errand WHERE state = 'due' AND due_at <= %s
    ORDER BY due_at, id LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING id
"""


def run_errands_once(at: datetime) -> float:
    """Make the calls that are due; return the seconds until the next look. Safe in any number of workers at once."""
    ids = [row[0] for row in bulk.fetch_all(CLAIM, [at + LEASE, at, AT_ONCE])]
    for errand in Errand.objects.filter(pk__in=ids).order_by("pk"):
        reason, is_final = call(errand)
        record(errand, reason, is_final=is_final, at=clock.now())
    return 0.0 if len(ids) == AT_ONCE else IDLE


def call(errand: Errand) -> tuple[str, bool]:
    """Call an address; return ('', …) when it was received, else why not and whether that is for good."""
    headers = {"Content-Type": "application/json", "Comptoir-Event": "rule.fired", "Comptoir-Delivery": f"r{errand.pk}"}
    body = json.dumps(errand.body, ensure_ascii=False, separators=(",", ":")).encode()
    try:
        answer = http.post(errand.url, body=body, headers=headers, timeout=TIMEOUT, max_bytes=MAX_ANSWER)
    except ChannelError as error:
        return str(error), error.permanent
    if answer.is_success:
        return "", True
    said = preview(answer.body[:800].decode(errors="replace").replace("\x00", ""))
    return f"The address answered {answer.status}{': ' + said if said else '.'}", False


@transaction.atomic
def record(errand: Errand, reason: str, *, is_final: bool, at: datetime) -> None:
    """Write down what came of a call, and when to try again."""
    row = Errand.objects.select_for_update().filter(pk=errand.pk).first()
    if row is None:
        return
    wait = retry_after(row.attempts)
    row.reason = reason[:2000]
    if not reason:
        row.state, row.finished_at = Errand.State.DONE, at
    elif is_final or wait is None:
        row.state, row.finished_at = Errand.State.FAILED, at
    else:
        row.due_at = at + wait
    row.save()
