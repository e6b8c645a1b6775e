"""Live updates: one PostgreSQL listener a process, fanned out to every open desk as server-sent events.

A desk hears only the ids of conversations of the person's teams (INV-06); what changed it fetches by the ordinary,
access-checked views. A stream ends after ten minutes and the browser reconnects, so that a person who left a team or
signed out does not listen on.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.http import HttpRequest
from django.http.cookie import parse_cookie

from comptoir.accounts.models import User
from comptoir.accounts.queries import team_ids_of
from comptoir.core import bulk, clock, presence
from comptoir.core.listening import conninfo
from comptoir.journal.services import LIVE_CHANNEL

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PATH = "/live"
STREAM_SECONDS = 600
PING_SECONDS = 20
READY_SECONDS = 5  # a database that is away longer is told by the listener itself, when it is back
RECENT_SECONDS = 15  # from drawing a page to its stream, on a slow line: what changed meanwhile is told first
GATHER_SECONDS = 0.1  # notifications of this span travel as one event
MANY = "many"
RECENT = """
SELECT DISTINCT c.id, c.team_id FROM journal_event e JOIN conversations_conversation c ON c.id = e.conversation_id
WHERE e.id > (SELECT last_value - 500 FROM journal_event_id_seq) AND e.at > now() - make_interval(secs => %s)
  AND c.team_id = ANY(%s)
"""
TEAMS = "SELECT id, team_id FROM conversations_conversation WHERE id = ANY(%s)"


@dataclass(eq=False, slots=True)
class _Desk:
    """One open stream: what it may hear, and what it has not been told yet."""

    user: int
    teams: frozenset[int]
    news: set[int] = field(default_factory=set)
    many: bool = False
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, teams_of: dict[int, int] | None) -> None:
        """Note the conversations that this desk may hear of; None: too many to name."""
        if teams_of is None:
            self.many = True
        else:
            self.news.update(i for i, team in teams_of.items() if team in self.teams)
        if self.many or self.news:
            self.wake.set()

    def take(self) -> str:
        """Return what is new as the data of an event."""
        data = json.dumps(MANY if self.many else sorted(self.news))
        self.many, self.news = False, set()
        self.wake.clear()
        return data


class LiveHub:
    """The ASGI application behind /live."""

    def __init__(self) -> None:
        self._desks: set[_Desk] = set()
        self._listener: asyncio.Task[None] | None = None
        self._listening = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream events until the client leaves or the stream is ten minutes old."""
        listener = await sync_to_async(_listener_of_session)(
            dict(scope["headers"]).get(b"cookie", b"").decode("latin-1")
        )
        if listener is None:
            await send({"type": "http.response.start", "status": 401, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"Sign in first."})
            return
        desk = _Desk(*listener)
        self._desks.add(desk)
        try:
            if self._listener is None or self._listener.done():
                self._listening = asyncio.Event()
                self._listener = asyncio.create_task(self._listen())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._listening.wait(), READY_SECONDS)
            desk.tell(await sync_to_async(_opened)(desk))
            await _stream(desk, receive, send)
        finally:
            self._desks.discard(desk)

    async def _listen(self) -> None:
        """Listen for as long as anybody does; after a broken connection tell all desks to look for themselves."""
        while self._desks:
            try:
                async with await psycopg.AsyncConnection.connect(conninfo(), autocommit=True) as connection:
                    await connection.execute(f"LISTEN {LIVE_CHANNEL}")
                    self._listening.set()
                    await self._hear(connection)
            except psycopg.Error as error:
                logger.warning("live updates: %s; trying again", error)
                self._listening.clear()
                await asyncio.sleep(1)
            for desk in self._desks:
                desk.tell(None)

    async def _hear(self, connection: psycopg.AsyncConnection[Any]) -> None:
        marked = 0.0
        while self._desks:
            if time.monotonic() - marked > PING_SECONDS / 2:  # the chat tells its visitors whether somebody is here
                teams = {team for desk in self._desks for team in desk.teams}
                people = {desk.user for desk in self._desks}
                await connection.execute(presence.MARK, presence.mark_parameters(teams, clock.now()))
                await connection.execute(presence.MARK_PEOPLE, presence.people_parameters(people, clock.now()))
                marked = time.monotonic()
            gathered: set[int] = set()
            many = False
            # Wait for the first word, then gather what follows closely.
            async for notice in connection.notifies(timeout=PING_SECONDS, stop_after=1):
                many |= _note(notice.payload, gathered)
            if gathered or many:
                async for notice in connection.notifies(timeout=GATHER_SECONDS):
                    many |= _note(notice.payload, gathered)
            if many:
                teams_of = None
            elif gathered:
                rows = await (await connection.execute(TEAMS, [sorted(gathered)])).fetchall()
                teams_of = {row[0]: row[1] for row in rows}
            else:
                continue
            for desk in self._desks:
                desk.tell(teams_of)


def _note(payload: str, gathered: set[int]) -> bool:
    """Add the conversations of one notification; return whether it speaks of too many to name."""
    told = json.loads(payload).get("conversations")
    if told == MANY:
        return True
    gathered.update(told or ())
    return False


def _opened(desk: _Desk) -> dict[int, int]:
    """Note that the person is here; return what may have changed between the drawing of the page and now."""
    try:
        presence.mark_people({desk.user}, at=clock.now())
        return dict(bulk.fetch_all(RECENT, [RECENT_SECONDS, sorted(desk.teams)]))
    finally:
        connection.close()


def _listener_of_session(cookies: str) -> tuple[int, frozenset[int]] | None:
    """Return the person behind the session cookie and their teams, or None for a stranger."""
    key = parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME)
    if not key:
        return None
    request = HttpRequest()
    request.session = SessionStore(key)
    try:
        user = get_user(request)
        return (user.pk, frozenset(team_ids_of(user))) if isinstance(user, User) and user.is_active else None
    finally:
        connection.close()  # back into the pool: the thread may not be asked again for long


async def _stream(desk: _Desk, receive: Receive, send: Send) -> None:
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"retry: 2000\n\n", "more_body": True})
    gone = asyncio.create_task(_until_gone(receive))
    end = time.monotonic() + STREAM_SECONDS
    try:
        while not gone.done() and time.monotonic() < end:
            waker = asyncio.create_task(desk.wake.wait())
            await asyncio.wait({waker, gone}, timeout=PING_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            waker.cancel()
            if gone.done():
                return
            event = f"event: conversations\ndata: {desk.take()}\n\n" if desk.wake.is_set() else ": ping\n\n"
            await send({"type": "http.response.body", "body": event.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
