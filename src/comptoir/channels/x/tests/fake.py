"""A strict double of the interface of X: it refuses what the real one refuses, in problems of its kind (spec.py)."""

import base64
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from comptoir.channels.x.tests.spec import faults_of
from comptoir.testing.loopback import Answer, Asked, HttpServer, http_server

US, OTHER = "1111", "2222"
PROBLEMS = "https://api.x.com/2/problems/"
LINK = re.compile(r"https?://\S+")
POST_FIELDS = {"text", "reply", "media"}


class RefusedError(Exception):
    """A problem of the platform: HTTP status, title, words."""

    def __init__(self, status: int, title: str, words: str) -> None:
        super().__init__(words)
        self.status, self.title = status, title


def length_of(text: str) -> int:
    """Return a plain count of a text of Latin letters and links, made apart from ours: a link is 23."""
    return len(LINK.sub("", text)) + 23 * len(LINK.findall(text))


@dataclass(slots=True)
class Fake:
    """What the platform has, and how it behaves: mode is ok, dies (takes it and breaks the line), away."""

    mode: str = "ok"
    token: str = "token-of-tests"
    refresh: str = "refresh-1"
    withdrawn: bool = False
    left: int = 100  # posts that may still be made in the window
    posts: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    media: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    hidden: dict[str, bool] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    server: HttpServer | None = None

    @property
    def url(self) -> str:
        assert self.server is not None
        return self.server.url("").rstrip("/")

    @property
    def ours(self) -> list[dict[str, Any]]:
        """Return the posts that we made, in their order."""
        return [post for post in self.posts.values() if post["author_id"] == US]

    def answer(self, asked: Asked) -> Answer:
        """Answer one request as the platform does, and hold both to its description."""
        try:
            status, told = self._served(asked)
        except RefusedError as error:
            status = error.status
            kind = "resource-not-found" if status == 404 else "invalid-request"
            told = {"title": error.title, "detail": str(error), "type": PROBLEMS + kind, "status": status}
            told |= {"resource_type": "tweet"} if status == 404 else {}
        headers = {
            "Content-Type": "application/json", "x-rate-limit-limit": "100", "x-rate-limit-remaining": str(self.left),
            "x-rate-limit-reset": str(int(time.time()) + 300),
        }  # fmt: skip
        if isinstance(told, bytes):
            return Answer(status, told, {**headers, "Content-Type": "application/octet-stream"})
        body = json.dumps(told).encode()
        self.faults += faults_of(asked.method, asked.path, asked.body, status, body)
        return Answer(status, body, headers)

    def _served(self, asked: Asked) -> tuple[int, dict[str, Any] | bytes]:
        path, query = urlsplit(asked.path).path, parse_qs(urlsplit(asked.path).query)
        if path == "/2/oauth2/token":
            return self._token(asked)
        if asked.headers.get("authorization") != f"Bearer {self.token}" or self.withdrawn:
            raise RefusedError(401, "Unauthorized", "Unauthorized")
        if self.mode == "away":
            raise RefusedError(503, "Service Unavailable", "The service is over capacity.")
        value = json.loads(asked.body) if asked.body else {}
        match asked.method, path.strip("/").split("/"):
            case "POST", ["2", "tweets"]:
                return 201, {"data": self._post(value)}
            case "POST", ["2", "dm_conversations", "with", whom, "messages"]:
                return 201, {"data": self._direct(whom, value)}
            case "POST", ["2", "media", "upload"]:
                return 200, {"data": self._upload(value)}
            case "PUT", ["2", "tweets", number, "hidden"]:
                self.hidden[number] = value["hidden"]
                return 200, {"data": {"hidden": value["hidden"]}}
            case "GET", ["2", "users", "me"]:
                return 200, {"data": {"id": US, "name": "Comptoir", "username": "comptoir_hq"}}
            case "GET", ["2", "users", number]:
                return 200, {"data": {"id": number, "name": "Ada Martin", "username": "ada_m"}}
            case "GET", ["2", "users", _number, "tweets"]:
                return 200, self._listed(self.ours[::-1], query)
            case "GET", ["2", "dm_events"]:
                return 200, {"data": [], "meta": {"result_count": 0}}
            case "GET", ["2", "dm_conversations", "with", _whom, "dm_events"]:
                return 200, self._listed(self.messages[::-1], query)
            case "GET", ["2", "dm_conversations", "media", _dm, number, _resource] if number in self.media:
                return 200, self.media[number][1]
            case _:
                raise RefusedError(404, "Not Found Error", "Could not find what was asked for.")

    def _token(self, asked: Asked) -> tuple[int, dict[str, Any]]:
        form = parse_qs(asked.body.decode())
        pair = base64.b64decode(asked.headers.get("authorization", "").removeprefix("Basic ")).decode()
        is_known = pair == "client:client-secret" and form.get("grant_type") == ["refresh_token"]
        if not is_known or form.get("refresh_token") != [self.refresh] or self.withdrawn:
            return 400, {"error": "invalid_request", "error_description": "Value passed for the token was invalid."}
        number = int(self.refresh.partition("-")[2]) + 1  # the old one is good for nothing any more
        self.token, self.refresh = f"token-{number}", f"refresh-{number}"
        told = {"token_type": "bearer", "expires_in": 7200, "access_token": self.token, "scope": "tweet.read"}
        return 200, {**told, "refresh_token": self.refresh}

    def _post(self, value: dict[str, Any]) -> dict[str, Any]:
        if self.left <= 0:
            raise RefusedError(429, "Too Many Requests", "Too Many Requests")
        text, media = value.get("text", ""), value.get("media", {}).get("media_ids", [])
        if set(value) - POST_FIELDS or any(number not in self.media for number in media):
            raise RefusedError(400, "Invalid Request", "One or more parameters to your request was invalid.")
        if (not text and not media) or length_of(text) > 280:
            raise RefusedError(400, "Invalid Request", "Your Tweet text is too long.")
        parent = value.get("reply", {}).get("in_reply_to_tweet_id")
        if parent not in self.posts:
            raise RefusedError(404, "Not Found Error", "The post that you answer was deleted or is not visible to you.")
        if any(post["text"] == text for post in self.ours):
            raise RefusedError(403, "Forbidden", "You are not allowed to create a Tweet with duplicate content.")
        self.left -= 1
        number = str(9000 + len(self.posts))
        self.posts[number] = {
            "id": number, "text": text, "author_id": US, "created_at": "2026-01-01T12:00:00.000Z",
            "referenced_posts": [{"type": "replied_to", "id": parent}],
        }  # fmt: skip
        return {"id": number, "text": text}

    def _direct(self, whom: str, value: dict[str, Any]) -> dict[str, Any]:
        attached = [one["media_id"] for one in value.get("attachments", [])]
        if set(value) - {"text", "attachments"} or not (value.get("text") or attached) or len(attached) > 1:
            raise RefusedError(400, "Invalid Request", "One or more parameters to your request was invalid.")
        if len(value.get("text", "")) > 10_000 or any(one not in self.media for one in attached):
            raise RefusedError(400, "Invalid Request", "One or more parameters to your request was invalid.")
        number = str(5000 + len(self.messages))
        self.messages.append({
            "id": number, "text": value.get("text", ""), "sender_id": US, "event_type": "MessageCreate",
            "created_at": "2026-01-01T12:00:00.000Z",
        })  # fmt: skip
        return {"dm_conversation_id": f"{US}-{whom}", "dm_event_id": number}

    def _upload(self, value: dict[str, Any]) -> dict[str, Any]:
        content = base64.b64decode(value["media"], validate=True)
        number = str(300 + len(self.media))
        self.media[number] = (value["media_category"], content)
        return {"id": number, "media_key": f"3_{number}", "size": len(content), "expires_after_secs": 86400}

    def _listed(self, rows: list[dict[str, Any]], query: dict[str, list[str]]) -> dict[str, Any]:
        found = rows[: int(query["max_results"][0])]
        return {"data": found, "meta": {"result_count": len(found)}}


@contextmanager
def running() -> Iterator[Fake]:
    """Run a double on loopback; afterwards no exchange may have been other than X's description says."""
    fake = Fake()
    for number in ("7001", "7002", "6000", "7101"):
        fake.posts[number] = {"id": number, "text": "…", "author_id": OTHER, "created_at": "2026-01-01T10:00:00.000Z"}

    def answer(asked: Asked) -> Answer:
        told = fake.answer(asked)
        if fake.mode == "dies" and asked.method == "POST" and "oauth2" not in asked.path:
            return Answer(told.status, b"", {"Content-Length": "400"})
        return told

    with http_server(answer) as server:
        fake.server = server
        yield fake
    assert not fake.faults
