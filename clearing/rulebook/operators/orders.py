"""``with_orders``, ``worst_side``, ``orders``: what open orders may make of a position."""

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, Self

from pydantic import model_validator

from clearing.events.fields import NotNegativeAmount
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Trace, format_exact, to_scaled
from clearing.rulebook.fields import Factor
from clearing.rulebook.operators.base import (
    RATE_SCALE,
    Bound,
    Compiling,
    Exposure,
    LevelPieces,
    Operator,
    OperatorDocument,
)
from clearing.rulebook.pieces import Pieces, extreme

if TYPE_CHECKING:
    from clearing.rulebook.operators import LevelDocument


class WithOrdersDocument(OperatorDocument):
    """Requirement = ``of`` for the larger of the sizes that all buys or all sells would make."""

    op: Literal["with_orders"] = "with_orders"
    of: "LevelDocument"

    def compile(self, path: str, into: Compiling) -> Operator:
        """Return the operator around the compiled part."""
        return WithOrders(self.of.compile(f"{path}.of", into))

    def pieces(self, level: LevelPieces) -> Pieces | None:
        """Return the part's function: what is asked without orders."""
        return self.of.pieces(level)

    def parts(self) -> tuple[OperatorDocument, ...]:
        """Return what is asked with orders."""
        return (self.of,)


class WithOrders:
    """A requirement at the worst size."""

    __slots__ = ("_of",)

    def __init__(self, of: Operator) -> None:
        self._of = of

    @staticmethod
    def _worst(at: Exposure) -> Exposure:
        signed = at.size if at.long else -at.size
        bought, sold = signed + at.buys, signed - at.sells
        size = bought if abs(bought) >= abs(sold) else sold
        return at.resized(abs(size), size >= 0)

    def requirement(self, at: Exposure, trace: Trace | None = None) -> int:
        """Return what is asked of the worst size."""
        step = None
        worst = self._worst(at)
        if trace is not None:
            step = trace.step("with orders", "sum(inputs)")
        amount = self._of.requirement(worst, step)
        if step is not None:
            size = format_exact(worst.size, at.size_decimals)
            step.finish(amount, at.working, f"at {size}, the worst size that orders may make")
        return amount

    def bound(self, at: Exposure) -> Bound:
        """Return the part's bound at the worst size, which marks do not change."""
        return self._of.bound(self._worst(at))

    def function(self, at: Exposure) -> Pieces | None:
        """Return the part's function at the worst size."""
        return self._of.function(self._worst(at))


class WorstSideDocument(OperatorDocument):
    """Requirement = the greater of ``long``, asked of a long position and buys, and ``short``.

    Each side sees only its own part of the position (nothing if it is on the other) and its own
    orders; ``orders`` inside it charges those.
    """

    op: Literal["worst_side"] = "worst_side"
    long: "LevelDocument"
    short: "LevelDocument"

    def compile(self, path: str, into: Compiling) -> Operator:
        """Return the operator around both compiled sides."""
        return WorstSide(
            self.long.compile(f"{path}.long", into), self.short.compile(f"{path}.short", into)
        )

    def pieces(self, level: LevelPieces) -> Pieces | None:
        """Return the lesser side: what is asked at least, without orders."""
        long, short = self.long.pieces(level), self.short.pieces(level)
        if long is None or short is None:
            return None
        return extreme([long, short], min)

    def parts(self) -> tuple[OperatorDocument, ...]:
        """Return both sides."""
        return (self.long, self.short)


class WorstSide:
    """The greater of two sides' requirements."""

    __slots__ = ("_long", "_short")

    def __init__(self, long: Operator, short: Operator) -> None:
        self._long = long
        self._short = short

    @staticmethod
    def _sides(at: Exposure) -> tuple[Exposure, Exposure]:
        return (
            at.resized(at.size if at.long else 0, True, buys=at.buys),
            at.resized(0 if at.long else at.size, False, sells=at.sells),
        )

    def requirement(self, at: Exposure, trace: Trace | None = None) -> int:
        """Return the greater of what both sides ask."""
        step = None if trace is None else trace.step("worst side", "max(inputs)")
        asked = []
        for name, side, operator in zip(
            ("long", "short"), self._sides(at), (self._long, self._short), strict=True
        ):
            one = None if step is None else step.step(name, "sum(inputs)")
            asked.append(operator.requirement(side, one))
            if one is not None:
                one.finish(asked[-1], at.working)
        amount = max(asked)
        if step is not None:
            step.finish(amount, at.working)
        return amount

    def bound(self, at: Exposure) -> Bound:
        """Return the wider of both sides' bounds, where both hold."""
        long, short = self._sides(at)
        one, other = self._long.bound(long), self._short.bound(short)
        return one.narrowed(other, max(one.steep, other.steep), max(one.slack, other.slack))

    def function(self, at: Exposure) -> Pieces | None:
        """Return the greater of both sides' functions."""
        long, short = self._sides(at)
        one, other = self._long.function(long), self._short.function(short)
        return None if one is None or other is None else extreme([one, other], max)


class OrdersDocument(OperatorDocument):
    """Requirement = ``rate`` × the notional of open orders at the mark, buys and sells.

    And ``amount`` for each side that has any.
    """

    op: Literal["orders"] = "orders"
    rate: Factor | None = None
    amount: NotNegativeAmount = Decimal(0)

    @model_validator(mode="after")
    def _asks(self) -> Self:
        if self.rate is None and not self.amount:
            raise ValueError("rate: or amount must be given, or nothing is asked")
        return self

    def compile(self, path: str, into: Compiling) -> Operator:
        """Return the operator with its rate at :data:`RATE_SCALE`, its amount in units."""
        rate = 0 if self.rate is None else to_scaled(self.rate, RATE_DECIMALS)
        return Orders(rate, into.units(f"{path}.amount", self.amount))

    def pieces(self, level: LevelPieces) -> Pieces:
        """Return nothing asked: there need not be orders."""
        del level
        return Pieces.line(Fraction(0))


class Orders:
    """A rate of the notional of open orders, and an amount for each side that has any."""

    __slots__ = ("_rate", "_units")

    def __init__(self, rate: int, units: int) -> None:
        self._rate = rate
        self._units = units

    def _fixed(self, at: Exposure) -> int:
        return (bool(at.buys) + bool(at.sells)) * self._units * at.lift

    def requirement(self, at: Exposure, trace: Trace | None = None) -> int:
        """Return rate × notional of the orders, and the amounts."""
        base = (at.buys + at.sells) * at.step_base
        fixed = self._fixed(at)
        amount = base * self._rate + fixed
        if trace is not None:
            step = trace.step("orders", "(buys + sells) * value_of_one * rate + by_side")
            step.value("buys", at.buys, at.size_decimals)
            step.value("sells", at.sells, at.size_decimals)
            one = at.step_base * RATE_SCALE * 10**at.size_decimals
            step.value("value of one", one, at.working, "at the mark, unsigned")
            step.value("rate", self._rate, RATE_DECIMALS)
            step.value("by side", fixed, at.working, "an amount for each side with orders")
            step.finish(amount, at.working)
        return amount

    def bound(self, at: Exposure) -> Bound:
        """Return what is in proportion to the notional; the amounts stay."""
        return Bound(self.requirement(at) - self._fixed(at))

    def function(self, at: Exposure) -> Pieces:
        """Return a line."""
        slope = Fraction((at.buys + at.sells) * self._rate)
        return Pieces.line(slope, Fraction(self._fixed(at)))
