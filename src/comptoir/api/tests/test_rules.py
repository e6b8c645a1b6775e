"""Signatures, judgements and the schedule of retries, as tables."""

import hashlib
import hmac
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comptoir.api.rules import ATTEMPTS, checked_url, retry_after, sign, verdict
from comptoir.core.errors import InputError


def test_the_signature_is_what_the_documentation_says() -> None:
    expected = hmac.new(b"whsec_x", b'1767225600.{"a":1}', hashlib.sha256).hexdigest()
    assert sign("whsec_x", timestamp=1767225600, body=b'{"a":1}') == f"t=1767225600,v1={expected}"


SCHEDULE = [("first", 1, 10), ("second", 2, 30), ("third", 3, 90), ("eighth", 8, 21_870), ("capped", 9, 43_200)]


@pytest.mark.parametrize(("label", "attempts", "seconds"), SCHEDULE)
def test_the_wait_grows_to_half_a_day(label: str, attempts: int, seconds: int) -> None:
    assert retry_after(attempts, jitter=0.5) == timedelta(seconds=seconds)


def test_it_gives_up_after_about_three_days() -> None:
    waits = [retry_after(attempts, jitter=0.5) for attempts in range(1, ATTEMPTS)]
    total = sum((wait for wait in waits if wait), timedelta())
    assert timedelta(days=2.5) < total < timedelta(days=3.5)
    assert retry_after(ATTEMPTS, jitter=0.5) is None


@given(st.integers(1, ATTEMPTS - 1), st.floats(0, 1, exclude_max=True))
def test_jitter_stays_within_a_fifth(attempts: int, jitter: float) -> None:
    middle, drawn = retry_after(attempts, jitter=0.5), retry_after(attempts, jitter=jitter)
    assert middle is not None
    assert drawn is not None
    assert middle * 0.79 <= drawn <= middle * 1.21


ANSWERS = [
    ("ok", 200, True, ""),
    ("no content", 204, True, ""),
    ("redirect", 302, False, "redirect"),
    ("gone", 410, False, "410"),
    ("error", 500, False, "500: it broke"),
]


@pytest.mark.parametrize(("label", "status", "is_done", "words"), ANSWERS)
def test_only_success_counts(label: str, status: int, is_done: bool, words: str) -> None:
    found = verdict(status, "it broke")
    assert found.is_done == is_done
    assert words in found.reason


WRONG = [
    ("empty", ""),
    ("no scheme", "example.org/hook"),
    ("file", "file:///etc/passwd"),
    ("user name", "https://user@example.org/"),
    ("space", "https://example.org/a b"),
    ("line break", "https://example.org/\r\nX: y"),
    ("no host", "https:///path"),
    ("bad port", "https://example.org:99999/"),
    ("not ASCII", "https://exämple.org/"),
    ("too long", "https://example.org/" + "x" * 500),
]


@pytest.mark.parametrize(("label", "url"), WRONG)
def test_wrong_addresses_are_refused(label: str, url: str) -> None:
    with pytest.raises(InputError):
        checked_url(url)


def test_right_addresses_are_kept() -> None:
    assert checked_url(" https://example.org:8443/hook?a=b ") == "https://example.org:8443/hook?a=b"
