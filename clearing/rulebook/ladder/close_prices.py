"""At which price a reduction closes: named rules, each a document and what it computes.

A rule says what the closed part fetches below its value at the close price (the mark, unless the
market has a price for that role). A new rule is a document and an operator here, a place in
:data:`ClosePriceDocument` and a scenario under ``tests/engine``.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Literal, Protocol, Self

from pydantic import Field, model_validator

from clearing.events.base import Fact
from clearing.events.fields import PositiveAmount
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Trace, to_scaled
from clearing.rulebook.fields import Factor, Share
from clearing.rulebook.ladder.pacing import Rising, RisingDocument
from clearing.rulebook.operators import RATE_SCALE


class Closing(Protocol):
    """A part that is being closed, as a price rule sees it; amounts at the working scale.

    ``notional`` is the part's at the close price, ``part`` its share of the position. ``equity`` is
    the scope's, ``maintenance`` what is asked of it, ``weight`` the position's share of that, and
    ``at_bankruptcy`` the part's share of the scope's full equity; ``elapsed`` the microseconds
    since the rung's condition holds.
    """

    @property
    def notional(self) -> int:
        """The part's notional at the close price."""

    @property
    def part(self) -> Fraction:
        """The part's share of the position."""

    @property
    def equity(self) -> int:
        """The scope's equity, as it counts at maintenance."""

    @property
    def maintenance(self) -> int:
        """The scope's maintenance requirement."""

    @property
    def weight(self) -> Fraction:
        """The position's share of the requirement."""

    @property
    def at_bankruptcy(self) -> Fraction:
        """The part's share of the scope's full equity."""

    @property
    def elapsed(self) -> int:
        """The microseconds since the rung's condition holds."""

    @property
    def working(self) -> int:
        """The decimals of the working scale."""

    def weight_lines(self, trace: Trace) -> None:
        """Leave the working of ``weight``."""

    def bankruptcy_lines(self, trace: Trace) -> None:
        """Leave the working of ``at_bankruptcy``."""


class ClosePrice(Protocol):
    """A price rule, ready to compute.

    ``floored``: the part never fetches less than its bankruptcy amount; else it may cost all of the
    scope's equity. ``overdraws``: it may cost more than that, and leave a debt. ``timed``: it
    depends on how long the rung's condition has held.
    """

    @property
    def floored(self) -> bool:
        """Whether the part's bankruptcy amount is the least that it fetches."""

    @property
    def overdraws(self) -> bool:
        """Whether the part may cost more than there is equity."""

    @property
    def timed(self) -> bool:
        """Whether ``elapsed`` matters."""

    def discount(self, at: Closing, trace: Trace | None = None) -> Fraction:
        """Return what the part fetches below its value (negative: above), at the working scale.

        With a ``trace``, leave the working as an input of it, ``discount``.
        """


class MarkPriceDocument(Fact):
    """The close price, less ``spread`` × notional; ``rising`` says how the spread grows in time.

    With ``floor`` ``none`` whoever takes gets that price however little equity is left: what the
    account then owes is its debt. Source: Drift v2, controller/liquidation (liquidate_perp).
    """

    op: Literal["mark"] = "mark"
    spread: Share = Decimal(0)
    rising: RisingDocument | None = None
    floor: Literal["equity", "none"] = "equity"
    tick: PositiveAmount | None = None

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.rising is not None and self.rising.most < self.spread:
            raise ValueError(f"rising.most: {self.rising.most} is below spread, {self.spread}")
        return self

    def compile(self) -> ClosePrice:
        """Return the rule."""
        rising = None if self.rising is None else Rising(self.rising)
        return _MarkPrice(to_scaled(self.spread, RATE_DECIMALS), rising, self.floor == "none")


class _MarkPrice:
    __slots__ = ("_rising", "_spread", "overdraws")

    floored = False

    def __init__(self, spread: int, rising: Rising | None, overdraws: bool) -> None:
        self._spread = spread
        self._rising = rising
        self.overdraws = overdraws

    @property
    def timed(self) -> bool:
        return self._rising is not None

    def discount(self, at: Closing, trace: Trace | None = None) -> Fraction:
        spread = self._spread
        if self._rising is not None:
            spread = self._rising.spread(spread, at.elapsed)
        discount = Fraction(at.notional * spread, RATE_SCALE)
        if trace is not None:
            lines = trace.step("discount", "notional * spread")
            lines.value("notional", at.notional, at.working, "at the close price")
            if self._rising is None:
                lines.value("spread", spread, RATE_DECIMALS, "rung.price.spread")
            else:
                rising = lines.step("spread")
                self._rising.explain(self._spread, at.elapsed, rising)
                rising.finish(spread, RATE_DECIMALS, "rung.price.rising")
            lines.finish_ratio(Fraction(discount, 10**at.working), "rung.price")
        return discount


class FillablePriceDocument(Fact):
    """A price that falls from the mark as equity falls below maintenance.

    The whole position goes for ``clamp(adjustment × (1 − equity / maintenance), 0, 1) × spread ×
    its maintenance`` less than its value. With ``floor`` ``bankruptcy`` a part never costs more
    than its share of the equity. Source: dYdX v4, x/clob/keeper/liquidations.go.
    """

    op: Literal["fillable"] = "fillable"
    adjustment: Factor = Decimal(1)
    spread: Factor
    floor: Literal["equity", "bankruptcy"] = "equity"
    tick: PositiveAmount | None = None

    def compile(self) -> ClosePrice:
        """Return the rule."""
        adjustment = Fraction(self.adjustment)
        return _FillablePrice(adjustment, Fraction(self.spread), self.floor == "bankruptcy")


class _FillablePrice:
    __slots__ = ("_adjustment", "_spread", "floored")

    overdraws = False
    timed = False

    def __init__(self, adjustment: Fraction, spread: Fraction, floored: bool) -> None:
        self.floored = floored
        self._adjustment = adjustment
        self._spread = spread

    def discount(self, at: Closing, trace: Trace | None = None) -> Fraction:
        if not at.maintenance:
            discount = Fraction(0)
        else:
            missing = self._adjustment * (1 - Fraction(at.equity, at.maintenance))
            share = min(max(missing, Fraction(0)), Fraction(1))
            discount = share * self._spread * at.weight * at.part
        if trace is not None:
            self._explain(at, discount, trace)
        return discount

    def _explain(self, at: Closing, discount: Fraction, trace: Trace) -> None:
        missing = "min(max(adjustment * (1 - equity / maintenance), 0), 1)"
        formula = f"{missing} * spread * weight * part" if at.maintenance else "0"
        lines = trace.step("discount", formula)
        lines.ratio("adjustment", self._adjustment, "rung.price.adjustment")
        lines.ratio("spread", self._spread, "rung.price.spread")
        lines.value("equity", at.equity, at.working, "as it counts at maintenance")
        lines.value("maintenance", at.maintenance, at.working)
        at.weight_lines(lines)
        lines.ratio("part", at.part, "the share of the position that is closed")
        lines.finish_ratio(Fraction(discount, 10**at.working), "rung.price")


class BankruptcyPriceDocument(Fact):
    """The price at which closing the whole scope would leave it with nothing."""

    op: Literal["bankruptcy"] = "bankruptcy"
    tick: PositiveAmount | None = None

    def compile(self) -> ClosePrice:
        """Return the rule."""
        return _BankruptcyPrice()


class _BankruptcyPrice:
    __slots__ = ()

    floored = False
    overdraws = False
    timed = False

    def discount(self, at: Closing, trace: Trace | None = None) -> Fraction:
        if trace is not None:
            lines = trace.step("discount", "at_bankruptcy")
            at.bankruptcy_lines(lines)
            lines.finish_ratio(Fraction(at.at_bankruptcy, 10**at.working), "rung.price")
        return at.at_bankruptcy


class RecordedPriceDocument(Fact):
    """What the venue's own liquidation fills fetch: the ledger waits for them and closes nothing.

    A fill whose cause is ``liquidation`` is posted while the rung is due; any other one deviates.
    What such a fill fetched below the part's bankruptcy amount is the ``account``'s, or is made up
    for by the ``waterfall``'s layers that pay. Source: dYdX v4, x/clob/keeper/liquidations.go.
    """

    op: Literal["recorded"] = "recorded"
    shortfall: Literal["account", "waterfall"] = "account"


ClosePriceDocument = Annotated[
    MarkPriceDocument | FillablePriceDocument | BankruptcyPriceDocument | RecordedPriceDocument,
    Field(discriminator="op"),
]
"""At which price a part is closed, told apart by ``op``."""
