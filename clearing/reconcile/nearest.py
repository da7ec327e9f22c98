"""Movements that differ by no more than was adopted: the nearest belong together.

Theirs are taken in order of moment; what of ours lies in the window around each is kept in order of
amount and moment, so that the nearest is found without looking at the others.
"""

from bisect import bisect_left
from collections.abc import Sequence

from clearing.reconcile.lines import Movement, class_of
from clearing.reconcile.opensides import OpenSides
from clearing.reconcile.ranks import Ranks


def within_tolerance(sides: OpenSides) -> None:
    """Pair what differs by no more than was adopted: the nearest amount, then moment."""
    if not sides.tolerances:
        return
    groups = sides.grouped(lambda one: (one.asset, class_of(one.kind)))
    for (asset, _), (mine, yours) in groups.items():
        near = _Window(sides.ours, mine, sides.tolerances.window(asset))
        for place in yours:
            one = sides.theirs[place]
            candidate = near.nearest(one)
            if candidate is None:
                continue
            here = sides.ours[candidate]
            if here.amount == one.amount:
                tolerance = sides.tolerances.of(asset, "time")
            else:
                tolerance = sides.tolerance([candidate], here.amount, one.amount)
            if tolerance is not None:
                residual = one.amount - here.amount
                sides.take("tolerance", [candidate], [place], tolerance, residual)
                near.discard(candidate)


class _Window:
    """What of ours is near in time to a moment that only moves on."""

    def __init__(self, ours: Sequence[Movement], places: Sequence[int], width: int) -> None:
        self._width = width
        self._keys = sorted((ours[place].amount, ours[place].at, place) for place in places)
        self._rank = {place: rank for rank, (_, _, place) in enumerate(self._keys)}
        self._coming = [(ours[place].at, self._rank[place]) for place in places]
        self._in = self._out = 0
        self._there = Ranks(len(places))

    def discard(self, place: int) -> None:
        """Take out what was matched."""
        self._there.discard(self._rank[place])

    def nearest(self, one: Movement) -> int | None:
        """Return the place of what is nearest: by amount, then by moment, then the first."""
        self._move(one.at)
        rank = bisect_left(self._keys, (one.amount,))
        sides = (self._there.at_least(rank), self._there.below(rank))
        amounts = [self._keys[found][0] for found in sides if found is not None]
        if not amounts:
            return None
        least = min(abs(amount - one.amount) for amount in amounts)
        nearest = (
            self._at(amount, moment)
            for amount in amounts
            if abs(amount - one.amount) == least
            for moment in self._moments(amount, one.at)
        )
        return min((abs(at - one.at), place) for _, at, place in nearest)[1]

    def _move(self, at: int) -> None:
        while self._in < len(self._coming) and self._coming[self._in][0] <= at + self._width:
            self._there.add(self._coming[self._in][1])
            self._in += 1
        while self._out < self._in and self._coming[self._out][0] < at - self._width:
            self._there.discard(self._coming[self._out][1])
            self._out += 1

    def _moments(self, amount: int, at: int) -> list[int]:
        """Return the moments next to one of what has an amount."""
        rank = bisect_left(self._keys, (amount, at))
        around = (self._there.at_least(rank), self._there.below(rank))
        found = [self._keys[one] for one in around if one is not None]
        return [moment for of, moment, _ in found if of == amount]

    def _at(self, amount: int, at: int) -> tuple[int, int, int]:
        """Return the first of what has an amount at a moment."""
        found = self._there.at_least(bisect_left(self._keys, (amount, at)))
        if found is None:
            raise RuntimeError(f"nothing of {amount} at {at} is in the window any more")
        return self._keys[found]
