"""Who has what of an asset, so that nothing is left over: lines that sum to zero, book by book.

Accounts and funds have their equity in the asset itself (cash, unrealised PnL, accrued funding).
Positions that no account holds stand as ``unmatched sides``; what markets owe to positions is in
those lines already, so that of their funding accounts only what rounding left remains. Every other
ledger account stands with its balance.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from clearing.engine.book import Book
from clearing.engine.valuation import accrued_funding, equity_of, unrealised
from clearing.quantities import format_exact

Exact = tuple[int, int]
"""An amount and its decimals."""

ROUNDED: Final = "funding remainders"
UNMATCHED: Final = "unmatched sides"


@dataclass(frozen=True, slots=True)
class HouseLine:
    """One line of the difference between two books in one asset: b − a, exact."""

    asset: str
    line: str
    difference: str


def difference(a: Exact, b: Exact) -> str:
    """Return b − a as an exact decimal, whatever their decimals."""
    decimals = max(a[1], b[1])
    lifted = [value * 10 ** (decimals - own) for value, own in (a, b)]
    return format_exact(lifted[1] - lifted[0], decimals)


def exact_text(value: Fraction) -> str:
    """Write a sum of exact decimals."""
    decimals = 0
    while 10**decimals % value.denominator:
        decimals += 1
    return format_exact(value.numerator * 10**decimals // value.denominator, decimals)


def shares(book: Book) -> dict[tuple[int, str], Exact]:
    """Return who has what, by (asset ordinal, line); the lines of an asset sum to zero."""
    found: dict[tuple[int, str], int] = {}

    def add(asset: int, line: str, amount: int) -> None:
        found[asset, line] = found.get((asset, line), 0) + amount

    for key, scope in sorted(book.scopes.items()):
        line = "funds" if book.is_fund(key[0]) else "accounts"
        add(key[1], line, equity_of(book, scope))
    for (kind, _, asset), units in sorted(book.balances.items()):
        line = ROUNDED if kind == "funding" else kind
        if kind != "clearing":
            add(asset, line, units * book.assets[asset].lift)
    for market in book.markets.values():
        settled = book.assets[market.asset]
        for house in market.houses.values():
            owed = accrued_funding(market, house) * market.funding_lift
            add(market.asset, UNMATCHED, unrealised(settled, market, house) + owed)
            add(market.asset, ROUNDED, -owed)
        for scope in market.holders.values():
            position = scope.positions[market.ordinal]
            add(market.asset, ROUNDED, -accrued_funding(market, position) * market.funding_lift)
    return {key: (amount, book.assets[key[0]].working) for key, amount in found.items()}


def house_lines(a: Book, b: Book) -> Iterable[HouseLine]:
    """Return the lines whose share differs between two books, by asset."""
    one, other = shares(a), shares(b)
    for asset, line in sorted({*one, *other}):
        key = (asset, line)
        text = difference(one.get(key, (0, 0)), other.get(key, (0, 0)))
        if text != "0":
            yield HouseLine(b.registry.asset(asset).name, line, text)
