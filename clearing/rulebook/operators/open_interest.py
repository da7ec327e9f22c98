"""``open_interest``: a rate that rises while the market's open interest is between two bounds."""

from decimal import Decimal
from fractions import Fraction
from typing import Literal, Self

from pydantic import model_validator

from clearing.events.fields import PositiveAmount
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Trace, to_scaled
from clearing.rulebook.fields import Factor, MarginRate
from clearing.rulebook.operators.base import (
    RATE_SCALE,
    Bound,
    Compiling,
    Exposure,
    LevelPieces,
    Operator,
    OperatorDocument,
    up,
)
from clearing.rulebook.operators.varying import VaryingRate
from clearing.rulebook.pieces import Pieces


class OpenInterestDocument(OperatorDocument):
    """Requirement = notional × (rate + (ceiling − rate) × part), as dYdX v4 scales its margin.

    ``part`` is how far the market's open notional (open interest at the mark) has come from
    ``lower`` to ``upper``, from 0 to 1; what is added to the rate is rounded down to a multiple of
    ``step``. Without an observed open interest the rate is ``rate``.
    """

    op: Literal["open_interest"] = "open_interest"
    rate: MarginRate
    lower: PositiveAmount
    upper: PositiveAmount
    ceiling: MarginRate = Decimal(1)
    step: Factor = Decimal("0.000001")

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.upper <= self.lower:
            raise ValueError(f"upper: {self.upper} is not above lower, {self.lower}")
        if self.ceiling < self.rate:
            raise ValueError(f"ceiling: {self.ceiling} is below rate, {self.rate}")
        return self

    def compile(self, path: str, into: Compiling) -> Operator:
        """Return the operator with bounds in units."""
        rates = (self.rate, self.ceiling, self.step)
        return OpenInterest(
            into.units(f"{path}.lower", self.lower),
            into.units(f"{path}.upper", self.upper),
            *(to_scaled(rate, RATE_DECIMALS) for rate in rates),
        )

    def pieces(self, level: LevelPieces) -> Pieces:
        """Return the least that it asks: the rate of a small open interest."""
        del level
        return Pieces.line(Fraction(self.rate))


class OpenInterest(VaryingRate):
    """A rate between ``rate`` and ``ceiling`` by the market's open notional."""

    __slots__ = ("_ceiling", "_lower", "_rate", "_step", "_upper")
    name = "open interest"

    def __init__(self, lower: int, upper: int, rate: int, ceiling: int, step: int) -> None:
        self._lower = lower
        self._upper = upper
        self._rate = rate
        self._ceiling = ceiling
        self._step = step

    def rate(self, at: Exposure, trace: Trace | None = None) -> int:
        """Return the rate at this open notional."""
        opened = at.open_interest * at.step_base * RATE_SCALE - self._lower * at.lift
        span = (self._upper - self._lower) * at.lift
        room = self._ceiling - self._rate
        added = min(max(opened, 0), span) * room // (span * self._step) * self._step
        rate = int(self._rate + added)
        if trace is not None:
            part = "min(max(open_notional - lower, 0), upper - lower) / (upper - lower)"
            step = trace.step("rate", f"rate + down((ceiling - rate) * {part} / step, 0) * step")
            for name, value in (("rate", self._rate), ("ceiling", self._ceiling)):
                step.value(name, value, RATE_DECIMALS)
            step.value("lower", self._lower * at.lift, at.working)
            step.value("upper", self._upper * at.lift, at.working)
            step.value("step", self._step, RATE_DECIMALS)
            opened = at.open_interest * at.step_base * RATE_SCALE
            step.value("open notional", opened, at.working, "open interest at the mark")
            step.finish(rate, RATE_DECIMALS)
        return rate

    def bound(self, at: Exposure) -> Bound:
        """Return a bound while the mark at most doubles.

        With the mark × (1 + x), notional × rate changes by at most notional × (rate + 2 × rise) × x
        where rise is by how much the rate would grow if the mark doubled at the present pace; the
        step adds at most itself to the rate of a doubled notional.
        """
        opened = at.open_interest * at.step_base * RATE_SCALE
        span = (self._upper - self._lower) * at.lift
        rise = up(opened * (self._ceiling - self._rate), span)
        steep = at.base * (self.rate(at) + 2 * rise)
        return Bound(steep, 2 * at.base * self._step, 0, 2 * at.step_base)

    def function(self, at: Exposure) -> Pieces | None:
        """Return nothing: rate and notional both follow the mark, so this is no line."""
        del at
        return None
