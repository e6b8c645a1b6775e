"""E-mail from IMAP to the queue: a real Dovecot on loopback with 1,000 mails and 18 nasty ones, scored by the truth."""

import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.figures import Bar, Result
from bench.installation import Installation, descendants, wait_until_digested
from bench.peer_files import MissingError, workload
from comptoir.testing import mailserver

NAME = "mail_ingest"
RUNS = 3
MAILS = 1000
PEER = "FreeScout {} (recorded)"

ROWS = """
SELECT m.conversation_id, m.text, m.subject, m.author_name, m.attachment_count, m.html, m.automatic
FROM conversations_message m
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One stored message."""

    ticket: int
    body: str
    subject: str
    name: str
    atts: int
    html: str
    automatic: str


def generate(folder: Path) -> None:
    """Write the workload."""
    command = [sys.executable, str(workload() / "gen_mails.py"), str(folder), str(MAILS), "--to=support@brand.test"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def fill(servers: mailserver.MailServers, folder: Path, *, with_nasty: bool = True) -> int:
    """Put all mails into the mailbox of support@brand.test, in their order; return how many."""
    box = servers.home / "mail" / mailserver.SUPPORT
    for name in ("new", "cur", "tmp"):
        (box / name).mkdir(parents=True, exist_ok=True)
    mails = sorted((folder / "main").glob("*.eml"))
    if with_nasty:
        mails += sorted((folder / "nasty").glob("*.eml"))
    for number, path in enumerate(mails):
        shutil.copyfile(path, box / "new" / f"{1_700_000_000 + number}.M{number}.bench")
    for path in [box, *box.rglob("*")]:
        shutil.chown(path, "dovecot", "dovecot")
    return len(mails)


def score(rows: list[Row], folder: Path) -> dict[str, Any]:
    """Return what check.py says about the rows."""
    values = [{"ticket": r.ticket, "body": r.body, "subject": r.subject, "name": r.name, "atts": r.atts} for r in rows]
    (folder / "rows.json").write_text(json.dumps(values, ensure_ascii=False))
    command = [sys.executable, str(workload() / "check.py"), str(folder / "truth.json"), str(folder / "rows.json")]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[0])
    return found


# What a person must be able to read of each nasty mail; gen_mails.py says what is in them.
NASTY: dict[str, Callable[[Row], bool]] = {
    "nz00": lambda r: "nz00 body déjà" in r.body,
    "nz02": lambda r: "je suis absent" in r.body and bool(r.automatic),
    "nz03": lambda r: "nz03 déjà" in r.body,
    "nz04": lambda r: "nz04 déjà" in r.body,
    "nz05": lambda r: "Réclamé été" in r.subject and "déjà" in r.body,
    "nz06": lambda r: "Empty body" in r.subject,
    "nz07": lambda r: "nz07 déjà" in r.body,
    "nz08": lambda r: "nz08" in r.body and not re.search(r"<script|onerror|javascript:", r.html, re.IGNORECASE),
    "nz09": lambda r: "endnz09" in r.body,
    "nz10": lambda r: "voir ci-joint" in r.body and (r.atts > 0 or "in10 transféré déjà" in r.body),
    "nz11": lambda r: "nz11" in r.body,
    "nz12": lambda r: "nz12" in r.body and r.atts > 0,
    "nz13": lambda r: "nz13 a" in r.body and "fin" in r.body,
    "nz14": lambda r: "nz14 déjà réglé" in r.body,
    "nz15": lambda r: "could not be delivered" in r.body and bool(r.automatic),
    "nz16": lambda r: "配送について" in r.body and "配送" in r.subject,
    "nz17": lambda r: "nz17" in r.body,
}


def nasty(rows: list[Row], aside: list[tuple[str, str]]) -> tuple[int, list[str]]:
    """Return how many of the 18 nasty mails are readable or set aside with a reason, and what is wrong."""
    wrong = []
    for token, is_right in NASTY.items():
        mine = [row for row in rows if token in html.unescape(row.body) or token in row.subject]
        reasons = [reason for raw, reason in aside if token in raw]
        if (len(mine) == 1 and is_right(mine[0])) or (not mine and reasons and all(reasons)):
            continue
        wrong.append(f"{token}: {len(mine)} messages, set aside: {reasons}")
    doubled = sum("nz00" in row.subject for row in rows) != 1  # the second delivery of nz00 must not become a message
    return 18 - len(wrong) - doubled, wrong


def _once(
    folder: Path, servers: mailserver.MailServers
) -> tuple[float, float, float, list[Row], list[tuple[str, str]]]:
    """Ingest the mailbox once; return seconds, CPU ms, CPU ms of Dovecot, the rows and what was set aside."""
    assert servers.dovecot is not None
    log = servers.home / "dovecot.log"
    with Installation() as place:
        place.start_postgres()
        values = {
            "address": mailserver.SUPPORT, "imap_host": "127.0.0.1", "imap_port": servers.imap, "imap_security": "none",
            "password": mailserver.PASSWORDS[mailserver.SUPPORT],
        }  # fmt: skip
        place.ask("bench.prepare", json.dumps({"mailbox": values}))
        own = place.connect()
        servers.empty(mailserver.SUPPORT)
        count = fill(servers, folder)
        logged = log.stat().st_size if log.exists() else 0
        place.start("worker", "worker")
        until = time.monotonic() + 60
        while b"Login: user=<support@" not in log.read_bytes()[logged:]:
            if time.monotonic() > until:
                raise RuntimeError(f"the worker does not sign in: {place.output('worker')}")
            time.sleep(0.002)
        began, spent, dovecot = time.monotonic(), place.cpu_ms(), _cpu_of(servers.dovecot.pid)
        query = "SELECT count(*) FROM inbound_record WHERE state <> 0"
        while (own.execute(query).fetchone() or [0])[0] < count - 1:  # the doubled mail has one record
            if time.monotonic() > until + 60:
                raise RuntimeError(f"the mails do not arrive: {place.output('worker')}")
            time.sleep(0.01)
        seconds = wait_until_digested(own) - began
        cost, dovecot = place.cpu_ms() - spent, _cpu_of(servers.dovecot.pid) - dovecot
        rows = [Row(*row[:7]) for row in own.execute(ROWS).fetchall()]
        aside = own.execute("SELECT encode(raw, 'escape'), reason FROM inbound_record WHERE state IN (2, 3)").fetchall()
    return seconds, cost, dovecot, rows, [(str(raw), str(reason)) for raw, reason in aside]


def _cpu_of(pid: int) -> float:
    from bench.installation import _cpu_ms_of

    return sum(map(_cpu_ms_of, descendants([pid])))


def run(runs: int = RUNS) -> Result:
    """Ingest the mailbox several times, each into a new installation."""
    if reason := mailserver.available():
        raise MissingError(reason)
    result = Result(
        NAME,
        "E-mail, from IMAP to the queue",
        f"{MAILS:,} mails and 18 nasty ones wait in a mailbox of Dovecot on loopback; from the worker's sign-in by "
        "IMAP until the last mail is in the queue. CPU: worker and PostgreSQL; Dovecot apart.",
    )
    rates, costs, dovecots = [], [], []
    folder = Path(tempfile.mkdtemp(prefix="comptoir-mails-"))
    try:
        generate(folder)
        with mailserver.running_mail_servers() as servers:
            for number in range(runs):
                seconds, cost, dovecot, rows, aside = _once(folder, servers)
                rates.append((MAILS + 18) / seconds)
                costs.append(cost / (MAILS + 18))
                dovecots.append(dovecot / (MAILS + 18))
                print(f"  run {number + 1}: {rates[-1]:,.0f}/s, {costs[-1]:.2f} CPU ms a message", flush=True)
        truth = score(rows, folder)
        right, wrong = nasty(rows, aside)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _report(result, rates, costs, dovecots, truth)
    result.add("nasty mails kept and readable, or set aside with a reason", right, "of 18", bar=Bar(18, at_least=True))
    result.notes += wrong
    return result


def _report(
    result: Result, rates: list[float], costs: list[float], dovecots: list[float], truth: dict[str, Any]
) -> None:
    none = Bar(0)
    result.add("mails", rates, "messages/s", bar=Bar(400, at_least=True), peer=PEER.format("24 to 67"))
    result.add("CPU, database included", costs, "ms a message", bar=Bar(3), peer=PEER.format("16.3"))
    result.add("CPU of Dovecot", dovecots, "ms a message")
    off = abs(truth["tickets"] - truth["tickets_expected"])
    # nasty mails make conversations of their own, which check.py does not see: it counts those with a token
    result.add("conversations", truth["tickets"], f"of {truth['tickets_expected']}", peer=PEER.format("700 tuned, 769"))
    result.add("conversations too many or too few", off, "", bar=none)
    result.add("mails lost", truth["lost"], "", bar=none)
    result.add("mails doubled", truth["dup"], "", bar=none)
    result.add("replies in the wrong place", truth["misthreaded"], f"of {truth['of_replies']}", bar=none,
               peer=PEER.format("0 tuned, 83"))  # fmt: skip
    result.add("accents ruined", truth["accents_damaged"], "bodies", bar=none, peer=PEER.format("0"))
    result.add(
        "subjects and names damaged",
        sum(truth["subjects_damaged"].values()) + sum(truth["names_damaged"].values()),
        "",
        bar=none,
    )
    found, expected = truth["att_found"], truth["att_messages_expected"]
    result.add("mails with their attachment", found, f"of {expected}", bar=Bar(expected, at_least=True))
