"""The webhooks of the WhatsApp Cloud API: messages, statuses, echoes of the phone's own app. Pure.

People are known by their user id where the platform gives one: a phone number may be hidden, and may change.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from comptoir.channels.base import Piece
from comptoir.channels.whatsapp.content import Content, content_of, number, objects, text
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.types import AccountConfig, Author, Delivered, Inbound, InboundKind, ParseContext, Receipt

NETWORK = "whatsapp"
STATES = {
    "sent": Delivered.SENT,
    "delivered": Delivered.DELIVERED,
    "read": Delivered.READ,
    "played": Delivered.READ,  # a voice message was listened to
    "failed": Delivered.FAILED,
}
ITEMS = ("messages", "message_echoes", "statuses")


def identify(body: bytes, account: AccountConfig) -> Sequence[Piece]:
    """Return one piece for each message, echo and status of a body, with or without its envelope."""
    found: list[Piece] = []
    unused: list[str] = []
    for name, change in _changes(_object(body)):
        before = len(found)
        found += _pieces(name, change)
        if len(found) == before:
            unused.append(name)
    if not found:
        raise UnsupportedEvent(f"Events of “{', '.join(unused)[:80]}” without a message or a status are not used here.")
    return found


def parse(raw: bytes, context: ParseContext, store: Callable[[bytes], str]) -> list[Inbound]:
    """Parse one message or status. Raises AnomalousPayload, UnsupportedEvent."""
    found: list[Inbound] = []
    for name, change in _changes(_object(raw)):
        for kind in ITEMS:
            for item in objects(change, kind):
                found += _status(item) if kind == "statuses" else _message(item, change, is_ours=kind != "messages")
        if not found:
            raise UnsupportedEvent(f"Events of “{name[:50]}” without a message or a status are not used here.")
    return found


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        raise AnomalousPayload("This is not JSON.") from None
    if not isinstance(value, dict):
        raise AnomalousPayload("An event is a JSON object.")
    return value


def _changes(value: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (field, value) of each change; a body without an envelope is the value of one change."""
    if "entry" not in value:
        if not any(name in value for name in (*ITEMS, "metadata", "errors", "contacts")):
            raise AnomalousPayload("This is no event of WhatsApp: it has neither an entry, nor messages, nor statuses.")
        yield text(value, "field") or "messages", value
        return
    changes = [change for entry in objects(value, "entry") for change in objects(entry, "changes")]
    if not changes:
        raise AnomalousPayload("The event has no changes.")
    for change in changes:
        held = change.get("value")
        yield text(change, "field") or "messages", held if isinstance(held, dict) else {}


def _pieces(name: str, change: Mapping[str, Any]) -> Iterator[Piece]:
    metadata = change.get("metadata")
    recipient = text(metadata, "phone_number_id")
    for kind in ITEMS:
        for item in objects(change, kind):
            is_status = kind == "statuses"
            person = {} if is_status else _contact_of(item, change)
            kept: dict[str, Any] = {"field": name, "metadata": metadata, kind: [item]}
            if person:
                kept["contacts"] = [person]
            if not is_status and change.get("errors"):
                kept["errors"] = change["errors"]
            about = text(item, "id")
            key = about if is_status else f"dm:{_address(item, person, is_ours=kind == 'message_echoes')}"
            yield Piece(_external_id(kind, item), key[:200], json.dumps(kept).encode(), recipient)


def _external_id(kind: str, item: Mapping[str, Any]) -> str:
    """Return the same id each time an item is delivered; one without an id of its own is known by its content."""
    about = text(item, "id")
    if kind != "statuses":
        return f"message:{about or _digest(item)}"
    who = text(item, "recipient_participant_user_id") or text(item, "recipient_participant_id")
    return f"status:{about or _digest(item)}:{text(item, 'status')}" + (f":{who}" if who else "")


def _digest(item: Mapping[str, Any]) -> str:
    return "sha256-" + hashlib.sha256(json.dumps(item, sort_keys=True).encode()).hexdigest()[:40]


def _contact_of(item: Mapping[str, Any], change: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return who a message is from, or for; a body that names one person speaks of that one."""
    people = objects(change, "contacts")
    known = {text(item, name) for name in ("from", "from_user_id", "to", "to_user_id")} - {""}
    for person in people:
        if {text(person, "wa_id"), text(person, "user_id")} & known:
            return person
    return people[0] if len(people) == 1 else {}


def _user_id(item: Mapping[str, Any], person: Mapping[str, Any], *, is_ours: bool) -> str:
    return text(item, "to_user_id" if is_ours else "from_user_id") or text(person, "user_id")


def _wa_id(item: Mapping[str, Any], person: Mapping[str, Any], *, is_ours: bool) -> str:
    named = text(item, "to" if is_ours else "from")
    # The platform's own spelling of the number, which may differ from the one that was dialled.
    return (named if is_ours else text(person, "wa_id")) or named


def _address(item: Mapping[str, Any], person: Mapping[str, Any], *, is_ours: bool) -> str:
    return _user_id(item, person, is_ours=is_ours) or _wa_id(item, person, is_ours=is_ours)


def _message(item: Mapping[str, Any], change: Mapping[str, Any], *, is_ours: bool) -> list[Inbound]:
    person = _contact_of(item, change)
    address, wa_id = _address(item, person, is_ours=is_ours), _wa_id(item, person, is_ours=is_ours)
    if not address:
        raise AnomalousPayload("The message names nobody: neither a number nor a user id.")
    if text(item, "group_id"):
        raise UnsupportedEvent("Messages of groups are not used here.")
    kind = text(item, "type")
    customer = Author(NETWORK, address, _name(person))
    us = Author(NETWORK, text(change.get("metadata"), "phone_number_id"))
    author = us if is_ours else customer
    at = _instant(item)
    if kind in {"edit", "revoke", "reaction"}:
        return [_afterwards(kind, item, author, at)]
    if kind == "system":
        return [_system(item, customer, at)]
    known = (*objects(item, "errors"), *objects(change, "errors"))
    content = content_of(kind, item, known)
    context = item.get("context")
    return [
        Inbound(
            author=author,
            text=content.text,
            kind=InboundKind.OWN if is_ours else InboundKind.MESSAGE,
            to=(customer,) if is_ours else (),
            thread_key=f"dm:{address}"[:200],
            message_id=text(item, "id") or _digest(item),
            in_reply_to=tuple(filter(None, [text(context, "id")])),
            remote_files=content.files,
            sent_at=at,
            extra_identities=_extras(address, wa_id) if not is_ours else (),
            facts=_facts(kind, item, person, wa_id, content),
        )
    ]


def _name(person: Mapping[str, Any]) -> str:
    profile = person.get("profile")
    return (text(profile, "name") or text(profile, "username"))[:200]


def _extras(address: str, wa_id: str) -> tuple[Author, ...]:
    """Return the phone number of somebody whose user id we know: the same person may come with it alone."""
    return (Author(NETWORK, wa_id),) if wa_id and wa_id != address else ()


def _facts(
    kind: str, item: Mapping[str, Any], person: Mapping[str, Any], wa_id: str, content: Content
) -> dict[str, Any]:
    """Return what an answer needs, and what people may want to know."""
    facts: dict[str, Any] = {"type": kind, "private": True}
    username = text(person.get("profile"), "username")
    given = {"wa_id": wa_id, "user_id": _user_id(item, person, is_ours=False), "username": username}
    facts |= {name: value for name, value in given.items() if value}
    context = item.get("context")
    if isinstance(context, dict) and (context.get("forwarded") or context.get("frequently_forwarded")):
        facts["forwarded"] = True
    referral = item.get("referral")
    if told := {name: text(referral, name)[:500] for name in ("source_url", "headline", "source_id")}:
        facts |= {"referral": told} if any(told.values()) else {}
    return {**facts, **content.facts}


def _instant(item: Mapping[str, Any]) -> datetime | None:
    seconds = number(item.get("timestamp"))
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds else None
    except (ValueError, OverflowError, OSError):
        return None


def _afterwards(kind: str, item: Mapping[str, Any], author: Author, at: datetime | None) -> Inbound:
    """Return what was done to an earlier message."""
    told = item.get(kind)
    about = text(told, "message_id" if kind == "reaction" else "original_message_id")
    if not about:
        raise UnsupportedEvent("It does not say which message it is about.")
    thread = f"dm:{author.address}"[:200]
    if kind == "reaction":
        emoji = text(told, "emoji")[:60]
        return Inbound(
            author, "", InboundKind.REACTION, thread, about=about, reaction=emoji, is_undone=not emoji, sent_at=at
        )
    if kind == "revoke":
        return Inbound(author, "", InboundKind.DELETION, thread, about=about, sent_at=at)
    fresh = told.get("message") if isinstance(told, dict) else None
    if not isinstance(fresh, dict):
        raise AnomalousPayload("The edit does not say what the message says now.")
    said = content_of(text(fresh, "type"), fresh, ()).text
    return Inbound(author, said, InboundKind.EDIT, thread, about=about, sent_at=at)


def _system(item: Mapping[str, Any], customer: Author, at: datetime | None) -> Inbound:
    """Return what WhatsApp tells of a customer: a new number or user id belongs to the same person."""
    told = item.get("system")
    fresh = {text(told, name) for name in ("wa_id", "new_wa_id", "user_id", "new_user_id")} - {"", customer.address}
    if not fresh:
        raise UnsupportedEvent(f"Notices of type “{text(told, 'type')[:50]}” change nothing here.")
    extras = tuple(Author(NETWORK, address) for address in sorted(fresh))
    return Inbound(customer, "", InboundKind.CONTACT, extra_identities=extras, sent_at=at)


def _status(item: Mapping[str, Any]) -> list[Inbound]:
    """Return what became of a message of ours: by the platform's id, and by our key where it gives it back."""
    state = STATES.get(text(item, "status"))
    about, key = text(item, "id"), text(item, "biz_opaque_callback_data")
    if state is None:
        raise UnsupportedEvent(f"The status “{text(item, 'status')[:50]}” changes nothing here.")
    if not about:
        raise AnomalousPayload("The status does not say which message it is about.")
    author = Author(NETWORK, text(item, "recipient_user_id") or text(item, "recipient_id"))
    reason = _reason(item) if state is Delivered.FAILED else ""
    receipts = [Receipt("", state, about, reason)]
    if key:  # an answer that never came to us is found by what we sent along
        receipts.append(Receipt(key, state, about, reason))
    at = _instant(item)
    return [Inbound(author, "", InboundKind.RECEIPT, receipt=receipt, sent_at=at) for receipt in receipts]


def _reason(item: Mapping[str, Any]) -> str:
    """Return the errors of a failed message in the platform's words: '131047: Re-engagement message – More than …'."""
    found = []
    for error in objects(item, "errors"):
        detail = text(error.get("error_data"), "details")
        title = text(error, "title") or text(error, "message")
        words = f"{title} – {detail}" if detail and detail != title else title or detail
        found.append(f"{number(error.get('code')):g}: {words}")
    return "; ".join(found)[:2000]
