"""`comptoir up`: the embedded PostgreSQL, web and worker under one roof, started again when one of them dies.

The program is loaded once and forked, so that web and worker share its memory and start in an instant. Ctrl-C stops
the children first and the database last. When the supervisor itself is killed, the kernel stops the children.
"""

import contextlib
import ctypes
import gc
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType

from comptoir import embedded, env

BACKOFF_SECONDS = (0.1, 0.5, 1, 2, 5, 10)
STEADY_SECONDS = 30  # a child that lived this long is healthy again
STOP_SECONDS = 15


@dataclass
class _Child:
    """One supervised process."""

    name: str
    main: Callable[[], None]
    pid: int = 0
    started: float = 0.0
    failures: int = 0
    not_before: float = field(default=0.0)


class Supervisor:
    """Starts, watches, restarts and stops the processes of one installation."""

    def __init__(self) -> None:
        self._children: list[_Child] = []
        self._stopping = False
        self._embedded = not env.text("DATABASE_URL")
        self._postgres = embedded.start(env.home()) if self._embedded else None

    def add(self, name: str, main: Callable[[], None]) -> None:
        """Supervise one more process."""
        self._children.append(_Child(name, main))

    def run(self, ready: Callable[[], None]) -> None:
        """Start everything, call `ready` once, and watch until SIGINT or SIGTERM."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        gc.collect()
        gc.freeze()  # what is loaded now stays shared between the forks
        for child in self._children:
            self._start(child)
        ready()
        try:
            while not self._stopping:
                self._watch()
                time.sleep(0.1)
        finally:
            self._stop_all()

    def give_up(self) -> None:
        """Stop what was started so far: the preparation failed."""
        self._stop_all()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def _start(self, child: _Child) -> None:
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            child.pid, child.started = pid, time.monotonic()
            return
        status = 1
        try:
            ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # end with the supervisor, even when it is killed
            os.setsid()  # Ctrl-C reaches the supervisor alone, which stops the children in order
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            if os.getppid() == parent:
                child.main()
            status = 0
        except KeyboardInterrupt:
            status = 0
        except BaseException as error:  # the child must not return into the supervisor's code
            print(f"comptoir: {child.name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        finally:
            os._exit(status)

    def _watch(self) -> None:
        if self._embedded:
            self._watch_postgres()
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            self._note_end(pid, status)
        for child in self._children:
            if child.pid == 0 and time.monotonic() >= child.not_before:
                self._start(child)

    def _watch_postgres(self) -> None:
        where = embedded.place(env.home())
        ended = self._postgres.poll() is not None if self._postgres else not embedded.is_running(where)
        if ended and not self._stopping:
            print("comptoir: PostgreSQL ended; starting it again.", file=sys.stderr, flush=True)
            self._postgres = embedded.start(env.home())

    def _note_end(self, pid: int, status: int) -> None:
        child = next((c for c in self._children if c.pid == pid), None)
        if child is None:
            return
        lived = time.monotonic() - child.started
        child.failures = 0 if lived > STEADY_SECONDS else child.failures + 1
        pause = BACKOFF_SECONDS[min(child.failures, len(BACKOFF_SECONDS) - 1)]
        child.pid, child.not_before = 0, time.monotonic() + pause
        if not self._stopping:
            told = os.waitstatus_to_exitcode(status)
            print(f"comptoir: {child.name} ended ({told}); starting it again.", file=sys.stderr, flush=True)

    def _stop_all(self) -> None:
        running = [child for child in self._children if child.pid]
        for child in running:
            _signal(child.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while running and time.monotonic() < deadline:
            running = [child for child in running if os.waitpid(child.pid, os.WNOHANG)[0] == 0]
            time.sleep(0.05)
        for child in running:
            _signal(child.pid, signal.SIGKILL)
        if self._postgres is not None:
            embedded.stop(self._postgres)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
