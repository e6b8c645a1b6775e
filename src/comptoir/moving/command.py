"""`comptoir import zendesk PATH …`: an import from a path of this machine, of any size, in this process.

Run again after an interruption: what is there already is known (INV-02).
"""

import argparse
from pathlib import Path

from django.utils.translation import gettext as _

from comptoir.accounts.models import Team
from comptoir.channels.models import ChannelAccount
from comptoir.core import clock
from comptoir.core.errors import InputError
from comptoir.journal.services import SYSTEM
from comptoir.moving import jobs, services, sources, words
from comptoir.moving.models import Import, Stage
from comptoir.moving.report import Report
from comptoir.moving.sources import Source


def run(args: argparse.Namespace) -> None:
    """Try or run an import and print its report. Raises InputError, OSError."""
    account, team = _account(args.account), _team(args.team)
    options = _options(args.map or [])
    path = Path(args.path)
    with sources.open_path(path) as source:
        if args.dry_run:
            job = Import(system=args.kind, origin=args.origin or "", account=account, team=team or account.team)
            job.options = options
            report = jobs.survey(job, source, actor=SYSTEM, progress=_progress)
            _print(report, _("Nothing was written. This is what the import would do:"))
            return
        services.close_abandoned(actor=SYSTEM, at=clock.now())
        job = services.start_import(
            actor=SYSTEM, user=None, system=args.kind, file_name=path.name, file_key="", account=account, team=team,
            origin=args.origin or "", options=options, stage=Stage.RUNNING,
        )  # fmt: skip
        _print(_carry_out(job, source), _("The import is done:"))


def _carry_out(job: Import, source: Source) -> Report:
    held = services.claim_import(at=clock.now(), import_id=job.pk)
    assert held is not None  # nobody else knows of it
    try:
        jobs.carry_out(held, source, actor=SYSTEM, progress=_progress)
    except (InputError, OSError) as error:
        services.fail_import(actor=SYSTEM, job=held, reason=str(error))
        raise
    services.finish_import(actor=SYSTEM, job=held)
    return Report.of(Import.objects.get(pk=job.pk).report)


def _account(address: str | None) -> ChannelAccount:
    accounts = ChannelAccount.objects.select_related("team")
    chosen = accounts.filter(address__iexact=address) or accounts.filter(name__iexact=address) if address else accounts
    if len(chosen) != 1:
        known = ", ".join(account.address or account.name for account in accounts) or _("none is connected yet")
        words_ = _("Name the account that takes the conversations with --account. Known: %(known)s.")
        raise InputError(words_ % {"known": known}, field="account")
    return chosen[0]


def _team(name: str | None) -> Team | None:
    if name is None:
        return None
    team = Team.objects.filter(name__iexact=name).first()
    if team is None:
        known = ", ".join(Team.objects.values_list("name", flat=True))
        raise InputError(_("There is no team “%(name)s”. Known: %(known)s.") % {"name": name, "known": known})
    return team


def _options(pairs: list[str]) -> dict[str, str]:
    if wrong := [pair for pair in pairs if "=" not in pair]:
        raise InputError(_("“%(pair)s”: write --map FIELD=COLUMN.") % {"pair": wrong[0]}, field="map")
    return {field.strip(): column.strip() for field, _equals, column in (pair.partition("=") for pair in pairs)}


def _progress(count: int) -> None:
    print(f"\r{count}", end="", flush=True)


def _print(report: Report, headline: str) -> None:
    print(f"\r{headline}")
    for line in words.lines(report):
        print(f"  {line}")
