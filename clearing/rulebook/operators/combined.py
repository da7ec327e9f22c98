"""``sum``, ``max``, ``min``: several requirements of one position as one."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from clearing.quantities import Trace
from clearing.rulebook.fields import List
from clearing.rulebook.operators.base import (
    Bound,
    Compiling,
    Exposure,
    LevelPieces,
    Operator,
    OperatorDocument,
)
from clearing.rulebook.pieces import Pieces, extreme, summed

if TYPE_CHECKING:
    from clearing.rulebook.operators import LevelDocument


class CombinedDocument(OperatorDocument):
    """Requirement = the ``sum``, the greatest (``max``) or the least (``min``) of its parts."""

    op: Literal["sum", "max", "min"]
    of: Annotated[tuple["LevelDocument", ...], List, Field(min_length=1, max_length=16)]

    def compile(self, path: str, into: Compiling) -> Operator:
        """Return the combination of the compiled parts."""
        return Combined(
            self.op, [part.compile(f"{path}.of.{i}", into) for i, part in enumerate(self.of)]
        )

    def pieces(self, level: LevelPieces) -> Pieces | None:
        """Return the combination, if every part is a function of notional."""
        parts = []
        for part in self.of:
            found = part.pieces(level)
            if found is None:
                return None
            parts.append(found)
        if self.op == "sum":
            return summed(parts)
        return extreme(parts, max if self.op == "max" else min)

    def parts(self) -> tuple[OperatorDocument, ...]:
        """Return what is combined."""
        return self.of


class Combined:
    """The sum, greatest or least of requirements, its ``parts``."""

    __slots__ = ("_op", "parts")

    def __init__(self, op: str, parts: list[Operator]) -> None:
        self._op = op
        self.parts = parts

    def requirement(self, at: Exposure, trace: Trace | None = None) -> int:
        """Return the combination of what the parts ask."""
        step = None if trace is None else trace.step(self._op, f"{self._op}(inputs)")
        amounts = [part.requirement(at, step) for part in self.parts]
        if self._op == "sum":
            amount = sum(amounts)
        else:
            amount = max(amounts) if self._op == "max" else min(amounts)
        if step is not None:
            step.finish(amount, at.working)
        return amount

    def bound(self, at: Exposure) -> Bound:
        """Return sums of the parts' bounds for a sum, else the widest; where all of them hold."""
        first, *others = [part.bound(at) for part in self.parts]
        for other in others:
            if self._op == "sum":
                steep, slack = first.steep + other.steep, first.slack + other.slack
            else:
                steep, slack = max(first.steep, other.steep), max(first.slack, other.slack)
            first = first.narrowed(other, steep, slack)
        return first

    def function(self, at: Exposure) -> Pieces | None:
        """Return the combination of the parts' functions."""
        parts = []
        for part in self.parts:
            found = part.function(at)
            if found is None:
                return None
            parts.append(found)
        if self._op == "sum":
            return summed(parts)
        return extreme(parts, max if self._op == "max" else min)
