"""Listens to the streams: one thread a source, on whichever worker holds its lock.

What came while nobody listened is read first (Jetstream from its cursor, Mastodon by its timelines); then the stream.
Posts are taken in by the second, in the transaction in which the cursor moves, so that none is lost between the two.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg
from django.db import Error as DatabaseError
from django.db import connection

from comptoir.channels.watching import pause_after, rest
from comptoir.core import clock, http, websocket
from comptoir.core.errors import ChannelError, ComptoirError
from comptoir.core.locks import SessionLocks
from comptoir.core.streaming import open_stream
from comptoir.listening import queries, services
from comptoir.listening.models import Source, SourceKind
from comptoir.listening.rules import Post
from comptoir.listening.services import Listener
from comptoir.listening.sources import bluesky, mastodon

logger = logging.getLogger(__name__)

GATHER = 1.0  # seconds of posts that are one batch
BATCH = 500  # posts
CURSOR_EVERY = 5.0  # seconds between two writes of a cursor where nothing was found
REFRESH = 10.0  # seconds after which changed searches are heard of
SILENCE = 90.0  # seconds; Mastodon sends a heartbeat every 15, the firehose is never silent
STANDBY = 5.0  # between two tries to take over what another worker listens to
POLL = 60.0  # between two readings of a timeline whose server has no open stream
CATCH_UP_PAGES = 25  # of 40 statuses; beyond, the gap is too long to be worth a server's time
_LOCKS = SessionLocks(0x0C52)
NO_STREAM = frozenset({401, 403, 404, 405, 406, 410, 422, 501})


def watch(source_id: int, stopped: Callable[[], bool]) -> None:
    """Listen to a source until `stopped()`; reconnects by itself. Run in a thread of its own."""
    failures = 0
    try:
        while not stopped():
            try:
                source = Source.objects.filter(pk=source_id, is_active=True).first()
                # A firehose that nobody wants anything of is not drunk from.
                is_wanted = source is not None and bool(queries.listener_of(source_id).matcher)
                if source is None or not is_wanted or not _LOCKS.acquire(source_id):
                    _sleep(STANDBY, stopped)
                    continue
                failures = 0 if _listen(source, stopped) else failures + 1
                _sleep(pause_after(failures) if failures else 1.0, stopped)
            except (ComptoirError, DatabaseError, psycopg.Error, ValueError) as error:
                failures += 1
                _note(source_id, error)
                _sleep(pause_after(failures, error), stopped)
    finally:
        _release(source_id)


@dataclass(slots=True)
class Gathered:
    """What was heard and is not written yet."""

    source_id: int
    posts: list[Post] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    cursor: str = ""
    heard: bool = False
    written_at: float = field(default_factory=time.monotonic)
    _listener: Listener | None = None
    _read_at: float = 0.0
    _checked_at: float = field(default_factory=time.monotonic)

    def keeps(self) -> bool:
        """Whether the lock is still ours; asked now and then. What was gathered is written while nothing comes."""
        now = time.monotonic()
        if (self.posts or self.deleted) and now - self.written_at > GATHER:
            self.write()
        if now - self._checked_at < 30:
            return True
        self._checked_at = now
        return _LOCKS.acquire(self.source_id)

    def take(self, post: Post | None = None, *, deleted: str = "", cursor: str = "") -> None:
        """Gather one thing; write when a second or a batch is full."""
        if not self.heard:
            self.heard = True
            services.note_heard(source_id=self.source_id, at=clock.now())
        self.cursor = cursor or self.cursor
        if post is not None and self.listener().matcher.matches(post):
            self.posts.append(post)
        if deleted:
            self.deleted.append(deleted)
        waited = time.monotonic() - self.written_at
        if len(self.posts) + len(self.deleted) >= BATCH or waited > (GATHER if self.posts else CURSOR_EVERY):
            self.write()

    def listener(self) -> Listener:
        """Return what the searches want; read again every few seconds."""
        if self._listener is None or time.monotonic() - self._read_at > REFRESH:
            self._listener, self._read_at = queries.listener_of(self.source_id), time.monotonic()
            connection.close()
        return self._listener

    def write(self) -> None:
        """Take in what was gathered, and move the cursor with it."""
        posts, deleted = self.posts, self.deleted
        services.take_in(
            source_id=self.source_id, posts=posts, deleted=deleted, listener=self.listener(), cursor=self.cursor
        )
        self.posts, self.deleted, self.written_at = [], [], time.monotonic()
        connection.close()


def _listen(source: Source, ended: Callable[[], bool]) -> bool:
    """Follow a source until its stream ends or `ended()`; return whether it said anything."""
    gathered = Gathered(source.pk)

    def stopped() -> bool:
        return ended() or not gathered.keeps()

    if source.kind == SourceKind.BLUESKY:
        connection.close()
        follow_jetstream(source, gathered, stopped)
    else:
        token = services.token_of(source)
        connection.close()
        catch_up(source, token, gathered, stopped)
        follow_mastodon(source, token, gathered, stopped)
    if gathered.posts or gathered.deleted or gathered.cursor:
        gathered.write()
    return gathered.heard


def follow_jetstream(source: Source, gathered: Gathered, stopped: Callable[[], bool]) -> None:
    """Follow Bluesky's firehose from the cursor on."""
    url = bluesky.address(source.address, source.cursor)
    for message in websocket.messages(url, stopped=stopped, silence=SILENCE):
        told = bluesky.parse(message)
        gathered.take(told.post, deleted=told.deleted, cursor=str(told.cursor or ""))


def _headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def catch_up(source: Source, token: str, gathered: Gathered, stopped: Callable[[], bool]) -> None:
    """Read a Mastodon timeline from the cursor on; without a cursor its newest page."""
    after = source.cursor
    for _page in range(CATCH_UP_PAGES):
        if stopped():
            return
        answer = http.get(mastodon.list_address(source.address, source.hashtag, after), headers=_headers(token))
        if not answer.is_success:
            raise _refusal(answer.status, answer.retry_after)
        posts = mastodon.parse_list(answer.body)
        newest = mastodon.newest_id(answer.body)
        for post in posts:
            gathered.take(post)
        gathered.cursor = newest or gathered.cursor
        gathered.heard = True
        gathered.write()
        services.note_heard(source_id=source.pk, at=clock.now())
        if not after or not newest or newest == after:
            break
        after = newest
    source.cursor = gathered.cursor or source.cursor


def _refusal(status: int, retry_after: float | None) -> ChannelError:
    words = f"The source answered with the status {status}."
    return ChannelError(words, retry_after=retry_after, permanent=status in {401, 403, 404, 410})


def follow_mastodon(source: Source, token: str, gathered: Gathered, stopped: Callable[[], bool]) -> None:
    """Follow a Mastodon stream; where the server has none open to us, read its timeline every minute."""
    url = mastodon.stream_address(source.address, source.hashtag)
    asked = {"Accept": "text/event-stream", **_headers(token)}
    with open_stream(url, stopped=stopped, headers=asked, silence=SILENCE) as stream:
        if stream.status == 200:
            for event in mastodon.events(stream.chunks):
                post, deleted = mastodon.parse_event(event)
                newer = post is not None and mastodon.order_of(post.id) > mastodon.order_of(gathered.cursor)
                gathered.take(post, deleted=deleted, cursor=post.id if post is not None and newer else "")
            return
        status = stream.status
    if stopped():
        return
    if status not in NO_STREAM:
        raise _refusal(status, None)
    while not stopped():
        _sleep(POLL, stopped)
        if not stopped():
            catch_up(source, token, gathered, stopped)


def _note(source_id: int, error: Exception) -> None:
    logger.warning("source %s: %s", source_id, error)
    if isinstance(error, DatabaseError | psycopg.Error):
        connection.close()
        return
    try:
        services.note_failed(source_id=source_id, at=clock.now(), reason=str(error))
    except DatabaseError:
        logger.warning("source %s: the failure could not be recorded", source_id)
    finally:
        connection.close()


def _sleep(seconds: float, stopped: Callable[[], bool]) -> None:
    connection.close()
    rest(seconds, stopped)


def _release(source_id: int) -> None:
    try:
        _LOCKS.release(source_id)
    except psycopg.Error:
        logger.warning("source %s: the lock went with its connection", source_id)
    finally:
        connection.close()


class Watchers:
    """The threads of one worker: `keep` gives every active stream its thread, and starts again what ended."""

    def __init__(self, stopped: Callable[[], bool]) -> None:
        self._stopped = stopped
        self._threads: dict[int, threading.Thread] = {}

    def keep(self) -> None:
        """Start the threads that are missing; called by the worker's keeper."""
        for number in queries.stream_ids():
            running = self._threads.get(number)
            if running is not None and running.is_alive():
                continue
            thread = threading.Thread(
                target=self._run, args=(number, self._ended(number)), name=f"listen-{number}", daemon=True
            )
            self._threads[number] = thread
            thread.start()

    def threads(self) -> list[threading.Thread]:
        """Return all threads, for the worker to wait for."""
        return list(self._threads.values())

    @staticmethod
    def _run(source_id: int, stopped: Callable[[], bool]) -> None:
        try:
            watch(source_id, stopped)
        except Exception:
            logger.exception("listener of source %s: ended; it is started again", source_id)
        finally:
            connection.close()

    def _ended(self, source_id: int) -> Callable[[], bool]:
        """Return whether a listener should end: the worker stops, or its source was changed or switched off."""
        columns = ("kind", "address", "hashtag", "credentials", "is_active")
        known = Source.objects.filter(pk=source_id).values(*columns).first()
        checked, ended = time.monotonic(), False

        def stopped() -> bool:
            nonlocal checked, ended
            if not ended and time.monotonic() - checked > 10:
                checked = time.monotonic()
                ended = Source.objects.filter(pk=source_id).values(*columns).first() != known
                connection.close()
            return ended or self._stopped()

        return stopped
