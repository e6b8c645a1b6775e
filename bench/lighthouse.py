"""Lighthouse, signed in, on the queue and on a conversation, as on a desk and as on a phone, in Debian's Chromium."""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from bench.browser import CHROMIUM
from bench.figures import Bar, Result
from bench.generate import generate
from bench.installation import Installation, free_port
from bench.peer_files import MissingError

NAME = "lighthouse"
PROGRAM = Path(__file__).resolve().parent.parent / "node_modules" / "lighthouse" / "cli" / "index.js"
CATEGORIES = {"performance": "performance", "accessibility": "accessibility", "best-practices": "best practices"}
DEVICES = {"desk": ["--preset=desktop"], "phone": []}  # Lighthouse's own presets: the phone is slowed down four times
RUNS = 3  # the median counts: performance is a measurement
SECONDS = 180  # for one run
NEWEST = "SELECT max(id) FROM conversations_conversation WHERE message_count > 3"


@contextmanager
def chromium(url: str, session: str) -> Iterator[int]:
    """Start a Chromium that is signed in; yield the port on which Lighthouse drives it.

    A cookie among Lighthouse's extra headers would not reach the live stream. Raises MissingError where one is missing.
    """
    if not PROGRAM.exists() or not Path(CHROMIUM).exists():
        raise MissingError("needs lighthouse and Chromium; bin/setup installs both")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="comptoir-lighthouse-") as profile, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, args=["--no-sandbox", f"--remote-debugging-port={port}"]
        )
        context.add_cookies([{"name": "sessionid", "value": session, "url": url}])
        try:
            yield port
        finally:
            context.close()


def audit(url: str, port: int, device: str) -> dict[str, Any]:
    """Return Lighthouse's report on one address, in the browser behind a port."""
    command = [
        "node", str(PROGRAM), url, f"--port={port}", *DEVICES[device], "--output=json", "--quiet",
        f"--only-categories={','.join(CATEGORIES)}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"Lighthouse ended with {done.returncode}: {done.stderr[-500:].decode(errors='replace')}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def weak_points(report: dict[str, Any]) -> list[str]:
    """Return what Lighthouse found wanting and counts, the heaviest first."""
    found = []
    for category in report["categories"].values():
        for ref in category["auditRefs"]:
            seen = report["audits"][ref["id"]]
            if ref["weight"] and seen["score"] is not None and seen["score"] < 0.9:
                words = f"{seen['title']} {seen.get('displayValue', '')}".strip()
                found.append((ref["weight"] * (1 - seen["score"]), words))
    return [words for _weight, words in sorted(found, reverse=True)]


def run() -> Result:
    """Audit both pages as both devices, three times each."""
    result = Result(
        NAME,
        "Lighthouse",
        "Lighthouse in Debian's Chromium, signed in by cookie, a queue of 50 rows; scores of 100, the median of "
        f"{RUNS} runs.",
    )
    with Installation() as place:
        place.start_postgres()
        place.ask("bench.prepare", "{}")
        for _ in generate(place.database_url, 5000, 20_000):
            pass
        told = place.ask("bench.prepare", json.dumps({}))
        place.start("web", "web")
        place.wait_for_web()
        newest = place.connect().execute(NEWEST).fetchone()
        assert newest is not None
        with chromium(place.url, told["session"]) as port:
            for page, path in {"queue": "/", "conversation": f"/conversations/{newest[0]}/"}.items():
                for device in DEVICES:
                    _audit_page(result, f"{page}, {device}", place.url + path, port, device)
    return result


def _audit_page(result: Result, label: str, url: str, port: int, device: str) -> None:
    reports = [audit(url, port, device) for _ in range(RUNS)]
    for key, words in CATEGORIES.items():
        scores = [100 * report["categories"][key]["score"] for report in reports]
        figure = result.add(f"{label}: {words}", scores, "points", bar=Bar(95, at_least=True))
        print(f"  {figure.label}: {figure.median:.0f}", flush=True)
    if weak := weak_points(reports[-1]):
        result.notes.append(f"{label}, short of full marks: {'; '.join(weak[:5])}.")
