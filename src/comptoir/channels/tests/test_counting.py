"""Lengths as the platforms count them, by tables; splitting loses nothing and fits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comptoir.channels import counting
from comptoir.channels.base import Unit
from comptoir.channels.sandbox.render import preview
from comptoir.core.types import Outbound

FAMILY = "👨\u200d👩\u200d👧\u200d👦"


@pytest.mark.parametrize(
    ("case", "text", "expected"),
    [
        ("plain", "Hello", 5),
        ("accents composed", "été", 3),
        ("accents apart count as composed", "e\u0301te\u0301", 3),
        ("Chinese counts twice", "你好", 4),
        ("an emoji is two", "👍", 2),
        ("so is one with a skin tone", "👍🏽", 2),
        ("so is a family", FAMILY, 2),
        ("so is a flag", "🇫🇷", 2),
        ("a link is 23 however long", "https://example.org/" + "a" * 200, 23),
        ("a short link is 23 too", "http://a.fr", 23),
        ("the full stop after a link is not the link's", "See https://example.org.", 4 + 23 + 1),
        ("typographic quotes are light", "“a”", 3),
        ("the euro sign is heavy", "€", 2),
    ],
)
def test_x_counts_weights(case: str, text: str, expected: int) -> None:
    assert counting.weighted(text) == expected


@pytest.mark.parametrize(
    ("case", "text", "expected"),
    [
        ("plain", "Hello", 5),
        ("a line end of two", "a\r\nb", 3),
        ("accents apart", "e\u0301", 1),
        ("a family", FAMILY, 1),
        ("two flags", "🇫🇷🇬🇧", 2),
        ("a flag and a half", "🇫🇷🇬", 2),
        ("the flag of Scotland", "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", 1),
        ("a keycap", "1\ufe0f\u20e3", 1),
        ("Korean in letters", "\u1112\u1161\u11ab", 1),
        ("Korean in syllables", "한국", 2),
        ("Hindi with its vowel sign", "कि", 1),
        ("a heart with its style", "❤\ufe0f", 1),
        ("nothing", "", 0),
    ],
)
def test_bluesky_counts_what_a_reader_sees(case: str, text: str, expected: int) -> None:
    assert counting.grapheme_count(text) == expected


@pytest.mark.parametrize(
    ("case", "text", "segments", "room"),
    [
        ("empty", "", 1, 160),
        ("160 plain", "a" * 160, 1, 160),
        ("161 plain are two of 153", "a" * 161, 2, 153),
        ("306 fill two", "a" * 306, 2, 153),
        ("307 need three", "a" * 307, 3, 153),
        ("é is in the alphabet", "é" * 160, 1, 160),
        ("ê is not", "ê" * 70, 1, 70),
        ("71 wide are two of 67", "ê" * 71, 2, 67),
        ("the euro sign costs two", "€" * 80, 1, 160),
        ("81 euro signs", "€" * 81, 2, 153),
        ("an emoji makes it wide and costs two", "👍" * 35, 1, 70),
        ("and 36 of them are two", "👍" * 36, 2, 67),
    ],
)
def test_an_sms_counts_segments(case: str, text: str, segments: int, room: int) -> None:
    found, limit = counting.sms_segments(text)
    assert (len(found), limit) == (segments, room)
    assert "".join(found) == text


def test_no_segment_cuts_a_character_in_two() -> None:
    found, _room = counting.sms_segments("a" * 152 + "€" + "b" * 40)
    assert [part[-1] for part in found] == ["a", "b"]
    found, _room = counting.sms_segments("ê" * 66 + "👍" + "b" * 40)
    assert found[1].startswith("👍")


def test_a_long_post_is_cut_between_words_and_where_it_can_after_a_sentence() -> None:
    text = "One two three. " * 40
    parts = counting.split(text, 280, counting.weighted)
    assert [counting.weighted(part) <= 280 for part in parts] == [True] * len(parts)
    assert all(part.endswith(".") for part in parts)
    assert " ".join(parts) == text.strip()


def test_only_a_word_that_is_too_long_is_cut() -> None:
    assert counting.split("x" * 25, 10, counting.characters) == ["x" * 10, "x" * 10, "x" * 5]


@given(st.text(max_size=400), st.sampled_from([counting.weighted, counting.grapheme_count]))
def test_splitting_loses_no_letter_and_every_part_fits(text: str, measure: counting.Measure) -> None:
    parts = counting.split(text, 40, measure)
    assert all(measure(part) <= 40 for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("imitates", "text", "unit", "limit", "parts"),
    [
        ("", "x" * 1000, Unit.CHARACTERS, 0, 1),
        ("x", "word " * 100, Unit.WEIGHTED, 280, 2),
        ("bluesky", "word " * 100, Unit.GRAPHEMES, 300, 2),
        ("sms", "word " * 100, Unit.SMS, 153, 4),
    ],
)
def test_the_sandbox_counts_like_what_it_imitates(imitates: str, text: str, unit: Unit, limit: int, parts: int) -> None:
    found = preview(Outbound(key="k", text=text, to=()), {"imitates": imitates})
    assert (found.unit, found.limit, len(found.parts), found.is_too_long) == (unit, limit, parts, False)
