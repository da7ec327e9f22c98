"""Several movements of one side that add up to one of the other."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice
from typing import Final

from clearing.reconcile.lines import Class, Movement, class_of
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
    open_ours = sides.open_ours
    groups = sides.grouped(lambda one: (one.asset,))
    for (asset,), (mine, yours) in groups.items():
        window = sides.tolerances.window(str(asset))
        parts = _Parts(sides.ours, mine, open_ours)
        for place in yours:
            chosen = parts.adding_up_to(sides.theirs[place], window)
            if chosen:
                sides.take("one to many", chosen, [place])
        parts = _Parts(sides.theirs, yours, sides.open_theirs)
        for place in mine:
            chosen = parts.adding_up_to(sides.ours[place], window) if place in open_ours else []
            if chosen:
                sides.take("many to one", [place], chosen)


class _Parts:
    """What of one side may be parts: of one asset, by class, in order of moment.

    What is no longer open is passed over once and not looked at again.
    """

    def __init__(
        self, side: Sequence[Movement], places: Sequence[int], still: Mapping[int, None]
    ) -> None:
        self._side = side
        self._places = places
        self._still = still
        self._moments = [side[place].at for place in places]
        self._of: dict[Class, list[int]] = defaultdict(list)
        for number, place in enumerate(places):
            self._of[class_of(side[place].kind)].append(number)
        self._next = {cls: list(range(len(numbers))) for cls, numbers in self._of.items()}

    def adding_up_to(self, whole: Movement, window: int) -> list[int]:
        """Return places that add up to a movement of the other side, none if none is found."""
        first = bisect_left(self._moments, whole.at - window)
        last = bisect_right(self._moments, whole.at + window)
        cls = class_of(whole.kind)
        fitting = [self._open(of, first, last) for of in self._of if _may_be_part(of, cls)]
        near = [self._places[i] for i in islice(merge(*fitting), MOST_CANDIDATES + 1)]
        found = adding_up([self._side[place].amount for place in near], whole.amount)
        return [] if found is None else [near[i] for i in found]

    def _open(self, cls: Class, first: int, last: int) -> Iterator[int]:
        """Yield what is open of a class, as numbers from ``first`` up to ``last``."""
        numbers = self._of[cls]
        at = self._skip(cls, bisect_left(numbers, first))
        while at < len(numbers) and numbers[at] < last:
            yield numbers[at]
            at = self._skip(cls, at + 1)

    def _skip(self, cls: Class, at: int) -> int:
        """Return the next that is open, and remember the way there."""
        onward, numbers, passed = self._next[cls], self._of[cls], []
        while at < len(numbers):
            if onward[at] != at:
                passed.append(at)
                at = onward[at]
            elif self._places[numbers[at]] in self._still:
                break
            else:
                passed.append(at)
                at += 1
        for one in passed:
            onward[one] = at
        return at


def _may_be_part(part: Class, whole: Class) -> bool:
    """Whether a movement may be one of several that another tells in sum."""
    if part == whole or part in _ANYWHERE:
        return True
    return whole == "pnl" and part in ("funding", "interest")
