"""What a liquidation has made up for of a shortage, which the ramps of reductions look back on."""

from clearing.engine.book import Book
from clearing.engine.scope import NEVER, Scope, Stay
from clearing.engine.valuation import Measure, measure
from clearing.rulebook import ClassRules, ReduceRung


def shortage(now: Measure, place: int) -> int:
    """Return by how much equity is short of a level, at the working scale; 0: it is not."""
    return max(0, -now.surplus(place))


class Freed:
    """What one action of the ladder frees; made before it, noted after it.

    Whatever a rung does (cancelled orders, a part closed) counts for every ramp of the ladder whose
    rung's condition has begun to hold.
    """

    __slots__ = ("_before", "_book", "_scope")

    def __init__(self, book: Book, scope: Scope, rules: ClassRules) -> None:
        self._book = book
        self._scope = scope
        self._before: list[tuple[Stay, int, int]] = []
        for rung in rules.remembering:
            stay = scope.stays.get(rung.number)
            if isinstance(rung, ReduceRung) and rung.ramp is not None and stay is not None:
                place = rung.ramp.place
                self._before.append((stay, place, shortage(measure(book, scope), place)))

    def note(self) -> None:
        """Add to each stay that goes on what is less short now than before."""
        for stay, place, before in self._before:
            if stay.since != NEVER:
                now = shortage(measure(self._book, self._scope), place)
                stay.freed += max(0, before - now)
