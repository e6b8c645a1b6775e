"""What a saved search finds, without a database."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comptoir.listening.rules import (
    FIELDS,
    Matcher,
    Post,
    Wanted,
    bars,
    bounded_instant,
    fold,
    https_only,
    language_of,
    lines_of,
    page_mark,
    read_mark,
    read_wanted,
    terms_of,
    write_wanted,
)

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def found(wanted: Wanted, text: str, language: str = "", **more: tuple[str, ...]) -> bool:
    return Matcher({7: wanted}).matches(Post("x", text, **more), language) == [7]


@pytest.mark.parametrize(
    ("case", "wanted", "text", "answer"),
    [
        ("a word", Wanted(words=("ondavelle",)), "I love Ondavelle!", True),
        ("not inside a word", Wanted(words=("onda",)), "I love Ondavelle!", False),
        ("not the beginning of a longer one", Wanted(words=("ondavelle",)), "Ondavelles", False),
        ("beside an underscore", Wanted(words=("ondavelle",)), "_Ondavelle_", True),
        ("accents in the text", Wanted(words=("reseau",)), "Le RÉSEAU est coupé", True),
        ("accents in the search", Wanted(words=("réseau",)), "le reseau", True),
        ("a ligature", Wanted(words=("coeur",)), "Au cœur de Lyon", True),
        ("a sharp s", Wanted(words=("strasse",)), "Hauptstraße STRASSE Straße", True),
        ("after an apostrophe", Wanted(words=("orange",)), "l’orange", True),
        ("a word as a hashtag", Wanted(words=("ondavelle",)), "#ondavelle", True),
        ("a phrase", Wanted(phrases=("box ondavelle",)), "Ma box, Ondavelle, est morte", True),
        ("a phrase over lines", Wanted(phrases=("box ondavelle",)), "box\n\nondavelle", True),
        ("a phrase in another order", Wanted(phrases=("box ondavelle",)), "Ondavelle box", False),
        ("a phrase with another word inside", Wanted(phrases=("box ondavelle",)), "box by ondavelle", False),
        ("a phrase with an ampersand", Wanted(phrases=("AT&T store",)), "the AT&T store", True),
        ("a handle", Wanted(handles=("ondavelle",)), "hello @Ondavelle, help", True),
        ("a handle at its server", Wanted(handles=("ondavelle",)), "hello @ondavelle@mastodon.social", True),
        ("a longer handle", Wanted(handles=("ondavelle",)), "hello @ondavelle.bsky.social", False),
        ("a handle with its domain", Wanted(handles=("ondavelle.bsky.social",)), "@ondavelle.bsky.social.", True),
        ("no handle but an address", Wanted(handles=("ondavelle",)), "write to me@ondavelle", False),
        ("no handle but a word", Wanted(handles=("ondavelle",)), "ondavelle", False),
        ("a hashtag", Wanted(hashtags=("PanneOndavelle",)), "encore #panneondavelle !", True),
        ("a longer hashtag", Wanted(hashtags=("panne",)), "#panneondavelle", False),
        ("no hashtag but a word", Wanted(hashtags=("panne",)), "la panne", False),
        ("a wide number sign", Wanted(hashtags=("panne",)), "＃panne", True),
        ("an exclusion", Wanted(words=("orange",), exclusions=("jus",)), "jus d'orange", False),
        ("a phrase excludes", Wanted(words=("orange",), exclusions=("orange bleue",)), "L'Orange bleue", False),
        ("a handle excludes", Wanted(words=("orange",), exclusions=("@spam",)), "orange @spam", False),
        ("a hashtag excludes", Wanted(words=("orange",), exclusions=("#fruit",)), "orange #fruit", False),
        ("what is not excluded", Wanted(words=("orange",), exclusions=("#fruit",)), "orange fruit", True),
        ("Chinese has no words", Wanted(words=("电信",)), "我的电信坏了", True),
        ("Japanese", Wanted(phrases=("オンダ",)), "それはオンダベルです", True),
        ("Arabic keeps its words", Wanted(words=("شبكة",)), "الشبكة", False),
        ("Cyrillic", Wanted(words=("сеть",)), "Моя СЕТЬ упала", True),
        ("an emoji beside", Wanted(words=("ondavelle",)), "💔ondavelle💔", True),
        ("nothing wanted", Wanted(), "anything", False),
        ("only exclusions", Wanted(exclusions=("x",)), "anything", False),
        ("patterns are texts", Wanted(words=("a.c",)), "abc", False),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_found(case: str, wanted: Wanted, text: str, answer: bool) -> None:
    assert found(wanted, text) is answer


@pytest.mark.parametrize(
    ("languages", "language", "answer"),
    [((), "de", True), (("fr",), "fr", True), (("fr", "en"), "en", True), (("fr",), "en", False), (("fr",), "", True)],
)
def test_the_language_filter_keeps_what_nobody_is_sure_of(
    languages: tuple[str, ...], language: str, answer: bool
) -> None:
    assert found(Wanted(words=("box",), languages=languages), "box", language) is answer


def test_what_the_source_names_beside_the_text_counts() -> None:
    assert found(Wanted(hashtags=("panne",)), "no tag here", tags=("Panne",))
    assert found(Wanted(handles=("ondavelle@social.example",)), "hi @ondavelle", handles=("ondavelle@social.example",))
    assert not found(Wanted(words=("box",), exclusions=("#fun",)), "box", tags=("fun",))


def test_many_searches_are_asked_at_once() -> None:
    matcher = Matcher({n: Wanted(words=(f"brand{n}",)) for n in range(500)} | {999: Wanted(phrases=("is great",))})
    assert matcher.matches(Post("x", "Brand7 and brand499 is great")) == [7, 499, 999]


TERMS = st.lists(st.text(max_size=30), max_size=6)


@given(st.fixed_dictionaries(dict.fromkeys(FIELDS, TERMS)), st.text(max_size=200))
def test_whatever_is_typed_can_be_stored_and_looked_for(typed: dict[str, list[str]], text: str) -> None:
    wanted = Wanted(**{name: terms_of(name, items) for name, items in typed.items()})
    assert read_wanted(write_wanted(wanted)) == wanted
    assert Matcher({1: wanted}).matches(Post("x", text, tags=(text,), handles=(text,))) in ([], [1])


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9), lambda inner: st.lists(
    inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6), max_leaves=12))  # fmt: skip
def test_whatever_is_stored_can_be_read(stored: object) -> None:
    assert isinstance(Matcher({1: read_wanted(stored)}), Matcher)


@given(st.text())
def test_folding_is_done_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.from_regex(r"[a-zéèüßœ]{2,12}", fullmatch=True), st.text(alphabet=" .,!?\n-'\"()", min_size=1, max_size=5))
def test_a_word_is_found_between_whatever_is_no_letter(word: str, around: str) -> None:
    wanted = Wanted(words=(word,))
    assert found(wanted, f"x{around}{word.upper()}{around}y")
    assert not found(wanted, f"x{word}y")
    assert not found(Wanted(words=(word,), exclusions=(word,)), f"x{around}{word}{around}y")


@pytest.mark.parametrize(
    ("guessed", "declared", "language"),
    [("fr", ("en",), "fr"), ("", ("en-GB",), "en"), ("", (), ""), ("", ("english",), ""), ("", ("pt_BR", "en"), "pt")],
)
def test_the_language_of_a_post(guessed: str, declared: tuple[str, ...], language: str) -> None:
    assert language_of(guessed, declared) == language


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://a.example/x?y#z", True),
        ("http://a.example/", False),
        ("javascript:alert(1)", False),
        ("https://", False),
        ("https://user@a.example/", False),
        ("https://a.example/ x", False),
        ("https://a.example/" + "x" * 2000, False),
        (None, False),
        ("HTTPS://a.example", False),
    ],
)
def test_only_https_is_shown(url: object, kept: bool) -> None:
    assert https_only(url) == (url if kept else "")


def test_nothing_is_published_in_the_future() -> None:
    assert bounded_instant(NOW + timedelta(days=1), at=NOW) == NOW
    assert bounded_instant(None, at=NOW) == NOW
    assert bounded_instant(NOW - timedelta(days=1), at=NOW) == NOW - timedelta(days=1)


@given(
    st.timedeltas(min_value=timedelta(), max_value=timedelta(days=300_000)),
    st.integers(1, 10**18 - 1),
)
def test_a_page_begins_where_its_mark_says(after: timedelta, number: int) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC) + after
    assert read_mark(page_mark(at, number)) == (at, number)


@given(st.text())
def test_a_mark_is_read_or_refused(text: str) -> None:
    read_mark(text)
    assert read_mark("99999999999999999-1") is None or read_mark("99999999999999999-1")


def test_the_bars_fill_the_chart() -> None:
    first = date(2026, 11, 1)
    drawn = bars({first: 10, first + timedelta(days=2): 1}, first=first, days=4, width=400, height=80)
    assert [(bar.count, bar.height) for bar in drawn] == [(10, 80), (0, 0), (1, 8), (0, 0)]
    assert all(bar.y + bar.height == 80 or not bar.count for bar in drawn)
    assert all(bar.count == 0 for bar in bars({}, first=first, days=3))


def test_terms_are_parted_by_lines_and_commas() -> None:
    assert list(lines_of("a, b\n\n c d ;e")) == ["a", "b", "c d", "e"]
    assert terms_of("handles", ["@Ada", "ada", "@", "# x"]) == ("Ada", "#x")
    assert terms_of("words", ["!!", " ", "x" * 500]) == ("x" * 100,)
    assert terms_of("languages", ["fr", "xx"]) == ("fr",)
