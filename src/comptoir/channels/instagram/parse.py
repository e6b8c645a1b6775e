"""Direct messages, story replies and mentions, and comments of an Instagram account. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from comptoir.channels.base import Piece
from comptoir.channels.graph import events
from comptoir.channels.graph.events import Event
from comptoir.channels.graph.messaging import UNKNOWN, collect, parse_messaging
from comptoir.channels.graph.untrusted import child, ident, instant, text
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.types import AccountConfig, Author, Inbound, InboundKind, ParseContext

NETWORK = "instagram"
COMMENTS = frozenset({"comments", "live_comments"})


def identify(body: bytes, account: AccountConfig) -> Sequence[Piece]:
    """Split a webhook body into its events."""
    return events.identify(body, account, kind=events.INSTAGRAM, own=str(account.options.get("account_id", "")))


def parse(raw: bytes, context: ParseContext, store: Callable[[bytes], str]) -> list[Inbound]:
    """Parse one event. Raises AnomalousPayload, UnsupportedEvent."""
    own = str(context.options.get("account_id", ""))

    def read(event: Event) -> list[Inbound]:
        if event.is_messaging:
            return parse_messaging(event, network=NETWORK, own=own)
        if event.field in COMMENTS:
            return [_comment(event, own or event.entry)]
        if event.field == "mentions":
            raise UnsupportedEvent("A mention elsewhere names neither its author nor its text.")
        raise UnsupportedEvent(f"Changes of “{event.field[:50]}” are not used here.")

    return collect(events.events(raw), read)


def _comment(event: Event, own: str) -> Inbound:
    value = event.value
    comment, media, parent = ident(value, "id"), child(value, "media"), ident(value, "parent_id")
    root = ident(media, "id")
    if not comment or not root:
        raise AnomalousPayload("The comment has no id, or does not say under which post it stands.")
    said = text(value, "text")
    if not said:
        raise UnsupportedEvent("The comment has no text.")
    author = _author(child(value, "from"), comment)
    # The account may have another id where it comments itself; the platform then says that it is the account.
    is_ours = bool(own) and (author.address == own or bool(ident(child(value, "from"), "self_ig_scoped_id")))
    if is_ours and not parent:
        raise UnsupportedEvent("This is a comment of ours on a post of ours.")
    facts = {
        "item": "comment",
        "comment": comment,
        # The network takes answers to comments of the first level only; below them all stand side by side.
        "answer_to": parent or comment,
        "media": root,
        "product": text(media, "media_product_type", most=30),
        "live": event.field == "live_comments",
    }
    return Inbound(
        author=author,
        text=said,
        kind=InboundKind.OWN if is_ours else InboundKind.MESSAGE,
        thread_key=f"post:{root}",
        sent_at=instant(value, "timestamp") or instant({"time": event.time}, "time"),
        message_id=comment,
        in_reply_to=(parent,) if parent else (),
        is_public=True,
        facts=facts,
    )


def _author(person: Mapping[str, Any], comment: str) -> Author:
    name = text(person, "username", most=200) or text(person, "name", most=200)
    return Author(NETWORK, ident(person, "id") or f"{UNKNOWN}{comment}", name)
