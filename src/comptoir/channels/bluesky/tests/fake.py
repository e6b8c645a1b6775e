"""A strict double of what the channel asks of Bluesky, for what no real server says on demand: limits, failures, and
direct messages, for which no open server exists.

Written from the lexicons com.atproto, app.bsky and chat.bsky. It refuses what the real ones do: wrong tokens, unknown
fields, texts that are too long, facets outside of the text, a record key twice, a missing proxy header.
"""

import base64
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from comptoir.testing.loopback import Answer, Asked, http_server

US, ADA = "did:plc:ondavelle234567abcdefghi", "did:plc:adamartin234567abcdefghi"
HANDLES = {"ondavelle.example": US, "ada.example": ADA}
APP_PASSWORD = "abcd-efgh-ijkl-mnop"
POST, CHAT = "app.bsky.feed.post", "did:web:api.bsky.chat#bsky_chat"
TID = re.compile(r"[234567a-j][234567a-z]{12}")
NOW = datetime(2026, 1, 31, 11, 0, tzinfo=UTC)
BROKEN = Answer(200, b"", {"Content-Length": "50"})  # the line breaks before the answer is complete


class Refused(Exception):
    """The answer is an error of this name and status."""

    def __init__(self, name: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.name, self.status = name, status


def graphemes(text: str) -> int:
    """Count characters as a reader sees them; on its own, for the scripts of the tests."""
    count, flags, joined = 0, 0, False
    for char in text:
        point = ord(char)
        if 0x1F1E6 <= point <= 0x1F1FF:
            flags += 1
            count += flags % 2
            joined = False
            continue
        flags = 0
        is_mark = unicodedata.combining(char) or unicodedata.category(char) in {"Mn", "Me", "Mc"}
        if char == "\u200d":
            joined = True
        elif not (is_mark or 0x1F3FB <= point <= 0x1F3FF) and not joined:
            count += 1
        else:
            joined = False
    return count


def token(scope: str, did: str = US, *, seconds: float = 7200, number: int = 0) -> str:
    """Return a token as the server makes them; nobody checks its signature."""
    ends = int((datetime.now(UTC) + timedelta(seconds=seconds)).timestamp())
    parts = [{"alg": "none"}, {"sub": did, "exp": ends, "scope": scope, "jti": number}]
    return ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts) + ".x"


@dataclass(slots=True)
class Fake:
    """The state of the double; `next` answers the next calls of a method instead, after or without having acted."""

    url: str = ""
    password: str = APP_PASSWORD
    scope: str = "com.atproto.appPassPrivileged"
    access: set[str] = field(default_factory=set)
    refresh: set[str] = field(default_factory=set)
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    notifications: list[dict[str, Any]] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    convos: dict[str, list[str]] = field(default_factory=dict)
    messages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    logs: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    next: dict[str, list[tuple[bool, Answer]]] = field(default_factory=dict)
    page: int = 100
    _number: int = 0

    def fail(self, method: str, answer: Answer, *, after: bool = False) -> None:
        """Let the next call of a method be answered otherwise; with `after`, when it has been carried out."""
        self.next.setdefault(method, []).append((after, answer))

    def new(self) -> str:
        """Return a new sortable name."""
        self._number += 1
        return "3n37" + f"{self._number:09d}".translate(str.maketrans("0123456789", "234567abcd"))

    def answer(self, asked: Asked) -> Answer:
        """Answer one request."""
        parts = urlsplit(asked.path)
        method = parts.path.removeprefix("/xrpc/")
        self.calls.append(method)
        after, told = self.next[method].pop(0) if self.next.get(method) else (False, None)
        if told is not None and not after:
            return told
        try:
            found = self._run(method, asked, parse_qs(parts.query))
        except Refused as error:
            body = {"error": error.name, "message": str(error)}
            return Answer(error.status, json.dumps(body).encode(), {"Content-Type": "application/json"})
        if told is not None:
            return told
        if isinstance(found, Answer):
            return found
        limits = {"ratelimit-limit": "3000", "ratelimit-remaining": "2999", "ratelimit-reset": "1795707102"}
        return Answer(200, json.dumps(found).encode(), {"Content-Type": "application/json", **limits})

    def _run(self, method: str, asked: Asked, query: dict[str, list[str]]) -> Any:
        if method == f"/{ADA}":  # the directory of accounts
            return {"id": ADA, "service": [{"id": "#atproto_pds", "serviceEndpoint": self.url}]}
        if method == "com.atproto.sync.getBlob":
            blob = self.blobs.get(query["cid"][0])
            if blob is None:
                raise Refused("BlobNotFound", "Blob not found")
            return Answer(200, blob, {"Content-Type": "image/png"})
        given = asked.headers.get("authorization", "").removeprefix("Bearer ")
        body = asked.body
        if method not in {"com.atproto.server.createSession", "com.atproto.server.refreshSession"}:
            if not given:
                raise Refused("AuthMissing", "Authentication Required", 401)
            if given not in self.access:
                raise Refused("ExpiredToken", "Token has expired")
        if method.startswith("chat.bsky."):
            if asked.headers.get("atproto-proxy") != CHAT:
                raise Refused("MethodNotImplemented", "Method Not Implemented", 501)
            if self.scope == "com.atproto.appPass":
                raise Refused("InvalidToken", "Bad token method", 400)
        name = "_" + method.rpartition(".")[2]
        run: Callable[..., Any] | None = getattr(self, name, None)
        if run is None:
            raise Refused("MethodNotImplemented", "Method Not Implemented", 501)
        if method == "com.atproto.repo.uploadBlob":
            return self._uploadBlob(body, asked.headers.get("content-type", ""))
        if method == "com.atproto.server.refreshSession":
            return self._refreshSession(given)
        if asked.method == "POST":
            if asked.headers.get("content-type") != "application/json":
                raise Refused("InvalidRequest", "Wrong request encoding")
            return run(**json.loads(body))
        return run(
            **{key: values if key in {"uris", "reasons", "members"} else values[0] for key, values in query.items()}
        )

    def _session(self) -> dict[str, Any]:
        self._number += 1
        access = token(self.scope, number=self._number)
        again = token("com.atproto.refresh", number=self._number, seconds=90 * 86400)
        self.access.add(access)
        self.refresh.add(again)
        return {"did": US, "handle": "ondavelle.example", "accessJwt": access, "refreshJwt": again, "active": True}

    def _createSession(self, identifier: str, password: str) -> dict[str, Any]:
        if HANDLES.get(identifier) != US or password != self.password:
            raise Refused("AuthenticationRequired", "Invalid identifier or password", 401)
        return self._session()

    def _refreshSession(self, given: str) -> dict[str, Any]:
        if given not in self.refresh:
            raise Refused("ExpiredToken", "Token has been revoked")
        self.refresh.discard(given)
        return self._session()

    def _putRecord(self, repo: str, collection: str, rkey: str, record: dict[str, Any], **more: Any) -> dict[str, str]:
        if repo != US:
            raise Refused("InvalidRequest", "Not your repository", 403)
        if set(more) - {"swapRecord"}:
            raise Refused("InvalidRequest", f"unknown field {more}")
        uri = f"at://{repo}/{collection}/{rkey}"
        if collection == POST:
            _check_post(rkey, record)
        if "swapRecord" in more and more["swapRecord"] != (self.records.get(uri) or {}).get("cid"):
            raise Refused("InvalidSwap", "Record was at another place")
        self.records[uri] = {"uri": uri, "cid": f"bafyrei{self.new()}", "value": record}
        return {"uri": uri, "cid": self.records[uri]["cid"]}

    def _getRecord(self, repo: str, collection: str, rkey: str) -> dict[str, Any]:
        uri = f"at://{repo}/{collection}/{rkey}"
        if uri not in self.records:
            raise Refused("RecordNotFound", f"Could not locate record: {uri}")
        return self.records[uri]

    def _listRecords(self, repo: str, collection: str, limit: str, cursor: str = "~") -> dict[str, Any]:
        start = f"at://{repo}/{collection}/"
        names = sorted((uri for uri in self.records if uri.startswith(start) and uri < start + cursor), reverse=True)
        some = names[: int(limit)]
        more = {"cursor": some[-1].removeprefix(start)} if some else {}
        return {"records": [self.records[uri] for uri in some], **more}

    def _uploadBlob(self, body: bytes, content_type: str) -> dict[str, Any]:
        if not content_type.startswith("image/") or len(body) > 2_000_000:
            raise Refused("InvalidRequest", "Not an image")
        cid = f"bafkrei{self.new()}"
        self.blobs[cid] = body
        return {"blob": {"$type": "blob", "ref": {"$link": cid}, "mimeType": content_type, "size": len(body)}}

    def _resolveHandle(self, handle: str) -> dict[str, str]:
        if handle not in HANDLES:
            raise Refused("HandleNotFound", "Unable to resolve handle")
        return {"did": HANDLES[handle]}

    def _getProfile(self, actor: str) -> dict[str, str]:
        if actor != ADA:
            raise Refused("InvalidRequest", "Profile not found")
        return {"did": ADA, "handle": "ada.example", "displayName": "Ada Martin"}

    def _listNotifications(self, limit: str, cursor: str = "", reasons: tuple[str, ...] = ()) -> dict[str, Any]:
        if not 1 <= int(limit) <= 100:
            raise Refused("InvalidRequest", "limit")
        listed = [n for n in self.notifications if not reasons or n["reason"] in reasons]
        listed.sort(key=lambda n: n["indexedAt"], reverse=True)
        start = int(cursor or 0)
        some = listed[start : start + int(limit)]
        more = {"cursor": str(start + len(some))} if start + len(some) < len(listed) else {}
        return {"notifications": some, **more}

    def _getPosts(self, uris: list[str]) -> dict[str, Any]:
        if len(uris) > 25:
            raise Refused("InvalidRequest", "uris")
        return {"posts": [{"uri": uri} for uri in uris if uri in self.records]}

    def _convo(self, convo: str) -> dict[str, Any]:
        if convo not in self.convos:
            raise Refused("InvalidConvo", "Convo not found")
        people = [{"did": did, "handle": next(h for h, d in HANDLES.items() if d == did)} for did in self.convos[convo]]
        revs = [log["rev"] for log in self.logs if log["convoId"] == convo]
        return {"id": convo, "rev": max(revs, default=self.new()), "members": people, "muted": False, "unreadCount": 0}

    def _getConvo(self, convoId: str) -> dict[str, Any]:
        return {"convo": self._convo(convoId)}

    def _listConvos(self, limit: str) -> dict[str, Any]:
        return {"convos": [self._convo(convo) for convo in self.convos][: int(limit)]}

    def _getConvoForMembers(self, members: list[str]) -> dict[str, Any]:
        for convo, people in self.convos.items():
            if set(people) == {US, *members}:
                return {"convo": self._convo(convo)}
        raise Refused("NotFollowedBySender", "recipient requires incoming messages to come from someone they follow")

    def _getLog(self, cursor: str = "") -> dict[str, Any]:
        found = [log for log in self.logs if log["rev"] > cursor][: self.page]
        return {"logs": found, "cursor": found[-1]["rev"] if found else cursor}

    def _getMessages(self, convoId: str, limit: str) -> dict[str, Any]:
        return {"messages": self.messages.get(convoId, [])[::-1][: int(limit)]}

    def _sendMessage(self, convoId: str, message: dict[str, Any]) -> dict[str, Any]:
        self._convo(convoId)
        if set(message) - {"text", "facets", "embed", "replyTo"}:
            raise Refused("InvalidRequest", "unknown field")
        if graphemes(message["text"]) > 1000 or len(message["text"].encode()) > 10_000:
            raise Refused("InvalidRequest", "Input/message/text must not be longer than 1000 graphemes")
        _check_facets(message)
        return self.write(convoId, US, message["text"])

    def write(self, convo: str, sender: str, text: str, *, at: str = "") -> dict[str, Any]:
        """Let somebody write in a private conversation."""
        rev = self.new()
        at = at or datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        message = {"$type": "chat.bsky.convo.defs#messageView", "id": self.new(), "rev": rev, "text": text,
                   "sender": {"did": sender}, "sentAt": at}  # fmt: skip
        self.messages.setdefault(convo, []).append(message)
        kind = "chat.bsky.convo.defs#logCreateMessage"
        self.logs.append({"$type": kind, "rev": rev, "convoId": convo, "message": message})
        return message

    def posted(self) -> list[dict[str, Any]]:
        """Return our posts in the order of their making."""
        return [record for record in self.records.values() if record["uri"].startswith(f"at://{US}/{POST}/")]


def _check_post(rkey: str, record: dict[str, Any]) -> None:
    if not TID.fullmatch(rkey):
        raise Refused("InvalidRequest", "Invalid record key")
    allowed = {"$type", "text", "createdAt", "reply", "facets", "embed", "langs", "labels", "tags"}
    if set(record) - allowed or record.get("$type") != POST:
        raise Refused("InvalidRequest", "Invalid record")
    if graphemes(record["text"]) > 300 or len(record["text"].encode()) > 3000:
        raise Refused("InvalidRequest", "Record/text must not be longer than 300 graphemes")
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["createdAt"]):
        raise Refused("InvalidRequest", "createdAt must be an ISO datetime")
    for name in ("root", "parent"):
        reference = record["reply"][name]
        if set(reference) != {"uri", "cid"} or not reference["uri"].startswith("at://did:"):
            raise Refused("InvalidRequest", "reply")
    images = record.get("embed", {}).get("images", [])
    if len(images) > 4 or any(set(image) - {"image", "alt", "aspectRatio"} for image in images):
        raise Refused("InvalidRequest", "images")
    _check_facets(record)


def _check_facets(value: dict[str, Any]) -> None:
    size = len(value["text"].encode())
    for facet in value.get("facets", []):
        start, end = facet["index"]["byteStart"], facet["index"]["byteEnd"]
        if not 0 <= start < end <= size or set(facet) != {"index", "features"}:
            raise Refused("InvalidRequest", "facets")
        value["text"].encode()[start:end].decode()  # a facet never cuts a character


@contextmanager
def running_fake() -> Iterator[Fake]:
    """Run the double on loopback."""
    fake = Fake()
    with http_server(fake.answer) as server:
        fake.url = server.url("").rstrip("/")
        yield fake
