"""Text messages as gateways tell them: Twilio's form fields, and the JSON of gateways that speak like Bandwidth. Pure.

A number is the person: the network has no other id. What says STOP is shown and never answered by a machine.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from comptoir.channels.base import Piece
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.textfold import clean
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

NETWORK = "sms"
WHATSAPP = "whatsapp:"  # before a number: the gateway also carries WhatsApp
MAX_TEXT = 100_000
MAX_FILES = 20  # Twilio sends 10 at most
FIELDS = frozenset({"MessageSid", "SmsSid", "SmsMessageSid"})  # one of these names a message
# The words of the English and French opt-out, as carriers and gateways know them; they stand alone.
STOPS = frozenset(
    {"stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "opt-out",
     "arret", "arrêt", "stop sms", "arreter", "arrêter", "desabonner", "désabonner"}
)  # fmt: skip
STATES = {
    "sent": Delivered.SENT, "delivered": Delivered.DELIVERED, "read": Delivered.READ, "failed": Delivered.FAILED,
    "undelivered": Delivered.FAILED, "canceled": Delivered.FAILED,
}  # fmt: skip
JSON_STATES = {
    "message-delivered": Delivered.DELIVERED, "message-failed": Delivered.FAILED, "message-read": Delivered.READ,
}  # fmt: skip
# https://www.twilio.com/docs/api/errors
REASONS = {
    "21610": "This person has opted out by answering STOP.",
    "30003": "The telephone is switched off or out of reach.",
    "30004": "The message was blocked.",
    "30005": "The number is unknown or does not exist any more.",
    "30006": "It is a landline, or its carrier takes no text messages.",
    "30007": "The carrier took it for unwanted advertising.",
    "30008": "The carrier gave no reason.",
    "63016": "The time for a free answer is over on WhatsApp.",
}
_NUMBER = re.compile(r"\+?\d{3,16}")
_BRAZIL = re.compile(r"\+55(\d\d)([6-9]\d{7})$")  # mobiles before their ninth digit
_ARGENTINA = re.compile(r"\+54([1-8]\d{9})$")  # … and those of Argentina without their 9


def identify(body: bytes, account: AccountConfig) -> Sequence[Piece]:
    """Return the events of a body: one of a form, one or more of JSON."""
    if body.lstrip()[:1] in {b"{", b"["}:
        events = _json(body)
        return [_piece(one, json.dumps(one).encode() if len(events) > 1 else body, account) for one in events]
    return [_piece(_form(body), body, account)]


def _piece(event: Mapping[str, Any], raw: bytes, account: AccountConfig) -> Piece:
    if _is_json_event(event):
        message = _inner(event)
        number, kind = _word(message, "id"), _word(event, "type")
        is_receipt = bool(kind) and kind != "message-received"
        person = _list(message, "to") if is_receipt or _word(message, "direction") == "out" else _word(message, "from")
        # A receipt names our message, which may go to several people.
        name = f"{kind}:{number}:{_word(event, 'to')}" if is_receipt else number
        recipient = _word(message, "owner")
    else:
        number, status = _sid(event), _status(event)
        person = _word(event, "To") if status else _word(event, "From")
        name = f"{status}:{number}" if status else number
        recipient = _word(event, "From") if status else _word(event, "To")
    if not number:
        raise AnomalousPayload("The message has no id.")
    return Piece(name[:300], f"person:{person}"[:200], raw, _recipient(recipient, account))


def _recipient(number: str, account: AccountConfig) -> str:
    """Return our number as the account writes it; '' where the account has not one number but a pool."""
    own = str(account.options.get("number") or "")
    if account.options.get("messaging_service") or not _bare(number):
        return ""
    return own if _bare(number) == _bare(own) else number.removeprefix(WHATSAPP)


def _bare(number: str) -> str:
    return "".join(char for char in number if char.isdigit())


def parse(raw: bytes, context: ParseContext, store: Callable[[bytes], str]) -> list[Inbound]:
    """Parse one event. Raises AnomalousPayload, UnsupportedEvent."""
    if raw.lstrip()[:1] in {b"{", b"["}:
        events = _json(raw)
        if len(events) != 1:
            raise AnomalousPayload("One record holds one event.")
        return [_of_json(events[0]) if _is_json_event(events[0]) else _of_form(events[0])]
    return [_of_form(_form(raw))]


def _json(raw: bytes) -> list[Mapping[str, Any]]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        raise AnomalousPayload("This is neither a form nor JSON.") from None
    events = value if isinstance(value, list) else [value]
    if not events or not all(isinstance(event, dict) for event in events):
        raise AnomalousPayload("An event is a JSON object.")
    return events


def _form(raw: bytes) -> Mapping[str, Any]:
    try:
        fields = dict(parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=500))
    except ValueError:
        raise AnomalousPayload("This is neither a form nor JSON.") from None
    if not fields.keys() & FIELDS:
        raise AnomalousPayload("The form has no MessageSid.")
    return fields


def _is_json_event(event: Mapping[str, Any]) -> bool:
    """Whether an event has the shape of Bandwidth; otherwise it has Twilio's fields."""
    return isinstance(event.get("message"), dict) or (isinstance(event.get("id"), str) and not event.keys() & FIELDS)


def _inner(event: Mapping[str, Any]) -> Mapping[str, Any]:
    message = event.get("message")
    return message if isinstance(message, dict) else event


def _word(event: Mapping[str, Any], name: str) -> str:
    found = event.get(name)
    return clean(found).strip() if isinstance(found, str) else ""


def _list(event: Mapping[str, Any], name: str) -> str:
    """Return the first of a list, or a text by itself."""
    found = event.get(name)
    first = found[0] if isinstance(found, list) and found else found
    return clean(first).strip() if isinstance(first, str) else ""


def _sid(event: Mapping[str, Any]) -> str:
    return _word(event, "MessageSid") or _word(event, "SmsSid") or _word(event, "SmsMessageSid")


def _status(event: Mapping[str, Any]) -> str:
    """Return how far a message of ours is; '' for one that came in."""
    status = (_word(event, "MessageStatus") or _word(event, "SmsStatus")).lower()
    return "" if status in {"received", "receiving"} else status


def _author(address: str, name: str = "") -> Author:
    """Return the person. Raises AnomalousPayload where there is none."""
    if not address:
        raise AnomalousPayload("Nobody sent this.")
    return Author(NETWORK, address[:320], name[:200])


def thread_of(address: str) -> str:
    """Return the conversation with an address.

    WhatsApp names older mobiles of Brazil and Argentina both with and without the digit that was put in: one person.
    """
    if address.startswith(WHATSAPP):
        address = _BRAZIL.sub(r"+55\g<1>9\2", address)
        address = _ARGENTINA.sub(r"+549\1", address)
    return f"dm:{address}"[:200]


def _of_form(event: Mapping[str, Any]) -> Inbound:
    if status := _status(event):
        return _receipt(status, event)
    sid, sender = _sid(event), _word(event, "From")
    said, files = _said(event), _files(event)
    if not sid:
        raise AnomalousPayload("The message has no id.")
    if not said and not files:
        raise UnsupportedEvent("A message without words or files.")
    is_stop = _word(event, "OptOutType").upper() == "STOP" or _is_stop(said)
    return Inbound(
        author=_author(sender, _word(event, "ProfileName")),
        text=said,
        thread_key=thread_of(sender),
        message_id=sid[:300],
        remote_files=files,
        automatic=_why_automatic(sender, is_stop=is_stop),
        facts={"sid": sid[:300], "from": sender[:320], "number": _word(event, "To")[:320]},
    )


def _is_stop(said: str) -> bool:
    return said.strip(" .!\n").lower() in STOPS


def _why_automatic(sender: str, *, is_stop: bool) -> str:
    """Return why no machine may answer: the person opted out, or a name instead of a number takes no answers."""
    if is_stop:
        return "opt-out"
    return "" if _NUMBER.fullmatch(sender.removeprefix(WHATSAPP)) else "no-reply"


def _said(event: Mapping[str, Any]) -> str:
    body = clean(event["Body"]) if isinstance(event.get("Body"), str) else ""
    said = body.strip() or _word(event, "ButtonText")
    latitude, longitude = _degrees(event, "Latitude", 90), _degrees(event, "Longitude", 180)
    if latitude and longitude:
        place = "\n".join(w for w in (_word(event, "Label"), _word(event, "Address")) if w)
        map_ = f"📍 https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}#map=17/{latitude}/{longitude}"
        said = "\n".join(part for part in (said, place if place not in said else "", map_) if part)
    return said[:MAX_TEXT]


def _degrees(event: Mapping[str, Any], name: str, most: int) -> str:
    told = _word(event, name)
    return told if re.fullmatch(r"-?\d{1,3}(\.\d{1,20})?", told) and abs(float(told)) <= most else ""


def _files(event: Mapping[str, Any]) -> tuple[RemoteFile, ...]:
    told = _word(event, "NumMedia")
    count = int(told) if told.isascii() and told.isdigit() and len(told) < 4 else 0
    found = []
    for number in range(min(count, MAX_FILES)):
        url, kind = _word(event, f"MediaUrl{number}"), _word(event, f"MediaContentType{number}")
        if url:
            found.append(_file(url, kind))
    return tuple(found)


def _file(url: str, kind: str = "") -> RemoteFile:
    """Return a file by its address; the name is the last piece of it where that looks like one."""
    try:
        name = urlsplit(url).path.rpartition("/")[2]
    except ValueError:
        name = ""
    return RemoteFile({"url": url[:2000]}, name[:255] if "." in name else "", kind[:127])


def _receipt(status: str, event: Mapping[str, Any]) -> Inbound:
    state = STATES.get(status)
    if state is None:
        raise UnsupportedEvent(f"The message is {status[:50]}: on its way.")
    if not _sid(event):
        raise AnomalousPayload("The message has no id.")
    code = _word(event, "ErrorCode")
    told = REASONS.get(code) or _word(event, "ErrorMessage") or ("The carrier refused it." if code or status else "")
    reason = "" if state is not Delivered.FAILED else f"{told} ({code})" if code and code != "0" else told
    return _told(_word(event, "To"), Receipt("", state, _sid(event)[:300], reason[:500]))


def _told(person: str, receipt: Receipt) -> Inbound:
    author = Author(NETWORK, person[:320])
    thread = thread_of(person) if person else ""
    return Inbound(author=author, text="", kind=InboundKind.RECEIPT, receipt=receipt, thread_key=thread)


def _of_json(event: Mapping[str, Any]) -> Inbound:
    message, kind = _inner(event), _word(event, "type")
    number = _word(message, "id")
    if not number:
        raise AnomalousPayload("The message has no id.")
    if kind in JSON_STATES:
        state = JSON_STATES[kind]
        code = _word(event, "errorCode") or str(event.get("errorCode") or "")[:20]
        told = _word(event, "description") or "The carrier refused it."
        reason = "" if state is not Delivered.FAILED else f"{told} ({code})" if code else told
        return _told(_word(event, "to") or _list(message, "to"), Receipt("", state, number[:300], reason[:500]))
    if kind not in {"", "message-received"}:
        raise UnsupportedEvent(f"Events of the kind “{kind[:50]}” change nothing.")
    if _word(message, "direction").lower() not in {"", "in", "inbound"}:
        raise UnsupportedEvent("A message of our own, told back.")
    return _received(message, number)


def _received(message: Mapping[str, Any], number: str) -> Inbound:
    said = clean(message["text"]).strip()[:MAX_TEXT] if isinstance(message.get("text"), str) else ""
    media = message.get("media")
    urls = [clean(url) for url in media if isinstance(url, str)] if isinstance(media, list) else []
    files = tuple(_file(url) for url in urls[:MAX_FILES] if not url.lower().endswith((".smil", ".smil.xml")))
    if not said and not files:
        raise UnsupportedEvent("A message without words or files.")
    sender = _word(message, "from")
    return Inbound(
        author=_author(sender),
        text=said,
        thread_key=thread_of(sender),
        sent_at=_instant(_word(message, "time")),
        message_id=number[:300],
        remote_files=files,
        automatic=_why_automatic(sender, is_stop=_is_stop(said)),
        facts={"sid": number[:300], "from": sender[:320], "number": _word(message, "owner") or _list(message, "to")},
    )


def _instant(told: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(told)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
