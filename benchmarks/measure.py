"""Timing one thing against another: interleaved, repeated, medians compared."""

import gc
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ratio:
    """A measured thing against its baseline.

    ``rate`` and ``baseline_rate`` are medians per second and ``ratio`` is the first over the
    second; with ``at_most`` it is the times' and not the rates', so the second over the first.
    ``lowest`` and ``highest`` are those of single rounds. ``floor`` is what the ratio should be at
    least, or with ``at_most`` at most (None: it is told and not judged). ``note`` says what else
    was counted.
    """

    name: str
    baseline: str
    unit: str
    rate: float
    baseline_rate: float
    ratio: float
    lowest: float
    highest: float
    floor: float | None
    at_most: bool = False
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the floor is met, as it is where there is none."""
        if self.floor is None:
            return True
        return self.ratio <= self.floor if self.at_most else self.ratio >= self.floor

    def lines(self) -> str:
        """Say it to people: the ratio and its baseline, then what was counted."""
        verdict = ""
        if self.floor is not None:
            bound = "ceiling" if self.at_most else "floor"
            verdict = f"; {bound} {self.floor:g} {'met' if self.met else 'MISSED'}"
        spread = f"rounds {self.lowest:.4g} to {self.highest:.4g}"
        told = [
            f"{self.name}: {self.ratio:.4g} × {self.baseline} ({spread}{verdict})",
            f"  for information: {self.rate:,.0f} against {self.baseline_rate:,.0f} {self.unit}/s",
        ]
        if self.note:
            told.append(f"  {self.note}")
        return "\n".join(told)


def percentiles(taken: Sequence[float]) -> str:
    """Say the median and the 99th percentile of times, which are in seconds."""
    found = sorted(taken)
    last = found[max(0, -(-len(found) * 99 // 100) - 1)]
    return f"p50 {statistics.median(found) * 1000:.1f} ms, p99 {last * 1000:.1f} ms"


def seconds(work: Callable[[], object]) -> float:
    """Return how long ``work`` takes; what was left to collect before is collected first."""
    gc.collect()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def peak_memory() -> int:
    """Return the most memory that this process ever held, in bytes.

    Where the system tells it of the program that runs, it is that; elsewhere a process begins with
    the peak of the one that started it.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def compared(
    name: str,
    rates: Sequence[float],
    baseline: str,
    others: Sequence[float],
    *,
    unit: str,
    floor: float | None,
    at_most: bool = False,
    note: str = "",
) -> Ratio:
    """Return the ratio of the medians of rates that were measured in turn, round by round."""
    power = -1 if at_most else 1
    rounds = [(mine / other) ** power for mine, other in zip(rates, others, strict=True)]
    mine, other = statistics.median(rates), statistics.median(others)
    return Ratio(
        name,
        baseline,
        unit,
        mine,
        other,
        (mine / other) ** power,
        min(rounds),
        max(rounds),
        floor,
        at_most,
        note,
    )


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
    prepare: Callable[[], object] | None = None,
    note: str = "",
) -> Ratio:
    """Time ``work`` and ``other``, both of ``count`` units, in turn, and compare medians.

    ``prepare`` runs before each round, outside what is timed. Which of the two comes first changes
    from round to round, since what one has written may be flushed while the other is timed.
    """
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(repeats):
        if prepare is not None:
            prepare()
        turns = [(theirs, other), (ours, work)]
        for rates, timed in reversed(turns) if number % 2 else turns:
            rates.append(count / seconds(timed))
    return compared(name, ours, baseline, theirs, unit=unit, floor=floor, note=note)
