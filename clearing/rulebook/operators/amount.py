"""``amount``: the same for every position, however small: a minimum under ``max``."""

from fractions import Fraction
from typing import Literal

from clearing.events.fields import NotNegativeAmount
from clearing.quantities import Trace
from clearing.rulebook.operators.base import (
    Bound,
    Compiling,
    Exposure,
    LevelPieces,
    Operator,
    OperatorDocument,
)
from clearing.rulebook.pieces import Pieces


class AmountDocument(OperatorDocument):
    """Requirement = ``amount`` of the settlement asset for the position, whatever its notional."""

    op: Literal["amount"] = "amount"
    amount: NotNegativeAmount

    def compile(self, path: str, into: Compiling) -> Operator:
        """Return the amount in units."""
        return Amount(into.units(f"{path}.amount", self.amount))

    def pieces(self, level: LevelPieces) -> Pieces:
        """Return a constant."""
        del level
        return Pieces.line(Fraction(0), Fraction(self.amount))


class Amount:
    """A fixed number of units."""

    __slots__ = ("_units",)

    def __init__(self, units: int) -> None:
        self._units = units

    def requirement(self, at: Exposure, trace: Trace | None = None) -> int:
        """Return the amount, whatever the exposure."""
        amount = self._units * at.lift
        if trace is not None:
            trace.value("amount", amount, at.working)
        return amount

    def bound(self, at: Exposure) -> Bound:
        """Return that no mark changes it."""
        del at
        return Bound(0)

    def function(self, at: Exposure) -> Pieces:
        """Return a constant."""
        return Pieces.line(Fraction(0), Fraction(self._units * at.lift))
