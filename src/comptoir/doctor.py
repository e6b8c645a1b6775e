"""`comptoir doctor`: what is wrong with an installation, in words, and what to do about it."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

LEAST_DISK = 1024**3  # bytes; below this PostgreSQL may soon stop


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `advice` empty: all is well."""

    what: str
    advice: str = ""


def main() -> int:
    """Examine, print, and return 0 when all is well, 1 otherwise."""
    wrong = 0
    for check in (_python, _home, _database, _tables, _secrets, _backlog, _accounts, _deliveries, _static):
        try:
            for finding in check():
                wrong += bool(finding.advice)
                print(
                    f"{'✗' if finding.advice else '✓'} {finding.what}"
                    + (f"\n    {finding.advice}" if finding.advice else "")
                )
        except Exception as error:  # one broken check must not hide the others
            wrong += 1
            print(f"✗ {check.__name__.strip('_')}: could not be examined: {type(error).__name__}: {error}")
        if check is _database and wrong:
            break  # nothing below can be examined without it
    print("\nAll is well." if not wrong else f"\n{wrong} thing{'s' if wrong > 1 else ''} to look at.")
    return 1 if wrong else 0


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(f"Python {version}", "" if sys.version_info >= (3, 11) else "Python 3.11 or later is needed.")


def _home() -> Iterator[Finding]:
    from comptoir import env

    home = env.home()
    existing = next(p for p in [home, *home.parents] if p.exists())
    if not os.access(existing, os.W_OK):
        yield Finding(
            f"{home}", f"This account may not write there. Change its owner, or set COMPTOIR_HOME: {existing}"
        )
        return
    free = shutil.disk_usage(existing).free
    advice = "" if free > LEAST_DISK else "Free some space: below 1 GB the database may stop."
    yield Finding(f"{home}: {free / 1024**3:.0f} GB free", advice)
    key = home / "secret.key"
    if key.exists() and key.stat().st_mode & 0o077:
        yield Finding("secret.key", f"Other accounts of this machine may read it. Run: chmod 600 {key}")


def _database() -> Iterator[Finding]:
    import psycopg

    from comptoir import embedded, env

    url = env.text("DATABASE_URL") or embedded.place(env.home()).url()
    where = "DATABASE_URL" if env.text("DATABASE_URL") else "the embedded PostgreSQL"
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            version = connection.info.server_version
    except psycopg.Error as error:
        todo = (
            "Check host, port, name, user and password, and that the server is running."
            if env.text("DATABASE_URL")
            else f"Start it with: comptoir up. Its log: {embedded.place(env.home()).log}"
        )
        yield Finding(where, f"It does not answer: {str(error).strip().splitlines()[-1]}. {todo}")
        return
    advice = "" if version >= 160000 else "PostgreSQL 16 or later is needed."
    yield Finding(f"PostgreSQL {version // 10000}.{version % 10000} ({where})", advice)


def _tables() -> Iterator[Finding]:
    import django

    django.setup()
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    yield Finding("Tables", f"{len(plan)} migrations wait. Run: comptoir migrate" if plan else "")


def _secrets() -> Iterator[Finding]:
    from comptoir.channels.models import ChannelAccount
    from comptoir.core.crypto import UndecipherableError, decrypt_mapping

    for account in ChannelAccount.objects.all():
        try:
            decrypt_mapping(account.credentials)
        except UndecipherableError as error:
            yield Finding(f"Credentials of “{account.name}”", str(error))


def _backlog() -> Iterator[Finding]:
    from comptoir.core import clock
    from comptoir.inbound.models import Record, RecordState

    oldest = (
        Record.objects.filter(state=RecordState.PENDING).order_by("id").values_list("received_at", flat=True).first()
    )
    late = oldest is not None and clock.now() - oldest > timedelta(minutes=1)
    advice = (
        f"Records have waited since {oldest:%d %b %H:%M} UTC. Is a worker running? Start one: comptoir worker"
        if late
        else ""
    )
    yield Finding("Inbound log", advice)
    failed = Record.objects.filter(state=RecordState.FAILED).count()
    if failed:
        yield Finding(
            "Intake", f"{failed} records were set aside. Look at them on the Intake page, or run: comptoir replay"
        )


def _accounts() -> Iterator[Finding]:
    from comptoir.channels.models import AccountHealth

    for health in AccountHealth.objects.select_related("account").filter(account__is_active=True):
        yield Finding(
            f"“{health.account.name}” ({health.account.kind})", health.last_error if health.last_error_at else ""
        )


def _deliveries() -> Iterator[Finding]:
    from comptoir.core import clock
    from comptoir.outbound.models import Delivery, DeliveryState

    late = Delivery.objects.filter(
        state=DeliveryState.QUEUED, due_at__lt=clock.now() - timedelta(minutes=2), attempts=0
    ).count()
    yield Finding("Outbox", f"{late} replies should have left. Is a worker running?" if late else "")
    doubtful = Delivery.objects.filter(state=DeliveryState.UNCONFIRMED).count()
    if doubtful:
        yield Finding(
            "Unconfirmed replies", f"{doubtful} replies may or may not have arrived. Open them in the desk and decide."
        )


def _static() -> Iterator[Finding]:
    from django.conf import settings

    there = Path(settings.STATIC_ROOT, "staticfiles.json").exists()
    yield Finding(
        "Static files", "" if there else "They were not collected. Run: comptoir up, or: comptoir manage collectstatic"
    )
