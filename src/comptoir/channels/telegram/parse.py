"""A Telegram update as what it means to us. Pure; the shapes are those of the Bot API's object Update.

Message ids count within one chat, so ours are `<chat>:<message>`; a business account's chats count on their own, and
carry the connection before. In groups a bot hears much that is not for it: that is ignored, in words.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from comptoir.channels.base import Piece
from comptoir.channels.telegram import words
from comptoir.channels.telegram.reading import instant, integer, is_id, items, obj, text, update_of
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.types import AccountConfig, Author, Inbound, InboundKind, ParseContext

NETWORK = "telegram"
MAX_TEXT = 100_000  # Telegram allows 4,096; what a venue or a poll adds is small
MESSAGES = ("message", "business_message")
EDITS = ("edited_message", "edited_business_message")
DELETIONS = "deleted_business_messages"
ASKED = (*MESSAGES, *EDITS, DELETIONS, "callback_query", "message_reaction", "my_chat_member", "business_connection")
UNUSED = {
    "channel_post": "A post in a channel is not addressed to the bot.",
    "edited_channel_post": "A post in a channel is not addressed to the bot.",
    "business_connection": "A business account was connected to the bot, changed its rights, or was disconnected.",
    "guest_message": "A message from a chat that the bot is not in.",
    "message_reaction_count": "Anonymous reactions are told without their authors.",
    "inline_query": "The bot answers no inline queries.",
    "chosen_inline_result": "The bot answers no inline queries.",
    "shipping_query": "The bot sells nothing.",
    "pre_checkout_query": "The bot sells nothing.",
    "purchased_paid_media": "The bot sells nothing.",
    "poll": "The state of a poll changed.",
    "poll_answer": "Somebody voted in a poll.",
    "chat_member": "Somebody joined or left a group.",
    "chat_join_request": "Somebody asks to join a group.",
    "chat_boost": "A chat was boosted.",
    "removed_chat_boost": "A chat was boosted.",
    "managed_bot": "A managed bot changed.",
}
STANDINGS = {
    "kicked": "blocked the bot, or removed it from the group: it takes no answers any more",
    "left": "removed the bot from the group",
    "member": "unblocked the bot, or added it to the group",
    "administrator": "made the bot an administrator",
    "restricted": "restricted the bot in the group",
}


def identify(body: bytes, account: AccountConfig) -> Sequence[Piece]:
    """Return the update as one piece; deletions of several messages as one piece each."""
    update = update_of(body)
    name = f"update:{update['update_id']}"
    key = f"chat:{_chat_of(update)}"
    deleted = obj(update, DELETIONS)
    numbers = _numbers(deleted)
    if len(numbers) < 2:
        return [Piece(name, key, body)]
    pieces = []
    for number in numbers:
        alone = {"update_id": update["update_id"], DELETIONS: {**deleted, "message_ids": [number]}}
        pieces.append(Piece(f"{name}:{number}", key, json.dumps(alone).encode()))
    return pieces


def _chat_of(update: Mapping[str, Any]) -> int:
    """Return the chat that an update is about: what belongs to one chat is digested in order."""
    for name, value in update.items():
        if isinstance(value, dict) and name != "update_id":
            chat = obj(value, "chat") or obj(obj(value, "message"), "chat") or obj(value, "from")
            return integer(chat, "id")
    return 0


def _numbers(deleted: Mapping[str, Any]) -> list[int]:
    found = deleted.get("message_ids")
    return list(dict.fromkeys(n for n in found if is_id(n))) if isinstance(found, list) else []


def parse(raw: bytes, context: ParseContext, store: Callable[[bytes], str]) -> list[Inbound]:
    """Parse one update. Raises AnomalousPayload, UnsupportedEvent."""
    update = update_of(raw)
    for name in MESSAGES:
        if name in update:
            return [_message(_part(update, name), _username(context))]
    for name in EDITS:
        if name in update:
            return [_edit(_part(update, name))]
    if "callback_query" in update:
        return [_tapped(_part(update, "callback_query"))]
    if "message_reaction" in update:
        return _reactions(_part(update, "message_reaction"))
    if DELETIONS in update:
        return _deletions(_part(update, DELETIONS))
    if "my_chat_member" in update:
        status = text(obj(obj(update, "my_chat_member"), "new_chat_member"), "status")
        raise UnsupportedEvent(f"Somebody {STANDINGS.get(status, 'changed what the bot may do')}.")
    for name, reason in UNUSED.items():
        if name in update:
            raise UnsupportedEvent(reason)
    kinds = ", ".join(sorted(key for key in update if key != "update_id"))[:100]
    raise UnsupportedEvent(f"Updates of this kind are not used here: {kinds or 'empty'}.")


def _part(update: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = update[name]
    if not isinstance(found, dict):
        raise AnomalousPayload(f"“{name}” must be an object.")
    return found


def _username(context: ParseContext) -> str:
    name = context.options.get("username")
    return name.strip().lstrip("@").lower() if isinstance(name, str) else ""


def _message(message: Mapping[str, Any], username: str) -> Inbound:
    """Return a customer's message, or one that a business account wrote itself."""
    chat = _chat(message)
    number = _number(message)
    said, files = words.said(message), words.files(message)
    if not said and not files:
        raise UnsupportedEvent(_why_empty(message))
    if not _is_private(chat):
        _check_addressed(message, chat, username)
    is_ours = bool(text(message, "business_connection_id")) and _is_of_business(message, chat)
    sender = obj(message, "from")
    return Inbound(
        author=_author(sender, chat),
        text=said[:MAX_TEXT],
        kind=InboundKind.OWN if is_ours else InboundKind.MESSAGE,
        to=(_author({}, chat),) if is_ours else (),
        thread_key=_thread(message, chat, sender),
        sent_at=instant(message, "date"),
        message_id=_name(message, chat, number),
        remote_files=files,
        is_public=not _is_private(chat),
        facts=_facts(message, chat, sender),
    )


def _chat(message: Mapping[str, Any]) -> Mapping[str, Any]:
    chat = obj(message, "chat")
    if not is_id(chat.get("id")):
        raise AnomalousPayload("The chat has no number.")
    if text(chat, "type") == "channel":
        raise UnsupportedEvent(UNUSED["channel_post"])
    return chat


def _number(message: Mapping[str, Any]) -> int:
    if not is_id(message.get("message_id")):
        raise AnomalousPayload("The message has no number.")
    return integer(message, "message_id")


def _is_private(chat: Mapping[str, Any]) -> bool:
    return text(chat, "type") == "private" or ("type" not in chat and integer(chat, "id") > 0)


def _is_of_business(message: Mapping[str, Any], chat: Mapping[str, Any]) -> bool:
    """Whether the business account wrote, or a bot of it: in a private chat whoever is not the customer."""
    sender = obj(message, "from")
    return bool(obj(message, "sender_business_bot")) or integer(sender, "id") not in {0, integer(chat, "id")}


def _why_empty(message: Mapping[str, Any]) -> str:
    usual = {"message_id", "from", "chat", "date", "sender_chat", "message_thread_id", "business_connection_id"}
    kinds = ", ".join(sorted(key for key in message if key not in usual))[:100]
    return f"A message without words or files: {kinds or 'empty'}."


def _check_addressed(message: Mapping[str, Any], chat: Mapping[str, Any], username: str) -> None:
    """Raise UnsupportedEvent for what people in a group say to each other."""
    sender = obj(message, "from")
    if sender.get("is_bot") is True or not integer(sender, "id"):
        raise UnsupportedEvent("In a group: from another bot, or from somebody who writes anonymously.")
    if not username:
        raise UnsupportedEvent(
            "In a group: the account does not know the bot's name, so it cannot tell what is for it."
        )
    if not (_is_reply_to(message, username) or _is_named(message, username)):
        raise UnsupportedEvent("In a group: it neither mentions the bot nor answers it, nor is it a command.")


def _is_reply_to(message: Mapping[str, Any], username: str) -> bool:
    writer = obj(obj(message, "reply_to_message"), "from")
    return text(writer, "username").lower() == username


def _is_named(message: Mapping[str, Any], username: str) -> bool:
    body = text(message, "text") or text(message, "caption")
    for entity in words.entities(message):
        kind, named = text(entity, "type"), words.piece(body, entity).lower()
        if kind == "mention" and named == f"@{username}":
            return True
        if kind == "text_mention" and text(obj(entity, "user"), "username").lower() == username:
            return True
        if kind == "bot_command" and named.partition("@")[2] in {"", username}:
            return True
    return False


def _author(sender: Mapping[str, Any], chat: Mapping[str, Any]) -> Author:
    """Return who wrote; in a private chat, which is named like its person, also without the sender's name."""
    name = _full_name(sender)
    if _is_private(chat) and integer(sender, "id") in {0, integer(chat, "id")}:
        return Author(NETWORK, str(integer(chat, "id")), name or _full_name(chat))
    if not integer(sender, "id"):
        raise AnomalousPayload("Nobody wrote this.")
    return Author(NETWORK, str(integer(sender, "id")), name)


def _full_name(person: Mapping[str, Any]) -> str:
    parts = (text(person, "first_name"), text(person, "last_name"))
    name = " ".join(part for part in parts if part)
    return (name or (f"@{text(person, 'username')}" if text(person, "username") else ""))[:200]


def _thread(message: Mapping[str, Any], chat: Mapping[str, Any], sender: Mapping[str, Any]) -> str:
    """Return the conversation: a private chat, a business account's chat, or one person in a group."""
    number, connection = integer(chat, "id"), text(message, "business_connection_id")[:100]
    if connection:
        return f"business:{connection}:{number}"
    return f"dm:{number}" if _is_private(chat) else f"group:{number}:{integer(sender, 'id')}"


def _name(message: Mapping[str, Any], chat: Mapping[str, Any], number: int | str) -> str:
    connection = text(message, "business_connection_id")[:100]
    return (f"{connection}:" if connection else "") + f"{integer(chat, 'id')}:{number}"


def _facts(message: Mapping[str, Any], chat: Mapping[str, Any], sender: Mapping[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "chat_id": integer(chat, "id"),
        "message_id": integer(message, "message_id"),
        "chat_type": "private" if _is_private(chat) else "group",
        "user_id": integer(sender, "id") or integer(chat, "id"),
    }
    if connection := text(message, "business_connection_id")[:100]:
        facts["business_connection_id"] = connection
    if message.get("is_topic_message") is True and integer(message, "message_thread_id"):
        facts["topic"] = integer(message, "message_thread_id")
    if title := text(chat, "title")[:200]:
        facts["group"] = title
    if username := text(sender, "username")[:100]:
        facts["username"] = username
    if link := _link(chat, integer(message, "message_id")):
        facts["permalink"] = link
    return facts


def _link(chat: Mapping[str, Any], number: int) -> str:
    """Return the address of a message in a group; private chats have none."""
    if _is_private(chat) or number <= 0:
        return ""
    name, bare = text(chat, "username"), str(integer(chat, "id"))
    if name and name.isascii() and name.replace("_", "").isalnum():
        return f"https://t.me/{name}/{number}"
    return f"https://t.me/c/{bare[4:]}/{number}" if bare.startswith("-100") and len(bare) > 4 else ""


def _edit(message: Mapping[str, Any]) -> Inbound:
    chat = _chat(message)
    sender = obj(message, "from")
    if obj(message, "location") and not obj(message, "venue"):  # a walk of an hour would be hundreds of edits
        raise UnsupportedEvent("A place that somebody shares while moving has moved.")
    return Inbound(
        author=_author(sender, chat),
        text=words.said(message)[:MAX_TEXT],
        kind=InboundKind.EDIT,
        about=_name(message, chat, _number(message)),
        thread_key=_thread(message, chat, sender),
        sent_at=instant(message, "edit_date", "date"),
    )


def _tapped(query: Mapping[str, Any]) -> Inbound:
    """Return the answer that somebody tapped, as what its button says."""
    number, message = text(query, "id")[:100], obj(query, "message")
    if not number:
        raise AnomalousPayload("The tap has no id.")
    if not message:
        raise UnsupportedEvent("A tap on a message that the bot did not send itself.")
    chat, sender = _chat(message), obj(query, "from")
    said = _label(message, text(query, "data"))
    if not said:
        raise UnsupportedEvent("A tap on a button without an answer.")
    return Inbound(
        author=_tapper(sender, chat),
        text=said[:MAX_TEXT],
        thread_key=_thread(message, chat, sender),
        message_id=_name(message, chat, f"tap:{number}"),
        is_public=not _is_private(chat),
        facts=_facts(message, chat, sender),
    )


def _tapper(sender: Mapping[str, Any], chat: Mapping[str, Any]) -> Author:
    """Return who tapped: in a private chat always its person, however the platform numbers them."""
    if _is_private(chat):
        return Author(NETWORK, str(integer(chat, "id")), _full_name(sender) or _full_name(chat))
    return _author(sender, chat)


def _label(message: Mapping[str, Any], data: str) -> str:
    """Return the whole text of the button: its data hold 64 bytes at most."""
    rows = obj(message, "reply_markup").get("inline_keyboard")
    for row in rows if isinstance(rows, list) else []:
        for button in row if isinstance(row, list) else []:
            if isinstance(button, dict) and data and text(button, "callback_data") == data:
                return text(button, "text") or data
    return data


def _reactions(told: Mapping[str, Any]) -> list[Inbound]:
    """Return what was added and what was taken back: Telegram tells all of a person's reactions before and after."""
    chat = _chat(told)
    person = obj(told, "user") or obj(told, "actor_chat")
    if not integer(person, "id"):
        raise UnsupportedEvent("A reaction without an author.")
    author = Author(NETWORK, str(integer(person, "id")), _full_name(person) or text(person, "title")[:200])
    before, after = _names(told, "old_reaction"), _names(told, "new_reaction")
    changes = [(name, True) for name in before if name not in after]
    changes += [(name, False) for name in after if name not in before]
    if not changes:
        raise UnsupportedEvent("The reactions have not changed.")
    return [
        Inbound(
            author=author,
            text="",
            kind=InboundKind.REACTION,
            about=_name(told, chat, _number(told)),
            reaction=name,
            is_undone=is_undone,
            sent_at=instant(told, "date"),
        )
        for name, is_undone in changes
    ]


def _names(told: Mapping[str, Any], field: str) -> list[str]:
    found = []
    for one in items(told, field):
        name = text(one, "emoji") or text(one, "custom_emoji_id") or ("⭐" if text(one, "type") == "paid" else "")
        if name and name not in found:
            found.append(name[:60])
    return found


def _deletions(told: Mapping[str, Any]) -> list[Inbound]:
    chat, numbers = _chat(told), _numbers(told)
    if not numbers:
        raise AnomalousPayload("Nothing was deleted.")
    return [
        Inbound(
            author=Author(NETWORK, "", ""),
            text="",
            kind=InboundKind.DELETION,
            about=_name(told, chat, number),
            thread_key=_thread(told, chat, {}),
        )
        for number in numbers
    ]


def acknowledge(body: bytes) -> tuple[str, bytes] | None:
    """Return the call by which a tapped button stops waiting: Telegram takes one as the answer to its webhook."""
    try:
        number = text(obj(update_of(body), "callback_query"), "id")
    except AnomalousPayload:
        return None
    if not number:
        return None
    return "application/json", json.dumps({"method": "answerCallbackQuery", "callback_query_id": number}).encode()
