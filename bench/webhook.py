"""Signed JSON webhooks at the public door: accepted means on disk."""

import hashlib
import hmac
import json
import time
from typing import Any

from bench import load
from bench.figures import Bar, Result, percentile
from bench.installation import Installation
from bench.json_ingest import events

NAME = "webhook"
SECONDS = 10
RATE = 900  # a second, above the bar, so that the bar's rate is held with room
CONNECTIONS = 16
RUNS = 3


def signed(port: int, told: dict[str, Any], count: int, seed: int) -> list[bytes]:
    """Return ready-made, signed requests of messages."""
    requests = []
    for _, _, body in events(count, seed):
        signature = "sha256=" + hmac.new(told["secret"].encode(), body, hashlib.sha256).hexdigest()
        requests.append(load.post("127.0.0.1", port, f"/in/{told['key']}", body, {"Comptoir-Signature": signature}))
    return requests


def run(seconds: int = SECONDS, runs: int = RUNS) -> Result:
    """Post in a closed loop for the most it takes, then at a fixed rate for the latency; count what is in the log."""
    result = Result(
        NAME, "Webhook acceptance",
        f"Signed POSTs to /in/<key> of a running installation; web and worker digest at the same time on the same "
        f"cores as the load generator. Closed loop: {CONNECTIONS} connections. Fixed rate: {RATE}/s for {seconds} s, "
        "latency from the instant each request was due. CPU: web, worker and PostgreSQL, the digest included.",
    )  # fmt: skip
    bar = Bar(800, at_least=True)
    rates, slow, paced_rates, medians, tails, costs = [], [], [], [], [], []
    with Installation() as place:
        place.start_postgres()
        told = place.ask("bench.prepare", json.dumps({"sandbox": ""}))
        place.start("web", "web")
        place.start("worker", "worker")
        place.wait_for_web()
        own = place.connect()
        accepted = 0
        load.closed_loop(place.port, signed(place.port, told, 500, 999), connections=CONNECTIONS)
        for number in range(runs):
            requests = signed(place.port, told, seconds * 1000, 2 * number)
            outcome = load.closed_loop(place.port, requests, connections=CONNECTIONS)
            rates.append(outcome.rate)
            slow.append(percentile(outcome.latencies, 0.99))
            accepted += outcome.statuses.get(200, 0)
            _settle(own)
            requests = signed(place.port, told, seconds * RATE, 2 * number + 1)
            spent = place.cpu_ms()
            outcome = load.paced(place.port, requests, connections=100, rate=RATE)
            _settle(own)
            costs.append((place.cpu_ms() - spent) / len(requests))
            paced_rates.append(outcome.rate)
            medians.append(percentile(outcome.latencies, 0.5))
            tails.append(percentile(outcome.latencies, 0.99))
            accepted += outcome.statuses.get(200, 0)
            print(
                f"  run {number + 1}: {rates[-1]:,.0f}/s closed; p99 {tails[-1]:.1f} ms at {outcome.rate:,.0f}/s",
                flush=True,
            )
        row = own.execute(
            "SELECT count(*), (SELECT count(*) FROM conversations_message) FROM inbound_record"
        ).fetchone()
        assert row is not None
        lost = accepted + 500 - row[0]
        unread = row[0] - row[1]
    result.add("accepted, closed loop", rates, "requests/s", bar=bar)
    result.add("p99, closed loop", slow, "ms")
    result.add("accepted, fixed rate", paced_rates, "requests/s", bar=bar)
    result.add("p50 at the fixed rate", medians, "ms")
    result.add("p99 at the fixed rate", tails, "ms", bar=Bar(25))
    result.add("CPU, digest and database included", costs, "ms a request")
    result.add("acknowledged and not in the log", lost, "records", bar=Bar(0))
    result.add("in the log and not in the queue", unread, "records", bar=Bar(0))
    return result


def _settle(own: Any) -> None:
    """Wait until the digest has nothing left, so that runs do not disturb each other."""
    for _ in range(600):
        if not own.execute("SELECT EXISTS (SELECT FROM inbound_record WHERE state = 0)").fetchone()[0]:
            return
        time.sleep(0.1)
