"""The kill test: web, worker and PostgreSQL are killed (kill -9) at random moments while messages come in by the
webhook door, each delivered twice and shuffled, and replies go out (INV-01, INV-02, INV-03).

One scenario in two sizes: tests/test_kill.py runs the short form, bench/kill.py the long one. The messages, the answers
of the door and the deliveries at the receiver are counted outside the installation: no crash can falsify them.
"""

import contextlib
import hashlib
import hmac
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psutil
import psycopg

from comptoir import embedded

CLIENTS = 6
LEASE_SECONDS = 12  # longer than the sandbox's HTTP timeout, and short enough to wait for
SETTLE_SECONDS = 150  # what is claimed by a dead sender waits for its lease and is then looked up


@dataclass(frozen=True, slots=True)
class Size:
    """How big the scenario is. Kills go on until everything was acknowledged, and at least `kills` times."""

    messages: int
    replies: int
    kills: int
    pause: tuple[float, float]  # seconds between two kills
    seed: int = 1


@dataclass(slots=True)
class Findings:
    """What was counted. `wrong` lists every broken promise in words; it must be empty."""

    acknowledged: int = 0
    refused: int = 0  # posts that got no 200 and were sent again
    killed: Counter[str] = field(default_factory=Counter)
    records: int = 0
    messages: int = 0
    conversations: int = 0
    replies: int = 0
    delivered_once: int = 0
    shown_otherwise: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: the sender at the other end was killed."""


class Receiver:
    """The platform behind the sandbox account: counts what arrives per idempotency key, and can be asked."""

    def __init__(self) -> None:
        self.arrived: Counter[str] = Counter()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.arrived[body["key"]] += 1
                time.sleep(random.uniform(0, 0.04))  # widens the window in which the sender may die
                self._say(200)

            def do_GET(self) -> None:
                key = parse_qs(urlsplit(self.path).query)["key"][0]
                self._say(200 if receiver.arrived[key] else 404)

            def _say(self, status: int) -> None:
                with contextlib.suppress(OSError):  # the sender was killed meanwhile
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Stay silent."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


class Place:
    """The installation under test: `comptoir up` with a folder and a port of its own."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="comptoir-kill-"))
        self.home.chmod(0o755)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        dropped = {"DATABASE_URL", "COMPTOIR_TESTING", "COMPTOIR_SECRET_KEY"}
        self.environment = {k: v for k, v in os.environ.items() if k not in dropped} | {
            "COMPTOIR_HOME": str(self.home),
            "PORT": str(self.port),
            "COMPTOIR_ALLOW_PRIVATE": "127.0.0.1",
            "COMPTOIR_UNDO_SECONDS": "0",
            "COMPTOIR_SEND_LEASE": str(LEASE_SECONDS),
            "DJANGO_SETTINGS_MODULE": "comptoir.settings",
            "PYTHONPATH": os.pathsep.join(
                [str(Path(embedded.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
            ),
        }
        self._supervisor: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start everything and wait until the port answers."""
        with (self.home / "up.out").open("ab") as out:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-m", "comptoir.cli", "up"], env=self.environment, stdout=out, stderr=out
            )
        until = time.monotonic() + 90
        while time.monotonic() < until and self._supervisor.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.1)
        raise RuntimeError(f"comptoir up does not start:\n{self.output()}")

    def output(self) -> str:
        """Return what `comptoir up` has said."""
        return (self.home / "up.out").read_text(errors="replace")[-4000:]

    def inside(self, *words: str) -> subprocess.Popen[str]:
        """Start the part of the test that runs inside the installation."""
        command = [sys.executable, "-m", "comptoir.testing.killing_inside", *words]
        return subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, text=True)

    def victims(self) -> dict[str, int]:
        """Return the processes that may be killed, by what they are."""
        assert self._supervisor is not None
        found: dict[str, int] = {}
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(self._supervisor.pid).children():
                with contextlib.suppress(psutil.Error):
                    found[_part_of(child)] = child.pid
        return found

    def is_alive(self) -> bool:
        """Whether the supervisor still runs."""
        return self._supervisor is not None and self._supervisor.poll() is None

    def stop(self) -> None:
        """Stop everything and remove the folder."""
        if self._supervisor is not None and self._supervisor.poll() is None:
            self._supervisor.send_signal(signal.SIGTERM)
            try:
                self._supervisor.wait(40)
            except subprocess.TimeoutExpired:
                self._supervisor.kill()
                self._supervisor.wait()
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.rmtree(embedded.place(self.home).root, ignore_errors=True)


def _part_of(process: psutil.Process) -> str:
    if "postgres" in process.name():
        return "postgres"
    listens = any(c.status == psutil.CONN_LISTEN for c in process.net_connections(kind="tcp"))
    return "web" if listens else "worker"


class Posting:
    """Clients that post every message twice, shuffled, each again and again until the door says 200."""

    def __init__(self, place: Place, told: dict[str, Any], size: Size) -> None:
        self._place, self._told = place, told
        self._lock = threading.Lock()
        self._waiting = [number for number in range(size.messages) for _ in range(2)]
        random.Random(size.seed).shuffle(self._waiting)
        self._total = len(self._waiting)
        self.acknowledged: Counter[int] = Counter()
        self.refused = 0
        self._threads = [threading.Thread(target=self._client, daemon=True) for _ in range(CLIENTS)]

    def start(self) -> None:
        """Start the clients."""
        for thread in self._threads:
            thread.start()

    @property
    def is_done(self) -> bool:
        """Whether every post was acknowledged."""
        return sum(self.acknowledged.values()) >= self._total

    def _client(self) -> None:
        connection: http.client.HTTPConnection | None = None
        while not self.is_done and self._place.is_alive():
            with self._lock:
                number = self._waiting.pop() if self._waiting else None
            if number is None:
                time.sleep(0.05)
                continue
            connection = connection or http.client.HTTPConnection("127.0.0.1", self._place.port, timeout=10)
            try:
                accepted = self._post(connection, number)
            except (OSError, http.client.HTTPException):
                connection.close()
                connection, accepted = None, False
            with self._lock:
                if accepted:
                    self.acknowledged[number] += 1
                else:
                    self.refused += 1
                    self._waiting.insert(0, number)
            if not accepted:
                time.sleep(0.1)
        if connection is not None:
            connection.close()

    def join(self) -> None:
        """Wait for the clients to end."""
        for thread in self._threads:
            thread.join(30)

    def _post(self, connection: http.client.HTTPConnection, number: int) -> bool:
        body = json.dumps(message(number)).encode()
        signature = "sha256=" + hmac.new(self._told["secret"].encode(), body, hashlib.sha256).hexdigest()
        connection.request("POST", f"/in/{self._told['key']}", body, {"Comptoir-Signature": signature})
        answer = connection.getresponse()
        answer.read()
        if answer.status not in {200, 503}:
            raise AssertionError(f"the door answered {answer.status}")
        return answer.status == 200


def message(number: int) -> dict[str, Any]:
    """Return one message: three in a thread, from as many people as threads."""
    thread = number // 3
    return {
        "id": f"m{number}", "thread": f"t{thread}", "text": f"message {number}, bonjour et merci",
        "author": {"address": f"client{thread}@net.example", "name": f"Client {thread}"},
    }  # fmt: skip


def run(size: Size, *, tell: Any = None) -> Findings:
    """Run the scenario; nothing of it is left behind."""
    found, receiver, place, began = Findings(), Receiver(), Place(), time.monotonic()
    try:
        place.start()
        prepared, _ = place.inside("prepare", receiver.url).communicate(timeout=60)
        told = json.loads(prepared.splitlines()[-1])
        posting = Posting(place, told, size)
        replying = place.inside("reply", str(size.replies))
        posting.start()
        _kill(place, posting, replying, size, found, tell)
        posting.join()
        answered, _ = replying.communicate(timeout=200)
        queued = json.loads(answered.splitlines()[-1])["queued"]
        found.acknowledged, found.refused = sum(posting.acknowledged.values()), posting.refused
        _settle(place)
        with _connection(place) as connection:
            _check_messages(connection, posting, size, found)
            _check_replies(connection, receiver, queued, size, found)
        if found.wrong:
            found.wrong.append(f"comptoir up said: {place.output()}")
    except psycopg.Error as error:
        found.wrong.append(f"the database is away: {error}; comptoir up said: {place.output()}")
    finally:
        place.stop()
        receiver.close()
    found.seconds = time.monotonic() - began
    return found


def _kill(
    place: Place, posting: Posting, replying: subprocess.Popen[str], size: Size, found: Findings, tell: Any
) -> None:
    """Kill at random moments for as long as something is under way."""
    chance = random.Random(size.seed)
    turn: list[str] = []
    until = time.monotonic() + 600
    while time.monotonic() < until and place.is_alive():
        if posting.is_done and replying.poll() is not None and sum(found.killed.values()) >= size.kills:
            return
        time.sleep(chance.uniform(*size.pause))
        # Each of the three once a round, in a random order.
        turn = turn or chance.sample(["web", "worker", "postgres"], 3)
        victim = place.victims().get(turn[-1])
        if victim is None:
            continue  # it is being started again at this moment
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
            found.killed[turn[-1]] += 1
            if tell is not None:
                tell(f"killed {turn[-1]}; {sum(posting.acknowledged.values()):,} acknowledged")
        turn.pop()


@contextlib.contextmanager
def _connection(place: Place) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(embedded.place(place.home).url(), autocommit=True) as connection:
        yield connection


BUSY = """
SELECT EXISTS (SELECT FROM inbound_record WHERE state = 0)
    OR EXISTS (SELECT FROM outbound_delivery WHERE state IN ('queued', 'sending'))
"""


def _settle(place: Place) -> None:
    """Wait until nothing is pending and nothing is under way."""
    until = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(psycopg.Error), _connection(place) as connection:
            if not connection.execute(BUSY).fetchone()[0]:  # type: ignore[index]  # EXISTS always has a row
                return
        time.sleep(0.5)


def _one(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def _check_messages(connection: psycopg.Connection[Any], posting: Posting, size: Size, found: Findings) -> None:
    """INV-01 and INV-02: every acknowledged message is there, exactly once, in its own conversation."""
    found.records = _one(connection, "SELECT count(*) FROM inbound_record")
    found.messages = _one(connection, "SELECT count(*) FROM conversations_message WHERE kind = 'in'")
    found.conversations = _one(connection, "SELECT count(*) FROM conversations_conversation")
    texts = "SELECT text, count(*) FROM conversations_message WHERE kind = 'in' GROUP BY 1"
    stored = dict(connection.execute(texts).fetchall())
    expected = {message(number)["text"] for number in posting.acknowledged}
    for text, what in ((stored.keys() - expected, "never sent"), (expected - stored.keys(), "acknowledged and lost")):
        if text:
            found.wrong.append(f"{len(text)} messages {what}: {sorted(text)[:5]}")
    doubled = [text for text, count in stored.items() if count > 1]
    if doubled:
        found.wrong.append(f"{len(doubled)} messages doubled: {doubled[:5]}")
    if len(posting.acknowledged) != size.messages:
        found.wrong.append(f"only {len(posting.acknowledged)} of {size.messages} messages were ever acknowledged")
    if found.conversations != -(-size.messages // 3):
        found.wrong.append(f"{found.conversations} conversations instead of {-(-size.messages // 3)}")
    for kind, count in (("message.received", found.messages), ("conversation.created", found.conversations)):
        told = _one(connection, f"SELECT count(*) FROM journal_event WHERE kind = '{kind}'")  # constants
        if told != count:
            found.wrong.append(f"the journal has {told} {kind} for {count}")
    bad = _one(connection, "SELECT count(*) FROM inbound_record WHERE state <> 1")
    if bad:
        found.wrong.append(f"{bad} records are not digested")


def _check_replies(
    connection: psycopg.Connection[Any], receiver: Receiver, queued: int, size: Size, found: Findings
) -> None:
    """INV-03: every reply arrived exactly once, or is shown as failed or unconfirmed."""
    rows = connection.execute(
        "SELECT d.key, d.state FROM outbound_delivery d JOIN conversations_message m ON m.id = d.message_id"
    ).fetchall()
    found.replies = len(rows)
    if queued != size.replies or len(rows) != size.replies:
        found.wrong.append(f"{queued} replies queued and {len(rows)} deliveries instead of {size.replies}")
    for key, state in rows:
        arrived = receiver.arrived[key]
        if arrived > 1:
            found.wrong.append(f"reply {key} arrived {arrived} times ({state})")
        elif state == "delivered" and arrived == 1:
            found.delivered_once += 1
        elif state in {"failed", "unconfirmed"}:
            found.shown_otherwise += 1
        else:
            found.wrong.append(f"reply {key} is {state} and arrived {arrived} times")
    strange = {key for key, count in receiver.arrived.items() if count} - {key for key, _ in rows}
    if strange:
        found.wrong.append(f"the receiver got {len(strange)} unknown replies")
