"""The webhooks of X: the X Activity API, and the older Account Activity API in the same words. Pure.

A public conversation is one thread of posts, a private one a person. A post that mentions us and answers us is told
twice and known by its own id.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from comptoir.channels.base import Piece
from comptoir.channels.x import events
from comptoir.channels.x.reading import held, number_of, object_of, objects, text
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.types import AccountConfig, Inbound, ParseContext

# The older interface's lists, and what each holds.
OLDER = {
    "tweet_create_events": "post",
    "tweet_delete_events": "post.delete",
    "favorite_events": "like",
    "direct_message_events": "dm",
    "direct_message_mark_read_events": "dm.read",
}
POSTS = frozenset(
    {"post.create", "post.mention.create", "post.reply.create", "post.quote.create", "post.repost.create"}
)
PRIVATE = {
    "dm.received": "direct_message_events",
    "dm.sent": "direct_message_events",
    "dm.read": "direct_message_mark_read_events",
}
WITHOUT = "Events of type “%s” are not used here."


@dataclass(frozen=True, slots=True)
class Item:
    """One event: what it is, its own values, and the people and posts that were told with it."""

    kind: str  # post, post.delete, like, dm, dm.read, or the platform's word for something else
    value: Mapping[str, Any]
    us: str = ""  # the id of our account
    users: Mapping[str, Any] = field(default_factory=dict)
    raw: bytes = b""


def identify(body: bytes, account: AccountConfig) -> Sequence[Piece]:
    """Return one piece for each event of a body, of either interface."""
    items = list(_items(object_of(body)))
    used = [item for item in items if item.kind in events.READERS]
    if not used:
        raise UnsupportedEvent(WITHOUT % ", ".join(sorted({item.kind for item in items}))[:80])
    return [Piece(_external_id(item), _key(item)[:200], item.raw, item.us) for item in used]


def parse(raw: bytes, context: ParseContext, store: Callable[[bytes], str]) -> list[Inbound]:
    """Parse one event. Raises AnomalousPayload, UnsupportedEvent."""
    found: list[Inbound] = []
    own = context.options.get("user_id")
    for item in _items(object_of(raw)):
        read = events.READERS.get(item.kind)
        if read is None:
            raise UnsupportedEvent(WITHOUT % item.kind[:50])
        us = item.us or (own if isinstance(own, str) else "")
        found.append(read(item.value, us, item.users))
    return found


def _items(body: Mapping[str, Any]) -> Iterator[Item]:
    data = held(body, "data") or body
    if kind := text(data, "event_type"):
        yield from _activity(kind, data)
        return
    us, users = number_of(body, "for_user_id"), held(body, "users")
    known = False
    for name, list_of in body.items():
        if not name.endswith("_events") or not isinstance(list_of, list):
            continue
        known = True
        for value in objects(body, name):
            kept = {"for_user_id": us, name: [value]} | ({"users": users} if users else {})
            yield Item(OLDER.get(name, name), value, us, _people(users), json.dumps(kept).encode())
    if "user_event" in body:
        yield Item("user_event", held(body, "user_event"), us)
    elif not known:
        raise AnomalousPayload("This is no event of X: it has neither an event type nor a list of events.")


def _activity(kind: str, data: Mapping[str, Any]) -> Iterator[Item]:
    payload, told = held(data, "payload"), held(data, "includes")
    us = number_of(held(data, "filter"), "user_id")
    raw = json.dumps({"data": data}).encode()
    if kind in PRIVATE:
        users = held(payload, "users")
        found = objects(payload, PRIVATE[kind])
        if not found:
            raise AnomalousPayload("The event of a direct message holds none.")
        for value in found:
            one = {**data, "payload": {PRIVATE[kind]: [value], "users": users}}
            yield Item(
                "dm.read" if kind == "dm.read" else "dm", value, us, _people(users), json.dumps({"data": one}).encode()
            )
        return
    users = {number_of(one, "id"): one for one in map(_plain, objects(told, "users"))}
    value = {**payload, "media": told["media"]} if kind in POSTS and "media" in told else payload
    yield Item("post" if kind in POSTS else "like" if kind == "like.create" else kind, value, us, users, raw)


def _people(users: Mapping[str, Any]) -> dict[str, Any]:
    return {number: _plain(one) for number, one in users.items() if isinstance(one, dict)}


def _plain(user: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values of a user: the X Activity API sometimes has them one floor down."""
    return held(user, "data") or user


def _external_id(item: Item) -> str:
    """Return the same id each time an event is delivered, and for each of the events that tell of the same post."""
    value = item.value
    about = number_of(value, "id_str", "id") or text(value, "id")[:100]
    if item.kind == "post.delete":
        about = events.deleted_id(value)
    if item.kind == "dm.read":
        about = f"{number_of(value, 'sender_id')}:{number_of(value, 'last_read_event_id')}"
    if not about.strip(":"):
        about = "sha256-" + hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:40]
    return f"{item.kind}:{about}"


def _key(item: Item) -> str:
    """Return what events belong together by: a thread of posts, or a person."""
    if item.kind in {"dm", "dm.read"}:
        return f"dm:{events.other_of(item.value, item.us)}"
    return f"post:{events.thread_of(item.value) or events.deleted_id(item.value)}"
