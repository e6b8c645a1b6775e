"""Rules at work on the real journal: what they do, what they write down, and how loops end."""

import threading
from collections import Counter
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.db import connection

from comptoir.accounts.models import Role, Team, User
from comptoir.accounts.services import actor_of
from comptoir.conversations import labelling
from comptoir.conversations import services as conversations
from comptoir.conversations.models import Conversation, Message
from comptoir.core import clock
from comptoir.journal import services as journal
from comptoir.journal.models import Event
from comptoir.knowledge.services import save_macro
from comptoir.outbound.models import Delivery
from comptoir.routing import engine, errands, queries, services
from comptoir.routing.models import Errand, Firing, Rule, RuleVersion
from comptoir.routing.rules.conditions import Action, Condition, Definition
from comptoir.testing import builders

pytestmark = pytest.mark.django_db

FRENCH = Condition("language", "is", "fr")
INVOICE = Condition("text", "has", "facture")


@pytest.fixture
def team() -> Team:
    return builders.make_team("Service")


@pytest.fixture
def admin(team: Team) -> User:
    return builders.make_user(team, name="Ada", role=Role.ADMIN)


@pytest.fixture
def row(team: Team) -> Conversation:
    account = builders.make_account(team, kind="sandbox")
    return builders.make_conversation(account, subject="Ma facture", text="Une facture payée deux fois", language="fr")


def make_rule(admin: User, definition: Definition, *, team: Team | None = None, **fields: Any) -> Rule:
    rule = services.save_rule(
        actor=actor_of(admin), user=admin, rule=None, name=fields.pop("name", "A rule"), team=team,
        definition=definition, hourly_limit=fields.pop("hourly_limit", 10),
    )  # fmt: skip
    services.set_rule_active(actor=actor_of(admin), rule=rule, is_active=True)
    return rule


def happen(row: Conversation, kind: str = "conversation.created", **fields: Any) -> None:
    """Let something happen and the rules act on it."""
    journal.append_all([journal.Entry(journal.SYSTEM, kind, row.pk, row.contact_id, **fields)])
    act()


def act() -> None:
    """Let the rules act until nothing is left, as the worker does (whose transactions these tests do not see)."""
    for _ in range(20):
        last = Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        events = list(Event.objects.filter(pk__gt=act.upto).order_by("pk"))  # type: ignore[attr-defined]
        act.upto = last  # type: ignore[attr-defined]
        if not events:
            return
        engine.handle(events, at=clock.now())
    raise AssertionError("the rules never come to rest")


@pytest.fixture(autouse=True)
def _from_now_on() -> None:
    act.upto = Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0  # type: ignore[attr-defined]


def facts_of(row: Conversation) -> Conversation:
    row.refresh_from_db()
    return row


def test_a_rule_that_matches_does_its_actions_in_order(row: Conversation, admin: User, team: Team) -> None:
    make_rule(
        admin,
        Definition(
            "created", every=(FRENCH, INVOICE),
            actions=(Action("priority", "2"), Action("assign", str(admin.pk)), Action("note", "Look at the invoice.")),
        ),
        name="Invoices",
    )  # fmt: skip
    happen(row)
    facts_of(row)
    assert (row.priority, row.assignee_id) == (2, admin.pk)
    note = Message.objects.get(conversation=row, kind="note")
    assert (note.text, note.author_name, note.user) == ("Look at the invoice.", "Invoices", None)
    firing = Firing.objects.get()
    assert (firing.outcome, firing.depth) == ("done", 1)
    assert [a["kind"] for a in firing.details["actions"]] == ["priority", "assign", "note"]
    first = firing.details["every"][0]
    assert (first["field"], first["holds"], first["found"]) == ("language", True, "fr")
    events = Event.objects.filter(actor_kind="rule", actor_id=firing.pk).order_by("pk")
    assert [e.kind for e in events] == ["conversation.priority_changed", "conversation.assigned", "note.added"]
    assert {e.actor_name for e in events} == {"Invoices"}


def test_a_rule_puts_labels_asks_for_them_and_takes_them_away(row: Conversation, admin: User) -> None:
    invoice = labelling.create_label(actor=actor_of(admin), name="Invoice", colour="blue")
    odd = labelling.create_label(actor=actor_of(admin), name="Odd", colour="red")
    labelling.set_labels(actor=actor_of(admin), conversation=row, label_ids=[odd.pk])
    act()
    lost = labelling.create_label(actor=actor_of(admin), name="Lost", colour="red")
    make_rule(admin, Definition("created", actions=(Action("label", str(invoice.pk)), Action("label", str(lost.pk)))))
    labelling.delete_label(actor=actor_of(admin), label=lost)
    asks = (Condition("label", "includes", str(invoice.pk)),)
    make_rule(admin, Definition("labelled", every=asks, actions=(Action("unlabel", str(odd.pk)),)), name="Tidy")
    happen(row)
    assert labelling.labels_of(row) == {invoice.pk}
    made, tidied = Firing.objects.order_by("pk")[:2]
    assert [action["why"] for action in made.details["actions"]] == ["", "gone"]
    assert (tidied.depth, tidied.details["every"][0]["found"]) == (2, f"{invoice.pk} {odd.pk}")


def test_a_rule_applies_a_macro_without_a_person(row: Conversation, admin: User, team: Team) -> None:
    steps = [
        {"do": "priority", "with": "1"},
        {"do": "assign", "with": "me"},
        {"do": "send", "with": "Dear {{contact.name}}, we look into it."},
        {"do": "state", "with": "pending"},
    ]
    macro = save_macro(actor=actor_of(admin), user=admin, name="Invoices", steps=steps, teams=[team])
    make_rule(admin, Definition("received", actions=(Action("macro", str(macro.pk)),)))
    happen(row, "message.received")
    facts_of(row)
    assert (row.priority, row.assignee, row.state) == (1, None, "pending")
    sent = Message.objects.get(conversation=row, kind="out")
    assert (sent.text, sent.automatic) == ("Dear Ada Martin, we look into it.", "rule")
    assert row.waiting_since is not None, "what a program says is no answer"
    happen(row, "message.received")
    assert Message.objects.filter(conversation=row, kind="out").count() == 1
    assert Firing.objects.latest("pk").details["actions"][0]["why"] == "recent"


def test_a_rule_that_does_not_match_does_nothing(row: Conversation, admin: User) -> None:
    make_rule(
        admin, Definition("created", every=(Condition("channel", "is", "email"),), actions=(Action("priority", "2"),))
    )
    make_rule(admin, Definition("received", actions=(Action("priority", "2"),)))
    happen(row)
    assert facts_of(row).priority == 0
    assert not Firing.objects.exists()


def test_a_rule_that_is_switched_off_or_of_another_team_is_not_asked(row: Conversation, admin: User) -> None:
    off = make_rule(admin, Definition("created", actions=(Action("priority", "2"),)))
    services.set_rule_active(actor=actor_of(admin), rule=off, is_active=False)
    other = builders.make_team()
    make_rule(
        builders.make_user(other, role=Role.LEAD), Definition("created", actions=(Action("priority", "2"),)), team=other
    )
    happen(row)
    assert facts_of(row).priority == 0


def test_an_event_is_answered_once(row: Conversation, admin: User) -> None:
    make_rule(admin, Definition("created", actions=(Action("note", "once"),)))
    happen(row)
    event = Event.objects.get(kind="conversation.created")
    engine.handle([event], at=clock.now())
    assert Firing.objects.count() == 1
    assert Message.objects.filter(kind="note").count() == 1


def test_history_that_is_imported_sets_no_rule_off(row: Conversation, admin: User) -> None:
    make_rule(admin, Definition("created", actions=(Action("priority", "2"),)))
    happen(row, at=clock.now() - timedelta(days=30))
    assert facts_of(row).priority == 0


def test_rules_see_what_the_ones_before_changed_and_the_last_one_ends_it(row: Conversation, admin: User) -> None:
    urgent = Condition("priority", "is", "2")
    make_rule(admin, Definition("created", actions=(Action("priority", "2"),)))
    make_rule(admin, Definition("created", every=(urgent,), actions=(Action("note", "urgent"),), is_last=True))
    make_rule(admin, Definition("created", actions=(Action("note", "never"),)))
    happen(row)
    assert [m.text for m in Message.objects.filter(kind="note")] == ["urgent"]


def test_two_rules_that_set_each_other_off_come_to_rest(row: Conversation, admin: User) -> None:
    make_rule(
        admin, Definition("priority", every=(Condition("priority", "is", "2"),), actions=(Action("priority", "0"),))
    )
    make_rule(
        admin, Definition("priority", every=(Condition("priority", "is", "0"),), actions=(Action("priority", "2"),))
    )
    conversations.set_priority(actor=actor_of(admin), conversation=row, priority=2)
    act()
    done = Firing.objects.filter(outcome="done").values_list("depth", flat=True)
    assert Counter(done) == {1: 2, 2: 4, 3: 8}  # each event sets both off, one after the other
    stopped = Firing.objects.filter(outcome="stopped")
    assert [(f.depth, f.details["stop"]) for f in stopped] == [(4, "depth")]


def test_a_rule_leaves_a_conversation_alone_after_its_hourly_limit(row: Conversation, admin: User) -> None:
    make_rule(admin, Definition("received", actions=(Action("note", "again"),)), hourly_limit=2)
    for _ in range(4):
        happen(row, "message.received")
    assert Message.objects.filter(kind="note").count() == 2
    assert [f.details.get("stop") for f in Firing.objects.order_by("pk")] == [None, None, "limit"]


def test_an_action_that_cannot_be_done_is_told_and_the_next_ones_are_done(
    row: Conversation, admin: User, team: Team
) -> None:
    left = builders.make_user(team, name="Left")
    make_rule(
        admin,
        Definition(
            "created", actions=(Action("assign", str(left.pk)), Action("state", "open"), Action("priority", "1"))
        ),
    )
    left.memberships.all().delete()
    happen(row)
    firing = Firing.objects.get()
    assert firing.outcome == "partly"
    assert [bool(a["why"]) for a in firing.details["actions"]] == [True, True, False]
    assert firing.details["actions"][1]["why"] == "same"
    assert facts_of(row).priority == 1


def test_people_are_told_by_an_event_and_only_those_of_the_team(row: Conversation, admin: User, team: Team) -> None:
    stranger = builders.make_user(builders.make_team())
    make_rule(admin, Definition("created", actions=(Action("notify", "A big customer", (admin.pk, stranger.pk)),)))
    happen(row)
    event = Event.objects.get(kind="rule.notified")
    assert (event.facts["people"], event.facts["words"]) == ([admin.pk], "A big customer")
    assert event.conversation_id == row.pk


def test_an_automatic_reply_leaves_once_a_day_and_the_customer_goes_on_waiting(row: Conversation, admin: User) -> None:
    make_rule(admin, Definition("received", actions=(Action("reply", "We are on it."),)))
    before = facts_of(row).waiting_since
    happen(row, "message.received")
    happen(row, "message.received")
    delivery = Delivery.objects.get()
    assert (delivery.message.text, delivery.message.automatic) == ("We are on it.", "rule")
    assert facts_of(row).waiting_since == before
    conversations.refresh_waiting(row)
    assert facts_of(row).waiting_since == before
    assert [f.details["actions"][0]["why"] for f in Firing.objects.order_by("pk")] == ["", "recent"]


def test_a_machine_is_never_answered(row: Conversation, admin: User) -> None:
    message = builders.make_message(row, text="I am on holiday.", automatic="auto-reply")
    make_rule(admin, Definition("received", actions=(Action("reply", "We are on it."),)))
    happen(row, "message.received", message_id=message.pk)
    assert not Delivery.objects.exists()
    assert Firing.objects.get().details["actions"][0]["why"] == "automatic"


def test_a_changed_rule_keeps_what_it_said_for_the_log(row: Conversation, admin: User) -> None:
    rule = make_rule(admin, Definition("created", actions=(Action("priority", "1"),)), name="Old name")
    happen(row)
    services.save_rule(
        actor=actor_of(admin), user=admin, rule=rule, name="New name", team=None, hourly_limit=10,
        definition=Definition("created", actions=(Action("priority", "2"),)),
    )  # fmt: skip
    firing = queries.firings_of(admin)[0]
    assert (firing.version.name, firing.version.definition["actions"][0]["value"]) == ("Old name", "1")
    assert queries.latest_version(firing.rule).number == 2


def test_waits_are_looked_at_when_they_come_due_and_once(row: Conversation, admin: User) -> None:
    make_rule(admin, Definition("waiting", minutes=30, actions=(Action("note", "late"),)))
    old = builders.make_conversation(row.account, at=clock.now() - timedelta(days=2))
    at = clock.now() + timedelta(minutes=29)
    for _ in range(4):
        for rule in queries.active_rules():
            engine.look_at_waits(rule, at=at)
        at += timedelta(minutes=1)
    assert [f.conversation_id for f in Firing.objects.all()] == [row.pk]
    assert not old.messages.filter(kind="note").exists()  # it was late before there was a rule


def test_a_wait_that_comes_back_or_was_digested_late_is_not_missed(row: Conversation, admin: User) -> None:
    rule = make_rule(admin, Definition("waiting", minutes=30, actions=(Action("note", "late"),)))
    now = clock.now()
    Rule.objects.filter(pk=rule.pk).update(checked_until=now)
    Conversation.objects.filter(pk=row.pk).update(waiting_since=now - timedelta(minutes=40))
    RuleVersion.objects.update(made_at=now - timedelta(hours=2))
    happen(row, "message.received")
    happen(row, "reply.failed")
    assert Message.objects.filter(kind="note").count() == 1


@pytest.mark.parametrize("at_once", [True, False])
def test_more_waits_than_one_look_holds_are_all_asked(
    row: Conversation, admin: User, at_once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "WAITS", 3)
    make_rule(admin, Definition("waiting", minutes=30, actions=(Action("note", "late"),)))
    now = clock.now()
    for number in range(6):
        builders.make_conversation(row.account, at=now if at_once else now + timedelta(seconds=number))
    for _ in range(10):
        for rule in queries.active_rules():
            engine.look_at_waits(rule, at=now + timedelta(hours=1))
    assert Firing.objects.count() == 7


@pytest.mark.django_db(transaction=True)
def test_the_follower_hands_each_event_to_the_rules(row: Conversation, admin: User) -> None:
    make_rule(admin, Definition("created", actions=(Action("note", "seen"),)))
    engine.run_rules_once(clock.now())  # the follower begins with what happens from now on
    journal.append_all([journal.Entry(journal.SYSTEM, "conversation.created", row.pk, row.contact_id)])
    engine.run_rules_once(clock.now())
    engine.run_rules_once(clock.now())
    assert Message.objects.filter(kind="note").count() == 1


class _Receiver(BaseHTTPRequestHandler):
    answers: list[int] = []
    bodies: list[bytes] = []

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(self.answers.pop(0))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_an_address_is_called_outside_and_again_until_it_answers(row: Conversation, admin: User) -> None:
    server = HTTPServer(("127.0.0.1", 0), _Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _Receiver.answers, _Receiver.bodies = [503, 200], []
    url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    make_rule(admin, Definition("created", actions=(Action("webhook", url),)))
    happen(row)
    try:
        now = clock.now()
        errands.run_errands_once(now)
        errand = Errand.objects.get()
        assert errand.state == "due" and "503" in errand.reason and errand.due_at > now
        errands.run_errands_once(now + timedelta(hours=1))
        errand.refresh_from_db()
        assert (errand.state, errand.attempts, errand.reason) == ("done", 2, "")
    finally:
        server.shutdown()
        server.server_close()
    assert f'"id":{row.pk}'.encode() in _Receiver.bodies[1]


def test_an_address_hears_only_what_the_author_of_the_rule_may_see(row: Conversation) -> None:
    outsider = builders.make_user(builders.make_team(), role=Role.ADMIN)
    make_rule(outsider, Definition("created", actions=(Action("webhook", "https://example.org/"),)))
    happen(row)
    assert not Errand.objects.exists()
    assert Firing.objects.get().details["actions"][0]["why"] == "foreign"


def test_an_automatic_reply_is_no_reply_to_a_rule(row: Conversation, admin: User) -> None:
    make_rule(admin, Definition("replied", actions=(Action("note", "answered"),)))
    written = builders.make_message(row, kind="out", text="Thanks", automatic="rule")
    happen(row, "reply.sent", message_id=written.pk)
    assert not Firing.objects.exists()
    happen(row, "reply.sent", message_id=builders.make_message(row, kind="out", text="Thanks", user=admin).pk)
    assert Firing.objects.count() == 1


def test_a_dry_run_says_why_and_changes_nothing(row: Conversation, admin: User) -> None:
    happen(row)
    stranger = builders.make_user(builders.make_team(), role=Role.ADMIN)
    definition = Definition(
        "created", every=(FRENCH, Condition("channel", "is", "email")), actions=(Action("priority", "2"),)
    )
    before = (Event.objects.count(), Firing.objects.count())
    with connection.execute_wrapper(_only_reads):
        tried = queries.dry_run(admin, definition)
    assert [t.conversation.pk for t in tried] == [row.pk]
    assert [j.holds for j in tried[0].verdict.every] == [True, False]
    assert not tried[0].verdict.matches
    assert queries.dry_run(stranger, definition) == []
    assert (Event.objects.count(), Firing.objects.count()) == before


def _only_reads(execute: Any, sql: str, *arguments: Any) -> Any:
    assert sql.lstrip().upper().startswith("SELECT"), sql
    return execute(sql, *arguments)


def test_the_log_forgets_what_is_half_a_year_old(row: Conversation, admin: User) -> None:
    make_rule(admin, Definition("created", actions=(Action("webhook", "https://example.org/"),)))
    happen(row)
    engine.sweep_log(clock.now() + timedelta(days=179))
    assert Firing.objects.count() == Errand.objects.count() == 1
    engine.sweep_log(clock.now() + timedelta(days=181))
    assert not Firing.objects.exists() and not Errand.objects.exists()
