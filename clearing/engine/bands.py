"""The banded watch: each scope holds, per market, a band of marks that cannot change its state.

For every boundary of a scope (initial margin, each rung's condition, an open call's level) the
surplus is S = equity − factor × requirement. Surpluses at or above zero guard against getting
worse, those below zero against getting better. Moving the mark of one position by one unit changes
S by at most |size| × unit × (1 + factor × top rate): a requirement is continuous in notional
and never rises faster than its top rate. So if each position may move by w with Σ w × slope ≤
|S| − 1, no boundary is crossed while every mark stays in its band, however many move. The budget is
shared so that every position may move by the same percentage.

While factor × top rate < 1, a long can only get worse when its mark falls and better when it rises
(a short the reverse), so each direction has its own budget; otherwise both use the smaller.

Bands hold against marks alone. Whatever else moves a surplus (cash, fills, funding, adoption, a
market's state, a call's time) has the scope tested, and a test sets its bands anew. They are a
cache: neither in snapshots nor in digests.
"""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import Final

from clearing.engine.book import Book, Market, Scope
from clearing.engine.valuation import Measure
from clearing.rulebook import RATE_SCALE, ClassRules

_SPARE: Final = 64

Band = tuple[int | None, int | None, int]
"""Lowest and highest mark that change nothing (None: no limit), and the version of the band."""


class _Edges:
    """One market's band edges: two heaps with stale entries removed as they surface."""

    __slots__ = ("bands", "high", "low", "version")

    def __init__(self) -> None:
        self.bands: dict[tuple[int, int], Band] = {}
        self.low: list[tuple[int, int, int, int]] = []
        self.high: list[tuple[int, int, int, int]] = []
        self.version = 0

    def put(self, key: tuple[int, int], low: int | None, high: int | None) -> None:
        """Give ``key`` a new band; its old edges become stale."""
        self.version += 1
        version = self.version
        self.bands[key] = (low, high, version)
        if low is not None:
            heappush(self.low, (-low, key[0], key[1], version))
        if high is not None:
            heappush(self.high, (high, key[0], key[1], version))
        if len(self.low) + len(self.high) > 4 * len(self.bands) + _SPARE:
            self.compact()

    def drop(self, key: tuple[int, int]) -> None:
        """Forget the band of ``key``."""
        self.bands.pop(key, None)

    def compact(self) -> None:
        """Rebuild both heaps from the bands that hold."""
        self.low = [(-b[0], *key, b[2]) for key, b in self.bands.items() if b[0] is not None]
        self.high = [(b[1], *key, b[2]) for key, b in self.bands.items() if b[1] is not None]
        heapify(self.low)
        heapify(self.high)

    def left_by(self, mark: int) -> set[tuple[int, int]]:
        """Return (and forget) the keys whose band does not contain ``mark``."""
        found: set[tuple[int, int]] = set()
        bands = self.bands
        low, high = self.low, self.high
        while low and -low[0][0] > mark:
            _, account, asset, version = heappop(low)
            band = bands.get((account, asset))
            if band is not None and band[2] == version:
                found.add((account, asset))
        while high and high[0][0] < mark:
            _, account, asset, version = heappop(high)
            band = bands.get((account, asset))
            if band is not None and band[2] == version:
                found.add((account, asset))
        for key in found:
            del bands[key]
        return found


class BandedWatch:
    """Examines the scopes whose band the mark left, and no others."""

    __slots__ = ("_edges", "_held", "examinations")

    def __init__(self) -> None:
        self._edges: dict[int, _Edges] = {}
        self._held: dict[tuple[int, int], tuple[int, ...]] = {}
        self.examinations = 0

    def on_mark(self, market: Market, before: int) -> Iterable[Scope]:
        """Return the scopes whose band does not contain the new mark; at a first mark, all."""
        if not before:
            return list(market.holders.values())
        edges = self._edges.get(market.ordinal)
        if edges is None:
            return []
        holders = market.holders
        return [
            holders[account]
            for account, asset in edges.left_by(market.mark)
            if account in holders and asset == market.asset
        ]

    def examined(self, book: Book, scope: Scope, now: Measure) -> None:
        """Set the bands of ``scope`` from what its test found."""
        self.examinations += 1
        key = (scope.account, scope.asset)
        rules = scope.rules
        held: list[int] = []
        if rules is not None and scope.positions:
            held = self._set(book, scope, rules, now, key)
        for ordinal in self._held.pop(key, ()):
            if ordinal not in held:
                self._edges[ordinal].drop(key)
        if held:
            self._held[key] = tuple(held)

    def _set(
        self, book: Book, scope: Scope, rules: ClassRules, now: Measure, key: tuple[int, int]
    ) -> list[int]:
        worse, better = _surpluses(scope, rules, now)
        moving: list[tuple[Market, bool]] = []
        weight = 0
        monotone = True
        for ordinal, position in scope.positions.items():
            market = book.markets[ordinal]
            mark = market.mark
            if mark:
                reach = rules.reach(ordinal)
                monotone = monotone and reach < RATE_SCALE
                size = position.size
                weight += abs(size) * market.unit * (RATE_SCALE + reach) * mark
                moving.append((market, size > 0))
        if not monotone:
            worse = better = _smaller(worse, better)
        for market, long in moving:
            down, up = (worse, better) if long else (better, worse)
            mark = market.mark
            low = None if down is None else mark - down * mark // weight
            high = None if up is None else mark + up * mark // weight
            self._market(market.ordinal).put(key, low, high)
        return [market.ordinal for market, _ in moving]

    def _market(self, ordinal: int) -> _Edges:
        edges = self._edges.get(ordinal)
        if edges is None:
            edges = self._edges[ordinal] = _Edges()
        return edges


def _smaller(a: int | None, b: int | None) -> int | None:
    if a is None:
        return b
    return a if b is None else min(a, b)


def _surpluses(scope: Scope, rules: ClassRules, now: Measure) -> tuple[int | None, int | None]:
    """Return what may be lost and what gained before a boundary is met.

    Both at the working scale × :data:`RATE_SCALE`, one unit given away for strictness; None where
    there is no boundary on that side.
    """
    equity = now.equity * RATE_SCALE
    initial, maintenance = now.initial, now.maintenance
    surpluses = [
        equity,
        *[equity - factor * initial for factor in rules.initial_factors],
        *[equity - factor * maintenance for factor in rules.maintenance_factors],
    ]
    if scope.call is not None:
        surpluses.append(equity - RATE_SCALE * now.level(scope.call.level))
    worse = min([surplus for surplus in surpluses if surplus >= 0], default=None)
    better = max([surplus for surplus in surpluses if surplus <= 0], default=None)
    return (
        None if worse is None else max(worse - 1, 0),
        None if better is None else max(-better - 1, 0),
    )
