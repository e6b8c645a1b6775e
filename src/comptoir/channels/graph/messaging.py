"""Private conversations of Messenger and Instagram: what one event of them means. Pure.

Both networks send the same shapes. The customer is a page-scoped or Instagram-scoped id, and the conversation with
them is the thread "dm:<id>".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from comptoir.channels.base import After, Window
from comptoir.channels.graph.events import Event, customer_of, digest, is_echo
from comptoir.channels.graph.untrusted import child, children, ident, instant, link, text
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.types import Author, Delivered, Inbound, InboundKind, Receipt, RemoteFile

THREAD = "dm:"
UNKNOWN = "unknown:"  # before the id of a public text whose author the platform does not name
FREE_FOR = timedelta(hours=24)  # after the customer's last message
PEOPLE_FOR = timedelta(days=7)  # under the tag for human agents
PRIVATE_REPLY_FOR = timedelta(days=7)  # after a comment, and once
FILE_TYPES = {"image": "image/jpeg", "video": "video/mp4", "audio": "audio/mp4", "file": ""}
# What people see in place of things that are no text, in the words of the networks' own apps.
SHARED = {
    "ig_post": "Shared post", "ig_reel": "Shared reel", "reel": "Shared reel", "ig_story": "Shared story",
    "share": "Shared post", "post": "Shared post", "story_mention": "Mentioned you in a story",
    "fallback": "Shared link", "template": "Sent a template", "location": "Shared a place",
    "product": "Shared a product", "ephemeral": "Sent a picture that can be seen once, in the app only",
}  # fmt: skip
UNSUPPORTED = "Sent something that the network shows in its own app only."
NOT_USED = {
    "optin": "a consent to be written to", "account_linking": "the linking of an account",
    "pass_thread_control": "the hand-over between apps", "take_thread_control": "the hand-over between apps",
    "request_thread_control": "the hand-over between apps", "app_roles": "the hand-over between apps",
    "policy_enforcement": "a warning of the network, which its own pages show", "game_play": "a game",
    "payment": "a payment", "typing": "somebody who types", "messaging_feedback": "a survey of the network",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sides:
    """Who takes part in one event."""

    network: str
    customer: str
    account: str
    at: datetime | None

    @property
    def author(self) -> Author:
        """The customer."""
        return Author(self.network, self.customer)

    @property
    def thread(self) -> str:
        """The key of the conversation."""
        return f"{THREAD}{self.customer}"


def window(asked_at: datetime, *, is_public: bool, facts: Mapping[str, Any]) -> Window | None:
    """24 hours, then a person may answer for the rest of seven days; a comment, privately, for seven days and once."""
    if is_public:
        return None
    if facts.get("item"):
        return Window(asked_at + PRIVATE_REPLY_FOR, After.NOTHING)
    return Window(asked_at + FREE_FOR, After.TAG, asked_at + PEOPLE_FOR)


def private_thread(facts: Mapping[str, Any]) -> str:
    """Return the private conversation with the author of something public; '' where the author is not known."""
    author = facts.get("author")
    is_known = isinstance(author, str) and author and not author.startswith(UNKNOWN)
    return f"{THREAD}{author}" if is_known and facts.get("item") else ""


def parse_messaging(event: Event, *, network: str, own: str) -> list[Inbound]:
    """Return what a messaging event means. Raises AnomalousPayload, UnsupportedEvent."""
    value = event.value
    customer = customer_of(value)
    if not customer:
        raise AnomalousPayload("The event does not say whom it is about.")
    if own and customer == own:
        raise UnsupportedEvent("The account wrote to itself.")
    account = ident(child(value, "sender" if is_echo(value) else "recipient"), "id")
    at = instant(value, "timestamp") or instant({"time": event.time}, "time")
    sides = Sides(network, customer, account, at)
    for name, read in _READERS.items():
        if isinstance(value.get(name), dict):
            return read(child(value, name), sides)
    named = next((words for name, words in NOT_USED.items() if name in value), "something that is not used here")
    raise UnsupportedEvent(f"This tells of {named}.")


def _message(message: Mapping[str, Any], sides: Sides) -> list[Inbound]:
    mid = ident(message, "mid")
    if not mid:
        raise AnomalousPayload("The message has no id.")
    is_ours = is_echo({"message": message})
    author = Author(sides.network, sides.account) if is_ours else sides.author
    if message.get("is_deleted") is True:
        return [Inbound(author, "", InboundKind.DELETION, about=mid, thread_key=sides.thread, sent_at=sides.at)]
    files = _files(message)
    said = _said(message, has_files=bool(files))
    if not said and not files:
        raise UnsupportedEvent("The message is empty.")
    answered = ident(child(message, "reply_to"), "mid")
    key = text(message, "metadata", most=300)
    return [
        Inbound(
            author=author,
            text=said,
            kind=InboundKind.OWN if is_ours else InboundKind.MESSAGE,
            to=(sides.author,) if is_ours else (),
            receipt=Receipt(key, Delivered.SENT, mid) if is_ours and key else None,
            thread_key=sides.thread,
            sent_at=sides.at,
            message_id=mid,
            in_reply_to=(answered,) if answered else (),
            remote_files=files,
            facts=_facts(message, sides),
        )
    ]


def _facts(message: Mapping[str, Any], sides: Sides) -> dict[str, Any]:
    facts: dict[str, Any] = {"user": sides.customer, "account": sides.account}
    if payload := text(child(message, "quick_reply"), "payload", most=1000):
        facts["payload"] = payload
    if referral := _referral(child(message, "referral")):
        facts["referral"] = referral
    story = child(child(message, "reply_to"), "story")
    if story:
        facts["story"] = {"id": ident(story, "id"), "url": link(story, "url")}
    if kinds := [kind for kind in (text(one, "type", most=60) for one in children(message, "attachments")) if kind]:
        facts["attachments"] = kinds[:20]
    return facts


def _said(message: Mapping[str, Any], *, has_files: bool) -> str:
    """Return the text of a message, or words for what it has in its place."""
    if said := text(message, "text"):
        return said
    if message.get("is_unsupported") is True:
        return UNSUPPORTED
    words: list[str] = []
    for attachment in children(message, "attachments"):
        kind, payload = text(attachment, "type", most=60), child(attachment, "payload")
        if kind in FILE_TYPES:
            continue
        parts = [SHARED.get(kind, UNSUPPORTED)]
        if kind == "location":
            parts.append(_place(child(payload, "coordinates")))
        if kind in {"fallback", "template"}:
            parts += [text(attachment, "title", most=300) or text(payload, "title", most=300)]
            parts.append(link(attachment, "url") or link(payload, "url"))
        words.append(" ".join(filter(None, parts)))
    if words or has_files:
        return "\n".join(words[:20])
    return UNSUPPORTED if list(children(message, "attachments")) else ""


def _place(coordinates: Mapping[str, Any]) -> str:
    found = [coordinates.get(name) for name in ("lat", "long")]
    is_known = all(isinstance(one, (int, float)) and not isinstance(one, bool) and abs(one) <= 180 for one in found)
    return f"https://www.openstreetmap.org/?mlat={found[0]:.6f}&mlon={found[1]:.6f}" if is_known else ""


def _files(message: Mapping[str, Any]) -> tuple[RemoteFile, ...]:
    """Return the files of a message; a story that is answered is one, so that people see what is spoken of."""
    found: list[RemoteFile] = []
    for attachment in children(message, "attachments"):
        kind, payload = text(attachment, "type", most=60), child(attachment, "payload")
        url = link(payload, "url")
        if url and kind not in {"fallback", "template", "location"}:
            found.append(RemoteFile({"url": url, "type": kind}, content_type=FILE_TYPES.get(kind, "")))
    if url := link(child(child(message, "reply_to"), "story"), "url"):
        found.append(RemoteFile({"url": url, "type": "ig_story"}))
    return tuple(found[:20])


def _referral(referral: Mapping[str, Any]) -> dict[str, str]:
    """Return from where somebody came into the conversation: a link, an advertisement, a product."""
    found = {name: text(referral, name, most=300) for name in ("ref", "source", "type", "ad_id", "referer_uri")}
    if product := ident(child(referral, "product"), "id"):
        found["product"] = product
    return {name: value for name, value in found.items() if value}


def _postback(postback: Mapping[str, Any], sides: Sides) -> list[Inbound]:
    title, payload = text(postback, "title", most=1000), text(postback, "payload", most=1000)
    if not (title or payload):
        raise UnsupportedEvent("A button without a word was tapped.")
    stamp = sides.at.isoformat() if sides.at else ""
    mid = ident(postback, "mid") or f"postback:{sides.customer}:{stamp}:{digest(title + payload)}"
    facts: dict[str, Any] = {"user": sides.customer, "account": sides.account, "payload": payload}
    if referral := _referral(child(postback, "referral")):
        facts["referral"] = referral
    return [
        Inbound(sides.author, title or payload, thread_key=sides.thread, sent_at=sides.at, message_id=mid, facts=facts)
    ]


def _came(referral: Mapping[str, Any], sides: Sides) -> list[Inbound]:
    """Somebody opened a conversation by a link or an advertisement, and has not written."""
    meta = {"referral": _referral(referral)}
    return [Inbound(sides.author, "", InboundKind.CONTACT, thread_key=sides.thread, sent_at=sides.at, meta=meta)]


def _edit(edit: Mapping[str, Any], sides: Sides) -> list[Inbound]:
    mid, said = ident(edit, "mid"), text(edit, "text")
    if not (mid and said):
        raise AnomalousPayload("The edit does not say of which message, or what it says now.")
    return [
        Inbound(sides.author, said, InboundKind.EDIT, about=mid, thread_key=sides.thread, sent_at=sides.at)
    ]  # fmt: skip


def _reaction(reaction: Mapping[str, Any], sides: Sides) -> list[Inbound]:
    mid = ident(reaction, "mid")
    if not mid:
        raise AnomalousPayload("The reaction does not say to which message.")
    is_undone = text(reaction, "action") == "unreact"
    name = text(reaction, "emoji", most=60) or text(reaction, "reaction", most=60)
    if not (name or is_undone):
        raise AnomalousPayload("The reaction has neither an emoji nor a name.")
    more: dict[str, Any] = {"about": mid, "thread_key": sides.thread, "sent_at": sides.at}
    # One person has one reaction to a message: a new one stands in the place of the old one.
    undone = Inbound(sides.author, "", InboundKind.REACTION, is_undone=True, **more)
    return [undone] if is_undone else [undone, Inbound(sides.author, "", InboundKind.REACTION, reaction=name, **more)]


def _delivery(delivery: Mapping[str, Any], sides: Sides) -> list[Inbound]:
    """A watermark; where the messages are named, they are what is certain."""
    found = delivery.get("mids")
    listed = found if isinstance(found, list) else []
    mids = [mid for one in listed[:100] if (mid := ident({"mid": one}, "mid"))]
    if mids:
        return [_receipt(sides, Receipt("", Delivered.DELIVERED, mid)) for mid in mids]
    return [_receipt(sides, Receipt("", Delivered.DELIVERED, up_to=_watermark(delivery)))]


def _read(read: Mapping[str, Any], sides: Sides) -> list[Inbound]:
    """A watermark; Instagram names the last message that was seen, and all before it were seen with it."""
    if mid := ident(read, "mid"):
        told = [_receipt(sides, Receipt("", Delivered.READ, mid))]
        if sides.at is not None:
            told.append(_receipt(sides, Receipt("", Delivered.READ, up_to=sides.at)))
        return told
    return [_receipt(sides, Receipt("", Delivered.READ, up_to=_watermark(read)))]


def _watermark(value: Mapping[str, Any]) -> datetime:
    at = instant(value, "watermark")
    if at is None:
        raise AnomalousPayload("The receipt names neither a message nor an instant.")
    return at


def _receipt(sides: Sides, receipt: Receipt) -> Inbound:
    return Inbound(
        sides.author, "", InboundKind.RECEIPT, receipt=receipt, thread_key=sides.thread, sent_at=sides.at
    )  # fmt: skip


_READERS: dict[str, Callable[[Mapping[str, Any], Sides], list[Inbound]]] = {
    "message": _message, "postback": _postback, "message_edit": _edit, "reaction": _reaction,
    "delivery": _delivery, "read": _read, "referral": _came,
}  # fmt: skip


def collect(found: list[Event], read: Callable[[Event], list[Inbound]]) -> list[Inbound]:
    """Read every event of a record; what is of no use is passed over, unless nothing else is there."""
    results: list[Inbound] = []
    unused: UnsupportedEvent | None = None
    for event in found:
        try:
            results.extend(read(event))
        except UnsupportedEvent as reason:
            unused = unused or reason
    if not results and unused is not None:
        raise unused
    return results
