"""Every fixture as an event, and nothing but the two declared errors for anything else."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comptoir.channels.bluesky.adapter import CHANNEL
from comptoir.channels.bluesky.parse import parse
from comptoir.channels.bluesky.tests.fake import ADA, US
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.types import Inbound, InboundKind, ParseContext

FIXTURES = Path(__file__).parents[1] / "fixtures"
AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
CONTEXT = ParseContext(1, "", {}, "poll", AT, "x", b"k" * 32)
ROOT = f"at://{ADA}/app.bsky.feed.post/3n37ylvsbr22r"
OURS = f"at://{US}/app.bsky.feed.post/3n37yla2222aa"


def read(name: str) -> Inbound:
    events = parse((FIXTURES / f"{name}.json").read_bytes(), CONTEXT, lambda content: "0" * 64)
    assert len(events) == 1
    return events[0]


def test_a_mention_opens_a_public_thread_with_its_link_in_full_and_its_image() -> None:
    event = read("mention")
    assert event.kind is InboundKind.MESSAGE
    assert event.is_public
    assert (event.author.kind, event.author.address, event.author.name) == ("bluesky", ADA, "Ada Martin")
    assert event.text == (
        "Hello @ondavelle.example, no dial tone since Monday. Photo: https://ondavelle.example/help/dial-tone"
    )
    assert event.thread_key == f"post:{ROOT}"
    assert event.message_id == ROOT
    assert event.language == "en"
    assert event.facts["permalink"] == "https://bsky.app/profile/ada.example/post/3n37ylvsbr22r"
    assert (event.facts["root_uri"], event.facts["root_cid"]) == (ROOT, event.facts["cid"])
    assert [(f.ref["did"], f.content_type, f.size) for f in event.remote_files] == [(ADA, "image/jpeg", 81234)]


def test_a_reply_belongs_to_the_thread_of_its_first_post() -> None:
    event = read("reply")
    assert event.thread_key == f"post:{ROOT}"
    assert event.facts["root_cid"] == "bafyreiroot"
    assert event.facts["parent_uri"] == OURS
    assert read("reply-to-ours").thread_key == f"post:{OURS}"


def test_a_quote_is_a_thread_of_its_own_with_the_card_s_address() -> None:
    event = read("quote")
    assert event.thread_key.endswith("3n37ylwhcmc2r")
    assert event.facts["quotes"] == OURS
    assert event.text.splitlines() == ["So this is their answer.", "https://news.example/dial-tone"]


@pytest.mark.parametrize("name", ["like", "repost"])
def test_likes_and_reposts_are_reactions(name: str) -> None:
    event = read(name)
    assert (event.kind, event.about, event.reaction) == (InboundKind.REACTION, OURS, name)


def test_our_own_posts_go_to_whom_they_answer() -> None:
    event = read("own")
    assert event.kind is InboundKind.OWN
    assert event.author.address == US
    assert [person.address for person in event.to] == [ADA]
    assert event.thread_key == f"post:{ROOT}"


def test_a_vanished_post_is_a_deletion() -> None:
    event = read("vanished")
    assert (event.kind, event.about) == (InboundKind.DELETION, ROOT)


def test_direct_messages_have_one_thread_a_person() -> None:
    event, own = read("chat-message"), read("chat-own")
    assert (event.kind, own.kind) == (InboundKind.MESSAGE, InboundKind.OWN)
    assert event.thread_key == own.thread_key == f"dm:{ADA}"
    assert CHANNEL.private_thread is not None
    assert CHANNEL.private_thread({"author": ADA}) == event.thread_key
    assert not event.is_public
    assert event.author.name == "Ada Martin"
    assert own.to[0].address == ADA
    assert event.message_id == "3n37convo2222/3n37ymbbbbb2b"
    assert read("chat-group").thread_key == "dm:convo:3n37convo2222"


def test_reactions_of_direct_messages_come_and_go() -> None:
    event, undone = read("chat-reaction"), read("chat-unreaction")
    assert (event.about, event.reaction, event.is_undone) == ("3n37convo2222/3n37ymbbbbb2b", "👍", False)
    assert undone.is_undone
    assert event.author.address == ADA


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("follow", UnsupportedEvent, "follower"),
        ("own-to-nobody", UnsupportedEvent, "nobody"),
        ("nasty-chat-deleted", UnsupportedEvent, "private"),
        ("nasty-unknown-reason", UnsupportedEvent, "starred-twice"),
        ("nasty-no-text", AnomalousPayload, "text"),
        ("nasty-reply", AnomalousPayload, "object"),
        ("nasty-uri", AnomalousPayload, "address"),
    ],
)
def test_what_cannot_be_used_says_why(name: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        read(name)


def test_wrong_parts_of_a_post_do_not_harm_the_rest() -> None:
    event = read("nasty-types")
    assert event.text == "half a pair  and NUL  here"
    assert event.sent_at is None
    assert event.language == ""
    assert event.remote_files == ()
    assert event.author.name == ""
    assert event.facts["permalink"].startswith(f"https://bsky.app/profile/{ADA}/post/")


def test_messages_have_facts_and_every_fixture_is_read() -> None:
    for path in FIXTURES.iterdir():
        try:
            event = read(path.stem)
        except (AnomalousPayload, UnsupportedEvent):
            continue
        assert event.kind not in {InboundKind.MESSAGE, InboundKind.OWN} or (event.facts and event.message_id)
        assert len(event.thread_key) <= 200


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
    | st.sampled_from([ROOT, US, "2026-13-45", "did:", "9" * 5000, "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from("uri cid did text record reply root parent embed images image ref $link facets".split()),
        inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(found for key, one in inner for found in paths(one, (*at, key)))]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_one_wrong_part_raises_only_declared_errors(data: st.DataObject) -> None:
    value = json.loads(data.draw(st.sampled_from(sorted(FIXTURES.iterdir()))).read_text())
    path = data.draw(st.sampled_from(paths(value)[1:]))
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    if data.draw(st.booleans()):
        inner[path[-1]] = data.draw(ANYTHING)
    elif isinstance(inner, dict):
        del inner[path[-1]]
    try:
        events = parse(json.dumps(value).encode(), CONTEXT, lambda content: "0" * 64)
    except (AnomalousPayload, UnsupportedEvent) as error:
        assert str(error)
    else:
        for event in events:
            assert len(event.thread_key) <= 200
            event.text.encode()
