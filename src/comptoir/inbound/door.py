"""The webhook door: raw bytes in, committed, then acknowledged (INV-01). Nothing else happens in that request.

What leaves no record is counted by its reason (inbound.Refusal): nothing is answered with 200 and forgotten.

Plain ASGI before Django, because platforms send bursts and time out quickly: requests that wait at the same moment are
committed together by one statement (group commit), so that a burst costs a few transactions and not thousands.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import psycopg
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection

from comptoir.channels import services as channels
from comptoir.channels.base import Channel, Piece, Request
from comptoir.channels.models import ChannelAccount
from comptoir.channels.registry import channel
from comptoir.core import clock
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.listening import conninfo
from comptoir.core.types import AccountConfig
from comptoir.inbound.models import Refusal
from comptoir.inbound.services import INSERT, WAKE_CHANNEL, Arrival, Refused, insert_parameters, note_refusals

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PREFIX = "/in/"
OTHER = "@"  # before the kind and the platform's id of an account: no public key begins so
ACCOUNT_SECONDS = 5.0  # how long a changed secret or a closed account may still be seen as before
RENEW_SECONDS = 2.5  # after which what is known is read again aside, while requests go on with it
GROUP_MOST = 500  # records of one commit
TELL_AFTER = 1.0  # seconds for which refusals are gathered: a stranger's flood is a few rows, not a flood of writes
SAMPLE = 4096  # bytes of a refused body that are kept to look at
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


class StrangeMethodError(Exception):
    """Neither an event nor a challenge."""


class WebhookDoor:
    """The ASGI application behind /in/<public key>."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Door] = {}
        self._loading: dict[str, asyncio.Task[_Door | None]] = {}
        self._waiting: list[tuple[Sequence[Arrival], asyncio.Future[None]]] = []
        self._flusher: asyncio.Task[None] | None = None
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._refused: dict[tuple[int, str, str], Refused] = {}
        self._teller: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: 200 accepted, 400/401/404/405/413 refused in words, 503 try again."""
        status, answer = await self._answer(scope, receive)
        kind, body = answer if isinstance(answer, tuple) else ("application/json", json.dumps(answer).encode())
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        headers.append((b"x-content-type-options", b"nosniff"))
        if status == 503:
            headers.append((b"retry-after", b"5"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, dict[str, str] | tuple[str, bytes]]:
        if scope["method"] not in {"POST", "GET"}:
            return 405, {"detail": "Send events by POST."}
        key = scope["path"].removeprefix(PREFIX).strip("/")
        door: _Door | None = None
        body = b""
        try:
            body = await _read(receive)
            door = await self._door(key) if _is_key(key) else None
            if door is None:
                return 404, {"detail": "There is no account at this address."}
            if scope["method"] == "GET":
                return 200, _challenged(door, _request(scope, b""))
            request = _request(scope, body)
            _verify(door, request)
            await self._commit(await self._arrivals(door, request))
        except StrangeMethodError:
            return 405, {"detail": "Send events by POST."}
        except TooLargeError:
            said = f"At most {settings.MAX_RECORD_BYTES // 1024 // 1024} MB."
            await self._tell_too_large(key, said)
            return 413, {"detail": said}
        except UnsignedError as error:
            self._note(door, Refusal.Kind.REFUSED, str(error), body)
            return 401, {"detail": str(error)}
        except AnomalousPayload as error:
            self._note(door, Refusal.Kind.REFUSED, str(error), body)
            return 400, {"detail": str(error)}
        except UnsupportedEvent as error:
            self._note(door, Refusal.Kind.IGNORED, str(error), body)
            return 200, {"detail": str(error)}
        except UNSTORABLE:
            said = "The event has an identifier that cannot be stored."
            self._note(door, Refusal.Kind.REFUSED, said, body)
            return 400, {"detail": said}
        except (psycopg.Error, OSError):
            return 503, {"detail": "The database is away for a moment. Nothing was accepted; send it again."}
        told = door.channel.acknowledge(body) if door.channel.acknowledge is not None else None
        return 200, told or door.channel.acknowledgement or {"detail": "accepted"}

    async def _arrivals(self, door: _Door, request: Request) -> list[Arrival]:
        """Return what goes into the log; events for another account than the address belongs to go to that one."""
        assert door.channel.identify is not None
        own = str(door.account.options.get(door.channel.recipient_field, ""))
        arrivals: list[Arrival] = []
        for piece in door.channel.identify(request.body, door.account):
            place: _Door | None = door
            if piece.kind or (piece.recipient and own and piece.recipient != own):
                place = await self._other(door, piece, request)
            if place is not None:
                arrivals.append(_arrival(place, piece))
        return arrivals

    async def _other(self, door: _Door, piece: Piece, request: Request) -> _Door | None:
        """Return the account that an event is for, if it is connected here under the same secret; else say so."""
        found = await self._door(f"{OTHER}{piece.kind or door.account.kind}:{piece.recipient}")
        if found is not None:
            try:
                _verify(found, request)
            except UnsignedError:
                found = None
        if found is None:
            whose = f"{piece.kind} {piece.recipient[:100]}".strip()
            said = f"It is for the account {whose}, which is not connected here."
            self._note(door, Refusal.Kind.IGNORED, said, piece.raw)
        return found

    def _note(self, door: _Door | None, kind: str, reason: str, body: bytes) -> None:
        """Count what leaves no record; written down a moment later, all together."""
        if door is None:
            return
        key = (door.account.id, kind, reason[:300])
        known = self._refused.get(key)
        self._refused[key] = Refused(*key, (known.count if known else 0) + 1, body[:SAMPLE])
        if self._teller is None or self._teller.done():
            self._teller = asyncio.create_task(self._tell_refusals())

    async def _tell_refusals(self) -> None:
        await asyncio.sleep(TELL_AFTER)
        gathered, self._refused = list(self._refused.values()), {}
        try:
            await sync_to_async(_write_refusals, thread_sensitive=False)(gathered)
        except DatabaseError:
            logger.warning("%s refusals could not be counted: the database is away", len(gathered))

    async def _tell_too_large(self, key: str, said: str) -> None:
        try:
            self._note(await self._door(key) if _is_key(key) else None, Refusal.Kind.REFUSED, said, b"")
        except (psycopg.Error, OSError):
            return

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
    active = ChannelAccount.objects.filter(is_active=True)
    if key.startswith(OTHER):
        name, _colon, recipient = key.removeprefix(OTHER).partition(":")
        account = active.filter(kind=name, **{f"options__{channel(name).recipient_field}": recipient}).first()
    else:
        account = active.filter(public_key=key).first()
    if account is None:
        return None
    kind = channel(account.kind)
    if kind.verify is None or kind.identify is None:
        return None
    return _Door(kind, channels.account_config(account), time.monotonic() + ACCOUNT_SECONDS)


def _is_key(key: str) -> bool:
    return key.isascii() and key.isalnum()


def _request(scope: Scope, body: bytes) -> Request:
    """Return the request as the platform sees it: signatures may cover the address that it calls."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    asked = scope.get("query_string", b"").decode("latin-1")
    url = f"{settings.PUBLIC_URL}{scope['path']}" + (f"?{asked}" if asked else "")
    return Request(body, headers, url, dict(parse_qsl(asked, keep_blank_values=True)))


def _challenged(door: _Door, request: Request) -> tuple[str, bytes]:
    if door.channel.challenge is None:
        raise StrangeMethodError
    return door.channel.challenge(request.query, door.account)


def _verify(door: _Door, request: Request) -> None:
    assert door.channel.verify is not None
    try:
        door.channel.verify(request, door.account)
    except AnomalousPayload as error:
        raise UnsignedError(str(error)) from None


def _arrival(door: _Door, piece: Piece) -> Arrival:
    return Arrival(door.account.id, piece.external_id, piece.raw, piece.conversation_key, "webhook")


def _write_refusals(gathered: Sequence[Refused]) -> None:
    try:
        note_refusals(gathered, at=clock.now())
    finally:
        connection.close()
