"""The pytest plugin: a private installation per run (its own folder, its own embedded PostgreSQL), never the user's.

Loaded by `-p` before Django's settings, which read the environment. Also decides which tests wait for a browser or for
servers, and says at the end how to enable them.
"""

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_home = Path(tempfile.mkdtemp(prefix="comptoir-test-"))
_home.chmod(0o755)  # under root the server runs as another account, which must be able to enter
(_home / "static").mkdir()  # WhiteNoise warns of a missing folder
_given_url = os.environ.get("COMPTOIR_TEST_DATABASE_URL", "")
os.environ.update(
    COMPTOIR_HOME=str(_home),
    COMPTOIR_TESTING="1",
    COMPTOIR_SECRET_KEY="only-for-tests",
    COMPTOIR_ALLOW_PRIVATE="127.0.0.1,localhost",
    DATABASE_URL=_given_url,
)
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright's sync API runs an event loop in the test's thread

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
MAIL_PROGRAMS = ("/usr/sbin/dovecot", "/usr/sbin/smtpd")


def _start_postgres() -> None:
    from comptoir import embedded

    process = embedded.start(_home, durable=False)

    def stop() -> None:
        if process is not None:
            process.kill()
            process.wait()
        shutil.rmtree(_home, ignore_errors=True)
        shutil.rmtree(embedded.place(_home).root, ignore_errors=True)

    atexit.register(stop)


if not _given_url:
    _start_postgres()


def _missing(marker: str) -> str:
    if marker == "browser" and not Path(CHROMIUM).exists():
        return "needs Chromium"
    if marker == "servers":
        absent = [program for program in MAIL_PROGRAMS if not Path(program).exists()]
        if absent:
            return "needs Dovecot and OpenSMTPD"
        if os.getuid() != 0:
            return "needs root, because Dovecot and OpenSMTPD change accounts"
    return ""


_waiting: dict[str, list[str]] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let tests wait that need what this machine lacks, or what `make test` leaves to `make test-all`."""
    everything = os.environ.get("COMPTOIR_TEST_ALL") == "1"
    for item in items:
        for marker in ("browser", "servers", "slow"):
            if item.get_closest_marker(marker) is None:
                continue
            reason = _missing(marker) if everything or marker != "slow" else "takes long"
            if not everything and not reason:
                reason = "runs in make test-all"
            if reason:
                _waiting.setdefault(f"{marker}: {reason}", []).append(item.nodeid)
                item.add_marker(pytest.mark.skip(reason=f"{reason}; enable with: make test-all"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List what waited and the command that enables it."""
    for reason, names in _waiting.items():
        terminalreporter.write_line(f"{len(names)} tests waited ({reason}). Enable them with: make test-all")
        for name in names:
            terminalreporter.write_line(f"    {name}")


@pytest.fixture(autouse=True, scope="session")
def _flushable_journal() -> None:
    """Let the flush between tests with real transactions pass the journal's guard, as retention does (INV-04)."""
    from django.db.backends.postgresql.operations import DatabaseOperations

    original = DatabaseOperations.sql_flush

    def sql_flush(self: DatabaseOperations, *args: Any, **kwargs: Any) -> list[str]:
        statements: list[str] = original(self, *args, **kwargs)
        return ["SET LOCAL comptoir.retention = 'on'", *statements] if statements else []

    DatabaseOperations.sql_flush = sql_flush  # type: ignore[method-assign,assignment]


@pytest.fixture(autouse=True, scope="session")
def _quick_flush() -> None:
    """Leave content types and permissions out of the flush: nothing asks for them, and they took its larger half."""
    from django.core.management.commands import flush

    flush.emit_post_migrate_signal = lambda *_args, **_kwargs: None  # type: ignore[attr-defined]  # imported there


@pytest.fixture(autouse=True)
def _fast_passwords(settings: object) -> None:
    """Hash passwords cheaply: the strength of the hash is Django's to test."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A running Chromium. Of a module, because its event loop is in the way of tests that run one of their own."""
    from comptoir.testing.browser import running_chromium

    with running_chromium() as browser:
        yield browser


@pytest.fixture
def site() -> Iterator[Any]:
    """The whole application on loopback, on the test's database."""
    from django.db import connections

    from comptoir.testing.browser import running_site

    with running_site() as running:
        yield running
    connections.close_all()


def start_process(command: list[str], **environment: str) -> subprocess.Popen[bytes]:
    """Start a program of ours with this run's environment and some more."""
    return subprocess.Popen(command, env=os.environ | environment)
