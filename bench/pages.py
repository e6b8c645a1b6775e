"""The agent's screens on the server, with 10,000 conversations and with 1,000,000 of 5,000,000 messages."""

import http.client
import json
import os
import random
import re
import shutil
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from bench.figures import Bar, Result, percentile
from bench.generate import generate
from bench.installation import Installation

NAME = "pages"
ROUNDS, SAMPLES = 3, 100
SMALL, BIG = (10_000, 50_000), (1_000_000, 5_000_000)
COMMON = ("commande", "livreur", "order", "parcel")
TWO_COMMON = ("commande livreur", "parcel order", "remboursement facture", "refund invoice")
# p95 bars of the issue at the two sizes, and what the best peer measured with 10,000 tickets (p50/p95).
BARS = {
    "queue page": (25, 50, "FreeScout 55/75"),
    "conversation page, about 20 messages": (30, 50, "django-helpdesk 75/137"),
    "reply": (30, 50, "django-helpdesk 34/50"),
    "search, rare word": (80, 150, "Roundup 102/120"),
    "search, common word": (80, 150, "django-helpdesk 263/333"),
    "search, two common words": (80, 150, ""),
    "search, filters": (80, 150, ""),
    "saved view": (80, 150, ""),
    "palette": (50, 50, ""),
}
FILTERED = (
    "commande is:open", "order channel:email", "facture after:60d", "invoice before:400d", "assignee:me is:pending",
    "is:unread", "livreur from:camille", "has:attachment", "before:2y is:received", "parcel is:note",
)  # fmt: skip
# What no index serves is looked for in a bounded walk (conversations/listing.py): the worst that a view can ask.
VIEWS: tuple[dict[str, Any], ...] = (
    {"waits": None, "words": "commande", "unread": True, "sort": "activity"},
    {"waits": None, "states": ["solved"], "languages": ["fr"], "priority": 1, "sort": "newest"},
    {"channels": ["email"], "waiting_minutes": 600, "sort": "wait"},
    {"waits": None, "states": ["pending", "snoozed"], "channels": ["sandbox"], "owner": "any", "sort": "activity"},
    {"waits": None, "trouble": True, "sort": "activity"},
)
KEEP_VIEW = """
INSERT INTO conversations_savedview (name, owner_id, scope, filter, position)
VALUES ('bench', %s, 'personal', %s, %s) RETURNING id
"""
NAMED = ("mar", "camille", "commande", "500", "parcel")
WANTED = """
SELECT c.id FROM conversations_conversation c JOIN accounts_membership m ON m.team_id = c.team_id AND m.user_id = %s
WHERE c.message_count BETWEEN 18 AND 22 AND c.channel = ANY(%s) AND c.id >= %s ORDER BY c.id LIMIT %s
"""


class Browser:
    """A signed-in person behind one keep-alive connection."""

    def __init__(self, port: int, session: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._cookies = {"sessionid": session}

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return {"Cookie": cookies, "Accept-Encoding": "br, gzip", "Accept-Language": "en", **more}

    def get(self, path: str, **headers: str) -> tuple[float, bytes]:
        """Return the milliseconds until the whole page was there, and the page."""
        return self._ask("GET", path, None, headers)

    def post(self, path: str, values: Mapping[str, str]) -> float:
        """Post a form as htmx does; return the milliseconds until the answer was there."""
        token = self._cookies["csrftoken"]
        headers = {"Content-Type": "application/x-www-form-urlencoded", "HX-Request": "true", "X-CSRFToken": token}
        return self._ask("POST", path, urlencode(values).encode(), headers)[0]

    def _ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[float, bytes]:
        began = time.perf_counter()
        self._connection.request(method, path, body, self._headers(headers))
        answer = self._connection.getresponse()
        page = answer.read()
        took = (time.perf_counter() - began) * 1000
        for line in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = line.partition(";")[0].partition("=")
            self._cookies[name] = value
        if answer.status != 200:
            raise RuntimeError(f"{method} {path} answered {answer.status}: {page[:300]!r}")
        return took, page


def _conversations(own: Any, user: int, channels: list[str], count: int) -> list[int]:
    """Return conversations with about 20 messages, from all over the history."""
    newest = own.execute("SELECT max(id) FROM conversations_conversation").fetchone()[0]
    chance, found = random.Random(5), set[int]()
    for _ in range(count * 4):
        rows = own.execute(WANTED, [user, channels, chance.randrange(1, newest), 1]).fetchall()
        found.update(row[0] for row in rows)
        if len(found) >= count:
            break
    return sorted(found, key=lambda number: hash((number, 1)))


def _rare_words(own: Any) -> list[str]:
    query = "SELECT text FROM conversations_message TABLESAMPLE SYSTEM (%s) WHERE text LIKE '%%Ref %%' LIMIT 300"
    total = own.execute("SELECT max(id) FROM conversations_message").fetchone()[0]
    rows = own.execute(query, [min(100, 400_000 / total)]).fetchall()
    return sorted({match[1] for row in rows if (match := re.search(r"Ref (\w+)\.", row[0]))})


def _views(own: Any, user: int) -> list[int]:
    own.execute("DELETE FROM conversations_savedview WHERE name = 'bench'")
    return [own.execute(KEEP_VIEW, [user, json.dumps(view), place]).fetchone()[0] for place, view in enumerate(VIEWS)]


def _steps(browser: Browser, own: Any, user: int) -> dict[str, Callable[[int], float]]:
    pages = _conversations(own, user, ["email", "sandbox"], 300)
    replied = _conversations(own, user, ["sandbox"], 100)
    rare = _rare_words(own)
    views = _views(own, user)

    def search(words: str) -> float:
        return browser.get(f"/search?q={quote(words)}")[0]

    def reply(number: int) -> float:
        values = {"kind": "reply", "text": f"Merci pour votre message, nous regardons cela. {number}"}
        return browser.post(f"/conversations/{replied[number % len(replied)]}/messages/", values)

    return {
        "queue page": lambda n: browser.get("/")[0],
        "conversation page, about 20 messages": lambda n: browser.get(f"/conversations/{pages[n % len(pages)]}/")[0],
        "reply": reply,
        "search, rare word": lambda n: search(rare[n % len(rare)]),
        "search, common word": lambda n: search(COMMON[n % len(COMMON)]),
        "search, filters": lambda n: search(FILTERED[n % len(FILTERED)]),
        "saved view": lambda n: browser.get(f"/?saved={views[n % len(views)]}")[0],
        "palette": lambda n: browser.get(f"/palette?q={NAMED[n % len(NAMED)]}", **{"HX-Request": "true"})[0],
        "search, two common words": lambda n: search(TWO_COMMON[n % len(TWO_COMMON)]),
    }


def _measure(place: Installation, told: dict[str, Any], result: Result, *, big: bool) -> None:
    own = place.connect()
    browser = Browser(place.port, told["session"])
    browser.get("/")
    label = "1 M / 5 M" if big else "10,000"
    for name, step in _steps(browser, own, told["user"]).items():
        for number in range(20):
            step(number)
        tails, medians, costs = [], [], []
        for turn in range(ROUNDS):
            spent = place.cpu_ms()
            times = [step(20 + turn * SAMPLES + number) for number in range(SAMPLES)]
            costs.append((place.cpu_ms() - spent) / SAMPLES)
            tails.append(percentile(times, 0.95))
            medians.append(percentile(times, 0.5))
        small_bar, big_bar, peer = BARS[name]
        result.add(f"{name}, {label}: p50", medians, "ms")
        bar = Bar(big_bar if big else small_bar)
        result.add(f"{name}, {label}: p95", tails, "ms", bar=bar, peer="" if big or not peer else f"{peer} (recorded)")
        result.add(f"{name}, {label}: CPU", costs, "ms")
        found = statistics.median
        print(f"  {label} {name}: {found(medians):.1f}/{found(tails):.1f} ms, CPU {found(costs):.1f} ms", flush=True)


def _at_size(result: Result, size: tuple[int, int], *, big: bool) -> None:
    # A folder given by COMPTOIR_BENCH_BIG keeps the big installation between runs.
    kept = Path(os.environ["COMPTOIR_BENCH_BIG"]) if big and "COMPTOIR_BENCH_BIG" in os.environ else None
    is_filled = kept is not None and (kept / "filled").exists()
    if kept is not None and not is_filled:
        shutil.rmtree(kept, ignore_errors=True)
    with Installation(home=kept) as place:
        place.start_postgres()
        told = place.ask("bench.prepare", json.dumps({}))
        if not is_filled:
            took = 0.0
            for step, took in generate(place.database_url, *size):
                print(f"  {step}: {took:.0f} s", flush=True)
            told = place.ask("bench.prepare", json.dumps({}))
            (place.home / "filled").write_text(f"{took:.1f}")
        took = float((place.home / "filled").read_text())
        result.add(f"generator, {size[0]:,} conversations", size[1] / took, "messages/s")
        place.start("web", "web")
        place.wait_for_web()
        row = place.connect().execute("SELECT pg_database_size(current_database())").fetchone()
        assert row is not None
        result.add(f"database, {size[0]:,} conversations", row[0] / 1e6, "MB")
        _measure(place, told, result, big=big)


def run(small: bool = True, big: bool = False) -> Result:
    """Fill an installation and ask for each screen again and again."""
    result = Result(
        NAME if small else f"{NAME}_big",
        "Screens on the server, 10,000 conversations"
        if small
        else "Screens, 1,000,000 conversations, 5,000,000 messages",
        f"Time until the whole answer is there, over HTTP keep-alive on loopback, signed in; {ROUNDS} rounds of "
        f"{SAMPLES} requests, one after another, always for another conversation or word; the person belongs to "
        "all six teams. CPU: web and PostgreSQL." + (" The peers' figures are with 10,000 tickets." if small else ""),
    )
    if small:
        _at_size(result, SMALL, big=False)
    if big:
        _at_size(result, BIG, big=True)
    return result
