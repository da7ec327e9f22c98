"""What a scope is worth and what is asked of it, exactly, at the working scale of its asset.

These are the functions that the tests of margin, the liquidation ladder and every explanation use:
pass a :class:`~clearing.quantities.Trace` and the same computation leaves its working. Nothing
here writes, and nothing is rounded.
"""

from collections.abc import Sequence

from clearing.engine.asset import Asset
from clearing.engine.book import Book
from clearing.engine.collateral import (
    collateral_value,
    haircut_lines,
    haircuts,
    own_haircut_lines,
    own_haircuts,
)
from clearing.engine.market import Market
from clearing.engine.nested import nested_haircuts, nested_lines
from clearing.engine.requirements import requirements
from clearing.engine.scope import Position, Scope
from clearing.engine.working import face_lines
from clearing.quantities import Trace
from clearing.rulebook import (
    INITIAL,
    MAINTENANCE,
    NO_LEVEL,
    RATE_SCALE,
    CollateralPolicy,
    Condition,
)


def position_value(market: Market, position: Position) -> int:
    """Return the position's value at the mark, signed, at the working scale."""
    return position.size * market.worth


def unrealised(asset: Asset, market: Market, position: Position) -> int:
    """Return value − cost at the working scale; 0 while the market has no mark."""
    if not market.mark:
        return 0
    return position.size * market.worth - position.cost * asset.lift


def accrued_funding(market: Market, position: Position) -> int:
    """Return accrued funding at the market's funding scale; positive: the holder is owed."""
    index = market.index_of(position.size)
    if index == position.index_at:
        return position.accrued
    return position.accrued - position.size * (index - position.index_at)


class Measure:
    """Equity and requirements of a scope at one moment, at its asset's working scale.

    ``equity`` is what the scope is worth: cash, collateral at full value, PnL. ``others`` are the
    requirements of the levels beyond initial and maintenance, ``haircuts`` what is taken off the
    equity at each level (empty: nothing), both in order of level.
    """

    __slots__ = ("equity", "haircuts", "initial", "maintenance", "others")

    def __init__(
        self,
        equity: int,
        initial: int,
        maintenance: int,
        others: Sequence[int] = (),
        haircuts: Sequence[int] = (),
    ) -> None:
        self.equity = equity
        self.initial = initial
        self.maintenance = maintenance
        self.others = others
        self.haircuts = haircuts

    def counted(self, place: int) -> int:
        """Return the equity that counts at a level (``NO_LEVEL``: all of it)."""
        if not self.haircuts or place == NO_LEVEL:
            return self.equity
        return self.equity - self.haircuts[place]

    def surplus(self, place: int) -> int:
        """Return by how much the equity that counts exceeds what the level asks."""
        return self.counted(place) - self.asked(place)

    def asked(self, place: int) -> int:
        """Return the requirement of the level at ``place`` (``NO_LEVEL``: nothing)."""
        if place == MAINTENANCE:
            return self.maintenance
        if place == INITIAL:
            return self.initial
        return 0 if place == NO_LEVEL else self.others[place - 2]

    def below(self, condition: Condition) -> bool:
        """Whether equity is below (or at, if inclusive) factor × the level's requirement."""
        place = condition.place
        left = (self.counted(place) if self.haircuts else self.equity) * RATE_SCALE
        right = condition.factor * (self.maintenance if place == MAINTENANCE else self.asked(place))
        return bool(left <= right if condition.inclusive else left < right)


def measure(book: Book, scope: Scope, trace: Trace | None = None) -> Measure:
    """Return equity and the requirements of ``scope``.

    Equity = cash + Σ (value − cost) + Σ accrued funding + collateral in other assets at its full
    value; requirements are 0 without rules. Where rules are plain and nobody asks for the working,
    both are computed in one pass.
    """
    rules = scope.rules
    if trace is not None or (rules is not None and not rules.plain):
        equity = equity_of(book, scope, trace)
        if rules is None:
            return Measure(equity, 0, 0)
        taken: list[int] = []
        if rules.collateral is not None:
            policy, gains = rules.collateral, gains_of(book, scope)
            equity += collateral_value(book, scope, policy, trace)
            own = _own_haircuts(book, scope, policy, gains)
            taken = haircuts(book, scope, policy, own)
            if trace is not None:
                lines = _own_working(book, scope, policy, gains)
                haircut_lines(book, scope, policy, taken, lines, trace)
        initial, maintenance, *others = requirements(book, scope, rules, trace)
        return Measure(equity, initial, maintenance, others, taken)
    asset = book.assets[scope.asset]
    working = asset.working
    equity = scope.cash * asset.lift
    initial = maintenance = 0
    markets = book.markets
    for ordinal, position in scope.positions.items():
        market = markets[ordinal]
        size = position.size
        accrued = position.accrued
        index = market.short_index if size < 0 else market.index
        if index != position.index_at:
            accrued -= size * (index - position.index_at)
        if accrued:
            equity += accrued * market.funding_lift
        if not market.mark:
            continue
        equity += size * market.worth - position.cost * asset.lift
        if rules is not None:
            schedule = rules.schedule(ordinal)
            if schedule is not None:
                base = abs(size) * market.base_worth
                initial += schedule.initial.asked(base, working)
                maintenance += schedule.maintenance.asked(base, working)
    return Measure(equity, initial, maintenance)


def equity_of(book: Book, scope: Scope, trace: Trace | None = None) -> int:
    """Return what the scope has in its own asset, at the working scale; leave the working.

    That is its cash, unrealised PnL and accrued funding; collateral in other assets is not in it.
    """
    asset = book.assets[scope.asset]
    equity = scope.cash * asset.lift
    lines = None
    if trace is not None:
        lines = trace.step("equity", "sum(inputs)", asset=scope.asset)
        lines.value("cash", scope.cash, asset.decimals)
    for ordinal in sorted(scope.positions):
        market, position = book.markets[ordinal], scope.positions[ordinal]
        gain = unrealised(asset, market, position)
        owed = accrued_funding(market, position) * market.funding_lift
        equity += gain + owed
        if lines is not None:
            unrealised_lines(lines, asset, market, position)
            name = f"accrued funding {market.spec.name}"
            accrued_lines(lines, name, market, position).finish(owed, asset.working)
    if lines is not None:
        lines.finish(equity, asset.working)
    return equity


def _own_haircuts(
    book: Book, scope: Scope, policy: CollateralPolicy, gains: dict[int, int]
) -> list[int]:
    if policy.nested:
        return nested_haircuts(book, scope, policy, gains)
    lift = book.assets[scope.asset].lift
    return own_haircuts(policy, scope.cash * lift, gains.values(), lift)


def _own_working(
    book: Book, scope: Scope, policy: CollateralPolicy, gains: dict[int, int]
) -> list[Trace]:
    if policy.nested:
        return nested_lines(book, scope, policy, gains)
    asset = book.assets[scope.asset]
    named = {book.markets[ordinal].spec.name: gain for ordinal, gain in gains.items()}
    cash = scope.cash * asset.lift
    return own_haircut_lines(policy, cash, named, asset.lift, asset.working)


def gains_of(book: Book, scope: Scope) -> dict[int, int]:
    """Return each position's unrealised PnL with accrued funding, at the working scale."""
    asset = book.assets[scope.asset]
    found = {}
    for ordinal in sorted(scope.positions):
        market, position = book.markets[ordinal], scope.positions[ordinal]
        owed = accrued_funding(market, position) * market.funding_lift
        found[ordinal] = unrealised(asset, market, position) + owed
    return found


def accrued_lines(trace: Trace, name: str, market: Market, position: Position) -> Trace:
    """Leave the working of what a position has accrued, and return it to be finished."""
    formula = "accrued_at_touch - size * (index - index_at_touch)"
    accrued = trace.step(name, formula, market=market.ordinal)
    accrued.value("accrued at touch", position.accrued, market.accrued_decimals)
    accrued.value("size", position.size, market.spec.size_decimals)
    accrued.value("index", market.index_of(position.size), market.index_decimals)
    accrued.value("index at touch", position.index_at, market.index_decimals)
    return accrued


def unrealised_lines(trace: Trace, asset: Asset, market: Market, position: Position) -> None:
    """Leave the working of a position's unrealised PnL."""
    spec, name = market.spec, f"unrealised {market.spec.name}"
    if not market.mark:
        child = trace.step(name, "0", market=market.ordinal)
        child.value("mark", 0, 0, "no mark yet")
        child.finish(0, 0)
        return
    child = trace.step(name, "size * value_of_one - cost", market=market.ordinal)
    child.value("size", position.size, spec.size_decimals)
    face_lines(child, market, market.mark)
    child.value("cost", position.cost, asset.decimals)
    child.finish(unrealised(asset, market, position), asset.working)
