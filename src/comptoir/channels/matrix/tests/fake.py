"""A strict fake of a homeserver on loopback, for what a real one says only on bad days; see test_servers.py."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from comptoir.testing.loopback import Answer, Asked, HttpServer, http_server

TOKEN, OWN, ROOM = "token-1", "@hub:example.org", "!room"


@dataclass(slots=True)
class FakeHomeserver:
    """What the server has, and what it is told to do next."""

    token: str = TOKEN
    events: list[dict[str, Any]] = field(default_factory=list)
    transactions: dict[str, str] = field(default_factory=dict)
    joined: list[str] = field(default_factory=list)
    trouble: list[Answer] = field(default_factory=list)  # answered instead of sending, once each
    breaks: int = 0  # the next sends are accepted and the line breaks before the answer
    shut: int = 0  # so many invitations cannot be accepted
    marks: list[Any] = field(default_factory=list)
    server: HttpServer | None = None

    def __call__(self, asked: Asked) -> Answer:
        parts = urlsplit(asked.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/_matrix/client/versions":
            return told({"versions": ["v1.11"]})
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            return told({"errcode": "M_UNKNOWN_TOKEN", "error": "Unrecognised access token"}, 401)
        if found := re.fullmatch(r"/_matrix/client/v3/rooms/([^/]+)/send/m.room.message/([^/]+)", parts.path):
            return self._send(unquote(found[1]), unquote(found[2]), asked)
        if found := re.fullmatch(r"/_matrix/client/v3/rooms/([^/]+)/messages", parts.path):
            return told({"chunk": self.events[::-1][: int(query["limit"])]})
        if found := re.fullmatch(r"/_matrix/client/v3/rooms/([^/]+)/(join|read_markers|receipt/.+)", parts.path):
            if found[2] == "join" and self.shut:
                self.shut -= 1
                return told({"errcode": "M_UNKNOWN", "error": "The server of the room is away"}, 502)
            (self.joined if found[2] == "join" else self.marks).append(unquote(found[1]))
            return told({})
        if parts.path == "/_matrix/client/v3/account/whoami":
            return told({"user_id": OWN})
        if parts.path.startswith("/_matrix/client/v1/media/"):
            return told({"errcode": "M_UNRECOGNIZED"}, 404)
        if parts.path == "/_matrix/media/v3/download/x/file":
            return Answer(200, b"PNG", {"Content-Type": "image/png"})
        return told({"errcode": "M_UNRECOGNIZED"}, 404)

    def _send(self, room: str, transaction: str, asked: Asked) -> Answer:
        if self.trouble:
            return self.trouble.pop(0)
        if asked.method != "PUT":
            return told({"errcode": "M_UNRECOGNIZED"}, 405)
        if room != ROOM:
            return told({"errcode": "M_FORBIDDEN", "error": "You are not in the room"}, 403)
        if len(asked.body) > 65_536:
            return told({"errcode": "M_TOO_LARGE", "error": "event too large"}, 413)
        content = json.loads(asked.body)
        if not isinstance(content.get("body"), str) or not isinstance(content.get("msgtype"), str):
            return told({"errcode": "M_BAD_JSON", "error": "msgtype and body are needed"}, 400)
        number = self.transactions.setdefault(transaction, f"$e{len(self.transactions) + 1}")
        if not any(event["event_id"] == number for event in self.events):
            unsigned = {"transaction_id": transaction}
            self.events.append({"event_id": number, "sender": OWN, "content": content, "unsigned": unsigned})
        if self.breaks:
            self.breaks -= 1
            return Answer(200, b"{", {"Content-Length": "5000"})
        return told({"event_id": number})


def told(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """Return JSON."""
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})


@contextmanager
def running_fake() -> Iterator[FakeHomeserver]:
    """Run a fake on a port of loopback."""
    fake = FakeHomeserver()
    with http_server(fake) as server:
        fake.server = server
        yield fake
