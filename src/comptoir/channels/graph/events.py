"""One webhook body of Meta as its events, each under an id that is the same whenever it is delivered again. Pure.

An app has one address for an object ("page", "instagram"): what belongs to another kind of channel than the address
is marked as such (Piece.kind). An event is kept in the platform's own envelope, alone, so that `parse` reads what was
delivered. Bodies come without the outer envelope too: from other programs that hand events on, and from tests.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from comptoir.channels.base import Piece
from comptoir.channels.graph.untrusted import child, children, ident, load, number, text
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.types import AccountConfig

MESSENGER, INSTAGRAM, FACEBOOK = "messenger", "instagram", "facebook"
POSTS = frozenset({"post", "status", "photo", "video", "share", "link", "album"})  # what `feed` calls a post
MOST = 1000  # events of one body; the platform sends a few at most


@dataclass(frozen=True, slots=True)
class Event:
    """One event: of a conversation (`messaging`), or a change of something public."""

    object: str
    entry: str  # the id of the page or account, as the envelope says it
    time: Any
    value: Mapping[str, Any]  # the messaging event, or the value of the change
    field: str = ""  # of a change: 'feed', 'comments', …; '' for messaging

    @property
    def is_messaging(self) -> bool:
        """Whether it is about a private conversation."""
        return not self.field

    def dump(self) -> bytes:
        """Return the event in the envelope of the platform, alone."""
        entry: dict[str, Any] = {"id": self.entry, "time": self.time}
        if self.field:
            entry["changes"] = [{"field": self.field, "value": self.value}]
        else:
            entry["messaging"] = [self.value]
        return json.dumps({"object": self.object, "entry": [entry]}).encode()


def events(raw: bytes) -> list[Event]:
    """Return the events of a body. Raises AnomalousPayload where it has none."""
    body = load(raw)
    envelopes = body if isinstance(body, list) else [body]
    found: list[Event] = []
    for envelope in envelopes:
        if not isinstance(envelope, dict):
            raise AnomalousPayload("An event is a JSON object.")
        object_ = text(envelope, "object", most=60)
        entries = list(children(envelope, "entry")) if "entry" in envelope else [envelope]
        for entry in entries:
            found.extend(_of_entry(object_, entry))
    if not found:
        raise AnomalousPayload("There is no event in this: neither “messaging” nor “changes”.")
    if len(found) > MOST:
        raise AnomalousPayload(f"There are more than {MOST} events in this.")
    return found


def _of_entry(object_: str, entry: Mapping[str, Any]) -> Iterator[Event]:
    entry_id, time = ident(entry, "id"), entry.get("time")
    if "sender" in entry and "recipient" in entry:
        yield Event(object_, "", time, entry)
        return
    # "standby": another app holds the conversation, and we may read along.
    for name in ("messaging", "standby"):
        for value in children(entry, name):
            yield Event(object_, entry_id, time, value)
    changes = list(children(entry, "changes")) or ([entry] if "field" in entry and "value" in entry else [])
    for change in changes:
        field, value = text(change, "field", most=60), child(change, "value")
        # Some consoles wrap a messaging event into a change.
        is_messaging = "sender" in value and "recipient" in value
        yield Event(object_, entry_id, time, value, "" if is_messaging else field or "?")


def is_echo(value: Mapping[str, Any]) -> bool:
    """Whether a messaging event tells of a message that we sent."""
    return child(value, "message").get("is_echo") is True


def customer_of(value: Mapping[str, Any]) -> str:
    """Return the customer of a messaging event: its sender, or the recipient of an echo; '' where it is not said."""
    return ident(child(value, "recipient" if is_echo(value) else "sender"), "id")


def _account_of(value: Mapping[str, Any], own: str) -> str:
    sides = [ident(child(value, name), "id") for name in ("recipient", "sender")]
    if own and own in sides:
        return own
    return sides[1] if is_echo(value) else sides[0]


def identify(body: bytes, account: AccountConfig, *, kind: str, own: str) -> Sequence[Piece]:
    """Split a body into its events for the address of a `kind` of channel, whose platform id is `own`."""
    return [_piece(event, kind, own) for event in events(body)]


def _piece(event: Event, kind: str, own: str) -> Piece:
    if event.object and event.object not in {"page", "instagram", "user"}:
        raise UnsupportedEvent(f"Events about “{event.object[:50]}” belong to another kind of channel.")
    place = _kind_of(event, kind)
    if event.is_messaging:
        recipient = _account_of(event.value, own) or event.entry
        key = f"dm:{customer_of(event.value)}"
    else:
        recipient, key = event.entry, f"post:{root_of(event)}"
    return Piece(external_id_of(event), key, event.dump(), recipient, place if place != kind else "")


def _kind_of(event: Event, kind: str) -> str:
    if event.object == "instagram":
        return INSTAGRAM
    if event.object == "page":
        return FACEBOOK if event.field == "feed" else MESSENGER if event.is_messaging else kind
    return kind


def root_of(event: Event) -> str:
    """Return the platform's id of the post under which a public change happened; '' where it is not said."""
    return ident(event.value, "post_id") or ident(child(event.value, "media"), "id") or ident(event.value, "media_id")


def external_id_of(event: Event) -> str:
    """Return the id of an event: by the message where there is one, otherwise by its whole content."""
    value = event.value
    message = child(value, "message")
    if event.is_messaging and (mid := ident(message, "mid")):
        did = "unsent" if message.get("is_deleted") is True else "echo" if is_echo(value) else "message"
        return f"{did}:{mid}"
    if event.is_messaging and (mid := ident(edit := child(value, "message_edit"), "mid")):
        return f"edit:{mid}:{number(edit, 'num_edit')}:{digest(text(edit, 'text'))}"
    if event.field in {"comments", "live_comments"} and (comment := ident(value, "id")):
        return f"comment:{comment}"
    if event.field == "feed" and text(value, "verb", most=20) == "add" and (item := _written(value)):
        return f"feed:add:{item}"
    # What is done to a comment again (hidden, shown, hidden) differs in nothing but the time of the envelope.
    time = event.time if event.field == "feed" else None
    kept = json.dumps([event.field, value, time], sort_keys=True)
    return f"{event.field or 'messaging'}:{digest(kept)}"


def _written(value: Mapping[str, Any]) -> str:
    """Return the id of what somebody wrote on a page: a post of several pictures is told of several times."""
    item = text(value, "item", most=20)
    if item == "comment":
        return ident(value, "comment_id")
    return ident(value, "post_id") if item in POSTS else ""


def digest(content: str) -> str:
    """Return a short fingerprint of a text."""
    return hashlib.blake2b(content.encode(errors="surrogatepass"), digest_size=12).hexdigest()
