"""``user_leverage``: margin by the leverage that the account chose in the market."""

from decimal import Decimal
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
    LevelPieces,
    Operator,
    OperatorDocument,
    notional,
    up,
)
from clearing.rulebook.pieces import Pieces


class UserLeverageDocument(OperatorDocument):
    """Requirement = notional × ``rate`` / leverage, rounded up at the working scale.

    Leverage is what the account's latest ``LeverageSet`` for the market says, else ``default``.
    A venue's cap is the greater of this and another operator, under ``max``.
    """

    op: Literal["user_leverage"] = "user_leverage"
    default: Factor
    rate: Factor = Decimal(1)
    on: Literal["mark", "entry"] = "mark"

    def compile(self, path: str, into: Compiling) -> Operator:
        """Return the operator with its numbers at :data:`RATE_SCALE`."""
        del path, into  # nothing here is in the asset's units
        default, rate = (to_scaled(number, RATE_DECIMALS) for number in (self.default, self.rate))
        return UserLeverage(default, rate, self.on == "entry")

    def pieces(self, level: LevelPieces) -> Pieces | None:
        """Return a line by the default leverage: what accounts choose is theirs."""
        del level
        rate, default = (to_scaled(number, RATE_DECIMALS) for number in (self.rate, self.default))
        return Pieces.line(Fraction(rate, default))


class UserLeverage:
    """Notional divided by a leverage."""

    __slots__ = ("_at_entry", "_default", "_rate")

    def __init__(self, default: int, rate: int, at_entry: bool) -> None:
        self._default = default
        self._rate = rate
        self._at_entry = at_entry

    def requirement(self, at: Exposure, trace: Trace | None = None) -> int:
        """Return notional × rate / leverage."""
        base = at.entry_base if self._at_entry else at.base
        leverage = at.leverage or self._default
        amount = up(base * self._rate * RATE_SCALE, leverage)
        if trace is not None:
            formula = f"up(notional * rate / leverage, {at.working})"
            step = trace.step("user leverage", formula)
            notional(step, at, at_entry=self._at_entry)
            step.value("rate", self._rate, RATE_DECIMALS)
            name = "leverage" if at.leverage else "default leverage"
            step.value("leverage", leverage, RATE_DECIMALS, name)
            step.finish(amount, at.working)
        return amount

    def bound(self, at: Exposure) -> Bound:
        """Return the requirement itself: it is in proportion to the notional."""
        follows = at.entry_moving or not self._at_entry
        return Bound(self.requirement(at) if follows else 0, 2)

    def function(self, at: Exposure) -> Pieces | None:
        """Return a line, or a constant where the notional is the entry's."""
        if self._at_entry:
            if at.entry_moving:
                return None
            return Pieces.line(Fraction(0), Fraction(self.requirement(at)))
        leverage = at.leverage or self._default
        return Pieces.line(Fraction(at.size * self._rate * RATE_SCALE, leverage))
