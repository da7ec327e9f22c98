"""``depth``: a rate that rises with a position's size against what the order book takes of it."""

from decimal import Decimal
from fractions import Fraction
from typing import Literal

from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Trace, to_scaled
from clearing.rulebook.fields import Factor, MarginRate
from clearing.rulebook.operators.base import (
    Bound,
    Compiling,
    Exposure,
    Operator,
    OperatorDocument,
    traced,
    up,
)
from clearing.rulebook.pieces import Pieces


class DepthDocument(OperatorDocument):
    """Requirement = notional × min(``ceiling``, ``coefficient`` × size / observed depth).

    The depth is that of the side which closes the position: bids for a long one. Where none was
    observed, or it is 0, the rate is ``ceiling``.
    """

    op: Literal["depth"]
    coefficient: Factor
    ceiling: MarginRate = Decimal(1)

    def compile(self, path: str, into: Compiling) -> Operator:
        """Return the operator."""
        del path, into  # nothing to resolve
        return Depth(*(to_scaled(rate, RATE_DECIMALS) for rate in (self.coefficient, self.ceiling)))


class Depth:
    """``coefficient`` × size / depth of notional, at most ``ceiling`` of it."""

    __slots__ = ("_ceiling", "_coefficient")

    def __init__(self, coefficient: int, ceiling: int) -> None:
        self._coefficient = coefficient
        self._ceiling = ceiling

    def _effective(self, at: Exposure) -> int:
        taken = 0 if at.depth is None else at.depth[0 if at.long else 1]
        if not taken:
            return self._ceiling if at.size else 0
        return min(self._ceiling, up(self._coefficient * at.size, taken))

    def requirement(self, at: Exposure, trace: Trace | None = None) -> int:
        """Return notional × the rate for this size and depth."""
        rate = self._effective(at)
        formula = "notional * min(ceiling, coefficient * size / depth)"
        return traced(trace, "depth", formula, at, at.base * rate, notional=at.base, rate=rate)

    def bound(self, at: Exposure) -> Bound:
        """Return the rate of the notional; when the depth changes, every holder is tested anew."""
        return Bound(at.base * self._effective(at))

    def function(self, at: Exposure) -> Pieces:
        """Return a line: the rate does not follow the mark."""
        return Pieces.line(Fraction(at.size * self._effective(at)))
