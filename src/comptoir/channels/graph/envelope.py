"""What a private message looks like to the Send API of Messenger and Instagram. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from comptoir.channels.graph.messaging import THREAD
from comptoir.core.errors import ChannelError
from comptoir.core.types import Outbound, OutboundFile

QUICK_MOST, QUICK_TITLE, QUICK_PAYLOAD = 13, 20, 1000  # of quick replies, and characters of each
FILE_MOST = 25 * 1024 * 1024  # bytes of one attachment
_TYPES = ("image", "video", "audio")


@dataclass(frozen=True, slots=True)
class Recipient:
    """To whom a message goes: a person, or the author of a comment or post (a private reply, once)."""

    field: str  # id, comment_id, post_id
    value: str

    @property
    def is_private_reply(self) -> bool:
        """Whether it is the one private reply to something public."""
        return self.field != "id"


def recipient_of(message: Outbound) -> Recipient:
    """Return to whom a private message goes. Raises ChannelError where nothing says it."""
    answers = message.answers
    if answers.get("item") in {"comment", "post"}:
        name = "comment_id" if answers["item"] == "comment" else "post_id"
        value = str(answers.get("comment") or answers.get("post") or "")
    else:
        person = message.to[0].address if message.to else ""
        name, value = "id", message.thread_key.removeprefix(THREAD) or person
    if not value:
        raise ChannelError("It is not known to whom this goes.", permanent=True)
    return Recipient(name, value)


def frame(message: Outbound, recipient: Recipient, *, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON of one call. Raises ChannelError for an automatic message under the tag for people."""
    value: dict[str, Any] = {"recipient": {recipient.field: recipient.value}, "message": dict(content)}
    if recipient.is_private_reply:
        return value
    if message.is_late and message.automatic:
        words = "After 24 hours only a person may answer here; this answer was automatic."
        raise ChannelError(words, permanent=True)
    if message.is_late:
        return {**value, "messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
    return {**value, "messaging_type": "RESPONSE"}


def quick_replies(choices: Sequence[str]) -> list[dict[str, str]]:
    """Return short answers to tap; a longer one is cut in what is shown, and whole in what comes back."""
    wanted = list(dict.fromkeys(choice.strip() for choice in choices if choice.strip()))[:QUICK_MOST]
    return [{"content_type": "text", "title": _cut(one), "payload": one[:QUICK_PAYLOAD]} for one in wanted]


def _cut(choice: str) -> str:
    return choice if len(choice) <= QUICK_TITLE else choice[: QUICK_TITLE - 1].rstrip() + "…"


def type_of(file: OutboundFile) -> str:
    """Return what the network calls a file: image, video, audio or file."""
    kind = file.content_type.partition("/")[0].lower()
    return kind if kind in _TYPES else "file"
