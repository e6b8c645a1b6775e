"""Live updates: one PostgreSQL listener a process, fanned out to every open desk as server-sent events.

    conversations   ids of conversations that changed, or "many"      to desks of their teams (INV-06) that show them
    here            who else is at the conversation, who is typing    to desks that show it, of its team (INV-06)
    visitors        who is at which conversation                      to desks of their teams that show a list (INV-06)
    notifications   how many are unread, and the number of the last   to the desks of the person

A desk that shows the queue looks at it again whenever it hears of a conversation. Where many do, each hears later, at
a moment of its own (rules.longest_wait), so that they do not all look at once.

What changed a desk fetches by the ordinary, access-checked views. An open stream is also the sign that a person is at
the conversation they show. It ends after ten minutes and the browser reconnects, so that a person who left a team or
signed out does not listen on.
"""

import asyncio
import contextlib
import json
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
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
from comptoir.core.errors import AccessDenied
from comptoir.core.listening import conninfo
from comptoir.desk import rules
from comptoir.journal.services import LIVE_CHANNEL
from comptoir.notifications import queries as notifications
from comptoir.notifications.services import PEOPLE_CHANNEL, mark_conversation_read
from comptoir.viewing import queries as viewing
from comptoir.viewing.services import HERE_CHANNEL, RENEW, SWEEP, enter_conversation, leave_conversation, renewal

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

    user: User
    teams: frozenset[int]
    shown: rules.Shown
    news: set[int] = field(default_factory=set)
    many: bool = False
    visits: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    other: dict[str, Any] = field(default_factory=dict)  # of each other event only the last word counts
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    waker: asyncio.TimerHandle | None = None

    def tell(self, teams_of: Mapping[int, int] | None, *, longest_wait: float = 0.0) -> None:
        """Note the conversations that this desk may hear of and shows; None: too many to name."""
        if teams_of is None:
            self.many = self.shown.is_list or self.shown.conversation is not None
        elif self.shown.is_list:
            self.news.update(i for i, team in teams_of.items() if team in self.teams)
        elif teams_of.get(self.shown.conversation or 0) in self.teams:
            self.news.add(self.shown.conversation or 0)
        if self.many or self.news:
            self._wake_within(longest_wait)

    def _wake_within(self, longest_wait: float) -> None:
        """Tell what is new: at once, or a list at a random moment of a span that begins with the first news."""
        if not self.shown.is_list or not longest_wait:
            self.wake.set()
        elif self.waker is None:
            wait = random.uniform(0, longest_wait)  # noqa: S311  # spreads load, hides nothing
            self.waker = asyncio.get_running_loop().call_later(wait, self.wake.set)

    def tell_present(self, present: Mapping[int, viewing.Present], *, longest_wait: float = 0.0) -> None:
        """Note who else is at the conversations that this desk shows, if their team is one of the person's (INV-06)."""
        mine = {
            number: [
                {"id": viewer.id, "name": viewer.name, "typing": viewer.is_typing}
                for viewer in found.viewers
                if viewer.id != self.user.pk
            ]
            for number, found in present.items()
            if found.team_id in self.teams and (self.shown.is_list or number == self.shown.conversation)
        }
        if mine and self.shown.is_list:
            self.visits |= mine
            self._wake_within(longest_wait)
        elif mine:
            self.tell_other("here", mine[self.shown.conversation or 0])

    def tell_other(self, event: str, data: Any) -> None:
        """Note an event that replaces an earlier one of its kind."""
        self.other[event] = data
        self.wake.set()

    def take(self) -> str:
        """Return what is new as events."""
        told = {**self.other}
        if self.visits:
            told["visitors"] = self.visits
        if self.many or self.news:
            told["conversations"] = MANY if self.many else sorted(self.news)
        self.many, self.news, self.other, self.visits = False, set(), {}, {}
        if self.waker is not None:
            self.waker.cancel()
            self.waker = None
        self.wake.clear()
        return "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in told.items())


@dataclass(slots=True)
class _Heard:
    """What the notifications of a moment speak of."""

    conversations: set[int] = field(default_factory=set)
    many: bool = False
    here: set[int] = field(default_factory=set)
    people: set[int] = field(default_factory=set)

    def note(self, channel: str, payload: str) -> None:
        """Add one notification."""
        told = json.loads(payload)
        if channel == HERE_CHANNEL:
            self.here.update(told)
        elif channel == PEOPLE_CHANNEL:
            self.people.update(told)
        elif told.get("conversations") == MANY:
            self.many = True
        else:
            self.conversations.update(told.get("conversations") or ())


class LiveHub:
    """The ASGI application behind /live."""

    def __init__(self) -> None:
        self._desks: set[_Desk] = set()
        self._listener: asyncio.Task[None] | None = None
        self._listening = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream events until the client leaves or the stream is ten minutes old."""
        known = await sync_to_async(_person_of_session)(dict(scope["headers"]).get(b"cookie", b"").decode("latin-1"))
        if known is None:
            await send({"type": "http.response.start", "status": 401, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"Sign in first."})
            return
        desk = _Desk(*known, rules.shown_by(scope.get("query_string", b"").decode("latin-1")))
        self._desks.add(desk)
        comes_back = False
        try:
            if self._listener is None or self._listener.done():
                self._listening = asyncio.Event()
                self._listener = asyncio.create_task(self._listen())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._listening.wait(), READY_SECONDS)
            recent, present, unread = await sync_to_async(_opened)(desk)
            desk.tell(recent)
            desk.tell_present(present)
            desk.tell_other("notifications", unread)
            comes_back = await _stream(desk, receive, send)
        finally:
            self._desks.discard(desk)
            # A page that came back through a new stream, before the old one was seen to end, is still there.
            is_here = any(d.user.pk == desk.user.pk and d.shown == desk.shown for d in self._desks)
            if desk.shown.tab and not comes_back and not is_here:
                await sync_to_async(_closed)(desk)

    async def _listen(self) -> None:
        """Listen for as long as anybody does; after a broken connection tell all desks to look for themselves."""
        while self._desks:
            try:
                async with await psycopg.AsyncConnection.connect(conninfo(), autocommit=True) as connection:
                    for channel in (LIVE_CHANNEL, HERE_CHANNEL, PEOPLE_CHANNEL):
                        await connection.execute(f"LISTEN {channel}")
                    self._listening.set()
                    await self._hear(connection)
            except psycopg.Error as error:
                logger.warning("live updates: %s; trying again", error)
                self._listening.clear()
                await asyncio.sleep(1)
            for desk in self._desks:
                desk.tell(None, longest_wait=self._longest_wait())

    async def _hear(self, connection: psycopg.AsyncConnection[Any]) -> None:
        marked = 0.0
        while self._desks:
            if time.monotonic() - marked > PING_SECONDS / 2:
                await self._mark(connection)
                marked = time.monotonic()
            heard = _Heard()
            # Wait for the first word, then gather what follows closely.
            async for notice in connection.notifies(timeout=PING_SECONDS / 2, stop_after=1):
                heard.note(notice.channel, notice.payload)
            if heard == _Heard():
                continue
            async for notice in connection.notifies(timeout=GATHER_SECONDS):
                heard.note(notice.channel, notice.payload)
            await self._tell(connection, heard)

    async def _mark(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Say whose desks are open: to chats and assignment, and to who else is at the same conversations."""
        now = clock.now()
        people = {desk.user.pk for desk in self._desks}
        await connection.execute(presence.MARK_PEOPLE, presence.people_parameters(people, now))
        teams = {team for desk in self._desks for team in desk.teams}
        await connection.execute(presence.MARK, presence.mark_parameters(teams, now))
        tabs = [(desk.user.pk, desk.shown.tab) for desk in self._desks if desk.shown.tab]
        if tabs:
            await connection.execute(RENEW, renewal(tabs, now))
        await connection.execute(SWEEP, [now])

    def _has_lists(self) -> bool:
        return any(desk.shown.is_list for desk in self._desks)

    def _longest_wait(self) -> float:
        return rules.longest_wait(sum(desk.shown.is_list for desk in self._desks))

    async def _tell(self, connection: psycopg.AsyncConnection[Any], heard: _Heard) -> None:
        """Fan out what was heard; the database is asked only about what a desk of this process waits for."""
        teams_of: dict[int, int] | None = {}
        if heard.many:
            teams_of = None
        elif heard.conversations:
            rows = await (await connection.execute(TEAMS, [sorted(heard.conversations)])).fetchall()
            teams_of = {row[0]: row[1] for row in rows}
        present: dict[int, viewing.Present] = {}
        shown = {desk.shown.conversation for desk in self._desks}
        if here := heard.here if self._has_lists() else heard.here & shown:
            asked = viewing.parameters(here, clock.now())
            present = viewing.grouped(await (await connection.execute(viewing.PRESENT, asked)).fetchall())
        unread: dict[int, dict[str, int]] = {}
        if people := heard.people & {desk.user.pk for desk in self._desks}:
            counted = await connection.execute(notifications.UNREAD, notifications.parameters(people))
            unread = notifications.counts(people, await counted.fetchall())
        longest = self._longest_wait()
        for desk in self._desks:
            desk.tell(teams_of, longest_wait=longest)
            if present:
                desk.tell_present(present, longest_wait=longest)
            if desk.user.pk in unread:
                desk.tell_other("notifications", unread[desk.user.pk])


def _opened(desk: _Desk) -> tuple[dict[int, int], dict[int, viewing.Present], dict[str, int]]:
    """Let the person in; return what changed since the page was drawn, for a list who is where, and what is unread."""
    try:
        presence.mark_people({desk.user.pk}, at=clock.now())
        if desk.shown.conversation is not None and desk.shown.tab:
            try:
                place = desk.shown.conversation
                enter_conversation(user=desk.user, conversation_id=place, tab=desk.shown.tab, teams=desk.teams)
                mark_conversation_read(user=desk.user, conversation_id=place)
            except AccessDenied:
                desk.shown = rules.Shown(is_list=False)
        recent = dict(bulk.fetch_all(RECENT, [RECENT_SECONDS, sorted(desk.teams)]))
        present = viewing.present_in(desk.teams, clock.now()) if desk.shown.is_list else {}
        return recent, present, notifications.unread_of(desk.user)
    finally:
        connection.close()


def _closed(desk: _Desk) -> None:
    """Let the person out. Whom this misses (a process that dies) the next sweep finds."""
    try:
        leave_conversation(user_id=desk.user.pk, tab=desk.shown.tab)
    finally:
        connection.close()


def _person_of_session(cookies: str) -> tuple[User, frozenset[int]] | None:
    """Return the person behind the session cookie with their teams, or None for a stranger."""
    key = parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME)
    if not key:
        return None
    request = HttpRequest()
    request.session = SessionStore(key)
    try:
        user = get_user(request)
        return (user, frozenset(team_ids_of(user))) if isinstance(user, User) and user.is_active else None
    finally:
        connection.close()  # back into the pool: the thread may not be asked again for long


async def _stream(desk: _Desk, receive: Receive, send: Send) -> bool:
    """Send what is new until the client leaves; True when the time was up, and the browser comes back at once."""
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
                return False
            event = desk.take() if desk.wake.is_set() else ": ping\n\n"
            await send({"type": "http.response.body", "body": event.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return not gone.done()
    finally:
        gone.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
