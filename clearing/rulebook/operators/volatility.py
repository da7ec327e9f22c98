"""``volatility``: the margin rate that the market's volatility policy has published."""

from decimal import Decimal
from typing import Literal

from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import to_scaled
from clearing.rulebook.fields import Factor
from clearing.rulebook.operators.base import (
    RATE_SCALE,
    Compiling,
    Exposure,
    Operator,
    OperatorDocument,
    up,
)
from clearing.rulebook.operators.varying import VaryingRate


class VolatilityRateDocument(OperatorDocument):
    """Requirement = notional × ``factor`` × the rate published for the market."""

    op: Literal["volatility"]
    factor: Factor = Decimal(1)

    def compile(self, path: str, into: Compiling) -> Operator:
        """Return the operator."""
        del path, into  # nothing to resolve
        return VolatilityRate(to_scaled(self.factor, RATE_DECIMALS))


class VolatilityRate(VaryingRate):
    """``factor`` × the published rate, of notional."""

    __slots__ = ("_factor",)
    name = "volatility"
    formula = "notional * factor * published rate"

    def __init__(self, factor: int) -> None:
        self._factor = factor

    def rate(self, at: Exposure) -> int:
        """Return factor × the published rate, rounded up."""
        return up(self._factor * at.volatility, RATE_SCALE)
