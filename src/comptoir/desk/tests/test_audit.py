"""The audit page: what each person may read of the journal (INV-06), whatever the filter, at a bounded cost."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext

from comptoir.accounts.models import Role, User
from comptoir.accounts.services import actor_of
from comptoir.conversations import services
from comptoir.core import clock
from comptoir.desk.audit_words import audit_words
from comptoir.desk.queries import audit as reading
from comptoir.desk.rules import device_of, spreadsheet_safe
from comptoir.desk.tests.conftest import Cast
from comptoir.journal import queries as journal_queries
from comptoir.journal import services as journal
from comptoir.journal.models import Event
from comptoir.journal.queries import Wanted
from comptoir.journal.services import SYSTEM, Actor, Entry
from comptoir.testing import builders

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def append(*kinds: str, actor: Actor = SYSTEM, conversation: int | None = None, at: datetime = AT) -> None:
    journal.append_all([Entry(actor, kind, conversation_id=conversation, at=at) for kind in kinds])


def auditor_of(cast: Cast) -> User:
    return builders.make_user(cast.team, name="Ana Auditor", role=Role.AUDITOR)


def exported(client: Client, query: str) -> str:
    response: Any = client.get(f"/settings/audit/export/?{query}")
    return b"".join(response.streaming_content).decode()


def seen(user: User, wanted: Wanted | None = None) -> list[str]:
    return [event.kind for event in reading.audit_page(user, wanted or Wanted()).events]


def test_events_of_conversations_are_for_those_who_may_see_the_conversation(cast: Cast) -> None:
    hidden = builders.make_conversation(builders.make_account(builders.make_team("Hidden")))
    services.set_priority(actor=actor_of(cast.agent), conversation=cast.conversation, priority=2)
    services.set_priority(actor=actor_of(cast.stranger), conversation=hidden, priority=1)
    append("team.created")
    for user in (auditor_of(cast), cast.admin):
        assert seen(user) == ["team.created", "conversation.priority_changed"]
        page = cast.client(user).get("/settings/audit/").content.decode()
        assert f"#{cast.conversation.pk}<" in page
        assert f"#{hidden.pk}<" not in page
        assert exported(cast.client(user), f"conversation={hidden.pk}").count("\r\n") == 1  # the head alone


def test_events_of_contacts_are_for_those_who_may_see_the_contact(cast: Cast) -> None:
    theirs = builders.make_conversation(builders.make_account(builders.make_team("Hidden"))).contact
    for contact in (cast.conversation.contact, theirs):
        journal.append(actor=SYSTEM, kind="contact.changed", contact_id=contact.pk)
    page = reading.audit_page(auditor_of(cast), Wanted())
    assert [event.contact_id for event in page.events] == [cast.conversation.contact_id]


@pytest.mark.parametrize("role", [Role.AGENT, Role.LEAD])
def test_agents_and_leads_do_not_read_it(cast: Cast, role: str) -> None:
    append("team.created")
    client = cast.client(builders.make_user(cast.team, role=role))
    for path in ("/settings/audit/", "/settings/audit/export/"):
        assert client.get(path).status_code == 403
        assert client.post(path).status_code == 405


@pytest.mark.parametrize(
    ("case", "query", "expected"),
    [
        ("everything", "", ["conversation.created", "token.created", "person.created", "reply.queued"]),
        ("one person", "person={agent}", ["reply.queued"]),
        ("people", "kind=people", ["person.created"]),
        ("programs", "kind=programs", ["token.created"]),
        ("messages", "kind=messages", ["reply.queued"]),
        ("a conversation", "conversation=%23{conversation}", ["conversation.created", "reply.queued"]),
        ("from a day", "since=2026-03-03", ["conversation.created", "token.created"]),
        ("up to a day", "until=2026-03-02", ["person.created", "reply.queued"]),
        ("a person and a kind", "person={agent}&kind=programs", []),
    ],
)
def test_it_is_filtered(cast: Cast, case: str, query: str, expected: list[str]) -> None:
    append("reply.queued", actor=actor_of(cast.agent), conversation=cast.conversation.pk)
    append("person.created")
    append("token.created", at=AT + timedelta(days=1))
    append("conversation.created", conversation=cast.conversation.pk, at=AT + timedelta(days=1))
    query = query.format(agent=cast.agent.pk, conversation=cast.conversation.pk)
    client = cast.client(cast.admin)
    page = client.get(f"/settings/audit/?{query}")
    assert [line[0].kind for line in page.context["lines"]] == expected, case
    lines = exported(client, f"as=jsonl&{query}").splitlines()
    assert [json.loads(line)["kind"] for line in lines] == expected, case


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("conversation=abc", "digits only"),
        ("conversation=" + "9" * 19, "digits only"),
        ("since=2026-02-30", "valid date"),
        ("since=2026-03-02&until=2026-03-01", "before the first"),
        ("person=999999", "valid choice"),
        ("kind=nothing", "valid choice"),
    ],
)
def test_a_filter_that_cannot_be_used_says_so(cast: Cast, query: str, words: str) -> None:
    client = cast.client(cast.admin)
    for path in ("/settings/audit/", "/settings/audit/export/"):
        response = client.get(f"{path}?{query}")
        assert response.status_code == 422
        assert words in response.content.decode()


@pytest.mark.parametrize("before", ["x", "-1", "9" * 30, ""])
def test_a_wild_page_number_is_the_first_page(cast: Cast, before: str) -> None:
    append("team.created")
    assert cast.client(cast.admin).get(f"/settings/audit/?before={before}").context["lines"]


def test_pages_follow_each_other_without_a_gap_or_a_repeat(cast: Cast) -> None:
    hidden = builders.make_conversation(builders.make_account(builders.make_team("Hidden"))).pk
    entries = [Entry(SYSTEM, "team.created" if n % 3 else "conversation.created", at=AT,
                     conversation_id=None if n % 3 else hidden) for n in range(600)]  # fmt: skip
    journal.append_all(entries)
    expected = list(Event.objects.filter(kind="team.created").order_by("-id").values_list("pk", flat=True))
    found: list[int] = []
    before: int | None = None
    while True:
        page = reading.audit_page(cast.admin, Wanted(), before=before)
        found += [event.pk for event in page.events]
        if page.older is None:
            break
        assert len(page.events) == reading.PAGE
        before = page.older
    assert found == expected


def test_what_is_rare_is_looked_for_as_far_as_a_page_may_and_then_further_on_request(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "WINDOW", 20)
    monkeypatch.setattr(reading, "FIRST_WINDOW", 20)
    append("note.added", conversation=cast.conversation.pk)
    append(*["conversation.created"] * 400, conversation=cast.conversation.pk)
    client = cast.client(cast.admin)
    first = client.get("/settings/audit/?kind=messages")
    assert "Look further back" in first.content.decode()
    with CaptureQueriesContext(connection) as queries:
        page = reading.audit_page(cast.admin, Wanted(prefixes=("note.",)))
    assert page.is_cut
    assert len(queries) <= 3 * reading.MOST_WINDOWS + 2
    for _ in range(4):
        if page.events:
            break
        page = reading.audit_page(cast.admin, Wanted(prefixes=("note.",)), before=page.older)
    assert [event.kind for event in page.events] == ["note.added"]
    rare = reading.audit_export(cast.admin, Wanted(prefixes=("note.",)))
    assert [event.kind for events in rare for event in events] == ["note.added"]


def test_a_span_of_a_large_journal_is_found_without_reading_what_is_newer(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(20):
        append(*["team.changed"] * 30, at=AT + timedelta(days=day))
    monkeypatch.setattr(journal_queries, "SMALL", 10)
    wanted = Wanted(since=AT + timedelta(days=3), until=AT + timedelta(days=5))
    first, last = journal_queries.span(wanted)
    rows = Event.objects.filter(at__gte=wanted.since, at__lt=wanted.until)
    assert (first, last) == (min(rows.values_list("id", flat=True)), max(rows.values_list("id", flat=True)) + 1)
    assert sum(map(len, reading.audit_export(cast.admin, wanted))) == 60


@pytest.mark.parametrize(
    "wanted",
    [Wanted(person=1), Wanted(conversation=1), Wanted(of_installation=True, prefixes=("token.",)), Wanted()],
)
@pytest.mark.django_db
def test_each_filter_walks_an_index_backwards(wanted: Wanted) -> None:
    append(*["conversation.created"] * 2000, conversation=7)
    with connection.cursor() as cursor, CaptureQueriesContext(connection) as queries:
        cursor.execute("ANALYZE journal_event")
        cursor.execute("SET LOCAL enable_seqscan = off")
        journal_queries.window(wanted, before=1500, count=10)
        cursor.execute("EXPLAIN " + queries[-1]["sql"])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Index Scan Backward" in plan, plan
    assert "Sort" not in plan, plan


def test_the_export_is_safe_to_open_in_a_spreadsheet(cast: Cast) -> None:
    append("message.received", actor=Actor("contact", 1, "=HYPERLINK(1)"), conversation=cast.conversation.pk)
    rows = list(csv.reader(io.StringIO(exported(cast.client(cast.admin), ""))))
    assert rows[0][5] == "actor"
    assert rows[1][5] == "'=HYPERLINK(1)"


@pytest.mark.django_db(transaction=True)
def test_the_export_streams_under_asgi(cast: Cast) -> None:
    import asyncio

    append(*["team.created"] * 300)
    session = Client()
    session.force_login(cast.admin)

    async def read() -> bytes:
        client = AsyncClient()
        client.cookies = session.cookies
        response: Any = await client.get("/settings/audit/export/?as=jsonl")
        assert response.is_async
        return b"".join([part async for part in response.streaming_content])

    assert asyncio.run(read()).count(b"\n") == 300


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=1+1", "'=1+1"),
        ("+33", "'+33"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("\t=", "'\t="),
        ("Ada", "Ada"),
        (-1, -1),
        (None, None),
    ],
)
def test_formulas_become_texts(value: object, expected: object) -> None:
    assert spreadsheet_safe(value) == expected


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", ("Firefox", "Linux")),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/129.0 Safari/537.36 Edg/129.0", ("Edge", "Windows")),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", ("Safari", "iPhone")),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/129.0 Mobile Safari/537.36", ("Chrome", "Android")),
        ("curl/8.0", ("", "")),
        ("", ("", "")),
    ],
)
def test_a_device_is_recognised_by_what_its_browser_says(agent: str, expected: tuple[str, str]) -> None:
    assert device_of(agent) == expected


def test_every_event_has_words_even_one_that_nobody_foresaw() -> None:
    assert audit_words(Event(kind="robot.danced", facts={}))["words"] == "robot.danced"
    assert audit_words(Event(kind="person.role_changed", facts={"name": "Ada", "to": "lead"}))["words"] == (
        "gave Ada the role “Team lead”"
    )
    assert audit_words(Event(kind="team.member_added", facts={}, at=clock.now()))["words"]
