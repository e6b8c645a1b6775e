"""The program as its users run it: starts, survives kill -9 of any of its processes, and stops without a trace."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from comptoir import embedded

pytestmark = pytest.mark.slow
PATIENCE = 60  # seconds; a busy machine is slow, and nothing here measures speed


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def wait_until(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if true():
            return
        time.sleep(0.1)
    pytest.fail(f"waited in vain until {what}")


class Running:
    """A started `comptoir up`."""

    def __init__(self, home: Path, user: int | None = None) -> None:
        self.home, self.port = home, free_port()
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("COMPTOIR_", "DATABASE_URL"))}
        environment |= {"COMPTOIR_HOME": str(home), "PORT": str(self.port), "HOME": str(home)}
        self.log = home / "up.log"
        with self.log.open("wb") as log:
            self.process = psutil.Popen(
                [sys.executable, "-m", "comptoir", "up"], env=environment, stdout=log, stderr=log, user=user, cwd=home
            )

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/accounts/login/", timeout=5) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def children(self) -> list[psutil.Process]:
        return [p for p in self.process.children() if p.status() != psutil.STATUS_ZOMBIE]

    def part(self, name: str) -> psutil.Process:
        """Return 'postgres', 'web' (which listens on the port) or 'worker'."""
        for child in self.children():
            is_postgres = "postgres" in child.name()
            listens = any(c.laddr.port == self.port for c in child.net_connections(kind="inet") if c.status == "LISTEN")
            found = "postgres" if is_postgres else "web" if listens else "worker"
            if found == name:
                return child
        raise LookupError(name)

    def has(self, name: str, other_than: int) -> bool:
        try:
            return bool(self.part(name).pid != other_than)
        except (LookupError, psutil.Error):
            return False

    def told(self) -> str:
        return self.log.read_text()

    def end(self) -> None:
        everything = self.process.children(recursive=True)
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE)
        _, alive = psutil.wait_procs(everything, timeout=10)
        assert not alive, f"still running: {alive}"


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="comptoir-up-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def running(home: Path) -> Iterator[Running]:
    program = Running(home)
    wait_until(program.answers, "it answers:\n" + program.told())
    yield program
    if program.process.is_running() and program.process.status() != psutil.STATUS_ZOMBIE:
        program.end()


def test_it_survives_kill_9_of_each_of_its_processes(running: Running) -> None:
    for name in ("web", "worker", "postgres"):
        victim = running.part(name).pid
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda name=name, victim=victim: running.has(name, victim), f"{name} is back")  # type: ignore[misc]
        wait_until(running.answers, f"it answers after {name} was killed")


def test_kill_9_of_the_supervisor_leaves_nothing_that_needs_repair(home: Path) -> None:
    first = Running(home)
    wait_until(first.answers, "it answers")
    everything = first.process.children(recursive=True)
    first.process.kill()
    first.process.wait()
    second = Running(home)
    wait_until(second.answers, "it answers again:\n" + second.told())
    second.end()
    _, alive = psutil.wait_procs(everything, timeout=10)
    assert not alive


def test_ctrl_c_stops_everything_and_says_nothing_alarming(running: Running) -> None:
    assert "Comptoir is open" in running.told()
    running.end()
    assert running.process.returncode == 0
    assert "Traceback" not in running.told()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else; run the suite as root to enable")
def test_it_runs_as_an_ordinary_user(home: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    if not os.access(sys.executable, os.X_OK) or not embedded._reachable(Path(sys.executable).resolve()):
        pytest.skip("this interpreter lies where other accounts cannot reach it; use one outside /root to enable")
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    program = Running(home, user=nobody.pw_uid)
    wait_until(program.answers, "it answers")
    assert {p.uids().real for p in program.process.children(recursive=True)} == {nobody.pw_uid}
    program.end()


def test_doctor_says_in_words_what_is_wrong(running: Running) -> None:
    environment = os.environ | {"COMPTOIR_HOME": str(running.home), "DATABASE_URL": ""}
    environment.pop("COMPTOIR_SECRET_KEY", None)
    command = [sys.executable, "-m", "comptoir", "doctor"]
    well = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert "All is well." in well.stdout, well.stdout
    assert well.returncode == 0
    running.end()
    ill = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert ill.returncode == 1
    assert "Start it with: comptoir up" in ill.stdout
