"""Payoffs: what one unit of size is worth at a price, in the settlement asset.

Each payoff is a small class with the same methods; everything else in the engine multiplies by
what they return. A *face* is the signed value of one whole unit of size, an integer at the payoff's
``face_decimals``, such that size × face is a position's value and it rises with the mark for a long
position of every payoff. Reading a face is the only place where the shape of a payoff matters for
margin; the banded watch asks :meth:`Payoff.lowest` and :meth:`Payoff.highest` how far a mark may
move.
"""

from typing import Final, Protocol

from clearing.events.kinds import RATE_DECIMALS
from clearing.events.registry import MarketSpec
from clearing.quantities import Rounding, divide

_RATE_SCALE: Final = 10**RATE_DECIMALS

INVERSE_DECIMALS: Final = RATE_DECIMALS
"""Decimals beyond the asset's own to which the value of one inverse contract is kept."""


class Payoff(Protocol):
    """How value in the settlement asset follows the price."""

    @property
    def face_decimals(self) -> int:
        """Decimals of a face."""

    @property
    def formula(self) -> str:
        """A face by ``mark`` and ``multiplier``, as workings write it."""

    @property
    def uncertain(self) -> int:
        """By how many of its last digits a face may be off what its formula says."""

    def face(self, mark: int) -> int:
        """Return the value of one unit of size at ``mark`` (> 0, at mark decimals)."""

    def amount(self, size: int, price: int, decimals: int, rounding: Rounding) -> tuple[int, int]:
        """Return what a fill costs, in the asset's units, and what rounding left.

        ``size`` is signed, ``price`` at ``decimals`` decimals. The amount has the sign of the
        position's cost. What is left is exact − rounded, at :meth:`left_decimals`.
        """

    def left_decimals(self, decimals: int) -> int:
        """Return the decimals of what rounding left of a fill priced at ``decimals`` decimals."""

    def entry(self, size: int, cost: int) -> tuple[int, int]:
        """Return the average entry of ``cost`` for ``size`` as a fraction, at price decimals."""

    def cost(self, size: int, entry: int) -> int:
        """Return the cost (≥ 0, units, rounded half-even) of ``size`` > 0 at ``entry``."""

    def lowest(self, mark: int, surplus: int, weight: int) -> int:
        """Return how low the mark may fall before a value changed by surplus / weight of itself.

        The answer may be nearer to ``mark`` than that, never farther.
        """

    def highest(self, mark: int, surplus: int, weight: int) -> int | None:
        """Return how high it may rise before that, or None if there is no limit."""

    def moved(self, worth: int, move: int) -> int:
        """Return what a value becomes when the price moves by the fraction ``move``.

        ``move`` (more than −1) is at rate decimals. The result has the scale of ``worth``.
        """

    def marks_within(self, low: int, high: int | None) -> tuple[int, int | None]:
        """Return the lowest and highest mark at which |face| is from ``low`` to ``high``.

        None stands for no end. There may be no such mark: then the first exceeds the second.
        """


class Linear:
    """Value = size × price × multiplier: perpetuals and futures paid in their quote asset.

    A quanto contract is linear too: its multiplier is in another asset than its price's, fixed.
    """

    __slots__ = ("_asset_decimals", "_spec", "face_decimals", "formula", "uncertain")

    def __init__(self, spec: MarketSpec, asset_decimals: int) -> None:
        self._spec = spec
        self._asset_decimals = asset_decimals
        self.face_decimals = spec.mark_decimals + spec.multiplier_decimals
        self.formula = "mark * multiplier"
        self.uncertain = 0

    def face(self, mark: int) -> int:
        """Return mark × multiplier, exactly."""
        return mark * self._spec.multiplier

    def amount(self, size: int, price: int, decimals: int, rounding: Rounding) -> tuple[int, int]:
        """Return size × price × multiplier."""
        spec = self._spec
        exact = size * price * spec.multiplier
        excess = spec.size_decimals + decimals + spec.multiplier_decimals - self._asset_decimals
        if excess <= 0:
            return exact * 10**-excess, 0
        scale = 10**excess
        rounded = divide(exact, scale, rounding)
        return rounded, exact - rounded * scale

    def left_decimals(self, decimals: int) -> int:
        """Return the decimals at which size × price × multiplier is exact."""
        spec = self._spec
        exact = spec.size_decimals + decimals + spec.multiplier_decimals
        return max(self._asset_decimals, exact)

    def entry(self, size: int, cost: int) -> tuple[int, int]:
        """Return |cost| / (|size| × multiplier)."""
        up = self._entry_scale()
        return abs(cost) * 10 ** max(up, 0), abs(size) * self._spec.multiplier * 10 ** max(-up, 0)

    def cost(self, size: int, entry: int) -> int:
        """Return size × entry × multiplier."""
        up = self._entry_scale()
        exact = size * entry * self._spec.multiplier
        if up >= 0:
            return divide(exact, 10**up, Rounding.HALF_EVEN)
        return int(exact * 10**-up)

    def _entry_scale(self) -> int:
        spec = self._spec
        return (
            spec.size_decimals
            + spec.multiplier_decimals
            + spec.price_decimals
            - self._asset_decimals
        )

    def lowest(self, mark: int, surplus: int, weight: int) -> int:
        """Return the mark less surplus / weight of itself."""
        return mark - surplus * mark // weight

    def highest(self, mark: int, surplus: int, weight: int) -> int | None:
        """Return the mark plus surplus / weight of itself."""
        return mark + surplus * mark // weight

    def moved(self, worth: int, move: int) -> int:
        """Return worth × (1 + move)."""
        return worth + divide(worth * move, _RATE_SCALE, Rounding.HALF_EVEN)

    def marks_within(self, low: int, high: int | None) -> tuple[int, int | None]:
        """Return the faces divided by the multiplier."""
        multiplier = self._spec.multiplier
        return -(-low // multiplier), None if high is None else high // multiplier


class Inverse:
    """Value = −size × multiplier / price: contracts of a fixed quote amount, paid in the coin.

    PnL of a long from E to P is size × multiplier × (1/E − 1/P), so costs and values of longs are
    negative. A face is multiplier / mark, truncated :data:`INVERSE_DECIMALS` beyond the asset's
    own decimals; a fill's amount is rounded once, from the exact quotient. ``numerator`` is what a
    mark divides: the multiplier at face decimals + mark decimals.
    """

    __slots__ = ("_asset_decimals", "_spec", "face_decimals", "formula", "numerator", "uncertain")

    def __init__(self, spec: MarketSpec, asset_decimals: int) -> None:
        self._spec = spec
        self._asset_decimals = asset_decimals
        self.face_decimals = max(asset_decimals + INVERSE_DECIMALS, spec.multiplier_decimals)
        self.numerator: int = spec.multiplier * 10 ** (
            self.face_decimals + spec.mark_decimals - spec.multiplier_decimals
        )
        self.formula = f"-down(multiplier / mark, {self.face_decimals})"
        self.uncertain = 2

    def face(self, mark: int) -> int:
        """Return −multiplier / mark, truncated."""
        return -(self.numerator // mark)

    def amount(self, size: int, price: int, decimals: int, rounding: Rounding) -> tuple[int, int]:
        """Return −size × multiplier / price; what is left is truncated at its decimals."""
        spec = self._spec
        exact = -size * spec.multiplier
        up = self._asset_decimals + decimals - spec.size_decimals - spec.multiplier_decimals
        exact *= 10 ** max(up, 0)
        divisor = price * 10 ** max(-up, 0)
        rounded = divide(exact, divisor, rounding)
        left = exact - rounded * divisor
        fine = 10 ** (self.left_decimals(decimals) - self._asset_decimals)
        return rounded, divide(left * fine, divisor, Rounding.TOWARD_ZERO)

    def left_decimals(self, decimals: int) -> int:
        """Return the decimals of a face."""
        del decimals  # a quotient has no last digit, whatever the price's
        return self.face_decimals

    def entry(self, size: int, cost: int) -> tuple[int, int]:
        """Return |size| × multiplier / |cost|."""
        up = self._entry_scale()
        return abs(size) * self._spec.multiplier * 10 ** max(up, 0), abs(cost) * 10 ** max(-up, 0)

    def cost(self, size: int, entry: int) -> int:
        """Return size × multiplier / entry."""
        up = self._entry_scale()
        exact = size * self._spec.multiplier * 10 ** max(up, 0)
        return divide(exact, entry * 10 ** max(-up, 0), Rounding.HALF_EVEN)

    def _entry_scale(self) -> int:
        spec = self._spec
        return (
            self._asset_decimals
            + spec.price_decimals
            - spec.size_decimals
            - spec.multiplier_decimals
        )

    def lowest(self, mark: int, surplus: int, weight: int) -> int:
        """Return mark / (1 + surplus / weight), rounded up.

        A value may at most double: what truncation takes is bounded up to there.
        """
        return -(-mark * weight // (weight + min(surplus, weight)))

    def highest(self, mark: int, surplus: int, weight: int) -> int | None:
        """Return mark / (1 − surplus / weight), rounded down."""
        return None if surplus >= weight else mark * weight // (weight - surplus)

    def moved(self, worth: int, move: int) -> int:
        """Return worth / (1 + move)."""
        return divide(worth * _RATE_SCALE, _RATE_SCALE + move, Rounding.HALF_EVEN)

    def marks_within(self, low: int, high: int | None) -> tuple[int, int | None]:
        """Return where the quotient is in reach: it falls as the mark rises."""
        lowest = 0 if high is None else self.numerator // (high + 1) + 1
        return lowest, self.numerator // low if low else None


def payoff_of(spec: MarketSpec, asset_decimals: int) -> Payoff:
    """Return the payoff that a market declared."""
    return (
        Inverse(spec, asset_decimals) if spec.payoff == "inverse" else Linear(spec, asset_decimals)
    )
