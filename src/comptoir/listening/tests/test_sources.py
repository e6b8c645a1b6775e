"""What the sources say, read without a network. All payloads are synthetic, written from documentation."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comptoir.listening.sources import bluesky, feeds, mastodon
from comptoir.listening.sources.texts import text_of_html
from comptoir.listening.tests.payloads import ATOM, RSS, RSS1, jetstream, status

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["did", "commit", "collection", "rkey", "record", "text", "id", "account", "tags", "facets"]),
        inner, max_size=6,
    ), max_leaves=12,
)  # fmt: skip


def test_a_post_of_the_firehose() -> None:
    told = bluesky.parse(jetstream("Ondavelle is down #panne", rkey="3k1", time_us=1_764_158_400_000_000))
    assert told.cursor == 1_764_158_400_000_000
    assert told.post is not None
    assert told.post.id == "at://did:plc:ada/app.bsky.feed.post/3k1"
    assert told.post.url == "https://bsky.app/profile/did:plc:ada/post/3k1"
    assert told.post.tags == ("panne",)
    assert told.post.languages == ("en",)
    assert told.post.published_at == datetime(2025, 11, 26, 12, tzinfo=UTC)
    assert told.post.raw["cid"] == "bafycid"


def test_what_the_firehose_says_besides() -> None:
    assert bluesky.parse(jetstream("x", operation="delete")).deleted == "at://did:plc:ada/app.bsky.feed.post/3k1"
    assert bluesky.parse(jetstream("x", collection="app.bsky.feed.like")).post is None
    assert bluesky.parse('{"kind": "identity", "time_us": 5, "did": "did:plc:a"}') == bluesky.Told(5)
    assert bluesky.parse("not JSON") == bluesky.Told()
    assert bluesky.parse(jetstream("x", rkey="../../etc")).post is None


def test_the_address_of_the_firehose_goes_back_a_little() -> None:
    base = "wss://jetstream.example.org"
    assert bluesky.address(base, "") == f"{base}/subscribe?wantedCollections=app.bsky.feed.post"
    assert bluesky.address(base + "/subscribe/", "9000000").endswith("&cursor=4000000")
    assert "cursor" not in bluesky.address(base, "abc")


@given(JSON, st.text())
def test_no_message_of_the_firehose_breaks_its_reader(value: Any, text: str) -> None:
    bluesky.parse(text)
    bluesky.parse(json.dumps(value))
    commit = {"collection": bluesky.COLLECTION, "rkey": "1", "operation": "create", "record": value}
    told = bluesky.parse(json.dumps({"did": "did:plc:a", "time_us": 1, "commit": commit}))
    assert told.post is None or isinstance(told.post.text, str)
    bluesky.parse_profiles(json.dumps({"profiles": value}).encode())


def test_a_status() -> None:
    post = mastodon.parse_status(status("112", "<p>Ondavelle &amp; me<br>down</p>", spoiler_text="Phones"))
    assert post is not None
    assert (post.id, post.text, post.author_handle) == ("112", "Phones\n\nOndavelle & me\ndown", "ada@social.example")
    assert (post.reach, post.tags, post.handles) == (42, ("panne",), ("ondavelle",))
    assert post.url == "https://social.example/@ada/112"


@pytest.mark.parametrize(
    "changed",
    [{"reblog": {"id": "1"}}, {"visibility": "private"}, {"id": 5}, {"id": "../x"}, {"account": None}],
    ids=str,
)
def test_what_is_no_public_status(changed: dict[str, Any]) -> None:
    assert mastodon.parse_status(status("1", "x") | changed) is None


def test_server_sent_events_in_pieces() -> None:
    stream = b':thump\r\n\r\nevent: update\r\ndata: {"a":\r\ndata: 1}\r\n\r\nevent: delete\ndata: 7\n\ndata: x\n\n'
    wanted = [("update", '{"a":\n1}'), ("delete", "7"), ("message", "x")]
    for size in range(1, len(stream)):
        chunks = [stream[at : at + size] for at in range(0, len(stream), size)]
        assert [(event.kind, event.data) for event in mastodon.events(chunks)] == wanted, size


def test_an_endless_event_is_refused() -> None:
    with pytest.raises(ValueError, match="million"):
        list(mastodon.events([b"data: "] + [b"x" * 100_000] * 20))


def test_hours_of_heartbeats_are_no_endless_event() -> None:
    assert not list(mastodon.events([b":thump\n"] * 200_000))


@given(JSON)
def test_no_status_breaks_its_reader(value: Any) -> None:
    mastodon.parse_status(value)
    mastodon.parse_event(mastodon.SentEvent("update", json.dumps(value)))
    mastodon.newest_id(json.dumps(value).encode())
    whole = status("1", "x")
    for name in whole:
        mastodon.parse_status(whole | {name: value})


def test_a_list_is_read_from_the_oldest_on() -> None:
    body = json.dumps([status("112", "b"), status("99", "a"), status("113", "c", reblog={"id": "1"})]).encode()
    assert [post.id for post in mastodon.parse_list(body)] == ["99", "112"]
    assert mastodon.newest_id(body) == "113"
    with pytest.raises(ValueError, match="list"):
        mastodon.parse_list(b'{"error": "x"}')


def test_rss() -> None:
    feed = feeds.parse(RSS.encode())
    assert feed.title == "The Lyon Courier"
    first, second = feed.posts
    assert first.id == "tag:1"
    assert first.text == "Ondavelle’s outage & more\n\nThree hours without a network."
    assert first.url == "https://press.example.org/1"
    assert first.author_name == "Ada Martin"
    assert first.published_at == datetime(2026, 11, 26, 11, tzinfo=UTC)
    assert first.tags == ("telecoms",)
    assert first.languages == ("fr-fr",)
    assert second.url == ""  # http
    assert second.id == "http://press.example.org/2"


def test_atom() -> None:
    post = feeds.parse(ATOM.encode()).posts[0]
    assert post.id == "urn:1"
    assert post.url == "https://forum.example.org/t/1"
    assert post.text == "My box\n\nOndavelle box is dead since monday"
    assert post.author_name == "tom"
    assert post.published_at == datetime(2026, 11, 26, 10, 30, tzinfo=UTC)


def test_rss_one() -> None:
    (post,) = feeds.parse(RSS1.encode()).posts
    assert (post.text, post.url) == ("Ondavelle", "https://press.example.org/9")


@pytest.mark.parametrize(
    ("case", "body", "why"),
    [
        ("HTML", b"<html><body></body></html>", "first element"),
        ("nothing", b"", "XML"),
        ("JSON", b"{}", "XML"),
        ("entities", b'<!DOCTYPE r [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><rss><channel/></rss>', "entities"),
        ("a file", b'<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><rss>&a;</rss>', "entities"),
        ("too deep", b"<rss>" + b"<a>" * 100 + b"</a>" * 100 + b"</rss>", "deep"),
        ("no channel", b"<rss version='2.0'/>", "channel"),
        ("an unknown encoding", b'<?xml version="1.0" encoding="klingon"?><rss/>', "encoding|XML"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_feed_is_refused_in_words(case: str, body: bytes, why: str) -> None:
    with pytest.raises(feeds.NotAFeed, match=why):
        feeds.parse(body)


def test_a_document_type_without_entities_is_read() -> None:
    body = RSS.replace("<rss", '<!DOCTYPE rss PUBLIC "-//N//DTD" "http://x.example/rss.dtd"><rss', 1)
    assert len(feeds.parse(body.encode()).posts) == 2


def test_other_encodings_are_read() -> None:
    body = RSS.replace("encoding='UTF-8'", "encoding='windows-1252'").encode("windows-1252")
    assert feeds.parse(body).posts[0].text.startswith("Ondavelle’s outage")


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader_of_feeds(body: bytes) -> None:
    for document in (body, b"<rss><channel><item>" + body + b"</item></channel></rss>"):
        try:
            feeds.parse(document)
        except feeds.NotAFeed as error:
            assert str(error)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=400))
def test_no_text_of_an_entry_breaks_the_reader_of_feeds(text: str) -> None:
    from xml.sax.saxutils import escape

    inner = escape(text).replace("\ufffe", "").replace("\uffff", "")
    entry = "".join(f"<{n}>{inner}</{n}>" for n in ("guid", "title", "link", "pubDate", "description", "author"))
    body = f"<rss><channel><item>{entry}</item></channel></rss>".encode()
    for post in feeds.parse(body).posts:
        assert len(post.id) <= 300
        assert post.url == "" or post.url.startswith("https://")


def test_the_words_of_some_html() -> None:
    assert text_of_html("<p>a <b>b</b>c</p><p>d&nbsp;&lt;e&gt;</p><script>x</script>") == "a bc\nd <e>"
    assert text_of_html("a\n\n b") == "a\nb"
    assert text_of_html("1 < 2 & 3") == "1 < 2 & 3"
