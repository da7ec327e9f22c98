"""``funding_to_come``: what the position would pay if the running funding period ended now."""

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
    up,
)
from clearing.rulebook.pieces import Pieces


class FundingToComeDocument(OperatorDocument):
    """Requirement = ``factor`` × the funding that the position would pay now, 0 if it would get it.

    In a market whose funding the rulebook does not compute it is 0.
    """

    op: Literal["funding_to_come"]
    factor: Factor

    def compile(self, path: str, into: Compiling) -> Operator:
        """Return the operator."""
        del path, into  # nothing to resolve
        return FundingToCome(to_scaled(self.factor, RATE_DECIMALS))


class FundingToCome:
    """``factor`` (at :data:`RATE_SCALE`) × what the position is about to pay."""

    __slots__ = ("_factor",)

    def __init__(self, factor: int) -> None:
        self._factor = factor

    def requirement(self, at: Exposure, trace: Trace | None = None) -> int:
        """Return the amount, rounded up at the working scale."""
        due = at.size * max(at.coming if at.long else -at.coming, 0)
        amount = up(due * self._factor, RATE_SCALE)
        if trace is not None:
            step = trace.step("funding to come", f"up(factor * funding, {at.working})")
            step.value("funding", due, at.working, "what the position would pay now")
            step.value("factor", self._factor, RATE_DECIMALS)
            step.finish(amount, at.working)
        return amount

    def bound(self, at: Exposure) -> Bound:
        """Return no change: whenever the funding to come changes, every holder is tested anew."""
        del at  # the mark does not enter by itself
        return Bound(0)

    def function(self, at: Exposure) -> Pieces | None:
        """Return a constant: the funding to come as it is now."""
        return Pieces.line(Fraction(0), Fraction(self.requirement(at)))
