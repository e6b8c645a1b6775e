"""JSON messages that lie in the inbound log already, through the pipeline into the queue."""

import hashlib
import json
import random
import time
from collections.abc import Iterator

from bench.figures import Bar, Result
from bench.installation import Installation, shards_held, wait_until_digested
from bench.texts import Writer

NAME = "json_ingest"
MESSAGES = 20_000
RUNS = 3

FILL = """
COPY inbound_record (account_id, external_id, shard, source, content_type, raw, state, reason, attempts, received_at)
FROM STDIN
"""


def events(count: int, seed: int) -> Iterator[tuple[str, str, bytes]]:
    """Yield (id, thread, body) of messages: two in three open a thread, one in three goes on with an earlier one."""
    chance, writer = random.Random(seed), Writer(seed)
    threads: list[tuple[str, str, str]] = []
    for number in range(count):
        if threads and chance.random() < 1 / 3:
            thread, address, name = chance.choice(threads[-3000:])
        else:
            person = chance.randrange(count // 2)
            thread, address, name = f"t{seed}-{number}", f"client{person}@net.example", writer.name()
            threads.append((thread, address, name))
        body = {
            "id": f"m{seed}-{number}", "thread": thread, "author": {"address": address, "name": name},
            "text": writer.text(), "sent_at": "2026-11-22T10:00:00+00:00",
        }  # fmt: skip
        yield body["id"], thread, json.dumps(body, ensure_ascii=False).encode()  # type: ignore[misc]


def shard_of(key: str) -> int:
    """Return the shard as core/types.py does."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest(), "big") % 64


def run(messages: int = MESSAGES, runs: int = RUNS) -> Result:
    """Fill the log while the digest waits, let it go, and time it until nothing is pending."""
    result = Result(
        NAME, "JSON messages, from the inbound log to the queue",
        f"{messages:,} messages of the sandbox channel lie in the log; one worker digests them into contacts, "
        "conversations, messages, search index and journal. CPU: worker and PostgreSQL.",
    )  # fmt: skip
    rates, costs = [], []
    with Installation() as place:
        place.start_postgres()
        told = place.ask("bench.prepare", json.dumps({"sandbox": ""}))
        place.start("worker", "worker")
        own = place.connect()
        for number in range(runs + 1):  # the first one warms the caches of the worker and is not counted
            count = messages if number else 1000
            with shards_held(place.connect()), own.cursor() as cursor:
                with cursor.copy(FILL) as copy:
                    for external_id, thread, body in events(count, number):
                        shard = shard_of(f"{told['account']}:{thread}")
                        copy.write_row(
                            (
                                told["account"],
                                external_id,
                                shard,
                                "sandbox",
                                "application/json",
                                body,
                                0,
                                "",
                                0,
                                "2026-11-22 10:00:00+00",
                            )
                        )
                if not number:
                    time.sleep(3)  # the worker starts meanwhile
                own.execute("CHECKPOINT")
                began, spent = time.monotonic(), place.cpu_ms()
            seconds = wait_until_digested(own) - began
            if number:
                rates.append(count / seconds)
                costs.append((place.cpu_ms() - spent) / count)
                print(f"  run {number}: {rates[-1]:,.0f}/s, {costs[-1]:.3f} CPU ms a message", flush=True)
        row = own.execute(
            "SELECT (SELECT count(*) FROM conversations_message), count(*) FROM inbound_record WHERE state <> 1"
        ).fetchone()
        assert row == (messages * runs + 1000, 0), row
    result.add("messages", rates, "messages/s", bar=Bar(3000, at_least=True))
    result.add("CPU, database included", costs, "ms a message")
    return result
