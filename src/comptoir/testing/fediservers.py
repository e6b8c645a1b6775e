"""Real servers of the fediverse for tests, each in an environment of its own beneath the temporary folder.

    with running_mastodon() as mastodon: …   # a stateful double of the Mastodon API
    with running_synapse() as synapse: …     # a Matrix homeserver on SQLite

Both are programs that tests start and stop, never a dependency of the product. `bin/setup` may install them
beforehand by `python -m comptoir.testing.fediservers`; else the first test does. Where they cannot be installed the
tests say so and wait.
"""

import hashlib
import hmac
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from comptoir.testing.mailserver import free_port

MASTODON, SYNAPSE = "mastodon_mock==0.6.1", "matrix-synapse==1.163.2"
START_SECONDS = 60.0


def folder() -> Path:
    """Return where the environments are kept between runs."""
    return Path(os.environ.get("COMPTOIR_TEST_SERVERS") or Path(tempfile.gettempdir()) / "comptoir-test-servers")


@lru_cache(maxsize=4)
def python_of(requirement: str) -> str:
    """Return the Python of a server's environment, made when it is not there; skips the test where it cannot be."""
    place = folder() / requirement.replace("==", "-")
    python, ready = place / "bin/python", place / "ready"
    if ready.exists():
        return str(python)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(place, ignore_errors=True)
    try:
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True, capture_output=True, timeout=120)
        command = [str(python), "-m", "pip", "install", "--quiet", requirement]
        subprocess.run(command, check=True, capture_output=True, timeout=600)
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", b"") or b""
        last = said.decode(errors="replace").strip().splitlines()[-1:] or [str(error)]
        pytest.skip(f"{requirement} cannot be installed: {last[0][:200]}")
    ready.touch()
    return str(python)


class Refused(Exception):
    """The server answered with an error."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body[:300]}")
        self.status = status


def ask(method: str, url: str, token: str = "", body: Any = None, **headers: str) -> Any:
    """Make a JSON request as a customer would; a client of its own, independent of the product's."""
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers}, method=method)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            raise Refused(error.code, error.read().decode(errors="replace")) from None


def _await(is_up: Callable[[], object], process: subprocess.Popen[bytes], log: Path) -> None:
    ends_at = time.monotonic() + START_SECONDS
    while time.monotonic() < ends_at and process.poll() is None:
        try:
            is_up()
        except (OSError, Refused, ValueError):
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"The server did not start: {log.read_text(errors='replace')[-1500:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass(slots=True)
class Mastodon:
    """A running double: tokens 'brand_token' and 'cust_token'."""

    url: str
    home: Path

    def ask(self, method: str, path: str, body: Any = None, *, token: str = "cust_token") -> Any:
        """Do something as one of the accounts."""
        return ask(method, self.url + path, token, body)


_MASTODON = """
[[seed.accounts]]
username = "brand"
display_name = "Brand"
access_token = "brand_token"
[[seed.accounts]]
username = "cust"
display_name = "Customer"
access_token = "cust_token"
"""


@contextmanager
def running_mastodon() -> Iterator[Mastodon]:
    """Start the double on a free port, empty but for two accounts, and stop it again."""
    python, home, port = python_of(MASTODON), Path(tempfile.mkdtemp(prefix="mastodon-")), free_port()
    (home / "mastodon.toml").write_text(_MASTODON)
    command = [python, "-m", "mastodon_mock", "serve", "--config", str(home / "mastodon.toml"), "--in-memory",
               "--host", "127.0.0.1", "--port", str(port)]  # fmt: skip
    running = Mastodon(f"http://127.0.0.1:{port}", home)
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=home)
    try:
        _await(lambda: ask("GET", f"{running.url}/api/v1/instance"), process, home / "log")
        yield running
    finally:
        _end(process)
        shutil.rmtree(home, ignore_errors=True)


@dataclass(slots=True)
class Synapse:
    """A running homeserver 'hub.test'; the application service answers to `as_token` and pushes to `hook`."""

    url: str
    home: Path
    secret: str = "shhh"
    as_token: str = "as_secret_token"
    hs_token: str = "hs_secret_token"
    tokens: dict[str, str] = field(default_factory=dict)

    def register(self, name: str) -> str:
        """Create a user and return their access token."""

        nonce = ask("GET", f"{self.url}/_synapse/admin/v1/register")["nonce"]
        said = "\0".join([nonce, name, "password", "notadmin"]).encode()
        mac = hmac.new(self.secret.encode(), said, hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": name, "password": "password", "admin": False, "mac": mac,
                "displayname": name.title()}  # fmt: skip
        token = str(ask("POST", f"{self.url}/_synapse/admin/v1/register", body=body)["access_token"])
        self.tokens[name] = token
        return token

    def ask(self, method: str, path: str, body: Any = None, *, token: str = "", **headers: str) -> Any:
        """Make a request of the client-server API."""
        return ask(method, f"{self.url}/_matrix/client/v3{path}", token, body, **headers)


def _configured(home: Path, port: int, hook: str, limits: Mapping[str, Any]) -> None:
    quick = {"per_second": 1000, "burst_count": 1000}
    service = {
        "id": "hub", "url": hook or None, "as_token": Synapse.__dataclass_fields__["as_token"].default,
        "hs_token": Synapse.__dataclass_fields__["hs_token"].default, "sender_localpart": "hubbot",
        "rate_limited": False, "receive_ephemeral": True,
        "namespaces": {"users": [{"exclusive": True, "regex": "@hub_.*:hub.test"}], "aliases": [], "rooms": []},
    }  # fmt: skip
    (home / "appservice.yaml").write_text(json.dumps(service))  # JSON is YAML
    logging = {"version": 1, "handlers": {"f": {"class": "logging.FileHandler", "filename": str(home / "synapse.log")}},
               "root": {"level": "WARNING", "handlers": ["f"]}, "disable_existing_loggers": False}  # fmt: skip
    (home / "log.yaml").write_text(json.dumps(logging))
    value = {
        "server_name": "hub.test", "pid_file": str(home / "pid"), "public_baseurl": f"http://127.0.0.1:{port}/",
        "listeners": [{"port": port, "bind_addresses": ["127.0.0.1"], "type": "http", "tls": False,
                       "resources": [{"names": ["client"]}]}],
        "database": {"name": "sqlite3", "args": {"database": str(home / "hs.db")}},
        "log_config": str(home / "log.yaml"), "media_store_path": str(home / "media"),
        "registration_shared_secret": "shhh", "macaroon_secret_key": "mmm", "form_secret": "fff",
        "signing_key_path": str(home / "signing.key"), "report_stats": False, "suppress_key_server_warning": True,
        "trusted_key_servers": [], "federation_domain_whitelist": [], "enable_registration": False,
        "app_service_config_files": [str(home / "appservice.yaml")], "url_preview_enabled": False,
        "rc_message": quick, "rc_login": {"address": quick, "account": quick, "failed_attempts": quick},
        "rc_joins": {"local": quick}, "rc_invites": {"per_room": quick, "per_user": quick},
        "max_upload_size": "1M", **limits,
    }  # fmt: skip
    (home / "homeserver.yaml").write_text(json.dumps(value))


@contextmanager
def running_synapse(*, hook: str = "", **limits: Any) -> Iterator[Synapse]:
    """Start a homeserver on a free port and stop it again. `hook`: where it pushes to the application service."""
    python, home, port = python_of(SYNAPSE), Path(tempfile.mkdtemp(prefix="synapse-")), free_port()
    (home / "media").mkdir()
    _configured(home, port, hook, limits)
    key = [python, "-m", "synapse._scripts.generate_signing_key", "-o", str(home / "signing.key")]
    subprocess.run(key, check=True, capture_output=True)
    command = [python, "-m", "synapse.app.homeserver", "-c", str(home / "homeserver.yaml")]
    running = Synapse(f"http://127.0.0.1:{port}", home)
    with (home / "out.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=home)
    try:
        _await(lambda: ask("GET", f"{running.url}/_matrix/client/versions"), process, home / "out.log")
        yield running
    finally:
        _end(process)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    for wanted in (MASTODON, SYNAPSE):
        print(python_of(wanted))
