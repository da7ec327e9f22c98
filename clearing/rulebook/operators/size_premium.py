"""``size_premium``: a rate that grows with the square root of the position's size."""

from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import AfterValidator

from clearing.events.fields import NotNegativeAmount
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Trace, square_root, to_scaled
from clearing.rulebook.fields import MarginRate, Rate, Share
from clearing.rulebook.operators.base import (
    RATE_SCALE,
    Compiling,
    Exposure,
    LevelPieces,
    Operator,
    OperatorDocument,
)
from clearing.rulebook.operators.varying import VaryingRate
from clearing.rulebook.pieces import Pieces


def _not_negative(value: Decimal) -> Decimal:
    if value < 0:
        raise ValueError(f"{value} must not be negative")
    return value


class SizePremiumDocument(OperatorDocument):
    """Requirement = notional × max(rate, share × rate + coefficient × √size).

    ``size`` is in whole units (coins, contracts), as Drift's published margin ratio has it; √size
    and the rate are kept to 12 decimals, rounded down. ``ceiling`` caps the rate.
    """

    op: Literal["size_premium"] = "size_premium"
    rate: MarginRate
    coefficient: Annotated[Rate, AfterValidator(_not_negative)]
    share: Share = Decimal(1)
    ceiling: NotNegativeAmount = Decimal(1)

    def compile(self, path: str, into: Compiling) -> Operator:
        """Return the operator with rates at :data:`RATE_SCALE`."""
        del path, into  # nothing here is in the asset's units
        numbers = (self.rate, self.share, self.coefficient, self.ceiling)
        return SizePremium(*(to_scaled(number, RATE_DECIMALS) for number in numbers))

    def pieces(self, level: LevelPieces) -> Pieces:
        """Return the least that it asks: the rate of the smallest size."""
        del level
        return Pieces.line(Fraction(self.rate))


class SizePremium(VaryingRate):
    """A rate chosen by size; it does not follow the mark."""

    __slots__ = ("_ceiling", "_coefficient", "_rate", "_share")
    name = "size premium"

    def __init__(self, rate: int, share: int, coefficient: int, ceiling: int) -> None:
        self._rate = rate
        self._share = share
        self._coefficient = coefficient
        self._ceiling = ceiling

    def rate(self, at: Exposure, trace: Trace | None = None) -> int:
        """Return the rate for this size."""
        # The root of size × 10^24 is √size at 12 decimals; sizes have theirs already.
        root = square_root(at.size * RATE_SCALE * RATE_SCALE // 10**at.size_decimals)
        grown = (self._share * self._rate + self._coefficient * root) // RATE_SCALE
        rate = int(min(max(self._rate, grown), max(self._ceiling, self._rate)))
        if trace is not None:
            grows = "down(share * rate + coefficient * root(size, 12), 12)"
            step = trace.step("rate", f"min(max(rate, {grows}), max(ceiling, rate))")
            step.value("rate", self._rate, RATE_DECIMALS)
            step.value("share", self._share, RATE_DECIMALS)
            step.value("coefficient", self._coefficient, RATE_DECIMALS)
            step.value("ceiling", self._ceiling, RATE_DECIMALS)
            step.value("size", at.size, at.size_decimals)
            step.finish(rate, RATE_DECIMALS)
        return rate
