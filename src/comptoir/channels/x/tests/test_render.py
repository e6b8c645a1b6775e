"""What leaves keeps to the limits of X, counted again here in another way."""

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comptoir.channels.x import render
from comptoir.core.types import Author, Outbound, OutboundFile

ADA = (Author("x", "2222"),)
LIGHT = [range(0x1100), range(0x2000, 0x200E), range(0x2010, 0x2020), range(0x2032, 0x2038)]
LINK = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?')\]]")


def pessimist(text: str) -> int:
    """Return a length that is never below that of X for texts without emoji: each code point weighs 1 or 2."""
    text = unicodedata.normalize("NFC", text)
    links = LINK.findall(text)
    rest = LINK.sub("", text)
    return 23 * len(links) + sum(1 if any(ord(c) in r for r in LIGHT) else 2 for c in rest)


WORDS = st.lists(
    st.sampled_from(["Bonjour", "é", "店に", "https://example.org/" + "a" * 90, "nous", "regardons.", "\n", "x" * 400]),
    max_size=150,
).map(" ".join)


@settings(max_examples=80, deadline=None)
@given(WORDS | st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs", "So", "Sk"]), max_size=2000))
def test_no_post_is_ever_too_long(text: str) -> None:
    parts = [leaf.text for leaf in render.plan(Outbound("k", text, ADA, is_public=True))]
    assert all(pessimist(part) <= 280 for part in parts)
    assert not render.preview(Outbound("k", text, ADA, is_public=True), {}).is_too_long
    if len(parts) > 1:
        assert [part.rpartition(" ")[2] for part in parts] == [f"{n}/{len(parts)}" for n in range(1, len(parts) + 1)]


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=25_000))
def test_no_direct_message_is_ever_too_long(text: str) -> None:
    assert all(len(leaf.text) <= 10_000 for leaf in render.plan(Outbound("k", text, ADA)))


def test_nothing_of_a_thread_is_lost() -> None:
    text = " ".join(f"mot{number}" for number in range(900))
    parts = [leaf.text for leaf in render.plan(Outbound("k", text, ADA, is_public=True))]
    assert len(parts) > 9
    assert " ".join(part.rpartition(" ")[0] for part in parts) == text


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("Bonjour", 7),
        ("voir https://example.org/" + "a" * 100, 28),
        ("voir example.org", 28),  # X makes a link of it
        ("a@example.org", 13),
        ("店", 2),
        ("👍🏽", 2),
        ("v1.2 du 3.4", 11),
    ],
)
def test_lengths_are_those_of_x(text: str, length: int) -> None:
    assert render.measure(text) == length


def test_pictures_go_four_to_a_post_and_one_to_a_direct_message() -> None:
    files = tuple(OutboundFile(f"{n}.png", "image/png", b"x") for n in range(6))
    public = render.plan(Outbound("k", "Voici", ADA, is_public=True, files=files))
    assert [(leaf.text, len(leaf.files)) for leaf in public] == [("Voici", 4), ("", 2)]
    private = render.plan(Outbound("k", "Voici", ADA, files=files))
    assert [len(leaf.files) for leaf in private] == [1] * 6


@pytest.mark.parametrize(
    ("content_type", "size", "why"),
    [
        ("image/png", 10, ""),
        ("image/gif", 10 * 1024 * 1024, ""),
        ("image/png", 6 * 1024 * 1024, "size"),
        ("application/pdf", 10, "kind"),
    ],
)
def test_files_that_x_does_not_take(content_type: str, size: int, why: str) -> None:
    assert render.refusal_of(OutboundFile("f", content_type, b"x" * size)) == why


def test_a_text_is_the_same_with_the_names_that_x_puts_before_it() -> None:
    assert render.same("Bonjour  Ada", "@ada_m @b Bonjour Ada")
    assert not render.same("Bonjour", "Bonsoir")
