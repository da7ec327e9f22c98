"""``volatility``: the margin rate that the market's volatility policy has published."""

from decimal import Decimal
from typing import Literal

from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Trace, to_scaled
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

    def __init__(self, factor: int) -> None:
        self._factor = factor

    def rate(self, at: Exposure, trace: Trace | None = None) -> int:
        """Return factor × the published rate, rounded up."""
        rate = up(self._factor * at.volatility, RATE_SCALE)
        if trace is not None:
            step = trace.step("rate", f"up(factor * published_rate, {RATE_DECIMALS})")
            step.value("factor", self._factor, RATE_DECIMALS)
            step.value("published rate", at.volatility, RATE_DECIMALS)
            step.finish(rate, RATE_DECIMALS)
        return rate
