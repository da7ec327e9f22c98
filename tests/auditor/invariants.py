"""What must hold of every book whatever happened: nothing is held, paid or owed by nobody.

The rules themselves could be wrong in both folds; these sums do not care about the rules.
"""

from collections import Counter
from fractions import Fraction

from tests.auditor.state import Book, Entry, Market


class Sums:
    """What the entries said of each market that its balances alone do not show."""

    def __init__(self) -> None:
        self.told: Counter[int] = Counter()
        self.fractions: dict[int, Fraction] = {}

    def add(self, kind: str, entries: list[Entry]) -> None:
        """Take up the entries of one event; ``kind`` is a reversal's target's, else its own."""
        for entry in entries:
            if entry[0] in ("fund", "transition", "liquidation"):
                kind = ""  # what follows is no longer the fact itself
            if entry[0] == "posting" and entry[1] == "funding" and kind == "FundingPaid":
                amount = int(entry[7])
                self.told[int(entry[8])] += amount if entry[5] == "funding" else -amount
            if entry[0] == "remainder":
                self._remainder(kind, entry)

    def _remainder(self, kind: str, entry: Entry) -> None:
        market, left = int(entry[2]), Fraction(str(entry[6]))
        if entry[1] == "funding" and kind != "FundingSettled":
            self.fractions[market] = self.fractions.get(market, Fraction(0)) + left


def problems(book: Book, sums: Sums) -> list[str]:
    """What does not add up, in words."""
    found = []
    totals: Counter[int] = Counter()
    for (_, _, asset), balance in book.balances.items():
        totals[asset] += balance
    found += [f"asset {asset}: balances sum to {t}" for asset, t in totals.items() if t]
    for market in book.markets:
        found += _market(book, market, sums)
    return found


def _market(book: Book, market: Market, sums: Sums) -> list[str]:
    held = [p for key, p in book.positions.items() if key[2] == market.ordinal]
    unit, found = book.unit(market.asset), []
    if size := sum(position.size for position in held):
        found.append(f"{market.name}: sizes sum to {size}")
    cost = sum(position.cost for position in held)
    clearing = book.balances.get(("clearing", market.ordinal, market.asset), 0)
    if cost + clearing != 0:
        found.append(f"{market.name}: costs {cost} and clearing {clearing} do not cancel")
    accrued = sum((book.accrued(market, position) for position in held), Fraction(0))
    gone = sums.fractions.get(market.ordinal, Fraction(0)) * unit
    paid = book.balances.get(("funding", market.ordinal, market.asset), 0)
    if sums.told[market.ordinal] - paid + accrued + gone != 0:
        found.append(f"{market.name}: funding paid {-paid}, accrued {accrued}, gone {gone}")
    return found
