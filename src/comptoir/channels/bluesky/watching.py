"""Watches one account: mentions twice a second, direct messages every other second, the rest less often.

Notifications come newest first and have no cursor that goes forward, so that each round reads pages until everything on
one is known; after an outage of any length that is where the last round before it stood. They are sorted by the
instant that the writer's own program gave, so a post from a slow clock appears among older ones: a sweep looks an hour
back every minute, and a day back at the start. What is known already is recognised by its external id (INV-02).
"""

import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from comptoir.channels import services as channels
from comptoir.channels.models import ChannelAccount
from comptoir.channels.watching import is_mine, keep_watching, rest
from comptoir.core import clock
from comptoir.core.errors import ChannelError
from comptoir.core.types import AccountConfig
from comptoir.inbound.services import Arrival

from . import client, queries, services, xrpc
from .records import instant, parts_of, public_thread, stamp, tid
from .xrpc import XrpcError

POLL = 0.5  # seconds; a fifth of the 3,000 requests that an address may make in five minutes
CHAT_EVERY = 2.0
CHAT_PAUSE = 30.0  # after a failure
OWN_EVERY = 20.0
REACTIONS_EVERY = 20.0
SWEEP_EVERY = 60.0
VANISHED_EVERY = 180.0
QUICK, PAGE = 20, 100  # notifications of one request: of a round that expects few, of one that goes on
MOST_PAGES = 300  # of one round: 30,000 notifications
OVERLAP = timedelta(hours=1)  # how late a post may appear among older ones and still be seen within a minute
START_OVERLAP = timedelta(days=1)
SKEW = timedelta(minutes=5)  # between our clock and the network's, where nothing tells its present
RECENT = timedelta(days=7)  # of posts that may be deleted
MOST_CHECKED = 500
BATCH = 200  # arrivals of one commit
MOST_SEEN = 20_000

logger = logging.getLogger(__name__)


def watch(account_id: int, stopped: Callable[[], bool]) -> None:
    """Watch an account until `stopped()`; goes on by itself after failures. Run in a thread of its own."""
    keep_watching(account_id, stopped, load=_load, follow=_follow)


def _follow(account: AccountConfig, stopped: Callable[[], bool], succeed: Callable[[], None]) -> None:
    Watcher(account).run(stopped, succeed)


def _load(account_id: int) -> AccountConfig | None:
    """Return the account, None where it is closed or waits for a person to connect it anew."""
    known = ChannelAccount.objects.filter(pk=account_id, is_active=True)
    account = known.exclude(health__revoked_at__isnull=False).first()
    return None if account is None else channels.account_config(account)


@dataclass(slots=True)
class Stream:
    """One kind of notifications, and how far it was read."""

    name: str
    reasons: tuple[str, ...]
    floor: int = 0  # milliseconds: what is older was there before the account was connected
    token: str = ""  # the instant of the newest that is committed


@dataclass(slots=True)
class Watcher:
    """The rounds of one account. Each method makes one round of one thing."""

    account: AccountConfig
    did: str = ""
    handle: str = ""
    seen: OrderedDict[str, None] = field(default_factory=OrderedDict)
    due: dict[str, float] = field(default_factory=dict)
    people: OrderedDict[str, list[dict[str, Any]]] = field(default_factory=OrderedDict)
    has_chat: bool = True
    chat_fails: bool = False
    chat_cursor: str | None = None
    messages: Stream = field(default_factory=lambda: Stream("messages", ("mention", "reply", "quote")))
    reactions: Stream = field(default_factory=lambda: Stream("reactions", ("like", "repost", "follow")))
    own: Stream = field(default_factory=lambda: Stream("own", ()))

    def run(self, stopped: Callable[[], bool], succeed: Callable[[], None]) -> None:
        """Catch up, then watch; returns when `stopped()` or when another worker has the account."""
        session = xrpc.session_of(self.account)
        self.did, self.handle = session.did, session.handle
        self.has_chat = client.reads_chat(self.account) and session.scope != xrpc.WITHOUT_CHAT
        for stream in (self.messages, self.reactions, self.own):
            self.begin(stream)
        self.read(self.messages, back=START_OVERLAP)
        self.read(self.reactions, back=START_OVERLAP)
        succeed()
        while not stopped():
            began = time.monotonic()
            self.round(succeed)
            connection.close()
            if self._is_due("lock", 5.0) and not is_mine(self.account.id):
                return
            rest(POLL - (time.monotonic() - began), stopped)

    def round(self, succeed: Callable[[], None]) -> None:
        """Do once what is due."""
        if self._is_due("sweep", SWEEP_EVERY):
            self.read(self.messages, back=OVERLAP)
            if not self.chat_fails:
                succeed()
        else:
            self.read(self.messages)
        if self.has_chat and self._is_due("chat", CHAT_EVERY):
            self.try_chat()
        if self._is_due("reactions", REACTIONS_EVERY):
            self.read(self.reactions)
        if self._is_due("own", OWN_EVERY):
            self.read_own()
        if self._is_due("vanished", VANISHED_EVERY):
            self.look_for_vanished()

    def _is_due(self, name: str, seconds: float) -> bool:
        if self.due.get(name, 0.0) > time.monotonic():
            return False
        self.due[name] = time.monotonic() + seconds
        return True

    def begin(self, stream: Stream) -> None:
        """Learn how far a stream was read; a new one begins with what comes from now on, unless all is wanted."""
        known = queries.cursor_of(account_id=self.account.id, stream=stream.name)
        if known is not None:
            stream.floor, stream.token = known.epoch, known.token
            return
        began = clock.now() - SKEW
        if stream.reasons:  # the network's own clock, where it has told an instant
            page = client.notifications(self.account, limit=1, reasons=stream.reasons)
            newest = [_at(one) for one in _list(page, "notifications")]
            began = max([began, *newest]) if newest else began
        if self.account.options.get("only_new", True) is False:
            began = datetime.fromtimestamp(0, began.tzinfo)
        stream.floor, stream.token = int(began.timestamp() * 1000), stamp(began)
        self._commit(stream, [])

    def _commit(self, stream: Stream, arrivals: Sequence[tuple[str, Arrival]]) -> None:
        """Commit arrivals, each with the place behind which the stream then stands, in their order."""
        for start in range(0, max(1, len(arrivals)), BATCH):
            some = arrivals[start : start + BATCH]
            stream.token = max([stream.token, *(token for token, _arrival in some)])
            services.take_in(account_id=self.account.id, stream=stream.name, token=stream.token, floor=stream.floor,
                             arrivals=[arrival for _token, arrival in some])  # fmt: skip
            for _token, arrival in some:
                self._remember(arrival.external_id)

    def _remember(self, name: str) -> None:
        self.seen[name] = None
        self.seen.move_to_end(name)
        while len(self.seen) > MOST_SEEN:
            self.seen.popitem(last=False)

    def _arrival(self, external_id: str, kind: str, thread: str, **told: Any) -> Arrival:
        value = {"type": kind, "us": {"did": self.did, "handle": self.handle}, **told}
        return Arrival(self.account.id, external_id, json.dumps(value).encode(), thread, source="poll")

    def read(self, stream: Stream, *, back: timedelta | None = None) -> None:
        """Read notifications until a page holds nothing new; with `back`, at least that far behind the newest."""
        horizon = (instant(stream.token) or clock.now()) - back if back else None
        found: dict[str, tuple[str, Arrival]] = {}
        cursor, limit = "", PAGE if back else QUICK
        for _number in range(MOST_PAGES):
            page = client.notifications(self.account, limit=limit, cursor=cursor, reasons=stream.reasons)
            listed = _list(page, "notifications")
            fresh = [one for one in listed if self._is_fresh(one, stream)]
            for one in fresh:
                name, thread = _name(one), _thread(one)
                found[name] = (stamp(_at(one)), self._arrival(name, "notification", thread, notification=one))
            is_behind = all(_at(one) < horizon for one in listed) if horizon else not fresh
            cursor, limit = str(page.get("cursor") or ""), PAGE
            if not cursor or not listed or is_behind or not self._reaches_floor(listed, stream):
                break
        else:
            logger.error("account %s: more than %s pages of notifications at once", self.account.id, MOST_PAGES)
        if found:
            self._commit(stream, sorted(found.values(), key=lambda pair: pair[0]))

    def _is_fresh(self, one: Mapping[str, Any], stream: Stream) -> bool:
        return _name(one) not in self.seen and _at(one).timestamp() * 1000 > stream.floor

    @staticmethod
    def _reaches_floor(listed: Sequence[Mapping[str, Any]], stream: Stream) -> bool:
        """Whether anything on a page is younger than the connection: if not, neither is what is behind it."""
        return any(_at(one).timestamp() * 1000 > stream.floor for one in listed)

    def read_own(self) -> None:
        """Read our own posts that answer somebody: colleagues may use other programs."""
        floor = instant(self.own.token)
        horizon = tid((floor or clock.now()) - START_OVERLAP, 0)
        found: list[tuple[str, Arrival]] = []
        cursor = ""
        for _number in range(MOST_PAGES):
            page = client.own_posts(self.account, did=self.did, limit=50, cursor=cursor)
            listed = _list(page, "records")
            for one in listed:
                name = f"own:{one.get('uri', '')}"
                if name not in self.seen and (made := self._own_arrival(name, one)):
                    found.append(made)
            cursor = str(page.get("cursor") or "")
            if not cursor or not listed or any(_rkey(one) < horizon for one in listed):
                break
        # What is leaving at this moment is told apart once its own answer is here: the next round reads it again.
        if found and not queries.is_sending(account_id=self.account.id):
            self._commit(self.own, sorted(found, key=lambda pair: pair[0]))

    def _own_arrival(self, name: str, one: Mapping[str, Any]) -> tuple[str, Arrival] | None:
        record = one.get("value")
        reply = record.get("reply") if isinstance(record, dict) else None
        root = reply.get("root") if isinstance(reply, dict) else None
        written = instant(str(record.get("createdAt", ""))) if isinstance(record, dict) else None
        if not isinstance(root, dict) or written is None or written.timestamp() * 1000 <= self.own.floor:
            return None
        thread = public_thread(str(root.get("uri", "")))
        return stamp(min(written, clock.now())), self._arrival(name, "post", thread, post=one)

    def try_chat(self) -> None:
        """Read private conversations; they lie with another service, whose failures do not stop the rest."""
        try:
            self.read_chat()
        except ChannelError as error:
            if error.is_revoked:
                raise
            self.chat_fails = True
            self.due["chat"] = time.monotonic() + (error.retry_after or CHAT_PAUSE)
            words = _("Direct messages: %(why)s") % {"why": error}
            channels.note_error(account_id=self.account.id, at=clock.now(), reason=words)
        else:
            self.chat_fails = False

    def read_chat(self) -> None:
        """Read what happened in private conversations behind the cursor."""
        if self.chat_cursor is None:
            known = queries.cursor_of(account_id=self.account.id, stream="chat")
            self.chat_cursor = known.token if known else self._begin_chat()
            if self.chat_cursor is None:
                return
        for _number in range(MOST_PAGES):
            page = client.chat_log(self.account, cursor=self.chat_cursor)
            behind = self.chat_cursor
            events = [one for one in _list(page, "logs") if str(one.get("rev", "")) > behind]
            arrivals = [arrival for event in events if (arrival := self._chat_arrival(event))]
            if any(_is_from(event, self.did) for event in events) and queries.is_sending(account_id=self.account.id):
                return  # as with posts: the cursor stays
            cursor = max([behind, str(page.get("cursor") or ""), *(str(event.get("rev", "")) for event in events)])
            if cursor == behind:
                return
            services.take_in(account_id=self.account.id, stream="chat", token=cursor, floor=0, arrivals=arrivals)
            self.chat_cursor = cursor

    def _begin_chat(self) -> str | None:
        """Return where private conversations are read from; None where this account may not read them."""
        try:
            beginning = client.chat_beginning(self.account)
        except XrpcError as error:
            if error.status not in {400, 401, 403, 404, 501} or error.is_revoked:
                raise
            logger.warning("account %s: no direct messages: %s", self.account.id, error)
            self.has_chat = False
            return None
        beginning = "" if self.account.options.get("only_new", True) is False else beginning
        services.take_in(account_id=self.account.id, stream="chat", token=beginning, floor=0, arrivals=[])
        return beginning

    def _chat_arrival(self, event: Mapping[str, Any]) -> Arrival | None:
        convo = event.get("convoId")
        kind = str(event.get("$type", "")).rpartition("#")[2]
        if not isinstance(convo, str) or kind not in {"logCreateMessage", "logAddReaction", "logRemoveReaction"}:
            return None
        name = f"chat:{convo}:{event.get('rev', '')}"
        return self._arrival(name, "chat", f"dm:{convo}", event=event, members=self._members(convo, event))

    def _members(self, convo: str, event: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return who is in a private conversation; asked once for each, and again when somebody new writes."""
        message = event.get("message")
        sender = message.get("sender") if isinstance(message, dict) else None
        writer = sender.get("did") if isinstance(sender, dict) else None
        known = self.people.get(convo)
        if known is None or writer not in {one.get("did") for one in known}:
            try:
                known = client.members(self.account, convo=convo)
            except XrpcError as error:
                if not error.permanent:
                    raise
                known = _list(event, "relatedProfiles")  # we are not in it any more
            self.people[convo] = known
            while len(self.people) > 1000:
                self.people.popitem(last=False)
        return known

    def look_for_vanished(self) -> None:
        """Ask which recent posts of open conversations are gone: nothing on the network tells it by itself."""
        since = clock.now() - RECENT
        uris = queries.recent_posts(account_id=self.account.id, since=since, most=MOST_CHECKED)
        for start in range(0, len(uris), 25):
            gone = client.vanished(uris[start : start + 25], self.account)
            arrivals = [
                self._arrival(f"vanished:{uri}", "vanished", "", uri=uri, at=stamp(clock.now())) for uri in gone
            ]
            services.take_in(account_id=self.account.id, stream="vanished", token="", floor=0, arrivals=arrivals)


def _list(page: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    listed = page.get(name)
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _at(one: Mapping[str, Any]) -> datetime:
    """Return the instant by which a notification is sorted; the present where it is not told."""
    return instant(str(one.get("indexedAt", ""))) or clock.now()


def _name(one: Mapping[str, Any]) -> str:
    """Return the external id: of a post one only, whether it mentions, answers or quotes us, or all of these."""
    reason = str(one.get("reason", ""))
    return f"{'post' if reason in {'mention', 'reply', 'quote'} else reason}:{one.get('uri', '')}"


def _thread(one: Mapping[str, Any]) -> str:
    """Return the thread of a notification, for the order of its records."""
    record = one.get("record")
    reply = record.get("reply") if isinstance(record, dict) else None
    root = reply.get("root") if isinstance(reply, dict) else None
    uri = root.get("uri") if isinstance(root, dict) else one.get("uri")
    return public_thread(str(uri))


def _rkey(one: Mapping[str, Any]) -> str:
    try:
        return parts_of(str(one.get("uri", "")))[2]
    except ValueError:
        return ""


def _is_from(event: Mapping[str, Any], did: str) -> bool:
    message = event.get("message")
    sender = message.get("sender") if isinstance(message, dict) else None
    return isinstance(sender, dict) and sender.get("did") == did
