"""A strict double of the Cloud API: it refuses what the real one refuses, by its documentation, in its words."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from comptoir.testing.loopback import Answer, Asked, HttpServer, http_server

NUMBER, BUSINESS, TOKEN = "100200300400500", "500600700", "token-of-tests"
FIELDS = {
    "messaging_product", "recipient_type", "to", "recipient", "type", "context", "biz_opaque_callback_data", "text",
    "image", "video", "audio", "document", "interactive", "template",
}  # fmt: skip
HELD = {
    "text": {"body", "preview_url"}, "image": {"id", "caption"}, "video": {"id", "caption"}, "audio": {"id"},
    "document": {"id", "caption", "filename"}, "interactive": {"type", "body", "action"},
    "template": {"name", "language", "components"},
}  # fmt: skip
PHONE, USER = re.compile(r"\+?[0-9]{6,15}"), re.compile(r"[A-Z]{2}\.[0-9A-Za-z.]{1,128}")


class RefusedError(Exception):
    """An error of the platform: HTTP status, code, words."""

    def __init__(self, status: int, code: int, words: str) -> None:
        super().__init__(words)
        self.status, self.code = status, code


@dataclass(slots=True)
class Fake:
    """What the platform has, and how it behaves: mode is ok, dies, limited, pair, revoked, away."""

    mode: str = "ok"
    window_is_open: bool = True
    sent: list[dict[str, Any]] = field(default_factory=list)
    media: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=lambda: {"retour": 2})  # values that each template needs
    server: HttpServer | None = None

    @property
    def url(self) -> str:
        assert self.server is not None
        return self.server.url("/v23.0")

    def answer(self, asked: Asked) -> Answer:
        """Answer one request as the platform does."""
        try:
            if asked.headers.get("authorization") != f"Bearer {TOKEN}" or self.mode == "revoked":
                raise RefusedError(401, 190, "Error validating access token: it has been revoked.")
            return self._told(self._served(asked))
        except RefusedError as error:
            told = {"message": f"(#{error.code}) {error}", "type": "OAuthException", "code": error.code}
            return self._told({"error": {**told, "error_data": {"details": str(error)}}}, error.status)

    def _told(self, value: dict[str, Any] | bytes, status: int = 200) -> Answer:
        if isinstance(value, bytes):
            return Answer(status, value, {"Content-Type": "image/jpeg"})
        return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _served(self, asked: Asked) -> dict[str, Any] | bytes:
        path, _mark, query = asked.path.removeprefix("/v23.0/").partition("?")
        if asked.method == "POST" and path == f"{NUMBER}/messages":
            return self._message(asked)
        if asked.method == "POST" and path == f"{NUMBER}/media":
            return self._upload(asked)
        if path == NUMBER:
            return {"display_phone_number": "+33 9 00 00 00 01", "id": NUMBER}
        if path == f"{BUSINESS}/subscribed_apps":
            return {"data": [{"whatsapp_business_api_data": {"id": "1", "name": "Comptoir"}}]}
        if path == f"{BUSINESS}/message_templates":
            return self._templates(query)
        if path.startswith("files/"):
            return self.media[path.removeprefix("files/")][1]
        if path in self.media:
            return {"url": f"{self.url}/files/{path}", "mime_type": self.media[path][0], "id": path, "file_size": 3}
        raise RefusedError(400, 100, "Unsupported request. The object does not exist.")

    def _message(self, asked: Asked) -> dict[str, Any]:
        if self.mode == "limited":
            raise RefusedError(429, 130429, "Rate limit hit")
        if self.mode == "pair":
            raise RefusedError(400, 131056, "Too many messages sent to this phone number in a short period of time")
        if self.mode == "away":
            raise RefusedError(500, 131000, "Something went wrong")
        value = json.loads(asked.body)
        self._check(value)
        self.sent.append(value)
        told = {"messaging_product": "whatsapp", "messages": [{"id": f"wamid.out{len(self.sent)}"}]}
        return told | {"contacts": [{"input": value.get("to") or value.get("recipient")}]}

    def _check(self, value: dict[str, Any]) -> None:
        kind = value.get("type")
        if unknown := set(value) - FIELDS:
            raise RefusedError(400, 100, f"Unexpected key {sorted(unknown)} on param")
        if value.get("messaging_product") != "whatsapp" or kind not in HELD or not isinstance(value.get(kind), dict):
            raise RefusedError(400, 100, "Invalid parameter")
        if not PHONE.fullmatch(value.get("to") or "") and not USER.fullmatch(value.get("recipient") or ""):
            raise RefusedError(400, 131009, "Parameter value is not valid: to")
        if len(value.get("biz_opaque_callback_data", "")) > 512:
            raise RefusedError(400, 100, "biz_opaque_callback_data is too long")
        held = value[kind]
        if unknown := set(held) - HELD[kind]:
            raise RefusedError(400, 100, f"Unexpected key {sorted(unknown)} on param {kind}")
        if kind != "template" and not self.window_is_open:
            raise RefusedError(400, 131047, "More than 24 hours have passed since the recipient last replied")
        if kind == "text" and not 1 <= len(held["body"]) <= 4096:
            raise RefusedError(400, 100, "Param text['body'] must be at most 4096 characters long.")
        is_file = kind in {"image", "video", "audio", "document"}
        if is_file and (held["id"] not in self.media or len(held.get("caption", "")) > 1024):
            raise RefusedError(400, 100, "Param media id or caption is not valid")
        if kind == "interactive":
            self._check_buttons(held)
        if kind == "template":
            self._check_template(held)

    def _check_buttons(self, held: dict[str, Any]) -> None:
        buttons = held["action"]["buttons"]
        titles = [one["reply"]["title"] for one in buttons]
        is_good = 1 <= len(buttons) <= 3 and len(set(titles)) == len(titles) and all(1 <= len(t) <= 20 for t in titles)
        if not is_good or not 1 <= len(held["body"]["text"]) <= 1024:
            raise RefusedError(400, 131009, "Parameter value is not valid: buttons")

    def _check_template(self, held: dict[str, Any]) -> None:
        if held["name"] not in self.places or held["language"]["code"] != "fr":
            raise RefusedError(404, 132001, "Template name does not exist in the translation")
        given = [one for part in held.get("components", []) for one in part["parameters"]]
        if len(given) != self.places[held["name"]]:
            raise RefusedError(400, 132000, "Number of parameters does not match the expected number of params")

    def _upload(self, asked: Asked) -> dict[str, Any]:
        boundary = asked.headers["content-type"].partition("boundary=")[2]
        parts = asked.body.split(f"--{boundary}".encode())
        names = [re.search(rb'name="(\w+)"', part) for part in parts[1:-1]]
        if {found[1] for found in names if found} != {b"messaging_product", b"type", b"file"}:
            raise RefusedError(400, 100, "Invalid parameter")
        content = parts[3].partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
        number = str(9000 + len(self.media))
        self.media[number] = ("", content)
        return {"id": number}

    def _templates(self, query: str) -> dict[str, Any]:
        body = {"type": "BODY", "text": "Bonjour {{1}}, votre commande {{2}} est prête."}
        first = {"name": "retour", "language": "fr", "status": "APPROVED", "category": "UTILITY", "components": [body]}
        header = {"type": "HEADER", "format": "IMAGE"}
        second = {**first, "name": "image", "components": [header, body]}
        named = {**first, "name": "nommé", "components": [{"type": "BODY", "text": "Bonjour {{prenom}}"}]}
        third = {**first, "name": "refusé", "status": "REJECTED", "components": [{"type": "BODY", "text": "Achetez !"}]}
        if "after=" in query:
            return {"data": [third], "paging": {"cursors": {"before": "b", "after": "b"}}}
        return {"data": [first, second, named], "paging": {"cursors": {"after": "a"}, "next": "https://…"}}


@contextmanager
def running() -> Iterator[Fake]:
    """Run a double on loopback; in the mode `dies` it takes a message and breaks the line before it has answered."""
    fake = Fake()

    def answer(asked: Asked) -> Answer:
        told = fake.answer(asked)
        if fake.mode == "dies" and asked.path.endswith("/messages"):
            return Answer(200, b"", {"Content-Length": "400"})
        return told

    with http_server(answer) as server:
        fake.server = server
        yield fake
