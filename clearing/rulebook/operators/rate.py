"""``rate``: the same share of every notional."""

from fractions import Fraction
from typing import Literal

from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import to_scaled
from clearing.rulebook.fields import MarginRate
from clearing.rulebook.operators.base import Compiling, LevelPieces, Operator, OperatorDocument
from clearing.rulebook.operators.tiers import MarginalTiers
from clearing.rulebook.pieces import Pieces


class RateDocument(OperatorDocument):
    """Requirement = notional × ``rate``.

    ``on`` says which notional: at the ``mark``, or at the ``entry`` (the position's cost). A
    closing fee is a rate too, added by ``sum``.
    """

    op: Literal["rate"] = "rate"
    rate: MarginRate
    on: Literal["mark", "entry"] = "mark"

    def compile(self, path: str, into: Compiling) -> Operator:
        """Return a single tier: there is one implementation of rates."""
        del path  # a rate has nothing that could be too fine
        rate = to_scaled(self.rate, RATE_DECIMALS)
        return MarginalTiers([0], [rate], into.asset_decimals, self.on == "entry")

    def pieces(self, level: LevelPieces) -> Pieces:
        """Return a line through 0."""
        del level
        return Pieces.line(Fraction(self.rate))
