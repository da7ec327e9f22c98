"""Matching a made-up day against the join that an analyst would write, each in its own process.

The sides are two CSV files. Reading them is not timed; what a process needs for it is in its peak.
"""

import csv
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from benchmarks.measure import Ratio, compared, peak_memory
from benchmarks.two_sides import COMPOSITE, DECIMALS, NATIVE, Row, Sides, sides
from clearing.reconcile.lines import DECIMALS as COMMON
from clearing.reconcile.lines import Movement
from clearing.reconcile.matching import match_movements
from clearing.reconcile.tolerances import Tolerances

_UNIT: Final = 10 ** (COMMON - DECIMALS)
_WHAT: Final = ["asset", "kind", "at", "amount"]
_UNSEEN: Final = ("timing", "duplicate", "static_data")
"""What a join on the identifier with a comparison of amounts cannot see."""


class NoBaseline(RuntimeError):  # noqa: N818 - reads as the statement that it is
    """The library of the baseline is not installed."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a process found, in how many seconds, and its peaks: having read, and at the end.

    ``found`` are types and places of breaks, of the join (no type) identifiers and moments.
    """

    seconds: float
    read: int
    peak: int
    matched: int
    found: list[tuple[Any, ...]]


def run(*, count: int, repeats: int) -> list[Ratio]:
    """Measure matching of ``count`` movements by native id and by what they are.

    Raises :class:`NoBaseline` where polars is not installed, before anything is made.
    """
    if find_spec("polars") is None:
        raise NoBaseline(
            "match is measured against polars, which is not installed: pip install"
            " 'clearing[benchmarks]'"
        )
    return [_measured(count, repeats, native=True), _measured(count, repeats, native=False)]


def _measured(count: int, repeats: int, *, native: bool) -> Ratio:
    made = sides(count, NATIVE if native else COMPOSITE)
    ours: list[_Outcome] = []
    theirs: list[_Outcome] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder / "ours.csv", made.ours)
        _write(folder / "theirs.csv", made.theirs)
        for number in range(repeats):
            turns = [(theirs, _joined), (ours, _matched)]
            for outcomes, work in reversed(turns) if number % 2 else turns:
                outcomes.append(_alone(work, folder, native))
    for outcome in ours:
        _verify(made, outcome, native=native)
    for outcome in theirs:
        _verify_join(made, outcome, native=native)
    by = "by native id" if native else "by asset, class, amount and moment"
    seen = len(made.breaks)
    if native:
        seen -= sum(one.type in _UNSEEN for one in made.breaks)
    rows = len(theirs[0].found)
    note = (
        f"{len(made.breaks):,} planted breaks of {len({one.type for one in made.breaks})} sorts,"
        f" all found and none invented; the join shows "
        + (f"{seen:,} of them" if native else f"{rows:,} rows that found no equal")
        + f"; peak memory {_mib(ours)} MiB ({_mib(ours, read=True)} with both sides read),"
        f" polars {_mib(theirs)} ({_mib(theirs, read=True)})"
    )
    return compared(
        f"matching {count:,} movements {by}",
        [count / one.seconds for one in ours],
        "a polars full join on " + ("the id, amounts compared" if native else "the same"),
        [count / one.seconds for one in theirs],
        unit="movements",
        floor=None,
        note=note,
    )


def _mib(outcomes: Sequence[_Outcome], *, read: bool = False) -> str:
    return f"{max(one.read if read else one.peak for one in outcomes) / (1 << 20):,.0f}"


def _write(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Row._fields)
        writer.writerows(rows)


def _alone(work: Callable[[Path, bool], _Outcome], folder: Path, native: bool) -> _Outcome:
    """Do some work in a process of its own, which ends with it."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, (folder, native))


def _matched(folder: Path, native: bool) -> _Outcome:
    """Match as reconciliation does."""
    ours = _movements(folder / "ours.csv", native=native)
    theirs = _movements(folder / "theirs.csv", native=native)
    read = peak_memory()
    began = time.perf_counter()
    matched = match_movements(ours, theirs, Tolerances(), {"XBT": _UNIT, "USDT": _UNIT})
    took = time.perf_counter() - began
    found: list[tuple[Any, ...]] = [(one.type, one.ours, one.theirs) for one in matched.differences]
    return _Outcome(took, read, peak_memory(), len(matched.matches), found)


def _movements(path: Path, *, native: bool) -> list[Movement]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        next(rows)
        return [
            Movement(place, int(at), asset, kind, int(amount) * _UNIT, (known,) if native else ())
            for place, (known, at, asset, kind, amount) in enumerate(rows)
        ]


def _joined(folder: Path, native: bool) -> _Outcome:
    """Join as an analyst would: by identifier with amounts compared, or by all that is told."""
    polars: Any = import_module("polars")
    ours = polars.read_csv(folder / "ours.csv")
    theirs = polars.read_csv(folder / "theirs.csv")
    read = peak_memory()
    began = time.perf_counter()
    both = ours.join(theirs, on="id" if native else _WHAT, how="full", suffix="_theirs")
    if native:
        breaks = both.filter(polars.col("amount").ne_missing(polars.col("amount_theirs")))
    else:
        breaks = both.filter(polars.col("id").is_null() | polars.col("id_theirs").is_null())
    took = time.perf_counter() - began
    found = breaks.select("id", "id_theirs").rows()
    return _Outcome(took, read, peak_memory(), both.height - breaks.height, found)


def _verify(made: Sides, outcome: _Outcome, *, native: bool) -> None:
    """See that matching found exactly what was planted, and matched all else."""
    expected = sorted(_expected(one.type, one.ours, one.theirs, native) for one in made.breaks)
    found = sorted(outcome.found)
    if found != expected:
        wrong = sorted(set(found) ^ set(expected))[:5]
        raise RuntimeError(f"matching found other breaks than were planted, such as {wrong}")
    copied = sum(one.type.startswith("duplicate") for one in made.breaks)
    matches = made.alike + copied + (made.retimed if native else 0)
    if outcome.matched != matches:
        raise RuntimeError(f"{outcome.matched:,} matches, not {matches:,}")


def _expected(
    type_: str,
    ours: tuple[int, ...],
    theirs: tuple[int, ...],
    native: bool,
) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
    """Return how matching tells a planted break: a copy is the later of two."""
    if type_ == "duplicate here":
        return ("duplicate", ours[1:], ())
    if type_ == "duplicate":
        return (type_, ours if native else (), theirs[1:])
    return (type_.split(" ", maxsplit=1)[0], ours, theirs)


def _verify_join(made: Sides, outcome: _Outcome, *, native: bool) -> None:
    """See that the join found what such a join can find."""
    expected: list[tuple[str | None, str | None]] = []
    for one in made.breaks:
        here = [made.ours[place].id for place in one.ours]
        there = [made.theirs[place].id for place in one.theirs]
        if one.type.startswith("duplicate") or (native and one.type in _UNSEEN):
            continue
        if native:
            expected.append((here[0] if here else None, there[0] if there else None))
        else:
            expected += [(known, None) for known in here] + [(None, known) for known in there]
    if set(outcome.found) != set(expected):
        raise RuntimeError("the join shows other rows than it should")
