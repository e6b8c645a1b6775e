"""A follower gets every event once and in order, whatever fails and however many workers ask."""

import threading
from collections.abc import Sequence

import pytest
from django.db import connection

from comptoir.journal import services as journal
from comptoir.journal.following import follow
from comptoir.journal.models import Event, Follower

pytestmark = pytest.mark.django_db


def append(*numbers: int, kind: str = "test.happened") -> None:
    journal.append_all([journal.Entry(journal.SYSTEM, kind, facts={"n": n}) for n in numbers])


class Heard:
    def __init__(self) -> None:
        self.numbers: list[int] = []

    def __call__(self, events: Sequence[Event]) -> None:
        self.numbers += [event.facts["n"] for event in events]


def test_a_new_follower_begins_with_what_happens_from_now_on() -> None:
    heard = Heard()
    append(1)
    assert follow("test", heard) is False
    append(2, 3)
    follow("test", heard)
    follow("test", heard)
    assert heard.numbers == [2, 3]


def test_a_long_absence_is_caught_up_in_batches() -> None:
    heard = Heard()
    follow("test", heard)
    append(*range(7))
    assert [follow("test", heard, batch=3) for _ in range(3)] == [True, True, False]
    assert heard.numbers == list(range(7))


def test_other_kinds_are_passed_over() -> None:
    heard = Heard()
    follow("test", heard, kinds=["test.wanted"])
    append(1)
    append(2, kind="test.wanted")
    append(3)
    assert follow("test", heard, kinds=["test.wanted"]) is False
    assert heard.numbers == [2]
    assert Follower.objects.get(name="test").last_event_id == Event.objects.latest("id").pk


def test_what_failed_comes_again() -> None:
    heard = Heard()
    follow("test", heard)
    append(1)

    def fail(events: Sequence[Event]) -> None:
        journal.append(actor=journal.SYSTEM, kind="test.consequence")
        raise RuntimeError("out of order")

    with pytest.raises(RuntimeError):
        follow("test", fail)
    assert not Event.objects.filter(kind="test.consequence").exists()
    follow("test", heard)
    assert heard.numbers == [1]


@pytest.mark.django_db(transaction=True)
def test_two_workers_share_nothing() -> None:
    heard = Heard()
    follow("test", heard)
    append(*range(60))

    def work() -> None:
        try:
            for _ in range(20):
                follow("test", heard, batch=5)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard.numbers == list(range(60))
