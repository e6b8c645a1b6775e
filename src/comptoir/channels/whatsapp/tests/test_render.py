"""What leaves keeps to WhatsApp's limits, counted again here in another way."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comptoir.channels.base import After
from comptoir.channels.whatsapp import approved, render, rules
from comptoir.core.types import Author, Outbound, OutboundFile, Template

ADA = (Author("whatsapp", "FR.1000000000000001"),)


@settings(max_examples=150, deadline=None)
@given(
    st.text(max_size=12_000) | st.text("aé👍🏽. \n", max_size=12_000),
    st.lists(st.text(max_size=25), max_size=5).map(tuple),
    st.booleans(),
)
def test_no_part_is_ever_too_long(text: str, choices: tuple[str, ...], with_file: bool) -> None:
    files = (OutboundFile("a.png", "image/png", b"x"),) if with_file else ()
    message = Outbound("k", text, ADA, choices=choices, files=files)
    for leaf in render.plan(message):
        value = json.loads(json.dumps(render.payload(message, leaf, media_id="1")))
        if value["type"] == "text":
            assert len(value["text"]["body"].encode("utf-32-le", "surrogatepass")) // 4 <= 4096
        if value["type"] == "interactive":
            assert len(value["interactive"]["body"]["text"].encode("utf-32-le", "surrogatepass")) // 4 <= 1024
            assert len(value["interactive"]["action"]["buttons"]) <= 3
        if value["type"] == "image":
            assert len(value["image"].get("caption", "")) <= 1024
    shown = render.preview(message, {})
    assert not shown.is_too_long


def test_nothing_of_a_long_text_is_lost() -> None:
    text = " ".join(f"mot{number}" for number in range(3000))
    leaves = render.plan(Outbound("k", text, ADA))
    assert len(leaves) > 1
    assert " ".join(leaf.text for leaf in leaves) == text


@pytest.mark.parametrize(
    ("label", "choices", "kind"),
    [
        ("three short ones are buttons", ("Oui", "Non", "Plus tard"), "interactive"),
        ("four are written below", ("Un", "Deux", "Trois", "Quatre"), "text"),
        ("a long one is written below", ("Un choix dont le nom est long",), "text"),
        ("two of one name are written below", ("Oui", "Oui"), "text"),
    ],
)
def test_short_answers(label: str, choices: tuple[str, ...], kind: str) -> None:
    message = Outbound("k", "Est-ce arrivé ?", ADA, choices=choices)
    (leaf,) = render.plan(message)
    value = render.payload(message, leaf)
    assert value["type"] == kind
    assert all(choice in json.dumps(value, ensure_ascii=False) for choice in choices)


def test_a_template_leaves_with_its_values() -> None:
    message = Outbound("k", "Bonjour Ada", ADA, template=Template("retour", "fr", ("Ada", "42")))
    (leaf,) = render.plan(message)
    told = render.payload(message, leaf)["template"]
    assert told["language"] == {"code": "fr"}
    assert [one["text"] for one in told["components"][0]["parameters"]] == ["Ada", "42"]


@pytest.mark.parametrize(
    ("label", "address", "answers", "expected"),
    [
        ("user id alone", "FR.1000000000000001", {}, {"recipient": "FR.1000000000000001"}),
        ("number alone", "33600000003", {}, {"to": "33600000003"}),
        ("both", "FR.1", {"wa_id": "33600000001", "author": "FR.1"}, {"to": "33600000001"}),
        ("somebody else's number", "FR.1", {"wa_id": "33600000001", "author": "FR.2"}, {"recipient": "FR.1"}),
    ],
)
def test_whom_it_goes_to(label: str, address: str, answers: dict[str, str], expected: dict[str, str]) -> None:
    assert render.recipient_of(Outbound("k", "x", (Author("whatsapp", address),), answers=answers)) == expected


@pytest.mark.parametrize(
    ("content_type", "size", "kind"),
    [
        ("image/jpeg", 10, "image"),
        ("image/jpeg", 6 * 1024 * 1024, "document"),
        ("audio/ogg; codecs=opus", 10, "audio"),
        ("video/mp4", 10, "video"),
        ("application/pdf", 10, "document"),
        ("image/tiff", 10, "document"),
    ],
)
def test_files_leave_as_what_whatsapp_takes(content_type: str, size: int, kind: str) -> None:
    assert render.kind_of(OutboundFile("f", content_type, b"x" * size)) == kind


def test_the_window_is_a_day_and_then_templates() -> None:
    at = datetime(2026, 1, 1, 12, tzinfo=UTC)
    window = rules.window(at, is_public=False, facts={})
    assert window is not None
    assert (window.closes_at, window.after, window.ends_at) == (at + timedelta(hours=24), After.TEMPLATE, None)


@pytest.mark.parametrize("row", [None, [], {}, {"name": 1}, {"name": "a", "language": "fr", "components": [{}]}])
def test_a_strange_template_is_none(row: object) -> None:
    assert approved.approved_of(row) is None
