"""Long polls: news come at once, silence ends in time, strangers and crowds are answered without waiting."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from django.db import connection, connections

from comptoir.channels.models import ChannelAccount
from comptoir.channels.webchat import live, services
from comptoir.channels.webchat.live import ChatHub
from comptoir.channels.webchat.models import ChatSession
from comptoir.channels.webchat.tokens import sign_key
from comptoir.core import clock
from comptoir.testing.builders import make_account, make_team

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def session() -> Iterator[ChatSession]:
    account = make_account(make_team(), kind="webchat")
    yield services.start_session(account=account, language="en", at=clock.now())
    connections["default"].close_pool()  # type: ignore[attr-defined]  # PostgreSQL has one; the hub's threads left their connections in it


def scope(account: ChannelAccount, token: str, *, query: str = "after=0", method: str = "GET") -> dict[str, Any]:
    return {
        "type": "http",
        "method": method,
        "path": f"/c/webchat/{account.public_key}/poll",
        "query_string": query.encode(),
        "headers": [(b"authorization", f"Bearer {token}".encode())],
    }


async def ask(hub: ChatHub, asked: dict[str, Any], *, leave_after: float = 0) -> tuple[int, dict[str, Any]]:
    """Ask the hub as a server would; `leave_after` closes the connection."""
    sent: list[dict[str, Any]] = []
    first = True

    async def receive() -> dict[str, Any]:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": b""}
        await asyncio.sleep(leave_after or 3600)
        return {"type": "http.disconnect"}

    async def send(event: Any) -> None:
        sent.append(event)

    await hub(asked, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


def run(work: Callable[[ChatHub], Coroutine[Any, Any, None]]) -> None:
    """Run work in an event loop of its own thread, as the server does."""
    failed: list[BaseException] = []

    def inside() -> None:
        async def main() -> None:
            hub = ChatHub()
            try:
                await work(hub)
            finally:
                if hub._listener:
                    hub._listener.cancel()
                    await asyncio.gather(hub._listener, return_exceptions=True)

        try:
            asyncio.run(main())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    if failed:
        raise failed[0]


def token_of(session: ChatSession) -> str:
    return sign_key(session.key, account_id=session.account_id)


def test_a_reply_ends_the_wait_at_once(session: ChatSession) -> None:
    def reply() -> None:
        time.sleep(0.4)
        services.store_reply(session=session, key="k", text="Hi!", author_name="Camille", at=clock.now())
        connection.close()

    async def work(hub: ChatHub) -> None:
        writer = threading.Thread(target=reply)
        writer.start()
        started = time.monotonic()
        status, answer = await ask(hub, scope(session.account, token_of(session)))
        assert 0.3 < time.monotonic() - started < 3
        assert status == 200 and answer["wait"] is True
        assert [entry["text"] for entry in answer["entries"]] == ["Hi!"]
        writer.join()

    run(work)


def test_silence_ends_the_wait_in_time(session: ChatSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "WAIT_SECONDS", 0.3)

    async def work(hub: ChatHub) -> None:
        status, answer = await ask(hub, scope(session.account, token_of(session)))
        assert (status, answer["entries"], answer["wait"]) == (200, [], True)

    run(work)


def test_who_leaves_frees_their_place(session: ChatSession) -> None:
    async def work(hub: ChatHub) -> None:
        started = time.monotonic()
        await ask(hub, scope(session.account, token_of(session)), leave_after=0.2)
        assert time.monotonic() - started < 5
        assert hub._count == 0 and not hub._waiting

    run(work)


def test_strangers_are_refused_without_waiting(session: ChatSession) -> None:
    async def work(hub: ChatHub) -> None:
        for token in ("", "x.y", sign_key(session.key, account_id=session.account_id + 1)):
            status, answer = await ask(hub, scope(session.account, token))
            assert status == 401 and answer["error"]
        unknown = scope(session.account, token_of(session)) | {"path": "/c/webchat/nothing/poll"}
        assert (await ask(hub, unknown))[0] == 404
        assert (await ask(hub, scope(session.account, "", method="POST")))[0] == 405

    run(work)


def test_a_crowd_is_answered_at_once(session: ChatSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_WAITING", 0)

    async def work(hub: ChatHub) -> None:
        status, answer = await ask(hub, scope(session.account, token_of(session)))
        assert (status, answer["wait"]) == (200, False)

    run(work)


def test_odd_questions_do_no_harm(session: ChatSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "WAIT_SECONDS", 0.05)

    async def work(hub: ChatHub) -> None:
        for query in ("after=-1", "after=9999999999999999999", "after=%00", "after=&lang=%ff", "x" * 5000, "after=²"):
            asked = scope(session.account, token_of(session))
            asked["query_string"] = query.encode()
            assert (await ask(hub, asked))[0] == 200

    run(work)
