"""An answer as events of a room: relations, and parts that an event can hold."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from comptoir.channels.matrix.render import LIMIT, file_event, preview, text_event
from comptoir.core.types import Outbound, OutboundFile


def outbound(text: str = "Hello", **answers: str) -> Outbound:
    return Outbound(key="k", text=text, to=(), answers={"room": "!r", "id": "$m1", "author": "@ada:x", **answers})


def test_the_first_part_names_what_it_answers_and_tells_its_author() -> None:
    assert text_event(outbound(), "Hello", is_first=True) == {
        "msgtype": "m.text", "body": "Hello", "m.relates_to": {"m.in_reply_to": {"event_id": "$m1"}},
        "m.mentions": {"user_ids": ["@ada:x"]},
    }  # fmt: skip
    assert text_event(outbound(), "more", is_first=False) == {"msgtype": "m.text", "body": "more"}


def test_everything_stays_in_its_thread() -> None:
    first = text_event(outbound(thread="$root"), "a", is_first=True)["m.relates_to"]
    assert (first["rel_type"], first["event_id"], first["is_falling_back"]) == ("m.thread", "$root", False)
    second = text_event(outbound(thread="$root"), "b", is_first=False)["m.relates_to"]
    assert second["is_falling_back"] is True
    assert second["m.in_reply_to"] == {"event_id": "$m1"}


def test_a_file_has_the_kind_of_its_content() -> None:
    for content_type, kind in (("image/png", "m.image"), ("video/mp4", "m.video"), ("application/pdf", "m.file")):
        value = file_event(outbound(), OutboundFile("a", content_type, b"xyz"), "mxc://x/y")
        assert (value["msgtype"], value["info"]) == (kind, {"mimetype": content_type, "size": 3})


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["word", "日本語", "👍" * 50, "\x01" * 300, "\n"]), max_size=4000).map(" ".join))
def test_no_part_is_too_large_for_an_event(text: str) -> None:
    parts = preview(outbound(text), {}).parts
    assert parts
    for part in parts:
        assert part.length == len(part.text) <= LIMIT
        assert len(json.dumps({"body": part.text}, ensure_ascii=False).encode()) < 62_000
    assert "".join("".join(p.text for p in parts).split()) == "".join(text.split())
