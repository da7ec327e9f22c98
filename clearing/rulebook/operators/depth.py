"""``depth``: a rate that rises with a position's size against what the order book takes of it."""

from decimal import Decimal
from typing import Literal

from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Trace, to_scaled
from clearing.rulebook.fields import Factor, MarginRate
from clearing.rulebook.operators.base import (
    Compiling,
    Exposure,
    Operator,
    OperatorDocument,
    up,
)
from clearing.rulebook.operators.varying import VaryingRate


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


class Depth(VaryingRate):
    """``coefficient`` × size / depth of notional, at most ``ceiling`` of it."""

    __slots__ = ("_ceiling", "_coefficient")
    name = "depth"

    def __init__(self, coefficient: int, ceiling: int) -> None:
        self._coefficient = coefficient
        self._ceiling = ceiling

    def rate(self, at: Exposure, trace: Trace | None = None) -> int:
        """Return the rate for this size and what the closing side of the book holds."""
        taken = 0 if at.depth is None else at.depth[0 if at.long else 1]
        formula = "min(ceiling, up(coefficient * size / depth, 12))"
        if taken:
            rate = min(self._ceiling, up(self._coefficient * at.size, taken))
        else:
            rate, formula = (self._ceiling, "ceiling") if at.size else (0, "0")
        if trace is not None:
            step = trace.step("rate", formula)
            step.value("ceiling", self._ceiling, RATE_DECIMALS)
            step.value("coefficient", self._coefficient, RATE_DECIMALS)
            step.value("size", at.size, at.size_decimals)
            step.value("depth", taken, at.size_decimals, "" if taken else "none observed")
            step.finish(rate, RATE_DECIMALS)
        return rate
