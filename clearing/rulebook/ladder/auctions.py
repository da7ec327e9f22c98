"""How an auction finds its price: three declining ones and sealed bids, each document and operator.

A price is a *factor* of the close price at the opening (the mark, unless the market has a price for
that role). For a long position, which is sold, the price is factor × that price; for a short one,
which is bought back, it is (2 − factor) × it. So a taker of either side pays too much while the
factor is above 1 and gains while it is below.

A new way is a document and an operator here, a place in :data:`AuctionMethodDocument` and a
scenario in ``tests/engine/test_scenarios_auctions.py``.
"""

from abc import ABC, abstractmethod
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from clearing.events.base import Fact
from clearing.quantities import Rounding, Trace, divide, fact
from clearing.rulebook.fields import Factor, Rate
from clearing.rulebook.fields import Fraction as ProperFraction

_POWER_DECIMALS: Final = 27
"""Powers are kept to so many decimals, each product rounded half away from zero."""
_POWER_SCALE: Final = 10**_POWER_DECIMALS


def _price_factor(value: Decimal) -> Decimal:
    if not 0 <= value < 2:
        raise ValueError(
            f"{value} must be at least 0 and below 2, or one of the sides would have no price"
        )
    return value


PriceFactor = Annotated[Rate, AfterValidator(_price_factor)]
"""A factor of the price at the opening: from 0 to below 2."""
Span = Annotated[int, Field(ge=1, le=31_622_400)]
"""A span of time in seconds, more than none and at most a year."""


class DutchMethod(ABC):
    """An auction whose price declines until somebody takes.

    ``start`` and ``end`` are the first and the least factor, ``seconds`` how long it is open.
    """

    __slots__ = ("end", "seconds", "start")

    def __init__(self, start: Fraction, end: Fraction, seconds: int) -> None:
        self.start = start
        self.end = end
        self.seconds = seconds

    @property
    def first(self) -> Fraction:
        """The factor that is stated at the opening."""
        return self.start

    def factor(self, elapsed: int) -> Fraction:
        """Return the factor after so many whole seconds, never below the end."""
        return max(self.end, self._declined(elapsed))

    @abstractmethod
    def _declined(self, elapsed: int) -> Fraction:
        """Return the factor as its decline alone would have it."""

    def explain(self, elapsed: int, trace: Trace) -> None:
        """Leave the working of the factor in a trace."""
        trace.ratio("start", self.start, "rung.method.start")
        trace.ratio("end", self.end, "rung.method.end")
        trace.value("elapsed", elapsed, 0, "whole seconds since the opening")
        trace.formula = f"max(end, {self._decline(elapsed, trace)})"
        trace.finish_ratio(self.factor(elapsed), "rung.method")

    @abstractmethod
    def _decline(self, elapsed: int, trace: Trace) -> str:
        """Leave what the decline stands on in a trace, and return its formula."""


class _Linear(DutchMethod):
    __slots__ = ()

    def _declined(self, elapsed: int) -> Fraction:
        return self.start - (self.start - self.end) * Fraction(elapsed, self.seconds)

    def _decline(self, elapsed: int, trace: Trace) -> str:
        del elapsed  # it is in the trace
        trace.value("seconds", self.seconds, 0, "rung.method.duration_seconds")
        return "start - (start - end) * elapsed / seconds"


class _Stair(DutchMethod):
    __slots__ = ("_step", "_step_seconds")

    def __init__(
        self, start: Fraction, end: Fraction, seconds: int, step: Fraction, step_seconds: int
    ) -> None:
        super().__init__(start, end, seconds)
        self._step = step
        self._step_seconds = step_seconds

    def _declined(self, elapsed: int) -> Fraction:
        return self.start - self._step * (elapsed // self._step_seconds)

    def _decline(self, elapsed: int, trace: Trace) -> str:
        del elapsed  # it is in the trace
        trace.ratio("step", self._step, "rung.method.step")
        trace.value("step seconds", self._step_seconds, 0, "rung.method.step_seconds")
        return "start - step * down(elapsed / step_seconds, 0)"


class _Exponential(DutchMethod):
    __slots__ = ("_cut", "_step_seconds")

    def __init__(
        self, start: Fraction, end: Fraction, seconds: int, cut: Fraction, step_seconds: int
    ) -> None:
        super().__init__(start, end, seconds)
        self._cut = cut
        self._step_seconds = step_seconds

    def _declined(self, elapsed: int) -> Fraction:
        return self.start * power(self._cut, elapsed // self._step_seconds)

    def _decline(self, elapsed: int, trace: Trace) -> str:
        cuts = elapsed // self._step_seconds
        note = f"rung.method.cut to the power of {cuts}: one every {self._step_seconds} seconds"
        lines = trace.step("power")
        power(self._cut, cuts, lines)
        lines.note = note
        return "start * power"


class SealedMethod:
    """An auction that collects bids for ``seconds`` and awards them at the end, best price first.

    ``reserve`` is the least factor that is awarded; ``uniform``: everybody pays what the last bid
    that is awarded says.
    """

    __slots__ = ("reserve", "seconds", "uniform")

    def __init__(self, seconds: int, reserve: Fraction, *, uniform: bool) -> None:
        self.seconds = seconds
        self.reserve = reserve
        self.uniform = uniform

    @property
    def first(self) -> Fraction:
        """The factor that is stated at the opening."""
        return self.reserve


AuctionMethod = DutchMethod | SealedMethod
"""A way to find a price, ready to compute."""


def power(base: Fraction, exponent: int, trace: Trace | None = None) -> Fraction:
    """Return ``base`` to a whole power by squaring, to 27 decimals: ties away from zero each time.

    What is multiplied in which order decides the last digit: the bits of the exponent are taken
    from the lowest up, the square first. Source: Maker's dss, abaci.sol, which computes so. With a
    ``trace``, leave the working in it.
    """
    square = _Power(divide(base.numerator * _POWER_SCALE, base.denominator, Rounding.HALF_AWAY))
    square.lines.formula = f"half_away(base, {_POWER_DECIMALS})"
    square.lines.ratio("base", base)
    found = square if exponent & 1 else _Power(_POWER_SCALE)
    exponent >>= 1
    while exponent:
        square = square.times(square)
        if exponent & 1:
            found = found.times(square)
        exponent >>= 1
    if trace is not None:
        trace.formula, trace.inputs = found.lines.formula, found.lines.inputs
        trace.finish(found.value, _POWER_DECIMALS)
    return Fraction(found.value, _POWER_SCALE)


class _Power:
    """A power on its way, at 27 decimals, with its working."""

    __slots__ = ("lines", "value")

    def __init__(self, value: int) -> None:
        self.value = value
        self.lines = fact("power", value, _POWER_DECIMALS)

    def times(self, other: "_Power") -> "_Power":
        """Return the product, rounded."""
        found = _Power(divide(self.value * other.value, _POWER_SCALE, Rounding.HALF_AWAY))
        by = "power" if other is self else "by"
        found.lines.formula = f"half_away(power * {by}, {_POWER_DECIMALS})"
        found.lines.inputs.append(self.lines)
        if other is not self:
            found.lines.inputs.append(replace(other.lines, name=by))
        return found


class _DutchDocument(Fact):
    """What declining prices have in common: from ``start`` to no less than ``end``."""

    start: PriceFactor
    end: PriceFactor
    duration_seconds: Span

    @model_validator(mode="after")
    def _falls(self) -> Self:
        if self.end > self.start:
            raise ValueError(f"end: {self.end} is above start, {self.start}; the price declines")
        return self


class LinearAuctionDocument(_DutchDocument):
    """The price declines evenly, second by second, and is at ``end`` when the auction is over.

    Source: Maker's dss, abaci.sol, LinearDecrease, whose end is 0.
    """

    op: Literal["linear"] = "linear"

    def compile(self) -> AuctionMethod:
        """Return the operator."""
        return _Linear(Fraction(self.start), Fraction(self.end), self.duration_seconds)


class _SteppedDocument(_DutchDocument):
    step_seconds: Span

    @model_validator(mode="after")
    def _steps(self) -> Self:
        if self.step_seconds >= self.duration_seconds:
            raise ValueError(
                f"step_seconds: {self.step_seconds} are not less than the"
                f" {self.duration_seconds} of duration_seconds; the price would never move"
            )
        return self


class StairAuctionDocument(_SteppedDocument):
    """The factor falls by ``step`` every ``step_seconds``; it stays at ``end`` once there."""

    op: Literal["stair"] = "stair"
    step: Factor

    def compile(self) -> AuctionMethod:
        """Return the operator."""
        start, end, step = Fraction(self.start), Fraction(self.end), Fraction(self.step)
        return _Stair(start, end, self.duration_seconds, step, self.step_seconds)


class ExponentialAuctionDocument(_SteppedDocument):
    """The factor is multiplied by ``cut`` every ``step_seconds``; it stays at ``end`` once there.

    Source: Maker's dss, abaci.sol, StairstepExponentialDecrease.
    """

    op: Literal["exponential"] = "exponential"
    cut: ProperFraction

    def compile(self) -> AuctionMethod:
        """Return the operator."""
        start, end, cut = Fraction(self.start), Fraction(self.end), Fraction(self.cut)
        return _Exponential(start, end, self.duration_seconds, cut, self.step_seconds)


class SealedAuctionDocument(Fact):
    """Bids are collected for ``duration_seconds`` and awarded at the end, best price first.

    None worse than ``reserve`` is awarded. Each winner pays its ``own`` price, or all pay the
    ``uniform`` one: that of the last bid awarded.
    """

    op: Literal["sealed"] = "sealed"
    duration_seconds: Span
    reserve: PriceFactor
    pays: Literal["own", "uniform"] = "own"

    def compile(self) -> AuctionMethod:
        """Return the operator."""
        uniform = self.pays == "uniform"
        return SealedMethod(self.duration_seconds, Fraction(self.reserve), uniform=uniform)


AuctionMethodDocument = Annotated[
    LinearAuctionDocument
    | StairAuctionDocument
    | ExponentialAuctionDocument
    | SealedAuctionDocument,
    Field(discriminator="op"),
]
"""How an auction finds its price, told apart by ``op``."""
