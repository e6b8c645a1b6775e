"""Watches one account: opens its stream, catches up what came before, then takes in what happens.

The cursor is moved by catching up alone, never by the stream: an event that a stream lost is found by the next sweep,
and one that comes both ways is one record (INV-02). Ids have no order of their own; only the server's lists have.
"""

import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode

from django.db import connection

from comptoir.channels import services as channels
from comptoir.channels.mastodon import queries, services
from comptoir.channels.mastodon.client import Api, Server, read_own, read_server, recent_posts
from comptoir.channels.mastodon.streaming import Event, NoStreamError, server_sent_events, web_socket
from comptoir.channels.models import ChannelAccount
from comptoir.channels.watching import is_mine, keep_watching, rest
from comptoir.core.errors import ChannelError
from comptoir.inbound.services import Arrival, receive

SWEEP_SECONDS = 120.0  # between two looks behind the stream
POLL_SECONDS = 15.0  # … where there is no stream: three requests of 300 in five minutes for each
PAGE = 40  # notifications of one request; servers give no more
MOST_PAGES = 250  # of one catch-up backwards; servers allow 300 requests in five minutes
KNOWN_ROOTS = 20_000
NOTIFICATIONS, OWN = "notifications", "own"
# One order for all events of an account: an edit or a deletion must never overtake its post.
ORDER = "mastodon"

logger = logging.getLogger(__name__)


def watch(account_id: int, stopped: Callable[[], bool]) -> None:
    """Watch an account until `stopped()`; reconnects by itself. Run in a thread of its own."""
    keep_watching(account_id, stopped, load=_load, follow=_follow)


def _load(account_id: int) -> ChannelAccount | None:
    return ChannelAccount.objects.filter(pk=account_id, is_active=True).first()


def _follow(account: ChannelAccount, stopped: Callable[[], bool], succeed: Callable[[], None]) -> None:
    Watcher.open(Api(channels.account_config(account))).follow(stopped, succeed)


class Watcher:
    """What is known while an account is watched: who we are, where, and the first posts of threads."""

    def __init__(self, api: Api, own: Mapping[str, str], server: Server) -> None:
        self.api, self.own, self.server = api, own, server
        self.account_id = api.account.id
        self._roots: OrderedDict[str, str] = OrderedDict()

    @classmethod
    def open(cls, api: Api) -> "Watcher":
        """Ask who we are and what the server allows, and keep the latter for who counts texts."""
        own, server = read_own(api), read_server(api)
        found: dict[str, Any] = {"keeps_keys": server.keeps_keys}
        if server.max_characters:
            found["max_characters"] = server.max_characters
        if server.per_link:
            found["characters_per_link"] = server.per_link
        channels.note_options(account_id=api.account.id, values=found)
        return cls(api, own, server)

    def follow(self, stopped: Callable[[], bool], succeed: Callable[[], None]) -> None:
        """Listen to the stream and sweep from time to time; returns when `stopped()` or when the lock is lost."""
        with self._stream(stopped) as events:
            self.catch_up()
            succeed()
            every = SWEEP_SECONDS if events is not None else POLL_SECONDS
            sweep_at = time.monotonic() + every
            while not stopped():
                if events is None:
                    rest(max(0.0, sweep_at - time.monotonic()), stopped)
                elif event := next(events, None):
                    self.take(event)
                if time.monotonic() >= sweep_at and not stopped():
                    if not is_mine(self.account_id):
                        return
                    self.catch_up()
                    succeed()
                    sweep_at = time.monotonic() + every

    @contextmanager
    def _stream(self, stopped: Callable[[], bool]) -> Iterator[Iterator[Event | None] | None]:
        """Open the best stream that the server has; None where it has none at all."""
        base = self.api.base
        told = self.server.streaming.rstrip("/")
        # A server that speaks TLS must not make us show the token to one that does not.
        if told.startswith(("wss://", "https://")) or (told and base.startswith("http://")):
            base = "http" + told[2:] if told.startswith("ws") else told
        base = base.removesuffix("/api/v1/streaming")
        try:
            with server_sent_events(f"{base}/api/v1/streaming/user", self.api.headers, stopped) as events:
                yield events
                return
        except NoStreamError as error:
            logger.info("account %s: no server-sent events (%s)", self.account_id, error)
        token = self.api.account.credentials.get("access_token", "").strip()
        address = f"ws{base.removeprefix('http')}/api/v1/streaming?stream=user"
        # A token in an address may end in somebody's log: only for servers that take it nowhere else.
        for url in (address, f"{address}&{urlencode({'access_token': token})}"):
            try:
                with web_socket(url, token, stopped) as events:
                    yield events
                    return
            except NoStreamError as error:
                logger.info("account %s: no web socket (%s)", self.account_id, error)
                if str(error) not in {"401", "403"}:
                    break
        yield None

    def take(self, event: Event) -> None:
        """Take in one event of the stream."""
        name, payload = event
        arrival = None
        if name == "delete":
            arrival = self._arrival(f"delete:{payload.strip()}", name, payload.strip(), "")
        elif name in {"notification", "update", "status.update"}:
            value = _json_object(payload)
            arrival = self._of_notification(value) if name == "notification" else self._of_status(name, value)
        if arrival is not None:
            receive([arrival])
            connection.close()

    def catch_up(self) -> int:
        """Take in what came since the cursor: notifications, our own answers, edits of recent posts."""
        new = 0
        for page in self._pages(NOTIFICATIONS, self._notifications):
            new += self._keep(NOTIFICATIONS, page, [self._of_notification(one) for one in reversed(page)])
        for page in self._pages(OWN, lambda **query: list(recent_posts(self.api, self.own["id"], **query))):
            new += self._keep(OWN, page, [self._of_status("update", one) for one in reversed(page)])
        new += self._sweep_edits()
        connection.close()
        return new

    def _notifications(self, **query: object) -> list[Mapping[str, Any]]:
        found = self.api.read("/api/v1/notifications", limit=PAGE, **query)
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    def _pages(self, stream: str, read: Callable[..., list[Mapping[str, Any]]]) -> Iterator[list[Mapping[str, Any]]]:
        """Yield what is newer than the cursor, page by page, the oldest page first; each page newest first."""
        token = queries.token_of(account_id=self.account_id, stream=stream)
        if token is None:  # connected just now: what was before stays before
            newest = read()
            services.take_in(
                account_id=self.account_id, stream=stream, token=_id_of(newest[0]) if newest else "", arrivals=[]
            )
            return
        if self.server.keeps_keys:  # Mastodon: its `min_id` reads on from the oldest, however much there is
            yield from self._forwards(read, token or "0")
        else:
            yield from self._backwards(read, token)

    def _forwards(self, read: Callable[..., list[Mapping[str, Any]]], token: str) -> Iterator[list[Mapping[str, Any]]]:
        while page := read(min_id=token):
            yield page
            if _id_of(page[0]) == token:
                return
            token = _id_of(page[0])

    def _backwards(self, read: Callable[..., list[Mapping[str, Any]]], token: str) -> Iterator[list[Mapping[str, Any]]]:
        """Read from the newest back to the cursor, as every server can; nothing is kept before all is read."""
        pages: list[list[Mapping[str, Any]]] = []
        before = ""
        for _page in range(MOST_PAGES):
            page = read(since_id=token, max_id=before)
            known = next((at for at, one in enumerate(page) if _id_of(one) in {token, before}), len(page))
            if page[:known]:
                pages.append(page[:known])
            if known < len(page) or not page:
                break
            before = _id_of(page[-1])
        yield from reversed(pages)

    def _keep(self, stream: str, page: Sequence[Mapping[str, Any]], arrivals: Sequence[Arrival | None]) -> int:
        found = [arrival for arrival in arrivals if arrival is not None]
        return services.take_in(account_id=self.account_id, stream=stream, token=_id_of(page[0]), arrivals=found)

    def _sweep_edits(self) -> int:
        """Take in edits of recent posts: not every server streams them, and none tells them afterwards."""
        statuses = [one["status"] for one in self._notifications() if isinstance(one.get("status"), dict)]
        found = [self._of_status("status.update", status) for status in statuses if status.get("edited_at")]
        return receive([arrival for arrival in found if arrival is not None])

    def _of_notification(self, value: Mapping[str, Any]) -> Arrival | None:
        status, number = value.get("status"), _id_of(value)
        if not number:
            return None
        if value.get("type") in {"mention", "quote"} and isinstance(status, dict):
            return self._arrival(f"status:{_id_of(status)}", "notification", value, self.root_of(status))
        if value.get("type") == "update" and isinstance(status, dict):
            return self._of_status("status.update", status)
        return self._arrival(f"notification:{number}", "notification", value, "")

    def _of_status(self, name: str, status: Mapping[str, Any]) -> Arrival | None:
        """Return what a post of a timeline is to us: an edit, or an answer of ours; None for what others wrote."""
        number, author = _id_of(status), status.get("account")
        is_own = isinstance(author, dict) and _id_of(author) == self.own["id"]
        if not number or not (is_own or self._names_us(status)):
            return None
        if name == "status.update":
            return self._arrival(f"edit:{number}:{status.get('edited_at')}", name, status, "")
        if not is_own or status.get("reblog"):
            return None
        status = self._with_answered(status)
        return self._arrival(f"status:{number}", name, status, self.root_of(status)) if status.get("mentions") else None

    def _with_answered(self, status: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a post of ours with whom it answers among its names: a colleague may have left the name out."""
        answered, mentions = status.get("in_reply_to_account_id"), status.get("mentions")
        named = [one for one in mentions if isinstance(one, dict)] if isinstance(mentions, list) else []
        known = {self.own["id"], *map(_id_of, named)}
        if not isinstance(answered, str | int) or str(answered) in known:
            return status
        answer = self.api.ask("GET", f"/api/v1/accounts/{quote(str(answered), safe='')}", needed=False)
        account = _json_object(answer.body.decode(errors="replace")) if answer.is_success else {}
        return {**status, "mentions": [*named, account]} if account else status

    def _names_us(self, status: Mapping[str, Any]) -> bool:
        mentions = status.get("mentions")
        named = mentions if isinstance(mentions, list) else []
        return any(isinstance(one, dict) and _id_of(one) == self.own["id"] for one in named)

    def _arrival(self, external_id: str, event: str, payload: object, root: str) -> Arrival:
        value = {
            "event": event, "payload": payload, "own": dict(self.own), "domain": self.server.domain, "root": root,
        }  # fmt: skip
        raw = json.dumps(value, ensure_ascii=False).encode(errors="replace")
        return Arrival(self.account_id, external_id, raw, ORDER, "stream")

    def root_of(self, status: Mapping[str, Any]) -> str:
        """Return the id of the first post of a thread, as far as the server knows the thread."""
        number, above = _id_of(status), status.get("in_reply_to_id")
        if not isinstance(above, str | int) or status.get("visibility") == "direct":
            root = number
        else:
            root = self._roots.get(str(above)) or self._ask_root(number, str(above))
        self._roots[number] = root
        while len(self._roots) > KNOWN_ROOTS:
            self._roots.popitem(last=False)
        return root

    def _ask_root(self, number: str, above: str) -> str:
        answer = self.api.ask("GET", f"/api/v1/statuses/{quote(number, safe='')}/context", needed=False)
        if answer.status in {401, 429} or answer.status >= 500:
            raise ChannelError("The thread of a post cannot be read just now.", retry_after=10)
        found = _json_object(answer.body.decode(errors="replace"))
        ancestors = found.get("ancestors")
        first = ancestors[0] if isinstance(ancestors, list) and ancestors else None
        return (_id_of(first) if isinstance(first, dict) else "") or above


def _id_of(value: Mapping[str, Any]) -> str:
    found = value.get("id")
    return str(found) if isinstance(found, str | int) else ""


def _json_object(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
