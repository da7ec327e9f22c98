"""``rounded``: a requirement rounded to the asset's units, or coarser, as the venue's integers."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from clearing.quantities import MAX_DECIMALS, Rounding, Trace, divide, format_exact
from clearing.rulebook.fields import NamedRounding
from clearing.rulebook.operators.base import (
    Bound,
    Compiling,
    Exposure,
    LevelPieces,
    Operator,
    OperatorDocument,
)
from clearing.rulebook.pieces import Pieces

if TYPE_CHECKING:
    from clearing.rulebook.operators import LevelDocument


class RoundedDocument(OperatorDocument):
    """Requirement = ``of`` rounded by ``rounding`` to ``decimals`` (the asset's if absent)."""

    op: Literal["rounded"] = "rounded"
    of: "LevelDocument"
    rounding: NamedRounding = Rounding.UP
    decimals: Annotated[int, Field(ge=0, le=MAX_DECIMALS)] | None = None

    def compile(self, path: str, into: Compiling) -> Operator:
        """Return the rounded operator."""
        decimals = into.asset_decimals if self.decimals is None else self.decimals
        coarser = max(into.asset_decimals - decimals, 0)
        return Rounded(self.of.compile(f"{path}.of", into), self.rounding, 10**coarser)

    def pieces(self, level: LevelPieces) -> Pieces | None:
        """Return the function that is rounded: less than one unit from it."""
        return self.of.pieces(level)

    def parts(self) -> tuple[OperatorDocument, ...]:
        """Return what is rounded."""
        return (self.of,)


class Rounded:
    """A requirement in whole steps of ``units`` units of the asset."""

    __slots__ = ("_of", "_rounding", "_units")

    def __init__(self, of: Operator, rounding: Rounding, units: int) -> None:
        self._of = of
        self._rounding = rounding
        self._units = units

    def requirement(self, at: Exposure, trace: Trace | None = None) -> int:
        """Return the nearest step in the direction of the rounding."""
        quantum = at.lift * self._units
        step = None
        if trace is not None:
            whole = format_exact(quantum, at.working)
            rounding = f"{self._rounding.value}(sum(inputs) / {whole}, 0)"
            step = trace.step("rounded", f"{rounding} * {whole}")
        exact = self._of.requirement(at, step)
        amount = divide(exact, quantum, self._rounding) * quantum
        if step is not None:
            left = format_exact(exact - amount, at.working)
            step.finish(amount, at.working, f"{left} rounded away: a requirement moves no money")
        return amount

    def bound(self, at: Exposure) -> Bound:
        """Return the part's bound and one step more."""
        bound = self._of.bound(at)
        return Bound(bound.steep, bound.slack + at.lift * self._units, bound.low, bound.high)

    def function(self, at: Exposure) -> Pieces | None:
        """Return None: a function of steps is not piecewise linear between few marks."""
        del at
        return None
