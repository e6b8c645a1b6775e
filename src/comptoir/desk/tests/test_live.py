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
from comptoir.desk.live import LiveHub
from comptoir.journal import services as journal
from comptoir.testing.builders import make_account, make_conversation, make_team, make_user

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
            if any(b"data:" in m.get("body", b"") for m in sent):
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
