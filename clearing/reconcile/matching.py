"""Matching movements of cash: what on one side is what on the other, by which rule.

A cascade, each rule over what the ones before left: by native id; by asset, class, amount and
moment exactly; within adopted tolerances; one to many and many to one. What is left is paired where
it plainly belongs together, so that a difference is one break and not two; the rest is missing on
one side. Nothing depends on the order of the input beyond places and moments.
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence

from clearing.reconcile.lines import Movement
from clearing.reconcile.matches import Matched
from clearing.reconcile.nearest import within_tolerance
from clearing.reconcile.opensides import OpenSides, likeness
from clearing.reconcile.parts import one_to_many, with_corrections
from clearing.reconcile.sameid import by_native_id
from clearing.reconcile.tolerances import Tolerances
from clearing.reconcile.unlike import name_missing, pair_what_differs


def match_movements(
    ours: Sequence[Movement],
    theirs: Sequence[Movement],
    tolerances: Tolerances,
    units: Mapping[str, int],
) -> Matched:
    """Match two sides of cash movements.

    ``units`` has the smallest unit of each asset at the common decimals: a difference of no more
    is a rounding. ``ref`` of every movement is its place in its list.
    """
    sides = OpenSides(ours, theirs, tolerances, units)
    by_native_id(sides)
    by_composite(sides)
    with_corrections(sides)
    within_tolerance(sides)
    one_to_many(sides)
    pair_what_differs(sides)
    name_missing(sides)
    sides.found.differences.sort(key=lambda one: (one.at, one.ours, one.theirs, one.type))
    return sides.found


def by_composite(sides: OpenSides) -> None:
    """Pair what is the same in asset, class, amount and moment, in order."""
    there: dict[Hashable, list[int]] = defaultdict(list)
    for place in sides.open_theirs:
        there[likeness(sides.theirs[place])].append(place)
    for places in there.values():
        places.reverse()
    for place in list(sides.open_ours):
        equal = there.get(likeness(sides.ours[place]))
        if equal:
            sides.take("composite", [place], [equal.pop()])
