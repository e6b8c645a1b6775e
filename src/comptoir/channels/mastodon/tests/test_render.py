"""An answer as posts: never more public than the question, never longer than the server allows."""

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comptoir.channels.mastodon.render import preview, status_body, visibility_of
from comptoir.core.types import Author, Outbound

ADA = Author("mastodon", "ada@elsewhere.example", "Ada")


def outbound(text: str = "Hello", *, is_public: bool = True, **answers: str) -> Outbound:
    return Outbound(key="k", text=text, to=(ADA,), is_public=is_public, answers=answers)


@pytest.mark.parametrize(
    ("case", "is_public", "asked", "wanted", "visibility"),
    [
        ("a public answer to a public post", True, "public", "", "public"),
        ("the account prefers quiet answers", True, "public", "unlisted", "unlisted"),
        ("never more public than the question", True, "unlisted", "public", "unlisted"),
        ("a post for followers in a public conversation", True, "private", "public", "private"),
        ("a direct message in a public conversation", True, "direct", "public", "direct"),
        ("a private answer to a public post", False, "public", "public", "direct"),
        ("an answer to followers", False, "private", "public", "private"),
        ("a direct message", False, "direct", "", "direct"),
        ("nothing is known of the question", False, "", "", "direct"),
        ("an option that nobody offers", True, "public", "direct", "public"),
    ],
)
def test_visibility(case: str, is_public: bool, asked: str, wanted: str, visibility: str) -> None:
    message = outbound(is_public=is_public, visibility=asked)
    assert visibility_of(message, {"visibility": wanted}) == visibility, case


def test_the_customer_is_named_so_that_they_are_told() -> None:
    shown = preview(outbound("Bonjour"), {})
    assert [part.text for part in shown.parts] == ["@ada@elsewhere.example Bonjour"]
    assert shown.parts[0].length == len("@ada Bonjour")  # the server of a name is not counted


def test_links_count_what_the_server_says() -> None:
    link = "https://example.org/" + "x" * 300
    assert preview(outbound(link), {}).parts[0].length == len("@ada ") + 23
    assert preview(outbound(link), {"characters_per_link": 40}).parts[0].length == len("@ada ") + 40


def test_a_long_text_becomes_a_numbered_thread_that_names_the_customer_each_time() -> None:
    parts = preview(outbound("word " * 300), {}).parts
    assert len(parts) == 4
    assert parts[0].text.startswith("@ada@elsewhere.example word")
    assert parts[3].text.endswith("(4/4)")
    assert all(part.text.startswith("@ada@elsewhere.example ") for part in parts)


def test_the_limit_of_the_server_is_used() -> None:
    assert len(preview(outbound("word " * 300), {"max_characters": 5000}).parts) == 1
    assert preview(outbound("x"), {"max_characters": "5000"}).limit == 5000
    assert preview(outbound("x"), {"max_characters": 3}).limit == 500


def test_a_body() -> None:
    body = status_body(outbound(visibility="unlisted"), "Hi", {}, answers="1", media_ids=["9"])
    assert body == {"status": "Hi", "visibility": "unlisted", "in_reply_to_id": "1", "media_ids": ["9"]}


def counted(text: str, per_link: int) -> int:
    """Count at most what the server counts, in another way: code points but marks, links by their blanks."""
    total = 0
    for word in re.split(r"(\s+)", text):
        if re.match(r"https?://[a-z.]+/[a-z]*$", word):
            total += per_link
        elif found := re.match(r"(@\w+)@[\w.]+$", word):
            total += len(found[1])
        else:
            total += sum(1 for char in word if unicodedata.category(char) not in {"Mn", "Me", "Mc", "Cf"})
    return total


TEXTS = st.lists(
    st.sampled_from(["été", "word", "https://example.org/abc", "👍", "\n\n", "@zoe@x.example", "x" * 700, "日本語"]),
    max_size=200,
).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(text=TEXTS, limit=st.integers(100, 2000), per_link=st.integers(1, 60))
def test_no_part_is_longer_than_the_limit_by_another_count(text: str, limit: int, per_link: int) -> None:
    shown = preview(outbound(text), {"max_characters": limit, "characters_per_link": per_link})
    assert shown.parts
    if not shown.splits:
        assert shown.is_too_long
        return
    for part in shown.parts:
        assert counted(part.text, per_link) <= limit
    if len(shown.parts) > 1:
        said = "".join(
            re.sub(r" \(\d+/\d+\)$", "", part.text.removeprefix("@ada@elsewhere.example ")) for part in shown.parts
        )
        assert "".join(said.split()) == "".join(text.split())
