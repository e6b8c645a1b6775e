"""When many mentions are more than usual."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comptoir.listening.bursts import CHANCE, FLOOR, expected, hours_before, judge, poisson_tail

AT = datetime(2026, 11, 26, 12, tzinfo=UTC)


def by_addition(count: int, mean: float) -> float:
    """The tail by the plain recurrence: an independent oracle for small means."""
    term, below = math.exp(-mean), 0.0
    for k in range(count):
        below += term
        term *= mean / (k + 1)
    return 1 - below


@given(st.integers(0, 40), st.floats(0.01, 30))
def test_the_tail_agrees_with_plain_addition(count: int, mean: float) -> None:
    assert poisson_tail(count, mean) == pytest.approx(by_addition(count, mean), abs=1e-12)


@given(st.integers(0, 5000), st.floats(0, 5000))
def test_the_tail_is_a_probability_and_falls(count: int, mean: float) -> None:
    assert 0 <= poisson_tail(count + 1, mean) <= poisson_tail(count, mean) + 1e-9 <= 1 + 1e-9


@pytest.mark.parametrize(
    ("count", "mean", "tail"),
    # R: ppois(n - 1, mean, lower.tail = FALSE)
    [(5, 0.125, 2.29e-7), (1, 1.0, 0.6321206), (10, 5.0, 0.03182806), (200, 100.0, 9.3e-19)],
)
def test_known_tails(count: int, mean: float, tail: float) -> None:
    assert poisson_tail(count, mean) == pytest.approx(tail, rel=0.05)


@pytest.mark.parametrize(
    ("case", "count", "earlier", "minutes_since", "is_burst"),
    [
        ("five where nothing ever came", 5, [0, 0, 0, 0], None, True),
        ("four alarm nobody", 4, [0, 0, 0, 0], None, False),
        ("five in a new search", 5, [], None, True),
        ("usual for this hour", 25, [100, 110, 90, 100], None, False),
        ("twice as many as usual", 50, [100, 110, 90, 100], None, True),
        ("somewhat more than usual", 30, [100, 110, 90, 100], None, False),
        ("an alert a while ago", 50, [0, 0, 0, 0], 119, False),
        ("an alert two hours ago", 50, [0, 0, 0, 0], 120, True),
    ],
)
def test_what_is_a_burst(case: str, count: int, earlier: list[int], minutes_since: int | None, is_burst: bool) -> None:
    last = AT - timedelta(minutes=minutes_since) if minutes_since is not None else None
    verdict = judge(count, earlier, at=AT, last_alert=last)
    assert verdict.is_burst is is_burst
    assert verdict.chance < CHANCE or not verdict.is_burst


def test_the_floor_and_the_mean() -> None:
    assert expected([]) == FLOOR / 4
    assert expected([4, 8, 0, 4]) == 1.0


def test_the_same_hour_of_the_last_four_weeks() -> None:
    hours = hours_before(AT)
    assert len(hours) == 4
    assert all(b - a == timedelta(hours=1) for a, b in hours)
    assert hours[0] == (
        AT - timedelta(days=7, minutes=37, seconds=30),
        AT - timedelta(days=7) + timedelta(minutes=22.5),
    )
