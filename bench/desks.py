"""Five hundred open desks on one installation while messages come in: what a page costs then, and how much memory.

The desks are not browsers but raw sockets that behave as the page's scripts do: each keeps its stream of server-sent
events open. Half of them show the queue and fetch it again when they hear of a change, which the server spreads over
time; the others show a conversation, are told who else is there, fetch it again when it changed, and some of them type.
"""

import asyncio
import hashlib
import hmac
import json
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from bench import load
from bench.figures import Bar, Result, percentile
from bench.generate import generate
from bench.installation import Installation
from bench.pages import Browser

NAME = "desks"
DESKS, PEOPLE = 500, 50
RATE, SECONDS = 50, 60
CUSTOMERS = 5_000  # whose conversations are written to; the desks that show one show one of the first of them
BACKGROUND = (10_000, 50_000)  # conversations and messages that are there already
OPENED_A_SECOND = 100
TYPING_SHARE, TYPING_SECONDS = 0.1, 5.0  # of the desks at a conversation; together.js says it every five seconds
PAUSE = 0.15  # seconds from hearing to looking, as in desk-live.js


@dataclass(slots=True)
class Told:
    """What all desks together heard and asked."""

    events: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    bytes: int = 0
    open: int = 0


class Desk:
    """One tab: a stream, and a keep-alive connection for what it fetches."""

    def __init__(self, port: int, session: str, conversation: int | None, told: Told) -> None:
        self.port, self.conversation, self.told = port, conversation, told
        self.tab = f"{random.getrandbits(64):016x}"
        self.token = f"{random.getrandbits(128):032x}"  # Django believes a cookie that the form repeats
        self.cookie = f"sessionid={session}; csrftoken={self.token}"
        self.wanted = asyncio.Event()
        self._turn = asyncio.Lock()  # one request at a time on a connection
        self._pair: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def _head(self, method: str, path: str, *more: str) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", f"Cookie: {self.cookie}", *more]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    async def listen(self) -> None:
        """Keep the stream open and note what it says."""
        shown = f"?conversation={self.conversation}&tab={self.tab}" if self.conversation else ""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**20)
        writer.write(self._head("GET", f"/live{shown}", "Accept: text/event-stream"))
        status = await reader.readline()
        if b" 200 " not in status:
            self.told.refused += 1
            return
        self.told.open += 1
        name = ""
        try:
            while line := await reader.readline():
                self.told.bytes += len(line)
                if line.startswith(b"event: "):
                    name = line[7:].strip().decode()
                    self.told.events[name] += 1
                elif line.startswith(b"data: "):
                    self._hear(name, json.loads(line[6:]))
        finally:
            self.told.open -= 1
            writer.close()

    def _hear(self, name: str, data: Any) -> None:
        if name == "conversations" and (data == "many" or not self.conversation or self.conversation in data):
            self.wanted.set()

    async def look(self) -> None:
        """Fetch again what is shown, when it changed, as desk-live.js does."""
        path = f"/conversations/{self.conversation}/timeline/?since=" if self.conversation else "/?rows=50"
        while True:
            await self.wanted.wait()
            await asyncio.sleep(PAUSE)
            self.wanted.clear()
            await self._ask(
                self._head("GET", path, "HX-Request: true", "Comptoir-Unasked: 1", "Accept-Encoding: gzip"), "fetches"
            )

    async def type(self) -> None:
        """Say that somebody types, as together.js does."""
        body = f"tab={self.tab}&typing=1".encode()
        form = (
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(body)}",
            "HX-Request: true",
            "Comptoir-Unasked: 1",
        )
        head = self._head("POST", f"/conversations/{self.conversation}/presence/", *form, f"X-CSRFToken: {self.token}")
        await asyncio.sleep(random.uniform(0, TYPING_SECONDS))
        while True:
            await self._ask(head + body, "typing")
            await asyncio.sleep(TYPING_SECONDS)

    async def _ask(self, request: bytes, name: str) -> None:
        """Send a request on the kept connection, or on a new one where the server has closed that meanwhile."""
        async with self._turn:
            for _again in range(2):
                try:
                    if self._pair is None:
                        self._pair = await asyncio.open_connection("127.0.0.1", self.port, limit=2**20)
                    status = await _exchange(*self._pair, request)
                except (asyncio.IncompleteReadError, ConnectionError):
                    self._pair = None
                else:
                    self.told.asked[f"{name} {status}"] += 1
                    return
            self.told.asked[f"{name} lost"] += 1


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> int:
    """Send one request; return the status of its answer once all of it was read."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    place = head.lower().find(b"content-length:")
    if place >= 0:
        await reader.readexactly(int(head[place + 15 :].split(b"\r\n", 1)[0]))
    return int(head[9:12])


async def _live(desks: list[Desk], ready: threading.Event, over: threading.Event) -> None:
    """Open the desks one after another, and keep them until it is over."""
    tasks = []
    for desk in desks:
        tasks += [asyncio.create_task(desk.listen()), asyncio.create_task(desk.look())]
        if desk.conversation and random.random() < TYPING_SHARE:
            tasks.append(asyncio.create_task(desk.type()))
        await asyncio.sleep(1 / OPENED_A_SECOND)
    while desks[0].told.open < len(desks) and not over.is_set():
        await asyncio.sleep(0.1)
    ready.set()
    while not over.is_set():
        await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _request(port: int, told: dict[str, Any], number: int, customer: int) -> bytes:
    body = {
        "id": f"desks{number}", "thread": f"t{customer}", "text": f"Toujours aucune nouvelle de ma commande {number}",
        "author": {"address": f"client{customer}@net.example", "name": f"Client {customer}"},
    }  # fmt: skip
    raw = json.dumps(body).encode()
    signature = "sha256=" + hmac.new(told["secret"].encode(), raw, hashlib.sha256).hexdigest()
    return load.post("127.0.0.1", port, f"/in/{told['key']}", raw, {"Comptoir-Signature": signature})


def _first_messages(place: Installation, told: dict[str, Any], count: int) -> list[int]:
    """Let the first customers write; return their conversations."""
    first = [_request(place.port, told, number, number) for number in range(count)]
    load.closed_loop(place.port, first, connections=4)
    own = place.connect()
    query = "SELECT id FROM conversations_conversation WHERE account_id = %s ORDER BY id"
    for _ in range(300):
        found = [row[0] for row in own.execute(query, [told["account"]]).fetchall()]
        if len(found) >= count:
            return found
        time.sleep(0.1)
    raise RuntimeError("the first messages did not become conversations")


def _pages(port: int, session: str, shown: list[int], over: threading.Event) -> dict[str, list[float]]:
    """Ask for the queue and for conversations in turn until it is over; return the milliseconds of each."""
    browser = Browser(port, session)
    browser.get("/")
    times: dict[str, list[float]] = {"queue page": [], "conversation page": []}
    while not over.is_set():
        times["queue page"].append(browser.get("/")[0])
        times["conversation page"].append(browser.get(f"/conversations/{random.choice(shown)}/")[0])
        time.sleep(0.05)
    return times


def _part(name: str) -> str:
    return "PostgreSQL" if "postgres" in name else "worker" if "worker" in name else "web"


@dataclass(slots=True)
class Found:
    """What was measured while all desks were open."""

    times: dict[str, list[float]]
    outcome: load.Outcome
    memory: Counter[str]
    open: int
    cpu: float  # ms a second


def _measure(place: Installation, session: str, shown: list[int], tabs: list[Desk], requests: list[bytes]) -> Found:
    """Open the desks, let the messages in at RATE, and ask for pages meanwhile."""
    told, ready, over = tabs[0].told, threading.Event(), threading.Event()
    with ThreadPoolExecutor(3) as pool:
        living = pool.submit(lambda: asyncio.run(_live(tabs, ready, over)))
        try:
            if not ready.wait(len(tabs) / OPENED_A_SECOND * 10 + 30):
                raise RuntimeError("the desks did not open in time")
            told.events.clear()
            told.asked.clear()
            spent = place.cpu_ms()
            measuring = pool.submit(_pages, place.port, session, shown, over)
            outcome = pool.submit(load.paced, place.port, requests, connections=20, rate=RATE).result()
            cpu = (place.cpu_ms() - spent) / outcome.seconds
            memory: Counter[str] = Counter()
            for name, kilobytes in place.pss_kb().values():
                memory[_part(name)] += kilobytes
            still_open = told.open
        finally:
            over.set()
        living.result()
        return Found(measuring.result(), outcome, memory, still_open, cpu)


def run(desks: int = DESKS, seconds: int = SECONDS, background: tuple[int, int] = BACKGROUND) -> Result:
    """Open the desks on an installation with a history, and say what pages and memory cost then."""
    result = Result(
        NAME,
        f"{desks} open desks",
        f"{desks} streams of {PEOPLE} people on one web process; {RATE} messages a second for {seconds} s come in by "
        f"the webhook door, of {CUSTOMERS:,} customers. Half of the desks show the queue and fetch it again when they "
        "hear of a change; half show a conversation, tell and hear who is there, and a tenth of these type. A person "
        "asks for the queue and a conversation in turn all the while: time until the whole page is there. Memory is "
        "the proportional set size with all desks open. Everything, the desks included, shares the two cores.",
    )
    with Installation() as place:
        place.start_postgres()
        place.ask("bench.prepare", "{}")
        for _ in generate(place.database_url, *background):
            pass
        told = place.ask("bench.prepare", json.dumps({"sandbox": "", "people": PEOPLE}))
        place.start("web", "web")
        place.start("worker", "worker")
        place.wait_for_web()
        shown = _first_messages(place, told, max(1, desks // 2))
        idle = sum(kilobytes for _name, kilobytes in place.pss_kb().values())
        heard = Told()
        tabs = [
            Desk(place.port, told["sessions"][n % PEOPLE], shown[n // 2] if n % 2 else None, heard)
            for n in range(desks)
        ]
        chance = random.Random(7)
        customers = [chance.randrange(CUSTOMERS) for _ in range(RATE * seconds)]
        requests = [_request(place.port, told, desks + n, customer) for n, customer in enumerate(customers)]
        found = _measure(place, told["session"], shown, tabs, requests)
        lost = found.outcome.statuses.get(200, 0) + len(shown) - _stored(place, told["account"])
    _report(result, found, heard, desks=desks, lost=lost, idle=idle)
    return result


def _report(result: Result, found: Found, heard: Told, *, desks: int, lost: int, idle: int) -> None:
    for name, times in found.times.items():
        result.add(f"{name}: p50", percentile(times, 0.5), "ms")
        result.add(f"{name}: p95", percentile(times, 0.95), "ms", bar=Bar(100))
        print(f"  {name}: {percentile(times, 0.5):.0f}/{percentile(times, 0.95):.0f} ms of {len(times)}", flush=True)
    total = sum(found.memory.values())
    seconds = found.outcome.seconds
    result.add("desks still open at the end", found.open, f"of {desks}", bar=Bar(desks, at_least=True))
    result.add("accepted at the door, p95", percentile(found.outcome.latencies, 0.95), "ms")
    result.add("acknowledged and in no conversation", lost, "messages", bar=Bar(0))
    result.add("memory with all desks open", total / 1024, "MB")
    for part, kilobytes in sorted(found.memory.items()):
        result.add(f"of which {part}", kilobytes / 1024, "MB")
    result.add("memory an open desk", (total - idle) / desks, "kB")
    result.add("CPU of the installation", found.cpu / 10, "% of a core")
    for name, words in (("fetches", "looks of the desks"), ("typing", "words that somebody types")):
        number = sum(count for asked, count in heard.asked.items() if asked.startswith(name))
        result.add(words, number / seconds, "a second")
    kinds = ", ".join(f"{name} {number:,}" for name, number in sorted(heard.events.items()))
    answers = ", ".join(f"{name}: {number:,}" for name, number in sorted(heard.asked.items()))
    result.notes.append(f"The desks heard {heard.bytes / 1e6:.1f} MB: {kinds}. They asked: {answers}.")
    print(f"  memory {total / 1024:.0f} MB, {found.open} of {desks} open; {result.notes[0]}", flush=True)


def _stored(place: Installation, account: int) -> int:
    """Return how many messages of the account are in conversations, once the digest has nothing left."""
    own = place.connect()
    for _ in range(600):
        row = own.execute("SELECT EXISTS (SELECT FROM inbound_record WHERE state = 0)").fetchone()
        if row is not None and not row[0]:
            break
        time.sleep(0.1)
    query = (
        "SELECT count(*) FROM conversations_message m JOIN conversations_conversation c ON c.id = m.conversation_id "
        "WHERE c.account_id = %s AND m.kind = 'in'"
    )
    row = own.execute(query, [account]).fetchone()
    assert row is not None
    return int(row[0])
