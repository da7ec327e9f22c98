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
market's state, a call's time) asks for a test, and a test sets the bands anew. Most of these tests
would find a healthy scope as healthy as before. The same bands prove it: equity − the most that any
boundary asks is monotone in each mark, so a scope that could meet all boundaries with every mark at
the losing edge of its band meets them wherever the marks are in their bands. That needs one product
per position instead of a whole test and new bands. Part of a healthy scope's budget is kept back
from its bands for this, or the first fee would use it up.

Bands are a cache: neither in snapshots nor in digests.
"""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import Final

from clearing.engine.acting import short_of
from clearing.engine.book import Book
from clearing.engine.collateral import value_of
from clearing.engine.market import Market
from clearing.engine.requirements import bears_margin, exposure_of, margined_markets
from clearing.engine.scope import Scope
from clearing.engine.valuation import Measure
from clearing.rulebook import RATE_SCALE, Bound, ClassRules, Exposure, always_examine

_SPARE: Final = 64
_RESERVE: Final = 4
"""One part in this many of a healthy scope's budget is kept back from its bands, for fills."""


class _Edges:
    """One market's band edges: two heaps with stale entries removed as they surface.

    A market settles in one asset, so an account has one band here; ``versions`` has the version of
    the one that holds. Entries are a mark (negated among the low ones), a version, an account.
    """

    __slots__ = ("high", "low", "version", "versions")

    def __init__(self) -> None:
        self.versions: dict[int, int] = {}
        self.low: list[tuple[int, int, int]] = []
        self.high: list[tuple[int, int, int]] = []
        self.version = 0

    def put(self, account: int, low: int | None, high: int | None) -> None:
        """Give ``account`` a new band (None: no limit on that side); its old edges become stale."""
        self.version = version = self.version + 1
        self.versions[account] = version
        if low is not None:
            heappush(self.low, (-low, version, account))
        if high is not None:
            heappush(self.high, (high, version, account))
        if len(self.low) + len(self.high) > 4 * len(self.versions) + _SPARE:
            self.compact()

    def drop(self, account: int) -> None:
        """Forget the band of ``account``."""
        self.versions.pop(account, None)

    def compact(self) -> None:
        """Rebuild both heaps from the bands that hold."""
        version_of = self.versions.get
        self.low = [entry for entry in self.low if version_of(entry[2]) == entry[1]]
        self.high = [entry for entry in self.high if version_of(entry[2]) == entry[1]]
        heapify(self.low)
        heapify(self.high)

    def left_by(self, mark: int) -> list[int]:
        """Return (and forget) the accounts whose band does not contain ``mark``."""
        found: list[int] = []
        for heap, limit in ((self.low, -mark), (self.high, mark)):
            while heap and heap[0][0] < limit:
                _, version, account = heappop(heap)
                if self.versions.get(account) == version:
                    del self.versions[account]
                    found.append(account)
        return found


class _Term:
    """One position's share in what keeps a scope healthy.

    ``worth`` is its market's at the edge of its band where the scope loses, ``asked`` the most that
    any boundary asks there of a position of ``size`` (0: not computed yet), at the working scale ×
    :data:`RATE_SCALE`.
    """

    __slots__ = ("asked", "long", "size", "worth")

    def __init__(self, worth: int, long: bool) -> None:
        self.worth = worth
        self.long = long
        self.size = 0
        self.asked = 0


class _Hold:
    """What a scope has bands in (``markets``), under which rules, and what they rest on.

    ``terms``, by market, are there only while the bands prove that the scope is healthy; they are
    at ``working`` decimals and worth nothing at others.
    """

    __slots__ = ("markets", "rules", "terms", "working")

    def __init__(
        self,
        rules: ClassRules,
        markets: list[int],
        working: int = 0,
        terms: dict[int, _Term] | None = None,
    ) -> None:
        self.rules = rules
        self.markets = markets
        self.working = working
        self.terms = terms


class BandedWatch:
    """Examines the scopes whose band the mark left, and no others."""

    __slots__ = ("_edges", "_holds", "examinations")

    def __init__(self) -> None:
        self._edges: dict[int, _Edges] = {}
        self._holds: dict[tuple[int, int], _Hold] = {}
        self.examinations = 0

    def on_mark(self, market: Market, before: int) -> Iterable[Scope]:
        """Return the scopes whose band does not contain the new mark; at a first mark, all."""
        if not before:
            return market.affected()
        edges = self._edges.get(market.ordinal)
        if edges is None:
            return []
        left = edges.left_by(market.mark)
        for account in left:
            self._holds[account, market.asset].terms = None
        found = (market.affected_by(account) for account in left)
        return [scope for scope in found if scope is not None]

    def holds(self, book: Book, scope: Scope) -> bool:
        """Whether a test of ``scope`` is bound to find it as healthy as the last one did.

        It is when the scope, with the cash and positions it has now, could meet every boundary
        even with all marks at the losing edges of their bands: within them it is only better off.
        """
        hold = self._holds.get((scope.account, scope.asset))
        if hold is None or hold.terms is None or hold.rules is not scope.rules:
            return False
        if scope.stays or scope.auctions or scope.unsold:
            # A test is what ends them; health alone says nothing of that.
            return False
        terms, positions = hold.terms, scope.positions
        asset = book.assets[scope.asset]
        if len(terms) != len(positions) or hold.working != asset.working:
            return False
        equity, asked = scope.cash * asset.lift, 0
        for ordinal, position in positions.items():
            term = terms.get(ordinal)
            size = position.size
            if term is None or (size > 0) != term.long:
                return False
            market = book.markets[ordinal]
            value = size * term.worth
            if term.size != size:
                term.size = size
                term.asked = hold.rules.most_asked(ordinal, abs(value) // RATE_SCALE, asset.working)
            asked += term.asked
            equity += value - position.cost * asset.lift
            owed = position.accrued
            index = market.index_of(size)
            if index != position.index_at:
                owed -= size * (index - position.index_at)
            if owed:
                equity += owed * market.funding_lift
        return bool(equity * RATE_SCALE > asked)

    def examined(self, book: Book, scope: Scope, now: Measure) -> None:
        """Set the bands of ``scope`` from what its test found."""
        self.examinations += 1
        key = (scope.account, scope.asset)
        old = self._holds.pop(key, None)
        kept: list[int] = []
        if scope.rules is not None and bears_margin(book, scope, scope.rules):
            if _beyond_bounds(book, scope):
                hold = self._pin(book, scope, scope.rules)
            else:
                hold = self._set(book, scope, scope.rules, now)
            self._holds[key] = hold
            kept = hold.markets
        if old is not None:
            for ordinal in old.markets:
                if ordinal not in kept:
                    self._edges[ordinal].drop(scope.account)

    def _pin(self, book: Book, scope: Scope, rules: ClassRules) -> _Hold:
        """Have ``scope`` examined at every other mark of any market that its margin follows."""
        ordinals = {market.ordinal for market in margined_markets(book, scope)}
        policy = rules.collateral
        ordinals |= {rule.market for rule in policy.rules} if policy is not None else set()
        pinned = sorted(ordinal for ordinal in ordinals if ordinal and book.markets[ordinal].mark)
        for ordinal in pinned:
            mark = book.markets[ordinal].mark
            self._market(ordinal).put(scope.account, mark, mark)
        return _Hold(rules, pinned)

    def _set(self, book: Book, scope: Scope, rules: ClassRules, now: Measure) -> _Hold:
        if not rules.plain:
            return self._set_by_bounds(book, scope, rules, now)
        worse, better = _surpluses(scope, rules, now)
        moving: list[tuple[Market, bool]] = []
        weight = uncertain = 0
        monotone = True
        for ordinal, position in scope.positions.items():
            market = book.markets[ordinal]
            if market.mark:
                reach = rules.reach(ordinal)
                monotone = monotone and reach < RATE_SCALE
                size = position.size
                slope = abs(size) * (RATE_SCALE + reach)
                weight += slope * abs(market.worth)
                if market.payoff.uncertain:
                    uncertain += slope * market.payoff.uncertain * market.face_unit
                moving.append((market, size > 0))
        if uncertain:
            worse, better = _less(worse, uncertain), _less(better, uncertain)
        terms: dict[int, _Term] | None = None
        if not monotone:
            worse = better = _smaller(worse, better)
        elif (
            scope.status == "healthy" and worse is not None and len(moving) == len(scope.positions)
        ):
            worse -= worse // _RESERVE
            terms = {}
        for market, long in moving:
            down, up = (worse, better) if long else (better, worse)
            mark = market.mark
            low = None if down is None else market.payoff.lowest(mark, down, weight)
            high = None if up is None else market.payoff.highest(mark, up, weight)
            self._market(market.ordinal).put(scope.account, low, high)
            edge = low if long else high
            if terms is not None:
                # Without an edge the mark may go wherever it likes: an inverse contract ends at 0.
                terms[market.ordinal] = _Term(0 if edge is None else market.worth_at(edge), long)
        working = book.assets[scope.asset].working
        return _Hold(rules, [market.ordinal for market, _ in moving], working, terms)

    def _set_by_bounds(self, book: Book, scope: Scope, rules: ClassRules, now: Measure) -> _Hold:
        """Set bands from what each operator vouches for, the same in both directions."""
        asset = book.assets[scope.asset]
        budget = _smaller(*_surpluses(scope, rules, now))
        policy = rules.collateral
        # A requirement that counts inside a weight, as well as beside it, moves a surplus by both.
        inside = 0 if policy is None or not policy.nested else policy.steepest + RATE_SCALE
        bounds = {
            market.ordinal: _bound(rules, market, exposure_of(asset, market, scope), inside)
            for market in margined_markets(book, scope)
        }
        steepest, weight = RATE_SCALE, 0
        if rules.portfolio is not None:
            for ordinal in rules.portfolio.markets & scope.positions.keys():
                market = book.markets[ordinal]
                if market.mark:
                    bounds[ordinal] = always_examine(exposure_of(asset, market, scope))
        if policy is not None:
            steepest = policy.steepest
            roundings = len(scope.positions) + len(scope.orders) + len(policy.rules) + 1
            budget = _less(budget, roundings * policy.own_steepest)
            for rule in policy.rules:
                weight += abs(value_of(book, scope, rule)) * rule.steepest
                if book.markets[rule.market].mark:
                    bounds.setdefault(rule.market, Bound(0))
        markets = [book.markets[ordinal] for ordinal in sorted(bounds)]
        for market in markets:
            bound, position = bounds[market.ordinal], scope.positions.get(market.ordinal)
            held = 0 if position is None else abs(position.size)
            weight += held * abs(market.worth) * steepest + bound.steep
            # What a truncated face leaves open moves the value, and the requirement in proportion.
            digit = market.payoff.uncertain * market.face_unit
            uncertain = held * digit * steepest - -bound.steep * digit // max(abs(market.worth), 1)
            budget = _less(budget, uncertain + bound.slack)
        for market in markets:
            bound = bounds[market.ordinal]
            mark = market.mark
            low, high = market.marks_within(bound.low, bound.high)
            if budget is not None and weight:
                low = max(low, market.payoff.lowest(mark, min(budget, weight), weight))
                highest = market.payoff.highest(mark, budget, weight)
                high = highest if high is None else min(high, high if highest is None else highest)
            self._market(market.ordinal).put(scope.account, low, high)
        return _Hold(rules, [market.ordinal for market in markets])

    def _market(self, ordinal: int) -> _Edges:
        edges = self._edges.get(ordinal)
        if edges is None:
            edges = self._edges[ordinal] = _Edges()
        return edges


def _beyond_bounds(book: Book, scope: Scope) -> bool:
    """Whether no bound holds for the scope, so that it has to be examined at every mark.

    That is while a trigger price may spare it (what its test finds depends on surpluses at other
    prices than marks), while a contract of it is worth less than the last digit that is kept, and
    where alerts look at figures that no boundary guards.
    """
    if scope.rules is not None and scope.rules.alerts is not None:
        return True
    for ordinal in scope.positions if not scope.orders else {**scope.positions, **scope.orders}:
        market = book.markets[ordinal]
        if not market.worth and market.mark:
            return True
        if scope.status == "liquidation" and "trigger" in market.feed.values:
            return True
    return False


def _bound(rules: ClassRules, market: Market, at: Exposure, inside: int) -> Bound:
    """Return how far any boundary may change with the market's mark, amounts × RATE_SCALE.

    ``inside`` is added to every boundary's factor.
    """
    total = Bound(0)
    schedule = rules.schedule(market.ordinal)
    if schedule is None:
        return total
    for place, operator in enumerate(schedule.operators):
        factor = rules.factor(place)
        if operator is None or not factor:
            continue
        factor += inside
        bound = operator.bound(at)
        steep, slack = (
            max(total.steep, bound.steep * factor),
            max(total.slack, bound.slack * factor),
        )
        total = total.narrowed(bound, steep, slack)
    return total


def _less(surplus: int | None, uncertain: int) -> int | None:
    return None if surplus is None else max(surplus - uncertain, 0)


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
    surpluses = [equity]
    for place, factor in rules.boundaries:
        counted = now.counted(place) * RATE_SCALE if now.haircuts else equity
        surpluses.append(counted - factor * now.asked(place))
    if scope.call is not None:
        surpluses.append(-RATE_SCALE * short_of(rules, scope.call, now))
    worse = min([surplus for surplus in surpluses if surplus >= 0], default=None)
    better = max([surplus for surplus in surpluses if surplus <= 0], default=None)
    return (
        None if worse is None else max(worse - 1, 0),
        None if better is None else max(-better - 1, 0),
    )
