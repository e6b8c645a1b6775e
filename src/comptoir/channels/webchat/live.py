"""Long polls of open chats, outside Django: a visitor who waits costs one coroutine and no thread.

A request for news looks once, waits up to WAIT_SECONDS for a notification of its session, and looks again. It notes its
interest before it looks, so a reply that comes in between is not missed; where notifications cannot be had (PostgreSQL
restarts) it answers at once and the widget asks again a little later.
"""

import asyncio
import json
import logging
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs

import psycopg
from django.db import connection
from django.utils import translation

from comptoir.channels.waits import active_account
from comptoir.channels.webchat.services import LIVE_CHANNEL
from comptoir.channels.webchat.views import news
from comptoir.core.listening import conninfo

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PATH = re.compile(r"/c/webchat/([A-Za-z0-9]{1,32})/poll")
WAIT_SECONDS = 25.0  # below the 30 s after which common proxies give up
IDLE_SECONDS = 60.0  # the listener ends when nobody has waited for so long
MOST_WAITING = 1000  # of one process; beyond it requests are answered at once, which costs the widget some seconds
MOST_OF_ONE = 6  # open tabs of one visitor
THREADS = 4

Answer = tuple[int, dict[str, Any]]


class ChatHub:
    """The ASGI application behind /c/webchat/<key>/poll."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._count = 0
        self._listener: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="chat")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one poll."""
        if scope["method"] != "GET":
            await _respond(send, 405, {"error": "Only GET is answered here."})
            return
        ask = _question(scope)
        session_key = ask["token"].partition(".")[0][:26]
        event = asyncio.Event()
        may_wait = self._enter(session_key, event)
        try:
            if may_wait:
                may_wait = await self._listening()
            status, answer = await self._look(ask)
            if status == 200 and not answer["entries"] and may_wait and await _woken(event, receive):
                status, answer = await self._look(ask)
        finally:
            self._leave(session_key, event)
        await _respond(send, status, answer | {"wait": may_wait})

    def _enter(self, key: str, event: asyncio.Event) -> bool:
        if self._count >= MOST_WAITING or len(self._waiting[key]) >= MOST_OF_ONE:
            return False
        self._waiting[key].add(event)
        self._count += 1
        return True

    def _leave(self, key: str, event: asyncio.Event) -> None:
        if event in self._waiting[key]:
            self._waiting[key].discard(event)
            self._count -= 1
        if not self._waiting[key]:
            del self._waiting[key]

    async def _look(self, ask: dict[str, Any]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._threads, look, ask)

    async def _listening(self) -> bool:
        """Return whether notifications arrive; start the listener where there is none."""
        loop = asyncio.get_running_loop()
        if self._listener is None or self._listener.done() or self._listener.get_loop() is not loop:
            self._ready = asyncio.Event()
            self._listener = asyncio.create_task(self._listen())
        try:
            await asyncio.wait_for(self._ready.wait(), 2)
        except TimeoutError:
            return False
        return True

    async def _listen(self) -> None:
        try:
            async with await psycopg.AsyncConnection.connect(conninfo(), autocommit=True) as link:
                await link.execute(f"LISTEN {LIVE_CHANNEL}")
                self._ready.set()
                idle = 0.0
                while idle < IDLE_SECONDS:
                    async for notice in link.notifies(timeout=5, stop_after=1):
                        for event in self._waiting.get(notice.payload, ()):
                            event.set()
                    idle = 0.0 if self._count else idle + 5
        except psycopg.Error as error:
            logger.warning("chat: %s; widgets poll until it is back", error)
        finally:
            self._ready.clear()
            for events in list(self._waiting.values()):  # whatever was missed: let them look
                for event in events:
                    event.set()


def _question(scope: Scope) -> dict[str, Any]:
    headers = dict(scope["headers"])
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    found = PATH.fullmatch(scope["path"])
    after = query.get("after", ["0"])[0]
    return {
        "key": found[1] if found else "",
        "token": headers.get(b"authorization", b"").decode("latin-1").removeprefix("Bearer ")[:100],
        "after": int(after) if after.isascii() and after.isdigit() and len(after) < 10 else 0,
        "language": "fr" if query.get("lang", [""])[0] == "fr" else "en",
    }


def look(ask: dict[str, Any]) -> Answer:
    """Look for news once; runs in a thread of the hub."""
    try:
        with translation.override(ask["language"]):
            account = active_account("webchat", ask["key"])
            if account is None:
                return 404, {"error": translation.gettext("This chat does not exist any more.")}
            return news(account, ask["token"], ask["after"])
    finally:
        connection.close()  # back into the pool


async def _woken(event: asyncio.Event, receive: Receive) -> bool:
    """Wait for news; False when the time is up or the visitor has gone."""
    gone = asyncio.create_task(_until_gone(receive))
    waker = asyncio.create_task(event.wait())
    try:
        await asyncio.wait({gone, waker}, timeout=WAIT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        return waker.done()
    finally:
        gone.cancel()
        waker.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _respond(send: Send, status: int, answer: dict[str, Any]) -> None:
    body = json.dumps(answer).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
