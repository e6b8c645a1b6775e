"""A strict Bot API on loopback: it refuses what Telegram refuses, and remembers what it accepted.

The table is an excerpt of the machine-readable Bot API 10.1 (methods and parameters that a bot of ours may use): a
parameter that is not in it is refused, which the real one would silently ignore.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from comptoir.testing.loopback import Answer, Asked, HttpServer, http_server

TOKEN = "990001:AAtest-token_of_nobody"  # of this fake alone
USERNAME = "ondavelle_bot"
_PLACE = {"business_connection_id": str, "chat_id": int, "message_thread_id": int}
_ANSWER = {"reply_parameters": dict, "reply_markup": dict}
# method → (parameters and their types, those that are required)
METHODS: dict[str, tuple[dict[str, type], set[str]]] = {
    "getMe": ({}, set()),
    "getWebhookInfo": ({}, set()),
    "setWebhook": (
        {"url": str, "secret_token": str, "allowed_updates": list, "max_connections": int, "ip_address": str,
         "drop_pending_updates": bool},
        {"url"},
    ),
    "sendMessage": ({**_PLACE, **_ANSWER, "text": str}, {"chat_id", "text"}),
    "sendPhoto": ({**_PLACE, **_ANSWER, "photo": bytes, "caption": str}, {"chat_id", "photo"}),
    "sendDocument": ({**_PLACE, **_ANSWER, "document": bytes, "caption": str}, {"chat_id", "document"}),
    "getFile": ({"file_id": str}, {"file_id"}),
    "answerCallbackQuery": ({"callback_query_id": str, "text": str}, {"callback_query_id"}),
}  # fmt: skip
REPLY = {"message_id", "chat_id", "allow_sending_without_reply", "quote"}
UPDATES = {
    "message", "edited_message", "business_connection", "business_message", "edited_business_message",
    "deleted_business_messages", "message_reaction", "message_reaction_count", "callback_query", "my_chat_member",
    "chat_member",
}  # fmt: skip


@dataclass(slots=True)
class Fake:
    """The state of the fake; `mode` makes the next calls misbehave."""

    token: str = TOKEN
    chats: set[int] = field(default_factory=lambda: {7001, 7002, -1001234567890})
    blocked: set[int] = field(default_factory=set)
    connections: set[str] = field(default_factory=lambda: {"bc-1"})
    files: dict[str, bytes] = field(default_factory=lambda: {"AgAC-large": b"\xff\xd8picture", "huge": b""})
    moved: dict[int, int] = field(default_factory=dict)
    webhook: dict[str, Any] = field(default_factory=dict)
    trouble: dict[str, Any] = field(default_factory=dict)
    accepted: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    mode: str = ""  # busy, gateway, hangs up, half an answer, odd picture
    calls_until_mode: int = 0
    server: HttpServer | None = None

    @property
    def url(self) -> str:
        assert self.server is not None
        return self.server.url("")

    def texts(self) -> list[str]:
        """Return the texts that were accepted."""
        return [values["text"] for method, values in self.accepted if method == "sendMessage"]


@contextmanager
def telegram() -> Iterator[Fake]:
    """Run a fake Bot API."""
    fake = Fake()
    with http_server(lambda asked: _answer(fake, asked)) as server:
        fake.server = server
        yield fake


def _answer(fake: Fake, asked: Asked) -> Answer:
    if found := re.fullmatch(r"/file/bot([^/]+)/files/(.+)", asked.path):
        content = fake.files.get(found[2]) if found[1] == fake.token else None
        return Answer(404) if content is None else Answer(body=content)
    path = re.fullmatch(r"/bot([^/]+)/(\w+)", asked.path)
    if path is None:
        return _no(404, "Not Found")
    if path[1] != fake.token:
        return _no(401, "Unauthorized")
    method = path[2]
    if method not in METHODS:
        return _no(404, "Not Found: method not found")
    values = _values(asked)
    if trouble := _trouble(method, values):
        return _no(400, f"Bad Request: {trouble}")
    if method.startswith("send"):
        if fake.mode and fake.calls_until_mode <= 0:
            return _misbehave(fake, method, values)
        fake.calls_until_mode -= 1
        return _send(fake, method, values)
    return _serve(fake, method, values)


def _no(code: int, description: str, **parameters: Any) -> Answer:
    told = {"ok": False, "error_code": code, "description": description}
    if parameters:
        told["parameters"] = parameters
    return Answer(code, json.dumps(told).encode(), {"Content-Type": "application/json"})


def _yes(result: Any) -> Answer:
    return Answer(
        body=json.dumps({"ok": True, "result": result}).encode(), headers={"Content-Type": "application/json"}
    )


def _values(asked: Asked) -> dict[str, Any]:
    kind = asked.headers.get("content-type", "")
    if kind.startswith("application/json"):
        found = json.loads(asked.body)
        assert isinstance(found, dict)
        return found
    parsed = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + asked.body)
    values: dict[str, Any] = {}
    for part in parsed.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        assert isinstance(name, str) and isinstance(content, bytes)
        if part.get_filename() is not None:
            values[name] = content
        else:
            text = content.decode()
            values[name] = text if name in {"business_connection_id", "caption"} else json.loads(text)
    return values


def _trouble(method: str, values: Mapping[str, Any]) -> str:
    known, required = METHODS[method]
    for name, value in values.items():
        if name not in known:
            return f"unknown parameter {name}"
        if not isinstance(value, known[name]) or isinstance(value, bool) != (known[name] is bool):
            return f"parameter {name} has a wrong type"
    if missing := required - values.keys():
        return f"parameter {sorted(missing)[0]} is required"
    reply = values.get("reply_parameters", {})
    if reply and (set(reply) - REPLY or not isinstance(reply.get("message_id"), int)):
        return "wrong reply parameters"
    return _trouble_of_buttons(values.get("reply_markup"))


def _trouble_of_buttons(markup: Any) -> str:
    if markup is None:
        return ""
    if set(markup) != {"inline_keyboard"}:
        return "object expected as reply markup"
    for row in markup["inline_keyboard"]:
        for button in row:
            if set(button) != {"text", "callback_data"} or not button["text"]:
                return "Text buttons are unallowed in the inline keyboard"
            if not 1 <= len(button["callback_data"].encode()) <= 64:
                return "BUTTON_DATA_INVALID"
    return ""


def _units(text: str) -> int:
    """Count independently of the product: a character beyond the basic plane is two units."""
    return sum(2 if ord(char) > 0xFFFF else 1 for char in text)


def _misbehave(fake: Fake, method: str, values: dict[str, Any]) -> Answer:
    if fake.mode == "busy":
        return _no(429, "Too Many Requests: retry after 17", retry_after=17)
    if fake.mode == "gateway":
        return Answer(502, b"<html>Bad Gateway</html>")
    if fake.mode == "down":
        return _no(500, "Internal Server Error")
    if fake.mode == "odd picture" and method == "sendPhoto":
        return _no(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")
    answer = _send(fake, method, values)
    if fake.mode == "hangs up":
        return Answer(200, b"", {"Content-Length": "400"})
    if fake.mode == "half an answer":
        return Answer(200, answer.body[:10])
    return answer


def _send(fake: Fake, method: str, values: dict[str, Any]) -> Answer:
    chat = values["chat_id"]
    if chat in fake.moved:
        told = "Bad Request: group chat was upgraded to a supergroup chat"
        return _no(400, told, migrate_to_chat_id=fake.moved[chat])
    if chat not in fake.chats:
        return _no(400, "Bad Request: chat not found")
    if chat in fake.blocked:
        return _no(403, "Forbidden: bot was blocked by the user")
    if "business_connection_id" in values and values["business_connection_id"] not in fake.connections:
        return _no(400, "Bad Request: BUSINESS_CONNECTION_INVALID")
    if method == "sendMessage":
        if not values["text"].strip():
            return _no(400, "Bad Request: message text is empty")
        if _units(values["text"]) > 4096:
            return _no(400, "Bad Request: message is too long")
    elif not values.get("photo") and not values.get("document"):
        return _no(400, "Bad Request: file must be non-empty")
    fake.accepted.append((method, values))
    number = 100 + len(fake.accepted)
    kind = "private" if chat > 0 else "supergroup"
    bot = {"id": 990001, "is_bot": True, "first_name": "Ondavelle", "username": USERNAME}
    message = {"message_id": number, "from": bot, "chat": {"id": chat, "type": kind}, "date": 1790001000}
    return _yes({**message, "text": values.get("text", "")})


def _serve(fake: Fake, method: str, values: dict[str, Any]) -> Answer:
    if method == "getMe":
        return _yes({"id": 990001, "is_bot": True, "first_name": "Ondavelle", "username": USERNAME})
    if method == "getWebhookInfo":
        info = {"url": fake.webhook.get("url", ""), "has_custom_certificate": False, "pending_update_count": 0}
        return _yes({**info, **fake.trouble})
    if method == "getFile":
        name = values["file_id"]
        if name == "huge":
            return _no(400, "Bad Request: file is too big")
        if name not in fake.files:
            return _no(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        return _yes({"file_id": name, "file_unique_id": "u", "file_path": f"files/{name}"})
    if method == "setWebhook":
        if not values["url"].startswith("https://"):
            return _no(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", values.get("secret_token", "x")):
            return _no(400, "Bad Request: secret token contains unallowed characters")
        if not set(values.get("allowed_updates", [])) <= UPDATES:
            return _no(400, "Bad Request: unknown update type")
        fake.webhook = values
    return _yes(True)
