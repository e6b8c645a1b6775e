"""Rate limits: a burst passes, then one every step; keys and limits count apart; nobody picks their own address."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import RequestFactory

from comptoir.core import bulk, ratelimit
from comptoir.core.ratelimit import Limit, client_ip, network_of, take

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
THREE = Limit("test", 3, 60)


@pytest.mark.django_db
def test_a_burst_passes_and_then_one_every_step() -> None:
    assert [take(THREE, "k", at=AT) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert take(THREE, "k", at=AT) == pytest.approx(20, abs=0.01)
    assert take(THREE, "k", at=AT + timedelta(seconds=15)) == pytest.approx(5, abs=0.01)
    assert take(THREE, "k", at=AT + timedelta(seconds=20)) == 0.0
    assert take(THREE, "k", at=AT + timedelta(seconds=21)) > 0


@pytest.mark.django_db
def test_the_wait_that_it_names_is_enough() -> None:
    at = AT
    for _ in range(20):
        wait = take(THREE, "k", at=at)
        if wait:
            at += timedelta(seconds=wait)
            assert take(THREE, "k", at=at) == 0.0


@pytest.mark.django_db
def test_keys_and_limits_count_apart() -> None:
    for _ in range(3):
        take(THREE, "k", at=AT)
    assert take(THREE, "k", at=AT) > 0
    assert take(THREE, "other", at=AT) == 0.0
    assert take(Limit("another", 3, 60), "k", at=AT) == 0.0
    assert take(THREE, "k", at=AT + timedelta(seconds=61)) == 0.0


@pytest.mark.django_db
def test_no_address_is_stored() -> None:
    take(THREE, "203.0.113.9", at=AT)
    assert not any("203.0.113.9" in row[0] for row in bulk.fetch_all("SELECT cache_key || value FROM core_cache", []))


@pytest.mark.django_db
def test_old_rows_are_swept(monkeypatch: pytest.MonkeyPatch) -> None:
    take(THREE, "old", at=AT)
    monkeypatch.setattr(ratelimit, "SWEEP_EVERY", 1)
    take(THREE, "new", at=AT + timedelta(hours=1))
    assert bulk.fetch_all("SELECT count(*) FROM core_cache", []) == [(1,)]


CASES = [
    # label, trusted proxies, REMOTE_ADDR, X-Forwarded-For, expected
    ("no proxy: the header is a claim", [], "198.51.100.7", "203.0.113.9", "198.51.100.7"),
    ("a stranger's header is ignored", ["10.0.0.1"], "198.51.100.7", "203.0.113.9", "198.51.100.7"),
    ("behind one proxy", ["10.0.0.1"], "10.0.0.1", "203.0.113.9", "203.0.113.9"),
    ("a claim before the proxy's word", ["10.0.0.1"], "10.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"),
    ("two proxies in a network", ["10.0.0.0/8"], "10.0.0.1", "1.1.1.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
    ("a proxy that says nothing", ["10.0.0.1"], "10.0.0.1", "", "10.0.0.1"),
]


@pytest.mark.parametrize(("label", "trusted", "remote", "heard", "expected"), CASES, ids=[c[0] for c in CASES])
def test_the_visitors_address(
    settings: Any, label: str, trusted: list[str], remote: str, heard: str, expected: str
) -> None:
    settings.TRUSTED_PROXIES = trusted
    request = RequestFactory().get("/", REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR=heard)
    assert client_ip(request) == expected


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("", "unknown"),
        ("nonsense", "unknown"),
    ],
)
def test_what_a_limit_counts(remote: str, expected: str) -> None:
    assert network_of(RequestFactory().get("/", REMOTE_ADDR=remote)) == expected


def test_the_wait_in_words_is_never_too_short() -> None:
    assert "in 2 seconds." in ratelimit.wait_in_words(1.2)
    assert "in 2 minutes." in ratelimit.wait_in_words(91)
