"""``tiers``: rates that rise with notional, marginal or for the whole of it."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from clearing.events.base import Fact
from clearing.events.fields import NotNegativeAmount
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Trace, to_scaled
from clearing.rulebook.fields import List, MarginRate
from clearing.rulebook.operators.base import (
    RATE_SCALE,
    Bound,
    Compiling,
    Exposure,
    LevelPieces,
    Operator,
    OperatorDocument,
    always_examine,
    notional,
    up,
)
from clearing.rulebook.pieces import Pieces


class TierRow(Fact):
    """From ``floor`` (notional in the settlement asset, inclusive) upwards the rate is ``rate``.

    ``amount`` is what venues publish beside a rate: requirement = notional × rate − amount.
    """

    floor: NotNegativeAmount
    rate: MarginRate
    amount: NotNegativeAmount | None = None


class TiersDocument(OperatorDocument):
    """Requirement by tiers of notional, at the mark or at the entry.

    ``marginal``: Σ over tiers of the part of notional within the tier × its rate, which is
    continuous; amounts may be left out, and where they stand they must be what the tiers below
    make them. ``whole``: the rate of the tier that holds the notional, for all of it, less the
    tier's amount if it has one.
    """

    op: Literal["tiers"] = "tiers"
    mode: Literal["marginal", "whole"] = "marginal"
    on: Literal["mark", "entry"] = "mark"
    tiers: Annotated[tuple[TierRow, ...], List, Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.tiers[0].floor != 0:
            raise ValueError(f"tiers.0.floor: {self.tiers[0].floor}; the first tier starts at 0")
        for i, (lower, upper) in enumerate(pairwise(self.tiers), start=1):
            if upper.floor <= lower.floor:
                raise ValueError(f"tiers.{i}.floor: {upper.floor} is not above {lower.floor}")
            if self.mode == "marginal" and upper.rate < lower.rate:
                raise ValueError(f"tiers.{i}.rate: {upper.rate} is below {lower.rate}")
        for i, (tier, amount) in enumerate(zip(self.tiers, self.amounts(), strict=True)):
            self._check_amount(f"tiers.{i}.amount", tier, amount)
        for i, (lower, upper) in enumerate(pairwise(self.tiers), start=1):
            before = upper.floor * lower.rate - (lower.amount or 0)
            if self.mode == "whole" and upper.floor * upper.rate - (upper.amount or 0) < before:
                raise ValueError(
                    f"tiers.{i}: asks less at notional {upper.floor} than the tier below it: a"
                    " larger position would be asked less than a smaller one"
                )
        return self

    def _check_amount(self, path: str, tier: TierRow, expected: Decimal) -> None:
        if tier.amount is None:
            return
        if self.mode == "marginal" and tier.amount != expected:
            right = expected.normalize()
            raise ValueError(f"{path}: {tier.amount}; the tiers below make it {right:f}")
        if tier.amount > tier.floor * tier.rate:
            raise ValueError(
                f"{path}: {tier.amount} makes the requirement at notional {tier.floor} negative"
            )

    def amounts(self) -> tuple[Decimal, ...]:
        """Return each tier's amount: as published, or what makes marginal tiers continuous."""
        if self.mode == "whole":
            return tuple(tier.amount or Decimal(0) for tier in self.tiers)
        amount, below, found = Decimal(0), Decimal(0), []
        for tier in self.tiers:
            amount += tier.floor * (tier.rate - below)
            below = tier.rate
            found.append(amount)
        return tuple(found)

    def compile(self, path: str, into: Compiling) -> Operator:
        """Return the tiers with floors in the asset's units."""
        floors = [into.units(f"{path}.tiers.{i}.floor", t.floor) for i, t in enumerate(self.tiers)]
        rates = [to_scaled(tier.rate, RATE_DECIMALS) for tier in self.tiers]
        at_entry = self.on == "entry"
        if self.mode == "marginal":
            return MarginalTiers(floors, rates, into.asset_decimals, at_entry)
        amounts = [
            into.units(f"{path}.tiers.{i}.amount", amount)
            for i, amount in enumerate(self.amounts())
        ]
        return WholeTiers(floors, rates, amounts, into.asset_decimals, at_entry)

    def pieces(self, level: LevelPieces) -> Pieces:
        """Return a line for each tier."""
        del level
        rows = []
        for tier, amount in zip(self.tiers, self.amounts(), strict=True):
            floor, rate = Fraction(tier.floor), Fraction(tier.rate)
            rows.append((floor, floor * rate - Fraction(amount), rate))
        return Pieces(rows)


class Tier:
    """One tier at a working scale: from ``floor`` on, requirement = base × rate − deduction.

    ``base`` and ``floor`` are notionals divided by :data:`RATE_SCALE`, so that base × rate is an
    amount without any division.
    """

    __slots__ = ("deduction", "floor", "rate")

    def __init__(self, floor: int, rate: int, deduction: int) -> None:
        self.floor = floor
        self.rate = rate
        self.deduction = deduction


class MarginalTiers:
    """Requirement by marginal tiers; a flat rate is one tier.

    ``floors`` are at ``floor_decimals`` (the settlement asset's), ``rates`` at
    :data:`RATE_SCALE`. The function is continuous and convex, and its slope never exceeds
    ``top_rate``: that is its bound. ``flat`` is the rate where there is only one tier, else 0.
    """

    __slots__ = (
        "_tiers",
        "_working",
        "at_entry",
        "flat",
        "floor_decimals",
        "floors",
        "rates",
        "top_rate",
    )

    def __init__(
        self, floors: list[int], rates: list[int], floor_decimals: int, at_entry: bool = False
    ) -> None:
        self.floors = floors
        self.rates = rates
        self.floor_decimals = floor_decimals
        self.at_entry = at_entry
        self.top_rate = max(rates)
        self.flat = rates[0] if len(rates) == 1 else 0
        self._working = -1
        self._tiers: list[Tier] = []

    def tiers(self, working: int) -> list[Tier]:
        """Return the tiers with floors and deductions at ``working`` decimals, highest first.

        ``working`` is at least ``floor_decimals`` + :data:`~clearing.events.kinds.RATE_DECIMALS`,
        so that floors divide exactly.
        """
        if self._working != working:
            lift: int = 10 ** (working - self.floor_decimals) // RATE_SCALE
            deduction, below, tiers = 0, 0, []
            for floor, rate in zip(self.floors, self.rates, strict=True):
                deduction += floor * lift * (rate - below)
                tiers.append(Tier(floor * lift, rate, deduction))
                below = rate
            tiers.reverse()
            self._tiers = tiers
            self._working = working
        return self._tiers

    def asked(self, base: int, working: int) -> int:
        """Return the exact requirement, at ``working`` decimals, of a notional.

        ``base`` (≥ 0) is the notional at that scale divided by :data:`RATE_SCALE`.
        """
        if self.flat:
            return base * self.flat
        for tier in self.tiers(working):
            if base >= tier.floor:
                return base * tier.rate - tier.deduction
        return 0

    def requirement(self, at: Exposure, trace: Trace | None = None) -> int:
        """Return notional × rate − deduction of the tier that holds the notional."""
        base = at.entry_base if self.at_entry else at.base
        amount = self.asked(base, at.working)
        if trace is None:
            return amount
        end = None
        for tier in self.tiers(at.working):
            if base >= tier.floor:
                return _traced(trace, at, tier, end, amount, self.at_entry)
            end = tier.floor
        raise AssertionError("the first tier begins at 0")

    def bound(self, at: Exposure) -> Bound:
        """Return the top rate of the notional that follows the mark."""
        return Bound((at.entry_moving if self.at_entry else at.base) * self.top_rate)

    def function(self, at: Exposure) -> Pieces | None:
        """Return a line for each tier, by where the position enters it."""
        tiers = [(t.floor, t.rate, t.deduction) for t in reversed(self.tiers(at.working))]
        return _lines(self, at, tiers)


class WholeTiers:
    """Requirement at the rate of the tier that holds the notional, for the whole of it.

    It jumps where one tier ends, so its bound holds within the present tier.
    """

    __slots__ = ("_amounts", "_decimals", "_rates", "at_entry", "floors")

    def __init__(
        self,
        floors: list[int],
        rates: list[int],
        amounts: list[int],
        decimals: int,
        at_entry: bool,
    ) -> None:
        self.floors = floors
        self._rates = rates
        self._amounts = amounts
        self._decimals = decimals
        self.at_entry = at_entry

    def _tier(self, base: int, working: int) -> tuple[Tier, int | None]:
        """Return the tier that holds ``base`` and where the next one begins."""
        lift: int = 10 ** (working - self._decimals)
        end = None
        for i in reversed(range(len(self.floors))):
            floor = self.floors[i] * lift // RATE_SCALE
            if base >= floor:
                return Tier(floor, self._rates[i], self._amounts[i] * lift), end
            end = floor
        raise AssertionError("the first tier begins at 0")

    def requirement(self, at: Exposure, trace: Trace | None = None) -> int:
        """Return notional × the tier's rate − its amount."""
        base = at.entry_base if self.at_entry else at.base
        tier, end = self._tier(base, at.working)
        amount = base * tier.rate - tier.deduction
        return amount if trace is None else _traced(trace, at, tier, end, amount, self.at_entry)

    def bound(self, at: Exposure) -> Bound:
        """Return the tier's rate of the notional, within the tier."""
        if self.at_entry and at.entry_moving:
            return always_examine(at)
        if self.at_entry or not at.size:
            return Bound(0)
        tier, end = self._tier(at.base, at.working)
        high = None if end is None else (end - 1) // at.size
        return Bound(at.base * tier.rate, 0, up(tier.floor, at.size), high)

    def function(self, at: Exposure) -> Pieces | None:
        """Return a line for each tier, by where the position enters it."""
        lift: int = 10 ** (at.working - self._decimals)
        rows = zip(self.floors, self._rates, self._amounts, strict=True)
        tiers = [(floor * lift // RATE_SCALE, rate, amount * lift) for floor, rate, amount in rows]
        return _lines(self, at, tiers)


def _lines(
    operator: MarginalTiers | WholeTiers, at: Exposure, tiers: list[tuple[int, int, int]]
) -> Pieces | None:
    """Return tiers of (floor, rate, deduction) as a function of the notional of one step."""
    if operator.at_entry:
        if at.entry_moving:
            return None
        return Pieces.line(Fraction(0), Fraction(operator.requirement(at)))
    if not at.size:
        return Pieces.line(Fraction(0))
    rows = []
    for floor, rate, deduction in tiers:
        row = (
            Fraction(floor, at.size),
            Fraction(floor * rate - deduction),
            Fraction(at.size * rate),
        )
        rows.append(row)
    return Pieces(rows)


def _traced(
    trace: Trace, at: Exposure, tier: Tier, end: int | None, amount: int, at_entry: bool
) -> int:
    """Leave the working of a tier's amount; ``end`` is where the next tier begins.

    The formula gives the amount only if the notional lies within the tier.
    """
    step = trace.step("tiers", "notional * rate - amount")
    notional(step, at, at_entry=at_entry)
    step.value("rate", tier.rate, RATE_DECIMALS)
    step.value("amount", tier.deduction, at.working)
    within = []
    if tier.floor:
        step.value("floor", tier.floor * RATE_SCALE, at.working, "where the tier begins")
        within.append("at_most(floor, notional)")
    if end is not None:
        step.value("next floor", end * RATE_SCALE, at.working, "where the next tier begins")
        within.append("below(notional, next_floor)")
    if within:
        step.formula = f"(notional * rate - amount) * {' * '.join(within)}"
    step.finish(amount, at.working)
    return amount
