"""One event of an account, as the watcher keeps it, to what it means here. Pure.

The watcher writes {"event": …, "payload": …, "own": {"id", "acct"}, "domain": …, "root": …}: what the server sent,
unchanged, beside what a parser cannot know: who we are, which domain a name without one belongs to, and the first
post of the thread. Ids are texts without an order of their own: Mastodon counts, others have ULIDs.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from comptoir.channels.base import Found, Piece
from comptoir.channels.mastodon.html_text import html_to_text, without_mentions
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.types import AccountConfig, Author, Inbound, InboundKind, ParseContext, RemoteFile

NETWORK = "mastodon"
MAX_TEXT = 100_000
MOST_FILES = 40
VISIBILITIES = ("public", "unlisted", "private", "direct")  # from what everybody reads to what one person reads
PUBLIC = frozenset({"public", "unlisted"})
REACTIONS = {"favourite": "favourite", "reblog": "reblog"}
EMOJI = frozenset({"pleroma:emoji_reaction", "emoji_reaction", "reaction"})
WRITTEN = frozenset({"mention", "quote"})


def parse(raw: bytes, context: ParseContext, store: Callable[[bytes], str]) -> list[Inbound]:
    """Parse one event. Raises AnomalousPayload, UnsupportedEvent."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        raise AnomalousPayload("This is not JSON.") from None
    if not isinstance(value, dict):
        raise AnomalousPayload("An event is a JSON object.")
    told, event, payload = _Told(value), value.get("event"), value.get("payload")
    if event == "delete":
        return [_deletion(payload)]
    if event not in {"notification", "update", "status.update"}:
        raise UnsupportedEvent(f"Events “{str(event)[:50]}” are not used here.")
    if not isinstance(payload, dict):
        raise AnomalousPayload("“payload” must be an object.")
    if event == "notification":
        return [_notification(payload, told)]
    return [_edit(payload, told) if event == "status.update" else _own(payload, told)]


class _Told:
    """What the watcher knew beside the event."""

    def __init__(self, value: Mapping[str, Any]) -> None:
        own = value.get("own")
        self.own_id = _id(own.get("id")) if isinstance(own, dict) else ""
        self.domain = _text(value, "domain", most=253)
        self.root = _id(value.get("root"))


def _text(value: Mapping[str, Any], name: str, *, most: int = 300) -> str:
    """Return a text of an object, '' where it is absent or something else."""
    found = value.get(name)
    return _clean(found)[:most] if isinstance(found, str) else ""


def _clean(text: str) -> str:
    """Return a text that can be stored: without NUL and without halves of characters."""
    return text.replace("\0", "").encode(errors="replace").decode()


def _id(found: object) -> str:
    """Return an id as text; some servers send numbers."""
    if isinstance(found, bool) or not isinstance(found, str | int):
        return ""
    return _clean(str(found))[:150] if isinstance(found, str) or abs(found) < 10**30 else ""


def _instant(value: Mapping[str, Any], name: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(_text(value, name, most=40))
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _object(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _objects(value: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = value.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _link(value: Mapping[str, Any], name: str) -> str:
    found = _text(value, name, most=2000)
    return found if found.startswith(("https://", "http://")) and " " not in found else ""


def _author(account: Mapping[str, Any], domain: str) -> Author:
    """Return who an account is, under the name that is theirs on every server: user@domain."""
    acct = "".join(_text(account, "acct", most=300).split()).lstrip("@")
    if acct and "@" not in acct and domain:
        acct = f"{acct}@{domain}"
    if not acct:
        raise AnomalousPayload("The author has no name (“acct”).")
    return Author(NETWORK, acct.lower(), _text(account, "display_name", most=200) or _text(account, "username"))


def _notification(payload: Mapping[str, Any], told: _Told) -> Inbound:
    kind, status = payload.get("type"), _object(payload, "status")
    if not isinstance(kind, str):
        raise AnomalousPayload("A notification has a type.")
    if kind in WRITTEN:
        return _message(status, told, quotes=kind == "quote")
    if kind == "update":
        return _edit(status, told)
    if kind not in REACTIONS and kind not in EMOJI:
        raise UnsupportedEvent(f"Notifications of type “{kind[:50]}” are not used here.")
    about = _id(status.get("id"))
    if not about:
        raise AnomalousPayload("A reaction names its post.")
    return Inbound(
        author=_author(_object(payload, "account"), told.domain),
        text="",
        kind=InboundKind.REACTION,
        about=about,
        reaction=REACTIONS.get(kind) or _text(payload, "emoji", most=60) or kind[:60],
        sent_at=_instant(payload, "created_at"),
    )


def _deletion(payload: object) -> Inbound:
    about = _id(payload)
    if not about:
        raise AnomalousPayload("A deletion names its post.")
    return Inbound(author=Author(NETWORK, ""), text="", kind=InboundKind.DELETION, about=about)


def _edit(status: Mapping[str, Any], told: _Told) -> Inbound:
    about = _id(status.get("id"))
    if not about:
        raise AnomalousPayload("A post has an id.")
    return Inbound(
        author=_author(_object(status, "account"), told.domain),
        text=text_of(status),
        kind=InboundKind.EDIT,
        about=about,
        sent_at=_instant(status, "edited_at"),
    )


def text_of(status: Mapping[str, Any]) -> str:
    """Return the text of a post with its warning before it; '' where it has only files."""
    content = status.get("content")
    text = html_to_text(_clean(content[:MAX_TEXT])) if isinstance(content, str) else ""
    warning = _text(status, "spoiler_text", most=1000).strip()
    return "\n\n".join(part for part in (warning, text) if part)


def _message(status: Mapping[str, Any], told: _Told, *, quotes: bool = False) -> Inbound:
    account = _object(status, "account")
    about_us = _id(account.get("id"))
    if told.own_id and about_us == told.own_id:
        raise UnsupportedEvent("It is a post of our own.")
    return _written(status, told, _author(account, told.domain), about_us, InboundKind.MESSAGE, quotes=quotes)


def _own(status: Mapping[str, Any], told: _Told) -> Inbound:
    """Return a post of ours that answers somebody, wherever it was written."""
    account = _object(status, "account")
    if not told.own_id or _id(account.get("id")) != told.own_id:
        raise UnsupportedEvent("It is a post of somebody whom we follow.")
    mentions = [one for one in _objects(status, "mentions") if _id(one.get("id")) not in {"", told.own_id}]
    answered = _id(status.get("in_reply_to_account_id"))
    chosen = [one for one in mentions if _id(one.get("id")) == answered] or mentions
    if status.get("reblog") or not chosen:
        raise UnsupportedEvent("It is a post of ours that answers nobody.")
    customer = _author(chosen[0], told.domain)
    us = _author(account, told.domain)
    return _written(status, told, us, _id(chosen[0].get("id")), InboundKind.OWN, to=(customer,))


def _written(
    status: Mapping[str, Any],
    told: _Told,
    author: Author,
    customer_id: str,
    kind: InboundKind,
    *,
    to: tuple[Author, ...] = (),
    quotes: bool = False,
) -> Inbound:
    number, visibility = _id(status.get("id")), visibility_of(status)
    if not number or not customer_id:
        raise AnomalousPayload("A post has an id and an author.")
    text, files, answered = text_of(status), _files(status), _id(status.get("in_reply_to_id"))
    facts = {
        "status": number, "visibility": visibility, "account": customer_id, "acct": (to[0] if to else author).address,
        "permalink": _link(status, "url") or _link(status, "uri"),
    }  # fmt: skip
    if quotes:
        facts["quotes"] = "yes"
    visible = without_mentions(text)
    if kind is InboundKind.OWN and visible:  # as a colleague writes it here: the names were put before it
        text = visible
    return Inbound(
        author=author,
        text=text or ("" if files else "…"),
        visible_text=visible if visible != text else "",
        kind=kind,
        to=to,
        thread_key=thread_of(visibility, root=told.root or answered or number, customer_id=customer_id),
        is_public=visibility in PUBLIC,
        sent_at=_instant(status, "created_at"),
        message_id=number,
        in_reply_to=(answered,) if answered else (),
        language=_text(status, "language", most=8)[:2],
        remote_files=files,
        facts={name: found for name, found in facts.items() if found},
    )


def visibility_of(status: Mapping[str, Any]) -> str:
    """Return who can read a post; what is not known counts as the most private ('direct')."""
    found = status.get("visibility")
    if found == "local":  # posts that stay on their server (other servers of the same API): everybody there reads them
        return "private"
    return found if isinstance(found, str) and found in VISIBILITIES else "direct"


def thread_of(visibility: str, *, root: str, customer_id: str) -> str:
    """Return the key of the thread: of the person for a direct message, else of the first post.

    What only followers read is a thread of its own, so that a conversation is public as a whole or not at all.
    """
    if visibility == "direct":
        return f"dm:{customer_id}"
    return f"post:{root}" if visibility in PUBLIC else f"private:{root}"


def private_thread(facts: Mapping[str, Any]) -> str:
    """Return the thread of direct messages with the author of a post."""
    account = _id(facts.get("account"))
    return f"dm:{account}" if account else ""


def _files(status: Mapping[str, Any]) -> tuple[RemoteFile, ...]:
    found: list[RemoteFile] = []
    for one in _objects(status, "media_attachments")[:MOST_FILES]:
        url = _link(one, "url") or _link(one, "remote_url")
        if not url:
            continue
        try:
            name = urlsplit(url).path.rsplit("/", 1)[-1][:200]
        except ValueError:
            continue
        found.append(RemoteFile({"url": url}, filename=name))
    return tuple(found)


def adopt(post: Found, account: AccountConfig) -> Piece | None:
    """Return the record of a post that listening found on the account's own server; None for any other server's."""
    server = str(account.options.get("server", ""))
    home = urlsplit(server if "://" in server else f"https://{server}").hostname
    if post.network != "mastodon" or not home or urlsplit(post.server).hostname != home or not post.raw.get("id"):
        return None
    number = str(post.raw["id"])
    value = {
        "event": "notification", "payload": {"id": "", "type": "mention", "status": dict(post.raw)},
        "own": {"id": "", "acct": ""}, "domain": home, "root": str(post.raw.get("in_reply_to_id") or number),
    }  # fmt: skip
    # ORDER of watching.py: one order for all events of an account.
    return Piece(f"status:{number}", "mastodon", json.dumps(value, ensure_ascii=False).encode(errors="replace"))
