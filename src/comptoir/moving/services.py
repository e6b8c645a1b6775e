"""The only writer of imports: an import is tried, shown, confirmed and run, in batches that survive any crash.

A worker holds an import by a lease; every batch is one transaction that moves `position` and prolongs the lease, so
that a worker that died is followed by another at the same place, and two can never write the same batch.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from comptoir.accounts.models import Team, User
from comptoir.channels.models import ChannelAccount
from comptoir.core import bulk, clock
from comptoir.core.errors import Conflict, InputError
from comptoir.journal import services as journal
from comptoir.journal.services import Actor
from comptoir.moving.models import Import, Stage
from comptoir.moving.readers import SYSTEMS
from comptoir.moving.report import Report

WAKE_CHANNEL = "comptoir_moving"
LEASE = timedelta(seconds=60)  # a batch takes a second or two; a crash is noticed within a minute


@transaction.atomic
def start_import(
    *,
    actor: Actor,
    user: User | None,
    system: str,
    file_name: str,
    file_key: str,
    account: ChannelAccount,
    team: Team | None = None,
    origin: str = "",
    options: Mapping[str, str] | None = None,
    stage: str = Stage.TRYING,
) -> Import:
    """Put an import on the list: it is tried at once and waits then for a person's yes. Raises InputError."""
    if system not in SYSTEMS:
        words = _("There is no import from “%(name)s”. Known: %(known)s.")
        raise InputError(words % {"name": system, "known": ", ".join(SYSTEMS)}, field="system")
    row = Import.objects.create(
        system=system, origin=" ".join(origin.split())[:60], file_name=file_name[:255], file_key=file_key,
        account=account, team=team or account.team, options=dict(options or {}), started_by=user, stage=stage,
        created_at=clock.now(),
    )  # fmt: skip
    _tell(actor, row, "import.started")
    return row


@transaction.atomic
def confirm_import(*, actor: Actor, job: Import) -> Import:
    """Let an import that was tried, or that stopped half-way, run."""
    row = _locked(job.pk)
    if row.stage not in (Stage.TRIED, Stage.FAILED) or not row.trial:
        raise Conflict(_("This import cannot be started now. Reload the page to see where it stands."))
    row.stage, row.reason, row.finished_at = Stage.RUNNING, "", None
    row.save(update_fields=["stage", "reason", "finished_at"])
    _tell(actor, row, "import.confirmed")
    return row


@transaction.atomic
def retry_import(*, actor: Actor, job: Import, options: Mapping[str, str]) -> Import:
    """Try an import again that has not run, with other options of its reader (a table's columns)."""
    row = _locked(job.pk)
    if row.stage not in (Stage.TRIED, Stage.FAILED) or row.report:
        raise Conflict(_("This import cannot be started now. Reload the page to see where it stands."))
    row.stage, row.options, row.trial, row.reason, row.position = Stage.TRYING, dict(options), {}, "", 0
    row.save(update_fields=["stage", "options", "trial", "reason", "position"])
    _tell(actor, row, "import.started")
    return row


@transaction.atomic
def drop_import(*, actor: Actor, job: Import) -> Import:
    """Give an import up that has not run; nothing was written and nothing will be."""
    row = _locked(job.pk)
    if row.stage not in (Stage.TRYING, Stage.TRIED, Stage.FAILED):
        raise Conflict(_("This import has run. What it brought stays."))
    row.stage, row.finished_at = Stage.DROPPED, clock.now()
    row.save(update_fields=["stage", "finished_at"])
    _tell(actor, row, "import.dropped")
    return row


def claim_import(*, at: datetime, import_id: int | None = None) -> Import | None:
    """Take an import in hand that is due and that no living worker has; None where there is none."""
    with transaction.atomic():
        due = Import.objects.filter(stage__in=[Stage.TRYING, Stage.RUNNING])
        due = due.filter(Q(held_until=None) | Q(held_until__lt=at)).exclude(file_key="" if import_id is None else "-")
        due = due if import_id is None else due.filter(pk=import_id)
        row = due.select_for_update(skip_locked=True).order_by("id").first()
        if row is None:
            return None
        row.held_by, row.held_until = secrets.token_hex(8), at + LEASE
        row.save(update_fields=["held_by", "held_until"])
    return Import.objects.select_related("account", "team", "started_by").get(pk=row.pk)


def hold(job: Import) -> Import:
    """Return the locked row for the next batch; raises Conflict when another worker has taken it over."""
    row = _locked(job.pk)
    if (row.held_by, row.stage) != (job.held_by, job.stage):
        raise Conflict(_("Another worker goes on with this import."))
    return row


def advance(row: Import, *, by: int, report: Report) -> None:
    """Write how far the held import is; in the transaction of its batch."""
    row.position += by
    row.held_until = clock.now() + LEASE
    field = "trial" if row.stage == Stage.TRYING else "report"
    setattr(row, field, report.stored())
    row.save(update_fields=["position", "held_until", field])


@transaction.atomic
def finish_import(*, actor: Actor, job: Import) -> None:
    """Close a step: what was tried waits for a person, what ran is done."""
    row = hold(job)
    was_trial = row.stage == Stage.TRYING
    row.stage = Stage.TRIED if was_trial else Stage.DONE
    row.held_by, row.held_until, row.finished_at = "", None, clock.now()
    if was_trial:
        row.position = 0
    row.save(update_fields=["stage", "held_by", "held_until", "finished_at", "position"])
    _tell(actor, row, "import.tried" if was_trial else "import.done")


@transaction.atomic
def fail_import(*, actor: Actor, job: Import, reason: str) -> None:
    """Stop an import with its reason in words; what it wrote stays, and it can go on from there."""
    row = hold(job)
    if row.stage == Stage.TRYING:
        row.position = 0
        row.trial = {}
    row.stage, row.reason = Stage.FAILED, reason[:2000]
    row.held_by, row.held_until, row.finished_at = "", None, clock.now()
    row.save(update_fields=["stage", "reason", "held_by", "held_until", "finished_at", "position", "trial"])
    _tell(actor, row, "import.failed")


@transaction.atomic
def close_abandoned(*, actor: Actor, at: datetime) -> int:
    """Close what a command began and did not end (it was killed); return how many. Running it again goes on."""
    left = Import.objects.select_for_update().filter(stage=Stage.RUNNING, file_key="", held_until__lt=at)
    rows = list(left.order_by("id"))
    for row in rows:
        row.stage, row.finished_at, row.held_by, row.held_until = Stage.FAILED, at, "", None
        row.reason = _("The command was interrupted. Run it again: what came already does not come twice.")
        row.save(update_fields=["stage", "finished_at", "held_by", "held_until", "reason"])
        _tell(actor, row, "import.failed")
    return len(rows)


def release(job: Import) -> None:
    """Let go of an import without ending it: the worker stops, another goes on."""
    Import.objects.filter(pk=job.pk, held_by=job.held_by).update(held_by="", held_until=None)


def _locked(number: int) -> Import:
    return Import.objects.select_for_update().get(pk=number)


def _tell(actor: Actor, row: Import, kind: str) -> None:
    facts: dict[str, Any] = {"import": row.pk, "system": row.system, "file": row.file_name, "position": row.position}
    journal.append(actor=actor, kind=kind, facts=facts)
    bulk.notify(WAKE_CHANNEL, "")
