"""Watches one account by the sync: events of its rooms since the cursor, invitations accepted, gaps filled.

The `since` token and what came with it are committed together (INV-01). To an application service the homeserver pushes
its events (and refuses it a sync); here only the invitations among them are accepted.
"""

import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from django.db import connection

from comptoir.channels import services as channels
from comptoir.channels.base import Piece
from comptoir.channels.matrix import queries, services
from comptoir.channels.matrix.client import CLIENT, Api, escaped, read_own
from comptoir.channels.matrix.parse import USED, object_in, piece_of, receipts, redacted_by, text_in
from comptoir.channels.models import ChannelAccount
from comptoir.channels.watching import is_mine, keep_watching, rest
from comptoir.core.errors import ChannelError
from comptoir.inbound.services import Arrival

POLL_MILLISECONDS = 5_000  # of one long poll: a worker that stops waits for no longer; news come at once in any case
PAGE = 100  # events of one request for what a sync left out
MOST_PAGES = 100  # of one gap; what is older was said in a room of strangers long before
KNOWN = 20_000  # names and rooms that are remembered
STREAM, INVITATIONS = "sync", queries.INVITATIONS
JOIN_TRIES = 10  # a minute apart: the server of a room may be away
INVITATION_SECONDS = 2.0  # between two looks for pushed invitations

logger = logging.getLogger(__name__)


def watch(account_id: int, stopped: Callable[[], bool]) -> None:
    """Watch an account until `stopped()`; reconnects by itself. Run in a thread of its own."""
    keep_watching(account_id, stopped, load=_load, follow=_follow)


def _load(account_id: int) -> ChannelAccount | None:
    return ChannelAccount.objects.filter(pk=account_id, is_active=True).first()


def _follow(account: ChannelAccount, stopped: Callable[[], bool], succeed: Callable[[], None]) -> None:
    Watcher.open(Api(channels.account_config(account))).follow(stopped, succeed)


class Watcher:
    """What is known while an account is watched: who we are, names of members, who wrote last in a room."""

    def __init__(self, api: Api, own: str) -> None:
        self.api, self.own, self.account_id = api, own, api.account.id
        self._names: OrderedDict[str, str] = OrderedDict()
        self._customers: OrderedDict[str, str] = OrderedDict()
        self._invited: dict[str, int] = {}  # rooms that could not be joined yet, and how often that was tried

    @classmethod
    def open(cls, api: Api) -> "Watcher":
        """Ask who we are, and keep it for the parser of pushed events."""
        own = read_own(api)
        channels.note_options(account_id=api.account.id, values={"user_id": own})
        return cls(api, own)

    def follow(self, stopped: Callable[[], bool], succeed: Callable[[], None]) -> None:
        """Sync until `stopped()` or until the lock is lost."""
        noted_at = -1e9
        while not stopped():
            if self.api.is_service:
                self.accept_invitations()
                rest(INVITATION_SECONDS, stopped)
            else:
                self.sync()
            if time.monotonic() - noted_at > 60:
                if not is_mine(self.account_id):
                    return
                succeed()
                noted_at = time.monotonic()
                for room in list(self._invited):
                    self._join(room)

    def sync(self, *, patience: int = POLL_MILLISECONDS) -> int:
        """Take in what came since the cursor, or wait for it; return how many events were new."""
        since = queries.token_of(account_id=self.account_id, stream=STREAM)
        connection.close()
        wait = patience if since else 0
        asked = urlencode({"timeout": wait, "since": since or "", "filter": self._filter(first=not since)})
        asked = asked if since else asked.replace("since=&", "")
        found = self.api.read("GET", f"{CLIENT}/sync?{asked}", timeout=wait / 1000 + 30)
        token = text_in(found, "next_batch", most=500)
        if not token:
            raise ChannelError("The homeserver's sync has no “next_batch”.", of_account=True)
        rooms = object_in(found, "rooms")
        for room in object_in(rooms, "invite"):
            self._join(room)
        if not since:  # connected just now: what was before stays before
            services.take_in(account_id=self.account_id, stream=STREAM, token=token, arrivals=[])
            return 0
        if token == since and not rooms:
            return 0
        pieces: list[Piece] = []
        for room, told in object_in(rooms, "join").items():
            pieces.extend(self._room(room, told, since))
        arrivals = [Arrival(self.account_id, one.external_id, one.raw, one.conversation_key, "sync") for one in pieces]
        new = services.take_in(account_id=self.account_id, stream=STREAM, token=token, arrivals=arrivals)
        connection.close()
        return new

    def accept_invitations(self) -> int:
        """Accept what the homeserver has pushed as invitations since the last look; return how many."""
        invitations = queries.invitations_since(account_id=self.account_id)
        for _number, raw in invitations:
            self._join(text_in(_decoded(raw), "room", most=500))
        if invitations:
            services.move_position(account_id=self.account_id, stream=INVITATIONS, position=invitations[-1][0])
        connection.close()
        return len(invitations)

    def _filter(self, *, first: bool) -> str:
        nothing: dict[str, Any] = {"types": []}
        room: dict[str, Any] = {
            "timeline": {"limit": 1 if first else 50, "types": [*sorted(USED), "m.room.member"]},
            "state": {"lazy_load_members": True, "types": ["m.room.member"]},
            "ephemeral": {"types": ["m.receipt"]},
            "account_data": nothing,
        }
        return json.dumps({"room": room, "presence": nothing, "account_data": nothing})

    def _join(self, room: str) -> None:
        """Accept an invitation; one that cannot be accepted is tried again from time to time, and stops nothing."""
        path, said = f"{CLIENT}/rooms/{escaped(room)}/join", "no answer"
        try:
            answer = self.api.ask("POST", path, value={}, needed=False, timeout=60.0)
            said = str(answer.status)
        except ChannelError as error:
            logger.info("account %s: %s", self.account_id, error)
        tries = self._invited.pop(room, 0) + 1
        if said == "200":
            return
        logger.warning("account %s: an invitation cannot be accepted (%s)", self.account_id, said)
        if tries < JOIN_TRIES:
            self._invited[room] = tries

    def _room(self, room: str, told: object, since: str) -> Iterator[Piece]:
        """Yield what happened in a room, the oldest first."""
        timeline = object_in(told, "timeline")
        for event in _events(object_in(told, "state")):
            self._learn(event)
        if timeline.get("limited") is True and (before := text_in(timeline, "prev_batch", most=1000)):
            for event in self._gap(room, before, since):
                yield from self._pieces(event, room)
        for event in _events(timeline):
            yield from self._pieces(event, room)
        for event in _events(object_in(told, "ephemeral")):
            if event.get("type") == "m.receipt":
                yield from receipts(event, room=room, own=self.own)

    def _gap(self, room: str, before: str, since: str) -> list[Mapping[str, Any]]:
        """Return the events between the cursor and the part of a room that a sync gave, the oldest first."""
        found: list[Mapping[str, Any]] = []
        kinds = json.dumps({"types": [*sorted(USED), "m.room.member"], "lazy_load_members": True})
        for _page in range(MOST_PAGES):
            page = self.api.read(
                "GET", f"{CLIENT}/rooms/{escaped(room)}/messages", dir="b", limit=PAGE, filter=kinds,
                **{"from": before, "to": since},
            )  # fmt: skip
            for event in _events({"events": page.get("state")}):
                self._learn(event)
            found.extend(_events({"events": page.get("chunk")}))
            before = text_in(page, "end", most=1000)
            if not before:
                break
        return found[::-1]

    def _pieces(self, event: Mapping[str, Any], room: str) -> Iterator[Piece]:
        if event.get("type") == "m.room.member":
            self._learn(event)
            return
        if event.get("type") not in USED or "state_key" in event:
            return
        sender, more = text_in(event, "sender", most=320), dict[str, Any]()
        relation = object_in(object_in(event, "content"), "m.relates_to")
        if sender == self.own:
            more["customer"] = self._customer(room)
        elif event.get("type") in {"m.room.message", "m.room.encrypted", "m.sticker"}:
            _remember(self._customers, room, sender)
        if event.get("type") == "m.room.redaction":
            more["undone"] = self._undone(redacted_by(event))
        elif relation.get("rel_type") == "m.replace":
            more["written_by"] = self._writer(room, text_in(relation, "event_id", most=500))
        piece = piece_of(event, room=room, own=self.own, name=self._names.get(sender), **more)
        if piece:
            yield piece

    def _learn(self, event: Mapping[str, Any]) -> None:
        """Remember the name of a member."""
        user = event.get("state_key")
        name = text_in(object_in(event, "content"), "displayname", most=200)
        if event.get("type") == "m.room.member" and isinstance(user, str) and name:
            _remember(self._names, user, name)

    def _customer(self, room: str) -> str:
        """Return to whom a message of ours in a room is written: who wrote there last, or the other member."""
        known = self._customers.get(room)
        if known is None:
            answer = self.api.ask("GET", f"{CLIENT}/rooms/{escaped(room)}/joined_members", needed=False)
            members = object_in(_decoded(answer.body), "joined") if answer.is_success else {}
            known = next((user for user in members if user != self.own), "")
            _remember(self._customers, room, known)
        return known

    def _undone(self, number: str) -> Mapping[str, Any]:
        """Return the reaction that a redaction takes back, as it is in the log; empty for anything else."""
        raw = queries.raw_of(account_id=self.account_id, external_id=number)
        event = object_in(_decoded(raw), "event")
        return event if event.get("type") == "m.reaction" else {}

    def _writer(self, room: str, number: str) -> str:
        """Return who wrote a message that is edited: any member may send such an edit, only the author's counts."""
        raw = queries.raw_of(account_id=self.account_id, external_id=number)
        if raw:
            return text_in(object_in(_decoded(raw), "event"), "sender", most=320)
        answer = self.api.ask("GET", f"{CLIENT}/rooms/{escaped(room)}/event/{escaped(number)}", needed=False)
        return text_in(_decoded(answer.body), "sender", most=320) if answer.is_success else "unknown"


def _events(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = value.get("events")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _decoded(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _remember(known: OrderedDict[str, str], key: str, value: str) -> None:
    known[key] = value
    known.move_to_end(key)
    while len(known) > KNOWN:
        known.popitem(last=False)
