"""Which markets a loss came from: those that moved against what the account had at the beginning.

A loss is shared out in proportion to what each position (and each collateral) that was there at the
beginning would have lost since, at the mark of the moment. Positions that gained bear nothing.
"""

from fractions import Fraction

from clearing.engine.book import Book
from clearing.engine.collateral import balance_unit

NOWHERE = 0
"""Stands for the market of a loss that no move explains: it was there at the beginning."""


def shares_of(start: Book, now: Book, account: int, asset: int) -> dict[int, Fraction]:
    """Return what part of a loss each market bears, by ordinal; the parts sum to 1."""
    fallen = {
        market: -change for market, change in _changes(start, now, account, asset) if change < 0
    }
    total = sum(fallen.values())
    if not total:
        return {NOWHERE: Fraction(1)}
    return {market: Fraction(lost, total) for market, lost in sorted(fallen.items())}


def _changes(start: Book, now: Book, account: int, asset: int) -> list[tuple[int, int]]:
    """Return by how much what was there at the beginning changed, at the working scale."""
    scope = start.scopes.get((account, asset))
    if scope is None:
        return []
    sums: dict[int, int] = {}
    for ordinal, position in scope.positions.items():
        before = start.markets[ordinal]
        worth = before.worth_at(now.markets[ordinal].mark) if before.mark else 0
        sums[ordinal] = position.size * (worth - before.worth)
    policy = None if scope.rules is None else scope.rules.collateral
    for rule in () if policy is None else policy.rules:
        other = start.scopes.get((account, rule.asset))
        before, after = start.markets[rule.market], now.markets[rule.market]
        if other is not None and before.mark and after.mark:
            units = balance_unit(now, after, rule.asset) - balance_unit(start, before, rule.asset)
            sums[rule.market] = sums.get(rule.market, 0) + other.cash * units
    return list(sums.items())
