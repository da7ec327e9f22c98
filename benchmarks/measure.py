"""Timing one thing against another: interleaved, repeated, medians compared."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ratio:
    """A measured thing against its baseline.

    ``rate`` and ``baseline_rate`` are per second, ``ratio`` is the first over the second, ``floor``
    what it should be at least (or at most, if ``at_most``).
    """

    name: str
    baseline: str
    unit: str
    rate: float
    baseline_rate: float
    ratio: float
    floor: float
    at_most: bool = False

    @property
    def met(self) -> bool:
        """Whether the floor is met."""
        return self.ratio <= self.floor if self.at_most else self.ratio >= self.floor


def seconds(work: Callable[[], object]) -> float:
    """Return how long ``work`` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def against(
    name: str,
    work: Callable[[], object],
    baseline: str,
    other: Callable[[], object],
    *,
    count: int,
    unit: str,
    floor: float,
    repeats: int,
) -> Ratio:
    """Time ``work`` and ``other``, both of ``count`` units, in turn, and compare medians."""
    ours, theirs = [], []
    for _ in range(repeats):
        theirs.append(seconds(other))
        ours.append(seconds(work))
    mine, yours = statistics.median(ours), statistics.median(theirs)
    return Ratio(name, baseline, unit, count / mine, count / yours, yours / mine, floor)
