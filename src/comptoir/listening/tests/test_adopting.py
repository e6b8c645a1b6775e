"""A post that listening found becomes an account's own record, which its channel reads like any other mention."""

from datetime import UTC, datetime
from typing import Any

import pytest

from comptoir.channels.base import Found
from comptoir.channels.registry import channels
from comptoir.core.types import AccountConfig, Author, InboundKind, ParseContext

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONTEXT = ParseContext(1, "us.example", {}, "listening", AT, "x", b"k" * 32)
BLUESKY: dict[str, Any] = {
    "uri": "at://did:plc:ada/app.bsky.feed.post/3k1", "cid": "bafy1", "did": "did:plc:ada",
    "record": {"$type": "app.bsky.feed.post", "text": "No network in Dieppe", "createdAt": "2026-03-01T12:00:00Z"},
}  # fmt: skip
MASTODON: dict[str, Any] = {
    "id": "77", "uri": "https://social.example/77", "url": "https://social.example/@ada/77", "visibility": "public",
    "content": "<p>No network in Dieppe</p>", "created_at": "2026-03-01T12:00:00.000Z", "in_reply_to_id": None,
    "account": {"id": "5", "acct": "ada", "username": "ada", "display_name": "Ada", "url": "https://social.example/@ada"},
    "mentions": [], "media_attachments": [], "language": "en",
}  # fmt: skip


def _found(network: str, server: str, raw: dict[str, Any]) -> Found:
    return Found(
        network, server, "1", "https://example.org/1", Author(network, "ada", "Ada"), "x", AT, "en", "ada", raw
    )


@pytest.mark.parametrize(
    ("network", "server", "raw", "options"),
    [
        ("bluesky", "wss://jetstream.example", BLUESKY, {"handle": "us.example"}),
        ("mastodon", "https://social.example", MASTODON, {"server": "https://social.example"}),
    ],
)
def test_the_channel_reads_what_it_adopted(
    network: str, server: str, raw: dict[str, Any], options: dict[str, Any]
) -> None:
    channel = channels()[network]
    assert channel.adopt is not None
    account = AccountConfig(1, network, "Us", "us.example", options)
    piece = channel.adopt(_found(network, server, raw), account)
    assert piece is not None
    again = channel.adopt(_found(network, server, raw), account)
    assert again is not None and again.external_id == piece.external_id  # INV-02
    [event] = channel.parse(piece.raw, CONTEXT, lambda content: "0" * 64)
    assert (event.kind, event.is_public) == (InboundKind.MESSAGE, True)
    assert "No network in Dieppe" in event.text and event.thread_key
    assert channel.adopt(_found("feed", server, raw), account) is None


def test_a_post_of_another_server_cannot_be_answered_from_here() -> None:
    adopt = channels()["mastodon"].adopt
    assert adopt is not None
    account = AccountConfig(1, "mastodon", "Us", "us", {"server": "https://social.example"})
    assert adopt(_found("mastodon", "https://elsewhere.example", MASTODON), account) is None
