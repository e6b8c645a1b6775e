"""Events of mixed networks, signed as each signs them, at the door: does the backlog stay empty?"""

import base64
import hashlib
import hmac
import json
import random
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from bench import load
from bench.figures import Bar, Result, percentile
from bench.installation import Installation

NAME = "networks"
RATE, SECONDS = 200, 60  # 12,000 events a minute; the bar is 10,000
PEOPLE = 2_000  # of each network
SECRET = "bench-secret"
# What each network's account is connected with; `bench.prepare` fills what else its form needs.
ACCOUNTS = {
    "sandbox": {"secret": SECRET},
    "messenger": {"app_secret": SECRET, "page_id": "1"},
    "whatsapp": {"app_secret": SECRET, "phone_number_id": "1"},
    "telegram": {"webhook_secret": SECRET},
    "sms": {"auth_token": SECRET},
    "x": {"consumer_secret": SECRET, "user_id": "1"},
}
PENDING = "SELECT count(*) FROM inbound_record WHERE state = 0"
ODD = """
SELECT a.kind, 'state ' || r.state, r.reason, count(*) FROM inbound_record r
JOIN channels_channelaccount a ON a.id = r.account_id WHERE r.state <> 1 GROUP BY 1, 2, 3
UNION ALL SELECT a.kind, f.kind, f.reason, f.count FROM inbound_refusal f
JOIN channels_channelaccount a ON a.id = f.account_id
"""
TEXTS = (
    "Bonjour, ma ligne est coupée depuis lundi, merci de votre aide.",
    "Where is my parcel? It was due on Tuesday.",
    "Je suis très déçu, personne ne répond au téléphone.",
    "Thanks, it works again!",
)


def _hex(body: bytes) -> str:
    return "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def _sandbox(number: int, person: int, text: str) -> tuple[bytes, dict[str, str]]:
    value = {"id": f"e{number}", "thread": f"t{person}", "author": {"address": f"s{person}", "name": "S"}, "text": text}
    body = json.dumps(value).encode()
    return body, {"Comptoir-Signature": _hex(body)}


def _messenger(number: int, person: int, text: str) -> tuple[bytes, dict[str, str]]:
    at = int(time.time() * 1000)
    said = {"sender": {"id": f"9{person}"}, "recipient": {"id": "1"}, "timestamp": at,
            "message": {"mid": f"m_{number}", "text": text}}  # fmt: skip
    body = json.dumps({"object": "page", "entry": [{"id": "1", "time": at, "messaging": [said]}]}).encode()
    return body, {"X-Hub-Signature-256": _hex(body)}


def _whatsapp(number: int, person: int, text: str) -> tuple[bytes, dict[str, str]]:
    who = f"3360000{person:05d}"
    said = {"from": who, "id": f"wamid.{number}", "timestamp": str(int(time.time())), "type": "text",
            "text": {"body": text}}  # fmt: skip
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": "1"},
             "contacts": [{"profile": {"name": "W"}, "wa_id": who}], "messages": [said]}  # fmt: skip
    change = {"field": "messages", "value": value}
    body = json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}).encode()
    return body, {"X-Hub-Signature-256": _hex(body)}


def _telegram(number: int, person: int, text: str) -> tuple[bytes, dict[str, str]]:
    who = {"id": person + 1, "first_name": "T", "is_bot": False}
    said = {"message_id": number, "from": who, "chat": {"id": person + 1, "first_name": "T", "type": "private"},
            "date": int(time.time()), "text": text}  # fmt: skip
    return json.dumps({"update_id": number, "message": said}).encode(), {"X-Telegram-Bot-Api-Secret-Token": SECRET}


def _x(number: int, person: int, text: str) -> tuple[bytes, dict[str, str]]:
    said = {"type": "message_create", "id": str(number), "created_timestamp": str(int(time.time() * 1000)),
            "message_create": {"target": {"recipient_id": "1"}, "sender_id": f"8{person}",
                               "message_data": {"text": text}}}  # fmt: skip
    people = {f"8{person}": {"data": {"id": f"8{person}", "name": "X", "username": f"x{person}"}}}
    payload = {"direct_message_events": [said], "users": people}
    value = {"event_uuid": str(number), "filter": {"user_id": "1"}, "event_type": "dm.received", "payload": payload}
    body = json.dumps({"data": value}).encode()
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).digest()
    return body, {"X-Twitter-Webhooks-Signature": "sha256=" + base64.b64encode(digest).decode()}


def _sms(url: str) -> Callable[[int, int, str], tuple[bytes, dict[str, str]]]:
    def make(number: int, person: int, text: str) -> tuple[bytes, dict[str, str]]:
        fields = {"MessageSid": f"SM{number}", "From": f"+336{person:08d}", "To": "+33100000000", "Body": text,
                  "AccountSid": "x", "NumMedia": "0"}  # fmt: skip
        signed = url + "".join(f"{key}{value}" for key, value in sorted(fields.items()))
        digest = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha1).digest()
        headers = {"X-Twilio-Signature": base64.b64encode(digest).decode(),
                   "Content-Type": "application/x-www-form-urlencoded"}  # fmt: skip
        return urlencode(fields).encode(), headers

    return make


def requests_of(place: Installation, keys: dict[str, str], count: int, seed: int) -> list[bytes]:
    """Return ready-made, signed requests, the networks mixed."""
    chance = random.Random(seed)
    makers: dict[str, Callable[[int, int, str], tuple[bytes, dict[str, str]]]] = {
        "sandbox": _sandbox, "messenger": _messenger, "whatsapp": _whatsapp, "telegram": _telegram, "x": _x,
        "sms": _sms(f"http://localhost:{place.port}/in/{keys['sms']}"),
    }  # fmt: skip
    kinds = sorted(makers)
    made: list[bytes] = []
    for number in range(count):
        kind = kinds[number % len(kinds)]
        body, headers = makers[kind](seed * 10_000_000 + number + 1, chance.randrange(PEOPLE), chance.choice(TEXTS))
        made.append(load.post("127.0.0.1", place.port, f"/in/{keys[kind]}", body, headers))
    return made


def _number(own: Any, query: str) -> int:
    return int(own.execute(query).fetchone()[0])


class Watcher:
    """Looks at the backlog twice a second, in a thread of its own."""

    def __init__(self, own: Any) -> None:
        self.seen: list[int] = []
        self._own, self._over = own, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._over.wait(0.5):
            self.seen.append(_number(self._own, PENDING))

    def stop(self) -> None:
        """End it."""
        self._over.set()
        self._thread.join()


def run() -> Result:
    """Post at a fixed rate; look at the backlog all the while."""
    result = Result(
        NAME,
        "Mixed networks at the door",
        f"Signed webhooks of {', '.join(sorted(ACCOUNTS))} in equal shares, {RATE}/s for {SECONDS} s, of {PEOPLE:,} "
        "people each; web, worker, PostgreSQL and the load generator share the two cores.",
    )
    with Installation() as place:
        place.start_postgres()
        told = place.ask("bench.prepare", json.dumps({"networks": ACCOUNTS}))
        place.start("web", "web")
        place.start("worker", "worker")
        place.wait_for_web()
        own = place.connect()
        load.paced(place.port, requests_of(place, told["keys"], 600, 1), connections=20, rate=100)
        requests = requests_of(place, told["keys"], RATE * SECONDS, 2)
        watcher = Watcher(place.connect())
        spent = place.cpu_ms()
        outcome = load.paced(place.port, requests, connections=60, rate=RATE)
        watcher.stop()
        began = time.monotonic()
        while _number(own, PENDING):
            time.sleep(0.05)
        settled = time.monotonic() - began
        cost = (place.cpu_ms() - spent) / len(requests)
        accepted = outcome.statuses.get(200, 0)
        messages = _number(own, "SELECT count(*) FROM conversations_message") - 600
        odd = own.execute(
            "SELECT state, reason, count(*) FROM inbound_record WHERE state <> 1 GROUP BY 1, 2"
        ).fetchall()
    half = len(watcher.seen) // 2
    result.add("accepted", outcome.rate * 60, "events a minute", bar=Bar(10_000, at_least=True))
    result.add("not accepted", len(requests) - accepted, "events", bar=Bar(0))
    result.add("accepted and in no conversation", accepted - messages, "events", bar=Bar(0))
    result.add("backlog, first half: p95", percentile(watcher.seen[:half], 0.95), "events")
    result.add("backlog, second half: p95", percentile(watcher.seen[half:], 0.95), "events", bar=Bar(RATE))
    result.add("until the last one is read", settled, "s", bar=Bar(2))
    result.add("p99 of the answer", percentile(outcome.latencies, 0.99), "ms")
    result.add("CPU, digest and database included", cost, "ms an event")
    print(f"  {outcome.rate * 60:,.0f} a minute, backlog up to {max(watcher.seen)}, {cost:.2f} ms an event", flush=True)
    for kind, became, reason, times in odd:
        print(f"  {kind}, {became}: {times} × {reason}", flush=True)
    return result
