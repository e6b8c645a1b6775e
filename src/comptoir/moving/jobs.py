"""Runs imports: in the worker those that were uploaded, in a command the one that it was given.

Reading happens outside transactions; each batch is one. After a crash the source is read again from its beginning and
what is committed is stepped over (`position`): readers give the same items in the same order.
"""

import itertools
import logging
import lzma
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing

from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.utils import translation
from django.utils.translation import gettext as _

from comptoir.accounts.services import actor_of
from comptoir.channels.models import ChannelAccount
from comptoir.core import clock, storage
from comptoir.core.errors import Conflict, InputError
from comptoir.journal.services import SYSTEM, Actor
from comptoir.moving import services, sources, writing
from comptoir.moving.models import Import, Stage
from comptoir.moving.readers import SYSTEMS
from comptoir.moving.report import Report
from comptoir.moving.shape import ConversationItem, Item
from comptoir.moving.sources import Source
from comptoir.moving.writing import Target

logger = logging.getLogger(__name__)

BATCH_ITEMS = 200
BATCH_MESSAGES = 500  # as the digest's batch
Progress = Callable[[int], None]


def run_due(stopped: Callable[[], bool]) -> bool:
    """Try or run one import that is due; return whether there was one."""
    job = services.claim_import(at=clock.now())
    if job is None:
        return False
    actor = actor_of(job.started_by) if job.started_by else SYSTEM
    with translation.override(job.started_by.language if job.started_by else "en"):
        _run_in_words(job, actor, stopped)
    return True


# What a damaged file, zip or database statement raises; RuntimeError is also a zip's method that nobody reads.
BROKEN = (
    DatabaseError, OSError, ValueError, TypeError, LookupError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error,
    lzma.LZMAError,
)  # fmt: skip


def _run_in_words(job: Import, actor: Actor, stopped: Callable[[], bool]) -> None:
    """Run an import; whatever goes wrong is told on its page and never stops the worker's loop."""
    try:
        with sources.open_file(job.file_name, lambda: storage.opened(job.file_key)) as source:
            is_whole = carry_out(job, source, actor=actor, stopped=stopped)
        if is_whole:
            services.finish_import(actor=actor, job=job)
        else:
            services.release(job)
    except Conflict as lost:
        logger.warning("import %s: %s", job.pk, lost)
    except InputError as error:
        services.fail_import(actor=actor, job=job, reason=str(error))
    except (OperationalError, InterfaceError):
        raise  # the server is away: the lease ends by itself, and the import goes on where it was
    except BROKEN as error:
        logger.exception("import %s failed", job.pk)
        words = _("The import stopped at entry %(number)s: %(why)s")
        row = Import.objects.get(pk=job.pk)
        reason = words % {"number": row.position + 1, "why": f"{type(error).__name__}: {error}"}
        services.fail_import(actor=actor, job=job, reason=reason)


def carry_out(
    job: Import,
    source: Source,
    *,
    actor: Actor,
    stopped: Callable[[], bool] = lambda: False,
    progress: Progress = lambda count: None,
) -> bool:
    """Try or run a held import from its position to its end; False when it was stopped before. Raises Conflict."""
    report = Report.of(job.trial if job.stage == Stage.TRYING else job.report)
    target = target_of(job, actor)
    step = writing.survey if job.stage == Stage.TRYING else writing.write
    with closing(_items(job, source)) as items:
        for batch in batches(itertools.islice(items, job.position, None)):
            with transaction.atomic():
                row = services.hold(job)
                step(batch, target, report)
                services.advance(row, by=len(batch), report=report)
            progress(row.position)
            if stopped():
                return False
    return True


def survey(job: Import, source: Source, *, actor: Actor, progress: Progress = lambda count: None) -> Report:
    """Return what an import would do, and write nothing at all; `job` need not be saved."""
    report, target, count = Report(), target_of(job, actor), 0
    with closing(_items(job, source)) as items:
        for batch in batches(items):
            writing.survey(batch, target, report)
            count += len(batch)
            progress(count)
    return report


def _items(job: Import, source: Source) -> Generator[Item, None, None]:
    """Yield the items; a source in which there is nothing to read is told, not taken for a success."""
    nothing = True
    for item in SYSTEMS[job.system].read(source, job.options):
        nothing = False
        yield item
    if nothing:
        words = _("Nothing of %(system)s was found in “%(name)s”. %(what)s")
        system = SYSTEMS[job.system]
        raise InputError(words % {"system": system.label, "name": source.name, "what": system.what}, field="file")


def batches(items: Iterator[Item]) -> Iterator[list[Item]]:
    """Gather items into batches that are one transaction each."""
    batch: list[Item] = []
    messages = 0
    for item in items:
        batch.append(item)
        messages += len(item.said) if isinstance(item, ConversationItem) else 0
        if len(batch) >= BATCH_ITEMS or messages >= BATCH_MESSAGES:
            yield batch
            batch, messages = [], 0
    if batch:
        yield batch


def target_of(job: Import, actor: Actor) -> Target:
    """Return where an import goes."""
    accounts: dict[str, ChannelAccount] = {}
    for account in ChannelAccount.objects.order_by("-id"):
        accounts |= {name.lower(): account for name in (account.name, account.address) if name}
    return Target(
        import_id=job.pk, system=job.system, source=f"{job.system}:{job.origin}", account=job.account,
        team_id=job.team_id, accounts=accounts, staff=writing.staff(), actor=actor,
    )  # fmt: skip
