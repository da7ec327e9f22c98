"""Volatility policies: a margin rate per market from how much its mark moved, in published steps.

An exponentially weighted average of squared returns, in integers. What a schedule makes of the rate
is its operator ``volatility``.
"""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from clearing.events.base import Fact
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import square_root, to_scaled
from clearing.rulebook.fields import Factor, MarginRate, Share

_SCALE = 10**RATE_DECIMALS


class VolatilityDocument(Fact):
    """How a market's margin rate follows its volatility.

    Every ``sample_seconds`` (multiples since 1970) the return since the sample before enters:
    variance = ``decay`` × variance + (1 − ``decay``) × return². The rate aimed at is ``multiple`` ×
    √variance, from ``floor`` to ``cap``. The published rate is a multiple of ``step``, rounded up;
    it rises as soon as what is aimed at is above it, and falls once that is lower by more than
    ``hysteresis`` than the next step down.
    """

    sample_seconds: Annotated[int, Field(ge=1, le=31_622_400)]
    decay: MarginRate
    multiple: Factor
    floor: MarginRate
    cap: MarginRate
    step: Factor = Decimal("0.001")
    hysteresis: Share = Decimal(0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.decay >= 1:
            raise ValueError(f"decay: is {self.decay}; it must be below 1, or nothing ever enters")
        if self.cap < self.floor:
            raise ValueError(f"cap: is {self.cap}, below floor, {self.floor}")
        return self


class VolatilityRule:
    """A volatility policy ready for the engine; ``interval`` in microseconds, rates scaled.

    ``multiple`` is how many deviations of a sample's return the rate is aimed at.
    """

    __slots__ = ("_cap", "_decay", "_floor", "_hysteresis", "_step", "interval", "multiple")

    def __init__(self, document: VolatilityDocument) -> None:
        self.interval = document.sample_seconds * 1_000_000
        self._decay = to_scaled(document.decay, RATE_DECIMALS)
        self.multiple = to_scaled(document.multiple, RATE_DECIMALS)
        self._floor = to_scaled(document.floor, RATE_DECIMALS)
        self._cap = to_scaled(document.cap, RATE_DECIMALS)
        self._step = to_scaled(document.step, RATE_DECIMALS)
        self._hysteresis = to_scaled(document.hysteresis, RATE_DECIMALS)

    def decayed(self, variance: int, samples: int) -> int:
        """Return a variance after so many samples of no return, each rounded down in effect.

        The power is taken by squaring, truncated at rate decimals, so that a long silence costs no
        more than a short one.
        """
        power, base = _SCALE, self._decay
        while samples:
            if samples & 1:
                power = power * base // _SCALE
            base = base * base // _SCALE
            samples >>= 1
        return int(variance * power // _SCALE)

    def entered(self, variance: int, change: int) -> int:
        """Return the variance (at twice rate decimals) once a return (at rate decimals) entered."""
        return int((self._decay * variance + (_SCALE - self._decay) * change * change) // _SCALE)

    def deviation(self, variance: int) -> int:
        """Return √variance at rate decimals, rounded down."""
        return square_root(variance)

    def published(self, variance: int, before: int) -> int:
        """Return the rate to publish where ``before`` is published (0: none yet)."""
        wanted = self.multiple * self.deviation(variance) // _SCALE
        aimed = min(max(wanted, self._floor), self._cap)
        rate = -(-aimed // self._step) * self._step
        falls = aimed + self._hysteresis < before - self._step
        return rate if not before or rate > before or (falls and rate < before) else before
