"""INV-06 on the live stream: a desk hears of its own teams' conversations only, and a stranger hears nothing."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from comptoir.accounts.models import User
from comptoir.desk.live import LiveHub, _Desk
from comptoir.desk.rules import Shown
from comptoir.journal import services as journal
from comptoir.notifications.models import Notification
from comptoir.notifications.services import announce
from comptoir.testing.builders import make_account, make_conversation, make_notification, make_team, make_user
from comptoir.viewing.models import Presence
from comptoir.viewing.services import enter_conversation, leave_conversation

pytestmark = pytest.mark.django_db(transaction=True)


def cookie_of(user: User) -> bytes:
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}".encode()


async def listen(
    hub: LiveHub, cookie: bytes, act: Callable[[], None] | None = None, *, seconds: float = 2
) -> list[Any]:
    """Open a stream, act, wait, close; return everything that was sent."""
    sent: list[Any] = []
    closing = asyncio.Event()

    async def receive() -> dict[str, str]:
        await closing.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    stream = asyncio.create_task(hub({"headers": [(b"cookie", cookie)]}, receive, send))
    if act is not None:
        await asyncio.sleep(0.7)  # until the listener listens
        await sync_to_async(act)()
        for _ in range(int(seconds * 20)):
            if events(sent):
                break
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.2)
        closing.set()
    await asyncio.wait_for(stream, 10)
    if hub._listener is not None:
        hub._listener.cancel()
    return sent


def events(sent: list[Any], name: str = "conversations") -> list[Any]:
    """Return the data of all events of a name."""
    stream = "".join(m["body"].decode() for m in sent if m["type"] == "http.response.body")
    blocks = [block.split("\ndata: ") for block in stream.split("\n\n") if block.startswith(f"event: {name}\n")]
    return [json.loads(data) for _event, data in blocks]


def test_inv_06_a_desk_hears_of_its_own_teams_only() -> None:
    ours, theirs = make_team("Service"), make_team("PR")
    user = make_user(ours)
    mine, other = make_conversation(make_account(ours)), make_conversation(make_account(theirs))

    def act() -> None:
        entries = [journal.Entry(journal.SYSTEM, "note.added", c.pk) for c in (mine, other)]
        journal.append_all(entries)

    sent = asyncio.run(listen(LiveHub(), cookie_of(user), act))
    assert events(sent) == [[mine.pk]]


def test_many_changes_are_one_word() -> None:
    team = make_team()
    user = make_user(team)

    def act() -> None:
        journal.append_all([journal.Entry(journal.SYSTEM, "note.added", n) for n in range(1, 500)])

    assert events(asyncio.run(listen(LiveHub(), cookie_of(user), act))) == ["many"]


@pytest.mark.parametrize("cookie", [b"", b"sessionid=forged", b"nonsense"])
def test_a_stranger_is_refused(cookie: bytes) -> None:
    sent = asyncio.run(listen(LiveHub(), cookie))
    assert sent[0]["status"] == 401
    assert not events(sent)


def test_a_person_who_may_no_longer_sign_in_is_refused() -> None:
    user = make_user(make_team())
    cookie = cookie_of(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert asyncio.run(listen(LiveHub(), cookie))[0]["status"] == 401


async def _desks(
    opened: list[tuple[LiveHub, bytes, str]], act: Callable[[], None], *, after: float = 0.7, seconds: float = 1.0
) -> list[list[Any]]:
    """Open a stream for each (hub, cookie, address), act, close them one after another; return what each was sent."""
    sent: list[list[Any]] = [[] for _ in opened]
    closing = [asyncio.Event() for _ in opened]

    def stream(number: int) -> Any:
        hub, cookie, query = opened[number]

        async def receive() -> dict[str, str]:
            await closing[number].wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent[number].append(message)

        return asyncio.create_task(
            hub({"headers": [(b"cookie", cookie)], "query_string": query.encode()}, receive, send)
        )

    streams = [stream(number) for number in range(len(opened))]
    await asyncio.sleep(after)
    await sync_to_async(act)()
    for number in reversed(range(len(opened))):
        await asyncio.sleep(seconds)
        closing[number].set()
        await asyncio.wait_for(streams[number], 10)
    for hub, _cookie, _query in opened:
        if hub._listener is not None:
            hub._listener.cancel()
    return sent


def names(sent: list[Any]) -> list[list[tuple[str, bool]]]:
    return [[(one["name"], one["typing"]) for one in told] for told in events(sent, "here")]


def test_two_processes_agree_on_who_is_there_and_who_types() -> None:
    team = make_team()
    ada, tom = make_user(team, name="Ada"), make_user(team, name="Tom")
    row = make_conversation(make_account(team))

    def act() -> None:
        enter_conversation(user=tom, conversation_id=row.pk, tab="tom00000", is_typing=True)

    opened = [
        (LiveHub(), cookie_of(ada), f"conversation={row.pk}&tab=ada00000"),
        (LiveHub(), cookie_of(tom), f"conversation={row.pk}&tab=tom00000"),
    ]
    first, second = asyncio.run(_desks(opened, act))
    assert names(first)[-2:] == [[("Tom", True)], []]  # and then he left
    assert [("Ada", False)] in names(second)
    assert not Presence.objects.exists()


def test_inv_06_who_is_there_is_told_at_that_conversation_to_its_team_and_to_nobody_else() -> None:
    team = make_team()
    account, tom = make_account(team), make_user(team, name="Tom")
    row, other = make_conversation(account), make_conversation(account)
    stranger = make_user(make_team(), name="Sam")

    def act() -> None:
        enter_conversation(user=tom, conversation_id=row.pk, tab="tom00000")

    hub = LiveHub()
    opened = [
        (hub, cookie_of(stranger), f"conversation={row.pk}&tab=sam00000"),
        (hub, cookie_of(make_user(team)), f"conversation={other.pk}&tab=ada00000"),
        (hub, cookie_of(make_user(team)), "shows=other"),
    ]
    sent = asyncio.run(_desks(opened, act, seconds=0.4))
    assert "Tom" not in str(sent)
    assert list(Presence.objects.values_list("user", flat=True)) == [tom.pk]  # the stranger did not get in


def test_a_list_hears_who_is_where_now_and_from_now_on_and_a_stranger_hears_nothing() -> None:
    team = make_team()
    account, tom, ada = make_account(team), make_user(team, name="Tom"), make_user(team, name="Ada")
    row = make_conversation(account)
    enter_conversation(user=tom, conversation_id=row.pk, tab="tom00000")
    enter_conversation(user=ada, conversation_id=row.pk, tab="ada00000")  # in another tab: not told to herself

    def act() -> None:
        leave_conversation(user_id=tom.pk, tab="tom00000")

    hub = LiveHub()
    opened = [(hub, cookie_of(ada), ""), (hub, cookie_of(make_user(make_team())), "")]
    first, second = asyncio.run(_desks(opened, act, seconds=0.5))
    told = [
        {number: [one["name"] for one in people] for number, people in visits.items()}
        for visits in events(first, "visitors")
    ]
    assert told == [{str(row.pk): ["Tom"]}, {str(row.pk): []}]
    assert events(second, "visitors") == []


def test_the_bell_counts_by_itself_and_looking_at_a_conversation_reads_what_it_is_about() -> None:
    team = make_team()
    user = make_user(team)
    row, other = make_conversation(make_account(team)), make_conversation(make_account(team))
    make_notification(user, row)
    make_notification(make_user(team), row)

    def act() -> None:
        make_notification(user, other)
        announce([user.pk])

    hub = LiveHub()
    opened = [(hub, cookie_of(user), ""), (hub, cookie_of(user), f"conversation={row.pk}&tab=ada00000")]
    first, _second = asyncio.run(_desks(opened, act, seconds=0.5))
    assert [told["unread"] for told in events(first, "notifications")][-1] == 1
    assert Notification.objects.get(user=user, conversation=row).read_at is not None


@pytest.mark.parametrize(
    ("label", "shown", "told"),
    [
        ("a list hears of all its teams' conversations", Shown(), [5, 6]),
        ("a conversation hears of itself", Shown(5, is_list=False), [5]),
        ("another page hears of none", Shown(is_list=False), None),
        ("a conversation of another team hears of nothing (INV-06)", Shown(7, is_list=False), None),
    ],
)
def test_a_desk_hears_of_what_it_shows(label: str, shown: Shown, told: list[int] | None) -> None:
    desk = _Desk(User(), frozenset({1}), shown)
    desk.tell({5: 1, 6: 1, 7: 2})
    assert desk.wake.is_set() == (told is not None), label
    assert desk.take() == (f"event: conversations\ndata: {told}\n\n" if told else ""), label


def test_where_many_look_each_hears_at_a_moment_of_its_own_and_of_everything_until_then() -> None:
    async def hear() -> tuple[bool, str]:
        desk = _Desk(User(), frozenset({1}), Shown())
        desk.tell({5: 1}, longest_wait=0.2)
        desk.tell({6: 1}, longest_wait=0.2)
        at_once = desk.wake.is_set()
        await asyncio.wait_for(desk.wake.wait(), 1)
        return at_once, desk.take()

    assert asyncio.run(hear()) == (False, "event: conversations\ndata: [5, 6]\n\n")
