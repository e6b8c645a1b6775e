"""An answer as calls of the Bot API: texts of at most 4,096 UTF-16 units, then the files. Pure.

Texts leave without a parse mode, so that nothing which a person writes is taken for a mark.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from comptoir.channels import counting
from comptoir.channels.base import After, Part, Preview, Unit, Window
from comptoir.core.textfold import clean
from comptoir.core.types import Outbound, OutboundFile

LIMIT = 4096  # UTF-16 units of one message, after entities are parsed; there are none
NUMBER_ROOM = 12  # of "\n(12/34)" below a part
DATA = 64  # bytes of what a button sends back
PHOTOS = frozenset({"image/jpeg", "image/png", "image/webp"})
MAX_PHOTO = 10 * 1024 * 1024  # bytes that sendPhoto takes
MAX_FILE = 50 * 1024 * 1024  # … and sendDocument
BUSINESS_WINDOW = timedelta(hours=24)  # a bot answers for a business account where the customer wrote lately


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its method, its parameters, and the file that goes with it under the name of `part`."""

    method: str
    parameters: Mapping[str, Any]
    file: OutboundFile | None = None
    part: str = ""


def texts(message: Outbound) -> list[str]:
    """Return the messages that a text leaves in; where there are several, each says which it is."""
    body = clean(message.text).strip()
    if counting.utf16_units(body) <= LIMIT:
        return [body]
    parts = counting.split(body, LIMIT - NUMBER_ROOM, counting.utf16_units)
    return [f"{part}\n({number}/{len(parts)})" for number, part in enumerate(parts, 1)] if len(parts) > 1 else parts


def preview(message: Outbound, options: Mapping[str, Any]) -> Preview:
    """Return the parts that leave."""
    parts = tuple(Part(part, counting.utf16_units(part)) for part in texts(message))
    return Preview(parts, LIMIT, Unit.UTF16, splits=True)


def render(message: Outbound) -> list[Call]:
    """Return the calls in their order; none where there is no chat to send to, or nothing to say."""
    place = place_of(message)
    if place is None:
        return []
    calls = [Call("sendMessage", {**place, "text": text}) for text in texts(message) if text]
    if calls and message.choices:
        calls[-1] = Call("sendMessage", {**calls[-1].parameters, "reply_markup": keyboard(message.choices)})
    calls += [_file_call(place, file) for file in message.files]
    if calls and (reply := _reply(message, place)):
        first = calls[0]
        calls[0] = Call(first.method, {**first.parameters, "reply_parameters": reply}, first.file, first.part)
    return calls


def place_of(message: Outbound) -> dict[str, Any] | None:
    """Return the chat, with the business connection and the group's topic where there are such; None without a chat."""
    kind, _colon, rest = message.thread_key.partition(":")
    connection, chat = "", ""
    if kind == "business":
        connection, _colon, chat = rest.rpartition(":")
    elif kind == "group":
        chat = rest.partition(":")[0]
    elif kind == "dm":
        chat = rest
    chat = chat or str(message.answers.get("chat_id") or "") or (message.to[0].address if message.to else "")
    bare = chat.removeprefix("-")
    if not (bare.isascii() and bare.isdigit() and len(bare) < 19):
        return None
    place: dict[str, Any] = {"chat_id": int(chat)}
    if connection:
        place["business_connection_id"] = connection
    topic = message.answers.get("topic")
    if kind == "group" and isinstance(topic, int) and message.answers.get("chat_id") == place["chat_id"]:
        place["message_thread_id"] = topic
    return place


def _reply(message: Outbound, place: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return which message is answered: in a group nobody would know otherwise."""
    number = message.answers.get("message_id")
    is_there = message.answers.get("chat_id") == place["chat_id"] and place["chat_id"] < 0
    if not is_there or not isinstance(number, int):
        return None
    return {"message_id": number, "allow_sending_without_reply": True}


def keyboard(choices: Sequence[str]) -> dict[str, Any]:
    """Return one button a row for short answers."""
    texts = list(dict.fromkeys(cut for choice in choices if (cut := clean(choice).strip())))
    rows = [[{"text": text, "callback_data": _data(number, text)}] for number, text in enumerate(texts)]
    return {"inline_keyboard": rows}


def _data(number: int, text: str) -> str:
    return text if len(text.encode(errors="replace")) <= DATA else f"choice:{number}"


def _file_call(place: Mapping[str, Any], file: OutboundFile) -> Call:
    if file.content_type.partition(";")[0].strip().lower() in PHOTOS and len(file.content) <= MAX_PHOTO:
        return Call("sendPhoto", place, file, "photo")
    return as_document(Call("sendDocument", place, file))


def as_document(call: Call) -> Call:
    """Return the call that sends the same file as it is: for pictures that Telegram does not take as such."""
    return Call("sendDocument", call.parameters, call.file, "document")


def window(asked_at: datetime, *, is_public: bool, facts: Mapping[str, Any]) -> Window | None:
    """Return the day in which a bot may answer for a business account; its own chats stay open."""
    return Window(asked_at + BUSINESS_WINDOW, After.NOTHING) if facts.get("business_connection_id") else None


def private_thread(facts: Mapping[str, Any]) -> str:
    """Return the private chat with the author of a group's message; it works where they have opened it once."""
    author = str(facts.get("author") or facts.get("user_id") or "")
    return f"dm:{author}" if author.isascii() and author.isdigit() else ""
