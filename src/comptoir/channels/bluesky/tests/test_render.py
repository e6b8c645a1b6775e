"""Parts, facets and record keys, measured by a count of their own."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comptoir.channels.bluesky import render, richtext
from comptoir.channels.bluesky.records import record_key
from comptoir.channels.bluesky.render import Reference
from comptoir.channels.bluesky.tests.fake import TID, graphemes
from comptoir.core.types import Outbound

PIECES = [
    "a",
    "é",
    "e\u0301",
    "👍🏽",
    "👩‍👩‍👧‍👦",
    "🇫🇷",
    "한",
    "中",
    " ",
    "  ",
    "\n",
    ". ",
    "https://a.example/b?c=é ",
    "#tag ",
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=900).map("".join)


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.sampled_from([("post:at://x", 300), ("dm:did:plc:x", 1000)]))
def test_no_part_is_longer_than_the_network_takes(text: str, to: tuple[str, int]) -> None:
    shown = render.preview(Outbound("k", text, (), thread_key=to[0]), {})
    assert shown.limit == to[1]
    for part in shown.parts:
        assert graphemes(part.text) <= to[1]
        assert len(part.text.encode()) <= to[1] * 10
        assert part.length <= to[1]
    if len(shown.parts) > 1:
        assert [p.text.rpartition(" (")[2] for p in shown.parts] == [
            f"{n}/{len(shown.parts)})" for n in range(1, len(shown.parts) + 1)
        ]
    said = "".join(re.sub(r" \(\d+/\d+\)$", "", p.text) if len(shown.parts) > 1 else p.text for p in shown.parts)
    assert re.sub(r"\s", "", said) == re.sub(r"\s", "", text)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=4000))
def test_any_text_at_all_can_be_rendered(text: str) -> None:
    for part in render.preview(Outbound("k", text, ()), {}).parts:
        assert len(part.text.encode()) <= 3000
        richtext.facets(part.text, {})


def test_marks_piled_upon_marks_are_cut() -> None:
    assert all(len(p.encode()) <= 3000 for p in render.parts("a" + "\u0301" * 9000, 300))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://a.example/b.", [("link", "https://a.example/b")]),
        ("(https://a.example/w_(x))", [("link", "https://a.example/w_(x)")]),
        ("é @Ada.Example, hello", [("mention", "ada.example")]),
        ("mail ada@shop.example", []),
        ("@ada", []),
        ("#été, #42 #a#b a#c", [("tag", "été"), ("tag", "a")]),
        ("https://a.example/#frag @b.example", [("link", "https://a.example/#frag"), ("mention", "b.example")]),
        ("https://", []),
    ],
)
def test_links_mentions_and_hashtags_are_found(text: str, found: list[tuple[str, str]]) -> None:
    assert [(span.kind, span.value) for span in richtext.spans(text)] == found


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([*PIECES, "@ada.example", "@b.c", "https://x.example/é", "#x", "é", "."]), max_size=40))
def test_facets_name_exactly_their_bytes(pieces: list[str]) -> None:
    text = "".join(pieces)
    last = 0
    for facet in richtext.facets(text, {"ada.example": "did:plc:x"}):
        start, end = facet["index"]["byteStart"], facet["index"]["byteEnd"]
        assert last <= start < end
        last = end
        piece, feature = text.encode()[start:end].decode(), facet["features"][0]
        value = feature.get("uri") or feature.get("tag") or feature.get("did")
        assert piece in {value, f"#{value}", "@ada.example"}


def test_a_record_key_is_the_same_at_every_attempt_and_differs_by_part() -> None:
    keys = [record_key("k", "2026-01-31T11:00:00+00:00", number) for number in range(5)]
    assert keys == [record_key("k", "2026-01-31T11:00:00+00:00", number) for number in range(5)]
    assert keys == sorted(set(keys))
    assert all(TID.fullmatch(key) for key in [*keys, record_key("", "", 0), record_key("\ud800", "nonsense", 99)])
    assert record_key("other", "2026-01-31T11:00:00+00:00", 0) != keys[0]


def test_a_post_carries_its_thread_its_facets_and_its_images() -> None:
    root, parent = Reference("at://r", "c1"), Reference("at://p", "c2")
    record = render.post("Hi @ada.example", root=root, parent=parent, dids={"ada.example": "did:plc:x"},
                         images=[{"$type": "blob"}], written_at="2026-01-31T11:00:00.000Z")  # fmt: skip
    assert record["reply"] == {"root": {"uri": "at://r", "cid": "c1"}, "parent": {"uri": "at://p", "cid": "c2"}}
    assert record["embed"]["images"] == [{"image": {"$type": "blob"}, "alt": ""}]
    assert record["facets"][0]["features"][0]["did"] == "did:plc:x"
