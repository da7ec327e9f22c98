"""What lines do to balances beside each other: how far theirs get ahead of ours, from when on."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from clearing.reconcile.balances import Held
from clearing.reconcile.differences import Difference, Side
from clearing.reconcile.lines import Fill, Movement
from clearing.reconcile.matches import Match
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
    return _held(side.fills[place] if which == "fill" else side.movements[place])


def meanwhile(
    ours: Sequence[Movement] | Sequence[Fill],
    theirs: Sequence[Movement] | Sequence[Fill],
    matches: Iterable[Match],
    late: Iterable[Difference],
    side: Side,
) -> Iterator[Held]:
    """Yield what explains balances though it is no difference of lines in the end.

    What a match has at different times is off in between; what a tolerance let pass stays off until
    it is posted. What is ``late`` is a difference, whose effect is told as such.
    """
    told = {place for one in late if one.side == side for place in one.ours}
    for match in matches:
        there = min(theirs[place].at for place in match.theirs)
        if match.residual:
            yield _held(ours[match.ours[0]])._replace(at=there, amount=match.residual)
        for place in match.ours:
            held = _held(ours[place])
            if held.at != there and place not in told:
                yield held._replace(amount=-held.amount)
                yield held._replace(at=there)


def _held(one: Movement | Fill) -> Held:
    if isinstance(one, Movement):
        return Held(one.at, one.asset, one.amount, position=False)
    return Held(one.at, one.market, one.size, position=True)
