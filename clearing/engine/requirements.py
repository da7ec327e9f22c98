"""What the rules ask of a scope's positions and open orders, level by level.

A position becomes an :class:`~clearing.rulebook.Exposure`, the operators of its market's schedule
ask, and sums over markets (or the binding's minimum, if that is more) are the scope's requirement.
Nothing here writes.
"""

from clearing.engine.asset import Asset
from clearing.engine.book import Book
from clearing.engine.collateral import owes
from clearing.engine.market import Market
from clearing.engine.portfolio import portfolio_charge
from clearing.engine.scope import Position, Scope
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Trace
from clearing.rulebook import RATE_SCALE, ClassRules, Exposure
from clearing.rulebook.portfolio import Portfolio

_NOTHING = Position()


def exposure_of(asset: Asset, market: Market, scope: Scope) -> Exposure:
    """Return what margin sees of a scope in a market: its position, orders and leverage."""
    position = scope.positions.get(market.ordinal, _NOTHING)
    buys, sells = scope.orders.get(market.ordinal, (0, 0))
    return Exposure(
        abs(position.size),
        position.size >= 0,
        market.base_worth,
        abs(position.cost) * asset.lift // RATE_SCALE,
        market.spec.size_decimals,
        asset.working,
        asset.lift,
        scope.leverages.get(market.ordinal, 0),
        buys,
        sells,
        market.open_interest,
        coming=market.coming * market.funding_lift,
        depth=market.depth,
        volatility=0 if market.volatility is None else market.volatility.rate,
    )


def margined_markets(book: Book, scope: Scope) -> list[Market]:
    """Return the markets with a mark in which the scope has a position or orders, in order."""
    ordinals = {**scope.positions, **scope.orders} if scope.orders else scope.positions
    markets = (book.markets[ordinal] for ordinal in sorted(ordinals))
    return [market for market in markets if market.mark]


def _add_portfolio(
    book: Book,
    scope: Scope,
    portfolio: Portfolio,
    totals: list[int],
    nodes: list[Trace] | None,
) -> None:
    """Add to each level what the portfolio schedule asks of the scope's positions together."""
    charge = portfolio_charge(book, scope, portfolio)
    working = book.assets[scope.asset].working
    for place, factor in portfolio.factors:
        amount = -(-charge * factor // RATE_SCALE)
        totals[place] += amount
        if nodes is not None:
            step = nodes[place].step("portfolio", f"up(factor * groups, {working})")
            step.value("factor", factor, RATE_DECIMALS)
            portfolio_charge(book, scope, portfolio, step.step("groups", "sum(inputs)"))
            step.inputs[-1].finish(charge, working)
            step.finish(amount, working)


def requirement_of(book: Book, scope: Scope, place: int, market: Market) -> int:
    """Return what the level at ``place`` asks for the scope's position in one market.

    Where only a portfolio schedule covers the market, which has no part for one position, it is the
    notional.
    """
    rules = scope.rules
    if rules is not None and rules.portfolio is not None and rules.by_portfolio(market.ordinal):
        return abs(scope.positions.get(market.ordinal, _NOTHING).size * market.worth)
    schedule = None if rules is None else rules.schedule(market.ordinal)
    if schedule is None or not market.mark:
        return 0
    operator = schedule.operators[place]
    if operator is None:
        return 0
    return operator.requirement(exposure_of(book.assets[scope.asset], market, scope))


def requirements(
    book: Book, scope: Scope, rules: ClassRules, trace: Trace | None = None
) -> list[int]:
    """Return the scope's requirement of every level, in order of place."""
    asset = book.assets[scope.asset]
    totals = [0] * len(rules.levels)
    nodes = None
    if trace is not None:
        nodes = [Trace("positions", "sum(inputs)") for _ in rules.levels]
    for market in margined_markets(book, scope):
        schedule = rules.schedule(market.ordinal)
        if schedule is None:
            continue
        at = exposure_of(asset, market, scope)
        for place, operator in enumerate(schedule.operators):
            if operator is None:
                continue
            step = None
            level = rules.levels[place]
            if nodes is not None:
                name = f"{level} {market.spec.name}"
                step = nodes[place].step(name, "sum(inputs)", market=market.ordinal)
            amount = operator.requirement(at, step)
            totals[place] += amount
            if step is not None:
                step.finish(amount, at.working, f"schedules.{schedule.name}.{level}")
    if rules.portfolio is not None:
        _add_portfolio(book, scope, rules.portfolio, totals, nodes)
    positions = list(totals)
    minima = {place: units for place, units in rules.minima if scope.positions}
    for place, units in minima.items():
        totals[place] = max(totals[place], units * asset.lift)
    if trace is not None and nodes is not None:
        for place, node in enumerate(nodes):
            whole = trace.step(rules.levels[place], "max(inputs)")
            node.finish(positions[place], asset.working)
            whole.inputs.append(node)
            if place in minima:
                whole.value("minimum of the binding", minima[place], asset.decimals)
            whole.finish(totals[place], asset.working)
    return totals


def bears_margin(book: Book, scope: Scope, rules: ClassRules) -> bool:
    """Whether anything may be asked of the scope: positions, orders that count, or debts."""
    if scope.positions:
        return True
    if rules.plain:
        return False
    return bool(scope.orders) or (
        rules.collateral is not None and owes(book, scope, rules.collateral)
    )
