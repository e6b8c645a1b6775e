"""What the watcher kept, as events. Pure; every text comes from strangers and may be of any type.

A record is an object with "type" (notification, post, vanished, chat), "us" ({"did", "handle"}) and what the network
said, unchanged. See doc.md for each.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from comptoir.channels.base import Found, Piece
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.textfold import clean
from comptoir.core.types import AccountConfig, Author, Inbound, InboundKind, ParseContext, RemoteFile

from .records import (
    DID,
    NETWORK,
    POST,
    group_thread,
    instant,
    parts_of,
    permalink,
    private_thread,
    public_thread,
)
from .richtext import in_full

MAX_TEXT = 20_000
MOST_FILES = 20
ANSWERED = frozenset({"mention", "reply", "quote"})
REACTIONS = frozenset({"like", "repost"})
IGNORED = {
    "follow": "A new follower asks for nothing.",
    "starterpack-joined": "Somebody joined by a starter pack; that asks for nothing.",
    "like-via-repost": "Somebody liked a repost of ours, not a message.",
    "repost-via-repost": "Somebody reposted a repost of ours, not a message.",
    "subscribed-post": "A post of an account that this one is subscribed to; it is not addressed to it.",
    "verified": "A change of the account's verification asks for nothing.",
    "unverified": "A change of the account's verification asks for nothing.",
    "contact-match": "Somebody from the address book has joined; that asks for nothing.",
}  # fmt: skip
CHAT_IGNORED = "This event of a private conversation changes no message."


def parse(raw: bytes, context: ParseContext, store: Callable[[bytes], str]) -> list[Inbound]:
    """Parse one record of the watcher. Raises AnomalousPayload, UnsupportedEvent."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        raise AnomalousPayload("This is not JSON.") from None
    if not isinstance(value, dict):
        raise AnomalousPayload("A record is a JSON object.")
    readers = {"notification": _notification, "post": _own_post, "vanished": _vanished, "chat": _chat}
    kind = value.get("type")
    if not isinstance(kind, str) or kind not in readers:
        raise AnomalousPayload("“type” must be notification, post, vanished or chat.")
    return [readers[kind](value)]


def _object(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = value.get(name)
    if not isinstance(found, dict):
        raise AnomalousPayload(f"“{name}” must be an object.")
    return found


def _text(value: Mapping[str, Any], name: str, *, most: int = 500, needed: bool = False) -> str:
    found = value.get(name, "")
    if not isinstance(found, str) or (needed and not found):
        raise AnomalousPayload(f"“{name}” must be a text.")
    if len(found) > most:
        raise AnomalousPayload(f"“{name}” is longer than {most} characters.")
    return clean(found)


def _did(value: Mapping[str, Any], name: str = "did") -> str:
    found = _text(value, name, needed=True)
    if not DID.fullmatch(found):
        raise AnomalousPayload(f"“{name}” is not a DID.")
    return found


def _uri(value: Mapping[str, Any], name: str = "uri") -> tuple[str, str, str, str]:
    """Return a record's address, and its account, collection and key."""
    found = _text(value, name, most=998, needed=True)
    try:
        did, collection, rkey = parts_of(found)
    except ValueError:
        raise AnomalousPayload(f"“{name}” is not the address of a record.") from None
    return found, did, collection, rkey


def _person(value: Mapping[str, Any]) -> Author:
    """Return an account: its DID, because handles change; the name that people see, or the handle."""
    handle = _text(value, "handle")
    name = _text(value, "displayName", most=1000).strip() or ("" if handle == "handle.invalid" else handle)
    return Author(NETWORK, _did(value), name[:200])


def _us(value: Mapping[str, Any]) -> Author:
    us = _object(value, "us")
    return Author(NETWORK, _did(us), _text(us, "handle"))


def _notification(value: Mapping[str, Any]) -> Inbound:
    told = _object(value, "notification")
    reason = _text(told, "reason", needed=True)
    if reason in IGNORED:
        raise UnsupportedEvent(IGNORED[reason])
    if reason not in ANSWERED | REACTIONS:
        raise UnsupportedEvent(f"Notifications of the kind “{reason[:50]}” are not used here.")
    author = _person(_object(told, "author"))
    if author.address == _us(value).address:
        raise UnsupportedEvent("This is our own.")
    if reason in REACTIONS:
        about, *_rest = _uri(told, "reasonSubject")
        return Inbound(author, "", InboundKind.REACTION, about=about, reaction=reason,
                       sent_at=instant(_text(_object(told, "record"), "createdAt")))  # fmt: skip
    post = _post(told, _object(told, "record"), _text(_object(told, "author"), "handle"))
    return Inbound(author, is_public=True, **post, meta={"reason": reason})


def _post(told: Mapping[str, Any], record: Mapping[str, Any], handle: str) -> dict[str, Any]:
    """Return what is the same of a customer's post and of ours."""
    uri, did, collection, rkey = _uri(told)
    if collection != POST:
        raise AnomalousPayload("This is not a post.")
    cid = _text(told, "cid", needed=True)
    facts: dict[str, Any] = {"uri": uri, "cid": cid, "root_uri": uri, "root_cid": cid, "handle": handle}
    facts["permalink"] = permalink(handle, did, rkey)
    if record.get("reply") is not None:
        reply = _object(record, "reply")
        root, parent = _object(reply, "root"), _object(reply, "parent")
        facts |= {"root_uri": _uri(root)[0], "root_cid": _text(root, "cid", needed=True)}
        facts["parent_uri"] = _uri(parent)[0]
    embed = record.get("embed")
    if quoted := _quoted(embed):
        facts["quotes"] = quoted
    return {
        "text": _written(record, embed),
        "thread_key": public_thread(facts["root_uri"]),
        "message_id": uri,
        "in_reply_to": (facts["parent_uri"],) if "parent_uri" in facts else (),
        "sent_at": instant(_text(record, "createdAt")),
        "language": _language(record.get("langs")),
        "remote_files": _files(embed, did),
        "facts": facts,
    }


def _written(record: Mapping[str, Any], embed: Any) -> str:
    """Return what was written, with links in full, and the address of a link card that the text does not name."""
    given = record.get("facets")
    text = in_full(_text(record, "text", most=MAX_TEXT), given if isinstance(given, list) else [])
    card = _media(embed).get("external")
    uri = card.get("uri") if isinstance(card, dict) else None
    if isinstance(uri, str) and uri.startswith(("https://", "http://")) and len(uri) <= 2000 and uri not in text:
        text = f"{text}\n{uri}".strip()
    return clean(text)


def _media(embed: Any) -> dict[str, Any]:
    """Return the embed that holds files: a quote may carry one beside."""
    found = embed if isinstance(embed, dict) else {}
    inner = found.get("media")
    return inner if isinstance(inner, dict) else found


def _quoted(embed: Any) -> str:
    record = embed.get("record") if isinstance(embed, dict) else None
    record = record.get("record", record) if isinstance(record, dict) else None
    uri = record.get("uri") if isinstance(record, dict) else None
    return clean(uri)[:998] if isinstance(uri, str) else ""


def _files(embed: Any, did: str) -> tuple[RemoteFile, ...]:
    """Return the images and the video of a post; they lie with the author's own server."""
    media = _media(embed)
    listed = [media.get("images"), media.get("items")]
    blobs = [one.get("image") for many in listed if isinstance(many, list) for one in many if isinstance(one, dict)]
    files = [_file(blob, did) for blob in [*blobs, media.get("video")]]
    return tuple(file for file in files if file is not None)[:MOST_FILES]


def _file(blob: Any, did: str) -> RemoteFile | None:
    if not isinstance(blob, dict) or not isinstance(blob.get("ref"), dict):
        return None
    cid, kind, size = blob["ref"].get("$link"), blob.get("mimeType"), blob.get("size")
    if not isinstance(cid, str) or not cid.isalnum() or len(cid) > 200:
        return None
    known = size if isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 2**40 else 0
    named = clean(kind)[:127] if isinstance(kind, str) else ""
    ending = named.rpartition("/")[2] if named.rpartition("/")[2].isalnum() else "bin"
    return RemoteFile({"did": did, "cid": cid}, f"{cid[-12:]}.{ending}", named, known)


def _language(given: Any) -> str:
    first = given[0] if isinstance(given, list) and given else ""
    code = first.split("-")[0].lower() if isinstance(first, str) else ""
    return code if 2 <= len(code) <= 3 and code.isascii() and code.isalpha() else ""


def _own_post(value: Mapping[str, Any]) -> Inbound:
    """Read a post of ours, as the network lists it: written here, or by a colleague in another program."""
    us, told = _us(value), _object(value, "post")
    record = _object(told, "value")
    post = _post(told, record, us.name)
    if _uri(told)[1] != us.address:
        raise AnomalousPayload("This post is not ours.")
    customer = _answered(post["facts"], us.address)
    return Inbound(us, kind=InboundKind.OWN, to=(Author(NETWORK, customer),), is_public=True, **post)


def _answered(facts: Mapping[str, Any], us: str) -> str:
    """Return whom a post of ours answers: the author of the post above it, or of the first of the thread."""
    for name in ("parent_uri", "root_uri"):
        if (did := parts_of(facts[name])[0] if name in facts else us) != us:
            return did
    raise UnsupportedEvent("A post of ours that answers nobody.")


def _vanished(value: Mapping[str, Any]) -> Inbound:
    uri, did, *_rest = _uri(value)
    return Inbound(Author(NETWORK, did), "", InboundKind.DELETION, about=uri, sent_at=instant(_text(value, "at")))


def _chat(value: Mapping[str, Any]) -> Inbound:
    us, event = _us(value), _object(value, "event")
    kind = _text(event, "$type", needed=True).rpartition("#")[2]
    if kind not in {"logCreateMessage", "logAddReaction", "logRemoveReaction"}:
        raise UnsupportedEvent(CHAT_IGNORED)
    convo, message = _text(event, "convoId", needed=True, most=300), _object(event, "message")
    name = f"{convo}/{_text(message, 'id', needed=True, most=300)}"
    members = value.get("members")
    people = [_person(one) for one in members if isinstance(one, dict)] if isinstance(members, list) else []
    if kind != "logCreateMessage":
        return _private_reaction(_object(event, "reaction"), name, people, is_undone=kind == "logRemoveReaction")
    if _text(message, "$type").endswith("#deletedMessageView"):
        raise UnsupportedEvent("The message was deleted before it could be read.")
    return _private(us, convo, name, message, people)


def _known(did: str, people: list[Author]) -> Author:
    return next((one for one in people if one.address == did), Author(NETWORK, did))


def _private_reaction(told: Mapping[str, Any], about: str, people: list[Author], *, is_undone: bool) -> Inbound:
    author = _known(_did(_object(told, "sender")), people)
    return Inbound(author, "", InboundKind.REACTION, about=about, reaction=_text(told, "value", most=60, needed=True),
                   is_undone=is_undone, sent_at=instant(_text(told, "createdAt")))  # fmt: skip


def _private(us: Author, convo: str, name: str, message: Mapping[str, Any], people: list[Author]) -> Inbound:
    """Read a direct message, of the customer or of a colleague."""
    author = _known(_did(_object(message, "sender")), people)
    others = [one for one in people if one.address != us.address]
    is_ours = author.address == us.address
    if is_ours and not others:
        raise AnomalousPayload("It is not known to whom this message of ours went.")
    other = others[0] if is_ours else author
    is_group = len(others) > 1
    given, embed = message.get("facets"), message.get("embed")
    text = in_full(_text(message, "text", most=MAX_TEXT), given if isinstance(given, list) else [])
    facts: dict[str, Any] = {"convo": convo, "message": name.rpartition("/")[2], "is_group": is_group,
                             "permalink": f"https://bsky.app/messages/{convo}"}  # fmt: skip
    if quoted := _quoted(embed):
        facts["quotes"] = quoted
    sent_at = instant(_text(message, "sentAt"))
    return Inbound(
        us if is_ours else author, text or quoted, InboundKind.OWN if is_ours else InboundKind.MESSAGE,
        to=(other,) if is_ours else (), thread_key=group_thread(convo) if is_group else private_thread(other.address),
        message_id=name, sent_at=sent_at, facts=facts,
    )  # fmt: skip


def adopt(post: Found, account: AccountConfig) -> Piece | None:
    """Return the record of a post that listening found, as if the network had told that it mentions us."""
    raw = post.raw
    uri, cid, did, record = raw.get("uri"), raw.get("cid"), raw.get("did"), raw.get("record")
    if post.network != "bluesky" or not (uri and cid and did) or not isinstance(record, dict):
        return None
    told = {
        "uri": uri, "cid": cid, "reason": "mention", "record": record, "indexedAt": post.published_at.isoformat(),
        "author": {"did": did, "handle": post.handle or "handle.invalid", "displayName": post.author.name},
    }  # fmt: skip
    reply = record.get("reply")
    root = reply.get("root") if isinstance(reply, dict) else None
    thread = public_thread(str(root.get("uri") if isinstance(root, dict) else uri))
    # Who we are is of no use to a mention; the watcher's own records know it.
    us = {"did": "did:web:unknown", "handle": str(account.options.get("handle", ""))}
    value = {"type": "notification", "us": us, "notification": told}
    return Piece(f"post:{uri}", thread, json.dumps(value).encode())
