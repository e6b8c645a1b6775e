"""Deliveries to a real server on loopback: signed, retried, in order, for the right eyes, and none forgotten."""

import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection

from comptoir.accounts.models import Membership, Role
from comptoir.accounts.services import actor_of
from comptoir.api import dispatch, webhooks
from comptoir.api.dispatch import claim_calls, enter_events, run_webhooks_once
from comptoir.api.models import Webhook, WebhookCall
from comptoir.api.rules import ATTEMPTS
from comptoir.api.tests.conftest import Counter, open_counter
from comptoir.contacts.services import change_contact
from comptoir.conversations.services import add_note, set_priority, transfer_conversation
from comptoir.core import clock
from comptoir.core.errors import Conflict, InputError
from comptoir.journal import services as journal
from comptoir.journal.horizon import settled_id
from comptoir.testing.builders import make_conversation, make_team, make_user
from comptoir.testing.loopback import Answer, Asked, HttpServer, http_server

pytestmark = pytest.mark.django_db
State = WebhookCall.State


def make_webhook(counter: Counter, server: HttpServer, **fields: Any) -> tuple[Webhook, str]:
    """Make a webhook to the server."""
    values: dict[str, Any] = {"user": counter.user, "name": "CRM", "url": server.url("/hook"), **fields}
    return webhooks.create_webhook(actor=actor_of(counter.user), **values)


def answering(*statuses: int) -> Callable[[Asked], Answer]:
    """Answer with these statuses in turn, the last one for ever."""
    left = list(statuses)
    return lambda asked: Answer(left.pop(0) if len(left) > 1 else left[0], b"said so")


def change(counter: Counter, priority: int = 1) -> None:
    """Cause one event."""
    set_priority(actor=actor_of(counter.user), conversation=counter.conversation, priority=priority)


def told(server: HttpServer) -> list[dict[str, Any]]:
    return [json.loads(asked.body) for asked in server.asked]


def later(minutes: float) -> datetime:
    return clock.now() + timedelta(minutes=minutes)


def test_an_event_arrives_signed_with_what_it_is_about(counter: Counter) -> None:
    with http_server(answering(200)) as server:
        _webhook, secret = make_webhook(counter, server, kinds=["note.added"])
        note = add_note(
            actor=actor_of(counter.user), conversation=counter.conversation, user=counter.user, text="Called back."
        )
        run_webhooks_once(clock.now())
    call = WebhookCall.objects.get(state=State.DONE, status=200)
    asked = server.asked[-1]
    body = json.loads(asked.body)
    assert (body["kind"], body["message"]["id"], body["conversation"]["id"]) == (
        "note.added", note.pk, counter.conversation.pk,
    )  # fmt: skip
    assert asked.headers["comptoir-event"] == "note.added"
    assert asked.headers["comptoir-delivery"] == str(call.pk)
    stamp, _, mac = asked.headers["comptoir-signature"].removeprefix("t=").partition(",v1=")
    expected = hmac.new(secret.encode(), f"{stamp}.".encode() + asked.body, hashlib.sha256).hexdigest()
    assert mac == expected
    assert abs(int(stamp) - clock.now().timestamp()) < 60
    assert call.duration_ms is not None


def test_the_secret_is_encrypted_and_differs_for_each(counter: Counter) -> None:
    with http_server(answering(200)) as server:
        (one, first), (two, second) = make_webhook(counter, server), make_webhook(counter, server)
    assert first != second
    assert first.encode() not in bytes(Webhook.objects.get(pk=one.pk).secret)
    assert webhooks.signing_secret(two) == second


def test_a_failure_is_retried_later_and_later_until_it_is_received(counter: Counter) -> None:
    with http_server(answering(500, 503, 200)) as server:
        make_webhook(counter, server, kinds=["conversation.priority_changed"])
        change(counter)
        run_webhooks_once(clock.now())
        call = WebhookCall.objects.get()
        assert (call.state, call.attempts, call.status, call.reason) == (
            State.DUE, 1, 500, "The address answered 500: said so",
        )  # fmt: skip
        assert timedelta(seconds=7) < call.due_at - clock.now() < timedelta(seconds=12)
        run_webhooks_once(clock.now())
        assert len(server.asked) == 1, "it is not due yet"
        run_webhooks_once(later(1))
        run_webhooks_once(later(5))
        call.refresh_from_db()
    assert (call.state, call.attempts, len(server.asked)) == (State.DONE, 3, 3)
    assert len({asked.headers["comptoir-delivery"] for asked in server.asked}) == 1
    assert len({asked.body for asked in server.asked}) == 1


def test_it_fails_for_good_after_the_last_attempt_and_can_be_replayed_by_hand(counter: Counter) -> None:
    with http_server(answering(500, 200)) as server:
        make_webhook(counter, server, kinds=["conversation.priority_changed"])
        change(counter)
        enter_events(clock.now())
        WebhookCall.objects.update(attempts=ATTEMPTS - 1)
        run_webhooks_once(clock.now())
        call = WebhookCall.objects.get()
        assert call.state == State.FAILED
        assert call.finished_at is not None
        webhooks.replay_call(actor=actor_of(counter.user), call=call)
        with pytest.raises(Conflict):
            webhooks.replay_call(actor=actor_of(counter.user), call=call)
        run_webhooks_once(clock.now())
    call.refresh_from_db()
    assert (call.state, call.attempts, len(server.asked)) == (State.DONE, 1, 2)


def test_a_redirect_is_no_reception_and_is_not_followed(counter: Counter) -> None:
    def answer(asked: Asked) -> Answer:
        return Answer(302, headers={"Location": "/elsewhere"}) if asked.path == "/hook" else Answer(200)

    with http_server(answer) as server:
        make_webhook(counter, server)
        change(counter)
        run_webhooks_once(clock.now())
    assert {asked.path for asked in server.asked} == {"/hook"}
    assert "redirect" in WebhookCall.objects.filter(status=302)[0].reason


def test_a_private_address_is_refused_unless_the_operator_allowed_it(counter: Counter, settings: Any) -> None:
    with http_server(answering(200)) as server:
        make_webhook(counter, server, kinds=["conversation.priority_changed"])
        settings.ALLOWED_PRIVATE_HOSTS = []
        change(counter)
        run_webhooks_once(clock.now())
        call = WebhookCall.objects.get()
        assert (call.state, call.status) == (State.FAILED, None)
        assert "private network" in call.reason
        assert server.asked == []
        settings.ALLOWED_PRIVATE_HOSTS = ["127.0.0.1"]
        webhooks.replay_call(actor=actor_of(counter.user), call=call)
        run_webhooks_once(clock.now())
        assert len(server.asked) == 1


def test_a_dead_address_is_asked_once_a_round_and_does_not_hold_up_others(counter: Counter) -> None:
    with http_server(answering(200)) as dead:
        pass
    with http_server(answering(200)) as alive:
        kinds = ["conversation.priority_changed"]
        broken, _ = make_webhook(counter, dead, kinds=kinds)
        working, _ = make_webhook(counter, alive, kinds=kinds)
        for priority in (1, 2, 0):
            change(counter, priority)
        run_webhooks_once(clock.now())
    assert working.calls.filter(state=State.DONE).count() == 3
    assert sorted(broken.calls.values_list("attempts", flat=True)) == [0, 0, 1]
    assert broken.calls.filter(state=State.DUE, due_at__gt=clock.now()).count() == 3


def test_an_outage_costs_little_and_ends_for_all_calls_at_once(counter: Counter) -> None:
    with http_server(answering(200)) as dead:
        pass
    kinds = ["conversation.priority_changed"]
    webhook, _ = make_webhook(counter, dead, kinds=kinds)
    for number in range(30):
        change(counter, (1, 2)[number % 2])
    run_webhooks_once(clock.now())
    assert webhook.calls.filter(due_at__lte=clock.now()).count() == 0, "one look was enough for all of them"
    assert sum(webhook.calls.values_list("attempts", flat=True)) == 1
    change(counter, -1)
    assert run_webhooks_once(clock.now()) == dispatch.PAUSE
    assert sum(webhook.calls.values_list("attempts", flat=True)) == 1, "new events wait with the others"
    with http_server(answering(200)) as alive:
        Webhook.objects.update(url=alive.url())
        run_webhooks_once(later(1))
        for _ in range(4):
            run_webhooks_once(later(1.1))
        heard = [body["id"] for body in told(alive)]
    assert len(heard) == 31
    assert heard == sorted(heard)


def test_events_arrive_in_their_order_and_only_the_kinds_that_were_asked_for(counter: Counter) -> None:
    with http_server(answering(200)) as server:
        make_webhook(counter, server, kinds=["conversation.priority_changed"])
        for priority in (1, 2, -1):
            change(counter, priority)
            add_note(actor=actor_of(counter.user), conversation=counter.conversation, user=counter.user, text="x")
        run_webhooks_once(clock.now())
    assert [body["facts"]["to"] for body in told(server)] == [1, 2, -1]


def test_a_new_webhook_hears_from_now_on(counter: Counter) -> None:
    change(counter)
    with http_server(answering(200)) as server:
        webhook, _ = make_webhook(counter, server, kinds=["conversation.priority_changed"])
        change(counter, 2)
        run_webhooks_once(clock.now())
        assert [body["facts"]["to"] for body in told(server)] == [2]
        off: dict[str, Any] = {
            "actor": actor_of(counter.user),
            "webhook": webhook,
            "name": "x",
            "url": webhook.url,
            "kinds": [],
        }
        webhooks.change_webhook(**off, is_active=False)
        change(counter, 0)
        run_webhooks_once(clock.now())
        webhooks.change_webhook(**off, is_active=True)
        change(counter, 1)
        run_webhooks_once(clock.now())
        heard = [body["facts"]["to"] for body in told(server) if body["kind"] == "conversation.priority_changed"]
    assert heard == [2, 1]


def test_a_webhook_hears_only_what_its_person_may_see(counter: Counter, stranger: Counter) -> None:
    with http_server(answering(200)) as server:
        make_webhook(counter, server, kinds=["conversation.priority_changed", "contact.changed"])
        change(stranger)
        change_contact(actor=actor_of(stranger.user), contact=stranger.conversation.contact, name="Secret")
        change(counter)
        run_webhooks_once(clock.now())
    assert [body["conversation_id"] for body in told(server)] == [counter.conversation.pk]


@pytest.mark.parametrize(("role", "count"), [(Role.ADMIN, 1), (Role.AGENT, 0)])
def test_what_belongs_to_no_conversation_is_for_administrators(counter: Counter, role: str, count: int) -> None:
    with http_server(answering(200)) as server:
        make_webhook(counter, server, user=make_user(counter.team, role=role), kinds=["account.changed"])
        journal.append(actor=journal.SYSTEM, kind="account.changed", facts={"account": 1})
        run_webhooks_once(clock.now())
        assert len(server.asked) == count


def test_a_conversation_that_went_to_another_team_meanwhile_is_told_no_more(counter: Counter) -> None:
    with http_server(answering(500)) as server:
        make_webhook(counter, server, kinds=["conversation.priority_changed"])
        change(counter)
        run_webhooks_once(clock.now())
        transfer_conversation(actor=actor_of(counter.user), conversation=counter.conversation, team=make_team())
        run_webhooks_once(later(5))
    call = WebhookCall.objects.get()
    assert (call.state, len(server.asked)) == (State.FAILED, 1)


def test_a_person_who_left_a_team_or_the_house_hears_nothing_more(counter: Counter) -> None:
    with http_server(answering(200)) as server:
        make_webhook(counter, server, kinds=["conversation.priority_changed"])
        Membership.objects.filter(user=counter.user).delete()
        change(counter)
        run_webhooks_once(clock.now())
        Membership.objects.create(user=counter.user, team=counter.team)
        change(counter, 2)
        enter_events(clock.now())
        counter.user.is_active = False
        counter.user.save()
        run_webhooks_once(clock.now())
        assert server.asked == []


def test_a_call_whose_sender_died_is_due_again(counter: Counter) -> None:
    with http_server(answering(200)) as server:
        make_webhook(counter, server, kinds=["conversation.priority_changed"])
        change(counter)
        enter_events(clock.now())
        assert len(claim_calls(clock.now())) == 1
        assert claim_calls(clock.now()) == []
        run_webhooks_once(clock.now() + dispatch.LEASE + timedelta(seconds=1))
        assert len(server.asked) == 1


def test_the_log_is_swept(counter: Counter) -> None:
    with http_server(answering(200)) as server:
        make_webhook(counter, server, kinds=["conversation.priority_changed"])
        change(counter)
        run_webhooks_once(clock.now())
        WebhookCall.objects.update(finished_at=clock.now() - timedelta(days=31))
        run_webhooks_once(clock.now())
    assert not WebhookCall.objects.exists()


def test_it_says_when_it_wants_to_run_again(counter: Counter) -> None:
    assert run_webhooks_once(clock.now()) == dispatch.IDLE
    with http_server(answering(200)) as server:
        make_webhook(counter, server, kinds=["conversation.priority_changed"])
        assert run_webhooks_once(clock.now()) == dispatch.PAUSE
        for number in range(dispatch.AT_ONCE + 1):
            change(counter, (1, 2)[number % 2])
        assert run_webhooks_once(clock.now()) == 0.0
        assert run_webhooks_once(clock.now()) == dispatch.PAUSE
        assert len(server.asked) == dispatch.AT_ONCE + 1


def test_wrong_webhooks_are_refused(counter: Counter) -> None:
    for fields in ({"name": ""}, {"url": "ftp://x/"}, {"kinds": ["no.such"]}):
        values: dict[str, Any] = {"user": counter.user, "name": "x", "url": "https://example.org/", **fields}
        with pytest.raises(InputError):
            webhooks.create_webhook(actor=actor_of(counter.user), **values)


# --- the horizon ------------------------------------------------------------------------------------------------------

INSERT = """
INSERT INTO journal_event (at, kind, conversation_id, actor_kind, actor_name, facts)
VALUES (now(), 'conversation.priority_changed', %s, 'system', '', '{"to": 7}') RETURNING id
"""


def other_connection() -> psycopg.Connection[tuple[int]]:
    """Open a second connection to the test's database, as another worker would have."""
    params = connection.get_connection_params()
    wanted = {name: params[name] for name in ("dbname", "user", "host", "port", "password") if params.get(name)}
    return psycopg.connect(**wanted)


@pytest.mark.django_db(transaction=True)
def test_an_event_that_commits_after_a_later_one_is_not_missed() -> None:
    counter = open_counter()
    with http_server(answering(200)) as server, other_connection() as slow:
        make_webhook(counter, server, kinds=["conversation.priority_changed"])
        row = slow.execute(INSERT, [counter.conversation.pk]).fetchone()
        assert row is not None
        change(counter)  # a higher id, committed first
        assert settled_id(patience=0.1) is None
        run_webhooks_once(clock.now())
        assert server.asked == [], "nothing is told before the journal is complete up to there"
        slow.commit()
        run_webhooks_once(clock.now())
        heard = told(server)
    assert [body["facts"]["to"] for body in heard] == [7, 1]
    assert heard[0]["id"] == row[0] < heard[1]["id"]


@pytest.mark.django_db(transaction=True)
def test_a_writer_that_rolls_back_leaves_only_a_gap() -> None:
    counter = open_counter()
    with http_server(answering(200)) as server, other_connection() as slow:
        make_webhook(counter, server, kinds=["conversation.priority_changed"])
        slow.execute(INSERT, [counter.conversation.pk])
        change(counter)
        slow.rollback()
        run_webhooks_once(clock.now())
    assert [body["facts"]["to"] for body in told(server)] == [1]


@pytest.mark.django_db(transaction=True)
def test_readers_and_later_writers_do_not_hold_the_horizon_back() -> None:
    counter = open_counter()
    with other_connection() as reader:
        reader.execute("SELECT count(*) FROM journal_event")
        change(counter)
        assert settled_id(patience=0.1) is not None


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_tell_everything_once() -> None:
    counter = open_counter()
    with http_server(answering(200)) as server:
        make_webhook(counter, server, kinds=["conversation.priority_changed"])
        for number in range(20):
            change(counter, (1, 2)[number % 2])

        def work() -> None:
            try:
                for _ in range(6):
                    run_webhooks_once(clock.now())
            finally:
                connection.close()

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    ids = [body["id"] for body in told(server)]
    assert len(ids) == len(set(ids)) == 20


def test_a_conversation_without_team_mates_is_nobodys_news(counter: Counter) -> None:
    other = make_conversation(counter.account, team=make_team())
    with http_server(answering(200)) as server:
        make_webhook(counter, server)
        set_priority(actor=actor_of(counter.user), conversation=other, priority=2)
        run_webhooks_once(clock.now())
        assert all(body["conversation_id"] != other.pk for body in told(server))
