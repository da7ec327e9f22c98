"""Common ground of operators whose rate is chosen by something other than the notional."""

from abc import ABC, abstractmethod
from fractions import Fraction
from typing import ClassVar

from clearing.quantities import Trace
from clearing.rulebook.operators.base import Bound, Exposure, notional
from clearing.rulebook.pieces import Pieces


class VaryingRate(ABC):
    """Requirement = notional × a rate that does not follow the mark.

    What the rate does follow (size, depth, volatility) changes by events after which every holder
    is tested anew; between them the requirement is a line. An operator whose rate follows the mark
    too says its own :meth:`bound` and :meth:`function`.
    """

    __slots__ = ()

    name: ClassVar[str]
    """What the working calls the operator."""

    @abstractmethod
    def rate(self, at: Exposure, trace: Trace | None = None) -> int:
        """Return the rate for ``at`` (≥ 0), at :data:`RATE_SCALE`; leave its working."""

    def requirement(self, at: Exposure, trace: Trace | None = None) -> int:
        """Return notional × the rate, exactly."""
        step = None if trace is None else trace.step(self.name, "notional * rate")
        if step is not None:
            notional(step, at)
        amount = at.base * self.rate(at, step)
        if step is not None:
            step.finish(amount, at.working)
        return amount

    def bound(self, at: Exposure) -> Bound:
        """Return the rate of the notional."""
        return Bound(at.base * self.rate(at))

    def function(self, at: Exposure) -> Pieces | None:
        """Return a line through 0."""
        return Pieces.line(Fraction(at.size * self.rate(at)))
