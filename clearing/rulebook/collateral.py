"""Collateral policies: what balances in other assets count for, and how unrealised PnL does.

A policy weighs what a scope has, level by level: a haircut is one minus a weight. The settlement
asset itself may be weighed too. What is owed counts in full at least.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from clearing.events.base import Fact
from clearing.events.fields import Name, NotNegativeAmount
from clearing.rulebook.fields import Factor, Share
from clearing.rulebook.operators import RATE_SCALE
from clearing.rulebook.pieces import Pieces, extreme, first_below, summed

DEFAULT_LEVEL: Final = "maintenance"
"""The level whose weight holds for every level that a table of weights does not name."""

_REQUIRED: Final = ("initial", "maintenance")


class WeightRow(Fact):
    """From ``floor`` (value in the settlement asset) on, each further unit counts ``weight``."""

    floor: NotNegativeAmount
    weight: Share


def _rows(value: Any) -> Any:
    """Let one weight stand for a table of one row."""
    if isinstance(value, list):
        return tuple(value)
    return (value,) if isinstance(value, dict) else ({"floor": "0", "weight": value},)


def _falls(rows: tuple[WeightRow, ...]) -> tuple[WeightRow, ...]:
    if rows[0].floor != 0:
        raise ValueError(f"0.floor: {rows[0].floor}; the first row starts at 0")
    for i, (lower, upper) in enumerate(pairwise(rows), start=1):
        if upper.floor <= lower.floor:
            raise ValueError(f"{i}.floor: {upper.floor} is not above {lower.floor}")
        if upper.weight > lower.weight:
            raise ValueError(f"{i}.weight: {upper.weight} is above {lower.weight}")
    return rows


Weights = Annotated[
    tuple[WeightRow, ...],
    BeforeValidator(_rows),
    Field(min_length=1, max_length=50),
    AfterValidator(_falls),
]
"""A weight, or marginal rows of them that do not rise with value."""


def _has_default(table: dict[str, Any]) -> dict[str, Any]:
    if DEFAULT_LEVEL not in table:
        raise ValueError(f"{DEFAULT_LEVEL}: is missing; it holds for every level not named")
    return table


def _at_least_one(value: Decimal) -> Decimal:
    if value < 1:
        raise ValueError(f"{value} must be at least 1: a debt counts in full")
    return value


LevelWeights = Annotated[dict[Name, Weights], Field(max_length=16), AfterValidator(_has_default)]
Liability = Annotated[Factor, AfterValidator(_at_least_one)]
Liabilities = Annotated[dict[Name, Liability], Field(max_length=16), AfterValidator(_has_default)]


class CollateralAsset(Fact):
    """What a balance of one asset counts for.

    ``market`` is the one whose mark prices the asset in the settlement asset (absent only for the
    settlement asset itself). A positive balance counts value × ``weights``, of at most ``cap``
    worth; a negative one (a debt) value × ``liabilities``. Both by level; ``maintenance`` holds for
    levels that are not named.
    """

    market: Name | None = None
    weights: LevelWeights
    liabilities: Liabilities = Field(default_factory=lambda: {DEFAULT_LEVEL: Decimal(1)})
    cap: NotNegativeAmount | None = None


class UnrealisedWeights(Fact):
    """How a position's unrealised PnL, accrued funding included, counts: gains and losses."""

    gain: Share = Decimal(1)
    loss: Liability = Decimal(1)


class CollateralDocument(Fact):
    """A collateral policy: assets by name, and weights of unrealised PnL by level.

    ``nested``: weights of PnL hold for each position's PnL less what its level asks for it, and the
    settlement asset's own for cash and all of that together. What then counts less what is asked is
    the health of a Mango v4 account (its ``health/cache.rs``).
    """

    assets: Annotated[dict[Name, CollateralAsset], Field(max_length=1000, default_factory=dict)]
    unrealised: Annotated[dict[Name, UnrealisedWeights], Field(max_length=16, default_factory=dict)]
    nested: bool = False

    @model_validator(mode="after")
    def _has_levels(self) -> Self:
        if self.unrealised and DEFAULT_LEVEL not in self.unrealised:
            raise ValueError(f"unrealised.{DEFAULT_LEVEL}: is missing; it holds for the others")
        return self


def weights_problems(policy: CollateralDocument) -> Iterator[str]:
    """Yield where more counts at initial than at maintenance, which would be liquidated at once."""
    for name, asset in policy.assets.items():
        lower, upper = (_counting(by_level(asset.weights, level)) for level in _REQUIRED)
        if first_below(upper, lower) is not None:
            yield f"assets.{name}.weights.initial: counts more than maintenance does"
        lower, upper = (by_level(asset.liabilities, level) for level in _REQUIRED)
        if lower < upper:
            yield f"assets.{name}.liabilities.initial: {lower} is below maintenance, {upper}"
    if policy.unrealised:
        initial, maintenance = (by_level(policy.unrealised, level) for level in _REQUIRED)
        if initial.gain > maintenance.gain:
            yield f"unrealised.initial.gain: {initial.gain} is above maintenance"
        if initial.loss < maintenance.loss:
            yield f"unrealised.initial.loss: {initial.loss} is below maintenance"


def _counting(rows: tuple[WeightRow, ...]) -> Pieces:
    """Return what a value counts for, by the value."""
    pieces, counted = [], Fraction(0)
    for i, row in enumerate(rows):
        pieces.append((Fraction(row.floor), counted, Fraction(row.weight)))
        if i + 1 < len(rows):
            counted += (Fraction(rows[i + 1].floor) - Fraction(row.floor)) * Fraction(row.weight)
    return Pieces(pieces)


class WeightTable:
    """Weights of one asset at one level: marginal rows of (floor in units, weight), and a cap.

    ``cap`` is in the settlement asset's units, None without; ``liability`` at
    :data:`~clearing.rulebook.RATE_SCALE`. ``steepest`` is the most that a unit of value counts.
    """

    __slots__ = ("cap", "liability", "rows", "steepest")

    def __init__(self, rows: list[tuple[int, int]], liability: int, cap: int | None) -> None:
        self.rows = rows
        self.liability = liability
        self.cap = cap
        self.steepest = max(rows[0][1], liability)

    def counted(self, value: int, lift: int) -> int:
        """Return what a value counts for, at the working scale, rounded down there.

        ``lift`` × one unit of the settlement asset is an amount at that scale.
        """
        if value < 0:
            return int(value * self.liability // RATE_SCALE)
        if self.cap is not None:
            value = min(value, self.cap * lift)
        total, above = 0, value
        for floor, weight in reversed(self.rows):
            start = floor * lift
            if above > start:
                total += (above - start) * weight
                above = start
        return int(total // RATE_SCALE)

    def function(self, units: int, lift: int) -> Pieces:
        """Return what ``units`` (signed) of the asset count for, by the worth of one unit.

        The worth is at the working scale divided by :data:`~clearing.rulebook.RATE_SCALE`.
        """
        if units <= 0:
            return Pieces.line(Fraction(units * self.liability))
        rows, value = [], Fraction(0)
        starts = [Fraction(floor * lift, RATE_SCALE) for floor, _ in self.rows]
        for i, (_, weight) in enumerate(self.rows):
            rows.append((Fraction(starts[i], units), value, Fraction(units * weight)))
            if i + 1 < len(starts):
                value += (starts[i + 1] - starts[i]) * weight
        counted = Pieces(rows)
        if self.cap is None:
            return counted
        most, _ = counted.at(Fraction(self.cap * lift, RATE_SCALE * units))
        return extreme([counted, Pieces.line(Fraction(0), most)], min)

    def applied_to(self, value: Pieces, lift: int) -> Pieces:
        """Return what ``value``, a function giving amounts at the working scale, counts for.

        Weights do not rise with value and a debt counts in full at least, so what counts is the
        least of the lines that the debt, the rows and the cap lie on.
        """
        lines = [value.scaled(Fraction(self.liability, RATE_SCALE))]
        counted = last_start = last_rate = Fraction(0)
        for floor, weight in self.rows:
            start, rate = Fraction(floor * lift), Fraction(weight, RATE_SCALE)
            counted += last_rate * (start - last_start)
            at_zero = Pieces.line(Fraction(0), counted - rate * start)
            lines.append(summed([value.scaled(rate), at_zero]))
            last_start, last_rate = start, rate
        if self.cap is not None:
            most = Fraction(self.counted(self.cap * lift, lift))
            lines.append(Pieces.line(Fraction(0), most))
        return extreme(lines, min)

    def releasable(self, balance: int, unit: int, lift: int, surplus: int, beside: int = 0) -> int:
        """Return how much of ``balance`` > 0 may go while what counts falls by ``surplus`` at most.

        ``unit`` is what one unit of the asset is worth at the working scale; ``beside`` counts
        together with the balance. What counts never grows when less is there, so the answer is
        found by halving.
        """
        if surplus < 0:
            return 0
        now = self.counted(beside + balance * unit, lift)
        least, most = 0, balance
        while least < most:
            part = (least + most + 1) // 2
            left = self.counted(beside + (balance - part) * unit, lift)
            if now - left <= surplus:
                least = part
            else:
                most = part - 1
        return least


class CollateralRule:
    """One asset of a policy: its price's market ordinal (0: the settlement asset) and tables.

    ``tables`` are in order of level; ``decimals`` are those at which a balance's value is exact.
    """

    __slots__ = ("asset", "decimals", "market", "tables")

    def __init__(self, asset: int, market: int, decimals: int, tables: list[WeightTable]) -> None:
        self.asset = asset
        self.market = market
        self.decimals = decimals
        self.tables = tables

    @property
    def steepest(self) -> int:
        """The most that a unit of value counts at any level."""
        return max(table.steepest for table in self.tables)


class CollateralPolicy:
    """What counts besides settlement cash, and weights (gain, loss) of unrealised PnL by level.

    ``nested`` as in :class:`CollateralDocument`. ``steepest`` is the most that a unit of PnL
    counts at any level, ``own_steepest`` the most that a unit of the settlement asset does.
    """

    __slots__ = ("nested", "own", "own_steepest", "rules", "steepest", "unrealised")

    def __init__(
        self, rules: list[CollateralRule], unrealised: list[tuple[int, int]], *, nested: bool
    ) -> None:
        self.rules = [rule for rule in rules if rule.market]
        self.own = next((rule for rule in rules if not rule.market), None)
        self.unrealised = unrealised
        self.nested = nested
        self.own_steepest = RATE_SCALE if self.own is None else self.own.steepest
        self.steepest = max(max(pair) for pair in unrealised)
        if nested:
            self.steepest = -(-self.steepest * self.own_steepest // RATE_SCALE)


def by_level(table: Mapping[str, Any], level: str) -> Any:
    """Return what a table holds for a level: its own, or the default's."""
    return table.get(level, table[DEFAULT_LEVEL])
