"""Several movements of one side that add up to one of the other."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Hashable, Sequence
from itertools import islice
from typing import Final

from clearing.reconcile.lines import Class, Movement, class_of
from clearing.reconcile.matches import Rule
from clearing.reconcile.opensides import OpenSides
from clearing.reconcile.subsets import MOST_CANDIDATES, adding_up

CORRECTION: Final = "reconciliation"
"""The kind of what was posted here because the two sides differed."""

_ANYWHERE: Final[frozenset[Class]] = frozenset({"fee", "adjustment", "other"})
"""What may come with anything: a withdrawal with its fee, a deposit with what corrects it."""


def with_corrections(sides: OpenSides) -> None:
    """Pair what was corrected here in sum, before a tolerance is asked for a second time."""
    corrections = [place for place in sides.open_ours if sides.ours[place].kind == CORRECTION]
    if not corrections:
        return
    by_id: dict[str, list[int]] = defaultdict(list)
    for place in sides.open_ours:
        for known in sides.ours[place].ids:
            by_id[known].append(place)
    there: dict[Hashable, list[int]] = defaultdict(list)
    for place in sides.open_theirs:
        one = sides.theirs[place]
        there[one.asset, one.amount].append(place)
    for place in corrections:
        asset = sides.ours[place].asset
        for known in sides.ours[place].ids:
            parts = [p for p in by_id[known] if p in sides.open_ours]
            parts = [p for p in parts if sides.ours[p].asset == asset]
            if place not in parts or len(parts) < 2:
                continue
            moments = {sides.ours[p].at for p in parts}
            total = sum(sides.ours[p].amount for p in parts)
            equal = [p for p in there[asset, total] if p in sides.open_theirs]
            for other in [p for p in equal if sides.theirs[p].at in moments][:1]:
                sides.take("one to many", parts, [other])


def one_to_many(sides: OpenSides) -> None:
    """Find several of one side that add up to one of the other, within the time allowed."""
    groups = sides.grouped(lambda one: (one.asset,))
    for (asset,), (mine, yours) in groups.items():
        window = sides.tolerances.window(str(asset))
        _add_up(
            sides, sides.ours, mine, sides.open_ours, sides.theirs, yours, window, "one to many"
        )
        _add_up(
            sides, sides.theirs, yours, sides.open_theirs, sides.ours, mine, window, "many to one"
        )


def _add_up(
    sides: OpenSides,
    many: Sequence[Movement],
    places: list[int],
    still: dict[int, None],
    ones: Sequence[Movement],
    single: list[int],
    window: int,
    rule: Rule,
) -> None:
    moments = [many[place].at for place in places]
    other = sides.open_theirs if still is sides.open_ours else sides.open_ours
    for place in single:
        if place not in other:
            continue
        one = ones[place]
        first = bisect_left(moments, one.at - window)
        last = bisect_right(moments, one.at + window)
        cls = class_of(one.kind)
        fitting = (
            p
            for p in map(places.__getitem__, range(first, last))
            if p in still and _may_be_part(class_of(many[p].kind), cls)
        )
        near = list(islice(fitting, MOST_CANDIDATES + 1))
        found = adding_up([many[p].amount for p in near], one.amount)
        if found is None:
            continue
        chosen = [near[i] for i in found]
        if still is sides.open_ours:
            sides.take(rule, chosen, [place])
        else:
            sides.take(rule, [place], chosen)


def _may_be_part(part: Class, whole: Class) -> bool:
    """Whether a movement may be one of several that another tells in sum."""
    if part == whole or part in _ANYWHERE:
        return True
    return whole == "pnl" and part in ("funding", "interest")
