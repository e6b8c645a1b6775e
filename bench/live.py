"""From the acceptance of a message to its text on an open desk, in a real Chromium, at 50 messages a second."""

import hashlib
import hmac
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench import load
from bench.browser import signed_in
from bench.figures import Bar, Result, percentile
from bench.installation import Installation

NAME = "live"
RATE, SECONDS = 50, 60
THREADS = 40  # conversations on the screen; each gets a message every 0.8 s

# Notes the instant at which each message's text is first on the page.
WATCH = """() => {
  window.seen = {};
  const look = () => {
    for (const found of document.getElementById("queue").textContent.matchAll(/tok(\\d+)x/g)) {
      window.seen[found[1]] ??= Date.now();
    }
  };
  new MutationObserver(look).observe(
    document.body, { childList: true, subtree: true, characterData: true, attributes: true },
  );
  look();
}"""


def _request(port: int, told: dict[str, Any], number: int) -> bytes:
    thread = number % THREADS
    body = {
        "id": f"live{number}", "thread": f"t{thread}", "text": f"tok{number}x, toujours aucune nouvelle de ma commande",
        "author": {"address": f"client{thread}@net.example", "name": f"Client {thread}"},
    }  # fmt: skip
    raw = json.dumps(body).encode()
    signature = "sha256=" + hmac.new(told["secret"].encode(), raw, hashlib.sha256).hexdigest()
    return load.post("127.0.0.1", port, f"/in/{told['key']}", raw, {"Comptoir-Signature": signature})


def _delays(accepted: dict[int, float], seen: dict[str, float]) -> tuple[list[float], int]:
    """Return the delays in ms, and how many messages were overtaken by a later one of the same row before a refresh."""
    delays, overtaken = [], 0
    shown: dict[int, float] = {}
    for number in sorted(accepted, reverse=True):
        thread = number % THREADS
        at = seen.get(str(number))
        overtaken += at is None
        if at is not None:
            shown[thread] = min(at, shown.get(thread, at))
        if thread in shown:
            delays.append(max(0.0, shown[thread] - accepted[number] * 1000))
        else:
            delays.append(float("inf"))
    return delays, overtaken


def run(rate: int = RATE, seconds: int = SECONDS) -> Result:
    """Keep the queue open in Chromium while messages come in at a steady rate by the webhook door."""
    result = Result(
        NAME,
        "From acceptance to the open desk",
        f"Chromium shows the queue; {rate} messages a second for {seconds} s come in by the webhook door, for "
        f"{THREADS} conversations on the screen. From the door's 200 until the text is in the page's DOM (server-sent "
        "event, fetch, morph). A message that a later one of its row overtook counts from its own acceptance until the "
        "later one is shown. Everything, Chromium included, shares the two cores.",
    )
    with Installation() as place:
        place.start_postgres()
        told = place.ask("bench.prepare", json.dumps({"sandbox": ""}))
        place.start("web", "web")
        place.start("worker", "worker")
        place.wait_for_web()
        load.closed_loop(place.port, [_request(place.port, told, number) for number in range(THREADS)], connections=2)
        time.sleep(3)
        accepted: dict[int, float] = {}
        numbers = range(THREADS, THREADS + rate * seconds)
        requests = [_request(place.port, told, number) for number in numbers]
        with signed_in(place.url, told["session"]) as context:
            page = context.new_page()
            page.goto(place.url + "/")
            page.wait_for_timeout(2000)
            page.evaluate(WATCH)
            spent = place.cpu_ms()

            def note(number: int) -> None:
                accepted[THREADS + number] = time.time()

            with ThreadPoolExecutor(1) as pool:  # Playwright has an event loop in this thread
                pool.submit(load.paced, place.port, requests, connections=20, rate=rate, then=note).result()
            cost = (place.cpu_ms() - spent) / len(requests)
            page.wait_for_timeout(3000)
            seen = page.evaluate("window.seen")
    delays, overtaken = _delays(accepted, seen)
    result.add("visible, p50", percentile(delays, 0.5), "ms")
    result.add("visible, p95", percentile(delays, 0.95), "ms", bar=Bar(500))
    result.add("visible, p99", percentile(delays, 0.99), "ms")
    result.add("never shown", sum(delay == float("inf") for delay in delays), "messages", bar=Bar(0))
    result.add("overtaken before they were shown", overtaken, f"of {len(delays):,}")
    result.add("CPU of the installation", cost, "ms a message")
    print(f"  p50 {percentile(delays, 0.5):.0f} ms, p95 {percentile(delays, 0.95):.0f} ms", flush=True)
    return result
