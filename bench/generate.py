"""Fills an installation with years of conversations by COPY, for measuring how cost grows.

    python -m bench.generate HOME [CONVERSATIONS] [MESSAGES]      (default: 10,000 conversations, 50,000 messages)

Secondary indexes and foreign keys are dropped before and made again after, from the database's own definitions, so that
every one of them is there and has been checked against the rows. Two processes write, one for each half of the time.
Messages have no inbound record: the screens that are measured do not read the raw payloads.
"""

import argparse
import hashlib
import json
import multiprocessing
import random
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from bench.installation import Installation
from bench.texts import Writer

TABLES = {
    "contacts_contact": "id, name, company, language, attributes, created_at",
    "contacts_identity": "contact_id, kind, address, name, is_verified",
    "conversations_conversation": "id, account_id, channel, thread_key, contact_id, team_id, assignee_id, subject,"
    " preview, language, state, priority, waiting_since, snoozed_until, created_at, last_message_at, message_count",
    "conversations_message": "id, conversation_id, kind, contact_id, user_id, author_name, author_address, subject,"
    " text, visible_text, html, language, message_id, recipients, automatic, placement, attachment_count, sent_at,"
    " created_at",
    "conversations_attachment": "message_id, key, filename, content_type, size, content_id, inline",
    "conversations_reference": "account_id, digest, conversation_id",
    "outbound_delivery": "message_id, account_id, key, envelope, state, reason, provider_id, attempts, due_at,"
    " finished_at",
    "journal_event": "at, kind, conversation_id, contact_id, message_id, actor_kind, actor_id, actor_name, facts",
}
DAYS = 1000  # of history
BLOCK = 1000  # conversations whose messages are mixed by time, as they would have come in
WRITERS = 2
KEY = hashlib.sha256(b"bench").hexdigest()  # of the one attachment
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class World:
    """What the rows refer to: accounts as (id, channel, team), people as (id, name)."""

    accounts: Sequence[tuple[int, str, int]]
    people: Sequence[tuple[int, str]]
    contacts: int
    end: float  # the present, in seconds


@dataclass(slots=True)
class Lines:
    """Lines of COPY text per table."""

    rows: dict[str, list[str]] = field(default_factory=lambda: {table: [] for table in TABLES})

    def add(self, table: str, *values: object) -> None:
        """Add one row; texts are free of tabs, newlines and backslashes or escaped already."""
        self.rows[table].append("\t".join(map(str, values)))

    def flush(self, connection: psycopg.Connection[Any]) -> None:
        """COPY everything, in the order in which the tables depend on each other, and start anew."""
        with connection.cursor() as cursor:
            for table, columns in TABLES.items():
                if self.rows[table]:
                    with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                        copy.write("\n".join(self.rows[table]) + "\n")
                    self.rows[table] = []
        connection.commit()


def sizes(conversations: int, messages: int, seed: int = 3) -> list[int]:
    """Return how many messages each conversation has: most a few, some dozens, `messages` in all."""
    chance = random.Random(seed)
    rate = conversations / max(1, messages - conversations)
    found = [1 + min(60, int(chance.expovariate(rate))) for _ in range(conversations)]
    missing = messages - sum(found)
    while missing:
        step = 1 if missing > 0 else -1
        for place in chance.sample(range(conversations), min(abs(missing), conversations)):
            if step > 0 or found[place] > 1:
                found[place] += step
                missing -= step
    return found


@cache
def _day(number: int) -> str:
    return (EPOCH + timedelta(days=number)).strftime("%Y-%m-%d")


def instant(seconds: float) -> str:
    """Return an instant for COPY, to the second (strftime alone would be a tenth of the writers' time)."""
    day, rest = divmod(int(seconds), 86400)
    return f"{_day(day)} {rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}+00"


class Teller:
    """Writes the conversations of one stretch of time."""

    def __init__(self, world: World, seed: int) -> None:
        self._world, self._chance, self._writer = world, random.Random(seed), Writer(seed)
        self._envelope = json.dumps(
            {"to": [], "cc": [], "subject": "", "thread_key": "", "in_reply_to": "", "references": []}
        )

    def contact(self, lines: Lines, number: int) -> None:
        """Write a contact with the identity for its channel."""
        name = self._writer.name()
        lines.add("contacts_contact", number, name, "", "", "{}", instant(self._world.end - DAYS * 86400))
        kind = ("email", "email", "sandbox", "webchat")[number % 4]
        lines.add("contacts_identity", number, kind, f"client{number}@mail{number % 997}.example", name, "t")

    def conversation(self, lines: Lines, number: int, count: int, began: float) -> list[tuple[float, list[object]]]:
        """Write a conversation; return its messages with their instants, for the block to mix."""
        chance, world = self._chance, self._world
        account, channel, team = chance.choice(world.accounts)
        contact = chance.randrange(world.contacts) + 1
        language = self._writer.language()
        draw = chance.random()
        state = (
            "open" if draw < 0.03 else "pending" if draw < 0.04 else "snoozed" if draw < 0.045 else "solved"
        )  # fmt: skip
        waits = draw < 0.02
        times = [began]
        for _ in range(count - 1):
            times.append(min(times[-1] + chance.expovariate(1 / 30_000), world.end))
        texts = [self._writer.text(language).replace("\n", "\\n") for _ in times]
        subject = texts[0].split("\\n\\n", 1)[-1][:60]
        assignee = chance.choice(world.people)[0] if draw > 0.01 else "\\N"
        lines.add(
            "conversations_conversation", number, account, channel, "\\N" if channel == "email" else f"t{number}",
            contact, team, assignee, subject, texts[-1].replace("\\n", " ")[:160], language, state, 0,
            instant(times[-1]) if waits else "\\N", instant(world.end + 86400) if state == "snoozed" else "\\N",
            instant(times[0]), instant(times[-1]), count,
        )  # fmt: skip
        lines.add(
            "journal_event",
            instant(times[0]),
            "conversation.created",
            number,
            contact,
            "\\N",
            "system",
            "\\N",
            "Comptoir",
            "{}",
        )
        if state == "solved":
            lines.add("journal_event", instant(times[-1]), "conversation.state_changed", number, contact, "\\N", "user",
                      assignee, "Agent", '{"from": "open", "to": "solved"}')  # fmt: skip
        # The last message of a waiting conversation is the customer's, of any other one it is ours.
        first_in = (count + 1) % 2 if waits else count % 2
        return [
            (at, [number, account, channel, contact, language, subject, text, i == 0 or (i + first_in) % 2 == 0])
            for i, (at, text) in enumerate(zip(times, texts, strict=True))
        ]

    def message(self, lines: Lines, number: int, at: float, row: list[object]) -> None:
        """Write one message with its reference, delivery, attachment and event."""
        conversation, account, channel, contact, language, subject, text, inbound = row
        when, mid = instant(at), f"m{number}.bench@mail.example"
        files = 1 if self._chance.random() < 0.06 else 0
        person, name = self._chance.choice(self._world.people)
        kind = "note" if self._chance.random() < 0.1 else "out"  # one in twenty of all: colleagues talk
        who = (
            f"in\t{contact}\t\\N\tClient {contact}\tclient{contact}@mail.example"
            if inbound
            else f"{kind}\t\\N\t{person}\t{name}\tservice@bench.test"
        )
        lines.rows["conversations_message"].append(
            f"{number}\t{conversation}\t{who}\t{subject}\t{text}\t\t\t{language}\t{mid}\t"
            f'{{"to": []}}\t\t{{"reason": "references"}}\t{files}\t{when}\t{when}'
        )
        if files:
            lines.add("conversations_attachment", number, KEY, f"photo-{number}.jpg", "image/jpeg", 20_000, "", "f")
        if channel == "email":
            digest = hashlib.blake2b(mid.encode(), digest_size=16).hexdigest()
            lines.add("conversations_reference", account, f"\\\\x{digest}", conversation)
        if inbound:
            author = f"Client {contact}"
            lines.add(
                "journal_event",
                when,
                "message.received",
                conversation,
                contact,
                number,
                "contact",
                contact,
                author,
                "{}",
            )
        elif kind == "out":
            lines.add(
                "outbound_delivery", number, account, f"k{mid}", self._envelope, "delivered", "", "", 1, when, when
            )
            lines.add(
                "journal_event",
                when,
                "reply.delivered",
                conversation,
                contact,
                number,
                "system",
                "\\N",
                "Comptoir",
                "{}",
            )


def _write(url: str, world: World, part: int, counts: list[int], first: int, first_message: int, total: int) -> None:
    """Write one stretch: conversations `first`…, and this part's share of the contacts before them."""
    teller, lines = Teller(world, seed=part + 11), Lines()
    with psycopg.connect(url) as connection:
        connection.execute("SET synchronous_commit = off")
        if part == 0:
            for number in range(1, world.contacts + 1):
                teller.contact(lines, number)
                if number % 20_000 == 0:
                    lines.flush(connection)
        message = first_message
        for start in range(0, len(counts), BLOCK):
            mixed: list[tuple[float, list[object]]] = []
            for offset, count in enumerate(counts[start : start + BLOCK], start=start):
                number = first + offset
                began = world.end - DAYS * 86400 * (1 - (number - 1) / total)
                mixed += teller.conversation(lines, number, count, began)
            mixed.sort(key=lambda pair: pair[0])
            for at, row in mixed:
                teller.message(lines, message, at, row)
                message += 1
            lines.flush(connection)


@dataclass(frozen=True, slots=True)
class Definitions:
    """How to make the dropped indexes and constraints again."""

    indexes: Sequence[str]
    constraints: Sequence[str]


DROPPED_CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid::regclass::text = ANY(%s) AND contype IN ('f', 'u') ORDER BY contype DESC, conname
"""
DROPPED_INDEXES = """
SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i
WHERE i.indrelid::regclass::text = ANY(%s) AND NOT i.indisprimary
  AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('u', 'p'))
ORDER BY pg_get_indexdef(i.indexrelid) LIKE '%% gin %%' DESC, 1
"""


def _drop(connection: psycopg.Connection[Any]) -> Definitions:
    """Drop secondary indexes, unique constraints and foreign keys of the big tables; return how to make them again."""
    tables = list(TABLES)
    constraints = connection.execute(DROPPED_CONSTRAINTS, [tables]).fetchall()
    indexes = connection.execute(DROPPED_INDEXES, [tables]).fetchall()
    for table, name, _ in constraints:
        connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    return Definitions(
        [definition for _, definition in indexes],
        [f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}" for table, name, definition in constraints],
    )


def _restore(url: str, definitions: Definitions) -> None:
    """Make the indexes (two at a time) and then the constraints again; each checks all rows."""

    def execute(statement: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET maintenance_work_mem = '1GB'")
            connection.execute(statement)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(execute, definitions.indexes))
    for statement in definitions.constraints:
        execute(statement)


def _world(connection: psycopg.Connection[Any], contacts: int) -> World:
    """Make teams, accounts and agents, and a member of most teams who will look at the pages."""
    names = ("Service", "Boutique", "Facturation", "Technique", "Presse", "Ventes")
    for name in names:
        connection.execute(
            "INSERT INTO accounts_team (name, department) VALUES (%s, 'service') ON CONFLICT DO NOTHING", [name]
        )
    teams = [row[0] for row in connection.execute("SELECT id FROM accounts_team ORDER BY id").fetchall()]
    accounts = []
    for number, team in enumerate(teams * 2):
        channel = "email" if number < len(teams) else ("sandbox", "webform", "webchat")[number % 3]
        row = connection.execute(
            "INSERT INTO channels_channelaccount (kind, name, address, public_key, team_id, is_active, options, "
            "credentials, signature, created_at) VALUES (%s, %s, %s, %s, %s, true, '{}', '', '', now()) RETURNING id",
            [channel, f"{channel} {number}", f"service{number}@bench.test", f"bench{number}", team],
        ).fetchone()
        assert row is not None
        accounts.append((row[0], channel, team))
    for number in range(40):
        connection.execute(
            "INSERT INTO accounts_user (email, name, role, language, time_zone, theme, is_active, created_at, "
            "password, shortcuts) VALUES (%s, %s, 'agent', 'fr', 'Europe/Paris', 'auto', true, now(), '!', true) "
            "ON CONFLICT DO NOTHING",
            [f"agent{number}@bench.test", f"Agent {number}"],
        )
    people = connection.execute("SELECT id, name FROM accounts_user ORDER BY id").fetchall()
    return World(accounts, people, contacts, time.time() - 60)


def generate(url: str, conversations: int, messages: int) -> Iterator[tuple[str, float]]:
    """Fill the database; yield (step, seconds) as the steps end."""
    began = time.monotonic()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET autovacuum = off")
        connection.execute("SELECT pg_reload_conf()")
        world = _world(connection, max(100, conversations * 2 // 5))
        definitions = _drop(connection)
        counts = sizes(conversations, messages)
        share = -(-conversations // WRITERS)
        parts = []
        for part in range(WRITERS):
            mine = counts[part * share : (part + 1) * share]
            first_message = 1 + sum(counts[: part * share])
            arguments = (url, world, part, mine, 1 + part * share, first_message, conversations)
            parts.append(multiprocessing.get_context("fork").Process(target=_write, args=arguments))
            parts[-1].start()
        for process in parts:
            process.join()
        if any(process.exitcode for process in parts):
            raise RuntimeError("a writer failed")
        yield "rows", time.monotonic() - began
        _restore(url, definitions)
        for table in TABLES:
            sequence = connection.execute("SELECT pg_get_serial_sequence(%s, 'id')", [table]).fetchone()
            assert sequence is not None
            connection.execute(f"SELECT setval('{sequence[0]}', (SELECT coalesce(max(id), 1) FROM {table}))")
        yield "indexes and constraints", time.monotonic() - began
        connection.execute(f"VACUUM (ANALYZE) {', '.join(TABLES)}")
        connection.execute("ALTER SYSTEM RESET autovacuum")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("CHECKPOINT")
        yield "vacuum and statistics", time.monotonic() - began


def main() -> None:
    """Fill an installation that a person keeps."""
    parser = argparse.ArgumentParser(description="Fill an installation with conversations.")
    parser.add_argument("home", type=Path)
    parser.add_argument("conversations", type=int, nargs="?", default=10_000)
    parser.add_argument("messages", type=int, nargs="?", default=50_000)
    options = parser.parse_args()
    with Installation(home=options.home) as place:
        place.start_postgres()
        place.ask("bench.prepare", "{}")
        for step, seconds in generate(place.database_url, options.conversations, options.messages):
            print(f"{step}: {seconds:.1f} s", flush=True)
    sys.exit(0)


if __name__ == "__main__":
    main()
