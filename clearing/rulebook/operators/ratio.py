"""``ratio``: a factor of another level's requirement."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Literal

from clearing.events.fields import Name
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Trace, to_scaled
from clearing.rulebook.fields import Factor
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
from clearing.rulebook.pieces import Pieces


class RatioDocument(OperatorDocument):
    """Requirement = ``factor`` × what ``level`` of the same schedule asks of the position."""

    op: Literal["ratio"] = "ratio"
    level: Name
    factor: Factor

    def compile(self, path: str, into: Compiling) -> Operator:
        """Return a factor of the compiled level."""
        base = into.level(f"{path}.level", self.level)
        return Ratio(self.level, base, to_scaled(self.factor, RATE_DECIMALS))

    def pieces(self, level: LevelPieces) -> Pieces | None:
        """Return the factor times the level's function."""
        found = level(self.level)
        return None if found is None else found.scaled(Fraction(self.factor))

    def levels(self) -> Iterable[str]:
        """Return the level that it refers to."""
        return [self.level]


class Ratio:
    """``factor`` (at :data:`RATE_SCALE`) × another operator's requirement, rounded up."""

    __slots__ = ("_factor", "_level", "_of")

    def __init__(self, level: str, of: Operator, factor: int) -> None:
        self._level = level
        self._of = of
        self._factor = factor

    def requirement(self, at: Exposure, trace: Trace | None = None) -> int:
        """Return factor × the other's requirement."""
        step = of = None
        if trace is not None:
            step = trace.step("ratio", f"up(factor * level, {at.working})")
            step.value("factor", self._factor, RATE_DECIMALS)
            of = step.step("level", "sum(inputs)")
        asked = self._of.requirement(at, of)
        amount = up(asked * self._factor, RATE_SCALE)
        if step is not None and of is not None:
            of.finish(asked, at.working, self._level)
            step.finish(amount, at.working)
        return amount

    def bound(self, at: Exposure) -> Bound:
        """Return factor × the other's bound, and one for the rounding."""
        bound = self._of.bound(at)
        steep = up(bound.steep * self._factor, RATE_SCALE)
        return Bound(steep, up(bound.slack * self._factor, RATE_SCALE) + 1, bound.low, bound.high)

    def function(self, at: Exposure) -> Pieces | None:
        """Return factor × the other's function."""
        found = self._of.function(at)
        return None if found is None else found.scaled(Fraction(self._factor, RATE_SCALE))
