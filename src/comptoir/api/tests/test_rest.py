"""Every endpoint works, refuses strangers and missing scopes without changing anything, and explains its errors."""

import base64
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from comptoir.accounts.models import Role
from comptoir.accounts.services import actor_of
from comptoir.api import services
from comptoir.api.models import Token
from comptoir.api.rest import conversations
from comptoir.api.rest.auth import LIMIT
from comptoir.api.tests.conftest import Answer, Caller, Counter, open_counter
from comptoir.channels.models import ChannelAccount
from comptoir.contacts import fields
from comptoir.conversations import labelling
from comptoir.conversations.models import Conversation, Message
from comptoir.conversations.services import set_state
from comptoir.core import clock, crypto, ratelimit
from comptoir.core.errors import InputError
from comptoir.inbound.models import Record
from comptoir.journal.models import Event
from comptoir.journal.services import SYSTEM
from comptoir.outbound.models import Delivery
from comptoir.testing.builders import (
    make_account,
    make_attachment,
    make_contact,
    make_conversation,
    make_message,
    make_record,
    make_team,
    make_user,
)

pytestmark = pytest.mark.django_db


def problem_of(answer: Answer) -> tuple[int, str | None]:
    """Return status and field of a problem, and check its form."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.body["status"] == answer.status
    assert answer.body["detail"]
    return answer.status, answer.body["field"]


def reply(counter: Counter, key: str = "k1", by: Caller | None = None, **body: Any) -> Answer:
    """Answer the counter's conversation."""
    path = f"/conversations/{counter.conversation.pk}/replies"
    return (by or counter.write)("POST", path, {"text": "We are on it.", **body}, **{"Idempotency-Key": key})


# --- contacts ---------------------------------------------------------------------------------------------------------


def test_contacts_are_listed_found_by_address_shown_and_changed(counter: Counter) -> None:
    contact = counter.conversation.contact
    address = contact.identities.get().address
    listed = counter.read("GET", "/contacts").body["items"]
    assert [c["id"] for c in listed] == [contact.pk]
    assert [c["id"] for c in counter.read("GET", f"/contacts?address={address.upper()}").body["items"]] == [contact.pk]
    assert counter.read("GET", "/contacts?address=nobody@example.net").body["items"] == []
    shown = counter.read("GET", f"/contacts/{contact.pk}").body
    assert shown["identities"] == [{"kind": "email", "address": address, "is_verified": True}]
    changed = counter.write("PATCH", f"/contacts/{contact.pk}", {"company": "Acme", "attributes": {"plan": "gold"}})
    assert (changed.status, changed.body["company"], changed.body["name"]) == (200, "Acme", contact.name)
    event = Event.objects.latest("id")
    assert (event.kind, event.actor_kind, event.actor_name) == ("contact.changed", "token", "test")


@pytest.mark.parametrize(
    ("label", "body", "field"),
    [
        ("too long", {"name": "x" * 201}, "name"),
        ("unknown field", {"nmae": "x"}, "nmae"),
        ("null", {"name": None}, "name"),
        ("wrong type", {"attributes": {"a": {"b": 1}}}, "attributes.a"),
        ("NUL", {"name": "a\x00b"}, "name"),
        ("not JSON", b"{", "body"),
        ("a list", [], "body"),
        ("too deep", b"[" * 100_000, "body"),
    ],
)
def test_wrong_bodies_are_explained_with_their_field(counter: Counter, label: str, body: Any, field: str) -> None:
    answer = counter.write("PATCH", f"/contacts/{counter.conversation.contact_id}", body)
    assert problem_of(answer) == (422, field)


# --- conversations ----------------------------------------------------------------------------------------------------


def test_conversations_are_filtered(counter: Counter) -> None:
    other = make_conversation(
        counter.account, state="solved", assignee=counter.user, at=clock.now() - timedelta(days=3)
    )
    both = {counter.conversation.pk, other.pk}
    cases: list[tuple[str, set[int]]] = [
        ("", both),
        ("?state=open", {counter.conversation.pk}),
        ("?state=solved", {other.pk}),
        (f"?team={counter.team.pk}", both),
        ("?channel=email", both),
        ("?channel=webchat", set()),
        (f"?assignee={counter.user.pk}", {other.pk}),
        (f"?contact={other.contact_id}", {other.pk}),
    ]
    for query, expected in cases:
        found = counter.read("GET", f"/conversations{query}")
        assert {c["id"] for c in found.body["items"]} == expected, query


@pytest.mark.parametrize("many", [0, 20_000], ids=["a long while", "a short while"])
def test_updated_since_gives_what_was_written_to_or_changed(
    counter: Counter, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr(conversations, "MANY_EVENTS", many)
    make_conversation(counter.account)
    before = clock.now().isoformat().replace("+", "%2B")
    assert counter.read("GET", f"/conversations?updated_since={before}").body["items"] == []
    set_state(actor=actor_of(counter.user), conversation=counter.conversation, state="pending")
    found = counter.read("GET", f"/conversations?updated_since={before}").body["items"]
    assert [c["id"] for c in found] == [counter.conversation.pk]


@pytest.mark.parametrize(
    ("instant", "status"),
    [
        ("0073-12-30T10:03:00.879234-17:55", 200),  # a time zone that PostgreSQL refuses; found by the fuzzer
        ("0001-01-01T00:00:00%2B14:00", 422),
        ("9999-12-31T23:59:59-14:00", 422),
        ("2026-01-01T00:00:00", 422),
    ],
)
def test_instants_at_the_edges_of_the_calendar_are_answered(counter: Counter, instant: str, status: int) -> None:
    assert counter.read("GET", f"/conversations?updated_since={instant}").status == status


def test_pages_follow_each_other_without_gap_or_repetition(counter: Counter) -> None:
    ids = {make_conversation(counter.account).pk for _ in range(6)} | {counter.conversation.pk}
    seen: list[int] = []
    cursor = ""
    while True:
        answer = counter.read("GET", f"/conversations?limit=3&cursor={cursor}")
        seen += [c["id"] for c in answer.body["items"]]
        make_conversation(counter.account)  # newer ones that come while we page do not disturb
        cursor = answer.body["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 7
    assert set(seen) == ids
    assert seen == sorted(seen, reverse=True)


def test_a_cursor_that_was_not_made_here_or_for_this_list_is_refused(counter: Counter) -> None:
    make_conversation(counter.account)
    other_list = counter.read("GET", "/contacts?limit=1").body["next_cursor"]
    assert other_list
    for cursor in ("garbage", "1", "é", other_list, "a" * 60):
        assert problem_of(counter.read("GET", f"/conversations?cursor={cursor}")) == (422, "cursor")


def test_a_conversation_is_changed_in_one_go(counter: Counter) -> None:
    colleague = make_user(counter.team)
    path = f"/conversations/{counter.conversation.pk}"
    body = {"assignee_id": colleague.pk, "priority": "urgent", "state": "pending"}
    answer = counter.write("PATCH", path, body)
    assert answer.status == 200
    assert {name: answer.body[name] for name in body} == body
    assert counter.write("PATCH", path, {"assignee_id": None}).body["assignee_id"] is None
    until = (clock.now() + timedelta(days=1)).isoformat()
    assert counter.write("PATCH", path, {"state": "snoozed", "snoozed_until": until}).body["state"] == "snoozed"
    other = make_team()
    assert counter.write("PATCH", path, {"team_id": other.pk}).body["team_id"] == other.pk
    assert counter.read("GET", path).status == 404


def test_labels_and_own_fields_are_shown_and_changed(counter: Counter) -> None:
    labelling.create_label(actor=SYSTEM, name="Billing", colour="blue")
    fields.create_field(actor=SYSTEM, subject="conversation", name="Offer", kind="number")
    path = f"/conversations/{counter.conversation.pk}"
    body = {"labels": ["billing"], "fields": {"offer": 300}}
    answer = counter.write("PATCH", path, body).body
    assert (answer["labels"], answer["fields"]) == (["Billing"], {"offer": 300})
    listed = counter.read("GET", "/conversations").body["items"]
    assert [row["labels"] for row in listed if row["id"] == counter.conversation.pk] == [["Billing"]]
    emptied = counter.write("PATCH", path, {"labels": [], "fields": {"offer": None}}).body
    assert (emptied["labels"], emptied["fields"]) == ([], {})


@pytest.mark.parametrize(
    ("label", "body", "field"),
    [
        ("no such label", {"priority": "low", "labels": ["Nonsense"]}, "labels"),
        ("no such field", {"priority": "low", "fields": {"mood": "good"}}, "fields"),
        ("no such person", {"assignee_id": 999_999, "priority": "low"}, "assignee_id"),
        ("not an id", {"assignee_id": 2**63}, "assignee_id"),
        ("no such team", {"priority": "low", "team_id": 999_999}, "team_id"),
        ("merged is no choice", {"state": "merged"}, "state"),
        ("null state", {"state": None}, "state"),
        ("past", {"state": "snoozed", "snoozed_until": "2020-01-01T00:00:00Z", "priority": "low"}, "snoozed_until"),
        ("far future", {"state": "snoozed", "snoozed_until": "9999-12-31T23:59:59-12:00"}, "snoozed_until"),
        ("end without snooze", {"snoozed_until": "2099-01-01T00:00:00Z"}, "snoozed_until"),
        ("naive time", {"state": "snoozed", "snoozed_until": "2030-01-01T00:00:00"}, "snoozed_until"),
    ],
)
def test_a_change_that_is_partly_wrong_changes_nothing(counter: Counter, label: str, body: Any, field: str) -> None:
    before = counter.read("GET", f"/conversations/{counter.conversation.pk}").body
    answer = counter.write("PATCH", f"/conversations/{counter.conversation.pk}", body)
    assert problem_of(answer) == (422, field)
    assert counter.read("GET", f"/conversations/{counter.conversation.pk}").body == before


def test_an_assignee_outside_the_team_is_refused(counter: Counter) -> None:
    outsider = make_user(make_team())
    answer = counter.write("PATCH", f"/conversations/{counter.conversation.pk}", {"assignee_id": outsider.pk})
    assert problem_of(answer)[0] == 422


def test_messages_are_listed_with_files_and_deliveries(counter: Counter) -> None:
    sent = make_message(counter.conversation, kind="out", text="Hello", user=counter.user, delivery="sent")
    file = make_attachment(sent, filename="plan.txt", content=b"the plan")
    items = counter.read("GET", f"/conversations/{counter.conversation.pk}/messages").body["items"]
    assert [m["kind"] for m in items] == ["in", "out"]
    assert items[1]["delivery"]["state"] == "sent"
    assert items[1]["attachments"][0]["filename"] == "plan.txt"
    assert counter.read("GET", f"/messages/{sent.pk}").body == items[1]
    content = counter.read("GET", f"/attachments/{file.pk}")
    assert (content.body, content.headers["Content-Type"]) == (b"the plan", "application/octet-stream")
    first = counter.read("GET", f"/conversations/{counter.conversation.pk}/messages?limit=1").body
    rest = counter.read(
        "GET", f"/conversations/{counter.conversation.pk}/messages?limit=1&cursor={first['next_cursor']}"
    ).body
    assert [m["id"] for m in first["items"] + rest["items"]] == [m["id"] for m in items]


def test_a_note_is_added_as_the_tokens_person(counter: Counter) -> None:
    answer = counter.write("POST", f"/conversations/{counter.conversation.pk}/notes", {"text": "Called back."})
    assert (answer.status, answer.body["kind"], answer.body["user_id"]) == (201, "note", counter.user.pk)
    assert problem_of(counter.write("POST", f"/conversations/{counter.conversation.pk}/notes", {"text": "\x07 "})) == (
        422,
        "text",
    )


# --- replies ----------------------------------------------------------------------------------------------------------


def test_a_reply_is_queued_with_its_files_and_state(counter: Counter) -> None:
    file = {"filename": "a.txt", "content_type": "text/plain", "content_base64": base64.b64encode(b"abc").decode()}
    answer = reply(counter, files=[file], then="solved", cc=[{"address": "boss@example.net"}])
    assert answer.status == 201
    assert answer.body["delivery"]["state"] == "queued"
    assert answer.body["attachments"][0]["size"] == 3
    assert answer.body["cc"] == [{"name": "", "address": "boss@example.net"}]
    assert Conversation.objects.get(pk=counter.conversation.pk).state == "solved"


def test_the_same_key_never_sends_twice(counter: Counter) -> None:
    first, again = reply(counter), reply(counter)
    assert (first.status, again.status) == (201, 200)
    assert first.body == again.body
    assert Delivery.objects.count() == 1
    assert problem_of(reply(counter, text="Something else")) == (422, "Idempotency-Key")
    assert Delivery.objects.count() == 1
    assert reply(counter, key="k2").status == 201


def test_a_key_belongs_to_its_token(counter: Counter) -> None:
    reply(counter)
    assert reply(counter, by=counter.admin).status == 201


def test_a_refused_reply_leaves_its_key_free(counter: Counter) -> None:
    assert problem_of(reply(counter, cc=[{"address": "not an address"}])) == (422, "cc")
    assert reply(counter).status == 201


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 201])
def test_a_reply_without_a_proper_key_is_refused(counter: Counter, key: str) -> None:
    path = f"/conversations/{counter.conversation.pk}/replies"
    headers = {"Idempotency-Key": key} if key else {}
    answer = counter.write("POST", path, {"text": "Hi"}, **headers)
    assert problem_of(answer)[0] == 422
    assert not Delivery.objects.exists()


@pytest.mark.parametrize(
    ("label", "body"),
    [
        ("empty", {"text": ""}),
        ("only control characters", {"text": "\x01\x02"}),
        ("wrong file", {"files": [{"filename": "a", "content_base64": "!!!"}]}),
        (
            "wrong type of file",
            {"files": [{"filename": "a", "content_type": "text/html\r\nX: y", "content_base64": ""}]},
        ),
        ("past", {"send_at": "2020-01-01T00:00:00Z"}),
        ("far future", {"send_at": "9999-01-01T00:00:00Z"}),
        ("header injection", {"to": [{"address": "a@b\r\nBcc: x@y"}]}),
        ("wrong state", {"then": "merged"}),
    ],
)
def test_impossible_replies_are_refused(counter: Counter, label: str, body: Any) -> None:
    assert problem_of(reply(counter, **body))[0] == 422
    assert not Delivery.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_many_requests_at_once_under_one_key_send_once() -> None:
    counter = open_counter()
    answers: list[Answer] = []

    def send() -> None:
        try:
            answers.append(reply(counter))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [200] * 5 + [201]
    assert len({answer.body["id"] for answer in answers}) == 1
    assert Delivery.objects.count() == 1


# --- accounts and intake ----------------------------------------------------------------------------------------------


def test_accounts_show_their_health_and_no_secret(counter: Counter) -> None:
    secret = {"password": "hunter2-hunter2"}
    ChannelAccount.objects.filter(pk=counter.account.pk).update(credentials=crypto.encrypt_mapping(secret))
    make_record(counter.account, state=0)
    make_record(counter.account, state=2)
    listed = counter.read("GET", "/accounts")
    assert [a["id"] for a in listed.body] == [counter.account.pk]
    health = listed.body[0]["health"]
    assert (health["backlog"], health["failed"]) == (1, 1)
    assert health["oldest_waiting_at"]
    shown = counter.read("GET", f"/accounts/{counter.account.pk}")
    assert shown.body == listed.body[0]
    assert "hunter2" not in str(shown.body)
    assert counter.account.public_key not in str(shown.body)


def test_me_tells_teams_and_colleagues(counter: Counter) -> None:
    colleague = make_user(counter.team, name="Zoé")
    answer = counter.write("GET", "/me").body
    assert answer["scopes"] == ["read", "write"]
    assert [t["id"] for t in answer["teams"]] == [counter.team.pk]
    assert {c["id"] for c in answer["colleagues"]} == {counter.user.pk, colleague.pk}


def test_the_inbound_log_is_listed_shown_and_replayed(counter: Counter) -> None:
    record = make_record(counter.account, raw=b"\xff{}", reason="No JSON.")
    make_record(counter.account, state=1)
    listed = counter.admin("GET", f"/intake/records?state=failed&account={counter.account.pk}").body["items"]
    assert [(r["id"], r["reason"], r["size"]) for r in listed] == [(record.pk, "No JSON.", 3)]
    shown = counter.admin("GET", f"/intake/records/{record.pk}").body
    assert base64.b64decode(shown["raw_base64"]) == b"\xff{}"
    assert counter.admin("POST", f"/intake/records/{record.pk}/replay").body == {"replayed": 1}
    assert Record.objects.get(pk=record.pk).state == 0
    assert problem_of(counter.admin("POST", f"/intake/records/{record.pk}/replay"))[0] == 409


def test_a_record_whose_conversation_went_to_another_team_is_hidden(counter: Counter) -> None:
    record = make_record(counter.account, state=1)
    conversation = make_conversation(counter.account, team=make_team())
    Message.objects.filter(conversation=conversation).update(record=record)
    assert counter.admin("GET", "/intake/records").body["items"] == []
    assert counter.admin("GET", f"/intake/records/{record.pk}").status == 404


def test_events_are_pushed_by_id_or_public_key_and_known_ones_change_nothing() -> None:
    counter = open_counter(kind="sandbox")
    event = {"id": "e1", "thread": "t1", "author": {"address": "ada"}, "text": "Hello"}
    first = counter.write("POST", f"/intake/{counter.account.pk}", event)
    again = counter.write("POST", f"/intake/{counter.account.public_key}", {"events": [event, {**event, "id": "e2"}]})
    assert (first.status, first.body) == (202, {"accepted": 1, "new": 1})
    assert (again.status, again.body) == (202, {"accepted": 2, "new": 1})
    assert sorted(Record.objects.filter(account=counter.account).values_list("external_id", flat=True)) == ["e1", "e2"]


@pytest.mark.parametrize(
    ("label", "body", "status"),
    [
        ("no id", {"text": "x"}, 422),
        ("NUL in the id", {"id": "a\x00b", "text": "x"}, 202),
        ("events no list", {"events": 5}, 422),
        ("too many", {"events": [{"id": str(n)} for n in range(1001)]}, 422),
        ("not an object", [], 422),
    ],
)
def test_pushing_the_wrong_thing_is_explained(label: str, body: Any, status: int) -> None:
    counter = open_counter(kind="sandbox")
    assert counter.write("POST", f"/intake/{counter.account.pk}", body).status == status


def test_pushing_json_into_a_mailbox_is_refused(counter: Counter) -> None:
    assert problem_of(counter.write("POST", f"/intake/{counter.account.pk}", {"id": "1"})) == (422, "account")


# --- who may ----------------------------------------------------------------------------------------------------------

OPERATIONS: list[tuple[str, str, str, Any]] = [
    ("read", "GET", "/contacts/{contact}", None),
    ("write", "PATCH", "/contacts/{contact}", {"name": "Mallory"}),
    ("read", "GET", "/conversations/{conversation}", None),
    ("write", "PATCH", "/conversations/{conversation}", {"priority": "urgent"}),
    ("read", "GET", "/conversations/{conversation}/messages", None),
    ("write", "POST", "/conversations/{conversation}/notes", {"text": "x"}),
    ("write", "POST", "/conversations/{conversation}/replies", {"text": "x"}),
    ("read", "GET", "/messages/{message}", None),
    ("read", "GET", "/attachments/{attachment}", None),
    ("read", "GET", "/accounts/{account}", None),
    ("admin", "GET", "/intake/records/{record}", None),
    ("admin", "POST", "/intake/records/{record}/replay", None),
    ("write", "POST", "/intake/{account}", {"id": "x"}),
]
LISTS = [
    ("read", "GET", "/contacts", None),
    ("read", "GET", "/conversations", None),
    ("read", "GET", "/accounts", None),
    ("read", "GET", "/me", None),
    ("admin", "GET", "/intake/records", None),
]


def address(counter: Counter, template: str) -> str:
    """Fill in the counter's own objects."""
    message = counter.conversation.messages.get()
    return template.format(
        contact=counter.conversation.contact_id,
        conversation=counter.conversation.pk,
        message=message.pk,
        attachment=make_attachment(message).pk,
        account=counter.account.pk,
        record=make_record(counter.account).pk,
    )


def changes() -> tuple[Any, ...]:
    """Return what any refused request must leave as it was."""
    return (
        Event.objects.exclude(kind="token.created").count(),
        Message.objects.count(),
        sorted(Record.objects.values_list("pk", "state")),
        sorted(Conversation.objects.values_list("pk", "priority")),
    )


@pytest.mark.parametrize(("scope", "method", "template", "body"), OPERATIONS, ids=lambda v: str(v)[:40])
def test_a_strangers_objects_are_not_found_and_not_changed(
    counter: Counter, stranger: Counter, scope: str, method: str, template: str, body: Any
) -> None:
    path, before = address(stranger, template), changes()
    answer = counter.admin(method, path, body, **{"Idempotency-Key": "k"})
    assert problem_of(answer)[0] == 404
    assert changes() == before
    missing = counter.admin(method, template.format_map(_Missing()), body, **{"Idempotency-Key": "k"})
    assert missing.body["detail"] == answer.body["detail"], "a stranger must not learn what exists"


class _Missing(dict[str, int]):
    def __missing__(self, key: str) -> int:
        return 987_654_321


@pytest.mark.parametrize(("scope", "method", "template", "body"), OPERATIONS + LISTS, ids=lambda v: str(v)[:40])
def test_without_the_scope_nothing_is_shown_or_changed(
    counter: Counter, scope: str, method: str, template: str, body: Any
) -> None:
    path, before = address(counter, template), changes()
    lacking = counter.token(*[name for name in ("read", "write", "admin") if name != scope])
    before = changes()
    answer = lacking(method, path, body, **{"Idempotency-Key": "k"})
    assert problem_of(answer)[0] == 403
    assert scope in answer.body["detail"]
    assert changes() == before


@pytest.mark.parametrize("token", ["", "cpt_wrong", "x" * 5000])
@pytest.mark.parametrize(("scope", "method", "template", "body"), OPERATIONS + LISTS, ids=lambda v: str(v)[:40])
def test_without_a_token_nobody_gets_in(
    counter: Counter, scope: str, method: str, template: str, body: Any, token: str
) -> None:
    path, before = address(counter, template), changes()
    answer = Caller(token)(method, path, body)
    assert problem_of(answer)[0] == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert changes() == before


def test_lists_show_only_ones_own(counter: Counter, stranger: Counter) -> None:
    make_record(stranger.account)
    for path in ("/contacts", "/conversations", "/accounts", "/intake/records"):
        body = counter.admin("GET", path).body
        rows = body if isinstance(body, list) else body["items"]
        assert len(rows) == (0 if "intake" in path else 1), path


def test_a_session_is_no_token(counter: Counter, client: Any) -> None:
    client.force_login(counter.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.get("/api/v1/conversations").status_code == 401


def test_a_revoked_token_and_a_token_of_somebody_who_left_are_worth_nothing(counter: Counter) -> None:
    token = Token.objects.filter(user=counter.user, scopes=["read"]).get()
    services.revoke_token(actor=actor_of(counter.user), token=token)
    assert counter.read("GET", "/me").status == 401
    counter.user.is_active = False
    counter.user.save()
    assert counter.write("GET", "/me").status == 401


def test_an_admin_token_loses_its_power_with_its_person(counter: Counter) -> None:
    counter.user.role = Role.AGENT
    counter.user.save()
    assert counter.admin("GET", "/intake/records").status == 403


@pytest.mark.parametrize(("scope", "method", "template", "body"), OPERATIONS + LISTS, ids=lambda v: str(v)[:40])
def test_a_wrong_method_is_answered_in_words(
    counter: Counter, scope: str, method: str, template: str, body: Any
) -> None:
    answer = counter.admin("DELETE", address(counter, template))
    assert problem_of(answer)[0] == 405
    assert method in answer.headers["Allow"]


def test_an_unknown_address_is_answered_in_words(counter: Counter) -> None:
    for path in ("/nothing", "/contacts/1/2/3", "/conversations/", "/"):
        assert problem_of(counter.read("GET", path))[0] == 404


def test_a_body_that_is_too_large_is_refused(counter: Counter) -> None:
    path = f"/conversations/{counter.conversation.pk}/notes"
    assert problem_of(counter.write("POST", path, b'{"text": "' + b"x" * (10 * 1024 * 1024) + b'"}'))[0] == 413


def test_a_token_that_asks_too_often_waits(counter: Counter) -> None:
    token = Token.objects.get(user=counter.user, scopes=["read"])
    at = clock.now() + timedelta(seconds=5)  # so that the clock does not refill it in between
    while not ratelimit.take(LIMIT, token.pk, at=at):
        pass
    answer = counter.read("GET", "/me")
    assert problem_of(answer)[0] == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert counter.write("GET", "/me").status == 200


# --- tokens -----------------------------------------------------------------------------------------------------------


def test_a_token_is_stored_as_a_digest_and_its_use_is_noted_at_most_once_a_minute(counter: Counter) -> None:
    token = Token.objects.get(user=counter.user, scopes=["read"])
    secret = counter.read.token
    assert secret not in str(Token.objects.filter(pk=token.pk).values().get())
    assert secret.startswith(token.hint)
    counter.read("GET", "/me")
    first = Token.objects.get(pk=token.pk).last_used_at
    assert first is not None
    counter.read("GET", "/me")
    assert Token.objects.get(pk=token.pk).last_used_at == first
    services.note_used(token=Token.objects.get(pk=token.pk), at=first + timedelta(seconds=61))
    assert Token.objects.get(pk=token.pk).last_used_at == first + timedelta(seconds=61)


def test_tokens_are_made_with_a_name_and_known_scopes(counter: Counter) -> None:
    agent = make_user(counter.team)
    for user, name, scopes in (
        (counter.user, " ", ["read"]),
        (counter.user, "x" * 121, ["read"]),
        (counter.user, "x", []),
        (counter.user, "x", ["read", "root"]),
        (agent, "x", ["admin"]),
    ):
        with pytest.raises(InputError):
            services.create_token(actor=actor_of(counter.user), user=user, name=name, scopes=scopes)


def test_contacts_of_other_teams_are_hidden_and_absorbed_ones_gone(counter: Counter, stranger: Counter) -> None:
    absorbed = make_contact(merged_into=counter.conversation.contact)
    assert counter.read("GET", f"/contacts/{absorbed.pk}").status == 404
    make_conversation(make_account(stranger.team), contact=counter.conversation.contact)
    assert stranger.read("GET", f"/contacts/{counter.conversation.contact_id}").status == 200
