"""What a benchmark found: figures with their spread, the bar they must clear and what the peers did."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Bar:
    """A limit from the issue: the figure must be at most (or at least) this."""

    limit: float
    at_least: bool = False

    def holds(self, value: float) -> bool:
        """Whether a value clears the bar."""
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {number(self.limit)}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure: the median of its runs and their range."""

    label: str
    unit: str
    median: float
    low: float
    high: float
    runs: int
    bar: str = ""
    is_met: bool | None = None
    peer: str = ""


@dataclass(slots=True)
class Result:
    """What one benchmark hands to the report."""

    name: str
    title: str
    how: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(
        self, label: str, values: float | Sequence[float], unit: str, *, bar: Bar | None = None, peer: str = ""
    ) -> Figure:
        """Add a figure from one value or one value a run; the bar is held against the median."""
        runs = [float(v) for v in values] if isinstance(values, Sequence) else [float(values)]
        median = statistics.median(runs)
        figure = Figure(
            label,
            unit,
            median,
            min(runs),
            max(runs),
            len(runs),
            f"{bar}" if bar else "",
            bar.holds(median) if bar else None,
            peer,
        )
        self.figures.append(figure)
        return figure

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        return asdict(self)


def number(value: float) -> str:
    """Return a figure with as many digits as it deserves."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 1 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the values lie, by the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]
