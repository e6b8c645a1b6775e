"""When many mentions in a short time are more than usual: pure.

The usual level is that of the same hour of the week in the last four weeks. Mentions that come by themselves are
Poisson distributed; so many that they would come by chance less than once in a thousand times are a burst.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

SPAN = timedelta(minutes=15)  # what counts as a short time
WEEKS = 4
LEAST = 5  # mentions: fewer alarm nobody, however quiet it is otherwise
CHANCE = 0.001
FLOOR = 0.5  # mentions an hour, at least expected: a search that found nothing yet is not surprised by its first
QUIET = timedelta(hours=2)  # after an alert of the same search


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it is a burst, with what speaks for it. `chance`: of so many or more at the usual level."""

    is_burst: bool
    count: int
    expected: float
    chance: float


def hours_before(at: datetime, *, weeks: int = WEEKS) -> list[tuple[datetime, datetime]]:
    """Return the hours to compare with: around the same time of the week, the nearest week first."""
    middle = at - SPAN / 2
    half = timedelta(minutes=30)
    return [(middle - timedelta(days=7 * n) - half, middle - timedelta(days=7 * n) + half) for n in range(1, weeks + 1)]


def expected(counts: Sequence[int], *, span: timedelta = SPAN, floor: float = FLOOR) -> float:
    """Return the mentions to expect in the span, from those of the hours that were compared (none: the floor)."""
    an_hour = sum(counts) / len(counts) if counts else 0.0
    return max(an_hour, floor) * (span / timedelta(hours=1))


def poisson_tail(count: int, mean: float) -> float:
    """Return the probability of `count` or more events where `mean` are expected, by the sum of the smaller tail.

    P(X >= n) = sum over k >= n of e^-m m^k / k!; terms are taken as logarithms, so that no mean overflows.
    """
    if count <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    if count > mean:  # from n upwards, terms fall: add them until they no longer matter
        total, k = 0.0, count
        while True:
            term = math.exp(k * math.log(mean) - mean - math.lgamma(k + 1))
            total += term
            k += 1
            if term <= total * 1e-16 and k > mean:
                return min(1.0, total)
    below = math.fsum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count))
    return min(1.0, max(0.0, 1.0 - below))


def judge(
    count: int, earlier: Sequence[int], *, at: datetime, last_alert: datetime | None = None, least: int = LEAST
) -> Verdict:
    """Return whether `count` mentions in the span are a burst; none within two hours of the search's last alert."""
    usual = expected(earlier)
    if count < least:
        return Verdict(False, count, usual, 1.0)
    chance = poisson_tail(count, usual)
    is_quiet = last_alert is not None and at - last_alert < QUIET
    return Verdict(chance < CHANCE and not is_quiet, count, usual, chance)
