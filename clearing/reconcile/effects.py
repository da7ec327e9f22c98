"""What differences among lines do to balances: how far theirs get ahead of ours, from when on."""

from collections.abc import Iterable, Iterator
from typing import Final

from clearing.reconcile.balances import Held
from clearing.reconcile.differences import Difference, Side
from clearing.reconcile.sides import Ours, Theirs

_NAMED: Final = ("asset", "market")
"""Fields that say which balance it is that something moves."""


def effects(differences: Iterable[Difference], ours: Ours, theirs: Theirs) -> Iterator[Held]:
    """Yield by how much more their balance is ahead of ours from a moment on, for each difference.

    What happened at another moment there is missing from the one and back from the other on; what
    is named otherwise there is missing from one balance and too much in another.
    """
    for one in differences:
        moved = one.ours and one.theirs and (one.type == "timing" or one.field in _NAMED)
        if not moved:
            yield Held(one.at, one.what, one.amount, one.side == "fill")
            continue
        here = [_moved(ours, one.side, place) for place in one.ours]
        there = [_moved(theirs, one.side, place) for place in one.theirs]
        yield from (held._replace(amount=-held.amount) for held in here)
        if one.type == "timing":
            # How much differs, if it does, is a difference of its own.
            at = min(held.at for held in there)
            yield from (held._replace(at=at) for held in here)
        else:
            yield from there


def _moved(side: Ours | Theirs, which: Side, place: int) -> Held:
    if which == "fill":
        fill = side.fills[place]
        return Held(fill.at, fill.market, fill.size, position=True)
    movement = side.movements[place]
    return Held(movement.at, movement.asset, movement.amount, position=False)
