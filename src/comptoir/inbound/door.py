"""The webhook door: raw bytes in, committed, then acknowledged (INV-01). Nothing else happens in that request.

Plain ASGI before Django, because platforms send bursts and time out quickly: requests that wait at the same moment are
committed together by one statement (group commit), so that a burst costs a few transactions and not thousands.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection

from comptoir.channels import services as channels
from comptoir.channels.base import Channel
from comptoir.channels.models import ChannelAccount
from comptoir.channels.registry import channel
from comptoir.core import clock
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.listening import conninfo
from comptoir.core.types import AccountConfig
from comptoir.inbound.services import INSERT, WAKE_CHANNEL, Arrival, insert_parameters

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PREFIX = "/in/"
ACCOUNT_SECONDS = 5.0  # how long a changed secret or a closed account may still be seen as before
RENEW_SECONDS = 2.5  # after which what is known is read again aside, while requests go on with it
GROUP_MOST = 500  # records of one commit
UNSTORABLE = (psycopg.DataError, ValueError)  # an identifier with a NUL, or with half of a surrogate pair
# One round trip and one commit: the notification is part of the statement.
ACCEPT = f"WITH new AS ({INSERT}) SELECT pg_notify('{WAKE_CHANNEL}', '') FROM (SELECT count(*) FROM new) counted"  # noqa: S608


@dataclass(frozen=True, slots=True)
class _Door:
    """An account that takes webhooks, and until when this knowledge is fresh."""

    channel: Channel
    account: AccountConfig
    until: float


class TooLargeError(Exception):
    """The body exceeds the limit."""


class UnsignedError(Exception):
    """The request is not from the platform that it claims to be from."""


class WebhookDoor:
    """The ASGI application behind /in/<public key>."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Door] = {}
        self._loading: dict[str, asyncio.Task[_Door | None]] = {}
        self._waiting: list[tuple[Sequence[Arrival], asyncio.Future[None]]] = []
        self._flusher: asyncio.Task[None] | None = None
        self._connection: psycopg.AsyncConnection[Any] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: 200 accepted, 400/401/404/405/413 refused in words, 503 try again."""
        status, answer = await self._answer(scope, receive)
        body = json.dumps(answer).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        headers.append((b"x-content-type-options", b"nosniff"))
        if status == 503:
            headers.append((b"retry-after", b"5"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, dict[str, str]]:
        if scope["method"] != "POST":
            return 405, {"detail": "Send events by POST."}
        key = scope["path"].removeprefix(PREFIX).strip("/")
        try:
            body = await _read(receive)
            door = await self._door(key)
            if door is None:
                return 404, {"detail": "There is no account at this address."}
            arrivals = _arrivals(door, body, scope)
            await self._commit(arrivals)
        except TooLargeError:
            return 413, {"detail": f"At most {settings.MAX_RECORD_BYTES // 1024 // 1024} MB."}
        except UnsignedError as error:
            return 401, {"detail": str(error)}
        except AnomalousPayload as error:
            return 400, {"detail": str(error)}
        except UnsupportedEvent as error:
            return 200, {"detail": str(error)}
        except UNSTORABLE:
            return 400, {"detail": "The event has an identifier that cannot be stored."}
        except (psycopg.Error, OSError):
            return 503, {"detail": "The database is away for a moment. Nothing was accepted; send it again."}
        return 200, {"detail": "accepted"}

    async def _door(self, key: str) -> _Door | None:
        known, now = self._accounts.get(key), time.monotonic()
        if known is None or known.until < now:
            return await asyncio.shield(self._load(key))
        if known.until - ACCOUNT_SECONDS + RENEW_SECONDS < now:
            self._load(key)
        return known

    def _load(self, key: str) -> asyncio.Task[_Door | None]:
        """Read an account once, however many requests wait for it: a burst must not become a burst of queries."""
        task = self._loading.get(key)
        if task is None:
            task = self._loading[key] = asyncio.create_task(self._read_door(key))
        return task

    async def _read_door(self, key: str) -> _Door | None:
        try:
            found = await sync_to_async(_load_door, thread_sensitive=False)(key)
        except DatabaseError as error:
            if self._accounts.get(key) is not None and self._accounts[key].until > time.monotonic():
                return self._accounts[key]
            raise psycopg.OperationalError(str(error)) from error
        finally:
            del self._loading[key]
        if found is not None:  # unknown keys are not remembered: a stranger could fill the memory with them
            self._accounts[key] = found
        else:
            self._accounts.pop(key, None)
        return found

    async def _commit(self, arrivals: Sequence[Arrival]) -> None:
        """Wait until the arrivals are on disk. Raises psycopg.Error when they are not."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((arrivals, done))
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush())
        await done

    async def _flush(self) -> None:
        while self._waiting:
            group, size = [], 0
            while self._waiting and size < GROUP_MOST:
                group.append(self._waiting.pop(0))
                size += len(group[-1][0])
            error = await self._try_insert([arrival for arrivals, _ in group for arrival in arrivals])
            if isinstance(error, UNSTORABLE) and len(group) > 1:
                for arrivals, done in group:  # one event that the database refuses must not take its neighbours along
                    _tell(done, await self._try_insert(arrivals))
            else:
                for _, done in group:
                    _tell(done, error)

    async def _try_insert(self, arrivals: Sequence[Arrival]) -> Exception | None:
        """Return what went wrong, or None: every waiting request must get its answer, whatever happened."""
        try:
            try:
                await self._insert(arrivals)
            except psycopg.errors.DeadlockDetected:
                # Another web process inserted the same doubled events in another order.
                await self._insert(arrivals)
        except (psycopg.Error, *UNSTORABLE) as error:
            return error
        except Exception as error:
            return psycopg.OperationalError(str(error))
        return None

    async def _insert(self, arrivals: Sequence[Arrival]) -> None:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(conninfo(), autocommit=True)
        try:
            await self._connection.execute(ACCEPT, insert_parameters(arrivals, clock.now()))
        except psycopg.OperationalError:
            await self._connection.close()
            raise


def _tell(done: asyncio.Future[None], error: Exception | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


async def _read(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("The client went away.")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > settings.MAX_RECORD_BYTES:
            raise TooLargeError
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)


def _load_door(key: str) -> _Door | None:
    try:
        return _find_door(key)
    finally:
        connection.close()  # back into the pool: the thread may not be asked again for long


def _find_door(key: str) -> _Door | None:
    account = ChannelAccount.objects.filter(public_key=key, is_active=True).first()
    if account is None:
        return None
    kind = channel(account.kind)
    if kind.verify is None or kind.identify is None:
        return None
    return _Door(kind, channels.account_config(account), time.monotonic() + ACCOUNT_SECONDS)


def _arrivals(door: _Door, body: bytes, scope: Scope) -> list[Arrival]:
    assert door.channel.verify is not None
    assert door.channel.identify is not None
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    try:
        door.channel.verify(body, headers, door.account)
    except AnomalousPayload as error:
        raise UnsignedError(str(error)) from None
    return [
        Arrival(door.account.id, external_id, raw, conversation_key, "webhook")
        for external_id, conversation_key, raw in door.channel.identify(body, door.account)
    ]
