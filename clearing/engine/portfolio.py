"""What a portfolio schedule asks: the worst loss of a scope's positions over joint scenarios.

Losses are positive. A market with a published risk array loses what the array says; another one is
revalued at its moved price, which is not rounded to marks: so a requirement has no jumps. An option
without an array that fits the group's scenarios loses its whole value in every one of them.
"""

from clearing.engine.asset import Asset
from clearing.engine.book import Book
from clearing.engine.market import Market
from clearing.engine.scope import Scope
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Trace
from clearing.rulebook import RATE_SCALE
from clearing.rulebook.portfolio import Portfolio, PortfolioGroup


def portfolio_charge(
    book: Book, scope: Scope, portfolio: Portfolio, trace: Trace | None = None
) -> int:
    """Return the sum of the groups' charges at the working scale; leave the working."""
    asset = book.assets[scope.asset]
    total = 0
    for group in portfolio.groups:
        held = [
            market
            for members in group.classes
            for market in members.markets
            if market in scope.positions and book.markets[market].mark
        ]
        if not held:
            continue
        charge, worst = _charge(book, scope, group)
        total += charge
        if trace is not None:
            step = trace.step(f"group {group.name}", "max over scenarios of losses less offsets")
            step.value("worst scenario (from 1)", worst + 1, 0)
            _greeks(book, scope, held, step)
            step.finish(charge, asset.working)
    return total


def _charge(book: Book, scope: Scope, group: PortfolioGroup) -> tuple[int, int]:
    """Return what a group asks and the place of its worst scenario."""
    totals = [0] * len(group.moves)
    gross = 0
    for members in group.classes:
        sums = [0] * len(group.moves)
        for ordinal in members.markets:
            market = book.markets[ordinal]
            position = scope.positions.get(ordinal)
            if position is None or not market.mark:
                continue
            gross += abs(position.size) * market.base_worth
            losses = _losses(market, position.size, group.moves)
            sums = [held + loss for held, loss in zip(sums, losses, strict=True)]
        for place, loss in enumerate(sums):
            # A gain counts by its offset, rounded against the account.
            totals[place] += loss if loss > 0 else -(-loss * members.offset // RATE_SCALE)
    worst = max(range(len(totals)), key=lambda place: (totals[place], -place))
    return max(totals[worst], gross * group.floor, 0), worst


def _losses(market: Market, size: int, moves: list[int]) -> list[int]:
    array = market.risk.losses if market.risk is not None else ()
    if len(array) == len(moves):
        unit = size * market.spec.multiplier * market.face_unit
        return [loss * unit for loss in array]
    if market.spec.payoff == "option":
        return [abs(size * market.worth)] * len(moves)
    worth = market.worth
    return [size * (worth - market.payoff.moved(worth, move)) for move in moves]


def _greeks(book: Book, scope: Scope, held: list[int], trace: Trace) -> None:
    """Sum what producers said of Greeks, at 12 decimals beyond those of sizes."""
    for name in ("delta", "gamma", "vega", "theta"):
        finest = max(book.markets[ordinal].spec.size_decimals for ordinal in held)
        total, told = 0, False
        for ordinal in held:
            market = book.markets[ordinal]
            greek = None if market.risk is None else market.risk.greeks.get(name)
            if greek is not None:
                lift = 10 ** (finest - market.spec.size_decimals)
                total, told = total + scope.positions[ordinal].size * greek * lift, True
        if told:
            trace.value(name, total, finest + RATE_DECIMALS)


def fits(asset: Asset, market: Market, scenarios: int) -> int | None:
    """Return how many scenarios the asset's rulebook has for the market if it is not so many."""
    if asset.rulebook is None:
        return None
    for rules in asset.rulebook.classes.values():
        portfolio = rules.portfolio
        expected = None if portfolio is None else portfolio.scenarios.get(market.ordinal)
        if expected is not None and expected != scenarios:
            return expected
    return None
