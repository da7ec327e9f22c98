"""Requirements as functions of notional, exactly: to see whether a document contradicts itself.

A function is piecewise linear from 0 to infinity, and may jump: rows of (floor, value at the
floor, slope). Rulebooks are checked with these once, when they are read; the fold never sees them.
"""

from collections.abc import Callable, Iterable
from fractions import Fraction

Row = tuple[Fraction, Fraction, Fraction]
Combine = Callable[[Iterable[Fraction]], Fraction]


class Pieces:
    """A piecewise linear function of notional (≥ 0), right-continuous."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = tuple(rows)

    @classmethod
    def line(cls, slope: Fraction, value: Fraction = Fraction(0)) -> "Pieces":
        """Return value + slope × notional."""
        return cls([(Fraction(0), value, slope)])

    def at(self, notional: Fraction) -> tuple[Fraction, Fraction]:
        """Return the value and the slope at ``notional``."""
        floor, value, slope = max(row for row in self.rows if row[0] <= notional)
        return value + (notional - floor) * slope, slope

    def before(self, notional: Fraction) -> Fraction:
        """Return the value just below ``notional`` (> 0)."""
        floor, value, slope = max(row for row in self.rows if row[0] < notional)
        return value + (notional - floor) * slope

    def floors(self) -> set[Fraction]:
        """Return where the rows begin."""
        return {row[0] for row in self.rows}

    def scaled(self, factor: Fraction) -> "Pieces":
        """Return factor × this."""
        return Pieces((floor, value * factor, slope * factor) for floor, value, slope in self.rows)

    def nearest_root(self, start: Fraction, upwards: bool) -> Fraction | None:
        """Return where, from ``start`` in one direction, the function first is 0 or changes sign.

        ``start`` itself is not looked at unless the function is 0 there. None: nowhere.
        """
        value, _ = self.at(start)
        if not value:
            return start
        found = [x for x in self._roots() if (x > start if upwards else x < start)]
        if not found:
            return None
        return min(found) if upwards else max(found)

    def _roots(self) -> list[Fraction]:
        """Return every notional where the function is 0, or jumps over 0."""
        found = []
        for i, (floor, value, slope) in enumerate(self.rows):
            end = self.rows[i + 1][0] if i + 1 < len(self.rows) else None
            if floor and (not value or (self.before(floor) < 0) is not (value < 0)):
                # At 0 it may stay there: the row before ends here, and this one has no slope.
                found.append(floor)
            if slope:
                root = floor - Fraction(value, slope)
                if root >= floor and (end is None or root < end):
                    found.append(root)
        return found


def summed(parts: list[Pieces]) -> Pieces:
    """Return the sum of functions."""
    rows = []
    for floor in sorted(set().union(*(part.floors() for part in parts))):
        values = [part.at(floor) for part in parts]
        rows.append((floor, sum((v for v, _ in values), Fraction(0)), sum(s for _, s in values)))
    return Pieces((floor, value, Fraction(slope)) for floor, value, slope in rows)


def extreme(parts: list[Pieces], choose: Combine) -> Pieces:
    """Return the greatest (``choose`` is max) or least (min) of functions at each notional."""
    floors = set().union(*(part.floors() for part in parts))
    for i, left in enumerate(parts):
        for right in parts[i + 1 :]:
            floors |= _crossings(left, right)
    rows = []
    for floor in sorted(floors):
        values = [part.at(floor) for part in parts]
        best = choose(value for value, _ in values)
        slope = choose(s for value, s in values if value == best)
        rows.append((floor, best, slope))
    return Pieces(rows)


def _crossings(left: Pieces, right: Pieces) -> set[Fraction]:
    """Return where two functions have the same value with different slopes."""
    found = set()
    floors = sorted(left.floors() | right.floors())
    for i, floor in enumerate(floors):
        (a, slope), (b, other) = left.at(floor), right.at(floor)
        if slope == other:
            continue
        crossing = floor + Fraction(b - a, slope - other)
        if crossing > floor and (i + 1 == len(floors) or crossing < floors[i + 1]):
            found.add(crossing)
    return found


def first_below(high: Pieces, low: Pieces) -> Fraction | None:
    """Return the first notional looked at where ``high`` is below ``low``, or None if nowhere is.

    Both are linear between the floors of either, so floors, the limits before them, and the slopes
    at the end decide.
    """
    for floor in sorted(high.floors() | low.floors()):
        if high.at(floor)[0] < low.at(floor)[0]:
            return floor
        if floor and high.before(floor) < low.before(floor):
            return floor
    last = max(high.floors() | low.floors())
    (a, slope), (b, other) = high.at(last), low.at(last)
    if slope < other:
        return last + Fraction(a - b, other - slope) + 1
    return None
