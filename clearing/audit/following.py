"""Following an account through its entries: what was posted, what was filled, and at which mark.

An account's position changes by a fill in three lines: what was realised, what an average entry's
rounding left, and the position after it. What the fill did to equity is what was realised and what
unrealised PnL changed by at the mark in force: size × (mark − price), whatever the cost was.
"""

from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final

from clearing.engine import Entry
from clearing.engine.book import Book
from clearing.events import EventRow
from clearing.events.kinds import CAUSES, Kind

FOLLOWED: Final = ("posting", "position", "closed", "remainder", "per_unit")
"""The kinds of entry that are followed, as :meth:`Follower.row` takes them."""

_OWN: Final = ("account", "pending")
_REALISING: Final = ("realised_pnl", "cost_basis")
_CAUSES: Final[dict[int, str]] = {
    Kind.PositionCarried: "carried",
    Kind.MarketSettled: "settlement",
    Kind.Reversed: "reversal",
}
_LAST: Final = 15  # the bits of a row's flags that hold one side's cause


class Fills:
    """Fills of one market and cause: how many, sizes bought and sold, their gain on the marks.

    Sizes are unsigned, at the market's size decimals; the gain is exact, in whole units.
    """

    __slots__ = ("against_mark", "bought", "count", "sold")

    def __init__(self) -> None:
        self.count = self.bought = self.sold = 0
        self.against_mark = Fraction(0)


class Follower:
    """What moved of one account, added up over entries in the order in which they were made.

    ``posted`` are units by (ledger, asset, purpose, market) with their ``counts``; ``fills`` by
    (market, cause); ``remainders`` exact amounts by (operation, market, cause, asset), the cause
    being that of the fill whose cost was rounded; ``shared`` by market. Names are ordinals.
    ``book`` says what markets are worth, ``held`` what the account held before the first entry.
    """

    def __init__(self, account: int, book: Book, held: Book) -> None:
        self.account = account
        self.posted: Counter[tuple[str, int, str, int]] = Counter()
        self.counts: Counter[tuple[str, int, str, int]] = Counter()
        self.fills: dict[tuple[int, str], Fills] = {}
        self.remainders: dict[tuple[str, int, str, int], Fraction] = {}
        self.shared: dict[int, Fraction] = {}
        self._book = book
        self._marks = {ordinal: market.mark for ordinal, market in held.markets.items()}
        self._held: dict[int, tuple[int, int]] = {
            market: (position.size, position.cost)
            for (who, _), scope in held.scopes.items()
            if who == account
            for market, position in scope.positions.items()
        }
        self._realised: Counter[int] = Counter()
        self._left: dict[int, Fraction] = {}
        self._own: dict[int, str] = {}
        self._taken: dict[int, str] = {}
        self._by_kind: dict[str, Callable[..., None]] = {
            "posting": self._posting,
            "position": self._position,
            "closed": self._closed,
            "remainder": self._remainder,
            "per_unit": self._per_unit,
        }

    def row(self, kind: str, values: Any) -> None:
        """Take up a row of a history, one of :data:`FOLLOWED`, by its values."""
        self._by_kind[kind](*values)

    def event(self, row: EventRow, entries: list[Entry]) -> None:
        """Take up an event's entries."""
        told: list[tuple[Any, ...]] = list(entries)
        for entry in told:
            kind = entry[0]
            if kind == "posting":
                self._both_sides(entry)
            elif kind == "position" and entry[1:3] == ("account", self.account):
                market = int(entry[3])
                event = (row.kind, row.flags, row.account, row.contra)
                self._position(market, entry[4], entry[5], self._marks.get(market), *event)
            elif kind == "closed" and self.account in (entry[1], entry[5]):
                self._closed(entry[1], entry[3], entry[4], entry[5])
            elif kind == "remainder" and entry[4:6] == ("account", self.account):
                self._remainder(entry[1], entry[2], entry[3], entry[6])
            elif kind == "per_unit":
                self._per_unit(entry[2], entry[5])
            elif kind == "mark" and entry[3]:
                self._marks[int(entry[1])] = int(entry[2])

    def _both_sides(self, entry: tuple[Any, ...]) -> None:
        _, purpose, asset, payer_kind, payer, payee_kind, payee, amount, market = entry
        for kind, who, sign in ((payer_kind, payer, -1), (payee_kind, payee, 1)):
            if kind in _OWN and who == self.account:
                self._posting(kind, asset, sign * int(amount), purpose, market)

    def _posting(self, ledger: str, asset: int, amount: Any, purpose: str, market: int) -> None:
        units = int(amount)
        self.posted[ledger, asset, purpose, market] += units
        self.counts[ledger, asset, purpose, market] += 1
        if purpose in _REALISING:
            self._realised[market] += units

    def _position(
        self,
        market: int,
        size: Any,
        cost: Any,
        mark: Any,
        kind: int,
        flags: int,
        account: int,
        contra: int,
    ) -> None:
        before = self._held.get(market, (0, 0))
        after = (int(size), int(cost))
        self._held[market] = after
        realised = self._realised.pop(market, 0)
        change = after[0] - before[0]
        if not change:
            return
        cause = self._cause(market, change, kind, flags, account, contra)
        fills = self.fills.setdefault((market, cause), Fills())
        fills.count += 1
        fills.bought += max(change, 0)
        fills.sold += max(-change, 0)
        asset = self._book.assets[self._book.markets[market].asset]
        gained = self._unrealised(market, after, mark) - self._unrealised(market, before, mark)
        fills.against_mark += Fraction(gained + realised * asset.lift, 10**asset.working)
        left = self._left.pop(market, None)
        if left is not None:
            key = ("fill_cost", market, cause, asset.ordinal)
            self.remainders[key] = self.remainders.get(key, Fraction(0)) + left

    def _unrealised(self, market: int, held: tuple[int, int], mark: Any) -> int:
        """Return what a position gains at a mark, at the working scale; 0 without a mark."""
        if not mark:
            return 0
        place = self._book.markets[market]
        lift = self._book.assets[place.asset].lift
        return held[0] * place.worth_at(int(mark)) - held[1] * lift

    def _cause(
        self, market: int, change: int, kind: int, flags: int, account: int, contra: int
    ) -> str:
        if market in self._own:
            self._own.pop(market)
            return "liquidation"
        if market in self._taken:
            return "adl" if self._taken.pop(market) == "adl" else "takeover"
        if kind == Kind.Filled and account == self.account:
            return CAUSES[flags & _LAST]
        if kind == Kind.Traded and self.account == (account if change > 0 else contra):
            return CAUSES[(flags if change > 0 else flags >> 4) & _LAST]
        return _CAUSES.get(kind, "trade")

    def _closed(self, account: int, market: int, layer: str, taker: int) -> None:
        if account == self.account:
            self._own[market] = layer
        if taker == self.account:
            self._taken[market] = layer

    def _remainder(self, operation: str, market: int, asset: int, amount: str) -> None:
        exact = Fraction(amount)
        if operation == "fill_cost" and not self._book.markets[market].spec.base_asset:
            self._left[market] = self._left.get(market, Fraction(0)) + exact
            return
        key = (operation, market, "", asset)
        self.remainders[key] = self.remainders.get(key, Fraction(0)) + exact

    def _per_unit(self, market: int, each: str) -> None:
        size = abs(self._held.get(market, (0, 0))[0])
        if not size:
            return
        place = self._book.markets[market]
        exact = size * Fraction(each) / 10**place.spec.size_decimals
        self.shared[market] = self.shared.get(market, Fraction(0)) - exact
