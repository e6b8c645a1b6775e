"""A session lock has one holder: a thread of a process; it falls with the connection."""

import threading

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from comptoir.core.locks import SessionLocks

pytestmark = pytest.mark.django_db


def in_another_thread(locks: SessionLocks, number: int) -> bool:
    answer: list[bool] = []
    thread = threading.Thread(target=lambda: answer.append(locks.acquire(number)))
    thread.start()
    thread.join()
    return answer[0]


def test_a_lock_has_one_holder_and_can_be_confirmed() -> None:
    here, elsewhere = SessionLocks(0x7E01), SessionLocks(0x7E01)
    try:
        assert here.acquire(1)
        assert here.acquire(1)
        assert not in_another_thread(here, 1)
        assert not elsewhere.acquire(1)
        assert elsewhere.acquire(2)
        here.release(1)
        assert elsewhere.acquire(1)
    finally:
        for locks in (here, elsewhere):
            for number in (1, 2):
                locks.release(number)


def test_a_thread_cannot_give_back_what_another_holds() -> None:
    here, elsewhere = SessionLocks(0x7E02), SessionLocks(0x7E02)
    assert here.acquire(1)
    thread = threading.Thread(target=here.release, args=(1,))
    thread.start()
    thread.join()
    assert not elsewhere.acquire(1)
    here.release(1)


def test_a_lost_connection_loses_the_locks_and_another_takes_over() -> None:
    here, elsewhere = SessionLocks(0x7E03), SessionLocks(0x7E03)
    assert here.acquire(1)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s",
            [0x7E03],
        )
    assert elsewhere.acquire(1)
    assert not here.acquire(1)
    elsewhere.release(1)
    assert here.acquire(1)
    here.release(1)


def test_the_connection_is_closed_with_the_last_lock() -> None:
    locks = SessionLocks(0x7E04)
    locks.acquire(1)
    locks.acquire(2)
    locks.release(1)
    with psycopg.connect(settings.DATABASE_URL) as probe:
        held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s"
        assert probe.execute(held, [0x7E04]).fetchone() == (1,)
        locks.release(2)
        assert probe.execute(held, [0x7E04]).fetchone() == (0,)
