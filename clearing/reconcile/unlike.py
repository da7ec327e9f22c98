"""What is left of both sides: paired where it plainly belongs together, else missing on one.

So that what differs is one break and not two.
"""

from bisect import bisect_left
from collections.abc import Callable, Hashable

from clearing.reconcile.differences import Difference
from clearing.reconcile.lines import Movement, class_of, decimal_text, moment_text
from clearing.reconcile.matches import TIMING
from clearing.reconcile.opensides import OpenSides, likeness, seconds_text


def pair_what_differs(sides: OpenSides) -> None:
    """Bring together what plainly belongs together though something differs."""
    _pair_copies(sides)
    _pair_other_times(sides)
    _pair_other(sides, lambda one: (one.asset, class_of(one.kind), one.at), _settle_pair)
    _pair_other(sides, lambda one: (class_of(one.kind), one.at, one.amount), _other_asset)
    _pair_other(sides, lambda one: (one.asset, one.at, one.amount), _other_kind)


def _pair_copies(sides: OpenSides) -> None:
    """What is left of one side and equal to what was matched is there once too often."""
    for place in list(sides.open_theirs):
        other = sides.theirs[place]
        if not other.ids and likeness(other) in sides.matched_keys:
            sides.copy_there((), place)
    for place in list(sides.open_ours):
        if likeness(sides.ours[place]) in sides.matched_keys:
            sides.copy_here(place)


def _pair_other_times(sides: OpenSides) -> None:
    groups = sides.grouped(lambda one: (one.asset, class_of(one.kind), one.amount))
    for mine, yours in groups.values():
        moments = [sides.ours[place].at for place in mine]
        for place in yours:
            there = sides.theirs[place]
            after = bisect_left(moments, there.at)
            near = [i for i in (after - 1, after) if 0 <= i < len(mine)]
            if not near:
                break
            best = min(near, key=lambda i: abs(moments[i] - there.at))
            if abs(moments[best] - there.at) > TIMING:
                continue
            at, chosen = moments.pop(best), mine.pop(best)
            sides.differ(
                "timing", [chosen], [place], there.asset, "time", moment_text(at),
                moment_text(there.at), 0, f"{seconds_text(there.at - at)} s later there",
            )  # fmt: skip


def _pair_other(
    sides: OpenSides,
    key: Callable[[Movement], tuple[Hashable, ...]],
    say: Callable[[OpenSides, int, int], None],
) -> None:
    """Pair what is alone on both sides under a key."""
    for mine, yours in sides.grouped(key).values():
        if len(mine) == 1 == len(yours):
            say(sides, mine[0], yours[0])


def _settle_pair(sides: OpenSides, mine: int, yours: int) -> None:
    here, there = sides.ours[mine], sides.theirs[yours]
    sides.settle_amount("tolerance", here.asset, [mine], [yours], here.amount, there.amount)


def _other_asset(sides: OpenSides, mine: int, yours: int) -> None:
    here, there = sides.ours[mine], sides.theirs[yours]
    names = (here.asset, there.asset)
    sides.differ("static_data", [mine], [yours], there.asset, "asset", *names, there.amount)


def _other_kind(sides: OpenSides, mine: int, yours: int) -> None:
    here, there = sides.ours[mine], sides.theirs[yours]
    names = (here.kind, there.kind)
    sides.differ("static_data", [mine], [yours], there.asset, "kind", *names, 0)


def name_missing(sides: OpenSides) -> None:
    """What is left is missing on the other side."""
    for place in sides.open_theirs:
        one = sides.theirs[place]
        sides.found.differences.append(
            Difference(
                "missing_here", "cash", one.asset, one.amount, one.at, (), (place,),
                there=decimal_text(one.amount), words=one.kind,
            )
        )  # fmt: skip
    for place in sides.open_ours:
        one = sides.ours[place]
        sides.found.differences.append(
            Difference(
                "missing_there", "cash", one.asset, -one.amount, one.at, (place,), (),
                here=decimal_text(one.amount), words=one.kind,
            )
        )  # fmt: skip
