"""What visitors write on a page and under its posts, and what becomes of it: the `feed` changes of a page. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from comptoir.channels.base import Piece
from comptoir.channels.graph import events
from comptoir.channels.graph.events import POSTS, Event
from comptoir.channels.graph.messaging import UNKNOWN, collect
from comptoir.channels.graph.untrusted import child, ident, instant, link, text
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.types import AccountConfig, Author, Inbound, InboundKind, ParseContext, RemoteFile

NETWORK = "facebook"
EDITED = frozenset({"edit", "edited", "update"})
REMOVED = frozenset({"remove", "delete"})
REACTIONS = {"like": "👍", "love": "❤️", "haha": "😆", "wow": "😮", "sad": "😢", "sorry": "😢", "angry": "😠",
             "anger": "😠", "care": "🤗", "thankful": "💐", "pride": "🏳️‍🌈"}  # fmt: skip


def identify(body: bytes, account: AccountConfig) -> Sequence[Piece]:
    """Split a webhook body; private messages go to the page's account of the kind `messenger`."""
    return events.identify(body, account, kind=events.FACEBOOK, own=str(account.options.get("page_id", "")))


def parse(raw: bytes, context: ParseContext, store: Callable[[bytes], str]) -> list[Inbound]:
    """Parse one event. Raises AnomalousPayload, UnsupportedEvent."""
    own = str(context.options.get("page_id", ""))

    def read(event: Event) -> list[Inbound]:
        if event.is_messaging:
            raise UnsupportedEvent("Private messages belong to an account of the kind Messenger.")
        if event.field != "feed":
            raise UnsupportedEvent(f"Changes of “{event.field[:50]}” are not used here.")
        return _change(event, own or event.entry)

    return collect(events.events(raw), read)


def _change(event: Event, own: str) -> list[Inbound]:
    value = event.value
    item, verb = text(value, "item", most=30), text(value, "verb", most=30)
    if item in {"reaction", "like"}:
        return _reaction(event, verb)
    if item != "comment" and item not in POSTS:
        raise UnsupportedEvent(f"Changes of a “{item[:50]}” are not used here.")
    if not _id_of(value):
        raise AnomalousPayload("The change does not say of which post or comment.")
    if verb == "add":
        return [_written(event, own)]
    return [_afterwards(event, verb)]


def _id_of(value: Mapping[str, Any]) -> str:
    """Return the id of what a change is about: the comment, where there is one, or the post."""
    is_comment = text(value, "item", most=30) == "comment"
    return ident(value, "comment_id") if is_comment else ident(value, "comment_id") or ident(value, "post_id")


def _author(value: Mapping[str, Any]) -> Author:
    """Return who did it. An app without the right to see visitors gets no name: then each text has its own author."""
    person = child(value, "from")
    address = ident(person, "id") or ident(value, "sender_id")
    name = text(person, "name", most=200) or text(value, "sender_name", most=200)
    return Author(NETWORK, address or f"{UNKNOWN}{_id_of(value)}", name)


def _at(event: Event, name: str = "created_time") -> Any:
    return instant(event.value, name) or instant({"time": event.time}, "time")


def _root(value: Mapping[str, Any]) -> str:
    return ident(value, "post_id") or ident(value, "parent_id")


def _written(event: Event, own: str) -> Inbound:
    value = event.value
    author, about, root, parent = _author(value), _id_of(value), _root(value), ident(value, "parent_id")
    is_comment = text(value, "item", most=30) == "comment"
    is_ours = bool(own) and author.address == own
    if is_ours and (not is_comment or parent in {"", root}):
        raise UnsupportedEvent("This is a post of ours, or a comment of ours that answers nobody.")
    said, files = text(value, "message"), _files(value)
    if shared := link(value, "link"):
        said = said if files or shared in said else f"{said}\n{shared}".strip()
    if not said and not files:
        raise UnsupportedEvent("The post or comment has neither a text nor a picture.")
    if not root:
        raise AnomalousPayload("The comment does not say under which post it stands.")
    is_reply = is_comment and parent not in {"", root}
    facts: dict[str, Any] = {
        "item": "comment" if is_comment else "post",
        "comment": about if is_comment else "",
        "post": root,
        "answer_to": parent if is_reply else about,
        "permalink": _permalink(value, root, about if is_comment else ""),
    }
    return Inbound(
        author=author,
        text=said,
        kind=InboundKind.OWN if is_ours else InboundKind.MESSAGE,
        thread_key=f"post:{root}",
        sent_at=_at(event),
        message_id=about,
        in_reply_to=(parent,) if is_reply else (),
        remote_files=files,
        is_public=True,
        facts=facts,
    )


def _files(value: Mapping[str, Any]) -> tuple[RemoteFile, ...]:
    several = value.get("photos")
    urls = [link({"photo": one}, "photo") for one in several[:20]] if isinstance(several, list) else []
    # A shared link comes with its own `link`; that of a picture is the picture.
    urls += [link(value, "photo")] + ([link(value, "link")] if text(value, "item", most=30) == "photo" else [])
    found = [RemoteFile({"url": url, "type": "image"}, content_type="image/jpeg") for url in dict.fromkeys(urls) if url]
    if video := link(value, "video"):
        found.append(RemoteFile({"url": video, "type": "video"}, content_type="video/mp4"))
    return tuple(found)


def _permalink(value: Mapping[str, Any], root: str, comment: str) -> str:
    page = link(child(value, "post"), "permalink_url") or link(value, "permalink_url")
    page = page or f"https://www.facebook.com/{quote(root, safe='')}"
    if not comment or "comment_id=" in page:
        return page
    number = comment.rpartition("_")[2]
    return f"{page}{'&' if '?' in page else '?'}comment_id={quote(number, safe='')}"


def _afterwards(event: Event, verb: str) -> Inbound:
    """Return what was done to a post or a comment after it was written."""
    value = event.value
    more: dict[str, Any] = {"about": _id_of(value), "thread_key": f"post:{_root(value)}"}
    # The time of an edit is that of the envelope: `created_time` stays that of the comment.
    at = instant({"time": event.time}, "time") or _at(event)
    who = _author(value)
    by = who if not who.address.startswith(UNKNOWN) else Author(NETWORK, "")
    if verb in EDITED:
        said = text(value, "message")
        if not said:
            raise UnsupportedEvent("What was changed is not the text.")
        return Inbound(by, said, InboundKind.EDIT, sent_at=at, **more)
    if verb in REMOVED:
        return Inbound(by, "", InboundKind.DELETION, sent_at=at, **more)
    if verb in {"hide", "unhide"}:
        # Hidden by somebody of the page, whatever `from` says: that is the author.
        return Inbound(Author(NETWORK, ""), "", InboundKind.HIDING, is_undone=verb == "unhide", sent_at=at, **more)
    raise UnsupportedEvent(f"“{verb[:50]}” is not used here.")


def _reaction(event: Event, verb: str) -> list[Inbound]:
    value = event.value
    about = ident(value, "comment_id") or ident(value, "post_id")
    if not about:
        raise AnomalousPayload("The reaction does not say to what.")
    said = text(value, "reaction_type", most=30).lower() or "like"
    name, who = REACTIONS.get(said, said), _author(value)
    more: dict[str, Any] = {"about": about, "thread_key": f"post:{_root(value)}", "sent_at": _at(event)}
    # A person has one reaction to a post or comment: a new one stands in the place of the old one.
    undone = Inbound(who, "", InboundKind.REACTION, is_undone=True, **more)
    if verb in REMOVED:
        return [undone]
    if verb not in {"add", *EDITED}:
        raise UnsupportedEvent(f"“{verb[:50]}” is not used here.")
    return [undone, Inbound(who, "", InboundKind.REACTION, reaction=name, **more)]
