"""The worker: a few threads, each around one loop, over rows that are themselves the queue (see docs/adr).

    digest      inbound records → messages        woken by NOTIFY, else every 2 s; a second one helps with a backlog
    sender ×2   deliveries that are due           woken by NOTIFY, else when the next is due
    webhooks    journal → subscribers' addresses
    routing     journal → rules; then waiting conversations → people
    errands     calls that rules owe
    tokens      of accounts, renewed before they expire
    files       that platforms keep, and names of authors
    notices     journal → notifications           woken by NOTIFY; and their mails
    watchers    one thread a mailbox (or stream)  for channels that poll or stream
    imports     what people move in with          woken by NOTIFY, else every 20 s
    listening   feeds, alerts, and conversations of mentions
    listeners   one thread a stream of listening
    keeper      snoozes, reminders, dead claims, sessions    every second

Any number of workers may run, on any number of machines: every claim is a lock or a compare-and-set in PostgreSQL. A
loop that fails logs, waits and goes on; a lost database is waited for.
"""

import logging
import random
import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import psycopg
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection

from comptoir import pipeline
from comptoir.api.dispatch import run_webhooks_once
from comptoir.channels.models import ChannelAccount
from comptoir.channels.registry import channel
from comptoir.channels.renewing import renew_due
from comptoir.conversations.fetching import fetch_due
from comptoir.conversations.services import wake_snoozed
from comptoir.core import clock
from comptoir.core.listening import conninfo
from comptoir.inbound import log
from comptoir.inbound.services import WAKE_CHANNEL as INBOUND
from comptoir.journal.services import LIVE_CHANNEL
from comptoir.listening import jobs as listening
from comptoir.listening.watching import Watchers
from comptoir.moving import jobs as moving
from comptoir.moving.services import WAKE_CHANNEL as MOVING
from comptoir.notifications import services as notifications
from comptoir.notifications.mailing import mail_due
from comptoir.outbound import sender
from comptoir.outbound.receipts import forget_early
from comptoir.outbound.services import WAKE_CHANNEL as OUTBOUND
from comptoir.reminders.services import ring_due
from comptoir.routing.assigning import assign_once
from comptoir.routing.engine import run_rules_once, sweep_log
from comptoir.routing.errands import run_errands_once

logger = logging.getLogger(__name__)

SENDERS = 2
# From this many busy shards on a second digest helps: while one waits for PostgreSQL the other parses.
# Below, it would only cost wake-ups.
BACKLOG_SHARDS = 8
GATHER = 0.2  # seconds; the events of this span are one batch of the rules
ROUTING_PAUSE = 2.0  # seconds; somebody may have opened their desk meanwhile, which is no event
NOTICE_REST = 0.3  # seconds: nobody feels it, and fifty messages a second make three batches and not fifty


class Worker:
    """All loops of one worker process."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._wakers = {name: threading.Event() for name in (INBOUND, OUTBOUND, MOVING, LIVE_CHANNEL)}
        self._heard = threading.Event()  # of the journal, for the notices
        self._backlog = threading.Event()
        self._routing = threading.Event()  # of its own: a waker that two loops clear would wake only one of them
        self._watchers: dict[int, threading.Thread] = {}
        self._listeners = Watchers(self._stop.is_set)
        self._kept_at = {"claims": 0.0, "sessions": 0.0, "mails": 0.0}

    def run(self) -> None:
        """Run until SIGTERM or SIGINT; every loop finishes what it holds."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())
        loops: list[tuple[str, Callable[[], float], threading.Event | None]] = [
            ("digest", lambda: digest_all(call_help=self._backlog.set), self._wakers[INBOUND]),
            ("digest-help", lambda: digest_all(backwards=True, pause=30), self._backlog),
            *((f"sender-{n}", send_all, self._wakers[OUTBOUND]) for n in range(SENDERS)),
            ("webhooks", lambda: run_webhooks_once(clock.now()), self._wakers[LIVE_CHANNEL]),
            ("routing", self._route, self._routing),
            ("errands", lambda: run_errands_once(clock.now()), None),
            ("tokens", lambda: renew_due(clock.now()), None),
            ("files", lambda: fetch_due(clock.now()), None),
            ("notices", self._notify, self._heard),
            ("imports", lambda: 0.0 if moving.run_due(self._stop.is_set) else 20.0, self._wakers[MOVING]),
            ("listening", lambda: listening.run_once(clock.now()), None),
            ("keeper", self._keep, None),
        ]
        threads = [threading.Thread(target=self._loop, args=entry, name=entry[0], daemon=True) for entry in loops]
        threads.append(threading.Thread(target=self._listen, name="listener", daemon=True))
        for thread in threads:
            thread.start()
        self._stop.wait()
        deadline = time.monotonic() + 10
        for thread in [*threads, *self._watchers.values(), *self._listeners.threads()]:
            thread.join(max(0.0, deadline - time.monotonic()))

    def stop(self) -> None:
        """Ask every loop to end."""
        self._stop.set()
        for waker in [*self._wakers.values(), self._heard, self._backlog, self._routing]:
            waker.set()

    def _loop(self, name: str, step: Callable[[], float], waker: threading.Event | None) -> None:
        """Run one loop's step again and again; the step returns how many seconds it may sleep."""
        failures = 0
        while not self._stop.is_set():
            if waker is not None:
                waker.clear()
            try:
                pause, failures = step(), 0
            except Exception:
                failures += 1
                pause = min(30.0, 0.2 * 2**failures) * random.uniform(0.5, 1)  # noqa: S311  # jitter, not a secret
                logger.exception("%s: failed, trying again in %.1f s", name, pause)
            connection.close()  # back into the pool while we sleep
            if pause > 0:
                (waker or self._stop).wait(pause)

    def _listen(self) -> None:
        """Turn PostgreSQL's notifications into wake-ups; the loops also look by themselves, so none can be missed."""
        while not self._stop.is_set():
            try:
                with psycopg.connect(conninfo(), autocommit=True) as listener:
                    for name in self._wakers:
                        listener.execute(f"LISTEN {name}")
                    while not self._stop.is_set():
                        for notice in listener.notifies(timeout=1, stop_after=1):
                            self._wakers[notice.channel].set()
                            if notice.channel == LIVE_CHANNEL:
                                self._routing.set()
                                self._heard.set()
            except psycopg.Error as error:
                logger.warning("listener: %s; trying again", error)
                self._stop.wait(1)

    def _route(self) -> float:
        """Let the rules act first, and then give what still waits to people."""
        self._stop.wait(GATHER)
        if run_rules_once(clock.now()):
            return 0.0
        assign_once(clock.now())
        return ROUTING_PAUSE

    def _notify(self) -> float:
        """Make notifications of what happened, and mail what is due. A moment's rest gathers what comes closely."""
        pause = notifications.run_once()
        if notifications.may_mail() and self._is_time("mails", 5):
            mail_due(at=clock.now())
        self._stop.wait(NOTICE_REST)
        return pause

    def _keep(self) -> float:
        now = clock.now()
        wake_snoozed(at=now)
        ring_due(at=now)
        if self._is_time("claims", 15):
            sender.recover_claims(at=now)
            self._watch_accounts()
            self._listeners.keep()
        if self._is_time("sessions", 3600):
            sweep_log(now)
            forget_early(at=now)
            Session.objects.filter(expire_date__lt=now - timedelta(days=1)).delete()
            notifications.sweep(at=now)
        return 1.0

    def _is_time(self, name: str, seconds: float) -> bool:
        if self._kept_at[name] and time.monotonic() - self._kept_at[name] < seconds:
            return False
        self._kept_at[name] = time.monotonic()
        return True

    def _watch_accounts(self) -> None:
        """Give every active account of a polling channel its thread; one that ended is started again."""
        for account in ChannelAccount.objects.filter(is_active=True):
            watch = channel(account.kind).watch
            running = self._watchers.get(account.pk)
            if watch is None or (running is not None and running.is_alive()):
                continue
            arguments = (account.pk, self._stopped(account.pk))
            thread = threading.Thread(
                target=self._watch, args=(watch, *arguments), name=f"watch-{account.pk}", daemon=True
            )
            self._watchers[account.pk] = thread
            thread.start()

    def _stopped(self, account_id: int) -> Callable[[], bool]:
        """Return whether a watcher should end: the worker stops, or the account was changed or closed."""
        checked = time.monotonic()
        known = ChannelAccount.objects.filter(pk=account_id).values("options", "credentials", "is_active").first()
        ended = False

        def stopped() -> bool:
            nonlocal checked, ended
            if not ended and time.monotonic() - checked > 10:
                checked = time.monotonic()
                rows = ChannelAccount.objects.filter(pk=account_id).values("options", "credentials", "is_active")
                ended = rows.first() != known
                connection.close()
            return ended or self._stop.is_set()

        return stopped

    @staticmethod
    def _watch(watch: Callable[[int, Callable[[], bool]], None], account_id: int, stopped: Callable[[], bool]) -> None:
        try:
            watch(account_id, stopped)
        except Exception:
            logger.exception("watcher of account %s: ended; it is started again", account_id)
        finally:
            connection.close()


def digest_all(*, call_help: Callable[[], None] | None = None, backwards: bool = False, pause: float = 2.0) -> float:
    """Digest until nothing is pending that another digest has not in hand; return the seconds to sleep.

    What fits into one batch is one batch, however many shards it is spread over: a trickle of messages costs one
    transaction each time round and not one a shard. A backlog is taken shard by shard, so that others can share in it;
    a helper walks backwards, so that the two meet only once.
    """
    limit = settings.DIGEST_BATCH
    progress = True
    while progress:
        progress = False
        shards = log.busy_shards()
        is_backlog = log.backlog(most=limit + 1) > limit
        if is_backlog and call_help is not None and len(shards) >= BACKLOG_SHARDS:
            call_help()
        groups = [[shard] for shard in shards] if is_backlog else [shards]
        for group in reversed(groups) if backwards else groups:
            progress |= pipeline.digest_shards(group, limit=limit) > 0
    return pause


def send_all() -> float:
    """Send until nothing is due; return the seconds until the next delivery is."""
    while sender.send_one():
        pass
    return sender.seconds_until_due(longest=5.0)


def main() -> None:
    """Run a worker."""
    Worker().run()
