"""A strict stand-in for the Graph API: it refuses what the platform refuses, and remembers what it took.

Written from the documentation. `mode` makes it misbehave; `now` is its clock.
"""

import hashlib
import hmac
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE, IG, TOKEN, SECRET = "102938475600001", "17841400000000777", "EAAB-page-token", "app-s3cret"
DAY = timedelta(days=1)
Answer = tuple[int, dict[str, Any]]


class Refused(Exception):
    """The platform says no."""

    def __init__(self, status: int, code: int, message: str, subcode: int = 0) -> None:
        super().__init__(message)
        self.answer = (status, {"error": {"message": message, "type": "OAuthException", "code": code,
                                          "error_subcode": subcode, "fbtrace_id": "x"}})  # fmt: skip


@dataclass
class Comment:
    """Something public."""

    id: str
    author: str
    text: str
    at: datetime
    parent: str = ""
    is_hidden: bool = False
    has_private_reply: bool = False


@dataclass
class Graph:
    """What the platform knows."""

    network: str = "page"  # or instagram
    mode: str = "ok"
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    wrote_at: dict[str, datetime] = field(default_factory=dict)  # when each person wrote last
    names: dict[str, str] = field(default_factory=dict)
    comments: dict[str, Comment] = field(default_factory=dict)
    sent: list[dict[str, Any]] = field(default_factory=list)  # messages that were taken, with "mid"
    uploads: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    subscribed: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    usage: dict[str, Any] = field(default_factory=dict)
    token: str = TOKEN
    needs_proof: bool = True  # the app demands it of every call

    def answer(self, method: str, path: str, query: dict[str, str], headers: Any, body: bytes) -> Answer:
        """Answer one call as the platform does."""
        if headers.get("Authorization") != f"Bearer {self.token}":
            raise Refused(401, 190, "Error validating access token: the session has been invalidated.", 460)
        wanted = hmac.new(SECRET.encode(), self.token.encode(), hashlib.sha256).hexdigest()
        proof = query.pop("appsecret_proof", "")
        if proof != wanted and (proof or self.needs_proof):
            raise Refused(400, 100, "Invalid appsecret_proof provided in the API argument")
        if self.mode == "limited":
            raise Refused(400, 4, "(#4) Application request limit reached")
        if self.mode == "busy":
            raise Refused(500, 2, "An unexpected error has occurred. Please retry your request later.")
        if method == "POST":
            return self._post(path, headers, body)
        return self._get(path, query)

    def _post(self, path: str, headers: Any, body: bytes) -> Answer:
        if path == "me/message_attachments":
            return self._upload(headers["Content-Type"], body)
        value = json.loads(body)
        if path == "me/messages":
            return self._message(value)
        if found := re.fullmatch(r"([\w-]+)/(comments|replies)", path):
            return self._comment(found[1], found[2], value)
        comment = self.comments.get(path)
        name = "hide" if self.network == "instagram" else "is_hidden"
        if comment is None or set(value) != {name} or not isinstance(value[name], bool):
            raise Refused(400, 100, f"Unsupported post request: {path} {value}")
        comment.is_hidden = value[name]
        return 200, {"success": True}

    def _message(self, value: dict[str, Any]) -> Answer:
        if extra := set(value) - {"recipient", "message", "messaging_type", "tag"}:
            raise Refused(400, 100, f"Param {extra} is not known")
        self._check_content(value["message"])
        ((name, whom),) = value["recipient"].items()
        person = self._private_reply(name, whom) if name != "id" else self._in_window(whom, value)
        mid = f"m_{len(self.sent) + 1}"
        self.sent.append({**value, "mid": mid, "to": person, "at": self.now})
        return 200, {"recipient_id": person, "message_id": mid}

    def _check_content(self, message: dict[str, Any]) -> None:
        known = {"text", "quick_replies", "attachment"} | ({"metadata"} if self.network == "page" else set())
        if set(message) - known or ("text" in message) == ("attachment" in message):
            raise Refused(400, 100, f"Param message is not valid: {sorted(message)}")
        said = message.get("text", "x")
        too_long = len(said.encode()) > 1000 if self.network == "instagram" else len(said) > 2000
        if not said.strip() or too_long:
            raise Refused(400, 100, "(#100) Length of param message[text] must be less than or equal to the limit")
        if len(message.get("metadata", "")) > 1000:
            raise Refused(400, 100, "metadata is too long")
        quick = message.get("quick_replies", [])
        if len(quick) > 13 or any(
            set(q) != {"content_type", "title", "payload"} or not 0 < len(q["title"]) <= 20 or len(q["payload"]) > 1000
            for q in quick
        ):
            raise Refused(400, 100, "quick_replies are not valid")
        if "attachment" in message:
            given = message["attachment"]
            kept = self.uploads.get(given["payload"]["attachment_id"])
            if kept is None or kept[0] != given["type"]:
                raise Refused(400, 100, "(#100) Invalid attachment id")

    def _in_window(self, person: str, value: dict[str, Any]) -> str:
        if person not in self.wrote_at:
            raise Refused(400, 551, "(#551) This person isn't available right now.", 1545041)
        age = self.now - self.wrote_at[person]
        is_tagged = value.get("messaging_type") == "MESSAGE_TAG" and value.get("tag") == "HUMAN_AGENT"
        if age > (7 * DAY if is_tagged else DAY):
            raise Refused(400, 10, "(#10) This message is sent outside of allowed window.", 2018278)
        if not is_tagged and value.get("messaging_type") != "RESPONSE":
            raise Refused(400, 100, "messaging_type is required")
        return person

    def _private_reply(self, name: str, whom: str) -> str:
        comment = self.comments.get(whom)
        if comment is None or (name == "post_id") != (whom.startswith(f"{PAGE}_")):
            raise Refused(400, 100, "Invalid comment or post")
        if comment.has_private_reply:
            raise Refused(400, 10900, "(#10900) Activity already replied to")
        if self.now - comment.at > 7 * DAY:
            raise Refused(400, 10903, "(#10903) This user can't reply to this activity")
        comment.has_private_reply = True
        return comment.author

    def _comment(self, parent: str, edge: str, value: dict[str, Any]) -> Answer:
        below = self.comments.get(parent)
        if set(value) != {"message"} or below is None or (edge == "replies") != (self.network == "instagram"):
            raise Refused(400, 100, f"Unsupported post request: {parent}/{edge}")
        if self.network == "instagram" and below.parent:
            raise Refused(400, 100, "A reply cannot be answered")
        if not value["message"].strip() or len(value["message"]) > (300 if self.network == "instagram" else 8000):
            raise Refused(400, 100, "The comment is empty or too long")
        own = IG if self.network == "instagram" else PAGE
        made = Comment(f"555_{1000 + len(self.comments)}", own, value["message"], self.now, parent)
        self.comments[made.id] = made
        return 200, {"id": made.id}

    def _upload(self, kind: str, body: bytes) -> Answer:
        form = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
        parts = {str(p.get_param("name", header="content-disposition")): p for p in form.iter_parts()}
        if set(parts) != {"message", "filedata"} or not parts["filedata"].get_filename():
            raise Refused(400, 100, f"(#100) The form is not complete: {sorted(parts)}")
        asked = json.loads(parts["message"].get_content())["attachment"]
        if asked["payload"] != {"is_reusable": True}:
            raise Refused(400, 100, "(#100) Only an attachment that is reusable has an id")
        content = parts["filedata"].get_payload(decode=True)
        assert isinstance(content, bytes)
        if len(content) > 25 * 1024 * 1024:
            raise Refused(400, 100, "(#100) Attachment size exceeds allowable limit", 2018047)
        number = str(9000 + len(self.uploads))
        self.uploads[number] = (asked["type"], content)
        return 200, {"attachment_id": number}

    def _get(self, path: str, query: dict[str, str]) -> Answer:
        if path == "me":
            ident = IG if self.network == "instagram" else PAGE
            return 200, {"id": ident, "user_id": ident, "name": "Ondavelle", "username": "ondavelle"}
        if path == IG:
            return 200, {"id": IG, "username": "ondavelle"}
        if path == ("me/subscribed_apps" if self.network == "instagram" else f"{PAGE}/subscribed_apps"):
            return 200, {"data": [{"id": "1", "subscribed_fields": self.subscribed}] if self.subscribed else []}
        if path == "me/conversations":
            return 200, {"data": [{"id": "t_1", "messages": {"data": self._said(query["user_id"])}}]}
        if path == "refresh_access_token":
            if query != {"grant_type": "ig_refresh_token", "access_token": self.token}:
                raise Refused(400, 100, "Invalid parameter")
            if self.mode == "young":
                raise Refused(400, 100, "The token is not old enough")
            self.token = "IGQ-fresh"
            return 200, {"access_token": self.token, "token_type": "bearer", "expires_in": 5_184_000}
        if found := re.fullmatch(r"([\w-]+)/(comments|replies)", path):
            return 200, {"data": self._below(found[1])}
        if path in self.names:
            return 200, {"name": self.names[path], "id": path}
        raise Refused(400, 100, f"Unsupported get request: {path}")

    def _said(self, person: str) -> list[dict[str, Any]]:
        own = IG if self.network == "instagram" else PAGE
        return [
            {"id": one["mid"], "message": one["message"].get("text", ""), "from": {"id": own},
             "created_time": one["at"].strftime("%Y-%m-%dT%H:%M:%S+0000")}
            for one in reversed(self.sent) if one["to"] == person
        ]  # fmt: skip

    def _below(self, parent: str) -> list[dict[str, Any]]:
        text, at = ("text", "timestamp") if self.network == "instagram" else ("message", "created_time")
        return [
            {"id": c.id, text: c.text, "from": {"id": c.author}, at: c.at.strftime("%Y-%m-%dT%H:%M:%S+0000")}
            for c in self.comments.values() if c.parent == parent
        ]  # fmt: skip


class Server(ThreadingHTTPServer):
    """Serves one Graph on loopback."""

    def __init__(self, graph: Graph) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.graph = graph

    @property
    def url(self) -> str:
        """The base address."""
        return f"http://127.0.0.1:{self.server_address[1]}/v23.0"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def _serve(self, method: str) -> None:
        graph, parts = self.server.graph, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = parts.path.removeprefix("/v23.0/")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if path.startswith("/cdn/"):
            self._file(path.removeprefix("/cdn/"))
            return
        graph.calls.append(f"{method} {path}")
        delivers = method == "POST" and path != "me/message_attachments"
        if graph.mode == "hangs up before" and delivers:
            self.close_connection = True
            return
        if graph.mode == "gateway" and delivers:
            self._tell(502, b"<html>Bad gateway</html>")
            return
        try:
            status, answer = graph.answer(method, path, query, self.headers, body)
        except Refused as error:
            status, answer = error.answer
        if graph.mode == "hangs up after" and delivers:
            self.close_connection = True
            return
        self._tell(status, json.dumps(answer).encode())

    def _tell(self, status: int, body: bytes, kind: str = "application/json", location: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if location:
            self.send_header("Location", location)
        for name, value in self.server.graph.usage.items():
            self.send_header(name, json.dumps(value))
        self.end_headers()
        self.wfile.write(body)

    def _file(self, name: str) -> None:
        if name == "moved":
            self._tell(302, b"", location="/cdn/box.jpg?sig=2")
        elif (found := self.server.graph.files.get(name)) is None:
            self._tell(403, b"URL signature expired", "text/plain")
        else:
            self._tell(200, found[1], found[0])

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(graph: Graph) -> Iterator[Server]:
    """Serve a graph while the block runs."""
    server = Server(graph)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
