"""Streams and feeds over real sockets: what came while nobody listened, what comes, what breaks."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections

from comptoir.core import clock
from comptoir.journal.services import SYSTEM
from comptoir.listening import jobs, queries, services, watching
from comptoir.listening.models import Hit, Mention, Source
from comptoir.listening.tests.payloads import RSS, jetstream, status
from comptoir.listening.tests.servers import event, firehose, web
from comptoir.testing.builders import make_search, make_source, make_team, make_user

NOW_US = int(time.time() * 1e6)


def until(condition: Callable[[], Any], seconds: float = 10) -> Any:
    """Wait until something holds; return it."""
    ends_at = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < ends_at, "it did not happen in time"
        time.sleep(0.05)
    return found


@contextmanager
def watched(source: Source) -> Iterator[None]:
    """Listen to a source in a thread."""
    stop = threading.Event()

    def run() -> None:
        try:
            watching.watch(source.pk, stop.is_set)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive(), "the listener did not stop"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "GATHER", 0.1)
    monkeypatch.setattr(watching, "CURSOR_EVERY", 0.2)
    monkeypatch.setattr(watching, "POLL", 0.3)


def texts() -> list[str]:
    return sorted(Mention.objects.values_list("text", flat=True))


@pytest.mark.django_db(transaction=True)
def test_the_firehose_is_followed_and_goes_on_where_it_broke() -> None:
    make_search(make_team())
    with firehose() as server:
        source = make_source(kind="bluesky", address=server.url)
        server.told = [(NOW_US + n, jetstream(f"Ondavelle {n}", rkey=f"k{n}", time_us=NOW_US + n)) for n in range(4)]
        server.told.insert(2, (NOW_US + 1, jetstream("nothing of ours", rkey="x", time_us=NOW_US + 1)))
        server.drop_after = 3
        with watched(source):
            until(lambda: Mention.objects.count() == 4)
            until(lambda: len(server.paths) >= 2)
            later = NOW_US + 100
            server.told.append((later, jetstream("", rkey="k1", operation="delete", time_us=later)))
            until(lambda: Mention.objects.count() == 3)
        assert texts() == ["Ondavelle 0", "Ondavelle 2", "Ondavelle 3"]
        source.refresh_from_db()
        assert source.cursor == str(later)
        assert source.heard_at is not None
        assert source.last_error == ""
        assert "cursor" not in server.paths[0]
        assert "cursor=" in server.paths[-1]
        with watched(source):  # what is told again is known
            until(lambda: len(server.paths) >= 3)
            time.sleep(0.5)
        assert Mention.objects.count() == 4 - 1
        assert Hit.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_mastodon_server_is_caught_up_and_followed() -> None:
    make_search(make_team())
    at = clock.now().isoformat()
    with web() as server:
        server.token = "sesame"
        server.statuses = [status(str(n), f"<p>Ondavelle {n}</p>", created_at=at) for n in range(100, 200)]
        source = services.save_source(actor=SYSTEM, source=None, kind="mastodon", name="M", address=server.url,
                                      token="sesame")  # fmt: skip
        assert b"sesame" not in bytes(source.credentials)
        Source.objects.filter(pk=source.pk).update(cursor="109")
        with watched(source):
            until(lambda: Mention.objects.count() == 90)
            server.stream += [b":thump\n", event("update", status("300", "<p>Ondavelle live</p>", created_at=at))]
            until(lambda: Mention.objects.filter(text="Ondavelle live").exists())
            server.stream.append(event("delete", "300"))
            until(lambda: not Mention.objects.filter(text="Ondavelle live").exists())
        source.refresh_from_db()
        assert source.cursor == "300"
        assert any(path.startswith("/api/v1/streaming/public") for path, _headers in server.asked)
        assert [path for path, _headers in server.asked if "min_id=109" in path]


@pytest.mark.django_db(transaction=True)
def test_a_hashtag_of_a_server_without_a_stream_is_read_every_minute() -> None:
    make_search(make_team(), wanted={"hashtags": ["panne"]})
    at = clock.now().isoformat()
    with web() as server:
        server.stream_status = 404
        source = make_source(kind="mastodon", address=server.url, hashtag="panne été")
        server.statuses = [status("5", "<p>first</p>", created_at=at)]
        with watched(source):
            until(lambda: texts() == ["first"])
            server.statuses.append(status("6", "<p>second</p>", created_at=at))
            until(lambda: texts() == ["first", "second"])
        assert server.asked[0][0].startswith("/api/v1/timelines/tag/panne%20%C3%A9t%C3%A9?")


@pytest.mark.django_db(transaction=True)
def test_a_source_that_refuses_is_told_in_words_and_not_pressed() -> None:
    make_search(make_team())
    with web() as server:
        server.token = "sesame"
        source = make_source(kind="mastodon", address=server.url)
        with watched(source):
            until(lambda: Source.objects.get(pk=source.pk).last_error)
            time.sleep(0.5)
        source.refresh_from_db()
        assert "401" in source.last_error
        assert len(server.asked) == 1


@pytest.mark.django_db(transaction=True)
def test_a_stream_that_no_search_wants_is_left_alone() -> None:
    make_search(make_team()).sources.set([make_source()])
    make_search(make_team(), is_active=False)
    with firehose() as server:
        with watched(make_source(kind="bluesky", address=server.url)):
            time.sleep(1)
        assert server.paths == []


@pytest.mark.django_db(transaction=True)
def test_only_one_listens_to_a_source() -> None:
    make_search(make_team())
    with firehose() as server:
        source = make_source(kind="bluesky", address=server.url)
        server.told = [(NOW_US, jetstream("x", time_us=NOW_US))]
        with watched(source):
            until(lambda: server.paths)
            with watched(source):
                time.sleep(1)
                assert len(server.paths) == 1


@pytest.mark.django_db(transaction=True)
def test_the_workers_watchers_start_and_stop_with_their_sources() -> None:
    make_search(make_team())
    with firehose() as server:
        source = make_source(kind="bluesky", address=server.url)
        make_source(kind="bluesky", address=server.url + "/off", is_active=False)
        server.told = [(NOW_US, jetstream("Ondavelle", time_us=NOW_US))]
        stop = threading.Event()
        watchers = watching.Watchers(stop.is_set)
        watchers.keep()
        watchers.keep()
        assert [thread.name for thread in watchers.threads()] == [f"listen-{source.pk}"]
        until(lambda: Mention.objects.count() == 1)
        stop.set()
        for thread in watchers.threads():
            thread.join(5)
            assert not thread.is_alive()


def feed_at(url: str, **fields: Any) -> Source:
    return make_source(address=f"{url}/feed", **fields)


@pytest.mark.django_db(transaction=True)
def test_a_feed_is_asked_only_for_what_changed() -> None:
    make_search(make_team())
    at = clock.now()
    with web() as server:
        told = {"ETag": '"v1"', "Last-Modified": "Thu, 26 Nov 2026 11:00:00 GMT"}
        fresh = RSS.replace("Thu, 26 Nov 2026 12:00:00 +0100", at.strftime("%a, %d %b %Y %H:%M:%S +0000")).encode()
        server.answers["/feed"] = [(200, told, fresh), (304, {}, b""), (200, {"ETag": '"v2"'}, fresh)]
        source = feed_at(server.url)
        assert jobs.read_feeds(at) == 1
        assert jobs.read_feeds(at) == 0  # not before its time
        assert jobs.read_feeds(at + timedelta(minutes=14)) == 0
        assert jobs.read_feeds(at + timedelta(minutes=17)) == 1
        assert server.asked[1][1]["if-none-match"] == '"v1"'
        assert server.asked[1][1]["if-modified-since"] == told["Last-Modified"]
        assert jobs.read_feeds(at + timedelta(minutes=34)) == 1
        source.refresh_from_db()
        assert (source.etag, source.modified, source.failures) == ('"v2"', "", 0)
        mention = Mention.objects.get()
        assert mention.text.startswith("Ondavelle’s outage")
        assert mention.language == "fr" or mention.language == "en"


@pytest.mark.django_db(transaction=True)
def test_what_a_feed_does_wrong_is_told_and_the_next_try_waits_longer() -> None:
    at = clock.now()
    with web() as server:
        server.answers["/feed"] = [(500, {}, b""), (200, {}, b"<html/>"), (429, {"Retry-After": "86000"}, b""),
                                   (410, {}, b"")]  # fmt: skip
        source = feed_at(server.url)
        waits, errors = [], []
        for _try in range(4):
            jobs.read_feed(source, at)
            source.refresh_from_db()
            assert source.next_at is not None
            waits.append((source.next_at - at).total_seconds())
            errors.append(source.last_error)
        assert waits == [900, 1800, 86000, 86400]
        assert ["500" in errors[0], "<html>" in errors[1], "429" in errors[2], "410" in errors[3]] == [True] * 4
        assert source.failures == 4


@pytest.mark.django_db(transaction=True)
def test_a_feed_that_moved_is_followed_but_not_into_our_network(settings: Any) -> None:
    at = clock.now()
    with web() as server:
        server.answers["/feed"] = [(301, {"Location": "/new"}, b"")]
        server.answers["/new"] = [(200, {}, RSS.encode())]
        source = feed_at(server.url)
        assert jobs.read_feed(source, at)
        server.answers["/new"] = [(302, {"Location": "http://169.254.169.254/meta"}, b"")]
        assert not jobs.read_feed(source, at)
        server.answers["/new"] = [(302, {"Location": "file:///etc/passwd"}, b"")]
        assert not jobs.read_feed(source, at)
        server.answers["/new"] = [(302, {"Location": "/feed"}, b"")]
        assert not jobs.read_feed(source, at)
        source.refresh_from_db()
        assert "redirects" in source.last_error


@pytest.mark.django_db(transaction=True)
def test_authors_of_the_firehose_get_their_names() -> None:
    search = make_search(make_team())
    with web() as server:
        profile = {"did": "did:plc:ada", "handle": "ada.example", "displayName": "Ada", "followersCount": 7}
        body = b'{"profiles": [%s]}' % __import__("json").dumps(profile).encode()
        server.answers["/xrpc/app.bsky.actor.getProfiles"] = [(200, {}, body)]
        source = make_source(kind="bluesky", address="wss://x.example.org")
        listener = queries.listener_of(source.pk)
        from comptoir.listening.sources import bluesky

        for rkey, did in (("1", "did:plc:ada"), ("2", "did:plc:gone")):
            post = bluesky.parse(jetstream("Ondavelle", rkey=rkey, did=did, time_us=NOW_US)).post
            assert post is not None
            services.take_in(source_id=source.pk, posts=[post], listener=listener)
        assert jobs.name_authors(server.url) == 1
        assert jobs.name_authors(server.url) == 0
        named = dict(Mention.objects.values_list("author_id", "author_handle"))
        assert named == {"did:plc:ada": "ada.example", "did:plc:gone": "did:plc:gone"}
        assert Mention.objects.get(author_id="did:plc:ada").reach == 7
        assert search.hits.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_round_of_the_worker_does_everything() -> None:
    make_user(make_team())
    assert jobs.run_once(clock.now(), every=lambda _name, _seconds: True) > 0
    connection.close()
