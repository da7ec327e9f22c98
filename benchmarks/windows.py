"""Finding the nearest within tolerances where everything lies in one window: the worst case.

The baseline looks at everything in the window each time, as the rule reads.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from random import Random
from typing import Final

from benchmarks.measure import Ratio, compared, seconds
from benchmarks.two_sides import DAY, DECIMALS, START
from clearing.reconcile.lines import DECIMALS as COMMON
from clearing.reconcile.lines import Movement, class_of
from clearing.reconcile.matches import Match
from clearing.reconcile.nearest import within_tolerance
from clearing.reconcile.opensides import OpenSides
from clearing.reconcile.tolerances import Tolerance, Tolerances

_UNIT: Final = 10 ** (COMMON - DECIMALS)
_ALLOWED: Final = 700 * _UNIT
_TOLERANCES: Final = (
    Tolerance(1, "*", "*", "amount", _ALLOWED, 0, "rounding"),
    Tolerance(2, "*", "*", "time", DAY, 0, ""),
)


def naive_within_tolerance(sides: OpenSides) -> None:
    """Do what :func:`~clearing.reconcile.nearest.within_tolerance` does, looking at everything."""
    if not sides.tolerances:
        return
    groups = sides.grouped(lambda one: (one.asset, class_of(one.kind)))
    for (asset, _), (mine, yours) in groups.items():
        window = sides.tolerances.window(asset)
        moments = [sides.ours[place].at for place in mine]
        for place in yours:
            one = sides.theirs[place]
            first = bisect_left(moments, one.at - window)
            last = bisect_right(moments, one.at + window)
            near = [
                (abs(sides.ours[p].amount - one.amount), abs(sides.ours[p].at - one.at), p)
                for p in mine[first:last]
                if p in sides.open_ours
            ]
            for _, _, candidate in sorted(near)[:1]:
                here = sides.ours[candidate]
                tolerance = sides.tolerance([candidate], here.amount, one.amount)
                if here.amount == one.amount:
                    tolerance = sides.tolerances.of(asset, "time")
                if tolerance is not None:
                    residual = one.amount - here.amount
                    sides.take("tolerance", [candidate], [place], tolerance, residual)


def run(*, count: int, many: int, repeats: int) -> list[Ratio]:
    """Measure ``count`` movements against the baseline, and ``many`` against ``count``.

    Raises :class:`RuntimeError` where the two do not find the same.
    """
    ours, theirs, more = [], [], []
    for _ in range(repeats):
        took, found = _matched(within_tolerance, count)
        naive, same = _matched(naive_within_tolerance, count)
        if found != same or len(found) != count - count // 3:
            raise RuntimeError(f"{len(found):,} matches, the baseline {len(same):,}")
        ours.append(count / took)
        theirs.append(count / naive)
        more.append(many / _matched(within_tolerance, many)[0])
    return [
        compared(
            f"nearest within tolerances, {count:,} movements in one window",
            ours,
            "looking at all of the window each time",
            theirs,
            unit="movements",
            floor=None,
            note="two of three are within the tolerance; both find the same matches",
        ),
        compared(
            f"nearest within tolerances, {many:,} movements in one window",
            more,
            f"{count:,} movements",
            ours,
            unit="movements",
            floor=None,
            note="1 were linear",
        ),
    ]


def _matched(rule: Callable[[OpenSides], None], count: int) -> tuple[float, list[Match]]:
    """Return the seconds that a rule needs on sides made anew, and what it matched."""
    ours, theirs = _sides(count)
    sides = OpenSides(ours, theirs, Tolerances(_TOLERANCES), {})
    return seconds(lambda: rule(sides)), sides.found.matches


def _sides(count: int) -> tuple[list[Movement], list[Movement]]:
    """Return deposits of a day, told at other moments, every third off by more than is allowed."""
    dice = Random(count)  # noqa: S311 - a benchmark's dice
    amounts = [(number + 1) * 10 * _ALLOWED for number in range(count)]
    dice.shuffle(amounts)

    def movement(place: int, amount: int) -> Movement:
        at = START + dice.randrange(DAY // 1_000) * 1_000
        return Movement(place, at, "XBT", "deposit", amount, ())

    ours = [movement(place, amount) for place, amount in enumerate(amounts)]
    away = (_ALLOWED, -_ALLOWED, 3 * _ALLOWED)
    theirs = [movement(place, amount + away[place % 3]) for place, amount in enumerate(amounts)]
    return ours, theirs
