"""Figures that people read a margin state by: what is free, what may leave, and the usual ratios.

A ratio is a fraction of two amounts, never divided here; None where its denominator is zero. The
names and formulas are the common ones of venues and lenders; each says its own.
"""

from collections.abc import Iterable

from clearing.engine.book import Book
from clearing.engine.collateral import balance_unit, value_of
from clearing.engine.nested import nested_sums
from clearing.engine.requirements import bears_margin
from clearing.engine.scope import Scope
from clearing.engine.valuation import Measure, gains_of, measure, position_value
from clearing.rulebook import INITIAL, MAINTENANCE

Ratio = tuple[int, int]
"""Numerator and denominator (> 0), amounts at one scale."""


class MarginFigures:
    """A scope's figures at one moment, at its asset's working scale.

    ``free_margin`` = equity that counts at initial − initial margin; negative if it is missed.
    ``margin_level`` = equity / used (initial) margin, usually shown in per cent.
    ``margin_ratio`` = maintenance margin / equity that counts for it; liquidation begins at 1.
    ``health_factor`` = what is owned, as it counts at maintenance / (what is owed, as it counts, +
    maintenance margin); liquidation begins at 1, more is better.
    ``collateralisation`` = value of what is owned / value of what is owed.
    ``effective_leverage`` = notional / equity.
    """

    __slots__ = (
        "collateralisation",
        "effective_leverage",
        "free_margin",
        "health_factor",
        "margin_level",
        "margin_ratio",
    )

    def __init__(self, book: Book, scope: Scope, now: Measure) -> None:
        self.free_margin = now.surplus(INITIAL)
        self.margin_level = _ratio(now.equity, now.initial)
        self.margin_ratio = _ratio(now.maintenance, now.counted(MAINTENANCE))
        owned, owed = _sides(_parts(book, scope))
        self.collateralisation = _ratio(owned, -owed)
        counted, owing = _counted_sides(book, scope, now)
        self.health_factor = _ratio(counted, owing + now.maintenance)
        notional = sum(
            abs(position_value(book.markets[ordinal], position))
            for ordinal, position in scope.positions.items()
        )
        self.effective_leverage = _ratio(notional, now.equity)


def _ratio(numerator: int, denominator: int) -> Ratio | None:
    return (numerator, denominator) if denominator > 0 else None


def _parts(book: Book, scope: Scope) -> list[int]:
    """Return the value of each balance of the scope: its cash, and its collateral's assets."""
    parts = [scope.cash * book.assets[scope.asset].lift]
    if scope.rules is not None and scope.rules.collateral is not None:
        parts += [value_of(book, scope, rule) for rule in scope.rules.collateral.rules]
    return parts


def _sides(parts: Iterable[int]) -> tuple[int, int]:
    """Return the sum of the positive parts and that of the negative ones."""
    found = list(parts)
    return sum(p for p in found if p > 0), sum(p for p in found if p < 0)


def _counted_sides(book: Book, scope: Scope, now: Measure) -> tuple[int, int]:
    """Return what is owned, as it counts at maintenance, and what is owed (≥ 0).

    Unrealised PnL is part of what is owned, be it a loss: it is no debt until it is realised.
    """
    lift = book.assets[scope.asset].lift
    policy = None if scope.rules is None else scope.rules.collateral
    owing = 0
    cash = scope.cash * lift
    if policy is None:
        owing = max(-cash, 0)
    else:
        pairs = [(rule, value_of(book, scope, rule)) for rule in policy.rules]
        if policy.own is not None:
            pairs.append((policy.own, cash))
        else:
            owing = max(-cash, 0)
        for rule, value in pairs:
            if value < 0:
                owing -= rule.tables[MAINTENANCE].counted(value, lift)
    return now.counted(MAINTENANCE) + owing, owing


def margin_figures(book: Book, scope: Scope) -> MarginFigures:
    """Return the figures of a scope as its book stands."""
    return MarginFigures(book, scope, measure(book, scope))


def withdrawable(book: Book, scope: Scope) -> int:
    """Return what may leave a scope's cash, in its asset's units, rounded down.

    Where nothing is asked: all of it. Else as much as keeps the equity that counts at initial
    margin from falling below it: of settlement cash min(cash, equity − initial), of a collateral
    asset by its weight there. Never less than 0.
    """
    target = scope if scope.secures is None else scope.secures
    cash, rules = max(scope.cash, 0), target.rules
    if not target.positions and (rules is None or not bears_margin(book, target, rules)):
        return cash
    surplus = measure(book, target).surplus(INITIAL)
    asset = book.assets[target.asset]
    policy = None if rules is None else rules.collateral
    if scope is target:
        if policy is None or policy.own is None:
            return max(0, min(cash, surplus // asset.lift))
        beside = 0
        if policy.nested:
            sums = nested_sums(book, target, policy, gains_of(book, target))
            beside = sums[INITIAL].total - cash * asset.lift
        table = policy.own.tables[INITIAL]
        return table.releasable(cash, asset.lift, asset.lift, surplus, beside)
    if policy is None:
        return cash
    for rule in policy.rules:
        market = book.markets[rule.market]
        if rule.asset == scope.asset and market.mark:
            unit = balance_unit(book, market, rule.asset)
            return rule.tables[INITIAL].releasable(cash, unit, asset.lift, surplus)
    return cash
