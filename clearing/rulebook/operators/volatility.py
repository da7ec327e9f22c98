"""``volatility``: the margin rate that the market's volatility policy has published."""

from decimal import Decimal
from fractions import Fraction
from typing import Literal

from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Trace, to_scaled
from clearing.rulebook.fields import Factor
from clearing.rulebook.operators.base import (
    RATE_SCALE,
    Bound,
    Compiling,
    Exposure,
    Operator,
    OperatorDocument,
    traced,
    up,
)
from clearing.rulebook.pieces import Pieces


class VolatilityRateDocument(OperatorDocument):
    """Requirement = notional × ``factor`` × the rate published for the market."""

    op: Literal["volatility"]
    factor: Factor = Decimal(1)

    def compile(self, path: str, into: Compiling) -> Operator:
        """Return the operator."""
        del path, into  # nothing to resolve
        return VolatilityRate(to_scaled(self.factor, RATE_DECIMALS))


class VolatilityRate:
    """``factor`` × the published rate, of notional."""

    __slots__ = ("_factor",)

    def __init__(self, factor: int) -> None:
        self._factor = factor

    def _effective(self, at: Exposure) -> int:
        return up(self._factor * at.volatility, RATE_SCALE)

    def requirement(self, at: Exposure, trace: Trace | None = None) -> int:
        """Return notional × the rate."""
        rate = self._effective(at)
        formula = "notional * factor * published rate"
        return traced(trace, "volatility", formula, at, at.base * rate, notional=at.base, rate=rate)

    def bound(self, at: Exposure) -> Bound:
        """Return the rate of the notional; when another is published, every holder is tested."""
        return Bound(at.base * self._effective(at))

    def function(self, at: Exposure) -> Pieces:
        """Return a line: the rate changes by time, not with the mark."""
        return Pieces.line(Fraction(at.size * self._effective(at)))
