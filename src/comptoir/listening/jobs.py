"""What the worker does now and then: feeds, authors' names, alerts, conversations, retention. Shallow and repeatable.

`run_once` belongs into the worker's list of loops. Streams have threads of their own (watching.py).
"""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urljoin

from django.db import connection

from comptoir.core import http
from comptoir.core.errors import ChannelError
from comptoir.core.locks import SessionLocks
from comptoir.listening import queries, services
from comptoir.listening.bursts import judge
from comptoir.listening.models import Source
from comptoir.listening.sources import bluesky, feeds

logger = logging.getLogger(__name__)

PAUSE = 2.0  # seconds between two rounds
EVERY = timedelta(minutes=15)  # a feed is asked no more often; press and forums publish in hours
LONGEST_WAIT = timedelta(hours=24)
REDIRECTS = 3
MAX_FEED = 5 * 1024 * 1024  # bytes
TIMEOUT = 20.0
FEEDS_A_ROUND = 10  # so that a round ends, whatever the feeds do
PROFILES = "https://public.api.bsky.app"  # tells without a token who authors are
_LOCKS = SessionLocks(0x0C51)


@dataclass(slots=True)
class _Round:
    """When each part was last done in this process (monotonic seconds)."""

    done: dict[str, float] = field(default_factory=dict)

    def is_time(self, name: str, seconds: float) -> bool:
        now = time.monotonic()
        if name in self.done and now - self.done[name] < seconds:
            return False
        self.done[name] = now
        return True


_round = _Round()


def run_once(at: datetime, *, every: Callable[[str, float], bool] | None = None) -> float:
    """Do what is due; return the seconds until the next round. Safe to run in several workers at once."""
    is_time = every or _round.is_time
    services.convert_due(at=at)
    services.settle()
    if is_time("feeds", 10):
        read_feeds(at)
    if is_time("bursts", 60):
        look_for_bursts(at)
    if is_time("authors", 30):
        name_authors()
    if is_time("sweep", 3600):
        while services.sweep(at=at) >= services.SWEPT:
            pass
    return PAUSE


def look_for_bursts(at: datetime) -> int:
    """Raise an alert for every search with many more mentions than usual; return how many."""
    raised = 0
    for level in queries.levels(at):
        verdict = judge(level.count, level.earlier, at=at, last_alert=level.last_alert)
        if verdict.is_burst and services.raise_burst(search=level.search, verdict=verdict, at=at) is not None:
            raised += 1
    return raised


def read_feeds(at: datetime) -> int:
    """Read the feeds that are due; return how many answered."""
    answered = 0
    for source in queries.due_feeds(at)[:FEEDS_A_ROUND]:
        if not _LOCKS.acquire(source.pk):
            continue
        try:
            fresh = Source.objects.get(pk=source.pk)
            if fresh.is_active and (fresh.next_at is None or fresh.next_at <= at):
                answered += read_feed(fresh, at)
        except Source.DoesNotExist:
            continue
        finally:
            _LOCKS.release(source.pk)
    return answered


def read_feed(source: Source, at: datetime) -> bool:
    """Ask one feed; a failure is kept in words and the next try comes later each time."""
    try:
        answer = _fetch(source)
        if answer.status == 304:
            services.note_heard(source_id=source.pk, at=at, next_at=_next(answer, at))
            return True
        if not answer.is_success:
            raise ChannelError(
                f"The source answered with the status {answer.status}.",
                retry_after=answer.retry_after,
                permanent=answer.status == 410,
            )
        posts = feeds.parse(answer.body).posts
    except (ChannelError, feeds.NotAFeed) as error:
        wait = _wait(source.failures, error)
        services.note_failed(source_id=source.pk, at=at, reason=str(error), next_at=at + wait)
        logger.info("feed %s: %s", source.pk, error)
        return False
    services.take_in(source_id=source.pk, posts=posts, listener=queries.listener_of(source.pk))
    services.note_heard(
        source_id=source.pk,
        at=at,
        next_at=_next(answer, at),
        etag=answer.headers.get("etag", "")[:300],
        modified=answer.headers.get("last-modified", "")[:100],
    )
    return True


def _fetch(source: Source) -> http.Response:
    """GET a feed if it changed since; a few redirects are followed, each checked like the first address."""
    asked = {"Accept": "application/atom+xml, application/rss+xml, application/xml;q=0.9, */*;q=0.5"}
    if source.etag:
        asked["If-None-Match"] = source.etag
    if source.modified:
        asked["If-Modified-Since"] = source.modified
    url = source.address
    for _hop in range(REDIRECTS + 1):
        connection.close()  # back into the pool while a server is waited for
        answer = http.get(url, headers=asked, timeout=TIMEOUT, max_bytes=MAX_FEED)
        place = answer.headers.get("location", "")
        if answer.status not in {301, 302, 303, 307, 308} or not place:
            return answer
        url = urljoin(url, place)
    raise ChannelError("The address redirects again and again.")


def _next(answer: http.Response, at: datetime) -> datetime:
    """Return when to ask again: after our interval, or later where the server asks for it."""
    wait = EVERY
    for part in answer.headers.get("cache-control", "").lower().split(","):
        name, _equals, value = part.strip().partition("=")
        if name == "max-age" and value.isascii() and value.isdigit():
            wait = max(wait, min(timedelta(seconds=int(value[:6])), timedelta(hours=2)))
    if answer.retry_after:
        wait = max(wait, timedelta(seconds=answer.retry_after))
    return at + wait * random.uniform(1, 1.1)  # noqa: S311  # so that not all are asked at once


def _wait(failures: int, error: Exception) -> timedelta:
    """Return how long to wait after a failure: longer each time, a day at most, and a day for what is gone."""
    if isinstance(error, ChannelError) and error.permanent:
        return LONGEST_WAIT
    asked = timedelta(seconds=error.retry_after or 0) if isinstance(error, ChannelError) else timedelta()
    longer: timedelta = EVERY * 2.0 ** min(failures, 8)
    return max(asked, min(LONGEST_WAIT, longer))


def name_authors(base: str = "") -> int:
    """Ask who the authors of new mentions are, whom the firehose names by number only; return how many were told."""
    found = queries.nameless_authors(bluesky.PROFILES_AT_ONCE)
    if not found:
        return 0
    connection.close()
    try:
        answer = http.get(bluesky.profiles_address(base or PROFILES, sorted({author for _source, author in found})))
    except ChannelError as error:
        logger.info("names of authors: %s", error)
        return 0
    if not answer.is_success:
        return 0
    told = bluesky.parse_profiles(answer.body)
    sources = {source for source, _author in found}
    known = {did: (one.handle, one.name, one.followers) for did, one in told.items()}
    # Who is gone has no name: the number stands for it, and is not asked for again.
    missing = {author: (author, "", None) for _source, author in found if author not in known}
    services.name_authors(known | missing, source_ids=sources)
    return len(known)
