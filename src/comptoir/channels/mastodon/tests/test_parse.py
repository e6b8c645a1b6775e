"""What a server says, as events; all fixtures are synthetic (doc.md)."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comptoir.channels.mastodon.html_text import html_to_text, without_mentions
from comptoir.channels.mastodon.parse import parse, private_thread
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.types import Inbound, InboundKind, ParseContext

FIXTURES = Path(__file__).parents[1] / "fixtures"
CONTEXT = ParseContext(1, "", {}, "stream", datetime(2026, 1, 31, 12, tzinfo=UTC), "x", b"k" * 32)


def read(name: str) -> Inbound:
    return parse((FIXTURES / f"{name}.json").read_bytes(), CONTEXT, lambda _content: "0" * 64)[0]


@pytest.mark.parametrize("path", sorted(FIXTURES.iterdir()), ids=lambda path: path.stem)
def test_every_fixture_is_read_or_refused_in_words(path: Path) -> None:
    try:
        events = parse(path.read_bytes(), CONTEXT, lambda _content: "0" * 64)
    except UnsupportedEvent as reason:
        assert path.stem.startswith(("unsupported", "update-own-to-nobody"))
        assert str(reason)
    else:
        assert len(events) == 1
        assert not path.stem.startswith("unsupported")


def test_a_public_mention_is_a_message_of_its_thread() -> None:
    event = read("mention")
    assert event.kind is InboundKind.MESSAGE
    assert event.is_public
    assert event.thread_key == "post:111001"
    assert (event.author.kind, event.author.address, event.author.name) == (
        "mastodon", "ada@elsewhere.example", "Ada Martin",
    )  # fmt: skip
    assert event.message_id == "111001"
    assert event.text.startswith("@ondavelle my line has been dead since Monday & nobody answers.\nSee https://exa")
    assert "https://example.org/a/very/long/path?x=1" in event.text
    assert event.text.endswith("\n\nAda")
    assert event.visible_text.startswith("my line")
    assert event.facts["permalink"] == "https://elsewhere.example/@ada/111001"
    assert event.facts["visibility"] == "public"
    assert event.sent_at == datetime(2026, 1, 31, 11, tzinfo=UTC)


def test_an_answer_stands_in_the_thread_of_its_first_post() -> None:
    event = read("mention-reply")
    assert (event.thread_key, event.in_reply_to, event.is_public) == ("post:111001", ("111003",), True)


def test_what_only_followers_read_is_not_public_and_a_thread_of_its_own() -> None:
    event = read("mention-followers")
    assert (event.thread_key, event.is_public) == ("private:111007", False)


def test_a_direct_message_belongs_to_the_person() -> None:
    event = read("direct")
    assert (event.thread_key, event.is_public) == ("dm:109302", False)
    assert private_thread(read("mention").facts) == "dm:109302"


def test_files_are_named_and_a_warning_is_told() -> None:
    event = read("mention-media")
    assert event.text == "Broken box"
    assert [(file.ref["url"], file.filename) for file in event.remote_files] == [
        ("https://files.elsewhere.example/media/box.jpg", "box.jpg"),
        ("https://files.elsewhere.example/media/log.txt", "log.txt"),
    ]


def test_a_server_with_other_ids_and_a_local_author() -> None:
    event = read("mention-ulid")
    assert event.author.address == "zoe@social.example"
    assert (event.message_id, event.is_public, event.thread_key) == ("01HZX3Q0M5KQJ8", False, "private:01HZX3Q0M5KQJ8")


def test_values_of_any_type_do_no_harm_and_an_unknown_visibility_is_private() -> None:
    event = read("mention-strange-types")
    assert (event.text, event.is_public, event.thread_key, event.remote_files) == ("…", False, "dm:12", ())
    assert event.sent_at is None
    assert "permalink" not in event.facts


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("update", "@ondavelle my line has been dead since Sunday."),
        ("status.update", "@ondavelle it works again, thanks!"),
    ],
)
def test_an_edit_is_about_its_post(name: str, text: str) -> None:
    event = read(name)
    assert (event.kind, event.about, event.text) == (InboundKind.EDIT, "111001", text)
    assert event.sent_at is not None


def test_a_deletion_a_favourite_and_a_boost() -> None:
    assert (read("delete").kind, read("delete").about) == (InboundKind.DELETION, "111001")
    for name, word in (("favourite", "favourite"), ("reblog", "reblog"), ("favourite-emoji", "👍")):
        event = read(name)
        assert (event.kind, event.about, event.reaction) == (InboundKind.REACTION, "111003", word)


def test_an_answer_of_ours_names_its_customer() -> None:
    event = read("update-own")
    assert (event.kind, event.to[0].address) == (InboundKind.OWN, "ada@elsewhere.example")
    assert (event.thread_key, event.author.address) == ("post:111001", "ondavelle@social.example")


@pytest.mark.parametrize(
    ("case", "html", "text"),
    [
        ("an open tag", "<p>a <b", "a <b"),
        ("a script", "<p>a<script>evil()</script>b</p>", "ab"),
        ("a list", "<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
        ("entities", "1 &lt; 2 &amp;&amp; 3 &gt; 2", "1 < 2 && 3 > 2"),
        ("nothing", "", ""),
    ],
)
def test_html_becomes_text(case: str, html: str, text: str) -> None:
    assert html_to_text(html) == text, case


def test_names_at_the_beginning_are_not_what_is_said() -> None:
    assert without_mentions("@brand @other@x.example hello @zoe") == "hello @zoe"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "id type acct account status content visibility mentions media_attachments url created_at".split()
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=15,
)


@settings(max_examples=300, deadline=None)
@given(
    event=st.sampled_from(["notification", "update", "status.update", "delete", "x"]),
    kind=st.sampled_from(["mention", "favourite", "update", "quote", 5]),
    payload=JSON,
    status=JSON,
    own=JSON,
)
def test_only_the_two_declared_errors(event: str, kind: object, payload: Any, status: Any, own: Any) -> None:
    if isinstance(payload, dict):
        payload = {**payload, "type": kind, "status": status}
    raw = json.dumps({"event": event, "payload": payload, "own": own, "root": status, "domain": own}).encode()
    try:
        found = parse(raw, CONTEXT, lambda _content: "0" * 64)
    except (AnomalousPayload, UnsupportedEvent) as error:
        assert str(error)
        return
    for one in found:
        assert one.kind in {InboundKind.DELETION, InboundKind.EDIT, InboundKind.REACTION} or one.facts
        assert len(one.thread_key) <= 200
        one.text.encode()
