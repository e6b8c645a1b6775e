"""Events of Matrix rooms, from the sync or as a homeserver pushes them, to what they mean here. Pure.

A record is {"event": …, "room": …, "own": …} with what the event alone does not tell: `name` of the sender, `customer`
(to whom a message of ours is written), `undone` (the reaction that a redaction takes back). Room and event ids are
opaque: never taken apart.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from comptoir.channels.base import Piece
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.types import (
    AccountConfig,
    Author,
    Delivered,
    Inbound,
    InboundKind,
    ParseContext,
    Receipt,
    RemoteFile,
)

NETWORK = "matrix"
MAX_TEXT = 100_000
KEY_LENGTH = 200  # of a thread key, as conversations keep it
FILES = frozenset({"m.image", "m.file", "m.audio", "m.video"})
PART = re.compile(r"-\d{1,3}$")  # after our key in a transaction id
ENCRYPTED = "[This message is end-to-end encrypted. It can only be read in a Matrix program.]"
INVITED = "invitation:"  # before the external id of an invitation that was pushed to us
USED = frozenset({"m.room.message", "m.room.encrypted", "m.sticker", "m.reaction", "m.room.redaction", "m.receipt"})
_QUOTED = re.compile(r"> <[^\n]*\n(?:>[^\n]*\n)*\n?")


def object_of(raw: bytes) -> dict[str, Any]:
    """Return the object of a body. Raises AnomalousPayload."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        raise AnomalousPayload("This is not JSON.") from None
    if not isinstance(value, dict):
        raise AnomalousPayload("An event is a JSON object.")
    return value


def text_in(value: object, name: str, *, most: int = 300) -> str:
    """Return a text of an object, '' where it is absent or something else."""
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, str):
        return ""
    return found.replace("\0", "").encode(errors="replace").decode()[:most]


def object_in(value: object, name: str) -> Mapping[str, Any]:
    """Return an object of an object, an empty one where it is absent or something else."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def identify(body: bytes, account: AccountConfig) -> Sequence[Piece]:
    """Split a transaction of a homeserver into its events. Raises AnomalousPayload, UnsupportedEvent."""
    value = object_of(body)
    if "events" not in value:
        if "transaction_id" in value:
            raise UnsupportedEvent("The homeserver tried whether we answer.")
        raise AnomalousPayload("A transaction has a list of events.")
    own = str(account.options.get("user_id") or "")
    pieces: list[Piece] = []
    for event in _events(value, "events", "ephemeral", "de.sorunome.msc2409.ephemeral"):
        room = text_in(event, "room_id", most=500)
        if event.get("type") == "m.receipt":
            pieces.extend(receipts(event, room=room, own=own))
        elif _invites(event, own) and room:
            raw = json.dumps({"event": event, "room": room, "own": own}, ensure_ascii=False).encode(errors="replace")
            pieces.append(Piece(INVITED + text_in(event, "event_id", most=500), room, raw))
        elif event.get("type") in USED and (piece := piece_of(event, room=room, own=own)):
            pieces.append(piece)
    if not pieces:
        raise UnsupportedEvent("There is nothing in it that is used here.")
    return pieces


def _invites(event: Mapping[str, Any], own: str) -> bool:
    """Whether an event invites us; the watcher accepts it (watching.py), for nobody else is it of use."""
    membership = object_in(event, "content").get("membership")
    return (
        event.get("type") == "m.room.member" and membership == "invite" and bool(own) and event.get("state_key") == own
    )


def _events(value: Mapping[str, Any], *names: str) -> Iterator[Mapping[str, Any]]:
    for name in names:
        found = value.get(name)
        yield from (one for one in found if isinstance(one, dict)) if isinstance(found, list) else ()


def piece_of(event: Mapping[str, Any], *, room: str, own: str, **more: Any) -> Piece | None:
    """Return an event as it is kept, None for one without an id or a room."""
    number = text_in(event, "event_id", most=500)
    if not number or not room:
        return None
    value = {"event": event, "room": room, "own": own, **{name: one for name, one in more.items() if one}}
    return Piece(number, room, json.dumps(value, ensure_ascii=False).encode(errors="replace"))


def receipts(event: Mapping[str, Any], *, room: str, own: str) -> Iterator[Piece]:
    """Yield the reads of customers in an ephemeral event: {event id: {"m.read": {user: {"ts": …}}}}."""
    for number, kinds in object_in(event, "content").items():
        for user, told in object_in(kinds, "m.read").items():
            if user == own or not isinstance(told, dict) or not room:
                continue
            content = {"event": number, "user": user, "ts": told.get("ts"), "thread": told.get("thread_id")}
            value = {"event": {"type": "m.receipt", "content": content}, "room": room, "own": own}
            yield Piece(f"read:{number}:{user}", room, json.dumps(value).encode())


def parse(raw: bytes, context: ParseContext, store: Callable[[bytes], str]) -> list[Inbound]:
    """Parse one event of a room. Raises AnomalousPayload, UnsupportedEvent."""
    value = object_of(raw)
    event, room = object_in(value, "event"), text_in(value, "room", most=500)
    kind = event.get("type")
    if not isinstance(kind, str) or not room:
        raise AnomalousPayload("An event has a type and a room.")
    if kind not in USED:
        raise UnsupportedEvent(f"Events of type “{kind[:50]}” are not used here.")
    if kind == "m.receipt":
        return [_read(event, room)]
    if not text_in(event, "event_id") or not text_in(event, "sender"):
        raise AnomalousPayload("An event has an id and a sender.")
    if "state_key" in event:
        raise UnsupportedEvent("It is a state of the room.")
    if kind == "m.room.redaction":
        return [_redaction(event, value, room)]
    if kind == "m.reaction":
        return [_reaction(event, value, room)]
    return [_message(event, value, room)]


def _author(event: Mapping[str, Any], value: Mapping[str, Any]) -> Author:
    return Author(NETWORK, text_in(event, "sender", most=320), text_in(value, "name", most=200))


def _instant(milliseconds: object) -> datetime | None:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def thread_of(room: str, root: str = "") -> str:
    """Return the key of a room, or of a thread in it; one that is too long keeps its identity by a digest."""
    key = f"room:{room}/{root}" if root else f"room:{room}"
    if len(key) <= KEY_LENGTH:
        return key
    digest = hashlib.sha256(key.encode(errors="replace")).hexdigest()
    return f"{key[: KEY_LENGTH - 65]}#{digest}"


def _read(event: Mapping[str, Any], room: str) -> Inbound:
    content = object_in(event, "content")
    root, at = text_in(content, "thread", most=500), _instant(content.get("ts"))
    if at is None:
        raise AnomalousPayload("A receipt has an instant.")
    key = thread_of(room, "" if root in {"", "main"} else root)
    receipt = Receipt("", Delivered.READ, up_to=at)
    author = Author(NETWORK, text_in(content, "user", most=320))
    return Inbound(author=author, text="", kind=InboundKind.RECEIPT, receipt=receipt, thread_key=key)


def _redaction(event: Mapping[str, Any], value: Mapping[str, Any], room: str) -> Inbound:
    about = redacted_by(event)
    if not about:
        raise AnomalousPayload("A redaction names its event.")
    undone = object_in(value, "undone")
    if undone:
        relation = object_in(object_in(undone, "content"), "m.relates_to")
        return Inbound(
            author=Author(NETWORK, text_in(undone, "sender", most=320)),
            text="",
            kind=InboundKind.REACTION,
            about=text_in(relation, "event_id", most=500),
            reaction=text_in(relation, "key", most=60),
            is_undone=True,
            thread_key=thread_of(room),
        )
    return Inbound(
        author=_author(event, value),
        text="",
        kind=InboundKind.DELETION,
        about=about,
        thread_key=thread_of(room),
        sent_at=_instant(event.get("origin_server_ts")),
    )


def redacted_by(event: Mapping[str, Any]) -> str:
    """Return the event that a redaction takes back: newer rooms have it in the content."""
    return text_in(object_in(event, "content"), "redacts", most=500) or text_in(event, "redacts", most=500)


def _reaction(event: Mapping[str, Any], value: Mapping[str, Any], room: str) -> Inbound:
    relation = object_in(object_in(event, "content"), "m.relates_to")
    about, key = text_in(relation, "event_id", most=500), text_in(relation, "key", most=60)
    if relation.get("rel_type") != "m.annotation" or not about or not key:
        raise UnsupportedEvent("A reaction without an event or a sign, or one that was taken back.")
    return Inbound(
        author=_author(event, value),
        text="",
        kind=InboundKind.REACTION,
        about=about,
        reaction=key,
        thread_key=thread_of(room),
        sent_at=_instant(event.get("origin_server_ts")),
    )


def _message(event: Mapping[str, Any], value: Mapping[str, Any], room: str) -> Inbound:
    content = object_in(event, "content")
    relation = object_in(content, "m.relates_to")
    number, at = text_in(event, "event_id", most=500), _instant(event.get("origin_server_ts"))
    is_encrypted = event.get("type") == "m.room.encrypted"
    if not content:
        raise UnsupportedEvent("The message was taken back before it was read.")
    if relation.get("rel_type") == "m.replace" and not is_encrypted:
        return _edit(event, value, room, content, relation)
    root = text_in(relation, "event_id", most=500) if relation.get("rel_type") == "m.thread" else ""
    answered = text_in(object_in(relation, "m.in_reply_to"), "event_id", most=500)
    files = _files(content)
    author = _author(event, value)
    own = text_in(value, "own", most=320)
    is_own = bool(own) and author.address == own
    text = ENCRYPTED if is_encrypted else _text(content, author, answered=bool(answered), has_file=bool(files))
    facts = {
        "room": room, "thread": root, "event": number, "sender": author.address,
        "permalink": f"https://matrix.to/#/{quote(room, safe='!:')}/{quote(number, safe='$:')}",
    }  # fmt: skip
    return Inbound(
        author=author,
        text=text,
        kind=InboundKind.OWN if is_own else InboundKind.MESSAGE,
        to=(_customer(value),) if is_own else (),
        receipt=_own_receipt(event) if is_own else None,
        thread_key=thread_of(room, root),
        sent_at=at,
        message_id=number,
        in_reply_to=(answered,) if answered else (),
        remote_files=files,
        automatic="notice" if content.get("msgtype") == "m.notice" and not is_own else "",
        facts={name: found for name, found in facts.items() if found},
    )


def _customer(value: Mapping[str, Any]) -> Author:
    customer = text_in(value, "customer", most=320)
    if not customer:
        raise UnsupportedEvent("It is a message of ours that is written to nobody whom we know.")
    return Author(NETWORK, customer)


def _own_receipt(event: Mapping[str, Any]) -> Receipt | None:
    """Return our key of a message of ours, where the homeserver tells the transaction in which it was sent."""
    key = PART.sub("", text_in(object_in(event, "unsigned"), "transaction_id", most=400))
    return Receipt(key, Delivered.SENT, text_in(event, "event_id", most=500)) if key else None


def _edit(
    event: Mapping[str, Any],
    value: Mapping[str, Any],
    room: str,
    content: Mapping[str, Any],
    relation: Mapping[str, Any],
) -> Inbound:
    about, fresh = text_in(relation, "event_id", most=500), object_in(content, "m.new_content")
    author = _author(event, value)
    if not about or not fresh:
        raise AnomalousPayload("An edit names its event and says what it is now.")
    written_by = text_in(value, "written_by", most=320)
    if written_by and written_by != author.address:
        raise UnsupportedEvent("Somebody tried to change what another wrote; no Matrix program shows that.")
    return Inbound(
        author=author,
        text=_text(fresh, author, answered=False, has_file=False),
        kind=InboundKind.EDIT,
        about=about,
        thread_key=thread_of(room),
        sent_at=_instant(event.get("origin_server_ts")),
    )


def _text(content: Mapping[str, Any], author: Author, *, answered: bool, has_file: bool) -> str:
    body = text_in(content, "body", most=MAX_TEXT).strip()
    if answered:  # older programs repeat what they answer
        body = _QUOTED.sub("", body, count=1) if body.startswith("> <") else body
    if has_file and text_in(content, "filename") in {"", body}:
        return ""  # the body is only the name of the file
    if content.get("msgtype") == "m.emote":
        return f"* {author.name or author.address} {body}"
    if content.get("msgtype") == "m.location" and (place := text_in(content, "geo_uri", most=200)):
        return f"{body}\n{place}".strip()
    return body or ("" if has_file else "…")


def _files(content: Mapping[str, Any]) -> tuple[RemoteFile, ...]:
    url = text_in(content, "url", most=1000)
    if not url.startswith("mxc://"):
        return ()
    info = object_in(content, "info")
    size = info.get("size")
    return (
        RemoteFile(
            {"mxc": url},
            filename=text_in(content, "filename", most=200) or text_in(content, "body", most=200),
            content_type=text_in(info, "mimetype", most=100),
            size=size if isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 2**40 else 0,
        ),
    )
