"""A strict fake of the Mastodon API on loopback: refuses what a real server refuses. Ids are ULID-like texts.

`variant` makes it one of the other servers of this API: 'other' answers 400 instead of 422, ignores idempotency keys,
has neither `min_id` nor server-sent events, and knows only version 1 of the instance's description.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from comptoir.testing.loopback import Answer, Asked, HttpServer, http_server

TOKEN = "token-1"
BRAND = {"id": "100", "username": "ondavelle", "acct": "ondavelle", "display_name": "Ondavelle"}
ADA = {"id": "109302", "username": "ada", "acct": "ada@elsewhere.example", "display_name": "Ada Martin"}
_FIELDS = {"status", "visibility", "in_reply_to_id", "media_ids", "spoiler_text", "sensitive", "language", "poll"}


@dataclass(slots=True)
class FakeMastodon:
    """What the server has, and what it is told to do next."""

    variant: str = "mastodon"
    limit: int = 500
    token: str = TOKEN
    statuses: dict[str, dict[str, Any]] = field(default_factory=dict)
    notifications: list[dict[str, Any]] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    media: dict[str, int] = field(default_factory=dict)  # id → looks until it is ready
    trouble: list[Answer] = field(default_factory=list)  # answered instead of posting, once each
    breaks: int = 0  # the next posts are accepted and the line breaks before the answer
    server: HttpServer | None = None
    numbers: int = 0

    def new_id(self) -> str:
        self.numbers += 1
        return f"01HZ{self.numbers * 7919 % 10007:05d}"  # without any order

    def write(self, text: str, *, author: dict[str, Any] = ADA, **fields: Any) -> dict[str, Any]:
        """Keep a post; by anybody else than us it is also a notification."""
        number = self.new_id()
        status = {
            "id": number, "account": author, "content": f"<p>{text}</p>", "visibility": "public", "url": None,
            "uri": f"https://elsewhere.example/{number}", "created_at": "2026-01-31T11:00:00Z", "edited_at": None,
            "in_reply_to_id": None, "in_reply_to_account_id": None, "media_attachments": [], "reblog": None,
            "mentions": [BRAND if author is ADA else ADA], "spoiler_text": "", **fields,
        }  # fmt: skip
        self.statuses[number] = status
        if author is not BRAND:
            note = {"id": self.new_id(), "type": "mention", "account": author, "status": status}
            self.notifications.insert(0, {**note, "created_at": "2026-01-31T11:00:00Z"})
        return status

    def __call__(self, asked: Asked) -> Answer:
        parts = urlsplit(asked.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/file.png":
            return Answer(200, b"PNG", {"Content-Type": "image/png"})
        if parts.path == "/api/v2/instance" and self.variant == "mastodon":
            statuses = {"max_characters": self.limit, "characters_reserved_per_url": 23}
            return told({"domain": "social.example", "version": "4.5.0", "configuration": {"statuses": statuses}})
        if parts.path == "/api/v1/instance":
            version = "2.7.2 (compatible; Other 1.0)"
            return told({"uri": "https://social.example", "version": version, "max_toot_chars": self.limit})
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            return told({"error": "The access token is invalid"}, 401)
        if asked.method == "POST":
            return self._post(parts.path, asked)
        return self._get(parts.path, query)

    def _get(self, path: str, query: dict[str, str]) -> Answer:
        if path == "/api/v1/accounts/verify_credentials":
            return told(BRAND)
        if path == "/api/v1/notifications":
            return told(self._page(self.notifications, query))
        if path == "/api/v1/accounts/100/statuses":
            own = [one for one in self.statuses.values() if one["account"] is BRAND]
            return told(self._page(own[::-1], query))
        if found := re.fullmatch(r"/api/v1/statuses/(\w+)/context", path):
            return self._context(found[1])
        if found := re.fullmatch(r"/api/v1/media/(\w+)", path):
            self.media[found[1]] -= 1
            return told({"id": found[1]}, 206 if self.media[found[1]] > 0 else 200)
        return told({"error": "Record not found"}, 404)

    def _page(self, newest_first: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
        limit, after = int(query.get("limit", "20")), query.get("since_id")
        if self.variant == "mastodon" and "min_id" in query:
            return newest_first[: self._place(newest_first, query["min_id"])][-limit:]
        newer = newest_first[: self._place(newest_first, after)]
        if "max_id" in query:
            newer = newer[self._place(newer, query["max_id"]) + 1 :]
        return newer[:limit]

    @staticmethod
    def _place(listed: list[dict[str, Any]], number: str | None) -> int:
        return next((at for at, one in enumerate(listed) if one["id"] == number), len(listed))

    def _context(self, number: str) -> Answer:
        if number not in self.statuses:
            return told({"error": "Record not found"}, 404)
        ancestors: list[dict[str, Any]] = []
        above = self.statuses[number]["in_reply_to_id"]
        while above in self.statuses:
            ancestors.insert(0, self.statuses[above])
            above = self.statuses[above]["in_reply_to_id"]
        return told({"ancestors": ancestors, "descendants": []})

    def _post(self, path: str, asked: Asked) -> Answer:
        if path in {"/api/v2/media", "/api/v1/media"}:
            head, _, rest = asked.body.partition(b"\r\n\r\n")
            if b'name="file"' not in head or not rest.rstrip().endswith(b"--"):
                return self._refuse("Validation failed: File can't be blank")
            number = f"m{len(self.media) + 1}"
            self.media[number] = 2
            return told({"id": number}, 202)
        if path != "/api/v1/statuses":
            return told({"error": "Record not found"}, 404)
        if self.trouble:
            return self.trouble.pop(0)
        key = asked.headers.get("idempotency-key", "")
        if self.variant == "mastodon" and key in self.keys:
            return told(self.statuses[self.keys[key]])
        try:
            body = json.loads(asked.body or b"{}")
        except ValueError:
            return self._refuse("Not JSON")
        if refused := self._fault(body):
            return self._refuse(refused)
        status = self.write(
            re.sub(r"@(\w+)@\S+", r"@\1", body["status"]).replace("&", "&amp;").replace("\n", "<br />"),
            author=BRAND, visibility=body["visibility"], in_reply_to_id=body.get("in_reply_to_id"),
            in_reply_to_account_id=ADA["id"],
        )  # fmt: skip
        self.keys[key] = status["id"]
        if self.breaks:
            self.breaks -= 1
            return Answer(200, b"{", {"Content-Length": "5000"})  # the line ends before the answer does
        reset = "2026-01-31T12:05:00.000000Z"
        limits = {"X-RateLimit-Limit": "300", "X-RateLimit-Remaining": "299", "X-RateLimit-Reset": reset}
        return told(status, headers=limits)

    def _fault(self, body: dict[str, Any]) -> str:
        if unknown := set(body) - _FIELDS:
            return f"Unknown: {unknown}"
        if not body.get("status") and not body.get("media_ids"):
            return "Validation failed: Text can't be blank"
        counted = re.sub(r"https?://\S+", "x" * 23, re.sub(r"@(\w+)@\S+", r"@\1", body["status"]))
        if len(counted) > self.limit:
            return f"Validation failed: Text character limit of {self.limit} exceeded"
        if body.get("in_reply_to_id") and body["in_reply_to_id"] not in self.statuses:
            return "The post you are trying to reply to does not appear to exist"
        if any(self.media.get(number, 1) > 0 for number in body.get("media_ids", ())):
            return "Cannot attach files that have not finished processing"
        return "" if body.get("visibility") in {"public", "unlisted", "private", "direct"} else "Visibility?"

    def _refuse(self, why: str) -> Answer:
        return told({"error": why}, 422 if self.variant == "mastodon" else 400)


def told(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """Return JSON."""
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})


@contextmanager
def running_fake(**fields: Any) -> Iterator[FakeMastodon]:
    """Run a fake on a port of loopback."""
    fake = FakeMastodon(**fields)
    with http_server(fake) as server:
        fake.server = server
        yield fake
